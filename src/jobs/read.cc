#include "jobs/read.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "base/time_text.h"

namespace weir::jobs {
std::string_view const kJobColumns =
    "id, name, state, cause, actor, definition, parent, slot_local, slot_at, created_at, run_at, started_at, "
    "finished_at, "
    "attempts, uncounted, waiting, resume, cancelled_by, worker, token, hurried";

std::string_view const kEventColumns = "seq, at, actor, kind, object, job, attempt, data, hash";

Job job_of(Rows const& rows, std::size_t row) {
  Job job;
  job.id = rows.number(row, 0);
  job.name = rows.text(row, 1);
  job.state = job_state(rows.text(row, 2)).value_or(JobState::Failed);
  job.cause = rows.text(row, 3);
  job.actor = rows.text(row, 4);
  job.definition = definition_from(parse_json(rows.text(row, 5)));
  job.parent = rows.maybe_number(row, 6);
  job.slot_local = rows.text(row, 7);
  job.slot_at = rows.maybe_instant(row, 8);
  job.created_at = rows.instant(row, 9);
  job.run_at = rows.instant(row, 10);
  job.started_at = rows.maybe_instant(row, 11);
  job.finished_at = rows.maybe_instant(row, 12);
  job.attempts = static_cast<int>(rows.number(row, 13));
  job.uncounted = static_cast<int>(rows.number(row, 14));
  job.waiting = rows.text(row, 15);
  job.resume = rows.text(row, 16);
  job.cancelled_by = rows.text(row, 17);
  job.worker = rows.text(row, 18);
  job.token = rows.number(row, 19);
  job.is_hurried = rows.number(row, 20) != 0;
  return job;
}

Event event_of(Rows const& rows, std::size_t row) {
  Event event;
  event.seq = rows.number(row, 0);
  event.at = rows.instant(row, 1);
  event.actor = rows.text(row, 2);
  event.kind = rows.text(row, 3);
  event.object = rows.text(row, 4);
  event.job = rows.maybe_number(row, 5);
  if (auto const attempt = rows.maybe_number(row, 6); attempt) event.attempt = static_cast<int>(*attempt);
  event.data = rows.text(row, 7);
  event.hash = rows.text(row, 8);
  return event;
}

Result<Job> read_job(Database& database, std::int64_t id) {
  WEIR_TRY(auto const rows, database.query(fmt::format("SELECT {} FROM job WHERE id = $1", kJobColumns), {id}));
  if (!rows.empty()) return job_of(rows, 0);
  WEIR_TRY(auto const range, database.query("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM job"));
  Error error(ErrorKind::Usage, fmt::format("job {} does not exist", id));
  if (range.number(0, 1) == 0) return std::move(error).next("no job has run yet; weir run JOB makes one");
  return std::move(error).next(
      fmt::format("there are {} to {}; weir job ls lists them", range.number(0, 0), range.number(0, 1)));
}

Result<std::vector<Attempt>> read_attempts(Database& database, std::int64_t job) {
  WEIR_TRY(auto const rows,
           database.query("SELECT n, state, worker, started_at, ended_at, class, error, published, rows FROM attempt "
                          "WHERE job = $1 ORDER BY n",
                          {job}));
  std::vector<Attempt> attempts;
  for (std::size_t i = 0; i < rows.size(); ++i)
    attempts.push_back(Attempt{job, static_cast<int>(rows.number(i, 0)), rows.text(i, 1), rows.text(i, 2),
                               rows.instant(i, 3), rows.maybe_instant(i, 4), rows.text(i, 5), rows.text(i, 6),
                               rows.number(i, 7), rows.number(i, 8)});
  return attempts;
}

Result<std::vector<Event>> read_events(Database& database, std::int64_t after, std::optional<std::int64_t> job,
                                       int most) {
  WEIR_TRY(
      auto const rows,
      database.query(fmt::format("SELECT {} FROM event WHERE seq > $1 AND ($2 = 0 OR job = $2) ORDER BY seq LIMIT $3",
                                 kEventColumns),
                     {after, job.value_or(0), most}));
  std::vector<Event> events;
  for (std::size_t i = 0; i < rows.size(); ++i) events.push_back(event_of(rows, i));
  return events;
}

Result<std::vector<Circuit>> read_circuits(Database& database) {
  WEIR_TRY(auto const rows,
           database.query("SELECT endpoint, failures, opened_at, since, pause, next_try, probe, job FROM circuit ORDER "
                          "BY endpoint"));
  std::vector<Circuit> circuits;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Circuit one{.endpoint = rows.text(i, 0),
                .failures = {},
                .opened_at = rows.maybe_instant(i, 2),
                .since = rows.instant(i, 3),
                .pause = Duration(rows.number(i, 4)),
                .next_try = rows.instant(i, 5),
                .probe = rows.number(i, 6),
                .job = rows.number(i, 7)};
    for (auto const& at : parse_json(rows.text(i, 1))) one.failures.emplace_back(Duration(at.get<std::int64_t>()));
    circuits.push_back(std::move(one));
  }
  return circuits;
}

Result<std::string> instance_of(Database& database) {
  constexpr std::string_view kKnown = "SELECT value FROM meta WHERE name = 'instance'";
  WEIR_TRY(auto known, database.query(kKnown));
  if (!known.empty()) return known.text(0, 0);
  WEIR_TRY(auto const first, database.query("SELECT hash FROM event ORDER BY seq LIMIT 1"));
  if (first.empty()) return Error(ErrorKind::Internal, "a state without an event was asked for its name");
  std::string name = sha256_hex(first.text(0, 0)).substr(0, 8);
  WEIR_TRY(auto const done, database.query("INSERT INTO meta (name, value) VALUES ('instance', $1)", {name}));
  return name;
}

namespace {
using Json = nlohmann::ordered_json;
}  // namespace

nlohmann::ordered_json event_json(Event const& event) {
  return Json{{"seq", event.seq},
              {"at", iso_text(event.at)},
              {"actor", event.actor},
              {"kind", event.kind},
              {"object", event.object},
              {"job", event.job ? Json(*event.job) : Json()},
              {"attempt", event.attempt ? Json(*event.attempt) : Json()},
              {"data", parse_json(event.data)},
              {"hash", event.hash}};
}

}  // namespace weir::jobs
