// The modules `datetime` and `pytz` (Python docs: "datetime"; pytz's own documentation), zones from the system's tz
// database.

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "jinja/convert.h"
#include "jinja/iterate.h"
#include "jinja/modules.h"
#include "jinja/numbers.h"
#include "jinja/time_methods.h"
#include "jinja/times.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

// A Python class that a template can call, with functions on it.
class Class final : public Object {
 public:
  using IsInstance = bool (*)(Value const&);
  Class(std::string name, Function create) : name_(std::move(name)), create_(std::move(create)) {}
  std::string type_name() const override { return "type"; }
  std::string repr() const override { return "<class '" + name_ + "'>"; }
  bool is_callable() const override { return true; }
  Made call(State& state, Arguments const& arguments) override { return create_(state, arguments); }
  Made attribute(State&, std::string_view name) override {
    Value const* found = members.find(name);
    return found != nullptr ? *found : Value::missing();
  }
  Dict members;

 private:
  std::string name_;
  Function create_;
};

// --------------------------------------------------------------------------------------------------------------- zones

class FixedZone final : public Zone {
 public:
  FixedZone(std::int64_t offset, Value name) : offset_(offset), name_(std::move(name)) {}
  std::string type_name() const override { return "datetime.timezone"; }
  std::int64_t offset_us(DateTime const&) const override { return offset_; }
  std::string zone_name(DateTime const&) const override { return text(); }
  Made from_utc(DateTime const& utc) const override {
    return make_date_time(utc.local_microseconds() + offset_, Value(Ref<Object>(const_cast<FixedZone*>(this))));
  }
  std::string text() const override {
    if (name_.is_string()) return std::string(name_.string());
    return offset_ == 0 ? "UTC" : "UTC" + offset_text(offset_, ":");
  }
  std::string repr() const override {
    if (offset_ == 0 && !name_.is_string()) return "datetime.timezone.utc";
    auto const delta = make_time_delta(offset_);
    std::string out = "datetime.timezone(" + jinja::repr(*delta);
    if (name_.is_string()) out += ", " + jinja::repr(name_);
    return out + ")";
  }
  bool equals(Value const& other) const override {
    auto const* zone = other.as<FixedZone>();
    return zone != nullptr && zone->offset_ == offset_;
  }
  Outcome<std::uint64_t> hash() const override { return static_cast<std::uint64_t>(offset_) * 31 + 17; }

 private:
  std::int64_t offset_;
  Value name_;
};

// pytz.utc, and one period of a pytz zone: with a fixed distance from UTC, as pytz keeps them.
class PytzZone final : public Zone {
 public:
  PytzZone(date::time_zone const* zone, std::int64_t offset, std::int64_t saving, std::string abbreviation)
      : zone_(zone), offset_(offset), saving_(saving), abbreviation_(std::move(abbreviation)) {}

  static Value of(date::time_zone const* zone) {
    // pytz begins with the zone's first period: local mean time.
    return period(zone, zone->get_info(date::sys_seconds(std::chrono::seconds(-5'000'000'000))));
  }

  std::string type_name() const override { return zone_ == nullptr ? "UTC" : "pytz.tzfile." + zone_->name(); }
  std::string text() const override { return zone_ == nullptr ? "UTC" : zone_->name(); }
  std::string repr() const override {
    if (zone_ == nullptr) return "<UTC>";
    auto const delta = make_time_delta(offset_);
    return fmt::format("<DstTzInfo '{}' {}{}{} {}>", zone_->name(), abbreviation_, offset_ < 0 ? "" : "+",
                       to_text(*delta), saving_ != 0 ? "DST" : "STD");
  }
  std::int64_t offset_us(DateTime const&) const override { return offset_; }
  std::string zone_name(DateTime const&) const override { return abbreviation_; }
  Value daylight_saving(DateTime const&) const override { return *make_time_delta(saving_); }
  Made from_utc(DateTime const& utc) const override {
    std::int64_t const us = utc.local_microseconds();
    if (zone_ == nullptr) return make_date_time(us, Value(Ref<Object>(const_cast<PytzZone*>(this))));
    auto const info = zone_->get_info(date::sys_seconds(std::chrono::seconds(floor_seconds(us - kEpochUs))));
    return make_date_time(us + distance_us(info), period(zone_, info));
  }
  bool equals(Value const& other) const override {
    auto const* zone = other.as<PytzZone>();
    return zone != nullptr && zone->zone_ == zone_ && zone->offset_ == offset_ && zone->abbreviation_ == abbreviation_;
  }
  Outcome<std::uint64_t> hash() const override {
    return static_cast<std::uint64_t>(offset_) * 31 + reinterpret_cast<std::uintptr_t>(zone_);
  }

  Made attribute(State&, std::string_view name) override {
    if (name == "zone") return Value(text());
    if (std::find(std::begin(kMethods), std::end(kMethods), name) == std::end(kMethods)) return Value::missing();
    Ref<PytzZone> const self(this);
    return function(std::string(name), [self, name = std::string(name)](State& state, Arguments const& arguments) {
      return self->call_method(state, name, arguments);
    });
  }

  Made call_method(State& state, std::string_view name, Arguments const& arguments) override {
    if (std::find(std::begin(kMethods), std::end(kMethods), name) == std::end(kMethods))
      return Object::call_method(state, name, arguments);
    JINJA_TRY(auto const bound, arguments.bind(name, {"dt", "is_dst"}, 1));
    if (name == "localize") return localize(bound[0], bound[1]);
    if (name != "normalize") return fact_at(name, bound[0], bound[1]);
    if (bound[0].kind() != Kind::DateTime)
      return Failure(FailureType::AttributeError,
                     fmt::format("'{}' object has no attribute 'tzinfo'", jinja::type_name(bound[0])));
    auto const& moment = date_time_of(bound[0]);
    if (moment.zone.is_none()) return value_error("Naive time - no tzinfo set");
    JINJA_TRY(auto const utc, make_date_time(moment.local_microseconds() - *utc_offset_us(bound[0]), Value()));
    return from_utc(date_time_of(utc));
  }

 private:
  static constexpr std::string_view kMethods[] = {"localize", "normalize", "utcoffset", "dst", "tzname"};

  Made localize(Value const& naive, Value const& is_dst) {
    if (naive.kind() != Kind::DateTime)
      return Failure(FailureType::AttributeError,
                     fmt::format("'{}' object has no attribute 'tzinfo'", jinja::type_name(naive)));
    auto const& moment = date_time_of(naive);
    if (!moment.zone.is_none()) return value_error("Not naive datetime (tzinfo is already set)");
    std::int64_t const local = moment.local_microseconds();
    if (zone_ == nullptr) return make_date_time(local, Value(Ref<Object>(this)));
    auto const info = zone_->get_info(date::local_seconds(std::chrono::seconds(floor_seconds(local - kEpochUs))));
    if (info.result == date::local_info::unique) return make_date_time(local, period(zone_, info.first));
    bool const is_twice = info.result == date::local_info::ambiguous;
    if (is_dst.is_none())
      return Failure(FailureType::ZoneError,
                     fmt::format("{}: {}", is_twice ? "AmbiguousTimeError" : "NonExistentTimeError", to_text(naive)));
    bool const saves = is_dst.is_bool() && is_dst.boolean();
    // A time that is skipped is told by the clock of before, or of behind in summer. Of one that comes twice the one
    // that saves (or does not) is meant; where both do, the second.
    bool first = is_twice == saves;
    if (is_twice && is_saving(info.first) != is_saving(info.second)) first = is_saving(info.first) == saves;
    return make_date_time(local, period(zone_, first ? info.first : info.second));
  }

  // z.utcoffset(datetime): what holds at a moment; of None, nothing but the name.
  Made fact_at(std::string_view name, Value const& moment, Value const& is_dst) {
    Value own(Ref<Object>(this));
    if (moment.is_none() && zone_ != nullptr) return name == "tzname" ? Value(text()) : Value();
    if (zone_ != nullptr && (moment.kind() != Kind::DateTime || !jinja::equals(date_time_of(moment).zone, own))) {
      JINJA_TRY(auto const placed, localize(moment, is_dst));
      own = date_time_of(placed).zone;
    }
    auto const& there = *own.as<PytzZone>();
    if (name == "tzname") return Value(there.abbreviation_);
    return make_time_delta(name == "dst" ? there.saving_ : there.offset_);
  }

  static std::int64_t floor_seconds(std::int64_t us) {
    return us >= 0 ? us / 1'000'000 : -((-us + 999'999) / 1'000'000);
  }
  // pytz knows distances from UTC in whole minutes: 7:52:58, a local mean time, is 7:53.
  static std::int64_t distance_us(date::sys_info const& info) { return whole_minutes_us(info.offset); }
  static std::int64_t whole_minutes_us(std::chrono::seconds distance) {
    std::int64_t const seconds = distance.count() + 30;
    std::int64_t const minutes = seconds >= 0 ? seconds / 60 : -((-seconds + 59) / 60);
    return minutes * 60'000'000;
  }
  // The system's tz database says only that time is saved, not how much.
  static bool is_saving(date::sys_info const& info) { return info.save.count() != 0; }
  // How much: the difference to the period before it that does not save; where that is no likely one (a zone that moved
  // across the date line), to one behind it.
  static std::int64_t saving_us(date::time_zone const* zone, date::sys_info const& info) {
    using std::chrono::hours, std::chrono::seconds;
    constexpr int kMost = 100;  // periods that are looked at
    constexpr date::sys_seconds kEarliest{seconds(-5'000'000'000)}, kLatest{seconds(10'000'000'000)};
    if (!is_saving(info)) return 0;
    auto other = info;
    for (int i = 0; i < kMost && is_saving(other) && other.begin > kEarliest; ++i)
      other = zone->get_info(other.begin - seconds(1));
    seconds const saved = info.offset - other.offset;
    if (saved > seconds(0) && saved <= hours(3)) return whole_minutes_us(saved);
    other = info;
    for (int i = 0; i < kMost && other.end < kLatest; ++i) {
      other = zone->get_info(other.end);
      if (!is_saving(other) && info.offset > other.offset) return whole_minutes_us(info.offset - other.offset);
    }
    return whole_minutes_us(saved);
  }
  static Value period(date::time_zone const* zone, date::sys_info const& info) {
    return make<PytzZone>(zone, distance_us(info), saving_us(zone, info), info.abbrev);
  }

  date::time_zone const* zone_;  // null: UTC
  std::int64_t offset_, saving_;
  std::string abbreviation_;
};

Value pytz_utc() {
  static Value const utc = make<PytzZone>(nullptr, 0, 0, "UTC");
  return utc;
}

Made zone_named(std::string_view name) {
  if (equals_ignoring_case(name, "UTC")) return pytz_utc();
  try {
    for (auto const& zone : date::get_tzdb().zones)
      if (equals_ignoring_case(zone.name(), name)) return PytzZone::of(&zone);
    return PytzZone::of(date::locate_zone(std::string(name)));
  } catch (std::exception const&) {
    return Failure(FailureType::ZoneError, "UnknownTimeZoneError: " + repr(Value(name)));
  }
}

// ------------------------------------------------------------------------------------------------------------- classes

Made create_date(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("date", {"year", "month", "day"}, 3));
  std::int64_t parts[3];
  for (std::size_t i = 0; i < 3; ++i) {
    JINJA_TRY(parts[i], whole(bound[i], 0));
  }
  return checked_date(parts[0], parts[1], parts[2]);
}

Made create_date_time(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound,
            arguments.bind("datetime",
                           {"year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"}, 3));
  std::int64_t parts[7];
  for (std::size_t i = 0; i < 7; ++i) {
    JINJA_TRY(parts[i], whole(bound[i], 0));
  }
  JINJA_TRY(auto const fold, whole(bound[8], 0));
  return checked_date_time(parts, bound[7].is_missing() ? Value() : bound[7], fold);
}

Made create_time(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("time", {"hour", "minute", "second", "microsecond", "tzinfo", "fold"}, 0));
  std::int64_t parts[4];
  for (std::size_t i = 0; i < 4; ++i) {
    JINJA_TRY(parts[i], whole(bound[i], 0));
  }
  JINJA_TRY(auto const fold, whole(bound[5], 0));
  JINJA_TRY(auto const clock, checked_clock(parts, fold));
  return Value(Kind::Time, Ref<Shared>(new Time(clock, bound[4].is_missing() ? Value() : bound[4])));
}

Made create_time_delta(State& state, Arguments const& arguments) {
  JINJA_TRY(
      auto const bound,
      arguments.bind("timedelta", {"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}, 0));
  static constexpr std::int64_t kUnits[] = {86'400'000'000, 1'000'000,      1, 1000, 60'000'000,
                                            3'600'000'000,  604'800'000'000};
  JINJA_TRY(Value total, make_time_delta(0));
  for (std::size_t i = 0; i < 7; ++i) {
    if (bound[i].is_missing()) continue;
    if (!is_index(bound[i]) && !bound[i].is_float())
      return type_error(fmt::format("unsupported type for timedelta {} component: {}",
                                    std::initializer_list<char const*>{"days", "seconds", "microseconds",
                                                                       "milliseconds", "minutes", "hours", "weeks"}
                                        .begin()[i],
                                    type_name(bound[i])));
    JINJA_TRY(auto const unit, make_time_delta(kUnits[i]));
    JINJA_TRY(auto const part, time_binary(Operator::Multiply, unit, bound[i]));
    JINJA_TRY(total, time_binary(Operator::Add, total, part));
  }
  static_cast<void>(state);
  return total;
}

Made create_zone(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("timezone", {"offset", "name"}, 1));
  if (bound[0].kind() != Kind::TimeDelta)
    return type_error(fmt::format("timezone() argument 1 must be datetime.timedelta, not {}", type_name(bound[0])));
  Wide const total = time_delta_of(bound[0]).total();
  if (total <= -86'400'000'000 || total >= 86'400'000'000)
    return value_error(
        "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not " +
        repr(bound[0]) + ".");
  return fixed_zone(static_cast<std::int64_t>(total), bound[1].is_missing() ? Value() : bound[1]);
}

Made from_us(std::int64_t utc_us, Value const& zone) {
  if (zone.is_missing() || zone.is_none()) return make_date_time(utc_us + local_offset_us(utc_us), Value());
  auto const* info = zone.as<Zone>();
  if (info == nullptr)
    return type_error(
        fmt::format("tzinfo argument must be None or of a tzinfo subclass, not type '{}'", type_name(zone)));
  JINJA_TRY(auto const utc, make_date_time(utc_us, Value()));
  return info->from_utc(date_time_of(utc));
}

Made now(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("now", {"tz"}, 0));
  return from_us(now_us(), bound[0]);
}

Made utc_now(State&, Arguments const&) {
  return make_date_time(now_us(), Value());
}

Made date_of_now(State&, Arguments const&) {
  JINJA_TRY(auto const moment, from_us(now_us(), Value()));
  auto const& m = date_time_of(moment);
  return make_date(m.year, m.month, m.day);
}

Made from_timestamp(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("fromtimestamp", {"timestamp", "tz"}, 1));
  JINJA_TRY(double const seconds, to_float(bound[0]));
  if (!(std::abs(seconds) < 3e11)) return value_error("year is out of range");
  return from_us(kEpochUs + static_cast<std::int64_t>(std::nearbyint(seconds * 1e6)), bound[1]);
}

Made utc_from_timestamp(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("utcfromtimestamp", {"timestamp"}, 1));
  JINJA_TRY(double const seconds, to_float(bound[0]));
  if (!(std::abs(seconds) < 3e11)) return value_error("year is out of range");
  return make_date_time(kEpochUs + static_cast<std::int64_t>(std::nearbyint(seconds * 1e6)), Value());
}

Made strptime(State& state, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("strptime", {"date_string", "format"}, 2));
  for (std::size_t i = 0; i < 2; ++i)
    if (!bound[i].is_string())
      return type_error(fmt::format("strptime() argument {} must be str, not {}", i + 1, type_name(bound[i])));
  return parse_time(state, bound[0].string(), bound[1].string());
}

Made combine(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("combine", {"date", "time", "tzinfo"}, 2));
  bool const is_date = bound[0].kind() == Kind::Date || bound[0].kind() == Kind::DateTime;
  if (!is_date)
    return type_error(fmt::format("combine() argument 1 must be datetime.date, not {}", type_name(bound[0])));
  if (bound[1].kind() != Kind::Time)
    return type_error(fmt::format("combine() argument 2 must be datetime.time, not {}", type_name(bound[1])));
  auto const& time = time_of(bound[1]);
  Value const zone = bound[2].is_missing() ? time.zone : bound[2];
  if (bound[0].kind() == Kind::Date) {
    auto const& d = date_of(bound[0]);
    return Value(Kind::DateTime, Ref<Shared>(new DateTime(d.year, d.month, d.day, time.clock, zone)));
  }
  auto const& d = date_time_of(bound[0]);
  return Value(Kind::DateTime, Ref<Shared>(new DateTime(d.year, d.month, d.day, time.clock, zone)));
}

// 2024-02-29, 2024-02-29T10:11[:12[.345[678]]][+02:00|Z].
Made from_iso_format(State& state, Arguments const& arguments, bool date_only) {
  JINJA_TRY(auto const bound, arguments.bind("fromisoformat", {"date_string"}, 1));
  if (!bound[0].is_string()) return type_error("fromisoformat: argument must be str");
  std::string text(bound[0].string());
  auto const invalid = [&] { return value_error("Invalid isoformat string: " + repr(bound[0])); };
  bool const is_basic = text.size() == 8 || (text.size() > 8 && text[4] != '-');
  if (is_basic && text.size() >= 8) text = text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6);
  if (text.size() == 10 || date_only) {
    auto const moment = parse_time(state, text, "%Y-%m-%d");
    if (!moment.ok()) return invalid();
    auto const& m = date_time_of(*moment);
    return date_only ? make_date(m.year, m.month, m.day) : *moment;
  }
  if (text.size() < 13) return invalid();
  text[10] = 'T';
  std::size_t const zone_at = std::min(text.find_first_of("+-Z", 11), text.size());
  std::string clock = text.substr(0, zone_at);
  std::string format = "%Y-%m-%dT%H";
  if (clock.size() > 13) format += ":%M";
  if (clock.size() > 16) format += ":%S";
  if (clock.size() > 19) format += ".%f";
  if (zone_at < text.size()) format += "%z";
  auto moment = parse_time(state, text, format);
  if (!moment.ok()) return invalid();
  return moment;
}

Made from_ordinal(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("fromordinal", {"ordinal"}, 1));
  JINJA_TRY(auto const ordinal, whole(bound[0], 1));
  if (ordinal < 1) return value_error("ordinal must be >= 1");
  if (ordinal > 3652059) return value_error("year is out of range");
  int year = 0, month = 0, day = 0;
  civil_from_days(ordinal - 1, year, month, day);
  return make_date(year, month, day);
}

void add(Class& type, std::string name, Function call) {
  type.members.set(name, function(name, std::move(call)));
}

}  // namespace

Value zone_utc() {
  static Value const utc = make<FixedZone>(0, Value());
  return utc;
}

Outcome<Value> fixed_zone(std::int64_t offset_us, Value name) {
  if (offset_us == 0 && name.is_none()) return zone_utc();
  return Value(make<FixedZone>(offset_us, std::move(name)));
}

Value datetime_module() {
  auto date_class = make<Class>("datetime.date", create_date);
  add(*date_class, "today", date_of_now);
  add(*date_class, "fromisoformat", [](State& s, Arguments const& a) { return from_iso_format(s, a, true); });
  add(*date_class, "fromordinal", from_ordinal);
  date_class->members.set("min", make_date(1, 1, 1));
  date_class->members.set("max", make_date(9999, 12, 31));
  auto moment_class = make<Class>("datetime.datetime", create_date_time);
  add(*moment_class, "now", now);
  add(*moment_class, "today", [](State&, Arguments const&) { return from_us(now_us(), Value()); });
  add(*moment_class, "utcnow", utc_now);
  add(*moment_class, "fromtimestamp", from_timestamp);
  add(*moment_class, "utcfromtimestamp", utc_from_timestamp);
  add(*moment_class, "strptime", strptime);
  add(*moment_class, "combine", combine);
  add(*moment_class, "fromisoformat", [](State& s, Arguments const& a) { return from_iso_format(s, a, false); });
  moment_class->members.set("min", *make_date_time(0, Value()));
  moment_class->members.set("max", *make_date_time(3652059LL * 86'400'000'000 - 1, Value()));
  auto zone_class = make<Class>("datetime.timezone", create_zone);
  zone_class->members.set("utc", zone_utc());
  auto time_class = make<Class>("datetime.time", create_time);
  auto delta_class = make<Class>("datetime.timedelta", create_time_delta);
  return make_module("datetime", {{"date", date_class},
                                  {"datetime", moment_class},
                                  {"time", time_class},
                                  {"timedelta", delta_class},
                                  {"timezone", zone_class}});
}

Value pytz_module() {
  auto const timezone = [](State&, Arguments const& arguments) -> Made {
    JINJA_TRY(auto const bound, arguments.bind("timezone", {"zone"}, 1));
    if (bound[0].is_none()) return Failure(FailureType::ZoneError, "UnknownTimeZoneError: None");
    if (!bound[0].is_string())
      return Failure(FailureType::AttributeError,
                     fmt::format("'{}' object has no attribute 'upper'", type_name(bound[0])));
    return zone_named(bound[0].string());
  };
  return make_module("pytz", {{"timezone", function("timezone", timezone)}, {"utc", pytz_utc()}, {"UTC", pytz_utc()}});
}

std::optional<Value> date_value(int year, int month, int day) {
  auto made = checked_date(year, month, day);
  return made.ok() ? std::optional<Value>(*made) : std::nullopt;
}

std::optional<Value> date_time_value(int year, int month, int day, int hour, int minute, int second, int microsecond) {
  std::int64_t const parts[] = {year, month, day, hour, minute, second, microsecond};
  auto made = checked_date_time(parts, Value(), 0);
  return made.ok() ? std::optional<Value>(*made) : std::nullopt;
}

std::optional<Value> date_time_utc(std::int64_t microseconds_since_epoch) {
  if (microseconds_since_epoch > 253'402'300'799'999'999 || microseconds_since_epoch < -kEpochUs) return std::nullopt;
  auto made = make_date_time(microseconds_since_epoch + kEpochUs, pytz_utc());
  return made.ok() ? std::optional<Value>(*made) : std::nullopt;
}

Value time_delta_value(std::int64_t microseconds) {
  return *make_time_delta(microseconds);
}

}  // namespace weir::jinja
