#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "incident/explain.h"
#include "incident/incidents.h"
#include "incident/outbox.h"
#include "incident/report.h"
#include "incident/run_report.h"
#include "jobs/log_file.h"
#include "jobs/scheduler.h"
#include "server/handlers.h"

namespace weir::server {
namespace {

using incident::Incident;
using jobs::Change;

constexpr int kMostIncidents = 1'000;
constexpr std::uint64_t kLogTailBytes = 64U << 10;
constexpr std::size_t kLogTailLines = 40;

std::string value_at(std::map<std::string, std::string> const& query, std::string const& key) {
  auto const found = query.find(key);
  return found == query.end() ? std::string() : found->second;
}

Result<std::string> name_of(Request const& request) {
  auto name = value_at(request.query, "name");
  if (name.empty()) return Error(ErrorKind::Usage, "\"name\" is a relation: schema.table");
  return name;
}

// A job of weir.yml: how it last ended, and when it runs next.
Result<Json> job_status(Api::Insides const& api, config::Job const& job, Instant now) {
  WEIR_TRY(auto const latest, api.store.jobs({job.name, {}, {}, 1}));
  Json json{{"name", job.name}, {"last", Json()}, {"next", Json()}};
  if (!latest.empty()) json["last"] = job_json(latest[0]);
  auto const schedule = jobs::schedule_of(job);
  if (schedule.ok() && !schedule->is_manual())
    if (auto const slot = schedule->next(now)) json["next"] = iso_text(slot->at);
  return json;
}

// The last lines of an attempt's log.
std::string log_tail(std::filesystem::path const& file) {
  std::error_code failed;
  auto const size = std::filesystem::file_size(file, failed);
  if (failed) return {};
  auto const page = jobs::read_log(file, size > kLogTailBytes ? size - kLogTailBytes : 0, kLogTailBytes);
  if (!page.ok()) return {};
  auto const lines = split(page->text, '\n');
  std::vector<std::string> kept(lines.begin(), lines.end());
  while (!kept.empty() && kept.back().empty()) kept.pop_back();
  std::string text;
  if (kept.size() > kLogTailLines) {
    text = fmt::format("... {} lines before\n", kept.size() - kLogTailLines);
    kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(kLogTailLines));
  }
  return text + join(kept, "\n") + "\n";
}

Json message_json(incident::Message const& message) {
  return Json{{"channel", message.channel},
              {"moment", alert::moment_name(message.notice.moment)},
              {"title", message.notice.title},
              {"state", message.state},
              {"tries", message.tries},
              {"created_at", iso_text(message.created_at)},
              {"sent_at", json_time(message.sent_at)},
              {"trouble", message.trouble.empty() ? Json() : Json(message.trouble)}};
}

struct Action {
  std::string_view name;
  Status (*change)(Change&, std::int64_t, std::string const& who, std::string const& text);
  bool needs_text;
};
constexpr std::array kActions = {
    Action{"acknowledge",
           [](Change& change, std::int64_t id, std::string const& who, std::string const&) {
             return incident::acknowledge(change, id, who);
           },
           false},
    Action{"note", incident::note, true},
    Action{"resolve", incident::resolve, false},
    Action{"reopen", incident::reopen, false},
};

}  // namespace

Result<Json> Handlers::show_status() {
  Json json;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(json, incident::overview(database));
    return {};
  }));
  WEIR_TRY(auto const now, api.store.now());
  json["at"] = iso_text(now);
  json["jobs"] = Json::array();
  for (auto const& [name, job] : api.config.jobs) {
    WEIR_TRY(auto one, job_status(api, job, now));
    json["jobs"].push_back(std::move(one));
  }
  json["unreachable"] = Json::array();
  WEIR_TRY(auto const circuits, api.store.circuits());
  for (auto const& one : circuits)
    if (one.is_open())
      json["unreachable"].push_back(
          Json{{"endpoint", one.endpoint}, {"since", iso_text(one.since)}, {"text", circuit_text(one, now)}});
  return json;
}

Result<Json> Handlers::explain_relation() {
  WEIR_TRY(auto const name, name_of(request));
  Json json;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(json, incident::why_relation(database, name));
    return {};
  }));
  return json;
}

Result<Json> Handlers::explain_job() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  Json json;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(json, incident::why_job(database, id));
    return {};
  }));
  return json;
}

Result<Json> Handlers::show_impact() {
  WEIR_TRY(auto const name, name_of(request));
  Json json;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(json, incident::impact(database, name));
    return {};
  }));
  return json;
}

Result<Json> Handlers::list_incidents() {
  WEIR_TRY(auto const most, numeral_at(request.query, "most", 20));
  WEIR_TRY(auto const open, numeral_at(request.query, "open", 0));
  Json list = Json::array();
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const incidents,
             incident::list(database, open != 0, static_cast<int>(std::min<std::int64_t>(most, kMostIncidents))));
    for (auto const& one : incidents) list.push_back(incident::incident_json(one));
    return {};
  }));
  return Json{{"incidents", std::move(list)}};
}

Result<Json> Handlers::show_incident() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  incident::ReportFacts facts;
  std::vector<incident::Message> messages;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(facts, incident::collect(database, id, api.config.root.filename().string()));
    WEIR_TRY(messages, incident::messages_of(database, id));
    return {};
  }));
  Json json = incident::report_json(facts);
  json["messages"] = Json::array();
  for (auto const& message : messages) json["messages"].push_back(message_json(message));
  return json;
}

Result<Json> Handlers::change_incident() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  auto const& name = places.at("action");
  auto const* const action =
      std::find_if(kActions.begin(), kActions.end(), [&](auto const& one) { return one.name == name; });
  if (action == kActions.end())
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is nothing that can be done with an incident", name))
        .next("acknowledge, note, resolve, reopen");
  auto const text = text_at(parse_json(request.body), "text");
  if (action->needs_text && text.empty()) return Error(ErrorKind::Usage, "\"text\" is what is to be noted");
  Incident changed;
  WEIR_DO(api.store.transact([&](Change& change) -> Status {
    WEIR_DO(action->change(change, id, request.caller.actor(), text));
    WEIR_TRY(changed, incident::find(change.database, id));
    return {};
  }));
  return incident::incident_json(changed);
}

Result<Json> Handlers::report_incident() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  auto const format = value_at(request.query, "format");
  incident::ReportFacts facts;
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(facts, incident::collect(database, id, api.config.root.filename().string()));
    return {};
  }));
  auto zone_name = value_at(request.query, "zone");
  if (zone_name.empty()) zone_name = incident::zone_of(facts);
  WEIR_TRY(auto const zone, jobs::Zone::named(zone_name));
  if (format == "json") return incident::report_json(facts);
  auto const document = incident::report_document(
      facts, zone, [this](std::int64_t job, int attempt) { return log_tail(api.logs / jobs::log_name(job, attempt)); });
  return Json{{"text", format == "html" ? incident::to_html(document, incident::report_title(facts, zone))
                                        : incident::to_markdown(document)}};
}

Result<Json> Handlers::take_report() {
  auto const body = parse_json(request.body);
  auto const report = body.is_object() ? body.value("report", Json()) : Json();
  if (text_at(report, "type") != "sync" && text_at(report, "type") != "dbt")
    return Error(ErrorKind::Usage, "\"report\" is what a sync or a dbt run says of itself");
  std::int64_t made = 0;
  WEIR_DO(api.store.transact([&](Change& change) -> Status {
    WEIR_TRY(made, incident::take_by_hand(change, report, request.caller.actor()));
    return {};
  }));
  return Json{{"made", made}};
}

}  // namespace weir::server
