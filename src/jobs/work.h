#pragma once
// What jobs consist of, as jobs/ sees it: something that is carried out, tells of itself, and ends. The engines behind
// it are wired up in app/.

#include <stop_token>
#include <string_view>
#include <vector>

#include "jobs/job.h"
#include "jobs/store.h"

namespace weir::jobs {

// Where an attempt tells of itself. Any thread.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void line(std::string_view text) = 0;  // for its log; also a sign of life
  // In one transaction; job and attempt are filled in.
  virtual void events(std::vector<NewEvent> events) = 0;
};

class Work {
 public:
  virtual ~Work() = default;
  // One attempt of the job, from where Job::resume says. Returns when nothing of it runs any more. On `stop`, cancels
  // what runs and returns soon; the failure class is then Cancelled. Any thread.
  virtual AttemptEnd carry_out(Job const& job, int attempt, Listener& listener, std::stop_token stop) = 0;
};

}  // namespace weir::jobs
