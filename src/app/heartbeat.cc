#include "app/heartbeat.h"

#include <algorithm>

#include "alert/send.h"
#include "base/clock.h"
#include "base/log.h"

namespace weir::app {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(200);

}  // namespace

Heartbeat::Heartbeat(config::Config const& config) : config_(config) {
  if (config.channels.contains(config.heartbeat.to))
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void Heartbeat::run(std::stop_token const& stop) {
  auto next = system_clock().monotonic();
  while (system_clock().sleep(kLook, stop)) {
    if (system_clock().monotonic() < next || !is_alive_.exchange(false)) continue;
    next = system_clock().monotonic() + config_.heartbeat.every;
    bool const arrived = beat(stop);
    if (!arrived) next = std::min(next, system_clock().monotonic() + std::chrono::seconds(30));
  }
}

// Trouble is told once, until a sign has arrived again.
bool Heartbeat::beat(std::stop_token const& stop) {
  auto const& channel = config_.channels.at(config_.heartbeat.to);
  auto const sent = alert::send(config_, channel, {}, {system_clock(), stop});
  bool const arrived = sent.delivery == http::Delivery::Done;
  if (!arrived && !told_trouble_ && !stop.stop_requested())
    log_info("warning: the heartbeat does not arrive: {}", sent.error ? sent.error->to_text() : "it was not taken");
  told_trouble_ = !arrived;
  return arrived;
}

}  // namespace weir::app
