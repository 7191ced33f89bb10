#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace weir {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

struct Unit {
  std::string_view name;
  double factor;
};

// A non-negative number followed by a unit of `units` ("" is allowed if it is among them).
std::optional<double> parse_with_unit(std::string_view text, std::span<Unit const> units) {
  text = trim(text);
  double number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  std::string_view const unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  for (auto const& known : units)
    if (known.name == unit) return number * known.factor;
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1), above(b.size() + 1), above2(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    above2.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      row[k] = std::min({above[k] + 1, row[k - 1] + 1, above[k - 1] + (a[i - 1] == b[k - 1] ? 0U : 1U)});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) row[k] = std::min(row[k], above2[k - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  auto const begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    auto const at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(std::span<std::string const> parts, std::string_view separator) {
  std::string out;
  for (auto const& part : parts) {
    if (&part != parts.data()) out += separator;
    out += part;
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string indent(std::string_view text, std::size_t spaces) {
  std::string const pad(spaces, ' ');
  std::string out = pad;
  for (char c : text) {
    out += c;
    if (c == '\n') out += pad;
  }
  return out;
}

std::optional<std::int64_t> parse_int(std::string_view text) {
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 9> kUnits{{{"us", 1.0},
                                               {"ms", 1e3},
                                               {"s", 1e6},
                                               {"sec", 1e6},
                                               {"m", 60e6},
                                               {"min", 60e6},
                                               {"h", 3600e6},
                                               {"d", 86400e6},
                                               {"w", 604800e6}}};
  auto const us = parse_with_unit(text, kUnits);
  if (!us || *us > 9e18) return std::nullopt;
  return std::chrono::microseconds(std::llround(*us));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 11> kUnits{{{"", 1.0},
                                                {"B", 1.0},
                                                {"kB", 1e3},
                                                {"KB", 1e3},
                                                {"MB", 1e6},
                                                {"GB", 1e9},
                                                {"TB", 1e12},
                                                {"KiB", 1024.0},
                                                {"MiB", 1048576.0},
                                                {"GiB", 1073741824.0},
                                                {"TiB", 1099511627776.0}}};
  auto const bytes = parse_with_unit(text, kUnits);
  if (!bytes || *bytes > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*bytes));
}

std::optional<double> parse_percent(std::string_view text) {
  static constexpr std::array<Unit, 1> kUnits{{{"%", 0.01}}};
  return parse_with_unit(text, kUnits);
}

std::string format_count(std::uint64_t n) {
  std::string out = std::to_string(n);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string format_duration(std::chrono::microseconds time) {
  double const us = static_cast<double>(time.count());
  if (us < 1e3) return fmt::format("{:.0f} us", us);
  if (us < 10e3) return fmt::format("{:.1f} ms", us / 1e3);
  if (us < 1e6) return fmt::format("{:.0f} ms", us / 1e3);
  if (us < 60e6) return fmt::format("{:.1f} s", us / 1e6);
  auto const seconds = static_cast<long long>(us / 1e6);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds % 86400 / 3600);
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<char const*, 6> kNames{"B", "kB", "MB", "GB", "TB", "PB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1000 && unit + 1 < kNames.size()) {
    amount /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kNames[unit]);
}

std::string plural(std::uint64_t n, std::string_view one) {
  std::string text = fmt::format("{} {}", format_count(n), one);
  if (n == 1) return text;
  if (one.ends_with("y") && one.size() > 1 &&
      std::string_view("aeiou").find(one[one.size() - 2]) == std::string_view::npos)
    return text.substr(0, text.size() - 1) + "ies";
  return text + (one.ends_with("x") || one.ends_with("s") ? "es" : "s");
}

std::vector<std::string> nearest(std::string_view typed, std::span<std::string const> known, std::size_t most) {
  std::string const want = to_lower(typed);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (auto const& name : known) {
    std::size_t const distance = edit_distance(want, to_lower(name));
    bool const likely = distance <= std::max<std::size_t>(1, std::min(want.size(), name.size()) / 3);
    if (likely || (want.size() >= 3 && starts_with_ignoring_case(name, want))) near.emplace_back(distance, name);
  }
  std::stable_sort(near.begin(), near.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < near.size() && i < most; ++i) names.push_back(near[i].second);
  return names;
}

std::string did_you_mean(std::string_view typed, std::span<std::string const> known) {
  auto const names = nearest(typed, known);
  if (names.empty()) return {};
  std::string out = "did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += '"' + names[i] + '"';
  }
  return out + "?";
}

bool is_utf8(std::string_view text) {
  auto const* at = reinterpret_cast<unsigned char const*>(text.data());
  auto const* const end = at + text.size();
  while (at < end) {
    unsigned const c = *at++;
    if (c < 0x80) continue;
    int more = 0;
    unsigned least = 0, code = 0;
    if (c >= 0xC2 && c <= 0xDF) {
      more = 1, least = 0x80, code = c & 0x1F;
    } else if (c >= 0xE0 && c <= 0xEF) {
      more = 2, least = 0x800, code = c & 0x0F;
    } else if (c >= 0xF0 && c <= 0xF4) {
      more = 3, least = 0x10000, code = c & 0x07;
    } else {
      return false;
    }
    for (; more > 0; --more) {
      if (at == end || (*at & 0xC0) != 0x80) return false;
      code = code << 6 | (*at++ & 0x3FU);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
  }
  return true;
}

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace weir
