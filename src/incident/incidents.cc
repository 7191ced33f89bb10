#include "incident/incidents.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using jobs::NewEvent;
using jobs::Rows;
using jobs::Value;
using Json = nlohmann::ordered_json;

constexpr std::string_view kIncidentColumns =
    "id, fingerprint, kind, state, severity, title, started_at, detected_at, mitigated_at, resolved_at, managed_by, "
    "failures";
constexpr std::string_view kActor = "weir";

Incident incident_of(Rows const& rows, std::size_t row) {
  return Incident{rows.number(row, 0),        rows.text(row, 1),          rows.text(row, 2),    rows.text(row, 3),
                  rows.text(row, 4),          rows.text(row, 5),          rows.instant(row, 6), rows.instant(row, 7),
                  rows.maybe_instant(row, 8), rows.maybe_instant(row, 9), rows.text(row, 10),   rows.number(row, 11)};
}

std::vector<Incident> incidents_of(Rows const& rows) {
  std::vector<Incident> found;
  for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(incident_of(rows, i));
  return found;
}

// Numbers, which differ from one time to the next, as one sign.
std::string without_numbers(std::string const& text) {
  std::string out;
  for (char const c : text) {
    bool const is_digit = c >= '0' && c <= '9';
    if (is_digit && out.ends_with('#')) continue;
    out += is_digit ? '#' : c;
  }
  return out;
}

int gravity(std::string const& severity) {
  return severity == "critical" ? 2 : severity == "error" ? 1 : 0;
}

Json relation_json(Reached const& one) {
  Json json{{"relation", one.relation.name}, {"kind", one.relation.kind}};
  if (!one.relation.source.empty()) json["source"] = one.relation.source;
  if (!one.relation.made_by.empty()) json["made_by"] = one.relation.made_by;
  json["data_at"] = json_time(one.relation.data_at);
  if (!one.through.empty()) json["through"] = one.through;
  return json;
}

// Returns those that the incident did not have yet.
Result<Json> concern(Change& change, std::int64_t id, Failure const& failure) {
  if (failure.job) {
    WEIR_TRY(auto const done,
             change.database.query(
                 "INSERT INTO incident_job (incident, job, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                 {id, failure.job->id, failure.job->name}));
  }
  Json added = Json::array();
  for (auto const& one : failure.relations) {
    WEIR_TRY(auto const data_at, data_time(change.database, one.relation));
    WEIR_TRY(auto const is_new,
             change.database.query("INSERT INTO incident_relation (incident, relation, data_at, through) VALUES ($1, "
                                   "$2, $3, $4) ON CONFLICT DO NOTHING RETURNING relation",
                                   {id, one.relation.name, data_at, one.through}));
    if (is_new.empty()) continue;
    Reached dated = one;
    dated.relation.data_at = data_at;
    added.push_back(relation_json(dated));
  }
  return added;
}

Result<std::int64_t> tell(Change& change, std::string const& kind, std::int64_t id, std::optional<std::int64_t> job,
                          Json const& data, std::string const& who) {
  NewEvent event;
  event.kind = "weir.incident." + kind;
  event.object = object_of(id);
  event.job = job;
  event.data = json_line(data);
  return change.append(event, who);
}

std::string plain(std::string_view state) {
  return fmt::format("it is {}", state);
}

Error wrong_state(Incident const& incident, std::string_view wanted) {
  return Error(ErrorKind::Refused,
               fmt::format("incident {} cannot be {}: {}", incident.id, wanted, plain(incident.state)))
      .state("nothing was changed")
      .next(fmt::format("weir incident show {}", incident.id));
}

// Whether each of its jobs has succeeded since it failed, or somebody made by hand what it had left stale; and what it
// made stale is fresh.
Result<bool> is_over(Database& database, Incident const& incident) {
  WEIR_TRY(auto const reopened,
           database.query("SELECT coalesce(reopened_at, 0) FROM incident WHERE id = $1", {incident.id}));
  WEIR_TRY(
      auto const failing,
      database.query(
          "SELECT 1 FROM incident_job i WHERE i.incident = $1 AND NOT EXISTS (SELECT 1 FROM job j WHERE j.name = "
          "i.name AND j.id > i.job AND j.state = 'succeeded' AND j.finished_at > $2) AND NOT EXISTS (SELECT 1 FROM "
          "incident_relation x JOIN relation r ON r.name = x.relation JOIN job j ON j.id = i.job WHERE x.incident = "
          "i.incident AND r.step = i.name GROUP BY j.finished_at HAVING min(coalesce(r.made_at, 0)) > "
          "coalesce(j.finished_at, 0)) LIMIT 1",
          {incident.id, reopened.instant(0, 0)}));
  if (!failing.empty()) return false;
  WEIR_TRY(auto const stale,
           database.query("SELECT 1 FROM incident_relation i JOIN relation r ON r.name = i.relation WHERE i.incident = "
                          "$1 AND (r.stale_cause IS NOT NULL OR r.late_since IS NOT NULL) LIMIT 1",
                          {incident.id}));
  return stale.empty();
}

}  // namespace

std::string object_of(std::int64_t id) {
  return fmt::format("incident #{}", id);
}

std::string fingerprint_of(std::string const& job, std::string const& error_json) {
  auto const error = parse_json(error_json);
  std::string const message = text_at(error, "message");
  if (message.empty()) return sha256_hex("job\n" + job);
  // What is unreachable is so for everybody who needs it; anything else is of the place that it stands at.
  return sha256_hex(fmt::format("{}\n{}\n{}\n{}", text_at(error, "kind"), text_at(error, "where"),
                                text_at(error, "object"), without_numbers(message)));
}

Result<Opened> open_or_join(Change& change, Failure const& failure) {
  WEIR_TRY(auto const known,
           change.database.query(
               fmt::format("SELECT {} FROM incident WHERE (fingerprint = $1 OR id = $2) AND state <> 'resolved' ORDER "
                           "BY id LIMIT 1",
                           kIncidentColumns),
               {failure.fingerprint, failure.incident.value_or(0)}));
  std::optional<std::int64_t> const job = failure.job ? std::optional(failure.job->id) : std::nullopt;
  if (!known.empty()) {
    Incident incident = incident_of(known, 0);
    bool const is_graver = gravity(failure.severity) > gravity(incident.severity);
    if (is_graver) incident.severity = failure.severity;
    WEIR_TRY(auto const counted,
             change.database.query("UPDATE incident SET failures = failures + 1, severity = $2 WHERE id = $1",
                                   {incident.id, incident.severity}));
    WEIR_TRY(auto added, concern(change, incident.id, failure));
    WEIR_DO(tell(change, "joined", incident.id, job, Json{{"title", failure.title}, {"relations", std::move(added)}},
                 std::string(kActor)));
    return Opened{incident, false, is_graver};
  }
  Incident incident{0,
                    failure.fingerprint,
                    failure.kind,
                    "open",
                    failure.severity,
                    failure.title,
                    failure.started_at,
                    change.now,
                    {},
                    {},
                    "",
                    1};
  WEIR_TRY(incident.id, change.next("incident"));
  WEIR_TRY(auto const made,
           change.database.query("INSERT INTO incident (id, fingerprint, kind, state, severity, title, started_at, "
                                 "detected_at) VALUES ($1, $2, $3, 'open', $4, $5, $6, $7)",
                                 {incident.id, incident.fingerprint, incident.kind, incident.severity, incident.title,
                                  incident.started_at, incident.detected_at}));
  WEIR_TRY(auto concerned, concern(change, incident.id, failure));
  WEIR_DO(tell(change, "opened", incident.id, job,
               Json{{"kind", incident.kind},
                    {"severity", incident.severity},
                    {"title", incident.title},
                    {"started_at", iso_text(incident.started_at)},
                    {"relations", std::move(concerned)}},
               std::string(kActor)));
  return Opened{incident, true, false};
}

Result<std::vector<Incident>> settle(Change& change) {
  WEIR_TRY(auto const rows, change.database.query(fmt::format(
                                "SELECT {} FROM incident WHERE state <> 'resolved' ORDER BY id", kIncidentColumns)));
  std::vector<Incident> over;
  for (auto& incident : incidents_of(rows)) {
    WEIR_TRY(bool const is_well, is_over(change.database, incident));
    if (!is_well) continue;
    WEIR_TRY(auto const done,
             change.database.query("UPDATE incident SET state = 'resolved', mitigated_at = $2, resolved_at = $2 WHERE "
                                   "id = $1",
                                   {incident.id, change.now}));
    WEIR_DO(tell(
        change, "recovered", incident.id, {},
        Json{{"title", incident.title},
             {"seconds", std::chrono::duration_cast<std::chrono::seconds>(change.now - incident.started_at).count()}},
        std::string(kActor)));
    incident.mitigated_at = incident.resolved_at = change.now;
    over.push_back(std::move(incident));
  }
  return over;
}

// ---------------------------------------------------------------------------------------------------------- for people

Result<Incident> find(Database& database, std::int64_t id) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM incident WHERE id = $1", kIncidentColumns), {id}));
  if (!rows.empty()) return incident_of(rows, 0);
  WEIR_TRY(auto const range, database.query("SELECT coalesce(max(id), 0) FROM incident"));
  Error error(ErrorKind::Usage, fmt::format("incident {} does not exist", id));
  if (range.number(0, 0) == 0) return std::move(error).next("there has been none yet");
  return std::move(error).next(fmt::format("there are 1 to {}; weir incident ls lists them", range.number(0, 0)));
}

Result<std::vector<Incident>> list(Database& database, bool open_only, int most) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM incident WHERE $1 = 0 OR state <> 'resolved' ORDER BY id DESC "
                                      "LIMIT $2",
                                      kIncidentColumns),
                          {open_only ? 1 : 0, most}));
  return incidents_of(rows);
}

Result<std::vector<ConcernedJob>> jobs_of(Database& database, std::int64_t id) {
  WEIR_TRY(auto const rows,
           database.query("SELECT job, name FROM incident_job WHERE incident = $1 ORDER BY job", {id}));
  std::vector<ConcernedJob> found;
  for (std::size_t i = 0; i < rows.size(); ++i) found.push_back({rows.number(i, 0), rows.text(i, 1)});
  return found;
}

Result<std::vector<ConcernedRelation>> relations_of(Database& database, std::int64_t id) {
  WEIR_TRY(auto const rows,
           database.query("SELECT relation, data_at, through FROM incident_relation WHERE incident = $1 ORDER BY "
                          "relation",
                          {id}));
  std::vector<ConcernedRelation> found;
  for (std::size_t i = 0; i < rows.size(); ++i)
    found.push_back({rows.text(i, 0), rows.maybe_instant(i, 1), rows.text(i, 2)});
  return found;
}

Result<std::vector<Incident>> open_of(Database& database, std::string const& relation,
                                      std::optional<std::int64_t> job) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM incident i WHERE state <> 'resolved' AND (EXISTS (SELECT 1 FROM "
                                      "incident_relation r WHERE r.incident = i.id AND r.relation = $1) OR EXISTS "
                                      "(SELECT 1 FROM incident_job j WHERE j.incident = i.id AND j.job = $2)) ORDER BY "
                                      "id",
                                      kIncidentColumns),
                          {relation, job.value_or(0)}));
  return incidents_of(rows);
}

Status acknowledge(Change& change, std::int64_t id, std::string const& who) {
  WEIR_TRY(auto const incident, find(change.database, id));
  if (incident.state != "open") return wrong_state(incident, "acknowledged");
  WEIR_TRY(
      auto const done,
      change.database.query("UPDATE incident SET state = 'acknowledged', managed_by = $2 WHERE id = $1", {id, who}));
  WEIR_DO(tell(change, "acknowledged", id, {}, Json::object(), who));
  return {};
}

Status note(Change& change, std::int64_t id, std::string const& who, std::string const& text) {
  WEIR_TRY(auto const incident, find(change.database, id));
  WEIR_DO(tell(change, "noted", incident.id, {}, Json{{"text", text}}, who));
  return {};
}

Status resolve(Change& change, std::int64_t id, std::string const& who, std::string const& text) {
  WEIR_TRY(auto const incident, find(change.database, id));
  if (incident.state == "resolved") return wrong_state(incident, "resolved");
  WEIR_TRY(auto const done,
           change.database.query("UPDATE incident SET state = 'resolved', resolved_at = $2, managed_by = CASE WHEN "
                                 "managed_by = '' THEN $3 ELSE managed_by END WHERE id = $1",
                                 {id, change.now, who}));
  WEIR_DO(tell(change, "resolved", id, {}, Json{{"text", text}}, who));
  return {};
}

Status reopen(Change& change, std::int64_t id, std::string const& who, std::string const& text) {
  WEIR_TRY(auto const incident, find(change.database, id));
  if (incident.state != "resolved") return wrong_state(incident, "reopened");
  WEIR_TRY(auto const open,
           change.database.query("SELECT id FROM incident WHERE fingerprint = $1 AND state <> 'resolved'",
                                 {incident.fingerprint}));
  if (!open.empty())
    return Error(ErrorKind::Refused, fmt::format("incident {} cannot be reopened: it has happened again since, as "
                                                 "incident {}",
                                                 id, open.number(0, 0)))
        .state("nothing was changed")
        .next(fmt::format("weir incident show {}", open.number(0, 0)));
  WEIR_TRY(auto const done,
           change.database.query(
               "UPDATE incident SET state = 'open', mitigated_at = NULL, resolved_at = NULL, reopened_at = $2 WHERE "
               "id = $1",
               {id, change.now}));
  WEIR_DO(tell(change, "reopened", id, {}, Json{{"text", text}}, who));
  return {};
}

}  // namespace weir::incident
