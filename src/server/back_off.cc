#include "server/back_off.h"

#include <algorithm>

namespace weir::server {

Duration BackOff::pause_after(int failures) const {
  if (failures < rule_.free) return Duration::zero();
  Duration pause = rule_.first;
  for (int n = rule_.free; n < failures && pause < rule_.longest; ++n) pause *= 2;
  return std::min(pause, rule_.longest);
}

Duration BackOff::pause(std::string const& key, Duration now) const {
  auto const found = failures_.find(key);
  if (found == failures_.end()) return Duration::zero();
  return std::max(Duration::zero(), found->second.last + pause_after(found->second.count) - now);
}

bool BackOff::fail(std::string const& key, Duration now) {
  auto found = failures_.find(key);
  if (found == failures_.end()) {
    if (failures_.size() >= rule_.most_keys)
      failures_.erase(std::min_element(failures_.begin(), failures_.end(),
                                       [](auto const& a, auto const& b) { return a.second.last < b.second.last; }));
    found = failures_.emplace(key, Failures{}).first;
  }
  auto& failures = found->second;
  if (now - failures.last >= rule_.memory) failures.count = 0;
  failures.last = now;
  return ++failures.count == rule_.free;
}

}  // namespace weir::server
