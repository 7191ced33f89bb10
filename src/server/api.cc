#include "server/api.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time_text.h"
#include "jobs/log_file.h"

namespace weir::server {

using Json = nlohmann::ordered_json;

namespace {

constexpr int kMostRows = 10'000;
constexpr std::uint64_t kMostLogBytes = 4U << 20;

std::string dump(Json const& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json maybe(std::optional<Instant> const& at) {
  return at ? Json(iso_text(*at)) : Json();
}

Json maybe(std::string const& text) {
  return text.empty() ? Json() : Json(text);
}

Json parsed(std::string const& text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
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

Result<std::int64_t> number_at(std::map<std::string, std::string> const& values, std::string const& key,
                               std::int64_t fallback) {
  auto const found = values.find(key);
  if (found == values.end()) return fallback;
  auto const number = parse_int(found->second);
  if (!number || *number < 0) return wrong_value(key, found->second);
  return *number;
}

}  // namespace

// One function a route.
struct Handlers {
  Api& api;
  Request const& request;
  Places const& places;

  Result<Json> list_routes() {
    Json list = Json::array();
    for (auto const& route : Api::routes())
      list.push_back(Json{{"method", route.method}, {"path", route.path}, {"summary", route.summary}});
    return Json{{"routes", std::move(list)}};
  }

  Result<Json> list_jobs() {
    jobs::JobFilter filter;
    auto const& query = request.query;
    if (auto const name = query.find("name"); name != query.end()) filter.name = name->second;
    if (auto const state = query.find("state"); state != query.end()) filter.state = jobs::job_state(state->second);
    WEIR_TRY(auto const most, number_at(query, "most", 50));
    WEIR_TRY(auto const before, number_at(query, "before", 0));
    filter.most = static_cast<int>(std::min<std::int64_t>(most, kMostRows));
    if (before > 0) filter.before = before;
    WEIR_TRY(auto const jobs, api.store_.jobs(filter));
    Json list = Json::array();
    for (auto const& job : jobs) list.push_back(job_json(job));
    return Json{{"jobs", std::move(list)}};
  }

  Result<Json> show_job() {
    WEIR_TRY(auto const id, number_at(places, "n", 0));
    WEIR_TRY(auto const job, api.store_.job(id));
    WEIR_TRY(auto const attempts, api.store_.attempts(id));
    Json json = job_json(job);
    json["attempt_list"] = Json::array();
    for (auto const& attempt : attempts) json["attempt_list"].push_back(attempt_json(attempt));
    return json;
  }

  static Json made(jobs::Enqueued const& enqueued) { return Json{{"job", enqueued.job}, {"is_new", enqueued.is_new}}; }

  // An incomplete job goes on now; one that runs or waits for another is left as it is.
  Status hurry(std::int64_t job) {
    auto const hurried = api.store_.retry_now(job, request.actor);
    if (!hurried.ok() && hurried.error().kind() != ErrorKind::Refused) return hurried.error().clone();
    return {};
  }

  Result<Json> run_job() {
    auto const body = parsed(request.body);
    WEIR_TRY(auto const* job, find_job(api.config_, body.is_object() ? body.value("name", "") : ""));
    jobs::NewJob wanted;
    wanted.definition = *job;
    wanted.actor = request.actor;
    WEIR_TRY(auto const enqueued, api.store_.enqueue(std::move(wanted)));
    WEIR_DO(hurry(enqueued.job));
    return made(enqueued);
  }

  Result<Json> retry_job() {
    WEIR_TRY(auto const id, number_at(places, "n", 0));
    WEIR_TRY(auto const old, api.store_.job(id));
    if (!is_final(old.state)) {
      WEIR_DO(hurry(id));
      return made({id, false});
    }
    WEIR_TRY(auto const* job, find_job(api.config_, old.name));
    auto const body = parsed(request.body);
    jobs::NewJob wanted;
    wanted.definition = *job;
    wanted.cause = jobs::Cause::Retry;
    wanted.actor = request.actor;
    wanted.parent = old.id;
    if (body.is_object() && body.value("from_failure", false)) {
      WEIR_TRY(wanted.resume, rest_of(old, *job));
    }
    WEIR_TRY(auto const enqueued, api.store_.enqueue(std::move(wanted)));
    if (!enqueued.is_new)
      return Error(ErrorKind::Refused, fmt::format("job {} of \"{}\" has not ended yet", enqueued.job, old.name))
          .state("nothing was run")
          .next(fmt::format("weir retry {} goes on with that one, weir job cancel {} ends it", enqueued.job,
                            enqueued.job));
    return made(enqueued);
  }

  static Result<std::string> rest_of(jobs::Job const& old, config::Job const& job) {
    if (old.state == jobs::JobState::Succeeded)
      return Error(ErrorKind::Usage, fmt::format("job {} succeeded: nothing of it failed", old.id))
          .state("nothing was run")
          .next(fmt::format("weir run {}", old.name));
    if (jobs::definition_json(old.definition)["steps"] != jobs::definition_json(job)["steps"])
      return Error(ErrorKind::Usage, fmt::format("the steps of job \"{}\" have changed since job {}", old.name, old.id))
          .where(job.place.text())
          .state("nothing was run")
          .next(fmt::format("weir retry {} without --from-failure runs all of them", old.id));
    return old.resume;
  }

  Result<Json> cancel_job() {
    WEIR_TRY(auto const id, number_at(places, "n", 0));
    WEIR_TRY(auto const state, api.store_.cancel(id, request.actor));
    return Json{{"job", id}, {"state", state_name(state)}};
  }

  Result<Json> read_log() {
    WEIR_TRY(auto const id, number_at(places, "n", 0));
    WEIR_TRY(auto const attempt, number_at(places, "a", 0));
    WEIR_TRY(auto const from, number_at(request.query, "from", 0));
    WEIR_TRY(auto const job, api.store_.job(id));
    if (attempt < 1 || attempt > job.attempts)
      return Error(ErrorKind::Usage, job.attempts == 0 ? fmt::format("job {} has had no attempt yet", id)
                                                       : fmt::format("job {} has no attempt {}", id, attempt))
          .next(job.attempts == 0
                    ? fmt::format("weir job show {}", id)
                    : fmt::format("it has {}", plural(static_cast<std::uint64_t>(job.attempts), "attempt")));
    auto const file = api.logs_ / jobs::log_name(id, static_cast<int>(attempt));
    WEIR_TRY(auto const page, jobs::read_log(file, static_cast<std::uint64_t>(from), kMostLogBytes));
    return Json{{"text", page.text}, {"next", page.next}, {"file", file.string()}};
  }

  Result<Json> list_events() {
    WEIR_TRY(auto const after, number_at(request.query, "after", 0));
    WEIR_TRY(auto const job, number_at(request.query, "job", 0));
    WEIR_TRY(auto const most, number_at(request.query, "most", 1000));
    WEIR_TRY(auto const events, api.store_.events(after, job > 0 ? std::optional(job) : std::nullopt,
                                                  static_cast<int>(std::min<std::int64_t>(most, kMostRows))));
    Json list = Json::array();
    for (auto const& event : events) list.push_back(event_json(event));
    return Json{{"events", std::move(list)}};
  }

  Result<Json> verify_events() {
    WEIR_TRY(auto const broken, api.store_.broken_link());
    return Json{{"whole", !broken}, {"broken_at", broken ? Json(*broken) : Json()}};
  }

  Result<Json> switch_schedule() {
    WEIR_TRY(auto const* job, find_job(api.config_, places.at("name")));
    auto const body = parsed(request.body);
    if (!body.is_object() || !body.contains("enabled") || !body["enabled"].is_boolean())
      return Error(ErrorKind::Usage, "\"enabled\" is true or false");
    bool const enabled = body["enabled"].get<bool>();
    WEIR_DO(api.store_.enable_schedule(job->name, enabled, request.actor));
    return Json{{"name", job->name}, {"enabled", enabled}};
  }
};

namespace {

struct Entry {
  Route route;
  Result<Json> (Handlers::*handler)();
};

constexpr std::array kEntries = {
    Entry{{"GET", "/api/v1", "these routes"}, &Handlers::list_routes},
    Entry{{"GET", "/api/v1/jobs", "jobs, newest first; query: name, state, before, most"}, &Handlers::list_jobs},
    Entry{{"POST", "/api/v1/jobs", "run the job {\"name\": ...} now"}, &Handlers::run_job},
    Entry{{"GET", "/api/v1/jobs/{n}", "one job with its attempts"}, &Handlers::show_job},
    Entry{{"POST", "/api/v1/jobs/{n}/retry", "run it again, or go on now; body: from_failure"}, &Handlers::retry_job},
    Entry{{"POST", "/api/v1/jobs/{n}/cancel", "end it"}, &Handlers::cancel_job},
    Entry{{"GET", "/api/v1/jobs/{n}/attempts/{a}/log", "a page of the attempt's log; query: from (bytes)"},
          &Handlers::read_log},
    Entry{{"GET", "/api/v1/events", "events in their order; query: after, job, most"}, &Handlers::list_events},
    Entry{{"GET", "/api/v1/events/verify", "whether the log of events is whole"}, &Handlers::verify_events},
    Entry{{"POST", "/api/v1/schedules/{name}", "switch a schedule on or off; body: enabled"},
          &Handlers::switch_schedule},
};

Response failed(Error const& error, int status) {
  return Response{status, dump(Json{{"error", error.to_json()}})};
}

}  // namespace

Api::Api(jobs::Store& store, config::Config const& config, std::filesystem::path logs)
    : store_(store), config_(config), logs_(std::move(logs)) {}

std::vector<Route> Api::routes() {
  std::vector<Route> routes;
  for (auto const& entry : kEntries) routes.push_back(entry.route);
  return routes;
}

Response Api::handle(Request const& request) {
  bool is_known = false;
  for (auto const& entry : kEntries) {
    auto const places = match(entry.route.path, request.path);
    if (!places) continue;
    is_known = true;
    if (entry.route.method != request.method) continue;
    Handlers handlers{*this, request, *places};
    auto const answer = (handlers.*entry.handler)();
    return answer.ok() ? Response{200, dump(*answer)} : failed(answer.error(), http_status(answer.error().kind()));
  }
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
  auto const json = parsed(response.body);
  Json const error = json.is_object() ? json.value("error", Json::object()) : Json::object();
  auto at = [&](char const* key) {
    auto const found = error.find(key);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  ErrorKind kind = ErrorKind::Internal;
  for (auto const one : {ErrorKind::Usage, ErrorKind::Config, ErrorKind::Data, ErrorKind::Denied, ErrorKind::Refused,
                         ErrorKind::Busy, ErrorKind::Unavailable})
    if (kind_name(one) == at("kind")) kind = one;
  std::string message = at("message");
  if (message.empty()) message = fmt::format("the answer was {}", response.status);
  Error made(kind, std::move(message));
  if (auto text = at("object"); !text.empty()) made.object(std::move(text));
  if (auto text = at("where"); !text.empty()) made.where(std::move(text));
  if (auto text = at("cause"); !text.empty()) made.cause(std::move(text));
  if (auto text = at("state"); !text.empty()) made.state(std::move(text));
  if (auto text = at("next"); !text.empty()) made.next(std::move(text));
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
      {"started_at", maybe(job.started_at)},
      {"finished_at", maybe(job.finished_at)},
      {"duration_ms",
       job.started_at && job.finished_at
           ? Json(std::chrono::duration_cast<std::chrono::milliseconds>(*job.finished_at - *job.started_at).count())
           : Json()},
      {"cancelled_by", maybe(job.cancelled_by)}};
}

Json attempt_json(jobs::Attempt const& attempt) {
  return Json{
      {"attempt", attempt.n},
      {"state", attempt.state},
      {"failure", maybe(attempt.failure)},
      {"started_at", iso_text(attempt.started_at)},
      {"ended_at", maybe(attempt.ended_at)},
      {"duration_ms",
       attempt.ended_at
           ? Json(std::chrono::duration_cast<std::chrono::milliseconds>(*attempt.ended_at - attempt.started_at).count())
           : Json()},
      {"published", attempt.published},
      {"rows", attempt.rows},
      {"error", attempt.error.empty() ? Json() : parsed(attempt.error)},
      {"log", jobs::log_name(attempt.job, attempt.n)}};
}

Json event_json(jobs::Event const& event) {
  return Json{{"seq", event.seq},
              {"at", iso_text(event.at)},
              {"actor", event.actor},
              {"kind", event.kind},
              {"object", event.object},
              {"job", event.job ? Json(*event.job) : Json()},
              {"attempt", event.attempt ? Json(*event.attempt) : Json()},
              {"data", parsed(event.data)},
              {"hash", event.hash}};
}

}  // namespace weir::server
