#include "incident/notices.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::incident {
namespace {

using jobs::FailureClass;
using Json = nlohmann::ordered_json;

constexpr std::size_t kNames = 4;

alert::Severity severity_of(std::string const& severity) {
  if (severity == "critical") return alert::Severity::Critical;
  return severity == "warning" ? alert::Severity::Warning : alert::Severity::Error;
}

std::string key_of(std::string const& instance, Incident const& incident) {
  return fmt::format("weir-{}-i{}", instance, incident.id);
}

alert::Notice about(std::string const& source, std::string const& instance, Incident const& incident,
                    alert::Moment moment, std::string_view what, Instant now) {
  alert::Notice notice;
  notice.incident = key_of(instance, incident);
  notice.id = fmt::format("{}-{}", notice.incident, what);
  // One that was reopened is told of again.
  if (incident.resolved_at) notice.id += fmt::format("-{}", incident.resolved_at->time_since_epoch().count());
  notice.moment = moment;
  notice.severity = severity_of(incident.severity);
  notice.source = source;
  notice.at = now;
  notice.links = {{fmt::format("incident {}", incident.id), {}, fmt::format("weir incident show {}", incident.id)}};
  return notice;
}

std::string heals_text(std::string const& failure, bool is_scheduled) {
  if (failure == class_name(FailureClass::Transient) || failure == class_name(FailureClass::WorkerLost))
    return is_scheduled ? "perhaps: the next scheduled run tries again" : "no: it runs when somebody says so";
  if (failure == class_name(FailureClass::Held)) return "no: it was held to protect data, and waits for a person";
  if (failure == class_name(FailureClass::Data)) return "no: a value or a proof is wrong, and will be next time";
  if (failure == class_name(FailureClass::Bug)) return "no: this is an error of weir";
  return "no: another run would fail in the same way";
}

// "since 2024-06-20 03:00 UTC" of what has the oldest data.
std::string oldest_text(std::vector<Reached> const& relations) {
  std::optional<Instant> oldest;
  for (auto const& one : relations)
    if (one.relation.data_at && (!oldest || *one.relation.data_at < *oldest)) oldest = one.relation.data_at;
  return oldest ? fmt::format(" of {} UTC", utc_text(*oldest).substr(0, 16)) : std::string();
}

std::string impact_text(std::vector<Reached> const& relations) {
  if (relations.empty()) return {};
  std::vector<std::string> names;
  for (auto const& one : relations) names.push_back(one.relation.name);
  return fmt::format("{} keep their data{}: {}", count_text(relations), oldest_text(relations),
                     names_text(names, kNames));
}

// Airbyte's names for what its Slack messages carry.
Json airbyte_data(FailureFacts const& facts) {
  auto const& job = facts.job;
  Json const error = facts.attempts.empty() ? Json() : parse_json(facts.attempts.back().error);
  std::int64_t rows = 0;
  for (auto const& attempt : facts.attempts) rows += attempt.rows;
  Json data{{"workspace", Json{{"name", facts.source}}},
            {"connection", Json{{"name", job.name}}},
            {"jobId", job.id},
            {"startedAt", json_time(job.started_at)},
            {"finishedAt", json_time(job.finished_at)},
            {"success", false},
            {"recordsCommitted", rows},
            {"errorMessage", text_at(error, "message")},
            {"errorType", facts.attempts.empty() ? "" : facts.attempts.back().failure},
            {"errorOrigin", text_at(error, "where")},
            {"attempts", job.attempts},
            {"incident", facts.incident.id}};
  Json relations = Json::array();
  for (auto const& one : facts.relations) relations.push_back(one.relation.name);
  data["relations"] = std::move(relations);
  return data;
}

}  // namespace

std::string count_text(std::vector<Reached> const& relations) {
  auto const tables = static_cast<std::uint64_t>(
      std::count_if(relations.begin(), relations.end(), [](auto const& one) { return one.relation.kind == "table"; }));
  auto const models = static_cast<std::uint64_t>(relations.size()) - tables;
  if (tables == 0) return models == 0 ? std::string() : plural(models, "model");
  return models == 0 ? plural(tables, "table") : plural(tables, "table") + " and " + plural(models, "model");
}

std::string names_text(std::vector<std::string> const& names, std::size_t most) {
  std::vector<std::string> shown(names.begin(),
                                 names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
  std::string text = join(shown, ", ");
  if (names.size() > most) text += fmt::format(" and {} more", names.size() - most);
  return text;
}

alert::Notice failure_notice(FailureFacts const& facts, Instant now) {
  auto const& job = facts.job;
  auto notice = about(facts.source, facts.instance, facts.incident, alert::Moment::Opened, "opened", now);
  std::string const counted = count_text(facts.relations);
  std::string const failure = facts.attempts.empty() ? "" : facts.attempts.back().failure;
  bool const is_held = failure == class_name(FailureClass::Held);
  notice.title = fmt::format("{} #{} {}", job.name, job.id, is_held ? "is held" : "failed");
  if (job.attempts > 0 && !is_held)
    notice.title += fmt::format(" after {}", plural(static_cast<std::uint64_t>(job.attempts), "attempt"));
  if (!counted.empty()) notice.title += fmt::format(": {} not refreshed", counted);
  auto const error = facts.attempts.empty() ? Json() : parse_json(facts.attempts.back().error);
  notice.cause = text_at(error, "message");
  if (auto const why = text_at(error, "cause"); !why.empty()) notice.cause += ": " + why;
  if (auto const where = text_at(error, "where"); !where.empty()) notice.cause += fmt::format(" ({})", where);
  notice.impact = impact_text(facts.relations);
  notice.heals = heals_text(failure, !job.definition.when.cron.empty() || job.definition.when.every.count() > 0);
  std::string const retry = fmt::format("weir retry {}#{} --from-failure", job.name, job.id);
  auto const next = text_at(error, "next");
  notice.next = next.empty() ? retry : fmt::format("{}; then {}", next, retry);
  notice.links.push_back({fmt::format("job {}", job.id), {}, fmt::format("weir job show {}", job.id)});
  if (job.attempts > 0)
    notice.links.push_back({"log of the last attempt", {}, fmt::format("weir logs {}.{}", job.id, job.attempts)});
  notice.data = json_line(airbyte_data(facts));
  return notice;
}

alert::Notice other_notice(IncidentFacts const& facts, std::string cause, std::string heals, std::string next,
                           Instant now) {
  auto notice = about(facts.source, facts.instance, facts.incident, alert::Moment::Opened, "opened", now);
  notice.title = facts.incident.title;
  notice.cause = std::move(cause);
  std::vector<std::string> names;
  for (auto const& one : facts.relations) names.push_back(one.name);
  if (!names.empty())
    notice.impact =
        fmt::format("{}: {}", plural(static_cast<std::uint64_t>(names.size()), "relation"), names_text(names, kNames));
  notice.heals = std::move(heals);
  notice.next = std::move(next);
  Json data{{"workspace", Json{{"name", facts.source}}}, {"success", false}, {"incident", facts.incident.id}};
  data["errorMessage"] = facts.incident.title;
  notice.data = json_line(data);
  return notice;
}

alert::Notice recovery_notice(IncidentFacts const& facts, Instant now) {
  auto notice = about(facts.source, facts.instance, facts.incident, alert::Moment::Recovered, "recovered", now);
  notice.severity = alert::Severity::Info;
  auto const lasted = now - facts.incident.started_at;
  notice.title = fmt::format("well again after {}: {}", format_duration(lasted), facts.incident.title);
  if (!facts.relations.empty())
    notice.impact =
        fmt::format("{} fresh again", plural(static_cast<std::uint64_t>(facts.relations.size()), "relation") +
                                          (facts.relations.size() == 1 ? " is" : " are"));
  notice.next = fmt::format("weir incident report {} is the post-mortem", facts.incident.id);
  Json data{{"workspace", Json{{"name", facts.source}}}, {"success", true}, {"incident", facts.incident.id}};
  if (!facts.jobs.empty()) {
    data["jobId"] = facts.jobs.back().job;
    data["connection"] = Json{{"name", facts.jobs.back().name}};
  }
  notice.data = json_line(data);
  return notice;
}

}  // namespace weir::incident
