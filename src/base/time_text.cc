#include "base/time_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

namespace weir {
namespace {

std::tm parts_of(Instant at) {
  std::time_t const seconds =
      static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string text_of(Instant at, char between) {
  auto const parts = parts_of(at);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     between, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

std::string utc_text(Instant at) {
  return text_of(at, ' ');
}

std::string utc_text_ms(Instant at) {
  auto const ms = std::chrono::floor<std::chrono::milliseconds>(at).time_since_epoch().count() % 1000;
  return fmt::format("{}.{:03}", text_of(at, ' '), (ms + 1000) % 1000);
}

std::string compact_time(Instant at) {
  std::string text = iso_text(at);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string iso_text(Instant at) {
  return text_of(at, 'T') + "Z";
}

std::optional<Instant> parse_utc(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, read = 0;
  std::string const all(text);
  char between = ' ';
  int const parts = std::sscanf(all.c_str(), "%4d-%2d-%2d%n%c%2d:%2d:%2d%n", &year, &month, &day, &read, &between,
                                &hour, &minute, &second, &read);
  bool const is_day = parts == 3, is_time = parts == 7 && (between == ' ' || between == 'T');
  std::string_view rest = text.substr(std::min(text.size(), static_cast<std::size_t>(read)));
  std::int64_t fraction = 0;
  if (is_time && rest.starts_with('.')) {
    std::size_t digits = 0;
    for (rest.remove_prefix(1); !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1))
      if (++digits <= 6) fraction = fraction * 10 + (rest.front() - '0');
    for (; digits < 6; ++digits) fraction *= 10;
  }
  std::chrono::year_month_day const date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if ((!is_day && !is_time) || !rest.empty() || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59)
    return std::nullopt;
  return Instant(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + Duration(fraction);
}

}  // namespace weir
