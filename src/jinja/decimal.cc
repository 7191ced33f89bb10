#include "jinja/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/attributes.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

constexpr std::int64_t kPrecision = 28;
constexpr std::int64_t kMostExponent = 999999;

mpz_class power_of_ten(std::int64_t exponent) {
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), 10, static_cast<unsigned long>(exponent));
  return power;
}

std::int64_t count_digits(mpz_class const& number) {
  if (number == 0) return 1;
  auto const size = static_cast<std::int64_t>(mpz_sizeinbase(number.get_mpz_t(), 10));  // exact, or one too many
  return mpz_cmp(number.get_mpz_t(), power_of_ten(size - 1).get_mpz_t()) < 0 ? size - 1 : size;
}

Failure invalid(std::string_view what) {
  return Failure(FailureType::DecimalError, fmt::format("[<class 'decimal.{}'>]", what));
}

// Without the last `count` digits, rounded.
mpz_class shorten(mpz_class const& digits, std::int64_t count, std::string_view rounding, bool negative) {
  mpz_class quotient, remainder;
  mpz_class const unit = power_of_ten(count);
  mpz_tdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), digits.get_mpz_t(), unit.get_mpz_t());
  int const half = cmp(mpz_class(remainder * 2), unit);
  bool const is_odd = mpz_odd_p(quotient.get_mpz_t()) != 0;
  bool up = false;
  if (rounding == "ROUND_HALF_EVEN") up = half > 0 || (half == 0 && is_odd);
  if (rounding == "ROUND_HALF_UP") up = half >= 0;
  if (rounding == "ROUND_HALF_DOWN") up = half > 0;
  if (rounding == "ROUND_UP") up = remainder != 0;
  if (rounding == "ROUND_CEILING") up = remainder != 0 && !negative;
  if (rounding == "ROUND_FLOOR") up = remainder != 0 && negative;
  if (rounding == "ROUND_05UP") up = remainder != 0 && (quotient % 10 == 0 || quotient % 10 == 5);
  return up ? mpz_class(quotient + 1) : quotient;
}

// Within the context's precision and range.
Outcome<Value> fix(bool negative, mpz_class digits, std::int64_t exponent) {
  std::int64_t const excess = count_digits(digits) - kPrecision;
  if (excess > 0) {
    digits = shorten(digits, excess, "ROUND_HALF_EVEN", negative);
    exponent += excess;
    if (count_digits(digits) > kPrecision) {
      digits /= 10;
      ++exponent;
    }
  }
  if (digits == 0) {
    std::int64_t const least = -kMostExponent - kPrecision + 1;
    return decimal(negative, 0, std::min(std::max(exponent, least), kMostExponent));
  }
  std::int64_t const adjusted = exponent + count_digits(digits) - 1;
  if (adjusted > kMostExponent) return invalid("Overflow");
  if (adjusted < -kMostExponent - kPrecision) return decimal(negative, 0, -kMostExponent - kPrecision + 1);
  return decimal(negative, std::move(digits), exponent);
}

Outcome<Value> infinity(bool negative) {
  return Value(Kind::Decimal, Ref<Shared>(new Decimal(negative, 0, 0, Decimal::Form::Infinity)));
}
Value not_a_number() {
  return Value(Kind::Decimal, Ref<Shared>(new Decimal(false, 0, 0, Decimal::Form::NaN)));
}

// Both digits for one exponent. A number too small to matter beside the other becomes one unit far below it.
struct Aligned {
  mpz_class left, right;
  std::int64_t exponent;
};
Aligned align(Decimal const& a, Decimal const& b) {
  bool const a_is_high = a.exponent >= b.exponent;
  Decimal const& high = a_is_high ? a : b;
  Decimal const& low = a_is_high ? b : a;
  mpz_class low_digits = low.digits;
  std::int64_t low_exponent = low.exponent;
  std::int64_t const floor = high.exponent + std::min<std::int64_t>(-1, count_digits(high.digits) - kPrecision - 2);
  if (high.digits != 0 && low.digits != 0 && count_digits(low.digits) + low.exponent - 1 < floor) {
    low_digits = 1;
    low_exponent = floor;
  }
  mpz_class const high_digits = high.digits * power_of_ten(high.exponent - low_exponent);
  return a_is_high ? Aligned{high_digits, low_digits, low_exponent} : Aligned{low_digits, high_digits, low_exponent};
}

Outcome<Value> add(Decimal const& a, Decimal const& b, bool flip) {
  bool const b_negative = b.negative != flip;
  if (a.form == Decimal::Form::Infinity || b.form == Decimal::Form::Infinity) {
    if (a.form == b.form && a.negative != b_negative) return invalid("InvalidOperation");
    return infinity(a.form == Decimal::Form::Infinity ? a.negative : b_negative);
  }
  if (a.is_zero() && b.is_zero()) return fix(a.negative && b_negative, 0, std::min(a.exponent, b.exponent));
  if (a.is_zero() || b.is_zero()) {  // the other one, with as many places as there is room for
    Decimal const& value = a.is_zero() ? b : a;
    std::int64_t const zero_exponent = a.is_zero() ? a.exponent : b.exponent;
    bool const negative = a.is_zero() ? b_negative : a.negative;
    std::int64_t const target = std::max(std::min(a.exponent, b.exponent), value.exponent - kPrecision - 1);
    if (zero_exponent >= value.exponent) return fix(negative, value.digits, value.exponent);
    return fix(negative, value.digits * power_of_ten(value.exponent - target), target);
  }
  auto const aligned = align(a, b);
  mpz_class sum =
      (a.negative ? mpz_class(-aligned.left) : aligned.left) + (b_negative ? mpz_class(-aligned.right) : aligned.right);
  bool const negative = sum < 0;
  return fix(negative, abs(sum), aligned.exponent);
}

Outcome<Value> multiply(Decimal const& a, Decimal const& b) {
  bool const negative = a.negative != b.negative;
  if (!a.is_finite() || !b.is_finite()) {
    if (a.is_zero() || b.is_zero()) return invalid("InvalidOperation");
    return infinity(negative);
  }
  return fix(negative, a.digits * b.digits, a.exponent + b.exponent);
}

Outcome<Value> divide(Decimal const& a, Decimal const& b) {
  bool const negative = a.negative != b.negative;
  if (!a.is_finite()) return b.is_finite() ? infinity(negative) : Outcome<Value>(invalid("InvalidOperation"));
  if (!b.is_finite()) return decimal(negative, 0, -kMostExponent - kPrecision + 1);
  if (b.is_zero()) {
    if (a.is_zero()) return invalid("DivisionUndefined");
    return Failure(FailureType::ZeroDivisionError, "[<class 'decimal.DivisionByZero'>]");
  }
  std::int64_t const ideal = a.exponent - b.exponent;
  if (a.is_zero()) return fix(negative, 0, ideal);
  std::int64_t const shift = count_digits(b.digits) - count_digits(a.digits) + kPrecision + 1;
  std::int64_t exponent = ideal - shift;
  mpz_class quotient, remainder;
  mpz_class const top = shift >= 0 ? mpz_class(a.digits * power_of_ten(shift)) : a.digits;
  mpz_class const bottom = shift >= 0 ? b.digits : mpz_class(b.digits * power_of_ten(-shift));
  mpz_tdiv_qr(quotient.get_mpz_t(), remainder.get_mpz_t(), top.get_mpz_t(), bottom.get_mpz_t());
  if (remainder != 0) {
    if (quotient % 5 == 0) quotient += 1;  // sticky: rounding sees that something follows
  } else {
    while (exponent < ideal && quotient % 10 == 0) {
      quotient /= 10;
      ++exponent;
    }
  }
  return fix(negative, quotient, exponent);
}

struct Division {
  mpz_class quotient, remainder;
  std::int64_t exponent;  // of the remainder
};
Outcome<Division> divide_whole(Decimal const& a, Decimal const& b) {
  std::int64_t const exponent = std::min(a.exponent, b.exponent);
  std::int64_t const difference = a.adjusted() - b.adjusted();
  if (!a.is_zero() && difference > kPrecision + 1) return invalid("DivisionImpossible");
  if (a.is_zero() || difference <= -2) {
    if (a.exponent - exponent > kPrecision * 2 + 10)
      return Division{0, a.is_zero() ? mpz_class(0) : a.digits, a.is_zero() ? exponent : a.exponent};
    return Division{0, a.digits * power_of_ten(a.exponent - exponent), exponent};
  }
  mpz_class const top = a.digits * power_of_ten(a.exponent - exponent);
  mpz_class const bottom = b.digits * power_of_ten(b.exponent - exponent);
  Division division{0, 0, exponent};
  mpz_tdiv_qr(division.quotient.get_mpz_t(), division.remainder.get_mpz_t(), top.get_mpz_t(), bottom.get_mpz_t());
  if (count_digits(division.quotient) > kPrecision) return invalid("DivisionImpossible");
  return division;
}

Outcome<Value> floor_divide(Decimal const& a, Decimal const& b) {
  bool const negative = a.negative != b.negative;
  if (!a.is_finite()) return b.is_finite() ? infinity(negative) : Outcome<Value>(invalid("InvalidOperation"));
  if (!b.is_finite()) return decimal(negative, 0, 0);
  if (b.is_zero())
    return a.is_zero() ? invalid("DivisionUndefined")
                       : Failure(FailureType::ZeroDivisionError, "[<class 'decimal.DivisionByZero'>]");
  JINJA_TRY(auto const division, divide_whole(a, b));
  return fix(negative, division.quotient, 0);
}

Outcome<Value> remainder(Decimal const& a, Decimal const& b) {
  if (!a.is_finite()) return invalid("InvalidOperation");
  if (!b.is_finite()) return fix(a.negative, a.digits, a.exponent);
  if (b.is_zero()) return a.is_zero() ? invalid("DivisionUndefined") : invalid("InvalidOperation");
  JINJA_TRY(auto const division, divide_whole(a, b));
  return fix(a.negative, division.remainder, division.exponent);
}

bool is_whole(Decimal const& number) {
  if (!number.is_finite()) return false;
  if (number.exponent >= 0 || number.is_zero()) return true;
  if (-number.exponent > count_digits(number.digits)) return false;
  return number.digits % power_of_ten(-number.exponent) == 0;
}

Outcome<Value> power(Decimal const& a, Decimal const& b) {
  if (!a.is_finite() || !b.is_finite()) return invalid("InvalidOperation");
  if (b.is_zero()) return a.is_zero() ? Outcome<Value>(invalid("InvalidOperation")) : decimal(false, 1, 0);
  if (!is_whole(b)) {
    if (a.negative && !a.is_zero()) return invalid("InvalidOperation");
    if (a.is_zero()) return decimal(false, 0, 0);
    return Failure(FailureType::NotImplementedError, "a Decimal to the power of a fraction");
  }
  JINJA_TRY(auto const whole, decimal_to_integer(b));
  if (whole.kind() != Kind::Int || std::abs(whole.integer()) > 100000) return invalid("Overflow");
  std::int64_t const exponent = std::abs(whole.integer());
  bool const negative = a.negative && exponent % 2 != 0;
  if (a.is_zero()) {
    if (whole.integer() < 0) return infinity(negative);
    return decimal(negative, 0, 0);
  }
  mpz_class digits;
  mpz_pow_ui(digits.get_mpz_t(), a.digits.get_mpz_t(), static_cast<unsigned long>(exponent));
  if (whole.integer() > 0) return fix(negative, digits, a.exponent * exponent);
  Decimal const one(false, 1, 0);
  Decimal const bottom(negative, digits, a.exponent * exponent);
  return divide(one, bottom);
}

}  // namespace

std::int64_t Decimal::adjusted() const {
  return exponent + count_digits(digits) - 1;
}

Value decimal(bool negative, mpz_class digits, std::int64_t exponent) {
  return Value(Kind::Decimal, Ref<Shared>(new Decimal(negative, std::move(digits), exponent)));
}
Decimal const& decimal_of(Value const& value) {
  assert(value.kind() == Kind::Decimal);
  return static_cast<Decimal const&>(value.shared());
}
Value decimal_from(Value const& integer) {
  mpz_class const number = big_of(integer);
  return decimal(number < 0, abs(number), 0);
}

Value decimal_from_double(double number) {
  if (std::isnan(number)) return not_a_number();
  if (std::isinf(number)) return *infinity(number < 0);
  bool const negative = std::signbit(number);
  int exponent = 0;
  double const fraction = std::frexp(std::abs(number), &exponent);
  mpz_class digits;
  mpz_set_d(digits.get_mpz_t(), std::ldexp(fraction, 53));
  exponent -= 53;
  while (digits != 0 && exponent < 0 && mpz_even_p(digits.get_mpz_t()) != 0) {
    digits /= 2;
    ++exponent;
  }
  if (digits == 0) return decimal(negative, 0, 0);
  if (exponent >= 0) {
    digits <<= static_cast<unsigned>(exponent);
    return decimal(negative, digits, 0);
  }
  mpz_class five;
  mpz_ui_pow_ui(five.get_mpz_t(), 5, static_cast<unsigned long>(-exponent));
  return decimal(negative, digits * five, exponent);
}

std::optional<Value> parse_decimal(std::string_view text) {
  std::string plain;
  for (char c : strip(text))
    if (c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  std::string_view rest = plain;
  if (rest.empty()) return std::nullopt;
  bool const negative = rest[0] == '-';
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);
  if (rest == "inf" || rest == "infinity") return *infinity(negative);
  if (rest == "nan") return not_a_number();
  std::string digits;
  std::int64_t exponent = 0;
  bool has_point = false;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    if (rest[at] == '.' && !has_point) {
      has_point = true;
    } else if (rest[at] >= '0' && rest[at] <= '9') {
      digits += rest[at];
      exponent -= has_point ? 1 : 0;
    } else {
      break;
    }
  }
  if (digits.empty()) return std::nullopt;
  if (at < rest.size()) {
    if (rest[at] != 'e') return std::nullopt;
    auto const written = parse_integer(rest.substr(at + 1));
    if (!written || written->kind() != Kind::Int || std::abs(written->integer()) > 1'000'000'000) return std::nullopt;
    exponent += written->integer();
  }
  mpz_class number;
  if (digits.size() > 100'000 || mpz_set_str(number.get_mpz_t(), digits.c_str(), 10) != 0) return std::nullopt;
  return decimal(negative, number, exponent);
}

Outcome<Value> decimal_binary(Operator op, Value const& left, Value const& right) {
  Value const a = left.kind() == Kind::Decimal ? left : decimal_from(left);
  Value const b = right.kind() == Kind::Decimal ? right : decimal_from(right);
  Decimal const& x = decimal_of(a);
  Decimal const& y = decimal_of(b);
  if (x.form == Decimal::Form::NaN || y.form == Decimal::Form::NaN) return not_a_number();
  switch (op) {
    case Operator::Add:
      return add(x, y, false);
    case Operator::Subtract:
      return add(x, y, true);
    case Operator::Multiply:
      return multiply(x, y);
    case Operator::Divide:
      return divide(x, y);
    case Operator::FloorDivide:
      return floor_divide(x, y);
    case Operator::Modulo:
      return remainder(x, y);
    case Operator::Power:
      return power(x, y);
    default:
      return invalid("InvalidOperation");
  }
}

Outcome<Value> decimal_unary(Operator op, Value const& operand) {
  Decimal const& x = decimal_of(operand);
  if (x.form == Decimal::Form::NaN) return operand;
  bool const negative = op == Operator::Minus ? !x.negative : x.negative;
  if (!x.is_finite()) return infinity(negative);
  return fix(x.is_zero() ? false : negative, x.digits, x.exponent);
}

std::optional<int> compare_decimals(Decimal const& a, Decimal const& b) {
  if (a.form == Decimal::Form::NaN || b.form == Decimal::Form::NaN) return std::nullopt;
  auto const sign = [](Decimal const& x) { return x.is_zero() ? 0 : x.negative ? -1 : 1; };
  if (sign(a) != sign(b)) return sign(a) < sign(b) ? -1 : 1;
  if (sign(a) == 0) return 0;
  if (!a.is_finite() || !b.is_finite()) return a.form == b.form ? 0 : (a.is_finite() == (sign(a) > 0)) ? -1 : 1;
  int order = 0;
  if (a.adjusted() != b.adjusted()) {
    order = a.adjusted() < b.adjusted() ? -1 : 1;
  } else {
    std::int64_t const exponent = std::min(a.exponent, b.exponent);
    order = cmp(mpz_class(a.digits * power_of_ten(a.exponent - exponent)),
                mpz_class(b.digits * power_of_ten(b.exponent - exponent)));
    order = order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  return a.negative ? -order : order;
}

std::optional<double> decimal_to_double(Decimal const& number) {
  return parse_float(decimal_text(Value(Kind::Decimal, Ref<Shared>(const_cast<Decimal*>(&number)))));
}

Outcome<Value> decimal_to_integer(Decimal const& number) {
  if (number.form == Decimal::Form::NaN) return value_error("cannot convert NaN to integer");
  if (!number.is_finite()) return Failure(FailureType::OverflowError, "cannot convert Infinity to integer");
  if (number.exponent > 10000) return Failure(FailureType::MemoryError, "the integer is too large");
  mpz_class whole = number.exponent >= 0 ? mpz_class(number.digits * power_of_ten(number.exponent))
                    : -number.exponent > count_digits(number.digits)
                        ? mpz_class(0)
                        : mpz_class(number.digits / power_of_ten(-number.exponent));
  return integer_of(number.negative ? mpz_class(-whole) : whole);
}

Outcome<Value> decimal_quantize(Decimal const& number, std::int64_t exponent, std::string_view rounding) {
  if (!number.is_finite()) return invalid("InvalidOperation");
  mpz_class digits;
  if (exponent <= number.exponent) {
    if (count_digits(number.digits) + number.exponent - exponent > kPrecision && !number.is_zero())
      return invalid("InvalidOperation");
    digits = number.is_zero() ? mpz_class(0) : mpz_class(number.digits * power_of_ten(number.exponent - exponent));
  } else {
    std::int64_t const cut = std::min(exponent - number.exponent, count_digits(number.digits) + 2);
    digits = shorten(number.digits, cut, rounding, number.negative);
  }
  if (count_digits(digits) > kPrecision) return invalid("InvalidOperation");
  return decimal(number.negative, digits, exponent);
}

// ------------------------------------------------------------------------------------------- what values ask (kinds.h)

std::string decimal_text(Value const& value) {
  Decimal const& number = decimal_of(value);
  std::string out = number.negative ? "-" : "";
  if (number.form == Decimal::Form::NaN) return out + "NaN";
  if (number.form == Decimal::Form::Infinity) return out + "Infinity";
  std::string const digits = number.digits.get_str();
  auto const size = static_cast<std::int64_t>(digits.size());
  std::int64_t const left = number.exponent + size;
  std::int64_t const point = number.exponent <= 0 && left > -6 ? left : 1;
  if (point <= 0)
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  else if (point >= size)
    out += digits + std::string(static_cast<std::size_t>(point - size), '0');
  else
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  if (left != point) out += fmt::format("E{:+d}", left - point);
  return out;
}

bool is_zero_decimal(Value const& value) {
  return decimal_of(value).is_zero();
}

std::uint64_t hash_of_decimal(Value const& value) {
  Decimal const& number = decimal_of(value);
  if (auto const near = decimal_to_double(number)) {
    if (!std::isfinite(*near)) return hash_of_number(*near);
    Value const exact = decimal_from_double(*near);
    if (compare_decimals(number, decimal_of(exact)) == 0) return hash_of_number(*near);
  }
  if (is_whole(number) && number.exponent < 1000) {
    auto const whole = decimal_to_integer(number);
    if (whole.ok())
      return whole->kind() == Kind::Int ? hash_of_integer(whole->integer()) : hash_of_big(big_int(*whole).number);
  }
  mpz_class digits = number.digits;
  std::int64_t exponent = number.exponent;
  while (digits != 0 && digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  return hash_of_integer(exponent * 31 + (number.negative ? 1 : 0)) ^ hash_of_big(digits);
}

std::optional<int> compare_numbers(Value const& a, Value const& b) {
  if (a.kind() == Kind::Decimal || b.kind() == Kind::Decimal) {
    auto const as_decimal = [](Value const& value) {
      if (value.kind() == Kind::Decimal) return value;
      return value.is_float() ? decimal_from_double(value.number()) : decimal_from(value);
    };
    Value const x = as_decimal(a);
    Value const y = as_decimal(b);
    return compare_decimals(decimal_of(x), decimal_of(y));
  }
  if (a.is_float() && b.is_float()) {
    if (std::isnan(a.number()) || std::isnan(b.number())) return std::nullopt;
    return a.number() < b.number() ? -1 : a.number() > b.number() ? 1 : 0;
  }
  if (b.is_float()) return compare_exactly(a, b.number());
  if (a.is_float()) {
    auto const order = compare_exactly(b, a.number());
    return order ? std::optional<int>(-*order) : std::nullopt;
  }
  if (a.kind() != Kind::BigInt && b.kind() != Kind::BigInt)
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  int const order = cmp(big_of(a), big_of(b));
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace weir::jinja
