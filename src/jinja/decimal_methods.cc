// The methods of Decimal (Python docs: "decimal").

#include <fmt/format.h>

#include "jinja/decimal.h"
#include "jinja/numbers.h"
#include "jinja/time_methods.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

#define METHOD(name) \
  Made name([[maybe_unused]] State& state, Value const& self, [[maybe_unused]] Arguments const& arguments)

METHOD(is_finite) {
  return decimal_of(self).is_finite();
}
METHOD(is_infinite) {
  return decimal_of(self).form == Decimal::Form::Infinity;
}
METHOD(is_nan) {
  return decimal_of(self).form == Decimal::Form::NaN;
}
METHOD(is_signed) {
  return decimal_of(self).negative;
}
METHOD(is_zero) {
  return decimal_of(self).is_zero();
}
METHOD(adjusted) {
  return decimal_of(self).is_finite() ? decimal_of(self).adjusted() : 0;
}
METHOD(copy_abs) {
  Decimal const& number = decimal_of(self);
  return number.is_finite() ? decimal(false, number.digits, number.exponent) : self;
}
METHOD(copy_negate) {
  Decimal const& number = decimal_of(self);
  return number.is_finite() ? decimal(!number.negative, number.digits, number.exponent)
                            : decimal_unary(Operator::Minus, self);
}

METHOD(normalize) {
  Decimal const& number = decimal_of(self);
  if (!number.is_finite()) return self;
  JINJA_TRY(auto const rounded, decimal_unary(Operator::Plus, self));
  mpz_class digits = decimal_of(rounded).digits;
  std::int64_t exponent = decimal_of(rounded).exponent;
  if (digits == 0) return decimal(number.negative, 0, 0);
  while (digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  return decimal(number.negative, digits, exponent);
}

METHOD(quantize) {
  JINJA_TRY(auto const bound, arguments.bind("quantize", {"exp", "rounding"}, 1));
  Value exponent = bound[0];
  if (is_index(exponent)) exponent = decimal_from(exponent);
  if (exponent.kind() != Kind::Decimal)
    return type_error(fmt::format("conversion from {} to Decimal is not supported", type_name(bound[0])));
  std::string const rounding = bound[1].is_string() ? std::string(bound[1].string()) : "ROUND_HALF_EVEN";
  return decimal_quantize(decimal_of(self), decimal_of(exponent).exponent, rounding);
}

METHOD(to_integral_value) {
  Decimal const& number = decimal_of(self);
  if (!number.is_finite() || number.exponent >= 0) return self;
  JINJA_TRY(auto const bound, arguments.bind("to_integral_value", {"rounding"}, 0));
  return decimal_quantize(number, 0, bound[0].is_string() ? std::string(bound[0].string()) : "ROUND_HALF_EVEN");
}

METHOD(as_tuple) {
  Decimal const& number = decimal_of(self);
  std::vector<Value> digits;
  for (char c : number.digits.get_str()) digits.emplace_back(static_cast<std::int64_t>(c - '0'));
  return tuple_of({number.negative ? 1 : 0, tuple_of(std::move(digits)), number.exponent});
}
#undef METHOD

}  // namespace

std::span<MethodEntry const> decimal_methods() {
  static MethodEntry const entries[] = {
      {"adjusted", adjusted},       {"as_tuple", as_tuple},   {"copy_abs", copy_abs},
      {"copy_negate", copy_negate}, {"is_finite", is_finite}, {"is_infinite", is_infinite},
      {"is_nan", is_nan},           {"is_signed", is_signed}, {"is_zero", is_zero},
      {"normalize", normalize},     {"quantize", quantize},   {"to_integral_value", to_integral_value},
  };
  return entries;
}

}  // namespace weir::jinja
