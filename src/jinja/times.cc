#include "jinja/times.h"

#include <fmt/format.h>

#include <cmath>

#include "jinja/attributes.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"

namespace weir::jinja {

namespace {

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::int64_t kMostDays = 999'999'999;
constexpr std::int64_t kEnd = 3652059 * kDay;  // behind 9999-12-31

Value delta_of(std::int64_t days, std::int64_t seconds, std::int64_t microseconds) {
  return Value(Kind::TimeDelta, Ref<Shared>(new TimeDelta(days, seconds, microseconds)));
}

std::string clock_text(Clock const& clock) {
  std::string out = fmt::format("{:02}:{:02}:{:02}", clock.hour, clock.minute, clock.second);
  if (clock.microsecond != 0) out += fmt::format(".{:06}", clock.microsecond);
  return out;
}

std::int64_t clock_us(Clock const& clock) {
  return ((clock.hour * 60LL + clock.minute) * 60 + clock.second) * 1'000'000 + clock.microsecond;
}

// What two datetimes or times are compared by: UTC where both know their distance from it.
std::optional<Wide> comparable(Value const& value) {
  if (value.kind() == Kind::Date) {
    auto const& date = date_of(value);
    return days_from_civil(date.year, date.month, date.day);
  }
  if (value.kind() == Kind::TimeDelta) return time_delta_of(value).total();
  std::int64_t const local =
      value.kind() == Kind::Time ? clock_us(time_of(value).clock) : date_time_of(value).local_microseconds();
  return local - utc_offset_us(value).value_or(0);
}

bool is_aware(Value const& value) {
  return utc_offset_us(value).has_value();
}
bool has_clock(Value const& value) {
  return value.kind() == Kind::Time || value.kind() == Kind::DateTime;
}

}  // namespace

// Howard Hinnant's days_from_civil, counted from 0001-01-01.
std::int64_t days_from_civil(int year, int month, int day) {
  std::int64_t const y = month <= 2 ? year - 1 : year;
  std::int64_t const era = (y >= 0 ? y : y - 399) / 400;
  std::int64_t const year_of_era = y - era * 400;
  std::int64_t const day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 306;
}

void civil_from_days(std::int64_t days, int& year, int& month, int& day) {
  days += 306;
  std::int64_t const era = (days >= 0 ? days : days - 146096) / 146097;
  std::int64_t const day_of_era = days - era * 146097;
  std::int64_t const year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  std::int64_t const day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t const shifted = (5 * day_of_year + 2) / 153;
  day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
}

bool is_valid_date(std::int64_t year, std::int64_t month, std::int64_t day) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
  bool const is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

std::int64_t DateTime::local_microseconds() const {
  return days_from_civil(year, month, day) * kDay + clock_us(clock);
}

Outcome<Value> make_time_delta(Wide microseconds) {
  Wide days = microseconds / kDay;
  Wide rest = microseconds % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  if (days > kMostDays || days < -kMostDays)
    return Failure(FailureType::OverflowError,
                   fmt::format("days={}; must have magnitude <= 999999999", static_cast<std::int64_t>(days)));
  auto const us = static_cast<std::int64_t>(rest);
  return delta_of(static_cast<std::int64_t>(days), us / 1'000'000, us % 1'000'000);
}

Value make_date(int year, int month, int day) {
  return Value(Kind::Date, Ref<Shared>(new Date(year, month, day)));
}

Outcome<Value> make_date_time(std::int64_t local_microseconds, Value zone, int fold) {
  if (local_microseconds < 0 || local_microseconds >= kEnd)
    return Failure(FailureType::OverflowError, "date value out of range");
  int year = 0, month = 0, day = 0;
  civil_from_days(local_microseconds / kDay, year, month, day);
  std::int64_t const rest = local_microseconds % kDay;
  Clock const clock{static_cast<int>(rest / 3'600'000'000), static_cast<int>(rest / 60'000'000 % 60),
                    static_cast<int>(rest / 1'000'000 % 60), static_cast<int>(rest % 1'000'000), fold};
  return Value(Kind::DateTime, Ref<Shared>(new DateTime(year, month, day, clock, std::move(zone))));
}

std::optional<std::int64_t> utc_offset_us(Value const& value) {
  if (value.kind() == Kind::DateTime) {
    auto const* zone = date_time_of(value).zone.as<Zone>();
    if (zone == nullptr) return std::nullopt;
    return zone->offset_us(date_time_of(value));
  }
  auto const* zone = time_of(value).zone.as<Zone>();
  if (zone == nullptr) return std::nullopt;
  return zone->offset_us(DateTime(1900, 1, 1, time_of(value).clock, time_of(value).zone));
}

std::string offset_text(std::int64_t offset_us, std::string_view separator) {
  char const sign = offset_us < 0 ? '-' : '+';
  std::int64_t const us = std::abs(offset_us);
  std::string out = fmt::format("{}{:02}{}{:02}", sign, us / 3'600'000'000, separator, us / 60'000'000 % 60);
  if (us % 60'000'000 != 0) out += fmt::format("{}{:02}", separator, us / 1'000'000 % 60);
  if (us % 1'000'000 != 0) out += fmt::format(".{:06}", us % 1'000'000);
  return out;
}

// --------------------------------------------------------------------------------------------------------- arithmetic

namespace {

// A float times or through a whole number of microseconds, rounded half to even as Python does it: exactly.
Outcome<Value> scaled(Wide total, double factor, bool is_division) {
  if (std::isnan(factor)) return value_error("cannot convert NaN to integer ratio");
  if (std::isinf(factor)) return Failure(FailureType::OverflowError, "cannot convert Infinity to integer ratio");
  mpq_class ratio(factor);
  mpz_class whole = big(static_cast<std::int64_t>(total / 1'000'000'000)) * 1'000'000'000 +
                    big(static_cast<std::int64_t>(total % 1'000'000'000));
  mpq_class exact = is_division ? mpq_class(mpq_class(whole) / ratio) : mpq_class(mpq_class(whole) * ratio);
  mpz_class quotient, remainder;
  mpz_fdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), exact.get_num_mpz_t(), exact.get_den_mpz_t());
  int const half = cmp(mpz_class(remainder * 2), exact.get_den());
  if (half > 0 || (half == 0 && mpz_odd_p(quotient.get_mpz_t()) != 0)) quotient += 1;
  if (!fits_int64(quotient / 1'000'000))
    return Failure(FailureType::OverflowError, "Python int too large to convert to C int");
  return make_time_delta(static_cast<Wide>(to_int64(quotient / 1'000'000)) * 1'000'000 +
                         to_int64(quotient % 1'000'000));
}

Wide floor_divide_wide(Wide a, Wide b) {
  Wide const quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Outcome<Value> delta_with_number(Operator op, TimeDelta const& delta, Value const& number) {
  bool const is_float = number.is_float();
  if (op == Operator::Multiply && is_float) return scaled(delta.total(), number.number(), false);
  if (number.kind() == Kind::BigInt)
    return Failure(FailureType::OverflowError, "Python int too large to convert to C int");
  if (op == Operator::Multiply) {
    if (std::abs(number.integer()) > 1'000'000'000'000'000)
      return make_time_delta(static_cast<Wide>(kMostDays) * kDay * 10);
    return make_time_delta(delta.total() * number.integer());
  }
  if (op != Operator::Divide && (op != Operator::FloorDivide || is_float)) return Value::missing();
  if (is_float ? number.number() == 0 : number.integer() == 0)
    return Failure(FailureType::ZeroDivisionError,
                   is_float ? "division by zero" : "integer division or modulo by zero");
  if (op == Operator::Divide)
    return scaled(delta.total(), is_float ? number.number() : static_cast<double>(number.integer()), true);
  if (op == Operator::FloorDivide && !is_float)
    return make_time_delta(floor_divide_wide(delta.total(), number.integer()));
  return Value::missing();
}

Outcome<Value> shift(Value const& moment, TimeDelta const& delta, int sign) {
  if (moment.kind() == Kind::Date) {
    auto const& date = date_of(moment);
    std::int64_t const days = days_from_civil(date.year, date.month, date.day) + sign * delta.days;
    if (days < 0 || days >= kEnd / kDay) return Failure(FailureType::OverflowError, "date value out of range");
    int year = 0, month = 0, day = 0;
    civil_from_days(days, year, month, day);
    return make_date(year, month, day);
  }
  auto const& date_time = date_time_of(moment);
  Wide const local = date_time.local_microseconds() + sign * delta.total();
  if (local < 0 || local >= kEnd) return Failure(FailureType::OverflowError, "date value out of range");
  return make_date_time(static_cast<std::int64_t>(local), date_time.zone);
}

}  // namespace

Outcome<Value> negated_time_delta(Value const& delta) {
  return make_time_delta(-time_delta_of(delta).total());
}

Outcome<Value> time_binary(Operator op, Value const& left, Value const& right) {
  bool const left_moment = left.kind() == Kind::Date || left.kind() == Kind::DateTime;
  bool const right_moment = right.kind() == Kind::Date || right.kind() == Kind::DateTime;
  bool const left_delta = left.kind() == Kind::TimeDelta;
  bool const right_delta = right.kind() == Kind::TimeDelta;
  if (left_moment && right_delta && op == Operator::Add) return shift(left, time_delta_of(right), 1);
  if (left_delta && right_moment && op == Operator::Add) return shift(right, time_delta_of(left), 1);
  if (left_moment && right_delta && op == Operator::Subtract) return shift(left, time_delta_of(right), -1);
  if (left_moment && left.kind() == right.kind() && op == Operator::Subtract) {
    if (left.kind() == Kind::Date) return make_time_delta((*comparable(left) - *comparable(right)) * kDay);
    if (is_aware(left) != is_aware(right)) return type_error("can't subtract offset-naive and offset-aware datetimes");
    if (date_time_of(left).zone.is_same(date_time_of(right).zone))
      return make_time_delta(date_time_of(left).local_microseconds() - date_time_of(right).local_microseconds());
    return make_time_delta(*comparable(left) - *comparable(right));
  }
  if (left_delta && right_delta) {
    Wide const a = time_delta_of(left).total();
    Wide const b = time_delta_of(right).total();
    if (op == Operator::Add) return make_time_delta(a + b);
    if (op == Operator::Subtract) return make_time_delta(a - b);
    if (op != Operator::Divide && op != Operator::FloorDivide && op != Operator::Modulo) return Value::missing();
    if (b == 0)
      return Failure(FailureType::ZeroDivisionError,
                     op == Operator::Divide ? "division by zero" : "integer division or modulo by zero");
    if (op == Operator::Divide) return static_cast<double>(a) / static_cast<double>(b);
    if (op == Operator::FloorDivide) return static_cast<std::int64_t>(floor_divide_wide(a, b));
    return make_time_delta(a - b * floor_divide_wide(a, b));
  }
  bool const right_number = is_index(right) || right.is_float();
  bool const left_number = is_index(left) || left.is_float();
  if (left_delta && right_number) return delta_with_number(op, time_delta_of(left), right);
  if (left_number && right_delta && op == Operator::Multiply) return delta_with_number(op, time_delta_of(right), left);
  return Value::missing();
}

Outcome<int> order_times(Value const& left, Value const& right) {
  if (has_clock(left) && is_aware(left) != is_aware(right))
    return type_error(left.kind() == Kind::Time ? "can't compare offset-naive and offset-aware times"
                                                : "can't compare offset-naive and offset-aware datetimes");
  Wide const a = *comparable(left);
  Wide const b = *comparable(right);
  return a < b ? -1 : a > b ? 1 : 0;
}

// ------------------------------------------------------------------------------------------- what values ask (kinds.h)

bool equal_times(Value const& a, Value const& b) {
  if (has_clock(a) && is_aware(a) != is_aware(b)) return false;
  return *comparable(a) == *comparable(b);
}

Outcome<std::uint64_t> hash_of_time(Value const& value) {
  auto const wide = static_cast<UnsignedWide>(*comparable(value));
  return hash_of_integer(static_cast<std::int64_t>(static_cast<std::uint64_t>(wide) ^
                                                   static_cast<std::uint64_t>(wide >> 64) * 31 ^
                                                   static_cast<std::uint64_t>(value.kind())));
}

bool is_zero_time_delta(Value const& value) {
  return time_delta_of(value).total() == 0;
}

std::string time_text(Value const& value) {
  switch (value.kind()) {
    case Kind::Date:
      return fmt::format("{:04}-{:02}-{:02}", date_of(value).year, date_of(value).month, date_of(value).day);
    case Kind::Time: {
      std::string out = clock_text(time_of(value).clock);
      if (auto const offset = utc_offset_us(value)) out += offset_text(*offset, ":");
      return out;
    }
    case Kind::DateTime: {
      auto const& date_time = date_time_of(value);
      std::string out = fmt::format("{:04}-{:02}-{:02} ", date_time.year, date_time.month, date_time.day) +
                        clock_text(date_time.clock);
      if (auto const offset = utc_offset_us(value)) out += offset_text(*offset, ":");
      return out;
    }
    default:
      break;
  }
  auto const& delta = time_delta_of(value);
  std::string out;
  if (delta.days != 0) out = fmt::format("{} day{}, ", delta.days, std::abs(delta.days) == 1 ? "" : "s");
  out += fmt::format("{}:{:02}:{:02}", delta.seconds / 3600, delta.seconds / 60 % 60, delta.seconds % 60);
  if (delta.microseconds != 0) out += fmt::format(".{:06}", delta.microseconds);
  return out;
}

std::string time_repr(Value const& value) {
  auto const clock_parts = [](Clock const& clock, bool always_seconds) {
    std::string out = fmt::format("{}, {}", clock.hour, clock.minute);
    if (clock.second != 0 || clock.microsecond != 0 || always_seconds) out += fmt::format(", {}", clock.second);
    if (clock.microsecond != 0) out += fmt::format(", {}", clock.microsecond);
    return out;
  };
  auto const zone_part = [](Clock const& clock, Value const& zone) {
    std::string out = clock.fold != 0 ? ", fold=1" : "";
    if (!zone.is_none()) out += ", tzinfo=" + repr(zone);
    return out;
  };
  switch (value.kind()) {
    case Kind::Date:
      return fmt::format("datetime.date({}, {}, {})", date_of(value).year, date_of(value).month, date_of(value).day);
    case Kind::Time: {
      auto const& time = time_of(value);
      return fmt::format("datetime.time({}{})", clock_parts(time.clock, false), zone_part(time.clock, time.zone));
    }
    case Kind::DateTime: {
      auto const& date_time = date_time_of(value);
      return fmt::format("datetime.datetime({}, {}, {}, {}{})", date_time.year, date_time.month, date_time.day,
                         clock_parts(date_time.clock, false), zone_part(date_time.clock, date_time.zone));
    }
    default:
      break;
  }
  auto const& delta = time_delta_of(value);
  std::string parts;
  auto const add = [&](std::string_view name, std::int64_t amount) {
    if (amount != 0) parts += fmt::format("{}{}={}", parts.empty() ? "" : ", ", name, amount);
  };
  add("days", delta.days);
  add("seconds", delta.seconds);
  add("microseconds", delta.microseconds);
  return fmt::format("datetime.timedelta({})", parts.empty() ? "0" : parts);
}

}  // namespace weir::jinja
