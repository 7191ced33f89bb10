#pragma once
// Time and waiting come in through this interface, so that tests own both. Thread-safe.

#include <chrono>
#include <stop_token>

namespace weir {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;  // UTC
using Duration = std::chrono::microseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  // Never goes back; for measuring only.
  virtual Duration monotonic() const = 0;
  // Waits for `time`, or until `stop` is asked for. False if it was.
  virtual bool sleep(Duration time, std::stop_token stop) = 0;
};

// The machine's clock. Lives for ever.
Clock& system_clock();

}  // namespace weir
