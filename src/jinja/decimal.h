#pragma once
// Python's decimal.Decimal with its default context: 28 digits, half to even, traps for invalid operations, division by
// zero and overflow. (General Decimal Arithmetic Specification 1.70.) The digits are a GMP integer.

#include <gmpxx.h>

#include "jinja/operators.h"

namespace weir::jinja {

class Decimal final : public Shared {
 public:
  enum class Form : std::uint8_t { Finite, Infinity, NaN };
  Decimal(bool is_negative, mpz_class number, std::int64_t power, Form kind = Form::Finite)
      : form(kind), negative(is_negative), digits(std::move(number)), exponent(power) {}

  Form const form;
  bool const negative;
  mpz_class const digits;  // not negative
  std::int64_t const exponent;

  bool is_finite() const { return form == Form::Finite; }
  bool is_zero() const { return is_finite() && digits == 0; }
  std::int64_t adjusted() const;  // the exponent of the first digit
};

Value decimal(bool negative, mpz_class digits, std::int64_t exponent);
Decimal const& decimal_of(Value const& value);
Value decimal_from(Value const& integer);
// Decimal(text); nothing where it is no number.
std::optional<Value> parse_decimal(std::string_view text);
Value decimal_from_double(double number);  // exactly

Outcome<Value> decimal_binary(Operator op, Value const& left, Value const& right);  // Decimals or ints, one a Decimal
Outcome<Value> decimal_unary(Operator op, Value const& operand);
std::optional<int> compare_decimals(Decimal const& left, Decimal const& right);
std::optional<double> decimal_to_double(Decimal const& decimal);
Outcome<Value> decimal_to_integer(Decimal const& decimal);  // cut
// With `places` digits behind the point, or an exponent of -places; half to even unless `rounding` says so.
Outcome<Value> decimal_quantize(Decimal const& decimal, std::int64_t exponent, std::string_view rounding);

Value decimal_class();  // decimal.Decimal, to be called

}  // namespace weir::jinja
