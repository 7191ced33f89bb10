#pragma once
// Whether and when a stream gets another attempt. Pure but for the random number that comes in. Classes and delays are
// those of research on job queues: transient failures wait min(30 min, first * 3^(n-1)) * uniform(0.5, 1); data
// failures get one more attempt; all others none. An attempt that stored chunks does not use one up, twenty times at
// most.

#include <optional>

#include "base/clock.h"
#include "base/error.h"

namespace weir::sync {

class RetryBudget {
 public:
  RetryBudget(int attempts, Duration first) : attempts_(attempts), first_(first) {}

  // After a failed attempt: how long to wait before the next one, or nothing. `moved`: it stored chunks that stay.
  // `random` in [0, 1).
  std::optional<Duration> after(ErrorKind kind, bool moved, double random);

 private:
  int attempts_;
  Duration first_;
  int counted_ = 0, free_ = 0, data_failures_ = 0;
};

}  // namespace weir::sync
