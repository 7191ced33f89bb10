#include "sync/retry.h"

#include <algorithm>
#include <cmath>

namespace weir::sync {
namespace {

constexpr int kMostFreeAttempts = 20;
constexpr Duration kLongestWait = std::chrono::minutes(30);

bool is_transient(ErrorKind kind) {
  // Cancelled without anybody having asked to stop: an administrator or a statement timeout.
  return kind == ErrorKind::Unavailable || kind == ErrorKind::Busy || kind == ErrorKind::InDoubt ||
         kind == ErrorKind::Cancelled;
}

}  // namespace

std::optional<Duration> RetryBudget::after(ErrorKind kind, bool moved, double random) {
  if (kind == ErrorKind::Data) {
    if (++data_failures_ > 1) return std::nullopt;
  } else if (!is_transient(kind)) {
    return std::nullopt;
  }
  if (moved && free_ < kMostFreeAttempts)
    ++free_;
  else
    ++counted_;
  if (counted_ >= attempts_) return std::nullopt;
  double const longest = static_cast<double>(kLongestWait.count());
  double const wait = std::min(longest, static_cast<double>(first_.count()) * std::pow(3.0, std::max(0, counted_ - 1)));
  return Duration(static_cast<Duration::rep>(wait * (0.5 + random / 2)));
}

}  // namespace weir::sync
