#include "jinja/numbers.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "jinja/unicode.h"

namespace weir::jinja {

mpz_class big(std::int64_t integer) {
  mpz_class number;
  static_assert(sizeof(long) == sizeof(std::int64_t));
  mpz_set_si(number.get_mpz_t(), integer);
  return number;
}

bool fits_int64(mpz_class const& number) {
  return mpz_fits_slong_p(number.get_mpz_t()) != 0;
}
std::int64_t to_int64(mpz_class const& number) {
  return mpz_get_si(number.get_mpz_t());
}
BigInt const& big_int(Value const& value) {
  assert(value.kind() == Kind::BigInt);
  return static_cast<BigInt const&>(value.shared());
}

Value integer_of(mpz_class const& number) {
  if (fits_int64(number)) return to_int64(number);
  return Value(Kind::BigInt, Ref<Shared>(new BigInt(number)));
}

mpz_class big_of(Value const& integer) {
  return integer.kind() == Kind::BigInt ? big_int(integer).number : big(integer.integer());
}

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[40];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view const written(buffer, static_cast<std::size_t>(end - buffer));
  std::size_t const mark = written.find('e');
  std::string digits;
  for (char c : written.substr(0, mark))
    if (c >= '0' && c <= '9') digits += c;
  int exponent = 0;
  char const* from = written.data() + mark + (written[mark + 1] == '+' ? 2 : 1);
  std::from_chars(from, end, exponent);
  std::string out = std::signbit(number) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out += exponent < 0 ? "e-" : "e+";
    if (std::abs(exponent) < 10) out += '0';
    return out + std::to_string(std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  std::size_t const whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

namespace {

// Without the underscores, each of which must stand between two digits; nothing where one does not.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    auto const is_digit = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<Value> parse_integer(std::string_view text, int base) {
  text = strip(text);
  bool const negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  int prefixed = 0;
  if (text.size() > 1 && text[0] == '0') {
    char const mark = static_cast<char>(text[1] | 0x20);
    prefixed = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  }
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    text.remove_prefix(2);
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
    base = prefixed;
  } else if (base == 0) {
    base = 10;
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return std::nullopt;
  }
  auto const digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  for (char c : *digits) {
    int const value = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    if (value >= base) return std::nullopt;
  }
  std::int64_t small = 0;
  auto const end = digits->data() + digits->size();
  if (std::from_chars(digits->data(), end, small, base).ec == std::errc()) return negative ? -small : small;
  mpz_class number;
  if (mpz_set_str(number.get_mpz_t(), digits->c_str(), base) != 0) return std::nullopt;
  if (negative) number = -number;
  return integer_of(number);
}

std::optional<double> parse_float(std::string_view text) {
  text = strip(text);
  auto const digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  std::string_view rest = *digits;
  bool const negative = rest[0] == '-';
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  std::string lower(rest);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  double number = 0;
  if (lower == "inf" || lower == "infinity") {
    number = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else {
    if ((lower[0] < '0' || lower[0] > '9') && lower[0] != '.') return std::nullopt;
    auto const result = std::from_chars(lower.data(), lower.data() + lower.size(), number);
    if (result.ptr != lower.data() + lower.size()) return std::nullopt;
    if (result.ec == std::errc::result_out_of_range) {
      auto const mark = lower.find('e');  // from_chars leaves open which of the two it was
      bool const tiny = mark != std::string::npos && mark + 1 < lower.size() && lower[mark + 1] == '-';
      number = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    } else if (result.ec != std::errc()) {
      return std::nullopt;
    }
  }
  return negative ? -number : number;
}

std::optional<Value> truncate(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  number = std::trunc(number);
  if (number >= -9.2e18 && number <= 9.2e18) return static_cast<std::int64_t>(number);
  mpz_class whole;
  mpz_set_d(whole.get_mpz_t(), number);
  return integer_of(whole);
}

std::optional<int> compare_exactly(Value const& integer, double number) {
  if (std::isnan(number)) return std::nullopt;
  if (std::isinf(number)) return number > 0 ? -1 : 1;
  if (integer.kind() != Kind::BigInt && std::abs(number) < 9.0e15 &&
      std::abs(integer.integer()) < (std::int64_t{1} << 53)) {
    double const exact = static_cast<double>(integer.integer());
    return exact < number ? -1 : exact > number ? 1 : 0;
  }
  int const order = mpz_cmp_d(big_of(integer).get_mpz_t(), number);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

std::optional<double> to_double(Value const& integer) {
  if (integer.kind() != Kind::BigInt) return static_cast<double>(integer.integer());
  mpz_class const& number = big_int(integer).number;
  // mpz_get_d cuts; Python rounds to nearest. Through text it is exact, and big ints are rare.
  auto const rounded = parse_float(number.get_str());
  if (!rounded || std::isinf(*rounded)) return std::nullopt;
  return rounded;
}

std::uint64_t hash_of_integer(std::int64_t integer) {
  auto x = static_cast<std::uint64_t>(integer) + 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash_of_big(mpz_class const& number) {
  double const near = number.get_d();
  if (std::isfinite(near) && mpz_cmp_d(number.get_mpz_t(), near) == 0) return hash_of_number(near);
  return hash_of_integer(static_cast<std::int64_t>(std::hash<std::string>()(number.get_str(16))));
}

std::uint64_t hash_of_number(double number) {
  if (number >= -9.2e18 && number <= 9.2e18 && number == std::trunc(number))
    return hash_of_integer(static_cast<std::int64_t>(number));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return hash_of_integer(static_cast<std::int64_t>(bits ^ 0x5bf0'3635'1c5a'2a1dULL));
}

}  // namespace weir::jinja
