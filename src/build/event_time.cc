#include "build/event_time.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"
#include "project/yaml_data.h"

namespace weir::build {
namespace {

namespace chrono = std::chrono;

struct Civil {
  chrono::year_month_day date;
  chrono::microseconds of_day;
};

Civil civil(EventTime time) {
  auto const day = chrono::floor<chrono::days>(time);
  return {chrono::year_month_day(day), time - day};
}

EventTime at(chrono::year_month_day date, chrono::microseconds of_day = {}) {
  return chrono::sys_days(date) + of_day;
}

// So many months later, on the month's last day where it has none of that number.
chrono::year_month_day months_later(chrono::year_month_day date, int count) {
  auto const month = date.year() / date.month() + chrono::months(count);
  auto const last = chrono::year_month_day(month / chrono::last);
  return month / std::min(date.day(), last.day());
}

EventTime shifted(EventTime time, BatchSize size, int count) {
  auto const now = civil(time);
  switch (size) {
    case BatchSize::Hour:
      return time + chrono::hours(count);
    case BatchSize::Day:
      return time + chrono::days(count);
    case BatchSize::Month:
      return at(months_later(now.date, count), now.of_day);
    case BatchSize::Year:
      return at(months_later(now.date, 12 * count), now.of_day);
  }
  return time;
}

Error wrong_sample(std::string_view text) {
  return Error(ErrorKind::Usage, fmt::format("\"--sample\" is no window of time: \"{}\"", text))
      .state("nothing was run")
      .next(
          "write it like --sample '3 days' (hours, days, months, years) or --sample '{start: 2024-01-01, end: "
          "2024-02-01}'");
}

// Further back than any event is nothing that can be counted with.
constexpr std::int64_t kLongestWindowYears = 2000;

std::int64_t a_year_has(BatchSize size) {
  switch (size) {
    case BatchSize::Hour:
      return 8760;
    case BatchSize::Day:
      return 365;
    case BatchSize::Month:
      return 12;
    case BatchSize::Year:
      break;
  }
  return 1;
}

Result<TimeWindow> relative_window(std::string const& text, EventTime now) {
  auto const words = split(text, ' ');
  if (words.size() != 2) return wrong_sample(text);
  auto const count = parse_int(words[0]);
  std::string unit = to_lower(words[1]);
  while (unit.ends_with('s')) unit.pop_back();
  auto const size = batch_size_from(unit);
  if (!count || !size || std::abs(*count / a_year_has(*size)) > kLongestWindowYears) return wrong_sample(text);
  return TimeWindow{shifted(now, *size, -static_cast<int>(*count)), now};
}

}  // namespace

std::optional<BatchSize> batch_size_from(std::string_view name) {
  if (name == "hour") return BatchSize::Hour;
  if (name == "day") return BatchSize::Day;
  if (name == "month") return BatchSize::Month;
  if (name == "year") return BatchSize::Year;
  return std::nullopt;
}

std::optional<EventTime> event_time_from(std::string_view text) {
  auto const part = [text](std::size_t from, std::size_t count) {
    return from + count <= text.size() ? parse_int(text.substr(from, count)) : std::nullopt;
  };
  auto const year = part(0, 4), month = part(5, 2), day = part(8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  chrono::year_month_day const date(chrono::year(static_cast<int>(*year)), chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  std::int64_t fraction = 0;
  if (text.size() > 19 && text[19] == '.') {
    std::string digits(text.substr(20, 6));
    digits.resize(std::min(digits.find_first_not_of("0123456789"), digits.size()));
    digits.resize(6, '0');
    fraction = parse_int(digits).value_or(0);
  }
  return at(date, chrono::hours(part(11, 2).value_or(0)) + chrono::minutes(part(14, 2).value_or(0)) +
                      chrono::seconds(part(17, 2).value_or(0)) + chrono::microseconds(fraction));
}

std::string text_of(EventTime time) {
  auto const now = civil(time);
  chrono::hh_mm_ss const clock(now.of_day);
  std::string const fraction = clock.subseconds().count() == 0 ? "" : fmt::format(".{:06}", clock.subseconds().count());
  return fmt::format("{} {:02}:{:02}:{:02}{}+00:00", label_of(time, BatchSize::Day), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), fraction);
}

std::string label_of(EventTime time, BatchSize size) {
  auto const now = civil(time);
  std::string label = fmt::format("{:04}", static_cast<int>(now.date.year()));
  if (size == BatchSize::Year) return label;
  label += fmt::format("-{:02}", static_cast<unsigned>(now.date.month()));
  if (size == BatchSize::Month) return label;
  label += fmt::format("-{:02}", static_cast<unsigned>(now.date.day()));
  if (size == BatchSize::Day) return label;
  return label + fmt::format("T{:02}", chrono::duration_cast<chrono::hours>(now.of_day).count());
}

EventTime truncate(EventTime time, BatchSize size) {
  auto const now = civil(time);
  switch (size) {
    case BatchSize::Hour:
      return chrono::floor<chrono::hours>(time);
    case BatchSize::Day:
      return chrono::floor<chrono::days>(time);
    case BatchSize::Month:
      return at(now.date.year() / now.date.month() / 1);
    case BatchSize::Year:
      return at(now.date.year() / 1 / 1);
  }
  return time;
}

EventTime next_batch(EventTime begin, BatchSize size, int count) {
  return shifted(begin, size, count);
}

EventTime round_up(EventTime time, BatchSize size) {
  auto const begin = truncate(time, size);
  return begin == time ? time : next_batch(begin, size);
}

Result<TimeWindow> sample_window(std::string const& text, EventTime now) {
  if (!trim(text).starts_with("{")) return relative_window(text, now);
  auto const root = project::read_yaml("--sample", text);
  if (!root.ok() || (*root)->kind != yaml::Kind::Mapping) return wrong_sample(text);
  auto const window = project::to_data(**root);
  auto const start = event_time_from(window["start"].str()), end = event_time_from(window["end"].str());
  if (!start || !end) return wrong_sample(text);
  return TimeWindow{*start, *end};
}

}  // namespace weir::build
