#include "incident/explain.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/read.h"

namespace weir::incident {
namespace {

using jobs::Database;
using Json = nlohmann::ordered_json;

std::string unquoted(std::string const& name) {
  return replace_all(name, "\"", "");
}

// schema.table without its schema, without quotes, in lower case.
std::string last_part(std::string const& name) {
  std::string const plain = to_lower(unquoted(name));
  auto const dot = plain.find('.');
  return dot == std::string::npos ? plain : plain.substr(dot + 1);
}

std::string state_of(Relation const& relation, std::set<std::string> const& stale) {
  if (stale.contains(relation.name)) return "stale";
  return relation.late_since ? "late" : "fresh";
}

Result<std::set<std::string>> stale_names(Database& database) {
  WEIR_TRY(auto const stale, stale_relations(database));
  std::set<std::string> names;
  for (auto const& one : stale) names.insert(one.name);
  return names;
}

Result<Json> incidents_json(Database& database, std::string const& relation, std::optional<std::int64_t> job) {
  WEIR_TRY(auto const open, open_of(database, relation, job));
  Json list = Json::array();
  for (auto const& one : open) list.push_back(incident_json(one));
  return list;
}

Result<Json> dated(Database& database, Relation const& relation) {
  WEIR_TRY(auto const at, data_time(database, relation));
  return Json{
      {"relation", relation.name}, {"kind", relation.kind}, {"made_by", relation.made_by}, {"data_at", json_time(at)}};
}

// The error that the event tells of, or that its job ended with.
Result<Json> error_of(Database& database, jobs::Event const& event) {
  auto const data = parse_json(event.data);
  if (auto const found = data.find("error"); data.is_object() && found != data.end() && found->is_object())
    return *found;
  if (!event.job || event.kind != "weir.job.failed") return Json();
  WEIR_TRY(auto const attempts, jobs::read_attempts(database, *event.job));
  if (!attempts.empty() && !attempts.back().error.empty()) return parse_json(attempts.back().error);
  return Json{{"message", text_at(data, "why")}};
}

Result<Json> cause_json(Database& database, std::int64_t seq) {
  WEIR_TRY(auto const events, jobs::read_events(database, seq - 1, {}, 1));
  if (events.empty() || events[0].seq != seq) return Json{{"event", seq}};  // it was pruned
  auto const& event = events[0];
  WEIR_TRY(auto error, error_of(database, event));
  Json cause{{"event", seq},
             {"kind", event.kind},
             {"object", event.object},
             {"at", iso_text(event.at)},
             {"job", event.job ? Json(*event.job) : Json()},
             {"attempt", event.attempt ? Json(*event.attempt) : Json()},
             {"error", std::move(error)}};
  if (event.job) {
    if (auto const job = jobs::read_job(database, *event.job); job.ok()) {
      cause["job_name"] = job->name;
      cause["job_state"] = state_name(job->state);
      cause["attempts"] = job->attempts;
    }
  }
  return cause;
}

// Upwards to where the staleness comes from; each step once.
Result<std::vector<Relation>> chain_of(Database& database, Relation const& relation) {
  std::vector<Relation> chain = {relation};
  std::set<std::string> seen = {relation.name};
  while (true) {
    std::string by = chain.back().stale_by;
    if (!chain.back().stale_cause) {  // a view, or what has not been built again since
      WEIR_TRY(auto const above, reach(database, {chain.back().name}, false));
      auto const found =
          std::find_if(above.begin() + 1, above.end(), [](auto const& one) { return one.relation.stale_cause; });
      if (found == above.end()) return chain;
      // The parent on the way to it.
      std::map<std::string, std::string> through;
      for (auto const& one : above) through[one.relation.name] = one.through;
      by = found->relation.name;
      while (through[by] != chain.back().name) by = through[by];
    }
    if (by.empty() || !seen.insert(by).second) return chain;
    WEIR_TRY(auto next, find_relation(database, by));
    if (!next) return chain;
    chain.push_back(std::move(*next));
  }
}

}  // namespace

Json incident_json(Incident const& incident) {
  return Json{{"incident", incident.id},
              {"kind", incident.kind},
              {"state", incident.state},
              {"severity", incident.severity},
              {"title", incident.title},
              {"started_at", iso_text(incident.started_at)},
              {"detected_at", iso_text(incident.detected_at)},
              {"mitigated_at", json_time(incident.mitigated_at)},
              {"resolved_at", json_time(incident.resolved_at)},
              {"managed_by", incident.managed_by.empty() ? Json() : Json(incident.managed_by)},
              {"failures", incident.failures}};
}

Result<Json> overview(Database& database) {
  WEIR_TRY(auto const open, list(database, true, 100));
  Json incidents = Json::array();
  for (auto const& one : open) incidents.push_back(incident_json(one));
  WEIR_TRY(auto const relations, all_relations(database));
  WEIR_TRY(auto const stale, stale_names(database));
  struct Maker {
    std::string kind;
    std::int64_t relations = 0, stale = 0, late = 0;
    std::optional<Instant> oldest;
  };
  std::map<std::string, Maker> makers;
  for (auto const& relation : relations) {
    if (relation.step.empty()) continue;  // nothing makes it any more
    bool const is_table = relation.kind == "table";
    auto& maker = makers[is_table ? relation.made_by : "dbt (" + relation.step + ")"];
    maker.kind = is_table ? "sync" : "dbt";
    maker.relations += 1;
    std::string const state = state_of(relation, stale);
    maker.stale += state == "stale" ? 1 : 0;
    maker.late += state == "late" ? 1 : 0;
    if (relation.data_at && (!maker.oldest || *relation.data_at < *maker.oldest)) maker.oldest = relation.data_at;
  }
  Json list = Json::array();
  for (auto const& [name, maker] : makers)
    list.push_back(Json{{"name", name},
                        {"kind", maker.kind},
                        {"relations", maker.relations},
                        {"stale", maker.stale},
                        {"late", maker.late},
                        {"oldest_data_at", json_time(maker.oldest)}});
  return Json{{"incidents", std::move(incidents)}, {"makers", std::move(list)}};
}

Result<Relation> named(Database& database, std::string const& name) {
  WEIR_TRY(auto found, find_relation(database, name));
  if (found) return std::move(*found);
  WEIR_TRY(auto const relations, all_relations(database));
  std::vector<Relation const*> like;
  std::vector<std::string> names;
  std::string const wanted = to_lower(unquoted(name));
  for (auto const& one : relations) {
    names.push_back(one.name);
    if (to_lower(unquoted(one.name)) == wanted || last_part(one.name) == wanted || one.made_by == name)
      like.push_back(&one);
  }
  if (like.size() == 1) return *like[0];
  Error error(ErrorKind::Usage, like.empty() ? fmt::format("no job has made a relation \"{}\"", name)
                                             : fmt::format("several relations are called \"{}\"", name));
  std::string next;
  if (!like.empty()) {
    std::vector<std::string> which;
    for (auto const* one : like) which.push_back(one->name);
    next = "say which: " + join(which, ", ");
  } else {
    next = did_you_mean(name, names);
    if (next.empty())
      next = names.empty() ? "relations are known once a job has made them: weir run JOB"
                           : "weir status lists what jobs make";
  }
  return std::move(error).object(name).next(std::move(next));
}

Result<Json> why_relation(Database& database, std::string const& name) {
  WEIR_TRY(auto const relation, named(database, name));
  WEIR_TRY(auto const stale, stale_names(database));
  WEIR_TRY(auto answer, dated(database, relation));
  std::string const state = state_of(relation, stale);
  answer["state"] = state;
  answer["built_at"] = json_time(relation.made_at);
  answer["built_by"] = relation.step;
  WEIR_TRY(auto const chain, chain_of(database, relation));
  answer["chain"] = Json::array();
  for (auto const& one : chain) {
    WEIR_TRY(auto link, dated(database, one));
    link["source"] = one.source;
    answer["chain"].push_back(std::move(link));
  }
  auto const& origin = chain.back();
  answer["since"] = state == "late"        ? json_time(relation.late_since)
                    : relation.stale_since ? json_time(relation.stale_since)
                                           : json_time(origin.stale_since);
  answer["cause"] = Json();
  if (state == "stale" && origin.stale_cause) {
    WEIR_TRY(answer["cause"], cause_json(database, *origin.stale_cause));
  }
  WEIR_TRY(answer["incidents"], incidents_json(database, relation.name, {}));
  WEIR_TRY(auto const above, reach(database, {relation.name}, false));
  answer["from"] = Json::array();
  for (auto const& one : above) {
    if (one.distance == 0 || one.relation.kind != "table") continue;
    answer["from"].push_back(Json{{"relation", one.relation.name},
                                  {"source", one.relation.source},
                                  {"data_at", json_time(one.relation.data_at)},
                                  {"state", state_of(one.relation, stale)}});
  }
  return answer;
}

Result<Json> why_job(Database& database, std::int64_t id) {
  WEIR_TRY(auto const job, jobs::read_job(database, id));
  WEIR_TRY(auto const attempts, jobs::read_attempts(database, id));
  Json answer{{"job", job.id},
              {"name", job.name},
              {"state", state_name(job.state)},
              {"waiting", job.waiting},
              {"cancelled_by", job.cancelled_by},
              {"run_at", iso_text(job.run_at)}};
  answer["attempts"] = Json::array();
  for (auto const& one : attempts)
    answer["attempts"].push_back(Json{{"attempt", one.n},
                                      {"state", one.state},
                                      {"failure", one.failure},
                                      {"published", one.published},
                                      {"error", one.error.empty() ? Json() : parse_json(one.error)}});
  WEIR_TRY(
      auto const rows,
      database.query("SELECT r.name FROM relation r JOIN event e ON e.seq = r.stale_cause WHERE e.job = $1 ORDER BY "
                     "r.name",
                     {id}));
  answer["stale"] = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) answer["stale"].push_back(rows.text(i, 0));
  WEIR_TRY(answer["incidents"], incidents_json(database, "", id));
  return answer;
}

Result<Json> impact(Database& database, std::string const& name) {
  WEIR_TRY(auto const relation, named(database, name));
  WEIR_TRY(auto const stale, stale_names(database));
  WEIR_TRY(auto answer, dated(database, relation));
  answer["state"] = state_of(relation, stale);
  WEIR_TRY(auto const below, reach(database, {relation.name}, true));
  answer["below"] = Json::array();
  for (auto const& one : below) {
    if (one.distance == 0) continue;
    WEIR_TRY(auto line, dated(database, one.relation));
    line["distance"] = one.distance;
    line["through"] = one.through;
    line["state"] = state_of(one.relation, stale);
    answer["below"].push_back(std::move(line));
  }
  return answer;
}

}  // namespace weir::incident
