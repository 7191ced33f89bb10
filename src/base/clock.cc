#include "base/clock.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock_lead.h"

namespace weir {
namespace {

std::atomic<Duration::rep> g_lead = 0;

class SystemClock final : public Clock {
 public:
  Instant now() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()) + clock_lead();
  }
  Duration monotonic() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
  bool sleep(Duration time, std::stop_token stop) override {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

void set_clock_lead(Duration ahead) {
  g_lead = ahead.count();
}

Duration clock_lead() {
  return Duration(g_lead);
}

}  // namespace weir
