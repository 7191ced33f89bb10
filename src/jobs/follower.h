#pragma once
// What is kept beside the log of events, and changes in the transaction that writes the event: what follows from it.

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "jobs/database.h"
#include "jobs/event.h"

namespace weir::jobs {

// A transaction of the store, as long as it lasts.
struct Change {
  Database& database;
  Instant now;
  // Writes a further event, which is followed too. Returns its number.
  std::function<Result<std::int64_t>(NewEvent const& event, std::string const& actor)> append;
  std::function<Result<std::int64_t>(char const* counter)> next;  // the next number of a counter
};

class Follower {
 public:
  virtual ~Follower() = default;
  // One event that was just written. An error undoes the whole transaction. Called by one thread at a time.
  virtual Status follow(Change& change, Event const& event) = 0;
};

}  // namespace weir::jobs
