#pragma once
// The nights of `weir demo`: the service that `weir serve` is, on a clock that passes over whatever nobody has to wait
// for: from slot to slot, and from attempt to attempt. Jobs, attempts and messages themselves take the time that they
// take. One thread; one at a time in a program, since the clock is the program's.

#include <functional>
#include <memory>
#include <string>

#include "app/job_state.h"
#include "app/service.h"
#include "incident/story.h"
#include "jobs/zone.h"

namespace weir::app {

// Somebody asked the demo to end before its time.
Error demo_stopped();

class DemoNight {
 public:
  using Tell = std::function<void(incident::StoryPart const& part)>;

  // `context`: of the project whose jobs are served, outlives this. `zone`: that of the times here. `tell` gets what
  // happens, in order, while time passes. It is `local_time` then. Errors: the configuration's and the state's.
  static Result<std::unique_ptr<DemoNight>> start(Context& context, std::string const& zone,
                                                  std::string const& local_time, Tell tell);
  ~DemoNight();

  // Numbers of jobs go on from here, as where other connections have run meanwhile.
  Status go_on_at(std::int64_t job);
  // Time passes until then: "2024-06-21 03:00:00".
  void pass_until(std::string const& local_time);
  // Until the next job of this name has been made and nothing is left to do. Returns its number.
  Result<std::int64_t> next_job(std::string const& name);
  Result<std::int64_t> run(std::string const& name);  // by hand
  // Until no job is waiting or running, and no message is owed.
  Status settle();
  Status tell_news();  // what has happened since it was told last
  Result<jobs::Job> job(std::int64_t number) { return state_.store()->job(number); }
  std::string local(Instant at) const;  // 2024-06-21 03:00:04

 private:
  DemoNight(Context& context, JobState state, jobs::Zone zone, Tell tell);

  Status begin();
  // Waits a moment for what the service does. Errors: Cancelled, and what the service ended with.
  Status wait();
  Result<bool> is_quiet();

  Context& context_;
  JobState state_;
  jobs::Zone const zone_;
  Tell const tell_;
  std::int64_t last_event_ = 0, last_job_ = 0;
  struct Serving;
  std::unique_ptr<Serving> serving_;
};

}  // namespace weir::app
