#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"
#include "incident/relations.h"
#include "jobs/log_file.h"
#include "jobs/sqlite.h"
#include "jobs/upkeep.h"
#include "server/handlers.h"

namespace weir::server {

namespace {

// A table as its warehouse knows it, unless more is known here. Returns whether it was news.
Result<bool> find_table(jobs::Change& change, Json const& table, std::string const& who) {
  WEIR_TRY(auto const known, incident::find_relation(change.database, text_at(table, "target")));
  auto const read_at = parse_utc(text_at(table, "read_at"));
  if (text_at(table, "target").empty() || !read_at || (known && known->data_at && *known->data_at >= *read_at))
    return false;
  jobs::NewEvent event;
  event.kind = "weir.table.found";
  event.object = text_at(table, "target");
  event.data = json_line(Json{{"connection", text_at(table, "connection")},
                              {"stream", text_at(table, "stream")},
                              {"outcome", "published"},
                              {"of_job", text_at(table, "of_job")},
                              {"read_at", text_at(table, "read_at")}});
  auto const written = change.append(event, who);
  if (!written.ok()) return written.error().clone();
  return true;
}

}  // namespace

Result<Json> Handlers::back_up_state() {
  std::error_code failed;
  std::filesystem::create_directories(api.backups, failed);
  WEIR_TRY(auto const now, api.store.now());
  // A name for each copy, in their order.
  std::string const stamp = compact_time(now);
  auto file = api.backups / fmt::format("state-{}.db", stamp);
  for (int n = 2; std::filesystem::exists(file, failed); ++n)
    file = api.backups / fmt::format("state-{}-{}.db", stamp, n);
  WEIR_DO(api.store.look([&](jobs::Database& database) { return jobs::back_up_sqlite(database, file); }));
  return Json{{"file", file.string()}};
}

Result<Json> Handlers::rebuild_state() {
  auto const body = parse_json(request.body);
  auto const tables = body.is_object() ? body.value("tables", Json()) : Json();
  if (!tables.is_array()) return Error(ErrorKind::Usage, "\"tables\" is a list of tables");
  std::int64_t found = 0;
  jobs::Counters counters;
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    found = 0;
    for (auto const& table : tables) {
      WEIR_TRY(bool const is_news, find_table(change, table, request.caller.actor()));
      found += is_news ? 1 : 0;
    }
    WEIR_DO(jobs::raise_counter(change.database, "job", number_at(body, "job")));
    WEIR_TRY(counters, jobs::read_counters(change.database));
    jobs::NewEvent event;
    event.kind = "weir.state.rebuilt";
    event.data = json_line(Json{{"tables", found}, {"jobs_go_on_after", counters.job}});
    auto const written = change.append(event, request.caller.actor());
    return written.ok() ? Status() : Status(written.error().clone());
  }));
  return Json{{"tables", found}, {"next_job", counters.job + 1}};
}

Result<Json> Handlers::prune_state() {
  auto const body = parse_json(request.body);
  auto const seconds = number_at(body, "older_than_s");
  if (seconds <= 0) return Error(ErrorKind::Usage, "\"older_than_s\" is a number of seconds");
  bool const only_count = flag_at(body, "dry_run");
  jobs::Pruned pruned;
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(pruned, jobs::prune(change, change.now - std::chrono::seconds(seconds), only_count));
    return {};
  }));
  std::int64_t logs = 0;
  std::error_code failed;
  for (auto const& entry : std::filesystem::directory_iterator(api.logs, failed)) {
    auto const job = jobs::job_of_log(entry.path().filename().string());
    if (!std::binary_search(pruned.jobs.begin(), pruned.jobs.end(), job)) continue;
    ++logs;
    if (!only_count) std::filesystem::remove(entry.path(), failed);
  }
  return Json{{"jobs", pruned.jobs.size()}, {"events", pruned.events}, {"logs", logs}};
}

}  // namespace weir::server
