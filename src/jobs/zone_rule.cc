#include "jobs/zone_rule.h"

#include <algorithm>
#include <array>

namespace weir::jobs {
namespace chrono = std::chrono;

// Reads from the front of the text; what is not there is noted, and reading goes on.
class ZoneRule::Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<ZoneRule> parse() {
    name();
    auto const standard = -time();  // POSIX counts to the west
    name();
    auto const saving = starts_with(',') ? standard + chrono::hours(1) : -time();
    ZoneRule rule;
    rule.changes_[0] = change(standard, saving);
    rule.changes_[1] = change(saving, standard);
    if (!is_right_ || !rest_.empty()) return std::nullopt;
    return rule;
  }

 private:
  bool starts_with(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { is_right_ &= take(c); }

  // CET, <+01>
  void name() {
    bool const is_quoted = take('<');
    auto const end = rest_.find_first_of(is_quoted ? ">" : "+-,0123456789");
    is_right_ &= end != std::string_view::npos && end >= 3;
    rest_.remove_prefix(std::min(end, rest_.size()));
    if (is_quoted) expect('>');
  }

  int number(int most) {
    int value = 0;
    std::size_t digits = 0;
    for (; digits < 3 && digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits)
      value = value * 10 + (rest_[digits] - '0');
    is_right_ &= digits > 0 && value <= most;
    rest_.remove_prefix(digits);
    return value;
  }

  // -3, 12:45, +2:00:00
  chrono::seconds time() {
    bool const is_negative = take('-');
    if (!is_negative) take('+');
    chrono::seconds time = chrono::hours(number(167));
    if (take(':')) time += chrono::minutes(number(59));
    if (take(':')) time += chrono::seconds(number(59));
    return is_negative ? -time : time;
  }

  // ,M10.5.0/3
  Change change(chrono::seconds before, chrono::seconds after) {
    Change change;
    expect(',');
    expect('M');
    change.month = static_cast<unsigned>(number(12));
    expect('.');
    change.week = static_cast<unsigned>(number(5));
    expect('.');
    change.weekday = static_cast<unsigned>(number(6));
    if (take('/')) change.time = time();
    is_right_ &= change.month >= 1 && change.week >= 1;
    change.before = before;
    change.after = after;
    return change;
  }

  std::string_view rest_;
  bool is_right_ = true;
};

std::optional<ZoneRule> ZoneRule::parse(std::string_view text) {
  return Parser(text).parse();
}

Instant ZoneRule::Change::in(chrono::year year) const {
  chrono::weekday const day(weekday);
  auto const date = week == 5 ? chrono::sys_days(year / static_cast<int>(month) / day[chrono::last])
                              : chrono::sys_days(year / static_cast<int>(month) / day[week]);
  return date + time - before;
}

ZonePeriod ZoneRule::period(Instant at) const {
  auto const year = chrono::year_month_day(chrono::floor<chrono::days>(at)).year();
  struct Turn {
    Instant at;
    chrono::seconds after;
  };
  std::array<Turn, 10>
      turns;  // of the years around: some lie before and some behind, however far a time is from its day
  for (std::size_t i = 0; i < turns.size(); ++i) {
    auto const& change = changes_[i % 2];
    turns[i] = {change.in(year + chrono::years(static_cast<int>(i / 2) - 2)), change.after};
  }
  std::sort(turns.begin(), turns.end(), [](Turn const& a, Turn const& b) { return a.at < b.at; });
  auto const next =
      std::upper_bound(turns.begin(), turns.end(), at, [](Instant t, Turn const& turn) { return t < turn.at; });
  return {(next - 1)->at, next->at, (next - 1)->after};
}

}  // namespace weir::jobs
