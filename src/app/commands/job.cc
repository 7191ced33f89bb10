// weir job ls, show, next, cancel, enable, disable.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_view.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/scheduler.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

Result<int> count_of(Context& context, char const* option, int fallback) {
  if (!context.arguments().has(option)) return fallback;
  auto const text = context.arguments().value(option);
  auto const number = parse_int(text);
  if (!number || *number < 1 || *number > 10'000)
    return Error(ErrorKind::Usage, fmt::format("\"--{}\" is a number from 1 to 10000, not \"{}\"", option, text));
  return static_cast<int>(*number);
}

// The jobs that the command names, or all.
Result<std::vector<config::Job const*>> chosen_jobs(Context& context) {
  std::vector<config::Job const*> chosen;
  for (auto const& name : context.arguments().positionals) {
    WEIR_TRY(auto const* one, find_job(context, name));
    chosen.push_back(one);
  }
  if (!chosen.empty()) return chosen;
  WEIR_TRY(auto const* config, context.config());
  for (auto const& [name, job] : config->jobs) chosen.push_back(&job);
  return chosen;
}

Result<int> switch_schedule(Context& context, bool enabled) {
  WEIR_TRY(auto const* job, find_job(context, context.arguments().positionals[0]));
  WEIR_TRY(auto const schedule, jobs::schedule_of(*job));
  if (schedule.is_manual())
    return Error(ErrorKind::Usage,
                 fmt::format("job \"{}\" has no schedule: it runs when somebody says weir run", job->name))
        .where(job->place.text())
        .state("nothing was changed");
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post("/api/v1/schedules/" + job->name, Json{{"enabled", enabled}}));
  if (context.format() == Format::Text) {
    write_out(fmt::format("{} {}\n", enabled ? "enabled" : "disabled", job->name));
  } else {
    write_json(done);
  }
  return 0;
}

}  // namespace

Result<int> run_job_ls(Context& context) {
  std::map<std::string, std::string> query;
  WEIR_TRY(auto const most, count_of(context, "count", 20));
  query["most"] = std::to_string(most);
  if (!context.arguments().positionals.empty()) query["name"] = context.arguments().positionals[0];
  if (auto const name = context.arguments().value("state"); !name.empty()) query["state"] = name;
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const answer, state.get("/api/v1/jobs", std::move(query)));
  auto const& jobs = answer["jobs"];
  if (context.format() == Format::Json) {
    write_json(jobs);
  } else if (!jobs.empty()) {
    write_out(job_table(jobs, context.terminal()));
  } else {
    log_info("no job has run yet");
  }
  return 0;
}

Result<int> run_job_show(Context& context) {
  WEIR_TRY(auto const reference, parse_job_reference(context.arguments().positionals[0]));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const job, state.get(fmt::format("/api/v1/jobs/{}", reference.job)));
  if (context.format() == Format::Text) {
    write_out(job_page(job, context.terminal()));
  } else {
    write_json(job);
  }
  return 0;
}

Result<int> run_job_next(Context& context) {
  WEIR_TRY(auto const count, count_of(context, "count", 3));
  WEIR_TRY(auto const chosen, chosen_jobs(context));
  Instant from = system_clock().now();
  if (auto const text = context.arguments().value("from"); !text.empty()) {
    auto const seconds = parse_utc(text);
    if (!seconds)
      return Error(ErrorKind::Usage, fmt::format("\"--from\" is a time in UTC, not \"{}\"", text))
          .next("--from 2026-03-29T00:00:00Z");
    from = *seconds;
  }
  Json json = Json::array();
  TextTable table({"job", "schedule", "runs", ""});
  for (auto const* job : chosen) {
    WEIR_TRY(auto const schedule, jobs::schedule_of(*job));
    for (auto const& warning : schedule.warnings()) log_info("warning: job \"{}\": {}", job->name, warning);
    Json slots = Json::array();
    for (auto const& one : jobs::upcoming(schedule, from, static_cast<std::size_t>(count))) {
      slots.push_back(
          Json{{"at", one.slot ? Json(iso_text(one.slot->at)) : Json()}, {"when", one.when}, {"note", one.note}});
      table.add({job->name, schedule.to_text(), one.when, one.note});
    }
    if (schedule.is_manual()) table.add({job->name, "manual", "when somebody says weir run", ""});
    json.push_back(Json{{"name", job->name}, {"schedule", schedule.to_text()}, {"next", std::move(slots)}});
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else if (!table.empty()) {
    write_out(table.text(context.terminal()));
  } else {
    log_info("weir.yml has no job; weir help config shows how to add one");
  }
  return 0;
}

Result<int> run_job_cancel(Context& context) {
  WEIR_TRY(auto const reference, parse_job_reference(context.arguments().positionals[0]));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post(fmt::format("/api/v1/jobs/{}/cancel", reference.job), Json::object()));
  if (context.format() == Format::Json) {
    write_json(done);
  } else {
    write_out(fmt::format("job {} {}\n", reference.job,
                          done.value("state", "") == "cancelled" ? "is cancelled" : "is being cancelled"));
  }
  return 0;
}

Result<int> run_job_enable(Context& context) {
  return switch_schedule(context, true);
}
Result<int> run_job_disable(Context& context) {
  return switch_schedule(context, false);
}

}  // namespace weir::app
