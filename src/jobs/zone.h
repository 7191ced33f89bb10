#pragma once
// Time zones by their IANA names, from the system's tz database (package tzdata). Here alone src/jobs sees Howard
// Hinnant's tz library, which knows the changes of clocks that a zone's file lists (Debian's: up to 2037) and not the
// rule behind them; that is read here. A zone is a small value that is valid for ever; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "jobs/zone_rule.h"

namespace date {
class time_zone;
}

namespace weir::jobs {

class Zone {
 public:
  // Error: Config, with the names that are nearest; "Berlin" is told Europe/Berlin.
  static Result<Zone> named(std::string_view name);

  std::string const& name() const;
  ZonePeriod period(Instant at) const;
  bool operator==(Zone const&) const = default;

 private:
  explicit Zone(date::time_zone const* zone);

  date::time_zone const* zone_;
  std::optional<ZoneRule> rule_;
};

// "2025b", or "unknown": which rules the times of a job were computed by.
std::string tzdata_version();

}  // namespace weir::jobs
