#pragma once
// Python's int(), float(), round(): conversions between numbers, and from text.

#include "jinja/value.h"

namespace weir::jinja {

Outcome<Value> to_integer(Value const& value);
Outcome<Value> to_integer(Value const& text, Value const& base);
Outcome<double> to_float(Value const& value);
// round(value, digits); None as digits gives an int.
Outcome<Value> round_value(Value const& value, Value const& digits);
Outcome<Value> ceiling(Value const& value);   // math.ceil
Outcome<Value> floor_of(Value const& value);  // math.floor

}  // namespace weir::jinja
