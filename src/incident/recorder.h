#pragma once
// Follows the log of events and writes down what follows: how new each relation is (relations.h), incidents
// (incidents.h), and what is to be told to whom (outbox.h), all in the event's own transaction.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "incident/incidents.h"
#include "jobs/follower.h"

namespace weir::incident {

// The channels that hear of a job's (or, by "", anybody's) incident; topics: failed, held, late, missed, recovered.
using Audience = std::function<std::vector<std::string>(std::string const& job, std::string_view topic)>;

class Recorder final : public jobs::Follower {
 public:
  // `source`: the project's name, in what people are told. `audience`: asked in the transaction, must not wait.
  Recorder(std::string source, Audience audience) : source_(std::move(source)), audience_(std::move(audience)) {}

  Status follow(jobs::Change& change, jobs::Event const& event) override;

 private:
  Status take_job_failure(jobs::Change& change, jobs::Event const& event);
  Status take_job_success(jobs::Change& change, jobs::Event const& event);
  Status tell_recovered(jobs::Change& change);  // of the incidents that are over now
  Status take_missed(jobs::Change& change, jobs::Event const& event);
  Status take_late(jobs::Change& change, jobs::Event const& event);

  std::string const source_;
  Audience const audience_;
};

}  // namespace weir::incident
