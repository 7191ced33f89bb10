#include "jobs/upkeep.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace weir::jobs {
namespace {

// Tokens say who claimed last: those given since the copy was made are never met again.
constexpr std::int64_t kTokenGap = 1000;
// And jobs that never came to a warehouse; each that did has taken a token.
constexpr std::int64_t kJobGap = 100;

// Jobs that nothing needs any more.
constexpr std::string_view kOldJobs =
    "state IN ('failed', 'succeeded', 'cancelled') AND finished_at < $1 AND id NOT IN (SELECT max(id) FROM job GROUP "
    "BY "
    "name) AND id NOT IN (SELECT i.job FROM incident_job i JOIN incident n ON n.id = i.incident WHERE n.state <> "
    "'resolved')";

// The first event that is still needed.
Result<std::int64_t> first_needed(Database& database, Instant before) {
  WEIR_TRY(
      auto const rows,
      database.query("SELECT coalesce((SELECT min(seq) FROM event WHERE at >= $1), (SELECT max(seq) FROM event), 0), "
                     "coalesce((SELECT min(stale_cause) FROM relation), 9223372036854775807), coalesce((SELECT "
                     "min(e.seq) FROM event e JOIN incident_job i ON i.job = e.job JOIN incident n ON n.id = "
                     "i.incident WHERE n.state <> 'resolved'), 9223372036854775807)",
                     {before}));
  return std::min({rows.number(0, 0), rows.number(0, 1), rows.number(0, 2)});
}

}  // namespace

Result<Counters> read_counters(Database& database) {
  WEIR_TRY(auto const rows, database.query("SELECT name, value FROM counter"));
  Counters found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const name = rows.text(i, 0);
    if (name == "job") found.job = rows.number(i, 1);
    if (name == "token") found.token = rows.number(i, 1);
    if (name == "incident") found.incident = rows.number(i, 1);
    if (name == "message") found.message = rows.number(i, 1);
  }
  return found;
}

Status raise_counter(Database& database, std::string const& name, std::int64_t value) {
  WEIR_DO(database.query("UPDATE counter SET value = $2 WHERE name = $1 AND value < $2", {name, value}));
  return {};
}

Status go_on_behind(Database& database, std::int64_t token) {
  WEIR_TRY(auto const known, read_counters(database));
  if (token <= known.token) return {};
  WEIR_DO(raise_counter(database, "job", known.job + (token - known.token) + kJobGap));
  return raise_counter(database, "token", token + kTokenGap);
}

Status take_over(std::unique_ptr<Database> copy, Counters const& known, std::string const& who) {
  WEIR_TRY(auto store, Store::open(std::move(copy), "weir"));
  return store->transact([&](Change& change) -> Status {
    for (auto const& [name, value] : {std::pair<char const*, std::int64_t>{"job", known.job},
                                      {"token", known.token + kTokenGap},
                                      {"incident", known.incident},
                                      {"message", known.message}}) {
      WEIR_DO(raise_counter(change.database, name, value));
    }
    // Those that have ended since the copy was made would go on.
    WEIR_DO(change.database.query("DELETE FROM login", {}));
    NewEvent event;
    event.kind = "weir.state.restored";
    event.data = json_line({{"jobs_go_on_after", known.job}});
    WEIR_DO(change.append(event, who));
    return {};
  });
}

Result<Pruned> prune(Change& change, Instant before, bool only_count) {
  auto& database = change.database;
  Pruned pruned;
  WEIR_TRY(auto const old, database.query(fmt::format("SELECT id FROM job WHERE {} ORDER BY id", kOldJobs), {before}));
  for (std::size_t i = 0; i < old.size(); ++i) pruned.jobs.push_back(old.number(i, 0));
  WEIR_TRY(auto const needed, first_needed(database, before));
  WEIR_TRY(auto const events, database.query("SELECT count(*) FROM event WHERE seq < $1", {needed}));
  pruned.events = events.number(0, 0);
  if (only_count) return pruned;
  WEIR_DO(database.query("DELETE FROM event WHERE seq < $1", {needed}));
  WEIR_DO(database.query("DELETE FROM dependent WHERE gone < $1", {needed}));
  for (auto const id : pruned.jobs) {
    WEIR_DO(database.query("DELETE FROM attempt WHERE job = $1", {id}));
    WEIR_DO(database.query("DELETE FROM job WHERE id = $1", {id}));
  }
  WEIR_DO(database.query("DELETE FROM slot WHERE at < $1", {before}));
  WEIR_DO(database.query("DELETE FROM worker WHERE last_seen < $1", {before}));
  constexpr std::string_view kOldIncidents = "SELECT id FROM incident WHERE state = 'resolved' AND resolved_at < $1";
  for (auto const* table : {"incident_job", "incident_relation", "outbox"}) {
    WEIR_DO(database.query(fmt::format("DELETE FROM {} WHERE incident IN ({})", table, kOldIncidents), {before}));
  }
  WEIR_DO(database.query(fmt::format("DELETE FROM incident WHERE id IN ({})", kOldIncidents), {before}));
  NewEvent event;
  event.kind = "weir.state.pruned";
  event.data = json_line({{"jobs", pruned.jobs.size()}, {"events", pruned.events}});
  WEIR_DO(change.append(event, "weir"));
  return pruned;
}

}  // namespace weir::jobs
