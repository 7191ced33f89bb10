// YAML 1.1 core scalars, by hand: no regular expression, one pass each.
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "yaml/node.h"

namespace weir::yaml {
namespace {

// Reads over a text; every take_ function moves on and says how far it came.
struct Reader {
  std::string_view rest;

  bool done() const { return rest.empty(); }
  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view set) {
    if (rest.empty() || set.find(rest[0]) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::size_t take_all(std::string_view set) {
    std::size_t n = 0;
    while (take_any(set)) ++n;
    return n;
  }
  // Between `least` and `most` digits.
  bool take_digits(std::size_t least, std::size_t most) {
    std::size_t n = 0;
    while (n < most && n < rest.size() && is_digit(rest[n])) ++n;
    rest.remove_prefix(n);
    return n >= least;
  }
};

constexpr std::string_view kDigits = "0123456789_";

bool has_value(std::string_view digits) {
  return digits.find_first_not_of('_') != std::string_view::npos;
}

// (:[0-5]?[0-9])+ of base-60 numbers.
bool take_sixties(Reader& reader) {
  int groups = 0;
  while (reader.take(':')) {
    std::string_view const before = reader.rest;
    if (!reader.take_digits(1, 2)) return false;
    if (before.size() - reader.rest.size() == 2 && before[0] > '5') return false;
    ++groups;
  }
  return groups > 0;
}

bool is_int(std::string_view text) {
  Reader reader{text};
  reader.take_any("+-");
  if (reader.done() || !is_digit(reader.rest[0])) return false;
  if (reader.take('0')) {
    if (reader.done()) return true;
    if (reader.take('b')) return has_value(reader.rest) && reader.take_all("01_") > 0 && reader.done();
    if (reader.take('x'))
      return has_value(reader.rest) && reader.take_all("0123456789abcdefABCDEF_") > 0 && reader.done();
    return reader.take_all("01234567_") > 0 && reader.done();
  }
  reader.take_all(kDigits);
  return reader.done() || (take_sixties(reader) && reader.done());
}

// An exponent, if there is one, must have its sign: YAML 1.1 (and PyYAML) take 1.0e3 for text.
bool take_exponent(Reader& reader) {
  if (!reader.take_any("eE")) return true;
  return reader.take_any("+-") && reader.take_digits(1, std::string_view::npos);
}

bool is_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  Reader reader{text};
  bool const has_sign = reader.take_any("+-");
  if (reader.rest == ".inf" || reader.rest == ".Inf" || reader.rest == ".INF") return true;
  if (!has_sign && reader.take('.')) {
    if (!reader.take_digits(1, 1)) return false;
    reader.take_all(kDigits);
    return take_exponent(reader) && reader.done();
  }
  if (!reader.take_digits(1, 1)) return false;
  reader.take_all(kDigits);
  if (!reader.done() && reader.rest[0] == ':') {
    if (!take_sixties(reader) || !reader.take('.')) return false;
    reader.take_all(kDigits);
    return reader.done();
  }
  if (!reader.take('.')) return false;
  reader.take_all(kDigits);
  return take_exponent(reader) && reader.done();
}

bool is_timestamp(std::string_view text) {
  Reader reader{text};
  if (!reader.take_digits(4, 4) || !reader.take('-')) return false;
  std::string_view const month = reader.rest;
  if (!reader.take_digits(1, 2) || !reader.take('-')) return false;
  bool const long_month = month[1] != '-';
  std::string_view const day = reader.rest;
  if (!reader.take_digits(1, 2)) return false;
  bool const long_day = day.size() - reader.rest.size() == 2;
  if (reader.done()) return long_month && long_day;
  if (!reader.take_any("Tt") && reader.take_all(" \t") == 0) return false;
  if (!reader.take_digits(1, 2) || !reader.take(':') || !reader.take_digits(2, 2) || !reader.take(':') ||
      !reader.take_digits(2, 2))
    return false;
  if (reader.take('.')) reader.take_digits(0, std::string_view::npos);
  if (reader.done()) return true;
  reader.take_all(" \t");
  if (reader.take('Z')) return reader.done();
  if (!reader.take_any("+-") || !reader.take_digits(1, 2)) return false;
  if (reader.take(':') && !reader.take_digits(2, 2)) return false;
  return reader.done();
}

bool is_one_of(std::string_view text, std::string_view word) {
  // As it is, Capitalized, or UPPER: the three spellings that YAML 1.1 knows.
  if (!equals_ignoring_case(text, word)) return false;
  if (text == word) return true;
  bool const upper_first = text[0] >= 'A' && text[0] <= 'Z';
  std::string_view const tail = text.substr(1), word_tail = word.substr(1);
  bool const upper_tail = tail.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
  return upper_first && (tail == word_tail || upper_tail);
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != '_') out += c;
  return out;
}

}  // namespace

Kind resolve_plain(std::string_view text) {
  if (text.empty() || text == "~" || is_one_of(text, "null")) return Kind::Null;
  for (std::string_view word : {"yes", "no", "true", "false", "on", "off"})
    if (is_one_of(text, word)) return Kind::Bool;
  if (is_int(text)) return Kind::Int;
  if (is_float(text)) return Kind::Float;
  if (is_timestamp(text)) return Kind::Timestamp;
  return Kind::String;
}

bool Node::boolean() const {
  return kind == Kind::Bool && (is_one_of(text, "yes") || is_one_of(text, "true") || is_one_of(text, "on"));
}

std::optional<std::int64_t> Node::integer() const {
  if (kind != Kind::Int) return std::nullopt;
  std::string digits = without_underscores(text);
  bool const negative = digits[0] == '-';
  if (digits[0] == '-' || digits[0] == '+') digits.erase(0, 1);
  int base = 10;
  if (digits.starts_with("0b")) {
    base = 2, digits.erase(0, 2);
  } else if (digits.starts_with("0x")) {
    base = 16, digits.erase(0, 2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
  }
  std::uint64_t amount = 0;
  for (auto const& part : split(digits, ':')) {
    std::uint64_t group = 0;
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), group, base);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    if (__builtin_mul_overflow(amount, std::uint64_t{60}, &amount) || __builtin_add_overflow(amount, group, &amount))
      return std::nullopt;
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (amount > kMost + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - amount : amount);
}

std::optional<double> Node::number() const {
  if (kind == Kind::Int) {
    auto const whole = integer();
    return whole ? std::optional<double>(static_cast<double>(*whole)) : std::nullopt;
  }
  if (kind != Kind::Float) return std::nullopt;
  std::string digits = to_lower(without_underscores(text));
  double sign = 1;
  if (digits[0] == '-' || digits[0] == '+') {
    sign = digits[0] == '-' ? -1 : 1;
    digits.erase(0, 1);
  }
  if (digits == ".inf") return sign * std::numeric_limits<double>::infinity();
  if (digits == ".nan") return std::numeric_limits<double>::quiet_NaN();
  double amount = 0;
  for (auto const& part : split(digits, ':')) {
    double group = 0;
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), group);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    amount = amount * 60 + group;
  }
  return sign * amount;
}

}  // namespace weir::yaml
