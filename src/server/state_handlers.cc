#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"
#include "jobs/log_file.h"
#include "jobs/sqlite.h"
#include "jobs/upkeep.h"
#include "server/handlers.h"

namespace weir::server {

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
