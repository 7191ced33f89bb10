#pragma once
// Python's datetime family: date, time, datetime, timedelta, timezone, and pytz's zones from the system's tz database.
// The proleptic Gregorian calendar, years 1 to 9999, microseconds.

#include "jinja/operators.h"

namespace weir::jinja {

__extension__ typedef __int128 Wide;  // microseconds of the longest timedelta do not fit 64 bits
__extension__ typedef unsigned __int128 UnsignedWide;

struct TimeDelta final : Shared {
  TimeDelta(std::int64_t d, std::int64_t s, std::int64_t us) : days(d), seconds(s), microseconds(us) {}
  std::int64_t const days, seconds, microseconds;  // 0 <= seconds < 86400, 0 <= microseconds < 10^6
  Wide total() const { return (static_cast<Wide>(days) * 86400 + seconds) * 1'000'000 + microseconds; }
};

struct Date final : Shared {
  Date(int y, int m, int d) : year(y), month(m), day(d) {}
  int const year, month, day;
};

struct Clock {
  int hour = 0, minute = 0, second = 0, microsecond = 0, fold = 0;
};

struct Time final : Shared {
  Time(Clock at, Value in) : clock(at), zone(std::move(in)) {}
  Clock const clock;
  Value const zone;  // None or a Zone
};

struct DateTime final : Shared {
  DateTime(int y, int m, int d, Clock at, Value in) : year(y), month(m), day(d), clock(at), zone(std::move(in)) {}
  int const year, month, day;
  Clock const clock;
  Value const zone;
  std::int64_t local_microseconds() const;  // since 0001-01-01, by its own clock
};

// What a tzinfo is: its distance from UTC at a local time.
class Zone : public Object {
 public:
  virtual std::int64_t offset_us(DateTime const& local) const = 0;
  virtual std::string zone_name(DateTime const& local) const = 0;
  virtual Value daylight_saving(DateTime const&) const { return Value(); }
  // The zone's local time for a UTC time.
  virtual Outcome<Value> from_utc(DateTime const& utc) const = 0;
};

std::int64_t days_from_civil(int year, int month, int day);  // since 0001-01-01
void civil_from_days(std::int64_t days, int& year, int& month, int& day);
bool is_valid_date(std::int64_t year, std::int64_t month, std::int64_t day);

Outcome<Value> make_time_delta(Wide microseconds);  // OverflowError
Value make_date(int year, int month, int day);
Outcome<Value> make_date_time(std::int64_t local_microseconds, Value zone, int fold = 0);  // OverflowError
// The distance of a datetime (or time) from UTC; nothing where it is naive.
std::optional<std::int64_t> utc_offset_us(Value const& value);

// Arithmetic; Missing where the two do not go together.
Outcome<Value> time_binary(Operator op, Value const& left, Value const& right);
Outcome<Value> negated_time_delta(Value const& delta);
Outcome<int> order_times(Value const& left, Value const& right);
std::string offset_text(std::int64_t offset_us, std::string_view separator);  // +02:00

// By Python's checks, each with its ValueError. `parts`: year, month, day, hour, minute, second, microsecond.
Outcome<Value> checked_date(std::int64_t year, std::int64_t month, std::int64_t day);
Outcome<Clock> checked_clock(std::int64_t const* parts, std::int64_t fold);
Outcome<Value> checked_date_time(std::int64_t const* parts, Value zone, std::int64_t fold);

inline TimeDelta const& time_delta_of(Value const& value) {
  return static_cast<TimeDelta const&>(value.shared());
}
inline Date const& date_of(Value const& value) {
  return static_cast<Date const&>(value.shared());
}
inline Time const& time_of(Value const& value) {
  return static_cast<Time const&>(value.shared());
}
inline DateTime const& date_time_of(Value const& value) {
  return static_cast<DateTime const&>(value.shared());
}

}  // namespace weir::jinja
