#pragma once
// Sends what the state's outbox holds, in a thread of its own, as long as it lives: what does not get through is left
// for later, by this program or by the next one.

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "config/current.h"
#include "jobs/store.h"

namespace weir::app {

class OutboxSender {
 public:
  // Both outlive it.
  OutboxSender(jobs::Store& store, config::Current const& config);
  ~OutboxSender();

  // Waits until nothing is due any more, at most for `time`: for programs that end with the job.
  void flush(Duration time, std::stop_token const& stop);

 private:
  void run(std::stop_token const& stop);
  // One round. False: there was nothing to send.
  bool send_due(std::stop_token const& stop);

  jobs::Store& store_;
  config::Current const& config_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace weir::app
