#pragma once
// Pauses after failures, by key, growing with their number. Kept in memory, of bounded size. A value; time comes in.

#include <map>
#include <string>

#include "base/clock.h"

namespace weir::server {

class BackOff {
 public:
  struct Rule {
    int free = 5;                              // so many failures without a pause
    Duration first = std::chrono::seconds(5);  // after the last of them; doubled by each one that follows
    Duration longest = std::chrono::minutes(1);
    Duration memory = std::chrono::hours(1);  // without a failure for so long, all is forgotten
    std::size_t most_keys = 10'000;           // the one that failed longest ago makes room
  };
  explicit BackOff(Rule rule) : rule_(rule) {}

  // How long nothing of that key is tried yet. `now`: monotonic.
  Duration pause(std::string const& key, Duration now) const;
  // Returns whether pauses begin with this failure.
  bool fail(std::string const& key, Duration now);
  void forget(std::string const& key) { failures_.erase(key); }

 private:
  struct Failures {
    int count = 0;
    Duration last{};
  };
  Duration pause_after(int failures) const;

  Rule rule_;
  std::map<std::string, Failures> failures_;
};

}  // namespace weir::server
