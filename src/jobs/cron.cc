#include "jobs/cron.h"

#include <algorithm>
#include <bit>
#include <span>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::jobs {
namespace chrono = std::chrono;

namespace {

struct FieldRule {
  std::string_view name;
  int least, most;
  std::span<std::string_view const> names;  // of least, least + 1, ...
  std::string_view allowed;
};

constexpr std::string_view kMonths[] = {"JANUARY", "FEBRUARY", "MARCH",     "APRIL",   "MAY",      "JUNE",
                                        "JULY",    "AUGUST",   "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"};
constexpr std::string_view kWeekdays[] = {"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"};
constexpr std::array<FieldRule, 5> kRules{{
    {"minute", 0, 59, {}, "minutes go from 0 to 59: 30, 0,30, 10-20 or */15"},
    {"hour", 0, 23, {}, "hours go from 0 to 23: 2, 7,19, 9-17 or */2"},
    {"day of month", 1, 31, {}, "days of the month go from 1 to 31, and L is the last one: 1, 1,15, 1-7 or L"},
    {"month", 1, 12, kMonths, "months go from 1 to 12, or JAN to DEC: 1, JAN,JUL, 3-5 or */3"},
    {"day of week", 0, 7, kWeekdays,
     "days of the week go from 0 to 7 (0 and 7 are Sunday), or SUN to SAT: 1-5, MON,THU, MON#2 (the second) or FRIL "
     "(the "
     "last)"},
}};
constexpr std::string_view kQuartzWeekdays =
    "with ? and seconds, days of the week go from 1 (Sunday) to 7 (Saturday), or SUN to SAT: MON-FRI, MON#2 or FRIL";

struct Nickname {
  std::string_view name, fields;
};
constexpr std::array<Nickname, 7> kNicknames{{{"@hourly", "0 * * * *"},
                                              {"@daily", "0 0 * * *"},
                                              {"@midnight", "0 0 * * *"},
                                              {"@weekly", "0 0 * * 0"},
                                              {"@monthly", "0 0 1 * *"},
                                              {"@yearly", "0 0 1 1 *"},
                                              {"@annually", "0 0 1 1 *"}}};
constexpr std::size_t kMostBytes = 500;

bool has_bit(std::uint64_t set, unsigned bit) {
  return (set >> bit & 1U) != 0;
}

std::uint64_t full_set(FieldRule const& rule) {
  std::uint64_t set = 0;
  for (int value = rule.least; value <= rule.most; ++value) set |= std::uint64_t{1} << value;
  return set;
}

unsigned last_day_of(chrono::year_month month) {
  return unsigned(chrono::year_month_day_last(month.year(), chrono::month_day_last(month.month())).day());
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \t\r\n", at)) != std::string_view::npos;) {
    auto const end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Error cannot_read(std::string_view text, std::string_view why) {
  return Error(ErrorKind::Config, fmt::format("cannot read schedule \"{}\": {}", text, why));
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- parsing

class Cron::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Cron> parse() {
    if (text_.size() > kMostBytes)
      return Error(ErrorKind::Config, fmt::format("cannot read a schedule of {} characters", text_.size()))
          .next("write five fields: minute, hour, day of month, month, day of week");
    std::vector<std::string> words = words_of(text_);
    if (!words.empty() && words[0][0] == '@') {
      WEIR_TRY(words, nickname(words));
    } else {
      WEIR_DO(take_quartz(words));
    }
    if (words.size() != 5) return wrong_count(words);
    Cron cron;
    for (std::size_t i = 0; i < 5; ++i) {
      WEIR_TRY(cron.fields_[i], field(i, words[i]));
    }
    if (!cron.ever_comes())
      return cannot_read(text_, "no such day ever comes")
          .next("correct the day of month, the month or the day of week");
    return cron;
  }

 private:
  Result<std::vector<std::string>> nickname(std::vector<std::string> const& words) const {
    std::vector<std::string> known;
    for (auto const& nick : kNicknames) {
      if (words.size() == 1 && equals_ignoring_case(words[0], nick.name)) return words_of(nick.fields);
      known.emplace_back(nick.name);
    }
    std::string const near = words.size() == 1 ? did_you_mean(words[0], known) : "";
    return cannot_read(text_, words.size() == 1 ? fmt::format("\"{}\" is no name of a schedule", words[0])
                                                : "a name stands alone")
        .next(near.empty() ? fmt::format("write one of {}, @every with a duration, or five fields", join(known, ", "))
                           : near);
  }

  // Six or seven fields with a `?`: to five, in which `?` is `*`.
  Status take_quartz(std::vector<std::string>& words) {
    bool const asks = std::count(words.begin(), words.end(), "?") > 0;
    if (!asks || (words.size() != 6 && words.size() != 7)) return {};
    if (parse_int(words[0]) != 0)
      return cannot_read(text_, fmt::format("the second is \"{}\"", words[0]))
          .next("write 0 as the second: schedules are whole minutes");
    if (words.size() == 7 && words[6] != "*" && words[6] != "?")
      return cannot_read(text_, fmt::format("the year is \"{}\"", words[6]))
          .next("leave the year away: schedules are for every year");
    words.erase(words.begin());
    words.resize(5);
    for (std::size_t const i : {std::size_t(kDay), std::size_t(kWeekday)})
      if (words[i] == "?") words[i] = "*";
    is_quartz_ = true;
    return {};
  }

  Error wrong_count(std::vector<std::string> const& words) const {
    auto error = cannot_read(text_, fmt::format("it has {}", plural(words.size(), "field")));
    if (words.size() == 6 || words.size() == 7)
      return std::move(error).next(fmt::format(
          "write five fields, without seconds and year: \"{} {} {} {} {}\"; Quartz's form has a ? in one of its days",
          words[1], words[2], words[3], words[4], words[5]));
    return std::move(error).next(
        "write five fields: minute, hour, day of month, month, day of week, as in \"30 2 * * *\"");
  }

  Error wrong(std::size_t at, std::string_view why, std::string next = {}) const {
    bool const shifted = is_quartz_ && at == kWeekday;
    return cannot_read(text_, fmt::format("{}: {}", kRules[at].name, why))
        .next(!next.empty() ? std::move(next) : std::string(shifted ? kQuartzWeekdays : kRules[at].allowed));
  }

  Result<Field> field(std::size_t at, std::string const& text) const {
    Field field;
    for (auto const& part : split(text, ',')) {
      WEIR_TRY(Item const item, this->item(at, part));
      if (item.kind == Kind::Range || item.kind == Kind::Star)
        for (int value = item.first; value <= item.last; value += item.step)
          field.set |= std::uint64_t{1} << (at == kWeekday ? value % 7 : value);
      field.items.push_back(item);
    }
    return field;
  }

  Result<Item> item(std::size_t at, std::string_view text) const {
    if (text.empty()) return wrong(at, "a part of the list is empty");
    if (text == "?") return wrong(at, "? belongs to Quartz's form", "write *");
    if (at == kDay && starts_with_ignoring_case(text, "L")) return last_day(text);
    if (at == kDay && (text.back() == 'W' || text.back() == 'w'))
      return wrong(at, fmt::format("\"{}\", the nearest working day, is not supported", text));
    if (at == kWeekday && text.find('#') != std::string_view::npos) return nth_weekday(text);
    if (at == kWeekday && (text.back() == 'L' || text.back() == 'l')) return last_weekday(text);
    return range(at, text);
  }

  Result<Item> last_day(std::string_view text) const {
    if (text.size() > 1) return wrong(kDay, fmt::format("\"{}\" is not supported: only L alone is", text));
    return Item{Kind::LastDay};
  }

  Result<Item> last_weekday(std::string_view text) const {
    text.remove_suffix(1);
    if (text.empty() && is_quartz_) return Item{Kind::Range, 6, 6, 1};
    if (text.empty()) return wrong(kWeekday, "L alone names no day");
    WEIR_TRY(int const day, value(kWeekday, text));
    return Item{Kind::LastWeekday, day % 7, 0, 1};
  }

  Result<Item> nth_weekday(std::string_view text) const {
    auto const hash = text.find('#');
    WEIR_TRY(int const day, value(kWeekday, text.substr(0, hash)));
    auto const which = parse_int(text.substr(hash + 1));
    if (!which || *which < 1 || *which > 5)
      return wrong(kWeekday, fmt::format("\"{}\" is not one of the five of a month", text.substr(hash)));
    return Item{Kind::NthWeekday, day % 7, static_cast<int>(*which), 1};
  }

  // `*`, 5, 1-5, each with a step or without.
  Result<Item> range(std::size_t at, std::string_view text) const {
    auto const& rule = kRules[at];
    auto const slash = text.find('/');
    std::string_view const body = text.substr(0, slash);
    Item item{body == "*" ? Kind::Star : Kind::Range, rule.least, at == kWeekday ? 6 : rule.most, 1};
    if (item.kind == Kind::Range) {
      auto const dash = body.find('-');
      WEIR_TRY(item.first, value(at, body.substr(0, dash)));
      if (dash != std::string_view::npos) {
        WEIR_TRY(item.last, value(at, body.substr(dash + 1)));
        if (at == kWeekday && item.last == 0 && item.first > 0) item.last = 7;  // FRI-SUN
        if (at == kWeekday && item.first == 7 && item.last < 7) item.first = 0;
      } else if (slash == std::string_view::npos) {
        item.last = item.first;
      } else if (at == kWeekday) {
        item.first %= 7;
      }
      if (item.last < item.first) return backwards(at, body, item);
    }
    if (slash != std::string_view::npos) {
      WEIR_TRY(item.step, step(at, text.substr(slash + 1)));
    }
    // What has one value only is that value.
    if (item.kind == Kind::Range && item.first + item.step > item.last) item.last = item.first;
    if (item.first == item.last) item.step = 1;
    if (at == kWeekday && item.first == item.last) item.first = item.last = item.first % 7;
    return item;
  }

  Error backwards(std::size_t at, std::string_view text, Item const& item) const {
    auto const& rule = kRules[at];
    int const shift = is_quartz_ && at == kWeekday ? 1 : 0;
    int const most = at == kWeekday ? 6 : rule.most;
    return wrong(at, fmt::format("range \"{}\" ends before it begins", text),
                 fmt::format("write it as two: {}-{},{}-{}", item.first + shift, most + shift, rule.least + shift,
                             item.last + shift));
  }

  Result<int> step(std::size_t at, std::string_view text) const {
    int const most = at == kWeekday ? 7 : kRules[at].most - kRules[at].least + 1;
    auto const step = parse_int(text);
    if (step && *step > most && at <= kHour)
      return wrong(
          at, fmt::format("step {} is more than the {} of its field", *step, most),
          fmt::format("write @every {}{} for what is not bound to the clock", *step, at == kMinute ? "min" : "h"));
    if (!step || *step < 1 || *step > most)
      return wrong(at, fmt::format("\"{}\" is no step", text), fmt::format("steps go from 1 to {}", most));
    return static_cast<int>(*step);
  }

  // A number, or a name of the field.
  Result<int> value(std::size_t at, std::string_view text) const {
    auto const& rule = kRules[at];
    int const shift = is_quartz_ && at == kWeekday ? 1 : 0;
    if (auto const number = parse_int(text)) {
      if (*number < rule.least + shift || *number > rule.most)
        return wrong(at, fmt::format("{} is out of range", *number));
      return static_cast<int>(*number) - shift;
    }
    std::vector<std::string> known;
    for (std::size_t i = 0; i < rule.names.size(); ++i) {
      std::string_view const name = rule.names[i];
      if (equals_ignoring_case(text, name) || equals_ignoring_case(text, name.substr(0, 3)))
        return rule.least + static_cast<int>(i);
      known.emplace_back(name.substr(0, 3));
      known.emplace_back(name);
    }
    return wrong(at, text.empty() ? "a value is missing" : fmt::format("\"{}\" is no value", text),
                 did_you_mean(text, known));
  }

  std::string_view text_;
  bool is_quartz_ = false;
};

Result<Cron> Cron::parse(std::string_view text) {
  return Parser(trim(text)).parse();
}

// ---------------------------------------------------------------------------------------------------------------- text

std::string Cron::to_text() const {
  std::string out;
  for (auto const& field : fields_) {
    if (!out.empty()) out += ' ';
    for (auto const& item : field.items) {
      if (&item != field.items.data()) out += ',';
      switch (item.kind) {
        case Kind::LastDay:
          out += 'L';
          break;
        case Kind::LastWeekday:
          out += fmt::format("{}L", item.first);
          break;
        case Kind::NthWeekday:
          out += fmt::format("{}#{}", item.first, item.last);
          break;
        case Kind::Star:
          out += '*';
          break;
        case Kind::Range:
          out += item.first == item.last ? fmt::format("{}", item.first) : fmt::format("{}-{}", item.first, item.last);
          break;
      }
      if (item.step > 1) out += fmt::format("/{}", item.step);
    }
  }
  return out;
}

std::vector<std::string> Cron::warnings() const {
  std::vector<std::string> warnings;
  auto const& day = fields_[kDay];
  auto const& weekday = fields_[kWeekday];
  bool const any_day = day.has_star() && day.set == full_set(kRules[kDay]);
  bool const any_weekday = weekday.has_star() && weekday.set == 0x7F;
  if (!day.has_star() && !weekday.has_star()) {
    warnings.emplace_back("day of month and day of week are both given: it runs on days that match either, as in cron");
  } else if (!any_day && !any_weekday) {
    warnings.emplace_back("one of the day fields has a *: it runs on days that match both, as in cron");
  }
  bool is_missing = false;
  for (int month = 1; month <= 12; ++month)
    is_missing = is_missing || !missing_days(chrono::year(2027) / month).empty();
  if (is_missing)
    warnings.emplace_back("a month that does not have the day has no run; L is the last day of every month");
  for (std::size_t const at : {std::size_t(kMinute), std::size_t(kHour)})
    for (auto const& item : fields_[at].items) {
      int const all = kRules[at].most + 1;
      if (item.kind != Kind::Star || all % item.step == 0) continue;
      warnings.push_back(fmt::format("{} */{} begins anew at 0: the last of its steps is shorter; @every {}{} is not",
                                     kRules[at].name, item.step, item.step, at == kMinute ? "min" : "h"));
    }
  return warnings;
}

// ------------------------------------------------------------------------------------------------------------ calendar

bool Cron::Field::has_star() const {
  return std::any_of(items.begin(), items.end(), [](Item const& item) { return item.kind == Kind::Star; });
}

bool Cron::follows_clock() const {
  auto const& minute = fields_[kMinute];
  if (fields_[kHour].set == full_set(kRules[kHour])) return true;
  return std::any_of(minute.items.begin(), minute.items.end(),
                     [](Item const& item) { return item.first + item.step <= item.last; });
}

std::vector<unsigned> Cron::missing_days(chrono::year_month month) const {
  std::vector<unsigned> days;
  if (!has_bit(fields_[kMonth].set, unsigned(month.month()))) return days;
  for (auto const& item : fields_[kDay].items)
    if (item.kind == Kind::Range && item.first == item.last && unsigned(item.first) > last_day_of(month))
      days.push_back(unsigned(item.first));
  return days;
}

bool Cron::day_of_week_matches(chrono::year_month_day date) const {
  unsigned const weekday = chrono::weekday(chrono::sys_days(date)).c_encoding();
  unsigned const day = unsigned(date.day());
  unsigned const last = last_day_of({date.year(), date.month()});
  auto const& field = fields_[kWeekday];
  return has_bit(field.set, weekday) || std::any_of(field.items.begin(), field.items.end(), [&](Item const& item) {
           if (unsigned(item.first) != weekday) return false;
           if (item.kind == Kind::NthWeekday) return (day - 1) / 7 + 1 == unsigned(item.last);
           return item.kind == Kind::LastWeekday && day + 7 > last;
         });
}

bool Cron::day_matches(chrono::year_month_day date) const {
  if (!has_bit(fields_[kMonth].set, unsigned(date.month()))) return false;
  auto const& field = fields_[kDay];
  bool by_month = has_bit(field.set, unsigned(date.day()));
  for (auto const& item : field.items)
    by_month |= item.kind == Kind::LastDay && unsigned(date.day()) == last_day_of({date.year(), date.month()});
  bool const by_week = day_of_week_matches(date);
  return field.has_star() || fields_[kWeekday].has_star() ? by_month && by_week : by_month || by_week;
}

bool Cron::matches(LocalMinute time) const {
  auto const day = chrono::floor<chrono::days>(time);
  auto const minute = static_cast<unsigned>((time - day).count());
  return has_bit(fields_[kHour].set, minute / 60) && has_bit(fields_[kMinute].set, minute % 60) &&
         day_matches(chrono::year_month_day(day));
}

// The calendar comes again after 28 years, as long as no century lies between.
bool Cron::ever_comes() const {
  constexpr chrono::sys_days kBegin = chrono::year(2000) / 1 / 1, kEnd = chrono::year(2028) / 1 / 1;
  for (auto day = kBegin; day < kEnd; day += chrono::days(1))
    if (day_matches(day)) return true;
  return false;
}

std::optional<LocalMinute> Cron::first(LocalMinute from) const {
  constexpr chrono::local_days kBegin(chrono::year(1) / 1 / 1), kEnd(chrono::year(10000) / 1 / 1);
  if (from >= kEnd) return std::nullopt;
  from = std::max<LocalMinute>(from, kBegin);
  auto day = chrono::floor<chrono::days>(from);
  auto earliest = static_cast<unsigned>((from - day).count());  // minute of the day
  while (day < kEnd) {
    chrono::year_month_day const date(day);
    if (!has_bit(fields_[kMonth].set, unsigned(date.month()))) {
      day = chrono::local_days((date.year() / date.month() + chrono::months(1)) / 1);
      earliest = 0;
      continue;
    }
    if (day_matches(date)) {
      for (unsigned hour = earliest / 60; hour < 24; ++hour) {
        if (!has_bit(fields_[kHour].set, hour)) continue;
        unsigned const begin = hour * 60 >= earliest ? 0 : earliest % 60;
        std::uint64_t const left = fields_[kMinute].set >> begin << begin;
        if (left != 0) return day + chrono::minutes(hour * 60 + static_cast<unsigned>(std::countr_zero(left)));
      }
    }
    day += chrono::days(1);
    earliest = 0;
  }
  return std::nullopt;
}

}  // namespace weir::jobs
