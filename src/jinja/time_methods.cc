// The attributes and methods of date, time, datetime and timedelta (Python docs: "datetime").

#include "jinja/time_methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "base/clock.h"
#include "jinja/numbers.h"
#include "jinja/times.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

#define METHOD(name) \
  Made name([[maybe_unused]] State& state, Value const& self, [[maybe_unused]] Arguments const& arguments)

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr char const* kDays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr char const* kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                   "July",    "August",   "September", "October", "November", "December"};

struct Parts {
  int year = 1900, month = 1, day = 1;
  Clock clock;
  std::int64_t days() const { return days_from_civil(year, month, day); }
  int weekday() const { return static_cast<int>(days() % 7); }  // 0001-01-01 is a Monday
  int day_of_year() const { return static_cast<int>(days() - days_from_civil(year, 1, 1)) + 1; }
};

Parts parts_of(Value const& value) {
  Parts parts;
  if (value.kind() == Kind::Time) {
    parts.clock = time_of(value).clock;
  } else if (value.kind() == Kind::Date) {
    auto const& date = date_of(value);
    parts = {date.year, date.month, date.day, {}};
  } else {
    auto const& moment = date_time_of(value);
    parts = {moment.year, moment.month, moment.day, moment.clock};
  }
  return parts;
}

Value clock_member(Clock const& clock, Value const& zone, std::string_view name) {
  if (name == "hour") return clock.hour;
  if (name == "minute") return clock.minute;
  if (name == "second") return clock.second;
  if (name == "microsecond") return clock.microsecond;
  if (name == "fold") return clock.fold;
  if (name == "tzinfo") return zone;
  return Value::missing();
}

Value date_member(int year, int month, int day, std::string_view name) {
  if (name == "year") return year;
  if (name == "month") return month;
  if (name == "day") return day;
  return Value::missing();
}

// ISO week: year, week, weekday (ISO 8601).
struct IsoWeek {
  int year, week, weekday;
};
IsoWeek iso_week(Parts const& parts) {
  auto const first_monday = [](int year) {
    std::int64_t const first = days_from_civil(year, 1, 1);
    std::int64_t const weekday = ((first % 7) + 7) % 7;
    return first - weekday + (weekday > 3 ? 7 : 0);
  };
  int year = parts.year;
  std::int64_t start = first_monday(year);
  if (parts.days() < start)
    start = first_monday(--year);
  else if (parts.days() >= first_monday(year + 1))
    start = first_monday(++year);
  return {year, static_cast<int>((parts.days() - start) / 7) + 1, parts.weekday() + 1};
}

std::string zone_name(Value const& value) {
  if (value.kind() == Kind::DateTime) {
    auto const* zone = date_time_of(value).zone.as<Zone>();
    return zone != nullptr ? zone->zone_name(date_time_of(value)) : "";
  }
  if (value.kind() != Kind::Time) return "";
  auto const* zone = time_of(value).zone.as<Zone>();
  return zone != nullptr ? zone->zone_name(DateTime(1900, 1, 1, time_of(value).clock, time_of(value).zone)) : "";
}

std::optional<std::int64_t> offset_of(Value const& value) {
  return value.kind() == Kind::Date ? std::nullopt : utc_offset_us(value);
}

std::string directive(char code, Value const& value, Parts const& p) {
  int const hour12 = p.clock.hour % 12 == 0 ? 12 : p.clock.hour % 12;
  switch (code) {
    case 'Y':
      return fmt::format("{}", p.year);
    case 'm':
      return fmt::format("{:02}", p.month);
    case 'd':
      return fmt::format("{:02}", p.day);
    case 'e':
      return fmt::format("{:2}", p.day);
    case 'H':
      return fmt::format("{:02}", p.clock.hour);
    case 'k':
      return fmt::format("{:2}", p.clock.hour);
    case 'I':
      return fmt::format("{:02}", hour12);
    case 'l':
      return fmt::format("{:2}", hour12);
    case 'M':
      return fmt::format("{:02}", p.clock.minute);
    case 'S':
      return fmt::format("{:02}", p.clock.second);
    case 'f':
      return fmt::format("{:06}", p.clock.microsecond);
    case 'y':
      return fmt::format("{:02}", p.year % 100);
    case 'C':
      return fmt::format("{:02}", p.year / 100);
    case 'B':
      return kMonths[p.month - 1];
    case 'b':
    case 'h':
      return std::string(kMonths[p.month - 1]).substr(0, 3);
    case 'A':
      return kDays[p.weekday()];
    case 'a':
      return std::string(kDays[p.weekday()]).substr(0, 3);
    case 'j':
      return fmt::format("{:03}", p.day_of_year());
    case 'p':
      return p.clock.hour < 12 ? "AM" : "PM";
    case 'P':
      return p.clock.hour < 12 ? "am" : "pm";
    case 'w':
      return fmt::format("{}", (p.weekday() + 1) % 7);
    case 'u':
      return fmt::format("{}", p.weekday() + 1);
    case 'U':
      return fmt::format("{:02}", (p.day_of_year() + 6 - (p.weekday() + 1) % 7) / 7);
    case 'W':
      return fmt::format("{:02}", (p.day_of_year() + 6 - p.weekday()) / 7);
    case 'G':
      return fmt::format("{}", iso_week(p).year);
    case 'g':
      return fmt::format("{:02}", iso_week(p).year % 100);
    case 'V':
      return fmt::format("{:02}", iso_week(p).week);
    case 'Z':
      return zone_name(value);
    case 'z': {
      auto const offset = offset_of(value);
      return offset ? offset_text(*offset, "") : "";
    }
    case 'D':
    case 'x':
      return fmt::format("{:02}/{:02}/{:02}", p.month, p.day, p.year % 100);
    case 'F':
      return fmt::format("{}-{:02}-{:02}", p.year, p.month, p.day);
    case 'T':
    case 'X':
      return fmt::format("{:02}:{:02}:{:02}", p.clock.hour, p.clock.minute, p.clock.second);
    case 'R':
      return fmt::format("{:02}:{:02}", p.clock.hour, p.clock.minute);
    case 'r':
      return fmt::format("{:02}:{:02}:{:02} {}", hour12, p.clock.minute, p.clock.second,
                         p.clock.hour < 12 ? "AM" : "PM");
    case 'c':
      return fmt::format("{:.3} {:.3} {:2} {:02}:{:02}:{:02} {}", kDays[p.weekday()], kMonths[p.month - 1], p.day,
                         p.clock.hour, p.clock.minute, p.clock.second, p.year);
    case 's':
      return fmt::format("{}", (p.days() * kDayUs - kEpochUs) / 1'000'000 + p.clock.hour * 3600 + p.clock.minute * 60 +
                                   p.clock.second);
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    default:
      return std::string("%") + code;
  }
}

// ---------------------------------------------------------------------------------------------------------- the
// methods

METHOD(strftime) {
  JINJA_TRY(auto const bound, arguments.bind("strftime", {"format"}, 1));
  if (!bound[0].is_string())
    return type_error(fmt::format("strftime() argument 1 must be str, not {}", type_name(bound[0])));
  JINJA_TRY(auto text, format_time(state, self, bound[0].string()));
  return Value(std::move(text));
}

METHOD(weekday) {
  return parts_of(self).weekday();
}
METHOD(isoweekday) {
  return parts_of(self).weekday() + 1;
}
METHOD(toordinal) {
  return parts_of(self).days() + 1;
}
METHOD(isocalendar) {
  auto const week = iso_week(parts_of(self));
  return tuple_of({week.year, week.week, week.weekday});
}
METHOD(ctime_) {
  return Value(directive('c', self, parts_of(self)));
}
METHOD(date_isoformat) {
  if (!arguments.named.empty()) return type_error("date.isoformat() takes no keyword arguments");
  if (!arguments.positional.empty())
    return type_error(fmt::format("date.isoformat() takes no arguments ({} given)", arguments.positional.size()));
  return Value(to_text(self));
}

Outcome<std::int64_t> replacement(std::vector<Value> const& bound, std::size_t index, std::int64_t otherwise) {
  if (bound[index].is_missing()) return otherwise;
  if (!is_index(bound[index]) || bound[index].kind() == Kind::BigInt)
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(bound[index])));
  return bound[index].integer();
}

METHOD(date_replace) {
  JINJA_TRY(auto const bound, arguments.bind("replace", {"year", "month", "day"}, 0));
  auto const& date = date_of(self);
  JINJA_TRY(auto const year, replacement(bound, 0, date.year));
  JINJA_TRY(auto const month, replacement(bound, 1, date.month));
  JINJA_TRY(auto const day, replacement(bound, 2, date.day));
  return checked_date(year, month, day);
}

METHOD(date_time_replace) {
  JINJA_TRY(auto const bound,
            arguments.bind("replace",
                           {"year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"}, 0));
  auto const& m = date_time_of(self);
  std::int64_t const now[] = {
      m.year, m.month, m.day, m.clock.hour, m.clock.minute, m.clock.second, m.clock.microsecond};
  std::int64_t parts[7];
  for (std::size_t i = 0; i < 7; ++i) {
    JINJA_TRY(parts[i], replacement(bound, i, now[i]));
  }
  JINJA_TRY(auto const fold, replacement(bound, 8, m.clock.fold));
  return checked_date_time(parts, bound[7].is_missing() ? m.zone : bound[7], fold);
}

METHOD(date_part) {
  auto const& m = date_time_of(self);
  return make_date(m.year, m.month, m.day);
}
METHOD(time_part) {
  Clock const clock = date_time_of(self).clock;
  return Value(Kind::Time, Ref<Shared>(new Time(clock, Value())));
}
METHOD(timetz) {
  return Value(Kind::Time, Ref<Shared>(new Time(date_time_of(self).clock, date_time_of(self).zone)));
}

std::string iso_clock(Clock const& clock, std::string_view precision) {
  std::string out = fmt::format("{:02}", clock.hour);
  if (precision == "hours") return out;
  out += fmt::format(":{:02}", clock.minute);
  if (precision == "minutes") return out;
  out += fmt::format(":{:02}", clock.second);
  if (precision == "milliseconds") return out + fmt::format(".{:03}", clock.microsecond / 1000);
  if (precision == "microseconds" || (precision == "auto" && clock.microsecond != 0))
    out += fmt::format(".{:06}", clock.microsecond);
  return out;
}

METHOD(date_time_isoformat) {
  JINJA_TRY(auto const bound, arguments.bind("isoformat", {"sep", "timespec"}, 0));
  std::string const separator = bound[0].is_string() ? std::string(bound[0].string()) : "T";
  std::string const precision = bound[1].is_string() ? std::string(bound[1].string()) : "auto";
  auto const& m = date_time_of(self);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}", m.year, m.month, m.day) + separator + iso_clock(m.clock, precision);
  if (auto const offset = utc_offset_us(self)) out += offset_text(*offset, ":");
  return Value(std::move(out));
}

METHOD(time_isoformat) {
  JINJA_TRY(auto const bound, arguments.bind("isoformat", {"timespec"}, 0));
  std::string out = iso_clock(time_of(self).clock, bound[0].is_string() ? bound[0].string() : "auto");
  if (auto const offset = utc_offset_us(self)) out += offset_text(*offset, ":");
  return Value(std::move(out));
}

METHOD(timestamp) {
  std::int64_t const local = date_time_of(self).local_microseconds();
  std::int64_t const offset = utc_offset_us(self).value_or(local_offset_us(local));
  return static_cast<double>(local - offset - kEpochUs) / 1e6;
}

METHOD(utcoffset) {
  auto const offset = utc_offset_us(self);
  if (!offset) return Value();
  return make_time_delta(*offset);
}
METHOD(tzname) {
  bool const has_zone =
      self.kind() == Kind::DateTime ? !date_time_of(self).zone.is_none() : !time_of(self).zone.is_none();
  return has_zone ? Value(zone_name(self)) : Value();
}
METHOD(dst) {
  if (self.kind() != Kind::DateTime) return Value();
  auto const* zone = date_time_of(self).zone.as<Zone>();
  return zone != nullptr ? zone->daylight_saving(date_time_of(self)) : Value();
}

METHOD(astimezone) {
  JINJA_TRY(auto const bound, arguments.bind("astimezone", {"tz"}, 0));
  std::int64_t const local = date_time_of(self).local_microseconds();
  std::int64_t const utc = local - utc_offset_us(self).value_or(local_offset_us(local));
  if (bound[0].is_missing() || bound[0].is_none()) {
    JINJA_TRY(auto const zone, fixed_zone(local_offset_us(utc), Value()));
    return make_date_time(utc + local_offset_us(utc), zone);
  }
  auto const* zone = bound[0].as<Zone>();
  if (zone == nullptr)
    return type_error(fmt::format("tz argument must be an instance of tzinfo, not {}", type_name(bound[0])));
  JINJA_TRY(auto const moment, make_date_time(utc, Value()));
  return zone->from_utc(date_time_of(moment));
}

METHOD(total_seconds) {
  Wide const total = time_delta_of(self).total();
  return static_cast<double>(total) / 1e6;
}
#undef METHOD

}  // namespace

Outcome<Value> checked_date(std::int64_t year, std::int64_t month, std::int64_t day) {
  if (year < 1 || year > 9999) return value_error(fmt::format("year {} is out of range", year));
  if (month < 1 || month > 12) return value_error("month must be in 1..12");
  if (!is_valid_date(year, month, day)) return value_error("day is out of range for month");
  return make_date(static_cast<int>(year), static_cast<int>(month), static_cast<int>(day));
}

Outcome<Clock> checked_clock(std::int64_t const* parts, std::int64_t fold) {
  if (parts[0] < 0 || parts[0] > 23) return value_error("hour must be in 0..23");
  if (parts[1] < 0 || parts[1] > 59) return value_error("minute must be in 0..59");
  if (parts[2] < 0 || parts[2] > 59) return value_error("second must be in 0..59");
  if (parts[3] < 0 || parts[3] > 999999) return value_error("microsecond must be in 0..999999");
  if (fold < 0 || fold > 1) return value_error("fold must be either 0 or 1");
  return Clock{static_cast<int>(parts[0]), static_cast<int>(parts[1]), static_cast<int>(parts[2]),
               static_cast<int>(parts[3]), static_cast<int>(fold)};
}

Outcome<Value> checked_date_time(std::int64_t const* parts, Value zone, std::int64_t fold) {
  JINJA_TRY(auto const date, checked_date(parts[0], parts[1], parts[2]));
  JINJA_TRY(auto const clock, checked_clock(parts + 3, fold));
  if (!zone.is_none() && zone.as<Zone>() == nullptr)
    return type_error(
        fmt::format("tzinfo argument must be None or of a tzinfo subclass, not type '{}'", type_name(zone)));
  auto const& d = date_of(date);
  return Value(Kind::DateTime, Ref<Shared>(new DateTime(d.year, d.month, d.day, clock, std::move(zone))));
}

Value time_member(Value const& self, std::string_view name) {
  switch (self.kind()) {
    case Kind::Date:
      return date_member(date_of(self).year, date_of(self).month, date_of(self).day, name);
    case Kind::Time:
      return clock_member(time_of(self).clock, time_of(self).zone, name);
    case Kind::DateTime: {
      auto const& moment = date_time_of(self);
      Value const found = date_member(moment.year, moment.month, moment.day, name);
      return found.is_missing() ? clock_member(moment.clock, moment.zone, name) : found;
    }
    default:
      break;
  }
  auto const& delta = time_delta_of(self);
  if (name == "days") return delta.days;
  if (name == "seconds") return delta.seconds;
  if (name == "microseconds") return delta.microseconds;
  return Value::missing();
}

Outcome<std::string> format_time(State& state, Value const& value, std::string_view format) {
  Parts const parts = parts_of(value);
  std::string out;
  JINJA_DO(state.spend(format.size()));
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%' || at + 1 >= format.size()) {
      out += format[at];
      continue;
    }
    char code = format[++at];
    if (code == '-' && at + 1 < format.size()) {  // glibc's: without leading zeros
      std::string const padded = directive(format[++at], value, parts);
      std::size_t const first = std::min(padded.find_first_not_of("0 "), padded.size() - 1);
      out += padded.substr(first);
      continue;
    }
    out += directive(code, value, parts);
  }
  return out;
}

namespace {

// A number of at most `most` digits.
std::optional<std::int64_t> take_number(std::string_view text, std::size_t& at, std::size_t most) {
  std::size_t const begin = at;
  std::int64_t number = 0;
  while (at < text.size() && at - begin < most && text[at] >= '0' && text[at] <= '9')
    number = number * 10 + (text[at++] - '0');
  if (at == begin) return std::nullopt;
  return number;
}

std::optional<int> take_name(std::string_view text, std::size_t& at, std::span<char const* const> names,
                             bool is_short) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string_view name = names[i];
    if (is_short) name = name.substr(0, 3);
    if (to_lower(text.substr(at, name.size())) != to_lower(name)) continue;
    at += name.size();
    return static_cast<int>(i);
  }
  return std::nullopt;
}

struct Parsed {
  std::int64_t year = 1900, month = 1, day = 1, hour = 0, minute = 0, second = 0, microsecond = 0, day_of_year = 0;
  std::optional<bool> is_afternoon;
  std::optional<std::int64_t> offset_us;
  bool is_utc_name = false;
};

bool take_offset(std::string_view text, std::size_t& at, Parsed& parsed) {
  if (at < text.size() && text[at] == 'Z') return ++at, parsed.offset_us = 0, true;
  if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
  bool const negative = text[at++] == '-';
  auto const hours = take_number(text, at, 2);
  if (at < text.size() && text[at] == ':') ++at;
  auto const minutes = take_number(text, at, 2);
  if (!hours || !minutes) return false;
  std::int64_t seconds = 0;
  if (at < text.size() && text[at] == ':') seconds = take_number(text, ++at, 2).value_or(0);
  parsed.offset_us = (*hours * 3600 + *minutes * 60 + seconds) * 1'000'000 * (negative ? -1 : 1);
  return true;
}

bool take_directive(char code, std::string_view text, std::size_t& at, Parsed& out) {
  auto const number = [&](std::size_t most, std::int64_t& into, std::int64_t low, std::int64_t high) {
    std::size_t const begin = at;
    auto found = take_number(text, at, most);
    while (found && (*found > high) && at > begin + 1) {  // as a regular expression would: fewer digits
      at = begin;
      found = take_number(text, at, --most);
    }
    if (!found || *found < low || *found > high) return false;
    into = *found;
    return true;
  };
  switch (code) {
    case 'Y': {
      std::size_t const begin = at;
      return number(4, out.year, 0, 9999) && at - begin == 4;
    }
    case 'y': {
      std::size_t const begin = at;
      if (!number(2, out.year, 0, 99) || at - begin != 2) return false;
      out.year += out.year <= 68 ? 2000 : 1900;
      return true;
    }
    case 'm':
      return number(2, out.month, 1, 12);
    case 'd':
      return number(2, out.day, 1, 31);
    case 'H':
      return number(2, out.hour, 0, 23);
    case 'I':
      return number(2, out.hour, 1, 12) && (out.is_afternoon = out.is_afternoon.value_or(false), true);
    case 'M':
      return number(2, out.minute, 0, 59);
    case 'S':
      return number(2, out.second, 0, 61);
    case 'j':
      return number(3, out.day_of_year, 1, 366);
    case 'f': {
      std::size_t const begin = at;
      auto const found = take_number(text, at, 6);
      if (!found) return false;
      out.microsecond = *found;
      for (std::size_t i = at - begin; i < 6; ++i) out.microsecond *= 10;
      return true;
    }
    case 'B':
    case 'b': {
      auto const month = take_name(text, at, kMonths, code == 'b');
      if (month) out.month = *month + 1;
      return month.has_value();
    }
    case 'A':
    case 'a':
      return take_name(text, at, kDays, code == 'a').has_value();
    case 'p': {
      static constexpr char const* kHalves[] = {"AM", "PM"};
      auto const half = take_name(text, at, kHalves, false);
      if (half) out.is_afternoon = *half == 1;
      return half.has_value();
    }
    case 'z':
      return take_offset(text, at, out);
    case 'Z': {
      static constexpr char const* kNames[] = {"UTC", "GMT"};
      return take_name(text, at, kNames, false).has_value();
    }
    case '%':
      return at < text.size() && text[at] == '%' && ++at > 0;
    default:
      return false;
  }
}

}  // namespace

Outcome<Value> parse_time(State&, std::string_view text, std::string_view format) {
  Parsed parsed;
  std::size_t at = 0;
  auto const mismatch = [&] {
    return value_error(fmt::format("time data {} does not match format {}", repr(Value(text)), repr(Value(format))));
  };
  bool has_twelve = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      has_twelve |= format[i + 1] == 'I';
      if (!take_directive(format[++i], text, at, parsed)) return mismatch();
    } else if (is_space(static_cast<unsigned char>(format[i]))) {
      std::size_t const begin = at;
      while (at < text.size() && is_space(static_cast<unsigned char>(text[at]))) ++at;
      if (at == begin) return mismatch();
    } else if (at < text.size() && to_lower(text.substr(at, 1)) == to_lower(format.substr(i, 1))) {
      ++at;
    } else {
      return mismatch();
    }
  }
  if (at < text.size()) return value_error(fmt::format("unconverted data remains: {}", text.substr(at)));
  if (has_twelve) parsed.hour = parsed.hour % 12 + (parsed.is_afternoon.value_or(false) ? 12 : 0);
  if (parsed.day_of_year > 0) {
    int year = 0, month = 0, day = 0;
    civil_from_days(days_from_civil(static_cast<int>(parsed.year), 1, 1) + parsed.day_of_year - 1, year, month, day);
    parsed.month = month;
    parsed.day = day;
  }
  Value zone;
  if (parsed.offset_us) {
    JINJA_TRY(zone, *parsed.offset_us == 0 ? Outcome<Value>(zone_utc()) : fixed_zone(*parsed.offset_us, Value()));
  }
  std::int64_t const parts[] = {parsed.year,   parsed.month,  parsed.day,        parsed.hour,
                                parsed.minute, parsed.second, parsed.microsecond};
  return checked_date_time(parts, zone, 0);
}

std::int64_t now_us() {
  return system_clock().now().time_since_epoch().count() + kEpochUs;
}

std::int64_t local_offset_us(std::int64_t utc_us) {
  std::time_t const seconds = static_cast<std::time_t>((utc_us - kEpochUs) / 1'000'000);
  std::tm broken{};
  if (::localtime_r(&seconds, &broken) == nullptr) return 0;
  return static_cast<std::int64_t>(broken.tm_gmtoff) * 1'000'000;
}

std::span<MethodEntry const> date_methods() {
  static MethodEntry const entries[] = {
      {"strftime", strftime},       {"weekday", weekday}, {"isoweekday", isoweekday},    {"toordinal", toordinal},
      {"isocalendar", isocalendar}, {"ctime", ctime_},    {"isoformat", date_isoformat}, {"replace", date_replace},
  };
  return entries;
}
std::span<MethodEntry const> time_methods() {
  static MethodEntry const entries[] = {
      {"strftime", strftime}, {"isoformat", time_isoformat}, {"utcoffset", utcoffset}, {"tzname", tzname}, {"dst", dst},
  };
  return entries;
}
std::span<MethodEntry const> date_time_methods() {
  static MethodEntry const entries[] = {
      {"strftime", strftime},
      {"weekday", weekday},
      {"isoweekday", isoweekday},
      {"toordinal", toordinal},
      {"isocalendar", isocalendar},
      {"ctime", ctime_},
      {"isoformat", date_time_isoformat},
      {"replace", date_time_replace},
      {"date", date_part},
      {"time", time_part},
      {"timetz", timetz},
      {"timestamp", timestamp},
      {"utcoffset", utcoffset},
      {"tzname", tzname},
      {"dst", dst},
      {"astimezone", astimezone},
  };
  return entries;
}
std::span<MethodEntry const> time_delta_methods() {
  static MethodEntry const entries[] = {{"total_seconds", total_seconds}};
  return entries;
}

}  // namespace weir::jinja
