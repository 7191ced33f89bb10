// CSV files of seeds, and which types their columns have. Rules: Python's csv module; agate's type tester as dbt sets
// it up.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "build/table.h"
#include "project/csv.h"

namespace weir::build {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// a, b, ..., z, aa, bb: what agate calls the n-th column without a name.
std::string letter_name(std::size_t index) {
  return std::string(index / 26 + 1, static_cast<char>('a' + index % 26));
}

std::vector<std::string> column_names(std::vector<std::string_view> const& said) {
  std::vector<std::string> header(said.begin(), said.end());
  std::set<std::string> taken;
  for (std::size_t i = 0; i < header.size(); ++i) {
    auto& name = header[i];
    if (name.empty()) name = letter_name(i);
    std::string const wanted = name;
    for (int n = 2; taken.contains(name); ++n) name = fmt::format("{}_{}", wanted, n);
    taken.insert(name);
  }
  return header;
}

// ---------------------------------------------------------------------------------------------------------- types

// What a value is for PostgreSQL: itself, or a text that stands in `Made`.
using CsvValue = std::optional<std::string_view>;
using Made = std::deque<std::string>;

bool is_null(std::string_view text) {
  auto const trimmed = trim(text);
  return trimmed.empty() || equals_ignoring_case(trimmed, "null");
}

std::string strip(std::string text, std::string_view what) {
  while (text.starts_with(what)) text.erase(0, what.size());
  while (text.ends_with(what)) text.resize(text.size() - what.size());
  return text;
}

constexpr std::string_view kCurrencies[] = {"؋", "$", "ƒ", "៛", "¥", "₡", "₱", "£", "€", "¢",
                                            "﷼", "₪", "₩", "₭", "₮", "₦", "฿", "₤", "₫"};

// decimal.Decimal(text)'s grammar, without its sign for infinities: what is left is what PostgreSQL reads, too.
bool is_decimal(std::string_view text) {
  std::size_t at = 0;
  auto digits = [&] {
    std::size_t const begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  auto const rest = text.substr(at);
  for (std::string_view const word : {"nan", "inf", "infinity"})
    if (equals_ignoring_case(rest, word)) return true;
  auto const whole = digits();
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// 1.5e3 as 1500: PostgreSQL reads no exponent in an integer.
std::string without_exponent(std::string const& number) {
  auto const e = number.find_first_of("eE");
  if (e == std::string::npos || number.find_first_of("nNiI") != std::string::npos) return number;
  auto const power = parse_int(number.substr(number[e + 1] == '+' ? e + 2 : e + 1)).value_or(0);
  if (power < -300 || power > 300) return number;
  std::string const sign = number[0] == '-' || number[0] == '+' ? number.substr(0, 1) : "";
  std::string digits = number.substr(sign.size(), e - sign.size());
  auto const point = digits.find('.');
  auto place = static_cast<std::int64_t>(point == std::string::npos ? digits.size() : point) + power;
  std::erase(digits, '.');
  if (place <= 0) {
    digits.insert(0, static_cast<std::size_t>(1 - place), '0');
    place = 1;
  }
  if (place > static_cast<std::int64_t>(digits.size()))
    digits.append(static_cast<std::size_t>(place) - digits.size(), '0');
  if (place < static_cast<std::int64_t>(digits.size())) digits.insert(static_cast<std::size_t>(place), ".");
  return sign + digits;
}

// A number as people write it (5%, -$1,000.50), as PostgreSQL reads it. Nothing where it is none.
CsvValue number(std::string_view text, Made& made) {
  std::string_view const plain = trim(text);
  std::size_t const first = plain.starts_with('-') ? 1 : 0;
  if (first < plain.size() && is_digit(plain[first]) && is_decimal(plain)) return plain;
  std::string value = strip(std::string(plain), "%");
  bool const negative = value.starts_with('-');
  if (negative) value.erase(0, 1);
  for (auto const symbol : kCurrencies) value = strip(std::move(value), symbol);
  value = replace_all(replace_all(std::string(trim(value)), ",", ""), "_", "");
  if (!is_decimal(value)) return std::nullopt;
  if (negative) value = value[0] == '-' ? value.substr(1) : "-" + strip(value, "+");
  return made.emplace_back(std::move(value));
}

// Has it digits behind the point that count? 2.50e1 has not.
bool has_fraction(std::string_view number) {
  auto const e = number.find_first_of("eE");
  auto const mantissa = number.substr(0, e);
  if (e == std::string_view::npos) {
    auto const dot = mantissa.find('.');
    return dot != std::string_view::npos && mantissa.find_first_of("123456789", dot) != std::string_view::npos;
  }
  if (mantissa.find_first_of("nNiI") != std::string_view::npos) return false;
  auto const exponent = parse_int(number.substr(number[e + 1] == '+' ? e + 2 : e + 1)).value_or(0);
  auto const point = mantissa.find('.');
  std::string digits(mantissa.substr(0, point));
  std::int64_t scale = 0;
  if (point != std::string_view::npos) {
    digits += mantissa.substr(point + 1);
    scale = static_cast<std::int64_t>(mantissa.size() - point - 1);
  }
  auto const last = digits.find_last_not_of('0');
  if (last == std::string::npos || !is_digit(digits[last])) return false;
  return scale - exponent - static_cast<std::int64_t>(digits.size() - 1 - last) > 0;
}

struct Reader {
  std::string_view text;
  std::size_t at = 0;

  bool done() const { return at >= text.size(); }
  bool eat(char c) { return !done() && text[at] == c ? (++at, true) : false; }
  // Up to `most` digits; nothing where there are fewer than `least`.
  std::optional<int> digits(std::size_t least, std::size_t most) {
    std::size_t n = 0;
    int value = 0;
    while (n < most && at + n < text.size() && is_digit(text[at + n])) value = value * 10 + (text[at + n++] - '0');
    if (n < least) return std::nullopt;
    at += n;
    return value;
  }
};

bool is_date(int year, int month, int day) {
  namespace calendar = std::chrono;
  return year >= 1 && calendar::year_month_day(calendar::year(year), calendar::month(static_cast<unsigned>(month)),
                                               calendar::day(static_cast<unsigned>(day)))
                          .ok();
}

// strptime's %Y-%m-%d.
struct Day {
  int year, month, day;
};
std::optional<Day> plain_date(Reader& in) {
  auto const year = in.digits(4, 4);
  if (!year || !in.eat('-')) return std::nullopt;
  auto const month = in.digits(1, 2);
  if (!month || !in.eat('-')) return std::nullopt;
  auto const day = in.digits(1, 2);
  if (!day || !is_date(*year, *month, *day)) return std::nullopt;
  return Day{*year, *month, *day};
}

CsvValue date(std::string_view text, Made& made) {
  Reader in{trim(text)};
  auto const day = plain_date(in);
  if (!day || !in.done()) return std::nullopt;
  if (in.text.size() == std::string_view("2024-01-05").size()) return in.text;
  return made.emplace_back(fmt::format("{:04}-{:02}-{:02}", day->year, day->month, day->day));
}

// A time that was read is written in full: 2024-01-05 01:02:03.
bool is_full_time(std::string_view text) {
  return text.size() == 19 && text[7] == '-' && text[10] == ' ' && text[13] == ':' && text[16] == ':';
}

// strptime's %Y-%m-%d %H:%M:%S.
CsvValue date_time(std::string_view text, Made& made) {
  Reader in{trim(text)};
  auto const day = plain_date(in);
  if (!day || in.done() || std::isspace(static_cast<unsigned char>(in.text[in.at])) == 0) return std::nullopt;
  while (!in.done() && std::isspace(static_cast<unsigned char>(in.text[in.at])) != 0) ++in.at;
  auto const hour = in.digits(1, 2);
  if (!hour || *hour > 23 || !in.eat(':')) return std::nullopt;
  auto const minute = in.digits(1, 2);
  if (!minute || *minute > 59 || !in.eat(':')) return std::nullopt;
  auto const second = in.digits(1, 2);
  if (!second || *second > 59 || !in.done()) return std::nullopt;
  if (is_full_time(in.text)) return in.text;
  return made.emplace_back(
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", day->year, day->month, day->day, *hour, *minute, *second));
}

// ISO 8601: a calendar date, T, a time, perhaps a zone; with or without separators.
std::optional<std::string> iso_time(std::string_view text, bool& has_zone) {
  Reader in{trim(text)};
  auto const year = in.digits(4, 4);
  if (!year) return std::nullopt;
  bool const dashes = in.eat('-');
  auto const month = in.digits(2, 2);
  if (!month || (dashes && !in.eat('-'))) return std::nullopt;
  auto const day = in.digits(2, 2);
  if (!day || !is_date(*year, *month, *day) || !in.eat('T')) return std::nullopt;
  auto const hour = in.digits(2, 2);
  if (!hour || *hour > 23) return std::nullopt;
  std::string out = fmt::format("{:04}-{:02}-{:02} {:02}", *year, *month, *day, *hour);
  bool const colons = in.eat(':');
  auto const minute = in.digits(colons ? 2 : 0, 2);
  if (colons && !minute) return std::nullopt;
  if (minute.value_or(0) > 59) return std::nullopt;
  out += fmt::format(":{:02}", minute.value_or(0));
  if (colons ? in.eat(':') : !in.done() && is_digit(in.text[in.at])) {
    auto const second = in.digits(2, 2);
    if (!second || *second > 59) return std::nullopt;
    out += fmt::format(":{:02}", *second);
    if (in.eat('.') || in.eat(',')) {
      auto const begin = in.at;
      while (!in.done() && is_digit(in.text[in.at])) ++in.at;
      if (in.at == begin) return std::nullopt;
      out += "." + std::string(in.text.substr(begin, std::min<std::size_t>(in.at - begin, 6)));
    }
  } else {
    out += ":00";
  }
  if (in.done()) return out;
  has_zone = true;
  if (in.eat('Z')) return in.done() ? std::optional(out + "+00") : std::nullopt;
  char const sign = in.text[in.at++];
  if (sign != '+' && sign != '-') return std::nullopt;
  auto const zone_hour = in.digits(2, 2);
  if (!zone_hour) return std::nullopt;
  bool const zone_colon = in.eat(':');
  auto const zone_minute = in.digits(zone_colon ? 2 : 0, 2);
  if ((zone_colon && !zone_minute) || !in.done()) return std::nullopt;
  return out + fmt::format("{}{:02}:{:02}", sign, *zone_hour, zone_minute.value_or(0));
}

CsvValue boolean(std::string_view text) {
  auto const word = to_lower(trim(replace_all(std::string(text), ",", "")));
  if (word == "true") return "t";
  if (word == "false") return "f";
  return std::nullopt;
}

enum class Trial { Number, Date, DateTime, Iso, Boolean, Text };
constexpr Trial kTrials[] = {Trial::Number, Trial::Date, Trial::DateTime, Trial::Iso, Trial::Boolean, Trial::Text};

CsvValue read_as(Trial trial, std::string_view text, SeedColumn& column, Made& made) {
  switch (trial) {
    case Trial::Number: {
      auto value = number(text, made);
      if (!value) return value;
      if (has_fraction(*value)) column.sql_type = "float8";
      if (value->find_first_of("eE") != std::string_view::npos)
        value = made.emplace_back(without_exponent(std::string(*value)));
      return value;
    }
    case Trial::Date:
      return date(text, made);
    case Trial::DateTime:
      return date_time(text, made);
    case Trial::Iso: {
      auto value = iso_time(text, column.has_zones);
      return value ? CsvValue(made.emplace_back(std::move(*value))) : std::nullopt;
    }
    case Trial::Boolean:
      return boolean(text);
    case Trial::Text:
      return text;
  }
  return std::nullopt;
}

// The type of what `trial` reads; a number that has digits behind the point makes it float8.
SeedColumn column_of(Trial trial, std::string const& name) {
  switch (trial) {
    case Trial::Number:
      return {.name = name, .type = CellType::Number, .sql_type = "integer"};
    case Trial::Date:
      return {.name = name, .type = CellType::Date, .sql_type = "date"};
    case Trial::DateTime:
    case Trial::Iso:
      return {.name = name, .type = CellType::DateTime, .sql_type = "timestamp without time zone"};
    case Trial::Boolean:
      return {.name = name, .type = CellType::Boolean, .sql_type = "boolean"};
    case Trial::Text:
      break;
  }
  return {.name = name, .type = CellType::Text, .sql_type = "text"};
}

// Tries the types in order; the values come out in the form of the one that fits all.
SeedColumn infer_column(CsvFile const& file, std::size_t column, bool is_text, SeedRows& rows) {
  if (file.rows == 0 && !is_text) return {.name = file.names[column], .type = CellType::Integer, .sql_type = "integer"};
  std::size_t const width = file.names.size();
  for (auto const trial : kTrials) {
    if (is_text && trial != Trial::Text) continue;
    SeedColumn out = column_of(trial, file.names[column]);
    bool fits = true;
    for (std::size_t at = column; at < file.cells.size() && fits; at += width) {
      auto& value = rows.cells[at] = std::nullopt;
      if (is_null(file.cells[at])) continue;
      value = read_as(trial, file.cells[at], out, rows.made);
      fits = value.has_value();
    }
    if (fits) return out;
  }
  return {};  // not reached: any value is a text
}

}  // namespace

Result<CsvFile> parse_csv(std::string contents, char delimiter, std::string_view file) {
  CsvFile out;
  out.contents = std::make_unique<std::string const>(std::move(contents));
  std::string_view text = *out.contents;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  project::CsvReader reader(text, delimiter);
  std::vector<std::string_view> row;
  if (!reader.done()) {
    reader.row(row, out.made);
    out.names = column_names(row);
  }
  for (; !reader.done(); ++out.rows) {
    reader.row(row, out.made);
    if (row.size() > out.names.size())
      return Error(ErrorKind::Data, fmt::format("row {} of seed file \"{}\" has {} values, its header names {} columns",
                                                out.rows + 1, file, row.size(), out.names.size()))
          .where(std::string(file))
          .state("the table of before is as it was")
          .next("quote values that hold the delimiter, or set `delimiter` in the seed's config");
    out.cells.insert(out.cells.end(), row.begin(), row.end());
    out.cells.resize(out.names.size() * (out.rows + 1));
  }
  return out;
}

SeedRows infer_seed(CsvFile file, std::vector<std::string> const& text_columns) {
  SeedRows out;
  out.cells.resize(file.cells.size());
  for (std::size_t column = 0; column < file.names.size(); ++column) {
    bool const is_text = std::find(text_columns.begin(), text_columns.end(), file.names[column]) != text_columns.end();
    out.columns.push_back(infer_column(file, column, is_text, out));
  }
  out.file = std::move(file);
  return out;
}

}  // namespace weir::build
