#pragma once
// Python's ways of formatting: `text % values`, `text.format(...)`, format(value, spec).

#include "jinja/environment.h"

namespace weir::jinja {

Outcome<Value> format_percent(State& state, Value const& format, Value const& arguments);
Outcome<std::string> format_braces(State& state, std::string_view format, Arguments const& arguments);
// One value by a format specification: [[fill]align][sign][#][0][width][,][.precision][type].
Outcome<std::string> format_value(State& state, Value const& value, std::string_view spec);

}  // namespace weir::jinja
