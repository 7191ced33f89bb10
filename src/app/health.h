#pragma once
// What `weir serve` says of itself on a port of its own, to whoever watches over it: /livez (its loop goes round),
// /readyz (it takes up jobs), /metrics (Prometheus). Nothing can be changed there, so nobody has to log in. Any thread.

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/server.h"
#include "jobs/store.h"

namespace weir::app {

class Health {
 public:
  // The store and the clock outlive it.
  Health(jobs::Store& store, Clock& clock);

  // A round of the loop is over; `well`: the state answered. Tells systemd's watchdog, too.
  void beat(bool well);
  // The end was asked for: no more jobs are begun.
  void drain() { is_draining_ = true; }

  http::Answer answer(http::Call const& call) const;

 private:
  Status live() const;
  Status ready() const;
  Result<std::string> metrics() const;

  jobs::Store& store_;
  Clock& clock_;
  Instant const started_;
  bool const is_watched_;                                    // by systemd
  std::atomic<Duration::rep> last_round_, last_good_round_;  // monotonic
  std::atomic<bool> is_draining_ = false;
};

// Answers on "127.0.0.1:9464", "[::1]:9464" (port 0: a free one), and says in the log where. Errors: Usage (no such
// address), Unavailable (it cannot be had).
Result<std::unique_ptr<http::Listening>> listen_for_health(std::string const& address, Health const& health);

}  // namespace weir::app
