#include "server/api.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/log_file.h"
#include "server/handlers.h"
#include "server/openapi.h"

namespace weir::server {

namespace {

Json maybe(std::string const& text) {
  return text.empty() ? Json() : Json(text);
}

// What a path's {n} and {name} stand for.
using Places = std::map<std::string, std::string>;

std::optional<Places> match(std::string_view pattern, std::string const& path) {
  auto const want = split(pattern, '/'), have = split(path, '/');
  if (want.size() != have.size()) return std::nullopt;
  Places places;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!want[i].starts_with('{')) {
      if (want[i] != have[i]) return std::nullopt;
      continue;
    }
    if (have[i].empty()) return std::nullopt;
    places[want[i].substr(1, want[i].size() - 2)] = have[i];
  }
  return places;
}

Error wrong_value(std::string_view what, std::string const& value) {
  return Error(ErrorKind::Usage, fmt::format("{} is a number, not \"{}\"", what, value));
}

}  // namespace

Result<std::int64_t> numeral_at(std::map<std::string, std::string> const& values, std::string const& key,
                                std::int64_t fallback) {
  auto const found = values.find(key);
  if (found == values.end()) return fallback;
  auto const number = parse_int(found->second);
  if (!number || *number < 0) return wrong_value(key, found->second);
  return *number;
}

Result<Json> Handlers::list_routes() {
  Json list = Json::array();
  for (auto const& route : Api::routes())
    list.push_back(Json{
        {"method", route.method}, {"path", route.path}, {"role", role_name(route.role)}, {"summary", route.summary}});
  return Json{{"routes", std::move(list)}};
}

Result<Json> Handlers::describe() {
  return openapi(Api::routes());
}

namespace {

struct Entry {
  Route route;
  Result<Json> (Handlers::*handler)();
};

constexpr std::array kEntries = {
    Entry{{Role::Viewer, "GET", "/api/v1", "these routes", "", "", "routes:Route[]"}, &Handlers::list_routes},
    Entry{{Role::Viewer, "GET", "/api/v1/openapi.json", "these routes, for programs (OpenAPI 3.1)"},
          &Handlers::describe},
    Entry{{Role::Viewer, "GET", "/api/v1/jobs", "jobs, newest first", "name:text~ state:text~ before:int~ most:int~",
           "", "jobs:Job[]"},
          &Handlers::list_jobs},
    Entry{{Role::Operator, "POST", "/api/v1/jobs", "run a job now", "", "name:text", "+Made"}, &Handlers::run_job},
    Entry{{Role::Viewer, "GET", "/api/v1/jobs/{n}", "one job with its attempts", "", "", "+JobWithAttempts"},
          &Handlers::show_job},
    Entry{{Role::Operator, "POST", "/api/v1/jobs/{n}/retry", "run it again, or go on now", "", "from_failure:bool~",
           "+Made"},
          &Handlers::retry_job},
    Entry{{Role::Operator, "POST", "/api/v1/jobs/{n}/cancel", "end it", "", "", "job:int state:text"},
          &Handlers::cancel_job},
    Entry{{Role::Viewer, "GET", "/api/v1/jobs/{n}/attempts/{a}/log", "a page of the attempt's log, from a byte on",
           "from:int~", "", "text:text next:int file:text"},
          &Handlers::read_log},
    Entry{{Role::Viewer, "GET", "/api/v1/events", "events in their order", "after:int~ job:int~ most:int~", "",
           "events:Event[]"},
          &Handlers::list_events},
    Entry{{Role::Viewer, "GET", "/api/v1/events/verify", "whether the log of events is whole", "", "",
           "whole:bool broken_at:int?"},
          &Handlers::verify_events},
    Entry{{Role::Viewer, "GET", "/api/v1/status", "jobs, what they make, and what is wrong", "", "",
           "incidents:Incident[] makers:Maker[] at:time jobs:JobStatus[] unreachable:Unreachable[]"},
          &Handlers::show_status},
    Entry{{Role::Viewer, "GET", "/api/v1/why", "why a relation's data is as old as it is", "name:text", "",
           "+WhyRelation"},
          &Handlers::explain_relation},
    Entry{{Role::Viewer, "GET", "/api/v1/jobs/{n}/why", "why a job ended as it did", "", "", "+WhyJob"},
          &Handlers::explain_job},
    Entry{{Role::Viewer, "GET", "/api/v1/impact", "what is built from a relation", "name:text", "", "+Impact"},
          &Handlers::show_impact},
    Entry{{Role::Viewer, "GET", "/api/v1/incidents", "incidents, newest first", "open:int~ most:int~", "",
           "incidents:Incident[]"},
          &Handlers::list_incidents},
    Entry{{Role::Viewer, "GET", "/api/v1/incidents/{n}", "one incident, its jobs, relations and messages", "", "",
           "+Report messages:Message[]"},
          &Handlers::show_incident},
    Entry{{Role::Operator, "POST", "/api/v1/incidents/{n}/{action}", "acknowledge, note, resolve or reopen it", "",
           "text:text~", "+Incident"},
          &Handlers::change_incident},
    Entry{{Role::Viewer, "GET", "/api/v1/incidents/{n}/report", "its post-mortem: md, html or json",
           "format:text~ zone:text~", "", "text:text | +Report"},
          &Handlers::report_incident},
    Entry{{Role::Operator, "POST", "/api/v1/reports",
           "what a command that somebody ran by hand did to tables and models", "", "report:any", "made:int"},
          &Handlers::take_report},
    Entry{{Role::Admin, "POST", "/api/v1/state/backup", "a checked copy of the state, among its backups", "", "",
           "file:text"},
          &Handlers::back_up_state},
    Entry{{Role::Admin, "POST", "/api/v1/state/rebuild",
           "take up what a warehouse knows of the tables that it was loaded with", "", "job:int tables:any fences:any~",
           "tables:int next_job:int"},
          &Handlers::rebuild_state},
    Entry{{Role::Admin, "POST", "/api/v1/state/prune", "forget what is old", "", "older_than_s:int dry_run:bool~",
           "jobs:int events:int logs:int"},
          &Handlers::prune_state},
    Entry{{Role::Operator, "POST", "/api/v1/schedules/{name}", "switch a schedule on or off", "", "enabled:bool",
           "name:text enabled:bool"},
          &Handlers::switch_schedule},
    Entry{{Role::Nobody, "POST", "/api/v1/login", "log in; the answer's cookie is the login", "",
           "user:text password:text", "+Me"},
          &Handlers::log_in},
    Entry{{Role::Viewer, "POST", "/api/v1/logout", "end this login", "", "", "user:text"}, &Handlers::log_out},
    Entry{{Role::Viewer, "GET", "/api/v1/me", "who asks, and what he may", "", "", "+Me"}, &Handlers::show_me},
    Entry{{Role::Admin, "GET", "/api/v1/users", "who may log in", "", "", "users:User[]"}, &Handlers::list_users},
    Entry{{Role::Admin, "POST", "/api/v1/users", "a new user", "", "name:text role:text~ password:text", "+User"},
          &Handlers::add_user},
    Entry{{Role::Admin, "POST", "/api/v1/users/{name}/password", "another password; the user's logins end", "",
           "password:text", "name:text logins_ended:int"},
          &Handlers::change_password},
    Entry{{Role::Admin, "POST", "/api/v1/users/{name}/remove", "a user goes, with logins and tokens", "", "",
           "name:text logins_ended:int tokens_revoked:int"},
          &Handlers::remove_user},
    Entry{{Role::Admin, "GET", "/api/v1/tokens", "tokens of programs", "", "", "tokens:Token[]"},
          &Handlers::list_tokens},
    Entry{{Role::Admin, "POST", "/api/v1/tokens", "a new token, shown this once", "",
           "name:text user:text role:text~ expires_s:int~", "+Token token:text"},
          &Handlers::create_token},
    Entry{{Role::Admin, "POST", "/api/v1/tokens/{name}/revoke", "a token counts no more", "", "", "name:text"},
          &Handlers::revoke_token},
};

Error nobody() {
  return Error(ErrorKind::Denied, "nobody is logged in")
      .state("nothing was done")
      .next("log in by POST /api/v1/login, or send a token: Authorization: Bearer weir_...");
}

Error not_allowed(Request const& request, Role needed) {
  return Error(ErrorKind::Denied, fmt::format("{} may not {} {}", request.caller.actor(), request.method, request.path))
      .cause(fmt::format("that takes {}, and this is {}", role_name(needed), role_name(request.caller.role)))
      .state("nothing was done")
      .next("ask somebody who may");
}

}  // namespace

Response failed(Error const& error, int status) {
  return Response{status, json_line(Json{{"error", error.to_json()}}), {}, 0};
}

Api::Api(jobs::Store& store, config::Current const& config, std::filesystem::path const& folder, Clock& clock)
    : store_(store), config_(config), logs_(folder / "logs"), backups_(folder / "backups"), access_(store, clock) {}

std::vector<Route> Api::routes() {
  std::vector<Route> routes;
  for (auto const& entry : kEntries) routes.push_back(entry.route);
  return routes;
}

bool Api::is_for_everybody(std::string const& method, std::string const& path) {
  return std::any_of(kEntries.begin(), kEntries.end(), [&](Entry const& entry) {
    return entry.route.role == Role::Nobody && entry.route.method == method && match(entry.route.path, path);
  });
}

Response Api::handle(Request const& request) {
  bool is_known = false;
  for (auto const& entry : kEntries) {
    auto const places = match(entry.route.path, request.path);
    if (!places) continue;
    is_known = true;
    if (entry.route.method != request.method) continue;
    if (request.caller.role < entry.route.role) {
      bool const is_nobody = request.caller.role == Role::Nobody;
      return is_nobody ? failed(nobody(), 401) : failed(not_allowed(request, entry.route.role), 403);
    }
    Response response;
    Handlers handlers{Insides{store_, config_.get(), logs_, backups_, access_}, request, *places, response};
    auto const answer = (handlers.*entry.handler)();
    if (answer.ok()) {
      response.body = json_line(*answer);
      return response;
    }
    auto const status = response.status != 200 ? response.status : http_status(answer.error().kind());
    auto refusal = failed(answer.error(), status);
    refusal.retry_after_s = response.retry_after_s;
    return refusal;
  }
  if (request.caller.role == Role::Nobody) return failed(nobody(), 401);
  if (is_known)
    return failed(Error(ErrorKind::Usage, fmt::format("{} takes no {}", request.path, request.method)), 405);
  return failed(Error(ErrorKind::Usage, fmt::format("{} is no address of the API", request.path)), 404);
}

Result<config::Job const*> find_job(config::Config const& config, std::string const& name) {
  auto const found = config.jobs.find(name);
  if (found != config.jobs.end()) return &found->second;
  std::vector<std::string> names;
  for (auto const& [known, job] : config.jobs) names.push_back(known);
  std::string next = did_you_mean(name, names);
  if (next.empty())
    next = names.empty() ? "weir.yml has none: add one under jobs:, weir help config shows how"
                         : fmt::format("weir.yml has: {}", join(names, ", "));
  return Error(ErrorKind::Usage, fmt::format("job \"{}\" does not exist", name)).object(name).next(std::move(next));
}

int http_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Usage:
      return 400;
    case ErrorKind::Denied:
      return 403;
    case ErrorKind::Refused:
      return 409;
    case ErrorKind::Busy:
    case ErrorKind::Unavailable:
      return 503;
    default:
      return 500;
  }
}

Error error_of(Response const& response) {
  auto const json = parse_json(response.body);
  Json const error = json.is_object() ? json.value("error", Json::object()) : Json::object();
  auto const kind = error_kind(text_at(error, "kind")).value_or(ErrorKind::Internal);
  std::string message = text_at(error, "message");
  if (message.empty()) message = fmt::format("the answer was {}", response.status);
  Error made(kind, std::move(message));
  if (auto text = text_at(error, "object"); !text.empty()) made.object(std::move(text));
  if (auto text = text_at(error, "where"); !text.empty()) made.where(std::move(text));
  if (auto text = text_at(error, "cause"); !text.empty()) made.cause(std::move(text));
  if (auto text = text_at(error, "state"); !text.empty()) made.state(std::move(text));
  if (auto text = text_at(error, "next"); !text.empty()) made.next(std::move(text));
  return made;
}

Json job_json(jobs::Job const& job) {
  return Json{
      {"job", job.id},
      {"name", job.name},
      {"state", state_name(job.state)},
      {"cause", job.cause},
      {"actor", job.actor},
      {"steps", jobs::definition_json(job.definition)["steps"]},
      {"parent", job.parent ? Json(*job.parent) : Json()},
      {"slot", maybe(job.slot_local)},
      {"attempts", job.attempts},
      {"max_attempts", job.definition.attempts},
      {"uncounted_attempts", job.uncounted},
      {"waiting", maybe(job.waiting)},
      {"created_at", iso_text(job.created_at)},
      {"run_at", iso_text(job.run_at)},
      {"started_at", json_time(job.started_at)},
      {"finished_at", json_time(job.finished_at)},
      {"duration_ms",
       job.started_at && job.finished_at
           ? Json(std::chrono::duration_cast<std::chrono::milliseconds>(*job.finished_at - *job.started_at).count())
           : Json()},
      {"cancelled_by", maybe(job.cancelled_by)}};
}

Json attempt_json(jobs::Attempt const& attempt, std::string const& host) {
  return Json{
      {"attempt", attempt.n},
      {"state", attempt.state},
      {"failure", maybe(attempt.failure)},
      {"host", maybe(host)},
      {"started_at", iso_text(attempt.started_at)},
      {"ended_at", json_time(attempt.ended_at)},
      {"duration_ms",
       attempt.ended_at
           ? Json(std::chrono::duration_cast<std::chrono::milliseconds>(*attempt.ended_at - attempt.started_at).count())
           : Json()},
      {"published", attempt.published},
      {"rows", attempt.rows},
      {"error", attempt.error.empty() ? Json() : parse_json(attempt.error)},
      {"log", jobs::log_name(attempt.job, attempt.n)}};
}

}  // namespace weir::server
