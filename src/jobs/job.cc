#include "jobs/job.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace weir::jobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> kStates = {"pending", "running",   "incomplete",
                                                     "failed",  "succeeded", "cancelled"};
constexpr std::array<std::string_view, 9> kClasses = {"",    "transient",   "data",     "config",   "held",
                                                      "bug", "worker lost", "stopping", "cancelled"};
constexpr int kMostUncounted = 20;

std::int64_t microseconds(Json const& json, char const* key, std::chrono::microseconds fallback) {
  return json.value(key, static_cast<std::int64_t>(fallback.count()));
}

bool may_be_tried_again(FailureClass failure, std::vector<Attempt> const& earlier) {
  switch (failure) {
    case FailureClass::Transient:
    case FailureClass::WorkerLost:
    case FailureClass::Stopping:
      return true;
    case FailureClass::Data:  // once more: rows may have changed while they were read
      return earlier.empty() || earlier.back().failure != class_name(FailureClass::Data);
    default:
      return false;
  }
}

// Of dbt's command line; "." where it does not say.
std::string project_dir(std::string_view command) {
  constexpr std::string_view kOption = "--project-dir";
  auto const words = split(command, ' ');
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == kOption && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with(kOption) && words[i].size() > kOption.size() && words[i][kOption.size()] == '=')
      return words[i].substr(kOption.size() + 1);
  }
  return ".";
}

// Failed attempts in a row, this one included, that published nothing.
int failures_in_a_row(std::vector<Attempt> const& earlier, AttemptEnd const& end) {
  if (end.published > 0) return 0;
  int count = 1;
  for (auto at = earlier.rbegin(); at != earlier.rend() && at->published == 0; ++at) ++count;
  return count;
}

Duration pause(config::Job const& rules, int failures, double luck) {
  if (failures == 0) return Duration(0);
  double const longest = static_cast<double>(rules.retry_most.count());
  double const whole = std::min(longest, static_cast<double>(rules.retry_first.count()) *
                                             std::pow(static_cast<double>(rules.retry_factor), failures - 1));
  return Duration(static_cast<std::int64_t>(whole * (0.5 + luck / 2)));
}

}  // namespace

std::string_view state_name(JobState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<JobState> job_state(std::string_view name) {
  auto const found = std::find(kStates.begin(), kStates.end(), name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<JobState>(found - kStates.begin());
}

bool is_final(JobState state) {
  return state == JobState::Failed || state == JobState::Succeeded || state == JobState::Cancelled;
}

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::Schedule:
      return "schedule";
    case Cause::Manual:
      return "manual";
    case Cause::Retry:
      return "retry";
    case Cause::Recovery:
      return "recovery";
  }
  return "";
}

std::string_view class_name(FailureClass failure) {
  return kClasses[static_cast<std::size_t>(failure)];
}

FailureClass class_of(ErrorKind kind, std::string_view sqlstate) {
  if (kind == ErrorKind::Sql && sqlstate.starts_with("XX")) return FailureClass::Bug;
  switch (kind) {
    case ErrorKind::Unavailable:
    case ErrorKind::Busy:
    case ErrorKind::InDoubt:
      return FailureClass::Transient;
    case ErrorKind::Data:
      return FailureClass::Data;
    case ErrorKind::Refused:
      return FailureClass::Held;
    case ErrorKind::Cancelled:
      return FailureClass::Cancelled;
    case ErrorKind::Internal:
      return FailureClass::Bug;
    case ErrorKind::Usage:
    case ErrorKind::Config:
    case ErrorKind::Template:
    case ErrorKind::Sql:
    case ErrorKind::Denied:
      return FailureClass::Config;
  }
  return FailureClass::Bug;
}

Json definition_json(config::Job const& job) {
  Json steps = Json::array();
  for (auto const& step : job.steps) steps.push_back(Json{{std::string(step_kind_name(step.kind)), step.text}});
  Json endpoints = Json::array();  // in the order of the steps
  for (auto const& step : job.steps) endpoints.push_back(step.endpoints);
  return Json{{"name", job.name},
              {"steps", std::move(steps)},
              {"endpoints", std::move(endpoints)},
              {"cron", job.when.cron},
              {"zone", job.when.zone},
              {"every_us", job.when.every.count()},
              {"stale_sources", job.stale_sources},
              {"attempts", job.attempts},
              {"retry_first_us", job.retry_first.count()},
              {"retry_factor", job.retry_factor},
              {"retry_most_us", job.retry_most.count()},
              {"queue_timeout_us", job.queue_timeout.count()},
              {"attempt_timeout_us", job.attempt_timeout.count()},
              {"job_timeout_us", job.job_timeout.count()},
              {"silence_timeout_us", job.silence_timeout.count()}};
}

config::Job definition_from(Json const& json) {
  config::Job job;
  job.name = json.value("name", "");
  if (auto const steps = json.find("steps"); steps != json.end() && steps->is_array())
    for (auto const& step : *steps)
      for (auto const kind : {config::JobStep::Kind::Sync, config::JobStep::Kind::Dbt, config::JobStep::Kind::Verify})
        if (auto const text = step.find(std::string(step_kind_name(kind))); text != step.end() && text->is_string())
          job.steps.push_back(config::JobStep{kind, text->get<std::string>(), {}});
  if (auto const endpoints = json.find("endpoints"); endpoints != json.end())  // not of what older weirs made
    for (std::size_t i = 0; i < std::min(endpoints->size(), job.steps.size()); ++i)
      for (auto const& name : (*endpoints)[i])
        if (name.is_string()) job.steps[i].endpoints.push_back(name.get<std::string>());
  job.when.cron = json.value("cron", "");
  job.when.zone = json.value("zone", job.when.zone);
  job.when.every = Duration(microseconds(json, "every_us", job.when.every));
  job.stale_sources = json.value("stale_sources", job.stale_sources);
  job.attempts = json.value("attempts", job.attempts);
  job.retry_first = Duration(microseconds(json, "retry_first_us", job.retry_first));
  job.retry_factor = json.value("retry_factor", job.retry_factor);
  job.retry_most = Duration(microseconds(json, "retry_most_us", job.retry_most));
  job.queue_timeout = Duration(microseconds(json, "queue_timeout_us", job.queue_timeout));
  job.attempt_timeout = Duration(microseconds(json, "attempt_timeout_us", job.attempt_timeout));
  job.job_timeout = Duration(microseconds(json, "job_timeout_us", job.job_timeout));
  job.silence_timeout = Duration(microseconds(json, "silence_timeout_us", job.silence_timeout));
  return job;
}

std::vector<std::string> resources_of(config::Job const& job) {
  std::vector<std::string> names;
  for (auto const& step : job.steps) {
    std::string name = step.kind == config::JobStep::Kind::Dbt
                           ? fmt::format("dbt project \"{}\"", project_dir(step.text))
                           : fmt::format("connection \"{}\"", step.text);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> endpoints_of(Job const& job) {
  auto const resume = parse_json(job.resume);
  auto const& steps = job.definition.steps;
  auto const first = resume.is_object() ? resume.value("step", std::size_t{0}) : 0;
  auto const last = resume.is_object() ? resume.value("last", steps.size()) : steps.size();
  std::vector<std::string> names;
  for (std::size_t i = first; i < steps.size() && i <= last; ++i)
    for (auto const& name : steps[i].endpoints)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

AfterAttempt after_attempt(Job const& job, std::vector<Attempt> const& earlier, AttemptEnd const& end, Instant now,
                           double luck) {
  auto const& rules = job.definition;
  if (end.failure == FailureClass::None) return {JobState::Succeeded, {}, true, "everything is done"};
  if (end.failure == FailureClass::Cancelled || !job.cancelled_by.empty())
    return {JobState::Cancelled,
            {},
            true,
            job.cancelled_by.empty() ? "it was cancelled" : fmt::format("cancelled by {}", job.cancelled_by)};
  bool const counts = end.failure != FailureClass::Stopping && (end.published == 0 || job.uncounted >= kMostUncounted);
  if (!may_be_tried_again(end.failure, earlier))
    return {JobState::Failed,
            {},
            counts,
            end.failure == FailureClass::Held ? "it waits for a person: another attempt would be refused too"
                                              : "another attempt would fail in the same way"};
  int const used = job.attempts - job.uncounted - (counts ? 0 : 1);
  if (used >= rules.attempts)
    return {
        JobState::Failed,
        {},
        counts,
        rules.attempts == 1 ? "there is no other attempt" : fmt::format("all {} attempts are used up", rules.attempts)};
  Duration const wait =
      end.failure == FailureClass::Stopping ? Duration(0) : pause(rules, failures_in_a_row(earlier, end), luck);
  if (job.started_at && now + wait > *job.started_at + rules.job_timeout)
    return {
        JobState::Failed,
        {},
        counts,
        fmt::format("the next attempt would begin later than {} after the first", format_duration(rules.job_timeout))};
  return {JobState::Incomplete, now + wait, counts,
          wait.count() == 0 ? "the next attempt goes on at once"
                            : fmt::format("the next attempt begins in {}", format_duration(wait))};
}

}  // namespace weir::jobs
