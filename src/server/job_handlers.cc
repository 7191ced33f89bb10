#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/log_file.h"
#include "jobs/read.h"
#include "jobs/runner.h"
#include "server/handlers.h"

namespace weir::server {
namespace {

constexpr int kMostRows = 10'000;
constexpr std::uint64_t kMostLogBytes = 4U << 20;

Json made(jobs::Enqueued const& enqueued) {
  return Json{{"job", enqueued.job}, {"is_new", enqueued.is_new}};
}

// An incomplete job goes on now; one that runs or waits for another is left as it is.
Status hurry(Api::Insides const& api, std::string const& actor, std::int64_t job) {
  auto const hurried = api.store.retry_now(job, actor);
  if (!hurried.ok() && hurried.error().kind() != ErrorKind::Refused) return hurried.error().clone();
  return {};
}

Result<std::string> rest_of(jobs::Job const& old, config::Job const& job) {
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

// Of an attempt that another machine, or a weir with another folder, carried out: where its log is; nothing where it
// should be here.
Result<std::optional<Error>> elsewhere(Api::Insides const& api, std::int64_t job, std::int64_t attempt) {
  WEIR_TRY(auto const attempts, api.store.attempts(job));
  for (auto const& one : attempts) {
    if (one.n != attempt) continue;
    WEIR_TRY(auto const by, api.store.worker(one.worker));
    if (!by || by->folder.empty()) break;
    bool const is_here = by->host == jobs::host_name();
    if (is_here && by->folder == api.logs.string()) break;
    auto const file = std::filesystem::path(by->folder) / jobs::log_name(job, static_cast<int>(attempt));
    return std::optional(
        Error(ErrorKind::Usage, fmt::format("the log of attempt {} of job {} is not here", attempt, job))
            .where(fmt::format("{}:{}", by->host, file.string()))
            .cause(is_here ? "a weir with another folder carried the attempt out"
                           : fmt::format("host \"{}\" carried the attempt out, and logs are files", by->host))
            .next(fmt::format("weir job show {} says what came of it; read the file there", job)));
  }
  return std::optional<Error>();
}

}  // namespace

Result<Json> Handlers::list_jobs() {
  jobs::JobFilter filter;
  auto const& query = request.query;
  if (auto const name = query.find("name"); name != query.end()) filter.name = name->second;
  if (auto const state = query.find("state"); state != query.end()) filter.state = jobs::job_state(state->second);
  WEIR_TRY(auto const most, numeral_at(query, "most", 50));
  WEIR_TRY(auto const before, numeral_at(query, "before", 0));
  filter.most = static_cast<int>(std::min<std::int64_t>(most, kMostRows));
  if (before > 0) filter.before = before;
  WEIR_TRY(auto const jobs, api.store.jobs(filter));
  Json list = Json::array();
  for (auto const& job : jobs) list.push_back(job_json(job));
  return Json{{"jobs", std::move(list)}};
}

Result<Json> Handlers::show_job() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  WEIR_TRY(auto const job, api.store.job(id));
  WEIR_TRY(auto const attempts, api.store.attempts(id));
  Json json = job_json(job);
  json["attempt_list"] = Json::array();
  for (auto const& attempt : attempts) {
    WEIR_TRY(auto const by, api.store.worker(attempt.worker));
    json["attempt_list"].push_back(attempt_json(attempt, by ? by->host : ""));
  }
  return json;
}

Result<Json> Handlers::run_job() {
  auto const body = parse_json(request.body);
  WEIR_TRY(auto const* job, find_job(api.config, body.is_object() ? body.value("name", "") : ""));
  jobs::NewJob wanted;
  wanted.definition = *job;
  wanted.actor = request.caller.actor();
  WEIR_TRY(auto const enqueued, api.store.enqueue(std::move(wanted)));
  WEIR_DO(hurry(api, request.caller.actor(), enqueued.job));
  return made(enqueued);
}

Result<Json> Handlers::retry_job() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  WEIR_TRY(auto const old, api.store.job(id));
  if (!is_final(old.state)) {
    WEIR_DO(hurry(api, request.caller.actor(), id));
    return made({id, false});
  }
  WEIR_TRY(auto const* job, find_job(api.config, old.name));
  auto const body = parse_json(request.body);
  jobs::NewJob wanted;
  wanted.definition = *job;
  wanted.cause = jobs::Cause::Retry;
  wanted.actor = request.caller.actor();
  wanted.parent = old.id;
  if (body.is_object() && body.value("from_failure", false)) {
    WEIR_TRY(wanted.resume, rest_of(old, *job));
  }
  WEIR_TRY(auto const enqueued, api.store.enqueue(std::move(wanted)));
  if (!enqueued.is_new)
    return Error(ErrorKind::Refused, fmt::format("job {} of \"{}\" has not ended yet", enqueued.job, old.name))
        .state("nothing was run")
        .next(
            fmt::format("weir retry {} goes on with that one, weir job cancel {} ends it", enqueued.job, enqueued.job));
  return made(enqueued);
}

Result<Json> Handlers::cancel_job() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  WEIR_TRY(auto const state, api.store.cancel(id, request.caller.actor()));
  return Json{{"job", id}, {"state", state_name(state)}};
}

Result<Json> Handlers::read_log() {
  WEIR_TRY(auto const id, numeral_at(places, "n", 0));
  WEIR_TRY(auto const attempt, numeral_at(places, "a", 0));
  WEIR_TRY(auto const from, numeral_at(request.query, "from", 0));
  WEIR_TRY(auto const job, api.store.job(id));
  if (attempt < 1 || attempt > job.attempts)
    return Error(ErrorKind::Usage, job.attempts == 0 ? fmt::format("job {} has had no attempt yet", id)
                                                     : fmt::format("job {} has no attempt {}", id, attempt))
        .next(job.attempts == 0
                  ? fmt::format("weir job show {}", id)
                  : fmt::format("it has {}", plural(static_cast<std::uint64_t>(job.attempts), "attempt")));
  auto const file = api.logs / jobs::log_name(id, static_cast<int>(attempt));
  std::error_code failed;
  if (!std::filesystem::exists(file, failed)) {
    WEIR_TRY(auto not_here, elsewhere(api, id, attempt));
    if (not_here) return std::move(*not_here);
  }
  WEIR_TRY(auto const page, jobs::read_log(file, static_cast<std::uint64_t>(from), kMostLogBytes));
  return Json{{"text", page.text}, {"next", page.next}, {"file", file.string()}};
}

Result<Json> Handlers::list_events() {
  WEIR_TRY(auto const after, numeral_at(request.query, "after", 0));
  WEIR_TRY(auto const job, numeral_at(request.query, "job", 0));
  WEIR_TRY(auto const most, numeral_at(request.query, "most", 1000));
  WEIR_TRY(auto const events, api.store.events(after, job > 0 ? std::optional(job) : std::nullopt,
                                               static_cast<int>(std::min<std::int64_t>(most, kMostRows))));
  Json list = Json::array();
  for (auto const& event : events) list.push_back(event_json(event));
  return Json{{"events", std::move(list)}};
}

Result<Json> Handlers::verify_events() {
  WEIR_TRY(auto const broken, api.store.broken_link());
  return Json{{"whole", !broken}, {"broken_at", broken ? Json(*broken) : Json()}};
}

Result<Json> Handlers::switch_schedule() {
  WEIR_TRY(auto const* job, find_job(api.config, places.at("name")));
  auto const body = parse_json(request.body);
  if (!body.is_object() || !body.contains("enabled") || !body["enabled"].is_boolean())
    return Error(ErrorKind::Usage, "\"enabled\" is true or false");
  bool const enabled = body["enabled"].get<bool>();
  WEIR_DO(api.store.enable_schedule(job->name, enabled, request.caller.actor()));
  return Json{{"name", job->name}, {"enabled", enabled}};
}

}  // namespace weir::server
