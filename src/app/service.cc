#include "app/service.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/checks.h"
#include "app/heartbeat.h"
#include "app/job_work.h"
#include "app/outbox_sender.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "incident/promise.h"
#include "jobs/copies.h"

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
    log_info("job {} builds {} again that {} built on old data", made.job, plural(what.selectors.size(), "model"),
             what.selectors.size() == 1 ? "was" : "were");
  return {};
}

// Said once: leases and slots go by the state's clock, what people read in logs by this machine's.
void compare_clocks(jobs::Store& store, bool& is_said) {
  auto const now = is_said ? Result<Instant>(Instant()) : store.now();
  if (is_said || !now.ok()) return;
  auto const apart = state_clock_apart(*now);
  if (apart.empty()) return;
  is_said = true;
  log_info("warning: {}; {}", apart, kSetClocks);
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

// What people change while it runs counts from the next job on; a job that was made keeps what it was made with.
void take_new_configuration(config::Current& config, jobs::Store& store, jobs::Scheduler& scheduler) {
  jobs::NewEvent event;
  auto const changed = config.look([&](config::Config const& read) -> Status {
    WEIR_TRY(scheduler, jobs::Scheduler::make(read.jobs));
    return {};
  });
  if (changed.ok() && !*changed) return;
  if (changed.ok()) {
    event.kind = "weir.config.taken";
    event.data = json_line({{"jobs", config.get().jobs.size()}});
    log_info("weir.yml or endpoints.yml has changed, and counts from now on: {}",
             plural(config.get().jobs.size(), "job"));
  } else {
    event.kind = "weir.config.refused";
    event.data = json_line({{"error", changed.error().to_json()}});
    log_info("the configuration has changed, and what was read before counts on:\n{}", changed.error().to_text());
  }
  if (auto const written = store.add_events({event}); !written.ok()) log_info("{}", written.error().to_text());
}

}  // namespace

Status serve_jobs(JobState& state, jobs::Scheduler& scheduler, ServiceOptions const& options, std::stop_token stop,
                  std::function<Status()> const& begun) {
  auto& store = *state.store();
  auto& config = state.config();
  JobWork work(config.get().root, state.folder(), store);
  OutboxSender sender(store, config);
  Heartbeat heartbeat(config);
  auto running = state.runner_options();
  running.slots = options.slots;
  running.look = std::min(running.look, options.look);
  jobs::Runner runner(store, work, system_clock(), running);
  WEIR_TRY(auto const tried, scheduler.tick(store));
  WEIR_DO(begun());
  std::optional<jobs::Copies> copies;
  if (options.makes_copies && config.get().state_endpoint.empty()) copies.emplace(store, state.folder() / "backups");
  std::string said;
  bool clocks_are_told = false;
  auto say_once = [&said](Error const& trouble) {
    if (trouble.message() == said) return;
    said = trouble.message();
    log_info("{}{}", said, trouble.next().empty() ? std::string() : "; " + trouble.next());
  };
  runner.serve(
      scheduler, std::move(stop), say_once,
      [&]() -> Status {
        take_new_configuration(config, store, scheduler);
        WEIR_DO(keep_promises(store, config.get()));
        compare_clocks(store, clocks_are_told);
        heartbeat.round_is_done();
        if (auto const copied = copies ? copies->round() : Status(); !copied.ok()) say_once(copied.error());
        return {};
      },
      options.pulse);
  return {};
}

}  // namespace weir::app
