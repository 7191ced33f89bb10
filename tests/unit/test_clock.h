#pragma once
// A clock that stands still until the test moves it.

#include <chrono>

#include "base/clock.h"

namespace weir::test {

class TestClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  Duration monotonic() const override { return now_.time_since_epoch(); }
  bool sleep(Duration time, std::stop_token) override {
    now_ += time;
    return true;
  }
  void set(Instant at) { now_ = at; }
  void advance(Duration time) { now_ += time; }

 private:
  Instant now_ = std::chrono::sys_days(std::chrono::year(2024) / 6 / 21);
};

}  // namespace weir::test
