#pragma once
// The steps of a job as programs: each is weir itself, started with the command that the step says. A step that
// crashes, leaks or hangs takes nothing else with it, and what it prints is the attempt's log (ADR 0019). Its end comes
// over the step channel.

#include <filesystem>

#include "jobs/work.h"

namespace weir::app {

class JobWork final : public jobs::Work {
 public:
  // `project`: the folder of weir.yml. `state`: what is kept of each attempt stands below it.
  JobWork(std::filesystem::path project, std::filesystem::path state)
      : project_(std::move(project)), state_(std::move(state)) {}

  jobs::AttemptEnd carry_out(jobs::Job const& job, int attempt, jobs::Listener& listener,
                             std::stop_token stop) override;

 private:
  std::filesystem::path project_, state_;
};

}  // namespace weir::app
