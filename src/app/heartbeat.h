#pragma once
// Says to a service that waits for it that weir serve lives: nobody who is gone can raise an alarm. Signs are given as
// long as rounds are done; a weir that hangs, or whose state cannot be reached, gives none. In a thread of its own, as
// long as it lives.

#include <atomic>
#include <stop_token>
#include <thread>

#include "config/current.h"

namespace weir::app {

class Heartbeat {
 public:
  // `config` outlives it; while there is no `heartbeat` in it, nothing happens.
  explicit Heartbeat(config::Current const& config);

  void round_is_done() { is_alive_ = true; }

 private:
  void run(std::stop_token const& stop);
  bool beat(config::Config const& config, std::stop_token const& stop);

  config::Current const& config_;
  std::atomic<bool> is_alive_ = false;
  bool told_trouble_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace weir::app
