#pragma once
// A cron expression as a value: which minutes of a calendar it names, in no time zone (schedule.h places them in time).
// Pure; any thread.
//
// Fields and their meaning are those of crontab(5) of Debian's cron: minute, hour, day of month, month, day of week;
// `*`, lists, ranges, steps, names (JAN, MON, also whole), 0 and 7 for Sunday, @hourly to @yearly. As there, a day must
// match both day fields where one of them has a `*` (also `*/2`), and either of them where none has. Besides: `5/15`
// from 5 on; and from Quartz (CronExpression) `L` in the day of month, `5L` or `FRIL` (the last Friday of the month)
// and `MON#2` (the second Monday) in the day of week.
//
// Quartz's form, as Airbyte's schedules have it, is read where one of the day fields is `?` (Quartz asks for one): six
// or seven fields, second first, which must be 0, and a year, which must be `*`. There 1 is Sunday and 7 Saturday.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::jobs {

// A minute as a clock on the wall shows it.
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

class Cron {
 public:
  // Error: Config, with the field and what is allowed there; also for what never comes (February 30).
  static Result<Cron> parse(std::string_view text);

  // Five fields, names as numbers. What it gives is read as an equal value.
  std::string to_text() const;
  // What is allowed and may surprise, one sentence each: for checks and for `weir job show`.
  std::vector<std::string> warnings() const;

  bool matches(LocalMinute time) const;
  // The first minute at or after `from`. None outside of the years 1 to 9999; else there always is one, within 41 years
  // (February 29 on one day of the week, across the year 2100).
  std::optional<LocalMinute> first(LocalMinute from) const;

  // Hourly or finer: every hour is named, or the minutes are `*`, a step or a range. Such a schedule follows the real
  // clock where clocks are changed; what has literal minutes in some hours of the day is a list of fixed times
  // (schedule.h has the rules).
  bool follows_clock() const;
  // Days written one by one that this month does not have: {31}.
  std::vector<unsigned> missing_days(std::chrono::year_month month) const;

  bool operator==(Cron const&) const = default;

 private:
  enum class Kind : std::uint8_t { Range, Star, LastDay, LastWeekday, NthWeekday };
  // Range: first to last. LastWeekday, NthWeekday: weekday `first`, and `last` is which of the month.
  struct Item {
    Kind kind = Kind::Range;
    int first = 0, last = 0, step = 1;
    bool operator==(Item const&) const = default;
  };
  struct Field {
    std::vector<Item> items;
    std::uint64_t set = 0;  // a bit for each value that ranges and stars name
    bool has_star() const;
    bool operator==(Field const&) const = default;
  };
  enum Position : std::size_t { kMinute, kHour, kDay, kMonth, kWeekday };
  class Parser;

  bool day_matches(std::chrono::year_month_day date) const;
  bool day_of_week_matches(std::chrono::year_month_day date) const;
  bool ever_comes() const;

  std::array<Field, 5> fields_;
};

}  // namespace weir::jobs
