#pragma once
// Python's operators on values. Each fails as Python does, with its text.

#include "jinja/environment.h"
#include "jinja/tree.h"

namespace weir::jinja {

Outcome<Value> binary(State& state, Operator op, Value const& left, Value const& right);
Outcome<Value> unary(State& state, Operator op, Value const& operand);
Outcome<bool> compare(State& state, Comparison comparison, Value const& left, Value const& right);
// -1, 0 or 1; TypeError with `sign` in it where the two cannot be ordered.
Outcome<int> order(Value const& left, Value const& right, std::string_view sign);
Outcome<bool> contains(State& state, Value const& container, Value const& item);

// bool, int and float as a float; nothing for anything else.
std::optional<double> as_float(Value const& value);
// A value where Python wants an int (__index__): bool or int.
bool is_index(Value const& value);
// What a call was given for a parameter: that it is there and true; a whole number, `otherwise` where it is not there.
bool is_set(Value const& given);
Outcome<std::int64_t> whole(Value const& given, std::int64_t otherwise);
// The place in something of `size` items that this index means, counted from the end where it is negative; nothing
// outside.
std::optional<std::size_t> place_of_index(Value const& index, std::size_t size);

// start:stop:step applied to `size` items: the indexes that are taken.
struct SliceRange {
  std::int64_t start, step;
  std::size_t count;
};
Outcome<SliceRange> slice_range(Value const& start, Value const& stop, Value const& step, std::size_t size);
Outcome<Value> slice(Value const& subject, Value const& start, Value const& stop, Value const& step);

Outcome<Value> floor_divide_floats(double left, double right);
double float_modulo(double left, double right);  // right is not 0; the result has its sign

Failure type_error(std::string message);
Failure value_error(std::string message);

}  // namespace weir::jinja
