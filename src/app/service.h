#pragma once
// The jobs of a project, carried out when they are due, with all that belongs to that: messages that are owed, promises
// that are kept, models that are built again. What `weir serve` is, and what `weir demo` plays.

#include <functional>
#include <stop_token>

#include "app/job_state.h"
#include "config/config.h"
#include "jobs/runner.h"
#include "jobs/scheduler.h"

namespace weir::app {

struct ServiceOptions {
  int slots = 4;  // jobs side by side
  Duration look = std::chrono::seconds(1);
  bool makes_copies = false;                  // of a state in a file, once an hour
  std::function<void(bool well)> pulse = {};  // as Runner::serve() tells it
};

// Until `stop`: then what runs is stopped, and taken up by the next start. `state` was taken to serve; `begun` is
// called when jobs can be carried out. What goes wrong on the way is logged, and tried again. Errors: the state's and
// that of `begun`, before any job has.
// Files of the configuration that change are read again; what is wrong in them is logged, and changes nothing.
Status serve_jobs(JobState& state, jobs::Scheduler& scheduler, ServiceOptions const& options, std::stop_token stop,
                  std::function<Status()> const& begun);

}  // namespace weir::app
