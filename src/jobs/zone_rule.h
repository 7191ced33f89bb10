#pragma once
// The rule by which a zone's clocks are changed behind the last change that its file lists: the text at the end of a
// TZif file (RFC 9636, 3.3.1), such as CET-1CEST,M3.5.0,M10.5.0/3, which is POSIX's TZ (Base Definitions 8.3) with
// hours from -167 to 167. Pure; any thread.

#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace weir::jobs {

// A stretch of time in which a zone's distance from UTC does not change: [begin, end).
struct ZonePeriod {
  Instant begin, end;
  std::chrono::seconds offset;  // local time = UTC + offset
  bool operator==(ZonePeriod const&) const = default;
};

class ZoneRule {
 public:
  // Nothing for a zone that does not change its clocks, and where days are written in the forms Jn and n, which no zone
  // of the tz database has.
  static std::optional<ZoneRule> parse(std::string_view text);

  ZonePeriod period(Instant at) const;
  bool operator==(ZoneRule const&) const = default;

 private:
  // M3.5.0/2: at 02:00, by the clock of before, on the last Sunday of March.
  struct Change {
    unsigned month = 1, week = 1, weekday = 0;  // week 5: the last
    std::chrono::seconds time = std::chrono::hours(2), before = {}, after = {};
    bool operator==(Change const&) const = default;
    Instant in(std::chrono::year year) const;
  };
  class Parser;

  Change changes_[2];
};

}  // namespace weir::jobs
