#include "jinja/convert.h"

#include <fmt/format.h>

#include <cmath>

#include "jinja/decimal.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"

namespace weir::jinja {

namespace {

Failure not_finite(double number) {
  if (std::isnan(number)) return value_error("cannot convert float NaN to integer");
  return Failure(FailureType::OverflowError, "cannot convert float infinity to integer");
}

Outcome<Value> cut(double number) {
  auto const whole = truncate(number);
  if (!whole) return not_finite(number);
  return *whole;
}

// A float to so many decimal digits: exactly, ties to even, as Python does it through the shortest text.
Outcome<Value> round_float(double number, std::int64_t digits) {
  if (!std::isfinite(number) || number == 0) return number;
  if (digits > 323) return number;
  if (digits < -308) return std::copysign(0.0, number);
  Value const exact = decimal_from_double(number);
  Decimal const& decimal_number = decimal_of(exact);
  if (-digits <= decimal_number.exponent) return number;
  mpz_class unit, quotient, remainder;
  mpz_ui_pow_ui(unit.get_mpz_t(), 10, static_cast<unsigned long>(-digits - decimal_number.exponent));
  mpz_tdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), decimal_number.digits.get_mpz_t(), unit.get_mpz_t());
  int const half = cmp(mpz_class(remainder * 2), unit);
  if (half > 0 || (half == 0 && mpz_odd_p(quotient.get_mpz_t()) != 0)) quotient += 1;
  auto const rounded = parse_float(quotient.get_str() + "e" + std::to_string(-digits));
  if (!rounded || std::isinf(*rounded))
    return Failure(FailureType::OverflowError, "rounded value too large to represent");
  return std::copysign(*rounded, number);
}

Outcome<Value> round_integer(Value const& value, std::int64_t digits) {
  if (digits >= 0) return value.is_bool() ? Value(value.integer()) : value;
  if (digits < -10000) return 0;
  mpz_class unit, quotient, remainder;
  mpz_ui_pow_ui(unit.get_mpz_t(), 10, static_cast<unsigned long>(-digits));
  mpz_class const number = big_of(value);
  mpz_fdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), number.get_mpz_t(), unit.get_mpz_t());
  int const half = cmp(mpz_class(remainder * 2), unit);
  if (half > 0 || (half == 0 && mpz_odd_p(quotient.get_mpz_t()) != 0)) quotient += 1;
  return integer_of(quotient * unit);
}

Failure wrong_number(std::string_view function, Value const& value) {
  if (value.kind() == Kind::Undefined) return undefined_info(value).failure();
  return type_error(fmt::format("{}() argument must be a string{} or a real number, not '{}'", function,
                                function == "int" ? ", a bytes-like object" : "", type_name(value)));
}

}  // namespace

Outcome<Value> to_integer(Value const& value) {
  switch (value.kind()) {
    case Kind::Bool:
      return value.integer();
    case Kind::Int:
    case Kind::BigInt:
      return value;
    case Kind::Float:
      return cut(value.number());
    case Kind::Decimal:
      return decimal_to_integer(decimal_of(value));
    case Kind::String:
      return to_integer(value, 10);
    default:
      return wrong_number("int", value);
  }
}

Outcome<Value> to_integer(Value const& text, Value const& base) {
  if (!text.is_string()) return type_error("int() can't convert non-string with explicit base");
  if (!is_index(base))
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(base)));
  if (base.kind() == Kind::BigInt || base.integer() < 0 || base.integer() > 36 || base.integer() == 1)
    return value_error("int() base must be >= 2 and <= 36, or 0");
  constexpr std::size_t kMostDigits = 4300;
  bool const is_power_of_two = base.integer() != 0 && (base.integer() & (base.integer() - 1)) == 0;
  if (text.string().size() > kMostDigits && !is_power_of_two)
    return value_error(
        fmt::format("Exceeds the limit (4300 digits) for integer string conversion: value has {} digits; use "
                    "sys.set_int_max_str_digits() to increase the limit",
                    text.string().size()));
  auto const whole = parse_integer(text.string(), static_cast<int>(base.integer()));
  if (!whole) return value_error(fmt::format("invalid literal for int() with base {}: {}", base.integer(), repr(text)));
  return *whole;
}

Outcome<double> to_float(Value const& value) {
  switch (value.kind()) {
    case Kind::Float:
      return value.number();
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInt: {
      auto const number = to_double(value);
      if (!number) return Failure(FailureType::OverflowError, "int too large to convert to float");
      return *number;
    }
    case Kind::Decimal: {
      auto const number = decimal_to_double(decimal_of(value));
      if (!number) return value_error("cannot convert signaling NaN to float");
      return *number;
    }
    case Kind::String: {
      auto const number = parse_float(value.string());
      if (!number) return value_error("could not convert string to float: " + repr(value));
      return *number;
    }
    default:
      return wrong_number("float", value);
  }
}

Outcome<Value> round_value(Value const& value, Value const& digits) {
  if (value.kind() == Kind::Undefined || !value.is_number())
    return type_error(fmt::format("type {} doesn't define __round__ method", type_name(value)));
  if (!digits.is_none() && !is_index(digits))
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(digits)));
  std::int64_t const places = digits.is_none() ? 0 : digits.kind() == Kind::BigInt ? 100000 : digits.integer();
  switch (value.kind()) {
    case Kind::Float: {
      JINJA_TRY(auto const rounded, round_float(value.number(), places));
      return digits.is_none() ? cut(rounded.number()) : rounded;
    }
    case Kind::Decimal: {
      JINJA_TRY(auto const rounded, decimal_quantize(decimal_of(value), -places, "ROUND_HALF_EVEN"));
      return digits.is_none() ? decimal_to_integer(decimal_of(rounded)) : rounded;
    }
    default:
      return round_integer(value, places);
  }
}

Outcome<Value> ceiling(Value const& value) {
  if (value.is_float()) return cut(std::ceil(value.number()));
  if (is_index(value)) return to_integer(value);
  if (value.kind() == Kind::Decimal) {
    JINJA_TRY(auto const whole, decimal_quantize(decimal_of(value), 0, "ROUND_CEILING"));
    return decimal_to_integer(decimal_of(whole));
  }
  return type_error(fmt::format("must be real number, not {}", type_name(value)));
}

Outcome<Value> floor_of(Value const& value) {
  if (value.is_float()) return cut(std::floor(value.number()));
  if (is_index(value)) return to_integer(value);
  if (value.kind() == Kind::Decimal) {
    JINJA_TRY(auto const whole, decimal_quantize(decimal_of(value), 0, "ROUND_FLOOR"));
    return decimal_to_integer(decimal_of(whole));
  }
  return type_error(fmt::format("must be real number, not {}", type_name(value)));
}

}  // namespace weir::jinja
