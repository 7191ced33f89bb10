#include "project/data.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace weir::project {
namespace {

Data const kNone;
std::string const kNoText;
Data::List const kNoItems;
Data::Dict const kNoPairs;

// One character of UTF-8 at `at`; moves on. What is not UTF-8 comes back byte by byte.
char32_t take_character(std::string_view text, std::size_t& at) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const first = byte(at);
  std::size_t const length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0x80 || at + length > text.size()) return byte(at++);
  char32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte(at + i) & 0x3FU);
  at += length;
  return code;
}

// What Python's repr() escapes although it is not ASCII: controls, spaces other than ' ', and what only formats.
bool is_unprintable(char32_t c) {
  return (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x1680 || (c >= 0x2000 && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202F) || (c >= 0x205F && c <= 0x206F) || c == 0x3000 || c == 0xFEFF ||
         (c >= 0xD800 && c <= 0xF8FF) || (c >= 0xFFF0 && c <= 0xFFFB);
}

}  // namespace

Data::Data(List items) : kind_(Kind::List), scalar_(std::make_shared<List const>(std::move(items))) {}
Data::Data(Dict pairs) : kind_(Kind::Dict), scalar_(std::make_shared<Dict const>(std::move(pairs))) {}

Data Data::date(std::string iso) {
  Data made(std::move(iso));
  made.kind_ = Kind::Date;
  return made;
}

Data Data::strings(std::vector<std::string> const& texts) {
  List items;
  items.reserve(texts.size());
  for (auto const& one : texts) items.emplace_back(one);
  return items;
}

bool Data::truth() const {
  switch (kind_) {
    case Kind::None:
      return false;
    case Kind::Bool:
    case Kind::Int:
      return std::get<std::int64_t>(scalar_) != 0;
    case Kind::Float:
      return std::get<double>(scalar_) != 0;
    case Kind::String:
      return !text().empty();
    case Kind::Date:
      return true;
    case Kind::List:
      return !items().empty();
    case Kind::Dict:
      return !pairs().empty();
  }
  return false;
}

double Data::number() const {
  return kind_ == Kind::Float ? std::get<double>(scalar_) : static_cast<double>(integer());
}

std::string const& Data::text() const {
  return kind_ == Kind::String || kind_ == Kind::Date ? std::get<std::string>(scalar_) : kNoText;
}

Data::List const& Data::items() const {
  return kind_ == Kind::List ? *std::get<std::shared_ptr<List const>>(scalar_) : kNoItems;
}

Data::Dict const& Data::pairs() const {
  return kind_ == Kind::Dict ? *std::get<std::shared_ptr<Dict const>>(scalar_) : kNoPairs;
}

Data const* Data::find(std::string_view key) const {
  return project::find(pairs(), key);
}

Data const& Data::operator[](std::string_view key) const {
  auto const* found = find(key);
  return found == nullptr ? kNone : *found;
}

std::string Data::str() const {
  if (kind_ == Kind::String) return text();
  if (kind_ != Kind::Date) return repr();
  std::string shown = text();  // a datetime prints with a space
  if (auto const t = shown.find('T'); t != std::string::npos) shown[t] = ' ';
  return shown;
}

std::string Data::repr() const {
  switch (kind_) {
    case Kind::None:
      return "None";
    case Kind::Bool:
      return boolean() ? "True" : "False";
    case Kind::Int:
      return std::to_string(integer());
    case Kind::Float:
      return float_repr(std::get<double>(scalar_));
    case Kind::String:
      return text_repr(text());
    case Kind::Date:
      return str();
    case Kind::List: {
      std::string out = "[";
      for (auto const& item : items()) out += (out.size() > 1 ? ", " : "") + item.repr();
      return out + "]";
    }
    case Kind::Dict: {
      std::string out = "{";
      for (auto const& [key, value] : pairs())
        out += (out.size() > 1 ? ", " : "") + text_repr(key) + ": " + value.repr();
      return out + "}";
    }
  }
  return {};
}

std::vector<std::string> Data::texts() const {
  std::vector<std::string> out;
  for (auto const& item : items()) out.push_back(item.str());
  if (kind_ != Kind::List && kind_ != Kind::None && kind_ != Kind::Dict) out.push_back(str());
  return out;
}

bool Data::operator==(Data const& other) const {
  auto const numeric = [](Data const& one) {
    return one.kind_ == Kind::Bool || one.kind_ == Kind::Int || one.kind_ == Kind::Float;
  };
  if (numeric(*this) && numeric(other))
    return kind_ == Kind::Float || other.kind_ == Kind::Float ? number() == other.number()
                                                              : integer() == other.integer();
  if (kind_ != other.kind_) return false;
  if (kind_ == Kind::List) return items() == other.items();
  if (kind_ != Kind::Dict) return scalar_ == other.scalar_;
  if (pairs().size() != other.pairs().size()) return false;  // the order of keys does not count, as in Python
  return std::all_of(pairs().begin(), pairs().end(), [&](Pair const& pair) {
    auto const* there = other.find(pair.first);
    return there != nullptr && *there == pair.second;
  });
}

Data const* find(Data::Dict const& pairs, std::string_view key) {
  for (auto const& [name, value] : pairs)
    if (name == key) return &value;
  return nullptr;
}

Data* find(Data::Dict& pairs, std::string_view key) {
  for (auto& [name, value] : pairs)
    if (name == key) return &value;
  return nullptr;
}

void set(Data::Dict& pairs, std::string_view key, Data value) {
  if (auto* there = find(pairs, key); there != nullptr) {
    *there = std::move(value);
  } else {
    pairs.emplace_back(std::string(key), std::move(value));
  }
}

bool erase(Data::Dict& pairs, std::string_view key) {
  auto const at = std::find_if(pairs.begin(), pairs.end(), [&](auto const& pair) { return pair.first == key; });
  if (at == pairs.end()) return false;
  pairs.erase(at);
  return true;
}

void update(Data::Dict& pairs, Data::Dict const& with) {
  for (auto const& [key, value] : with) set(pairs, key, value);
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto const c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, at - plain);
    plain = at + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += fmt::format("\\u{:04x}", c);
    }
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

void append_json(std::string& out, Data const& data, KeyOrder order) {
  switch (data.kind()) {
    case Data::Kind::None:
      out += "null";
      return;
    case Data::Kind::Bool:
      out += data.boolean() ? "true" : "false";
      return;
    case Data::Kind::Int:
      out += std::to_string(data.integer());
      return;
    case Data::Kind::Float:
      if (std::isfinite(data.number())) {
        out += float_repr(data.number());
      } else {
        out += std::isnan(data.number()) ? "NaN" : data.number() > 0 ? "Infinity" : "-Infinity";
      }
      return;
    case Data::Kind::String:
    case Data::Kind::Date:
      append_json_text(out, data.text());
      return;
    case Data::Kind::List: {
      out += '[';
      bool first = true;
      for (auto const& item : data.items()) {
        if (!first) out += ", ";
        first = false;
        append_json(out, item, order);
      }
      out += ']';
      return;
    }
    case Data::Kind::Dict: {
      std::vector<Data::Pair const*> pairs;
      pairs.reserve(data.pairs().size());
      for (auto const& pair : data.pairs()) pairs.push_back(&pair);
      if (order == KeyOrder::Sorted)
        std::sort(pairs.begin(), pairs.end(), [](auto const* a, auto const* b) { return a->first < b->first; });
      out += '{';
      bool first = true;
      for (auto const* pair : pairs) {
        if (!first) out += ", ";
        first = false;
        append_json_text(out, pair->first);
        out += ": ";
        append_json(out, pair->second, order);
      }
      out += '}';
      return;
    }
  }
}

std::string text_repr(std::string_view text) {
  bool const double_quoted = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  char const quote = double_quoted ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const begin = at;
    char32_t const c = take_character(text, at);
    if (c == static_cast<char32_t>(quote) || c == U'\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == U'\n') {
      out += "\\n";
    } else if (c == U'\r') {
      out += "\\r";
    } else if (c == U'\t') {
      out += "\\t";
    } else if (c < 0x20 || is_unprintable(c)) {
      auto const code = static_cast<std::uint32_t>(c);
      out += code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
    } else {
      out.append(text, begin, at - begin);
    }
  }
  out += quote;
  return out;
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view const shortest(buffer, static_cast<std::size_t>(end - buffer));
  auto const e = shortest.find('e');
  int exponent = 0;
  auto const digits_of_exponent = shortest.substr(shortest[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(digits_of_exponent.data(), digits_of_exponent.data() + digits_of_exponent.size(), exponent);
  if (exponent < -4 || exponent >= 16)
    return std::string(shortest.substr(0, e)) + fmt::format("e{}{:02}", exponent < 0 ? "-" : "+", std::abs(exponent));
  char fixed[64];
  auto const fixed_end = std::to_chars(fixed, fixed + sizeof fixed, value, std::chars_format::fixed).ptr;
  std::string out(fixed, fixed_end);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

}  // namespace weir::project
