#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"
#include "incident/relations.h"
#include "jobs/log_file.h"
#include "jobs/read.h"
#include "jobs/sqlite.h"
#include "jobs/upkeep.h"
#include "server/handlers.h"

namespace weir::server {

namespace {

// A table as its warehouse knows it, unless more is known here. Returns whether it was news.
Result<bool> find_table(jobs::Change& change, Json const& table, std::string const& who) {
  WEIR_TRY(auto const known, incident::find_relation(change.database, text_at(table, "target")));
  auto const read_at = parse_utc(text_at(table, "read_at"));
  // What the warehouse tells is when it was published: known here is when it was read, and when that was told.
  bool const is_known = known && std::max(known->data_at, known->made_at) >= read_at;
  if (text_at(table, "target").empty() || !read_at || is_known) return false;
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

// That warehouses have seen of this state's jobs: "state 3f9c01aa: connection "shop"".
std::int64_t highest_token(Json const& body, std::string const& instance) {
  std::int64_t highest = 0;
  if (auto const fences = body.find("fences"); fences != body.end() && fences->is_array())
    for (auto const& one : *fences)
      if (text_at(one, "scope").starts_with(fmt::format("state {}: ", instance)))
        highest = std::max(highest, number_at(one, "token"));
  return highest;
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
    // A state has a name from its first event on: one that is new has given no token.
    auto const instance = jobs::instance_of(change.database);
    if (instance.ok()) {
      WEIR_DO(jobs::go_on_behind(change.database, highest_token(body, *instance)));
    }
    WEIR_TRY(counters, jobs::read_counters(change.database));
    jobs::NewEvent event;
    event.kind = "weir.state.rebuilt";
    event.data = json_line(Json{{"tables", found}, {"jobs_go_on_after", counters.job}});
    WEIR_DO(change.append(event, request.caller.actor()));
    return {};
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
