#include "app/heartbeat.h"

#include <algorithm>
#include <optional>

#include "alert/send.h"
#include "base/clock.h"
#include "base/log.h"

namespace weir::app {
namespace {

constexpr Duration kHeartbeatLook = std::chrono::milliseconds(200);
constexpr Duration kAgain = std::chrono::seconds(30);  // after one that did not arrive

}  // namespace

Heartbeat::Heartbeat(config::Current const& config) : config_(config) {
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void Heartbeat::run(std::stop_token const& stop) {
  auto last = std::optional<Duration>();  // when it was tried
  bool arrived = true;
  while (system_clock().sleep(kHeartbeatLook, stop)) {
    auto const& config = config_.get();
    if (!config.channels.contains(config.heartbeat.to)) continue;
    auto const pause = arrived ? config.heartbeat.every : std::min<Duration>(config.heartbeat.every, kAgain);
    if ((last && system_clock().monotonic() < *last + pause) || !is_alive_.exchange(false)) continue;
    last = system_clock().monotonic();
    arrived = beat(config, stop);
  }
}

// Trouble is told once, until a sign has arrived again.
bool Heartbeat::beat(config::Config const& config, std::stop_token const& stop) {
  auto const& channel = config.channels.at(config.heartbeat.to);
  auto const sent = alert::send(config, channel, {}, {system_clock(), stop});
  bool const arrived = sent.delivery == http::Delivery::Done;
  if (!arrived && !told_trouble_ && !stop.stop_requested())
    log_info("warning: the heartbeat does not arrive: {}", sent.error ? sent.error->to_text() : "it was not taken");
  told_trouble_ = !arrived;
  return arrived;
}

}  // namespace weir::app
