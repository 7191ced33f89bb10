// Cron expressions: what each form names, what is refused and how that is said, and the calendar by brute force.
#include "jobs/cron.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::jobs {
namespace {

namespace chrono = std::chrono;

Cron cron(std::string_view text) {
  auto parsed = Cron::parse(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << (parsed.ok() ? "" : parsed.error().to_text());
  return parsed.ok() ? *parsed : *Cron::parse("* * * * *");
}

LocalMinute minute(int year, int month, int day, int hour = 0, int minute = 0) {
  return chrono::local_days(chrono::year(year) / month / day) + chrono::hours(hour) + chrono::minutes(minute);
}

std::string text_of(LocalMinute time) {
  auto const day = chrono::floor<chrono::days>(time);
  chrono::year_month_day const date(day);
  auto const of_day = (time - day).count();
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()),
                     of_day / 60, of_day % 60);
}

// The first `count` times at or after `from`, as text.
std::vector<std::string> times(std::string_view expression, LocalMinute from, std::size_t count) {
  auto const parsed = cron(expression);
  std::vector<std::string> out;
  for (auto time = parsed.first(from); time && out.size() < count; time = parsed.first(*time + chrono::minutes(1)))
    out.push_back(text_of(*time));
  return out;
}

using Texts = std::vector<std::string>;

TEST(JobsCron, TextIsFiveFieldsOfNumbers) {
  std::pair<std::string_view, std::string_view> const kRows[] = {
      {"30 2 * * *", "30 2 * * *"},
      {"  30\t2  * * * ", "30 2 * * *"},
      {"*/15 9-17 * JAN-mar mon,Friday", "*/15 9-17 * 1-3 1,5"},
      {"0 0 L * 7", "0 0 L * 0"},
      {"0 0 * * FRIL", "0 0 * * 5L"},
      {"0 0 * * MON#2,3#5", "0 0 * * 1#2,3#5"},
      {"5/20 */1 * * FRI-SUN", "5-59/20 * * * 5-7"},
      {"0 0 1-1 * 7-7", "0 0 1 * 0"},
      {"@hourly", "0 * * * *"},
      {"@Daily", "0 0 * * *"},
      {"@midnight", "0 0 * * *"},
      {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"},
      {"@yearly", "0 0 1 1 *"},
      {"@annually", "0 0 1 1 *"},
      // Quartz, as Airbyte has it: second first, 1 is Sunday.
      {"0 0 2 * * ?", "0 2 * * *"},
      {"0 0 12 ? * MON-FRI", "0 12 * * 1-5"},
      {"0 0/15 * * * ? *", "0-59/15 * * * *"},
      {"0 30 10 ? * 2-6", "30 10 * * 1-5"},
      {"0 30 10 ? * 6L", "30 10 * * 5L"},
      {"0 30 10 ? * 6#3", "30 10 * * 5#3"},
      {"0 30 10 ? * L", "30 10 * * 6"},
      {"0 30 10 L * ?", "30 10 L * *"},
      {"00 0 0 ? * SUN", "0 0 * * 0"},
  };
  for (auto const& [text, expected] : kRows) {
    auto const parsed = cron(text);
    EXPECT_EQ(parsed.to_text(), expected) << text;
    EXPECT_EQ(cron(parsed.to_text()), parsed) << text;
  }
}

TEST(JobsCron, Times) {
  auto const from = minute(2026, 1, 30, 12, 0);
  EXPECT_EQ(times("0 12 31 * *", from, 3), (Texts{"2026-01-31 12:00", "2026-03-31 12:00", "2026-05-31 12:00"}));
  EXPECT_EQ(times("0 0 29 2 *", minute(2027, 1, 1), 2), (Texts{"2028-02-29 00:00", "2032-02-29 00:00"}));
  EXPECT_EQ(times("0 0 29 2 *", minute(2096, 3, 1), 1), (Texts{"2104-02-29 00:00"}));  // 2100 has none
  EXPECT_EQ(times("0 0 L * *", from, 3), (Texts{"2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00"}));
  EXPECT_EQ(times("0 0 * * MON#2", from, 2), (Texts{"2026-02-09 00:00", "2026-03-09 00:00"}));
  EXPECT_EQ(times("0 0 * * FRI#5", from, 2), (Texts{"2026-05-29 00:00", "2026-07-31 00:00"}));
  EXPECT_EQ(times("0 0 * * FRIL", from, 2), (Texts{"2026-02-27 00:00", "2026-03-27 00:00"}));
  EXPECT_EQ(times("15,45 23 * * *", from, 3), (Texts{"2026-01-30 23:15", "2026-01-30 23:45", "2026-01-31 23:15"}));
  EXPECT_EQ(times("* * * * *", from, 2), (Texts{"2026-01-30 12:00", "2026-01-30 12:01"}));
  EXPECT_EQ(times("59 23 31 12 *", from, 1), (Texts{"2026-12-31 23:59"}));
  EXPECT_EQ(times("0 3 19 1 *", minute(2037, 6, 1), 1), (Texts{"2038-01-19 03:00"}));
  // ISO week 53 of 2026 ends on 2027-01-03, a Sunday: weeks are nothing to cron.
  EXPECT_EQ(times("0 6 * * 0", minute(2026, 12, 28), 2), (Texts{"2027-01-03 06:00", "2027-01-10 06:00"}));
}

// Both day fields: either, as crontab(5) says; with a star in one of them both.
TEST(JobsCron, DayOfMonthAndDayOfWeek) {
  auto const from = minute(2026, 6, 1);  // a Monday
  EXPECT_EQ(times("0 0 13 * FRI", from, 4),
            (Texts{"2026-06-05 00:00", "2026-06-12 00:00", "2026-06-13 00:00", "2026-06-19 00:00"}));
  EXPECT_EQ(times("0 0 */2 * MON", from, 3), (Texts{"2026-06-01 00:00", "2026-06-15 00:00", "2026-06-29 00:00"}));
  EXPECT_EQ(times("0 0 L * MON", minute(2026, 6, 25), 2), (Texts{"2026-06-29 00:00", "2026-06-30 00:00"}));
  EXPECT_EQ(cron("0 0 13 * FRI").warnings(),
            Texts{"day of month and day of week are both given: it runs on days that match either, as in cron"});
  EXPECT_EQ(cron("0 0 */2 * MON").warnings(),
            Texts{"one of the day fields has a *: it runs on days that match both, as in cron"});
  EXPECT_EQ(cron("0 0 31 * *").warnings(),
            Texts{"a month that does not have the day has no run; L is the last day of every month"});
  EXPECT_EQ(cron("0 0 31 1,3 *").warnings(), Texts{});
  EXPECT_EQ(cron("*/7 */6 * * *").warnings(),
            Texts{"minute */7 begins anew at 0: the last of its steps is shorter; @every 7min is not"});
  EXPECT_EQ(cron("30 2 * * 1-5").warnings(), Texts{});
}

TEST(JobsCron, HourlyAndFinerFollowsTheClock) {
  for (auto const* text : {"* * * * *", "*/15 * * * *", "0 * * * *", "0 */1 * * *", "0 0-23 * * *", "*/15 2 * * *",
                           "0-30/10 2 * * *", "0-5 2,4 * * *", "0,30 * * * *"})
    EXPECT_TRUE(cron(text).follows_clock()) << text;
  for (auto const* text : {"30 2 * * *", "0,30 2 * * *", "0 */2 * * *", "0 7,9 * * *", "0 1-5 * * *", "*/60 2 * * *"})
    EXPECT_FALSE(cron(text).follows_clock()) << text;
}

TEST(JobsCron, Refusals) {
  struct Row {
    std::string_view text, message, next;
  };
  constexpr std::string_view kHours = "hours go from 0 to 23: 2, 7,19, 9-17 or */2";
  Row const kRows[] = {
      {"", "it has 0 fields",
       "write five fields: minute, hour, day of month, month, day of week, as in \"30 2 * * *\""},
      {"30 2 * *", "it has 4 fields",
       "write five fields: minute, hour, day of month, month, day of week, as in \"30 2 * * *\""},
      {"60 2 * * *", "minute: 60 is out of range", "minutes go from 0 to 59: 30, 0,30, 10-20 or */15"},
      {"0 24 * * *", "hour: 24 is out of range", kHours},
      {"0 -1 * * *", "hour: a value is missing", kHours},
      {"0 2pm * * *", "hour: \"2pm\" is no value", kHours},
      {"0 1,,2 * * *", "hour: a part of the list is empty", kHours},
      {"0 1- * * *", "hour: a value is missing", kHours},
      {"0 22-2 * * *", "hour: range \"22-2\" ends before it begins", "write it as two: 22-23,0-2"},
      {"*/90 * * * *", "minute: step 90 is more than the 60 of its field",
       "write @every 90min for what is not bound to the clock"},
      {"0 0 */0 * *", "day of month: \"0\" is no step", "steps go from 1 to 31"},
      {"0 0 0 * *", "day of month: 0 is out of range",
       "days of the month go from 1 to 31, and L is the last one: 1, 1,15, 1-7 or L"},
      {"0 0 L-3 * *", "day of month: \"L-3\" is not supported: only L alone is",
       "days of the month go from 1 to 31, and L is the last one: 1, 1,15, 1-7 or L"},
      {"0 0 15W * *", "day of month: \"15W\", the nearest working day, is not supported",
       "days of the month go from 1 to 31, and L is the last one: 1, 1,15, 1-7 or L"},
      {"0 0 1 SPE *", "month: \"SPE\" is no value", "did you mean \"SEP\"?"},
      {"0 0 1 13 *", "month: 13 is out of range", "months go from 1 to 12, or JAN to DEC: 1, JAN,JUL, 3-5 or */3"},
      {"0 0 * * WEN", "day of week: \"WEN\" is no value", "did you mean \"WED\"?"},
      {"0 0 * * FRI-MON", "day of week: range \"FRI-MON\" ends before it begins", "write it as two: 5-6,0-1"},
      {"0 0 * * ?", "day of week: ? belongs to Quartz's form", "write *"},
      {"0 0 30 2 *", "no such day ever comes", "correct the day of month, the month or the day of week"},
      {"0 0 */30 * MON#2", "no such day ever comes", "correct the day of month, the month or the day of week"},
      {"0 0 3 * * 1", "it has 6 fields",
       "write five fields, without seconds and year: \"0 3 * * 1\"; Quartz's form has a ? in one of its days"},
      {"30 0 3 * * ?", "the second is \"30\"", "write 0 as the second: schedules are whole minutes"},
      {"0 0 3 * * ? 2027", "the year is \"2027\"", "leave the year away: schedules are for every year"},
      {"0 0 3 ? * 0", "day of week: 0 is out of range",
       "with ? and seconds, days of the week go from 1 (Sunday) to 7 (Saturday), or SUN to SAT: MON-FRI, MON#2 or "
       "FRIL"},
      {"0 0 3 ? * 6-2", "day of week: range \"6-2\" ends before it begins", "write it as two: 6-7,1-2"},
      {"@dayly", "\"@dayly\" is no name of a schedule", "did you mean \"@daily\"?"},
      {"@daily 3", "a name stands alone",
       "write one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @every with a duration, or "
       "five "
       "fields"},
  };
  for (auto const& row : kRows) {
    auto const parsed = Cron::parse(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::Config);
    EXPECT_EQ(parsed.error().message(), fmt::format("cannot read schedule \"{}\": {}", row.text, row.message));
    EXPECT_EQ(parsed.error().next(), row.next) << row.text;
  }
  EXPECT_EQ(Cron::parse(std::string(10'000, '1')).error().message(), "cannot read a schedule of 10000 characters");
}

TEST(JobsCron, EndsOfTime) {
  auto const every_minute = cron("* * * * *");
  EXPECT_EQ(every_minute.first(LocalMinute::min()), minute(1, 1, 1));
  EXPECT_EQ(every_minute.first(minute(9999, 12, 31, 23, 59)), minute(9999, 12, 31, 23, 59));
  EXPECT_EQ(every_minute.first(minute(10000, 1, 1)), std::nullopt);
  EXPECT_EQ(every_minute.first(LocalMinute::max()), std::nullopt);
  EXPECT_EQ(cron("0 0 1 1 *").first(minute(9999, 1, 2)), std::nullopt);
}

// A field made at random, as text and as the values that it names, which the parser has no part in.
struct RandomField {
  std::string text;
  std::set<int> values;
  bool has_star = false;
};

RandomField random_field(std::mt19937& random, int least, int most) {
  auto const pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  RandomField field;
  int const parts = pick(0, 3) == 0 ? 2 : 1;
  for (int i = 0; i < parts; ++i) {
    int first = pick(least, most), last = first, step = 1;
    std::string text = std::to_string(first);
    int const form = pick(0, 3);
    if (form == 0) {
      text = "*", first = least, last = most, field.has_star = true;
    } else if (form == 1) {
      last = pick(first, most);
      text += "-" + std::to_string(last);
    }
    if (form <= 1 && pick(0, 1) == 0) {
      step = pick(1, (most - least) / 2);
      text += "/" + std::to_string(step);
    }
    for (int value = first; value <= last; value += step) field.values.insert(value);
    field.text += (i == 0 ? "" : ",") + text;
  }
  return field;
}

TEST(JobsCron, EveryMinuteOfSomeDays) {
  std::mt19937 random(20240621);
  for (int round = 0; round < 600; ++round) {
    RandomField fields[] = {random_field(random, 0, 59), random_field(random, 0, 23), random_field(random, 1, 31),
                            random_field(random, 1, 12), random_field(random, 0, 6)};
    if (round % 2 == 0) fields[3] = {"*", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, true};
    std::string text;
    for (auto const& field : fields) text += (text.empty() ? "" : " ") + field.text;
    SCOPED_TRACE(fmt::format("round {}: {}", round, text));
    auto const parsed = Cron::parse(text);
    auto const is_named = [&](LocalMinute time) {
      auto const day = chrono::floor<chrono::days>(time);
      chrono::year_month_day const date(day);
      int const of_day = static_cast<int>((time - day).count());
      bool const by_month = fields[2].values.contains(static_cast<int>(unsigned(date.day())));
      bool const by_week = fields[4].values.contains(static_cast<int>(chrono::weekday(day).c_encoding()));
      bool const both = fields[2].has_star || fields[4].has_star;
      return fields[0].values.contains(of_day % 60) && fields[1].values.contains(of_day / 60) &&
             fields[3].values.contains(static_cast<int>(unsigned(date.month()))) &&
             (both ? by_month && by_week : by_month || by_week);
    };
    auto const begin = minute(2024, 1, 1) + chrono::days(std::uniform_int_distribution<int>(0, 1460)(random));
    auto const end = begin + chrono::days(4);
    if (!parsed.ok()) {
      ASSERT_NE(parsed.error().message().find("no such day ever comes"), std::string::npos);
      for (auto day = minute(2000, 1, 1); day < minute(2028, 1, 1); day += chrono::days(1))
        ASSERT_FALSE(is_named(day + chrono::minutes(*fields[1].values.begin() * 60 + *fields[0].values.begin())));
      continue;
    }
    auto next = parsed->first(begin);
    for (auto time = begin; time < end; time += chrono::minutes(1)) {
      ASSERT_EQ(parsed->matches(time), is_named(time)) << text_of(time);
      if (!is_named(time)) continue;
      ASSERT_EQ(next, time);
      next = parsed->first(time + chrono::minutes(1));
    }
    ASSERT_TRUE(!next || *next >= end);
  }
}

}  // namespace
}  // namespace weir::jobs
