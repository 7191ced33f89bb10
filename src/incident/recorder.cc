#include "incident/recorder.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "incident/notices.h"
#include "incident/outbox.h"
#include "jobs/read.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Event;

// When the work began that the job is the last part of: what an earlier one did, and this one only went on with,
// counts. Nothing for a job that does a part of its steps alone.
Result<std::optional<Instant>> began(Change& change, jobs::Job const& job) {
  jobs::Job one = job;
  for (int i = 0; i < 100; ++i) {
    WEIR_TRY(auto const rows,
             change.database.query("SELECT data FROM event WHERE job = $1 AND kind = 'weir.job.queued'", {one.id}));
    if (rows.empty() || !flag_at(parse_json(rows.text(0, 0)), "goes_on"))
      return std::optional(one.started_at.value_or(one.created_at));
    if (!one.parent) return std::optional<Instant>();
    auto parent = jobs::read_job(change.database, *one.parent);
    if (!parent.ok()) break;  // it was pruned
    one = std::move(*parent);
  }
  return std::optional<Instant>();
}

// What the job's failure left stale, and everything below it.
Result<std::vector<Reached>> concerned(Change& change, std::int64_t job) {
  WEIR_TRY(auto const rows,
           change.database.query("SELECT r.name FROM relation r JOIN event e ON e.seq = r.stale_cause WHERE e.job = $1 "
                                 "ORDER BY r.kind DESC, r.name",
                                 {job}));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.size(); ++i) names.push_back(rows.text(i, 0));
  WEIR_TRY(auto found, reach(change.database, names, true));
  for (auto& one : found) {
    WEIR_TRY(one.relation.data_at, data_time(change.database, one.relation));
  }
  return found;
}

}  // namespace

Status Recorder::follow(Change& change, Event const& event) {
  if (event.kind.starts_with("weir.table.")) {
    if (event.kind == "weir.table.late") return take_late(change, event);
    if (event.kind == "weir.table.altered") return {};
    return take_table(change, event);
  }
  if (event.kind.starts_with("weir.model.")) return take_model(change, event);
  if (event.kind == "weir.job.failed") return take_job_failure(change, event);
  if (event.kind == "weir.job.succeeded") return take_job_success(change, event);
  if (event.kind == "weir.run.by_hand") return tell_recovered(change);
  if (event.kind == "weir.schedule.missed") return take_missed(change, event);
  return {};
}

Status Recorder::take_job_failure(Change& change, Event const& event) {
  if (!event.job) return {};
  WEIR_TRY(auto const job, jobs::read_job(change.database, *event.job));
  WEIR_TRY(auto const since, began(change, job));
  if (since) {
    WEIR_DO(take_failed_job(change, event, *since));
  }
  FailureFacts facts;
  facts.job = job;
  WEIR_TRY(facts.attempts, jobs::read_attempts(change.database, job.id));
  WEIR_TRY(facts.relations, concerned(change, job.id));
  auto const* last = facts.attempts.empty() ? nullptr : &facts.attempts.back();
  bool const is_held = last != nullptr && last->failure == class_name(jobs::FailureClass::Held);
  Failure failure;
  failure.fingerprint = fingerprint_of(job.name, last == nullptr ? "" : last->error);
  failure.kind = is_held ? "held" : "failed";
  failure.severity = is_held ? "warning" : "error";
  auto const error = last == nullptr ? nlohmann::ordered_json() : parse_json(last->error);
  auto const message = text_at(error, "message");
  // What waits for stale tables is a part of what made them so.
  if (auto const known = number_at(error, "incident"); known > 0) failure.incident = known;
  failure.title = fmt::format("{} {}: {}", job.name, is_held ? "held" : "failed",
                              message.empty() ? text_at(parse_json(event.data), "why") : message);
  failure.started_at = facts.attempts.empty() ? job.created_at : facts.attempts.front().started_at;
  failure.job = job;
  failure.relations = facts.relations;
  WEIR_TRY(auto const opened, open_or_join(change, failure));
  if (!opened.is_new) return {};
  facts.source = source_;
  WEIR_TRY(facts.instance, jobs::instance_of(change.database));
  facts.incident = opened.incident;
  return post(change, audience_(job.name, failure.kind), opened.incident.id, failure_notice(facts, change.now));
}

Status Recorder::take_job_success(Change& change, Event const& event) {
  if (!event.job) return {};
  WEIR_TRY(auto const job, jobs::read_job(change.database, *event.job));
  WEIR_TRY(auto const since, began(change, job));
  if (since) {
    WEIR_DO(take_whole_job(change, event, *since));
  }
  return tell_recovered(change);
}

Status Recorder::tell_recovered(Change& change) {
  WEIR_TRY(auto const over, settle(change));
  for (auto const& incident : over) {
    IncidentFacts facts{source_, {}, incident, {}, {}};
    WEIR_TRY(facts.instance, jobs::instance_of(change.database));
    WEIR_TRY(facts.jobs, jobs_of(change.database, incident.id));
    WEIR_TRY(facts.relations, relations_of(change.database, incident.id));
    std::string const name = facts.jobs.empty() ? std::string() : facts.jobs.front().name;
    WEIR_DO(post(change, audience_(name, "recovered"), incident.id, recovery_notice(facts, change.now)));
  }
  return {};
}

Status Recorder::take_missed(Change& change, Event const& event) {
  auto const data = parse_json(event.data);
  auto const missed = static_cast<std::uint64_t>(std::max<std::int64_t>(number_at(data, "missed"), 1));
  Failure failure;
  failure.fingerprint = sha256_hex("missed\n" + event.object);
  failure.kind = "missed";
  failure.severity = "warning";
  failure.title = fmt::format("{} missed {}", event.object, plural(missed, "run"));
  failure.started_at = event.at;
  // It is over once a later job of that name has succeeded.
  WEIR_TRY(auto const last,
           change.database.query("SELECT coalesce(max(id), 0) FROM job WHERE name = $1", {event.object}));
  jobs::Job job;
  job.id = last.number(0, 0);
  job.name = event.object;
  failure.job = std::move(job);
  WEIR_TRY(auto const opened, open_or_join(change, failure));
  if (!opened.is_new) return {};
  IncidentFacts facts{source_, {}, opened.incident, {}, {}};
  WEIR_TRY(facts.instance, jobs::instance_of(change.database));
  bool const catches_up = flag_at(data, "catches_up");
  return post(change, audience_(event.object, "missed"), opened.incident.id,
              other_notice(facts, text_at(data, "why"),
                           catches_up ? "yes: it runs now, once for all of them" : "yes: with its next scheduled run",
                           catches_up ? "" : fmt::format("weir run {} runs it now", event.object), change.now));
}

Status Recorder::take_late(Change& change, Event const& event) {
  auto const data = parse_json(event.data);
  WEIR_TRY(auto const known, find_relation(change.database, event.object));
  if (!known) return {};
  // What an open incident explains already is not told of again.
  WEIR_TRY(auto const open, open_of(change.database, event.object, {}));
  if (std::any_of(open.begin(), open.end(), [](auto const& one) { return one.kind != "late"; })) return {};
  std::string const connection = text_at(data, "connection");
  Failure failure;
  failure.fingerprint = sha256_hex("late\n" + connection);
  failure.kind = "late";
  bool const is_error = text_at(data, "promise") == "error";
  failure.severity = is_error ? "error" : "warning";
  failure.title = fmt::format("{} is late: its data is older than {}", connection, text_at(data, "limit"));
  failure.started_at = event.at;
  WEIR_TRY(failure.relations, reach(change.database, {event.object}, true));
  WEIR_TRY(auto const opened, open_or_join(change, failure));
  if (!opened.is_new && !opened.is_graver) return {};
  IncidentFacts facts{source_, {}, opened.incident, {}, {}};
  if (opened.is_graver) facts.incident.title = failure.title;
  WEIR_TRY(facts.instance, jobs::instance_of(change.database));
  WEIR_TRY(facts.relations, relations_of(change.database, opened.incident.id));
  auto notice = other_notice(facts, text_at(data, "why"), "with the next good run of the sync",
                             fmt::format("weir why {}", event.object), change.now);
  if (opened.is_graver) {
    notice.id += "-graver";
    notice.moment = alert::Moment::Changed;
  }
  return post(change, audience_(known->step, "late"), opened.incident.id, notice);
}

}  // namespace weir::incident
