// Conversions between T-SQL types: what CAST, CONVERT, assignments and comparisons use.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/udt.h"
#include "tds/value.h"

namespace weir::tds {
namespace {

constexpr char const* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::int64_t power(int n) {
  std::int64_t result = 1;
  for (int i = 0; i < n; ++i) result *= 10;
  return result;
}

SqlError overflow(SqlType const& type) {
  return sql_error(
      8115, 16, fmt::format("Arithmetic overflow error converting expression to data type {}.", type_name(type.id)), 2);
}

SqlError not_allowed(Value const& value, SqlType const& type) {
  return sql_error(529, 16,
                   fmt::format("Explicit conversion from data type {} to {} is not allowed.", type_name(value.type),
                               type_name(type.id)),
                   2);
}

// --- to text -------------------------------------------------------------------------------------------------------

// The clock part: 100 ns of any time-bearing value.
std::int64_t ticks_of(Value const& value) {
  switch (value.type) {
    case TypeId::Date:
      return 0;
    case TypeId::SmallDateTime:
      return value.ticks * 600'000'000;
    case TypeId::DateTime:
      return (value.ticks * 10 + 1) / 3 * 10'000;  // milliseconds as displayed: .000 .003 .007
    default:
      return value.ticks;
  }
}

int scale_of(Value const& value) {
  switch (value.type) {
    case TypeId::Date:
    case TypeId::SmallDateTime:
      return 0;
    case TypeId::DateTime:
      return 3;
    default:
      return value.scale;
  }
}

std::string clock_text(std::int64_t ticks, int scale) {
  std::int64_t const seconds = ticks / 10'000'000;
  std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (scale > 0) text += fmt::format(".{:0{}}", ticks % 10'000'000 / power(7 - scale), scale);
  return text;
}

std::string date_text(std::int32_t days, std::string_view separator) {
  int year = 0, month = 0, day = 0;
  civil_of(days, year, month, day);
  return fmt::format("{:04}{}{:02}{}{:02}", year, separator, month, separator, day);
}

std::string offset_text(int minutes) {
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

std::string time_text(Value const& value, int style) {
  std::int32_t days = value.days;
  std::int64_t ticks = ticks_of(value);
  int const scale = scale_of(value);
  if (value.type == TypeId::DateTimeOffset && style != 127) {
    ticks += value.offset_min * std::int64_t{600'000'000};
    if (ticks < 0) ticks += kTicksPerDay, --days;
    if (ticks >= kTicksPerDay) ticks -= kTicksPerDay, ++days;
  }
  bool const has_date = value.type != TypeId::Time;
  bool const has_clock = value.type != TypeId::Date;
  bool const old = value.type == TypeId::DateTime || value.type == TypeId::SmallDateTime;
  std::string const offset = value.type == TypeId::DateTimeOffset ? offset_text(value.offset_min) : "";
  if (style == 112) return date_text(days, "");
  if (style == 23) return date_text(days, "-");
  if (style == 108) return clock_text(ticks, 0);
  if (style == 114) return clock_text(ticks, scale);
  if (style == 126 || style == 127) {
    std::string text = has_date ? date_text(days, "-") : "";
    if (has_clock) text += (has_date ? "T" : "") + clock_text(ticks, ticks % 10'000'000 == 0 && old ? 0 : scale);
    if (!offset.empty()) text += style == 127 ? "Z" : offset;
    return text;
  }
  if (old && (style == 0 || style == 100)) {
    int year = 0, month = 0, day = 0;
    civil_of(days, year, month, day);
    std::int64_t const minutes = ticks / 600'000'000;
    std::int64_t const hour = minutes / 60 % 12 == 0 ? 12 : minutes / 60 % 12;
    return fmt::format("{} {:2} {} {:2}:{:02}{}", kMonths[month - 1], day, year, hour, minutes % 60,
                       minutes >= 720 ? "PM" : "AM");
  }
  std::string text = has_date ? date_text(days, "-") : "";
  if (has_clock) text += (has_date ? " " : "") + clock_text(ticks, style == 120 || style == 20 ? 0 : scale);
  if (!offset.empty()) text += " " + offset;
  return text;
}

std::string hex_text(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char const c : bytes) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    out.push_back(kDigits[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

std::string uuid_text(std::string const& b) {
  auto byte = [&b](std::size_t i) { return static_cast<std::uint8_t>(b[i]); };
  return fmt::format("{:02X}{:02X}{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{}", byte(3), byte(2), byte(1),
                     byte(0), byte(5), byte(4), byte(7), byte(6), byte(8), byte(9),
                     hex_text(std::string_view(b).substr(10)));
}

std::string float_text(double number, int style, bool is_real) {
  if (style == 1) return fmt::format("{:.7e}", number);
  if (style == 2) return fmt::format("{:.15e}", number);
  if (style == 3) return is_real ? fmt::format("{}", static_cast<float>(number)) : fmt::format("{}", number);
  return fmt::format("{:.6g}", number);
}

// --- from text -----------------------------------------------------------------------------------------------------

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_hex(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int const high = hex_digit(text[i]);
    int const low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

bool parse_uuid(std::string_view text, std::string& out) {
  if (!text.empty() && text.front() == '{') text = text.substr(1, text.size() < 2 ? 0 : text.size() - 2);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return false;
    if (!dash) digits.push_back(text[i]);
  }
  if (digits.size() != 32 || !parse_hex(digits, out)) return false;
  std::reverse(out.begin(), out.begin() + 4);
  std::swap(out[4], out[5]);
  std::swap(out[6], out[7]);
  return true;
}

// [-]digits[.digits]; exponents make it a float. False if it is no number.
bool parse_decimal(std::string_view text, int128& mantissa, int& scale) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) negative = text[0] == '-', text.remove_prefix(1);
  bool point = false, any = false;
  mantissa = 0;
  scale = 0;
  int128 most = 1;  // 38 digits
  for (int i = 0; i < 37; ++i) most *= 10;
  for (char const c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    any = true;
    if (mantissa >= most) return false;
    mantissa = mantissa * 10 + (c - '0');
    if (point) ++scale;
  }
  if (negative) mantissa = -mantissa;
  return any;
}

bool take_number(std::string_view& text, std::size_t most, int& number) {
  std::size_t length = 0;
  number = 0;
  while (length < most && length < text.size() && text[length] >= '0' && text[length] <= '9')
    number = number * 10 + (text[length++] - '0');
  text.remove_prefix(length);
  return length > 0;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

struct Moment {
  std::int32_t days = kDays1900;
  std::int64_t ticks = 0;  // 100 ns, local
  int offset_min = 0;
};

bool parse_clock(std::string_view& text, Moment& moment) {
  int hour = 0, minute = 0, second = 0;
  if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute)) return false;
  if (take(text, ':') && !take_number(text, 2, second)) return false;
  std::int64_t fraction = 0;
  if (take(text, '.')) {
    int digits = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      if (digits < 7) fraction = fraction * 10 + (text[0] - '0'), ++digits;
      text.remove_prefix(1);
    }
    fraction *= power(7 - digits);
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  moment.ticks = (hour * 3600 + minute * 60 + second) * std::int64_t{10'000'000} + fraction;
  return true;
}

bool parse_moment(std::string_view text, Moment& moment) {
  text = trim(text);
  if (text.empty()) return true;  // SQL Server: 1900-01-01
  bool const clock_only = text.size() > 2 && (text[1] == ':' || text[2] == ':');
  if (!clock_only) {
    int year = 0, month = 0, day = 0;
    if (!take_number(text, 4, year)) return false;
    bool const dashes = take(text, '-') || take(text, '/');
    if (!take_number(text, 2, month) || (dashes && !take(text, '-') && !take(text, '/')) || !take_number(text, 2, day))
      return false;
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    int y = 0, m = 0, d = 0;
    moment.days = days_of(year, month, day);
    civil_of(moment.days, y, m, d);
    if (m != month || d != day) return false;
    if (text.empty()) return true;
    if (!take(text, 'T') && !take(text, ' ')) return false;
  }
  if (!parse_clock(text, moment)) return false;
  while (take(text, ' ')) {
  }
  if (take(text, 'Z') || text.empty()) return text.empty();
  bool const negative = text[0] == '-';
  if (!take(text, '+') && !take(text, '-')) return false;
  int hours = 0, minutes = 0;
  if (!take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, minutes) || !text.empty()) return false;
  moment.offset_min = (negative ? -1 : 1) * (hours * 60 + minutes);
  return std::abs(moment.offset_min) <= 14 * 60;
}

Outcome moment_to(Moment moment, SqlType const& type, Value& out) {
  out.null = false;
  out.type = type.id;
  out.scale = type.scale;
  out.offset_min = 0;
  std::int64_t ticks = moment.ticks;
  std::int32_t days = moment.days;
  auto carry = [&ticks, &days] {
    if (ticks >= kTicksPerDay) ticks -= kTicksPerDay, ++days;
    if (ticks < 0) ticks += kTicksPerDay, --days;
  };
  SqlError const range = sql_error(
      242, 16,
      fmt::format("The conversion of a varchar data type to a {} data type resulted in an out-of-range value.",
                  type_name(type.id)),
      3);
  switch (type.id) {
    case TypeId::Date:
      ticks = 0;
      break;
    case TypeId::SmallDateTime:
      ticks = (ticks + 300'000'000) / 600'000'000;
      if (ticks >= 1440) ticks -= 1440, ++days;
      if (days < kDays1900 || days > kDays1900 + 65535) return range;
      break;
    case TypeId::DateTime:
      ticks = (ticks * 3 + 50'000) / 100'000;
      if (ticks >= 25'920'000) ticks -= 25'920'000, ++days;
      if (days < days_of(1753, 1, 1)) return range;
      break;
    default: {
      if (type.id == TypeId::DateTimeOffset) {
        ticks -= moment.offset_min * std::int64_t{600'000'000};
        out.offset_min = static_cast<std::int16_t>(moment.offset_min);
        carry();
      }
      std::int64_t const unit = power(7 - type.scale);
      ticks = (ticks + unit / 2) / unit * unit;
      if (type.id == TypeId::Time)
        ticks %= kTicksPerDay;
      else
        carry();
      break;
    }
  }
  if (days > kMaxDays || days < 0) {
    if (type.scale == 7 || days < 0) return range;
    days = kMaxDays;  // rounding up beyond the last day stays on the last day
    ticks = (kTicksPerDay - 1) / power(7 - type.scale) * power(7 - type.scale);
  }
  out.days = days;
  out.ticks = ticks;
  return {};
}

// --- numbers -------------------------------------------------------------------------------------------------------

Outcome integer_to(int128 number, SqlType const& type, Value& out) {
  auto fits = [number](std::int64_t low, std::int64_t high) { return number >= low && number <= high; };
  bool ok = true;
  switch (type.id) {
    case TypeId::Bit:
      number = number != 0 ? 1 : 0;
      break;
    case TypeId::TinyInt:
      ok = fits(0, 255);
      break;
    case TypeId::SmallInt:
      ok = fits(-32768, 32767);
      break;
    case TypeId::Int:
      ok = fits(INT32_MIN, INT32_MAX);
      break;
    case TypeId::SmallMoney:
      ok = fits(INT32_MIN, INT32_MAX);
      break;
    default:
      ok = fits(INT64_MIN, INT64_MAX);
      break;
  }
  if (!ok) return overflow(type);
  out.type = type.id;
  out.null = false;
  out.integer = static_cast<std::int64_t>(number);
  return {};
}

enum class Rounding { Nearest, Down };

Outcome rescale(int128& mantissa, int from, int to, SqlType const& type, Rounding rounding) {
  for (; from < to; ++from)
    if (__builtin_mul_overflow(mantissa, int128{10}, &mantissa)) return overflow(type);
  int128 divisor = 1;
  for (; from > to; --from) divisor *= 10;
  if (divisor == 1) return {};
  int128 const rest = mantissa % divisor;
  mantissa /= divisor;
  if (rounding == Rounding::Nearest && (rest < 0 ? -rest : rest) * 2 >= divisor) mantissa += rest < 0 ? -1 : 1;
  return {};
}

Outcome number_to(int128 mantissa, int scale, SqlType const& type, Rounding rounding, Value& out) {
  if (type.is_decimal()) {
    TDS_DO(rescale(mantissa, scale, type.scale, type, Rounding::Nearest));
    int128 limit = 1;
    for (int i = 0; i < type.precision; ++i) limit *= 10;
    if (mantissa >= limit || mantissa <= -limit) return overflow(type);
    out.type = type.id;
    out.null = false;
    out.scale = type.scale;
    out.decimal = mantissa;
    return {};
  }
  if (type.is_float()) {
    out.type = type.id;
    out.null = false;
    double const wide = static_cast<double>(mantissa) / std::pow(10.0, scale);
    out.real = type.id == TypeId::Real ? static_cast<double>(static_cast<float>(wide)) : wide;
    return {};
  }
  if (type.id == TypeId::Bit) return integer_to(mantissa, type, out);
  TDS_DO(rescale(mantissa, scale, type.is_money() ? 4 : 0, type, type.is_money() ? Rounding::Nearest : rounding));
  return integer_to(mantissa, type, out);
}

Outcome double_to(double number, SqlType const& type, Value& out) {
  if (type.is_float()) {
    if (type.id == TypeId::Real && std::abs(number) > 3.4028234663852886e38) return overflow(type);
    out.type = type.id;
    out.null = false;
    out.real = type.id == TypeId::Real ? static_cast<double>(static_cast<float>(number)) : number;
    return {};
  }
  if (std::abs(number) >= 1e38) return overflow(type);
  if (type.is_decimal() || type.is_money()) {
    int const scale = type.is_money() ? 4 : type.scale;
    double const scaled = std::round(number * std::pow(10.0, scale));
    if (std::abs(scaled) >= 1.7e38) return overflow(type);
    return number_to(static_cast<int128>(scaled), scale, type, Rounding::Nearest, out);
  }
  return number_to(static_cast<int128>(number), 0, type, Rounding::Down, out);
}

Outcome text_to_number(std::string_view text, SqlType const& type, Value const& value, Value& out) {
  std::string_view word = trim(text);
  if (type.id == TypeId::Bit && equals_ignoring_case(word, "true")) return integer_to(1, type, out);
  if (type.id == TypeId::Bit && equals_ignoring_case(word, "false")) return integer_to(0, type, out);
  int128 mantissa = 0;
  int scale = 0;
  if (word.empty() && !type.is_decimal()) return number_to(0, 0, type, Rounding::Down, out);
  if (type.is_money() && !word.empty() && word[0] == '$') word.remove_prefix(1);
  if (parse_decimal(word, mantissa, scale) && (!type.is_integer() || scale == 0)) {
    if (type.is_float() && mantissa != 0) {
      double number = 0;
      std::from_chars(word.data() + (word[0] == '+'), word.data() + word.size(), number);
      return double_to(number, type, out);
    }
    return number_to(mantissa, scale, type, Rounding::Nearest, out);
  }
  double number = 0;
  auto const [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (type.is_float() && code == std::errc() && end == word.data() + word.size()) return double_to(number, type, out);
  if (type.is_integer())
    return sql_error(245, 16,
                     fmt::format("Conversion failed when converting the {} value '{}' to data type {}.",
                                 type_name(value.type), text, type_name(type.id)));
  return sql_error(8114, 16,
                   fmt::format("Error converting data type {} to {}.", type_name(value.type), type_name(type.id)), 5);
}

Outcome to_number(Value const& value, SqlType const& type, Value& out) {
  SqlType const from = make_type(value.type);
  if (from.is_float()) return double_to(value.real, type, out);
  if (from.is_decimal()) return number_to(value.decimal, value.scale, type, Rounding::Down, out);
  if (from.is_money()) return number_to(value.integer, 4, type, Rounding::Nearest, out);
  if (from.is_integer()) return number_to(value.integer, 0, type, Rounding::Down, out);
  if (from.is_text()) return text_to_number(to_utf8(utf16_of(value)), type, value, out);
  if (from.is_binary() && (type.is_integer() || type.is_money())) {
    std::uint64_t bits = 0;
    for (char const c : value.bytes) bits = bits << 8 | static_cast<std::uint8_t>(c);
    auto const number = static_cast<std::int64_t>(bits);
    if (type.id == TypeId::Int) return integer_to(static_cast<std::int32_t>(number), type, out);
    if (type.id == TypeId::SmallInt) return integer_to(static_cast<std::int16_t>(number), type, out);
    if (type.id == TypeId::TinyInt) return integer_to(static_cast<std::uint8_t>(number), type, out);
    return integer_to(number, type, out);
  }
  if (value.type == TypeId::DateTime && !type.is_money())
    return double_to(value.days - kDays1900 + static_cast<double>(value.ticks) / 25'920'000.0, type, out);
  return not_allowed(value, type);
}

// --- the rest ------------------------------------------------------------------------------------------------------

Outcome to_time(Value const& value, SqlType const& type, Value& out) {
  SqlType const from = make_type(value.type);
  Moment moment;
  if (from.is_time()) {
    moment.days = value.type == TypeId::Time ? kDays1900 : value.days;
    moment.ticks = value.type == TypeId::DateTime ? (value.ticks * 200'000 + 3) / 6 : ticks_of(value);
    if (value.type == TypeId::DateTimeOffset) {
      moment.ticks += value.offset_min * std::int64_t{600'000'000};
      if (moment.ticks < 0) moment.ticks += kTicksPerDay, --moment.days;
      if (moment.ticks >= kTicksPerDay) moment.ticks -= kTicksPerDay, ++moment.days;
      moment.offset_min = value.offset_min;
    }
  } else if (from.is_text()) {
    if (!parse_moment(to_utf8(utf16_of(value)), moment))
      return sql_error(241, 16, "Conversion failed when converting date and/or time from character string.");
    if (type.id != TypeId::DateTimeOffset && moment.offset_min != 0 && type.id != TypeId::DateTime2 &&
        type.id != TypeId::Date)
      return sql_error(241, 16, "Conversion failed when converting date and/or time from character string.");
  } else if (from.is_number() && (type.id == TypeId::DateTime || type.id == TypeId::SmallDateTime)) {
    Value days;
    TDS_DO(to_number(value, make_type(TypeId::Float), days));
    if (days.real < -53690 || days.real >= 2958464) return overflow(type);
    double const whole = std::floor(days.real);
    moment.days = kDays1900 + static_cast<std::int32_t>(whole);
    moment.ticks = static_cast<std::int64_t>((days.real - whole) * static_cast<double>(kTicksPerDay));
  } else {
    return not_allowed(value, type);
  }
  return moment_to(moment, type, out);
}

Outcome to_text_type(Value const& value, SqlType const& type, int style, Value& out) {
  SqlType const from = make_type(value.type);
  bool const wide = type.is_n_text();
  std::size_t const most = type.is_max() ? SIZE_MAX : static_cast<std::size_t>(type.length) * (wide ? 2 : 1);
  if (value.repeat_to != 0 && from.is_n_text() == wide && from.is_text() && value.repeat_to <= most) {
    if (&out != &value) out = value;
    out.type = type.id;
    return {};
  }
  std::string text;
  if (from.is_text()) {
    bool const same_page = !wide && from.is_char_text() && value.collation != nullptr && type.collation != nullptr &&
                           value.collation->code_page == type.collation->code_page;
    text = wide                                ? utf16_of(value)
           : same_page && value.repeat_to == 0 ? value.bytes
                                               : to_code_page(utf16_of(value), type.collation->code_page);
  } else if (from.is_binary() && style == 0) {
    text = value.bytes;
  } else {
    std::string const ascii = to_text(value, style);
    text = wide ? to_utf16(ascii) : ascii;
    if (text.size() > most && from.is_number()) {
      if (!wide && from.is_integer())
        text = "*";
      else
        return overflow(type);
    }
    if (text.size() > most && value.type == TypeId::UniqueIdentifier)
      return sql_error(8170, 16, "Insufficient result space to convert uniqueidentifier value to char.");
  }
  if (text.size() > most) text = wide ? text.substr(0, most) : cut_code_page(text, most, type.collation->code_page);
  if (type.id == TypeId::NChar && !type.is_max())
    while (text.size() < most) text.append(" \0", 2);
  if (type.id == TypeId::Char && !type.is_max()) text.resize(most, ' ');
  out.type = type.id;
  out.null = false;
  out.collation = type.collation;
  out.bytes = std::move(text);
  out.repeat_to = 0;
  return {};
}

Outcome to_binary(Value const& value, SqlType const& type, int style, Value& out) {
  SqlType const from = make_type(value.type);
  std::size_t const most = type.is_max() ? SIZE_MAX : static_cast<std::size_t>(type.length);
  if (value.repeat_to != 0 && from.is_binary() && value.repeat_to <= most) {
    if (&out != &value) out = value;
    out.type = type.id;
    return {};
  }
  std::string bytes;
  bool left_padded = false;
  if (from.is_integer() || from.is_money()) {
    int const width = catalog_length(from);
    for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<char>(value.integer >> (8 * i)));
    if (type.length > width && type.id == TypeId::Binary)
      bytes.insert(0, static_cast<std::size_t>(type.length - width), '\0');
    left_padded = true;
  } else if (from.is_text() && style != 0) {
    std::string text = to_utf8(utf16_of(value));
    if (style == 1 && starts_with_ignoring_case(text, "0x")) text.erase(0, 2);
    if (!parse_hex(text, bytes))
      return sql_error(
          8114, 16, fmt::format("Error converting data type {} to {}.", type_name(value.type), type_name(type.id)), 5);
  } else if (from.is_text() || from.is_binary() || value.type == TypeId::UniqueIdentifier || from.is_udt()) {
    bytes = from.is_n_text() ? utf16_of(value) : value.bytes;
  } else {
    return not_allowed(value, type);
  }
  if (bytes.size() > most) bytes = left_padded ? bytes.substr(bytes.size() - most) : bytes.substr(0, most);
  if ((type.id == TypeId::Binary || type.id == TypeId::RowVersion) && !type.is_max()) bytes.resize(most, '\0');
  out.type = type.id;
  out.null = false;
  out.bytes = std::move(bytes);
  out.repeat_to = 0;
  return {};
}

Outcome to_uuid(Value const& value, Value& out) {
  SqlType const from = make_type(value.type);
  std::string bytes;
  if (from.is_binary()) {
    bytes = value.bytes;
    bytes.resize(16, '\0');
  } else if (!from.is_text()) {
    return not_allowed(value, make_type(TypeId::UniqueIdentifier));
  } else if (!parse_uuid(to_utf8(utf16_of(value)), bytes)) {
    return sql_error(8169, 16, "Conversion failed when converting from a character string to uniqueidentifier.", 2);
  }
  out.type = TypeId::UniqueIdentifier;
  out.null = false;
  out.bytes = std::move(bytes);
  return {};
}

}  // namespace

std::string to_text(Value const& value, int style) {
  if (value.null) return "";
  SqlType const type = make_type(value.type);
  if (type.is_text()) return to_utf8(utf16_of(value));
  if (type.is_integer()) return std::to_string(value.integer);
  if (type.is_decimal()) return decimal_text(value.decimal, value.scale);
  if (type.is_money()) {
    if (style == 2) return decimal_text(value.integer, 4);
    int128 cents = value.integer;
    (void)rescale(cents, 4, 2, type, Rounding::Nearest).ok();
    return decimal_text(cents, 2);
  }
  if (type.is_float()) return float_text(value.real, style, value.type == TypeId::Real);
  if (type.is_time()) return time_text(value, style);
  if (value.type == TypeId::UniqueIdentifier) return uuid_text(value.bytes);
  if (type.is_udt()) return udt_text(value);
  return (style == 2 ? "" : "0x") + hex_text(value.bytes);
}

Outcome convert(Value const& value, SqlType const& type, int style, Value& out) {
  if (type.id == TypeId::Variant) {
    if (&out != &value) out = value;
    return {};
  }
  if (value.null) {
    out.null = true;
    out.type = type.id;
    out.collation = type.collation;
    return {};
  }
  if (type.is_text()) return to_text_type(value, type, style, out);
  if (type.is_number()) return to_number(value, type, out);
  if (type.is_time()) return to_time(value, type, out);
  if (type.is_binary()) return to_binary(value, type, style, out);
  if (type.id == TypeId::UniqueIdentifier) {
    if (value.type != TypeId::UniqueIdentifier) return to_uuid(value, out);
    if (&out != &value) out = value;
    return {};
  }
  if (value.type != type.id) {
    if (make_type(value.type).is_text()) return udt_parse(to_utf8(utf16_of(value)), type.id, out);
    if (!make_type(value.type).is_binary()) return not_allowed(value, type);
  }
  if (&out != &value) out = value;
  out.type = type.id;
  return {};
}

Outcome parse_value(std::string_view utf8, SqlType const& type, Value& out) {
  Value text = text_value(utf8);
  int const style = type.is_binary() && starts_with_ignoring_case(utf8, "0x") ? 1 : 0;
  if (type.is_text() && starts_with_ignoring_case(utf8, "0x:")) {
    // The text's own bytes, also those that are no text: 0x:81FF in a code page, 0x:00D8 a lone surrogate.
    std::string bytes;
    if (!parse_hex(utf8.substr(3), bytes)) return sql_error(8114, 16, "Error converting raw bytes.");
    out.null = false;
    out.type = type.id;
    out.collation = type.collation;
    out.bytes = std::move(bytes);
    return {};
  }
  if (type.id == TypeId::Variant) {
    out = text;
    return {};
  }
  return convert(text, type, style, out);
}

}  // namespace weir::tds
