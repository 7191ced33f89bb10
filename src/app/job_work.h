#pragma once
// The steps of a job as programs: each is weir itself, started with the command that the step says. A step that
// crashes, leaks or hangs takes nothing else with it, and what it prints is the attempt's log (ADR 0019). Its end comes
// over the step channel.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "jobs/work.h"

namespace weir::app {

// A dbt command that builds models or snapshots.
bool is_building(config::JobStep const& step);

// The full path of this program.
std::string own_program();

class JobWork final : public jobs::Work {
 public:
  // `project`: the folder of weir.yml. `state`: what is kept of each attempt stands below it. `store`: is asked which
  // tables are stale, outlives this.
  JobWork(std::filesystem::path project, std::filesystem::path state, jobs::Store& store)
      : project_(std::move(project)), state_(std::move(state)), store_(store) {}

  jobs::AttemptEnd carry_out(jobs::Job const& job, int attempt, jobs::Listener& listener,
                             std::stop_token stop) override;

 private:
  struct OnStale;
  OnStale on_stale(jobs::Job const& job);
  static std::optional<nlohmann::ordered_json> heed(OnStale const& stale, jobs::Job const& job,
                                                    config::JobStep const& step, jobs::Listener& listener,
                                                    std::vector<std::string>& without);

  // What a sync saw beside the rows of its tables.
  void see_around(nlohmann::ordered_json const& report, std::int64_t job, int attempt, jobs::Listener& listener);

  std::filesystem::path project_, state_;
  jobs::Store& store_;
};

}  // namespace weir::app
