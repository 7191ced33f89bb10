#pragma once
// Time zones by their IANA names, from the system's tz database (package tzdata). Here alone src/jobs sees Howard
// Hinnant's tz library. A zone is a small value that is valid for ever; any thread.

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace date {
class time_zone;
}

namespace weir::jobs {

// A stretch of time in which a zone's distance from UTC does not change: [begin, end).
struct ZonePeriod {
  Instant begin, end;
  std::chrono::seconds offset;  // local time = UTC + offset
};

class Zone {
 public:
  // Error: Config, with the names that are nearest; "Berlin" is told Europe/Berlin.
  static Result<Zone> named(std::string_view name);

  std::string const& name() const;
  ZonePeriod period(Instant at) const;
  bool operator==(Zone const&) const = default;

 private:
  explicit Zone(date::time_zone const* zone) : zone_(zone) {}
  date::time_zone const* zone_;
};

// "2025b", or "unknown": which rules the times of a job were computed by.
std::string tzdata_version();

}  // namespace weir::jobs
