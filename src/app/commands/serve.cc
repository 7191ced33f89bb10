// weir serve: carries out jobs when they are due, until it is told to stop.
#include <algorithm>
#include <stop_token>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_work.h"
#include "app/outbox_sender.h"
#include "base/json.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/text.h"
#include "base/time_text.h"
#include "incident/promise.h"
#include "jobs/scheduler.h"

namespace weir::app {

namespace {

// A job that builds what was built on old data, and no more: the first of its steps that builds models.
Status rebuild(jobs::Store& store, config::Job const& job, incident::Rebuild const& what) {
  auto const step = std::find_if(job.steps.begin(), job.steps.end(), is_building);
  if (!job.rebuilds_stale || step == job.steps.end()) return {};
  auto const index = static_cast<std::size_t>(step - job.steps.begin());
  jobs::NewJob wanted;
  wanted.definition = job;
  wanted.cause = jobs::Cause::Recovery;
  wanted.actor = "weir";
  wanted.resume = json_line({{"step", index}, {"last", index}, {"only", what.selectors}});
  WEIR_TRY(auto const made, store.enqueue(std::move(wanted)));
  if (made.is_new)
    log_info("job {} builds {} that were built on old data", made.job, plural(what.selectors.size(), "model"));
  return {};
}

Status keep_promises(jobs::Store& store, config::Config const& config) {
  std::vector<incident::Rebuild> rebuilds;
  WEIR_DO(store.transact([&](jobs::Change& change) -> Status {
    WEIR_DO(incident::check_promises(change, config));
    WEIR_TRY(rebuilds, incident::to_rebuild(change.database));
    return {};
  }));
  for (auto const& one : rebuilds)
    if (auto const job = config.jobs.find(one.job); job != config.jobs.end()) {
      WEIR_DO(rebuild(store, job->second, one));
    }
  return {};
}

}  // namespace

Result<int> run_serve(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto scheduler, jobs::Scheduler::make(config->jobs));
  jobs::RunnerOptions options;
  if (auto const text = context.arguments().value("workers"); !text.empty()) {
    auto const number = parse_int(text);
    if (!number || *number < 1 || *number > 1000)
      return Error(ErrorKind::Usage, fmt::format("\"--workers\" is a number from 1 to 1000, not \"{}\"", text));
    options.slots = static_cast<int>(*number);
  }
  WEIR_TRY(auto state, JobState::take(context, true));
  options.worker = state.worker();
  options.logs = state.logs();
  JobWork work(config->root, state.folder(), *state.store());
  OutboxSender sender(*state.store(), *config);
  jobs::Runner runner(*state.store(), work, system_clock(), options);
  WEIR_TRY(auto const tried, scheduler.tick(*state.store()));
  log_info("serving {} of {}; state in {}", plural(config->jobs.size(), "job"), config->root.string(),
           state.folder().string());
  if (auto const next = scheduler.next()) log_info("the next one runs at {} UTC", utc_text(*next));
  WEIR_DO(tell_service_manager(fmt::format("READY=1\nSTATUS=serving {}", plural(config->jobs.size(), "job"))));
  std::stop_callback const stopping(context.interrupt().token(), [] {
    // It is heard as soon as the end is asked for; a manager that does not take it sees the process end.
    [[maybe_unused]] auto const told =
        tell_service_manager("STOPPING=1\nSTATUS=stopping; what is going on is taken up by the next start");
  });
  std::string said;
  runner.serve(
      scheduler, context.interrupt().token(),
      [&](Error const& trouble) {
        if (trouble.message() == said) return;
        said = trouble.message();
        log_info("{}", trouble.to_text());
      },
      [&] { return keep_promises(*state.store(), *config); });
  log_info("stopped; what was going on is taken up by the next start");
  return 0;
}

}  // namespace weir::app
