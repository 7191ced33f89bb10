#pragma once
// Small functions on text. Pure; any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

std::string_view trim(std::string_view text);                           // ASCII white space at both ends
std::vector<std::string> split(std::string_view text, char separator);  // "a,,b" gives three parts
std::string join(std::span<std::string const> parts, std::string_view separator);
std::string to_lower(std::string_view text);  // ASCII only
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
bool equals_ignoring_case(std::string_view a, std::string_view b);  // ASCII only
std::string replace_all(std::string text, std::string_view from, std::string_view to);
std::string indent(std::string_view text, std::size_t spaces);

constexpr bool is_digit(char c) {  // ASCII only
  return c >= '0' && c <= '9';
}
// Whole text as a decimal number, or nothing.
std::optional<std::int64_t> parse_int(std::string_view text);

// "30s", "15min", "6h", "2d", "500ms" / "64MiB", "2GiB", "10MB", "512" (bytes) / "50%" as a fraction 0.5. Nothing if
// wrong.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_size(std::string_view text);
std::optional<double> parse_percent(std::string_view text);

// For people: 1,234,567 / "1.2 s", "340 ms", "6 min 12 s" / "1.5 MB" / "1 table", "2 tables".
std::string format_count(std::uint64_t n);
std::string format_duration(std::chrono::microseconds time);
std::string format_bytes(std::uint64_t bytes);
std::string plural(std::uint64_t n, std::string_view one);

// Up to `most` of `known` that are nearest to `typed` (edit distance, ASCII case ignored), best first; only those near
// enough to be a likely typing error.
std::vector<std::string> nearest(std::string_view typed, std::span<std::string const> known, std::size_t most = 3);
// `did you mean "a" or "b"?`, or empty.
std::string did_you_mean(std::string_view typed, std::span<std::string const> known);

// True if `text` is well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

// `*` and `?` as in a shell, case-sensitive, whole text.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace weir
