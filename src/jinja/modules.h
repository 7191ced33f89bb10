#pragma once
// Python modules that a host may hand to templates (`modules.datetime`), and values of their types for hosts that read
// them from elsewhere. Every function makes a new object; immutable ones may be shared between threads.

#include "jinja/object.h"

namespace weir::jinja {

Value datetime_module();  // date, time, datetime, timedelta, timezone
Value pytz_module();      // timezone, utc, UTC; zones of the system's tz database
Value re_module();  // search, match, fullmatch, findall, finditer, sub, subn, split, compile, escape and the flags
Value itertools_module();
Value standard_modules();  // all of them, as one dict

Value zip_function();  // zip(), at once: a list of tuples
Value set_function();  // set()

std::optional<Value> integer_from_text(std::string_view text);  // of any size
std::optional<double> float_from_text(std::string_view text);   // inf and nan too
std::optional<Value> decimal_from_text(std::string_view text);
std::optional<Value> date_value(int year, int month, int day);
std::optional<Value> date_time_value(int year, int month, int day, int hour, int minute, int second,
                                     int microsecond);  // naive
// A point in time as a datetime in UTC (pytz.utc), or nothing outside the years 1 to 9999.
std::optional<Value> date_time_utc(std::int64_t microseconds_since_epoch);
Value time_delta_value(std::int64_t microseconds);
// The text of a Decimal, date, datetime or time, as Python's str() has it: see to_text (value.h).

}  // namespace weir::jinja
