#include "app/outbox_sender.h"

#include <fmt/format.h>

#include "alert/send.h"
#include "base/log.h"
#include "incident/outbox.h"

namespace weir::app {
namespace {

using incident::Message;
using incident::Outcome;

constexpr int kAtATime = 10;
constexpr Duration kLease = std::chrono::minutes(5);  // longer than any of them takes to send
constexpr Duration kOutboxLook = std::chrono::milliseconds(500);

struct Sent {
  Outcome outcome = Outcome::Refused;
  std::string trouble;
  std::optional<Duration> wait;
};

Sent send(config::Config const& config, Message const& message, std::stop_token const& stop) {
  auto const channel = config.channels.find(message.channel);
  if (channel == config.channels.end()) return {Outcome::Refused, "endpoints.yml has no such channel any more", {}};
  auto const done = alert::send(config, channel->second, message.notice, {system_clock(), stop});
  if (done.delivery == http::Delivery::Done) return {Outcome::Sent, "", {}};
  std::string trouble = done.error ? done.error->message() : "it did not take it";
  if (done.error && done.error->kind() == ErrorKind::Cancelled) return {Outcome::Later, std::move(trouble), Duration()};
  return {done.delivery == http::Delivery::Later ? Outcome::Later : Outcome::Refused, std::move(trouble),
          done.retry_after ? std::optional<Duration>(*done.retry_after) : std::nullopt};
}

}  // namespace

OutboxSender::OutboxSender(jobs::Store& store, config::Current const& config) : store_(store), config_(config) {
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

OutboxSender::~OutboxSender() = default;

void OutboxSender::run(std::stop_token const& stop) {
  while (!stop.stop_requested())
    if (!send_due(stop)) system_clock().sleep(kOutboxLook, stop);
}

bool OutboxSender::send_due(std::stop_token const& stop) {
  std::vector<Message> due;
  auto const taken = store_.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(due, incident::take_due(change, kAtATime, kLease));
    return {};
  });
  if (!taken.ok() || due.empty()) return false;
  for (auto const& message : due) {
    auto const sent = send(config_.get(), message, stop);
    if (sent.outcome == Outcome::Refused)
      log_info("warning: {} could not be told \"{}\": {}", message.channel, message.notice.title, sent.trouble);
    auto const recorded = store_.transact(
        [&](jobs::Change& change) { return incident::record(change, message, sent.outcome, sent.trouble, sent.wait); });
    if (!recorded.ok()) log_info("{}", recorded.error().to_text());
  }
  return true;
}

void OutboxSender::flush(Duration time, std::stop_token const& stop) {
  auto const end = system_clock().monotonic() + time;
  while (system_clock().monotonic() < end && !stop.stop_requested()) {
    bool is_empty = false;
    auto const looked = store_.transact([&](jobs::Change& change) -> Status {
      WEIR_TRY(is_empty, incident::nothing_to_try(change));
      return {};
    });
    if (!looked.ok() || is_empty) return;
    system_clock().sleep(std::chrono::milliseconds(20), stop);
  }
}

}  // namespace weir::app
