// Filters on numbers (Jinja2 docs: "List of Builtin Filters").

#include <fmt/format.h>

#include <cmath>

#include "jinja/builtins.h"
#include "jinja/convert.h"
#include "jinja/decimal.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/times.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

#define FILTER(name) Made name([[maybe_unused]] State& state, Arguments const& arguments)

bool is_conversion_failure(Failure const& failure) {
  return failure.type() == FailureType::TypeError || failure.type() == FailureType::ValueError;
}

FILTER(abs_) {
  if (arguments.positional.size() != 1 || !arguments.named.empty())
    return type_error(fmt::format("abs() takes exactly one argument ({} given)", arguments.positional.size()));
  Value const& value = arguments.positional[0];
  switch (value.kind()) {
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInt:
      return integer_of(abs(big_of(value)));
    case Kind::Float:
      return std::abs(value.number());
    case Kind::Decimal:
      return decimal_of(value).negative ? decimal_unary(Operator::Minus, value) : decimal_unary(Operator::Plus, value);
    case Kind::TimeDelta:
      return time_delta_of(value).days < 0 ? negated_time_delta(value) : value;
    case Kind::Undefined:
      return type_error("bad operand type for abs(): 'Undefined'");
    default:
      return type_error(fmt::format("bad operand type for abs(): '{}'", type_name(value)));
  }
}

FILTER(int_) {
  JINJA_TRY(auto const bound, arguments.bind("do_int", {"value", "default", "base"}, 1));
  Value const otherwise = bound[1].is_missing() ? Value(0) : bound[1];
  auto whole =
      bound[0].is_string() ? to_integer(bound[0], bound[2].is_missing() ? Value(10) : bound[2]) : to_integer(bound[0]);
  if (whole.ok()) return whole;
  if (!is_conversion_failure(whole.error())) return std::move(whole).error();
  auto number = to_float(bound[0]);
  if (number.ok()) {
    auto cut = to_integer(Value(*number));
    if (cut.ok()) return cut;
    if (!is_conversion_failure(cut.error())) return std::move(cut).error();
    return otherwise;
  }
  if (!is_conversion_failure(number.error())) return std::move(number).error();
  return otherwise;
}

FILTER(float_) {
  JINJA_TRY(auto const bound, arguments.bind("do_float", {"value", "default"}, 1));
  auto number = to_float(bound[0]);
  if (number.ok()) return *number;
  if (!is_conversion_failure(number.error())) return std::move(number).error();
  return bound[1].is_missing() ? Value(0.0) : bound[1];
}

FILTER(round) {
  JINJA_TRY(auto const bound, arguments.bind("do_round", {"value", "precision", "method"}, 1));
  std::string_view const method = bound[2].is_string() ? bound[2].string() : "common";
  if ((!bound[2].is_missing() && !bound[2].is_string()) ||
      (method != "common" && method != "ceil" && method != "floor"))
    return Failure(FailureType::FilterArgumentError, "method must be common, ceil or floor");
  Value const precision = bound[1].is_missing() ? Value(0) : bound[1];
  if (method == "common") return round_value(bound[0], precision);
  JINJA_TRY(auto const unit, binary(state, Operator::Power, 10, precision));
  JINJA_TRY(auto const scaled, binary(state, Operator::Multiply, bound[0], unit));
  JINJA_TRY(auto const whole, method == "ceil" ? ceiling(scaled) : floor_of(scaled));
  return binary(state, Operator::Divide, whole, unit);
}

FILTER(filesizeformat) {
  JINJA_TRY(auto const bound, arguments.bind("do_filesizeformat", {"value", "binary"}, 1));
  JINJA_TRY(double const bytes, to_float(bound[0]));
  bool const is_binary = !bound[1].is_missing() && truth(bound[1]);
  double const base = is_binary ? 1024 : 1000;
  if (bytes == 1) return Value("1 Byte");
  if (bytes < base) return Value(fmt::format("{} Bytes", static_cast<std::int64_t>(bytes)));
  static constexpr char const* kUnits[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  double unit = base;
  for (std::size_t i = 0;; ++i) {
    unit *= base;
    if (bytes >= unit && i < 7) continue;
    std::string const prefix = i == 0 && is_binary ? "K" : kUnits[i];
    return Value(fmt::format("{:.1f} {}{}", base * bytes / unit, prefix, is_binary ? "iB" : "B"));
  }
}
#undef FILTER

}  // namespace

void add_number_filters(Filters& filters) {
  filters.merge(
      Filters{{"abs", abs_}, {"int", int_}, {"float", float_}, {"round", round}, {"filesizeformat", filesizeformat}});
}

}  // namespace weir::jinja
