#include "jinja/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "jinja/attributes.h"
#include "jinja/decimal.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/time_methods.h"
#include "jinja/times.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

using Text = Outcome<std::string>;

std::string padded(std::string text, std::size_t width, char align, std::string_view fill) {
  std::size_t const length = count_characters(text);
  if (length >= width) return text;
  std::size_t const missing = width - length;
  std::size_t const left = align == '<' ? 0 : align == '>' ? missing : missing / 2;
  std::string out;
  for (std::size_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (std::size_t i = left; i < missing; ++i) out += fill;
  return out;
}

// A number's digits with a separator every `size` digits, and zeros in front until the whole is `width` long.
std::string grouped(std::string digits, char separator, std::size_t size, std::size_t width) {
  if (separator == 0) {
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    return digits;
  }
  std::string out;
  std::size_t count = 0;
  for (std::size_t i = digits.size(); i > 0 || out.size() < width; ++count) {
    if (count > 0 && count % size == 0) {
      out += separator;
      if (i == 0 && out.size() >= width) {
        out += '0';
        break;
      }
    }
    out += i > 0 ? digits[--i] : '0';
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// ---------------------------------------------------------------------------------------------------- the
// specification

struct Spec {
  std::string fill = " ";
  char align = 0, sign = 0, type = 0, grouping = 0;
  bool alternate = false, zero = false, no_negative_zero = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
};

Outcome<Spec> parse_spec(State& state, std::string_view text, std::string_view type) {
  Spec spec;
  std::size_t at = 0;
  auto const is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  if (!text.empty()) {
    std::size_t after = 0;
    next_character(text, after);
    if (after < text.size() && is_align(text[after])) {
      spec.fill = text.substr(0, after);
      spec.align = text[after];
      at = after + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
  }
  auto const peek = [&] { return at < text.size() ? text[at] : '\0'; };
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  if (peek() == 'z') {
    spec.no_negative_zero = true;
    ++at;
  }
  if (peek() == '#') {
    spec.alternate = true;
    ++at;
  }
  if (peek() == '0') {
    spec.zero = true;
    ++at;
    if (spec.align == 0) {
      spec.fill = "0";
      spec.align = '=';
    }
  }
  auto const number = [&](std::size_t& out) -> Outcome<Done> {
    while (weir::is_digit(peek())) {
      out = out * 10 + static_cast<std::size_t>(text[at++] - '0');
      JINJA_DO(state.renderer().allow_bytes(out));
    }
    return Done{};
  };
  JINJA_DO(number(spec.width));
  if (peek() == ',' || peek() == '_') spec.grouping = text[at++];
  if (peek() == ',' || peek() == '_')
    return value_error(spec.grouping == text[at] ? fmt::format("Cannot specify both '{0}' and '{0}'.", spec.grouping)
                                                 : "Cannot specify both ',' and '_'.");
  if (peek() == '.') {
    ++at;
    if (!weir::is_digit(peek())) return value_error("Format specifier missing precision");
    std::size_t precision = 0;
    JINJA_DO(number(precision));
    spec.precision = precision;
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size())
    return value_error(fmt::format("Invalid format specifier '{}' for object of type '{}'", text, type));
  return spec;
}

Failure unknown_code(char code, Value const& value) {
  return value_error(fmt::format("Unknown format code '{}' for object of type '{}'", code, type_name(value)));
}

// Sign, prefix and body put together, with the fill where the alignment wants it.
std::string assembled(Spec const& spec, bool negative, std::string_view prefix, std::string body,
                      std::size_t whole_digits) {
  std::string head = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  head += prefix;
  char const align = spec.align == 0 ? '>' : spec.align;
  std::size_t const group = spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b' ? 4 : 3;
  std::size_t const zeros_to =
      align == '=' && spec.fill == "0" && spec.width > head.size() + (body.size() - whole_digits)
          ? spec.width - head.size() - (body.size() - whole_digits)
          : 0;
  body = grouped(body.substr(0, whole_digits), spec.grouping, group, zeros_to) + body.substr(whole_digits);
  if (align == '=') {
    std::size_t const length = head.size() + body.size();
    for (std::size_t i = length; i < spec.width; ++i) head += spec.fill;
    return head + body;
  }
  return padded(head + body, spec.width, align, spec.fill);
}

// Digits of a finite, non-negative float in one of the styles e, f, g.
std::string float_digits(double number, char style, std::size_t precision, bool alternate) {
  std::string spec = "{:";
  if (alternate) spec += '#';
  spec += fmt::format(".{}{}}}", precision, style);
  return fmt::format(fmt::runtime(spec), number);
}

Text format_float(Spec const& spec, Value const& value, double number) {
  bool const negative = std::signbit(number);
  bool const upper = spec.type >= 'A' && spec.type <= 'Z';
  double const size = std::abs(number);
  std::string body;
  if (!std::isfinite(number)) {
    body = std::isnan(number) ? "nan" : "inf";
    if (spec.type == '%') body += '%';
    if (upper) body = to_upper(body);
    Spec plain = spec;
    plain.grouping = 0;
    if (plain.fill == "0" && plain.align == '=') {
      std::string const sign = negative && !std::isnan(number) ? "-"
                               : spec.sign == '+'              ? "+"
                               : spec.sign == ' '              ? " "
                                                               : "";
      std::string zeros;
      while (sign.size() + zeros.size() + body.size() < spec.width) zeros += '0';
      return sign + zeros + body;
    }
    return assembled(plain, negative && !std::isnan(number), "", body, 0);
  }
  char const type = static_cast<char>(spec.type | 0x20);
  if (spec.precision && *spec.precision > 10000) return value_error("precision too big");
  switch (spec.type == 0 ? '\0' : spec.type == '%' ? '%' : type) {
    case '\0':
      if (!spec.precision) {
        body = float_repr(size);
      } else {
        body = float_digits(size, 'g', std::max<std::size_t>(1, *spec.precision), spec.alternate);
        // Like g, but at least one digit follows the point, and the exponent begins one digit earlier.
        std::size_t const precision = std::max<std::size_t>(1, *spec.precision);
        if (size != 0 && body.find('e') == std::string::npos) {
          std::string const scientific = float_digits(size, 'e', precision - 1, false);
          int exponent = 0;
          auto const mark = scientific.find('e');
          std::from_chars(scientific.data() + mark + (scientific[mark + 1] == '+' ? 2 : 1),
                          scientific.data() + scientific.size(), exponent);
          if (exponent >= static_cast<int>(precision) - 1 && exponent > 0) {
            std::string mantissa = scientific.substr(0, mark);
            if (mantissa.find('.') != std::string::npos) {
              while (mantissa.back() == '0') mantissa.pop_back();
              if (mantissa.back() == '.') mantissa.pop_back();
            }
            body = mantissa + scientific.substr(mark);
          }
        }
        if (body.find('e') == std::string::npos && body.find('.') == std::string::npos) body += ".0";
      }
      break;
    case 'e':
    case 'f':
      body = float_digits(size, type, spec.precision.value_or(6), spec.alternate);
      break;
    case 'g':
    case 'n':
      body = float_digits(size, 'g', std::max<std::size_t>(1, spec.precision.value_or(6)), spec.alternate);
      break;
    case '%':
      body = float_digits(size * 100, 'f', spec.precision.value_or(6), spec.alternate) + "%";
      break;
    default:
      return unknown_code(spec.type, value);
  }
  if (upper) body = to_upper(body);
  bool is_zero = true;
  for (char c : body) {
    if (c == 'e' || c == 'E') break;
    is_zero &= !weir::is_digit(c) || c == '0';
  }
  std::size_t const whole = std::min(body.find_first_not_of("0123456789"), body.size());
  return assembled(spec, negative && !(spec.no_negative_zero && is_zero), "", body, whole);
}

Text format_integer(Spec spec, Value const& value) {
  if (spec.type == 0) spec.type = 'd';
  if (std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos) {
    auto const number = to_double(value);
    if (!number) return Failure(FailureType::OverflowError, "int too large to convert to float");
    return format_float(spec, value, *number);
  }
  if (spec.precision) return value_error("Precision not allowed in integer format specifier");
  mpz_class const number = big_of(value);
  if (spec.type == 'c') {
    if (spec.sign != 0) return value_error("Sign not allowed with integer format specifier 'c'");
    if (spec.alternate) return value_error("Alternate form (#) not allowed with integer format specifier 'c'");
    if (number < 0 || number > 0x10FFFF) return Failure(FailureType::OverflowError, "%c arg not in range(0x110000)");
    std::string text;
    append_character(text, static_cast<std::uint32_t>(to_int64(number)));
    return padded(text, spec.width, spec.align == 0 ? '<' : spec.align, spec.fill);
  }
  int base = 10;
  std::string_view prefix;
  switch (spec.type) {
    case 'd':
    case 'n':
      break;
    case 'x':
      base = 16, prefix = "0x";
      break;
    case 'X':
      base = 16, prefix = "0X";
      break;
    case 'o':
      base = 8, prefix = "0o";
      break;
    case 'b':
      base = 2, prefix = "0b";
      break;
    default:
      return unknown_code(spec.type, value);
  }
  if (spec.grouping == ',' && base != 10) return value_error(fmt::format("Cannot specify ',' with '{}'.", spec.type));
  std::string digits = mpz_class(abs(number)).get_str(base);
  if (spec.type == 'X') digits = to_upper(digits);
  std::size_t const whole = digits.size();
  return assembled(spec, number < 0, spec.alternate ? prefix : "", std::move(digits), whole);
}

Text format_text(Spec const& spec, std::string_view text, Value const& value) {
  if (spec.type != 0 && spec.type != 's') return unknown_code(spec.type, value);
  if (spec.sign != 0) return value_error("Sign not allowed in string format specifier");
  if (spec.alternate) return value_error("Alternate form (#) not allowed in string format specifier");
  if (spec.align == '=' && !spec.zero) return value_error("'=' alignment not allowed in string format specifier");
  if (spec.grouping != 0) return value_error(fmt::format("Cannot specify '{}' with 's'.", spec.grouping));
  if (spec.precision) text = text.substr(0, byte_of_character(text, *spec.precision));
  char const align = spec.align == 0 || spec.align == '=' ? '<' : spec.align;
  return padded(std::string(text), spec.width, align, spec.fill);
}

Text format_decimal(Spec const& spec, Value const& value) {
  Decimal const& number = decimal_of(value);
  if (spec.grouping == '_') return value_error("invalid format string");
  if (!number.is_finite())
    return padded(decimal_text(value), spec.width,
                  spec.align == 0     ? '>'
                  : spec.align == '=' ? '>'
                                      : spec.align,
                  spec.fill);
  char const type = spec.type == 0 || spec.type == '%' ? spec.type : static_cast<char>(spec.type | 0x20);
  Value shown = value;
  if (type == '%') shown = decimal(number.negative, number.digits, number.exponent + 2);
  if ((type == 'f' || type == '%') && (spec.precision || decimal_of(shown).exponent > 0)) {
    auto const places = spec.precision ? -static_cast<std::int64_t>(*spec.precision) : 0;
    JINJA_TRY(shown, decimal_quantize(decimal_of(shown), places, "ROUND_HALF_EVEN"));
  } else if (type != 'f' && type != '%' && type != 0 && type != 'g' && type != 'e' && type != 'n') {
    return value_error("invalid format string");
  }
  std::string body;
  Decimal const& out = decimal_of(shown);
  if (type == 'f' || type == '%') {
    body = out.digits.get_str();
    auto const places = static_cast<std::size_t>(-std::min<std::int64_t>(0, out.exponent));
    if (body.size() <= places) body.insert(0, places + 1 - body.size(), '0');
    if (places > 0) body.insert(body.size() - places, ".");
    if (type == '%') body += '%';
  } else if (type == 'e') {
    std::string digits = out.digits.get_str();
    if (spec.precision && digits.size() > *spec.precision + 1) {
      JINJA_TRY(shown,
                decimal_quantize(out, out.exponent + static_cast<std::int64_t>(digits.size() - *spec.precision - 1),
                                 "ROUND_HALF_EVEN"));
      digits = decimal_of(shown).digits.get_str();
    }
    std::size_t const want = spec.precision.value_or(digits.size() - 1) + 1;
    std::int64_t const exponent = decimal_of(shown).adjusted();
    while (digits.size() < want) digits += '0';
    body = digits.substr(0, 1) + (want > 1 ? "." + digits.substr(1, want - 1) : "") + fmt::format("E{:+d}", exponent);
    if (spec.type == 'e') body = to_lower(body);
  } else {
    if (spec.precision && static_cast<std::int64_t>(out.digits.get_str().size()) >
                              static_cast<std::int64_t>(std::max<std::size_t>(1, *spec.precision))) {
      auto const cut = static_cast<std::int64_t>(out.digits.get_str().size()) -
                       static_cast<std::int64_t>(std::max<std::size_t>(1, *spec.precision));
      JINJA_TRY(shown, decimal_quantize(out, out.exponent + cut, "ROUND_HALF_EVEN"));
    }
    body = decimal_text(shown);
    if (body.starts_with('-')) body.erase(0, 1);
    if (spec.type == 'g') body = to_lower(body);
  }
  std::size_t const whole = std::min(body.find_first_not_of("0123456789"), body.size());
  return assembled(spec, number.negative, "", body, whole);
}

}  // namespace

Text format_value(State& state, Value const& value, std::string_view spec_text) {
  if (value.kind() == Kind::Undefined) {
    JINJA_TRY(auto const text, state.text(value));
    if (spec_text.empty()) return text;
    return type_error("unsupported format string passed to Undefined.__format__");
  }
  if (value.kind() == Kind::Date || value.kind() == Kind::DateTime || value.kind() == Kind::Time) {
    if (spec_text.empty()) return to_text(value);
    return format_time(state, value, spec_text);
  }
  bool const is_plain = value.is_string() || value.is_number();
  if (!is_plain) {
    if (!spec_text.empty())
      return type_error(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
    return to_text(value);
  }
  if (spec_text.empty()) return to_text(value);
  JINJA_TRY(auto const spec, parse_spec(state, spec_text, type_name(value)));
  if (value.is_string()) return format_text(spec, value.string(), value);
  if (value.is_float()) return format_float(spec, value, value.number());
  if (value.kind() == Kind::Decimal) return format_decimal(spec, value);
  return format_integer(spec, value);
}

// ------------------------------------------------------------------------------------------------------------ {}
// fields

namespace {

class BraceFormatter {
 public:
  BraceFormatter(State& state, Arguments const& arguments) : state_(state), arguments_(arguments) {}

  Text format(std::string_view text, int depth) {
    if (depth < 0) return value_error("Max string recursion exceeded");
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      char const c = text[at];
      if (c != '{' && c != '}') {
        out += c;
        ++at;
        continue;
      }
      if (at + 1 < text.size() && text[at + 1] == c) {
        out += c;
        at += 2;
        continue;
      }
      if (c == '}') return value_error("Single '}' encountered in format string");
      if (at + 1 >= text.size()) return value_error("Single '{' encountered in format string");
      JINJA_TRY(auto const end, end_of_field(text, at + 1));
      JINJA_TRY(auto const written, field(text.substr(at + 1, end - at - 1), depth));
      out += written;
      JINJA_DO(state_.renderer().allow_bytes(out.size()));
      at = end + 1;
    }
    return out;
  }

 private:
  Outcome<std::size_t> end_of_field(std::string_view text, std::size_t at) {
    int open = 1;
    bool in_brackets = false, in_spec = false;
    for (; at < text.size(); ++at) {
      if (text[at] == '[' && !in_spec) in_brackets = true;
      if (text[at] == ']') in_brackets = false;
      if (in_brackets) continue;
      if (text[at] == ':' || text[at] == '!') in_spec = true;
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) return at;
    }
    return value_error("expected '}' before end of string");
  }

  Text field(std::string_view text, int depth) {
    std::size_t mark = 0;
    bool in_brackets = false;
    for (; mark < text.size(); ++mark) {
      if (text[mark] == '[') in_brackets = true;
      if (text[mark] == ']') in_brackets = false;
      if (text[mark] == '{' && !in_brackets) return value_error("unexpected '{' in field name");
      if (!in_brackets && (text[mark] == ':' || text[mark] == '!')) break;
    }
    std::string_view const name = text.substr(0, mark);
    std::string_view rest = text.substr(mark);
    char conversion = 0;
    if (rest.starts_with('!')) {
      if (rest.size() < 2) return value_error("end of string while looking for conversion specifier");
      conversion = rest[1];
      rest.remove_prefix(2);
      if (!rest.empty() && rest[0] != ':') return value_error("expected ':' after conversion specifier");
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    JINJA_TRY(Value value, lookup(name));
    if (conversion == 'r' || conversion == 'a') {
      value = Value(repr(value));
    } else if (conversion == 's') {
      JINJA_TRY(auto shown, state_.text(value));
      value = Value(std::move(shown));
    } else if (conversion != 0) {
      return value_error(fmt::format("Unknown conversion specifier {}", conversion));
    }
    JINJA_TRY(auto const spec, format(rest, depth - 1));
    return format_value(state_, value, spec);
  }

  Outcome<Value> lookup(std::string_view name) {
    std::size_t const first_end = std::min(name.find_first_of(".["), name.size());
    JINJA_TRY(Value value, first(name.substr(0, first_end)));
    std::string_view rest = name.substr(first_end);
    while (!rest.empty()) {
      if (rest[0] == '.') {
        std::size_t const end = std::min(rest.find_first_of(".[", 1), rest.size());
        if (end == 1) return value_error("Empty attribute in format string");
        JINJA_TRY(value, get_attribute(state_, value, Value(rest.substr(1, end - 1))));
        rest.remove_prefix(end);
      } else if (rest[0] == '[') {
        std::size_t const end = rest.find(']');
        if (end == std::string_view::npos) return value_error("Missing ']' in format string");
        std::string_view const key = rest.substr(1, end - 1);
        if (key.empty()) return value_error("Empty attribute in format string");
        auto const number = std::all_of(key.begin(), key.end(), weir::is_digit) ? parse_integer(key) : std::nullopt;
        JINJA_TRY(value, get_item(state_, value, number ? *number : Value(key)));
        rest.remove_prefix(end + 1);
        if (!rest.empty() && rest[0] != '.' && rest[0] != '[')
          return value_error("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Outcome<Value> first(std::string_view name) {
    bool const is_number = std::all_of(name.begin(), name.end(), weir::is_digit);
    std::size_t index = 0;
    if (name.empty()) {
      if (numbering_ == Numbering::Manual)
        return value_error("cannot switch from manual field specification to automatic field numbering");
      numbering_ = Numbering::Automatic;
      index = next_++;
    } else if (is_number) {
      if (numbering_ == Numbering::Automatic)
        return value_error("cannot switch from manual field specification to automatic field numbering");
      numbering_ = Numbering::Manual;
      index = name.size() > 9 ? SIZE_MAX : 0;
      for (char c : name.substr(0, 9)) index = index * 10 + static_cast<std::size_t>(c - '0');
    } else {
      Value const* found = arguments_.find(name);
      if (found == nullptr) return Failure(FailureType::KeyError, repr(Value(name)));
      return *found;
    }
    if (index >= arguments_.positional.size())
      return Failure(FailureType::IndexError,
                     fmt::format("Replacement index {} out of range for positional args tuple", index));
    return arguments_.positional[index];
  }

  enum class Numbering { Open, Automatic, Manual };
  State& state_;
  Arguments const& arguments_;
  Numbering numbering_ = Numbering::Open;
  std::size_t next_ = 0;
};

}  // namespace

Text format_braces(State& state, std::string_view format, Arguments const& arguments) {
  return BraceFormatter(state, arguments).format(format, 2);
}

// --------------------------------------------------------------------------------------------------------------------
// %

namespace {

class PercentFormatter {
 public:
  PercentFormatter(State& state, std::string_view format, Value const& arguments)
      : state_(state), format_(format), arguments_(arguments), is_tuple_(arguments.is_tuple()) {}

  Outcome<Value> run(bool is_markup) {
    std::string out;
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out += format_[at_++];
        continue;
      }
      ++at_;
      JINJA_TRY(auto const part, directive());
      out += part;
      JINJA_DO(state_.renderer().allow_bytes(out.size()));
    }
    bool const all_used =
        is_tuple_ ? next_ >= arguments_.tuple().items.size()
                  : next_ > 0 || used_mapping_ || arguments_.is_dict() || arguments_.is_list() || is_mapping_like();
    if (!all_used) return type_error("not all arguments converted during string formatting");
    return Value(make<String>(std::move(out), is_markup));
  }

 private:
  bool is_mapping_like() const {  // Python: has __getitem__ and is neither a tuple nor a str
    return arguments_.kind() == Kind::Undefined ||
           (arguments_.is_object() && (arguments_.object().is_mapping() || arguments_.object().is_sequence()));
  }

  Outcome<Value> next_argument() {
    if (is_tuple_) {
      if (next_ >= arguments_.tuple().items.size()) return type_error("not enough arguments for format string");
      return arguments_.tuple().items[next_++];
    }
    if (next_++ > 0) return type_error("not enough arguments for format string");
    return arguments_;
  }

  Outcome<std::int64_t> star() {
    JINJA_TRY(auto const value, next_argument());
    if (value.kind() != Kind::Int && !value.is_bool()) return type_error("* wants int");
    return value.integer();
  }

  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  Text directive() {
    std::optional<Value> mapped;
    if (peek() == '(') {
      if (!arguments_.is_dict() && !is_mapping_like()) return type_error("format requires a mapping");
      int open = 1;
      std::size_t const begin = ++at_;
      for (; at_ < format_.size() && open > 0; ++at_) open += format_[at_] == '(' ? 1 : format_[at_] == ')' ? -1 : 0;
      if (open > 0) return value_error("incomplete format key");
      JINJA_TRY(mapped, index(state_, arguments_, Value(format_.substr(begin, at_ - begin - 1))));
      used_mapping_ = true;
    }
    bool left = false, plus = false, space = false, alternate = false, zero = false;
    for (bool is_flag = true; is_flag;) {
      switch (peek()) {
        case '-':
          left = true;
          break;
        case '+':
          plus = true;
          break;
        case ' ':
          space = true;
          break;
        case '#':
          alternate = true;
          break;
        case '0':
          zero = true;
          break;
        default:
          is_flag = false;
      }
      if (is_flag) ++at_;
    }
    Spec spec;
    auto const number = [&](std::size_t& out) -> Outcome<Done> {
      while (weir::is_digit(peek())) {
        out = out * 10 + static_cast<std::size_t>(format_[at_++] - '0');
        JINJA_DO(state_.renderer().allow_bytes(out));
      }
      return Done{};
    };
    if (peek() == '*') {
      ++at_;
      JINJA_TRY(auto width, star());
      if (width < 0) {
        left = true;
        width = -width;
      }
      JINJA_DO(state_.renderer().allow_bytes(static_cast<std::uint64_t>(width)));
      spec.width = static_cast<std::size_t>(width);
    } else {
      JINJA_DO(number(spec.width));
    }
    if (peek() == '.') {
      ++at_;
      std::size_t precision = 0;
      if (peek() == '*') {
        ++at_;
        JINJA_TRY(auto const given, star());
        precision = static_cast<std::size_t>(std::max<std::int64_t>(0, given));
      } else {
        JINJA_DO(number(precision));
      }
      spec.precision = precision;
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    if (at_ >= format_.size()) return value_error("incomplete format");
    std::size_t const code_at = at_;
    std::uint32_t const code = next_character(format_, at_);
    if (code == '%') return std::string("%");
    Value value;
    if (mapped) {
      value = *mapped;
    } else {
      JINJA_TRY(value, next_argument());
    }
    spec.alternate = alternate;
    spec.sign = plus ? '+' : space ? ' ' : '-';
    spec.align = left ? '<' : '>';
    if (zero && !left) {
      spec.align = '=';
      spec.fill = "0";
    }
    return convert(code, spec, value, code_at);
  }

  Text convert(std::uint32_t code, Spec spec, Value const& value, std::size_t code_at) {
    switch (code) {
      case 's':
      case 'r':
      case 'a': {
        std::string text;
        if (code == 's') {
          JINJA_TRY(text, state_.text(value));
        } else {
          text = repr(value);
        }
        if (spec.precision) text = text.substr(0, byte_of_character(text, *spec.precision));
        return padded(text, spec.width, spec.align == '<' ? '<' : '>', " ");
      }
      case 'c': {
        std::string text;
        if (value.is_string() && value.string_object().length() == 1)
          text = value.string();
        else if ((value.is_bool() || value.kind() == Kind::Int) && value.integer() >= 0 && value.integer() <= 0x10FFFF)
          append_character(text, static_cast<std::uint32_t>(value.integer()));
        else if (value.is_int())
          return Failure(FailureType::OverflowError, "%c arg not in range(0x110000)");
        else
          return type_error("%c requires int or char");
        return padded(text, spec.width, spec.align == '<' ? '<' : '>', " ");
      }
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return integer(static_cast<char>(code), spec, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        auto number = as_float(value);
        if (!number && value.kind() == Kind::Decimal) number = decimal_to_double(decimal_of(value));
        if (!number && value.kind() == Kind::Undefined) return undefined_info(value).failure();
        if (!number && value.is_int()) return Failure(FailureType::OverflowError, "int too large to convert to float");
        if (!number) return type_error(fmt::format("must be real number, not {}", type_name(value)));
        spec.type = static_cast<char>(code);
        return format_float(spec, value, *number);
      }
      default: {
        std::string shown;
        append_character(shown, code);
        return value_error(fmt::format("unsupported format character '{}' ({:#x}) at index {}", shown, code,
                                       count_characters(format_.substr(0, code_at))));
      }
    }
  }

  Text integer(char code, Spec spec, Value const& value) {
    Value whole = value;
    bool const is_decimal = code == 'd' || code == 'i' || code == 'u';
    if (is_decimal && value.kind() == Kind::Undefined) return undefined_info(value).failure();
    if (is_decimal && value.is_float()) {
      auto const cut = weir::jinja::truncate(value.number());
      if (!cut)
        return std::isnan(value.number())
                   ? value_error("cannot convert float NaN to integer")
                   : Failure(FailureType::OverflowError, "cannot convert float infinity to integer");
      whole = *cut;
    } else if (is_decimal && value.kind() == Kind::Decimal) {
      JINJA_TRY(whole, decimal_to_integer(decimal_of(value)));
    }
    if (!is_index(whole)) {
      if (is_decimal)
        return type_error(fmt::format("%{} format: a real number is required, not {}", code, type_name(value)));
      return type_error(fmt::format("%{} format: an integer is required, not {}", code, type_name(value)));
    }
    mpz_class const number = big_of(whole);
    std::string digits = mpz_class(abs(number)).get_str(is_decimal ? 10 : code == 'o' ? 8 : 16);
    if (code == 'X') digits = to_upper(digits);
    if (spec.precision && digits.size() < *spec.precision) digits.insert(0, *spec.precision - digits.size(), '0');
    std::string_view const prefix = !spec.alternate || is_decimal ? "" : code == 'o' ? "0o" : code == 'x' ? "0x" : "0X";
    spec.type = 'd';
    std::size_t const size = digits.size();
    return assembled(spec, number < 0, prefix, std::move(digits), size);
  }

  State& state_;
  std::string_view format_;
  Value const& arguments_;
  bool is_tuple_;
  bool used_mapping_ = false;
  std::size_t at_ = 0, next_ = 0;
};

}  // namespace

Outcome<Value> format_percent(State& state, Value const& format, Value const& arguments) {
  return PercentFormatter(state, format.string(), arguments).run(format.string_object().is_markup());
}

}  // namespace weir::jinja
