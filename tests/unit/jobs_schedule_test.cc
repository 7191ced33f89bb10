// Schedules around changes of clocks, missed slots and what is to come. Every time is written out; none is asked of
// this machine's clock. The oracle walks through the minutes.
#include "jobs/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::jobs {
namespace {

namespace chrono = std::chrono;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

// "2026-03-29 01:00" or "2026-03-29 01:00:30", UTC.
Instant utc(std::string_view text) {
  auto const number = [&](std::size_t at, std::size_t size) {
    return static_cast<int>(parse_int(text.substr(at, size)).value());
  };
  Instant const day = chrono::sys_days(chrono::year(number(0, 4)) / number(5, 2) / number(8, 2));
  return day + chrono::hours(number(11, 2)) + chrono::minutes(number(14, 2)) +
         chrono::seconds(text.size() > 16 ? number(17, 2) : 0);
}

std::string text_of(Instant at) {
  auto const day = chrono::floor<chrono::days>(at);
  chrono::year_month_day const date(day);
  auto const second = chrono::floor<chrono::seconds>(at - day).count();
  auto const text = fmt::format("{}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()),
                                unsigned(date.day()), second / 3600, second / 60 % 60);
  return second % 60 == 0 ? text : fmt::format("{}:{:02}", text, second % 60);
}

Schedule cron(std::string_view expression, std::string_view zone) {
  auto schedule = Schedule::cron(expression, zone);
  EXPECT_TRUE(schedule.ok()) << expression << " " << zone;
  return schedule.ok() ? *schedule : Schedule::manual();
}

// The slots in (from, to] as "fires UTC = local", with "#2" behind the second of two.
Texts slots(Schedule const& schedule, std::string_view from, std::string_view to) {
  Texts out;
  for (auto slot = schedule.next(utc(from)); slot && slot->at <= utc(to); slot = schedule.next(slot->at))
    out.push_back(text_of(slot->at) + " = " + slot->local + (slot->fold == 1 ? " #2" : ""));
  return out;
}

struct Vector {
  std::string_view cron, zone, from, to;  // UTC
  Texts slots;
};

// The vectors by which the rules were decided: each place where schedulers have lost, doubled or hung themselves.
TEST(JobsSchedule, FixedTimes) {
  Vector const kVectors[] = {
      {"30 2 * * *",
       "America/New_York",
       "2026-03-07 12:00",
       "2026-03-10 00:00",
       {"2026-03-08 07:00 = 2026-03-08T02:30", "2026-03-09 06:30 = 2026-03-09T02:30"}},
      {"30 1 * * *",
       "America/New_York",
       "2026-10-31 12:00",
       "2026-11-03 00:00",
       {"2026-11-01 05:30 = 2026-11-01T01:30", "2026-11-02 06:30 = 2026-11-02T01:30"}},
      {"30 2 * * *",
       "Europe/Berlin",
       "2026-03-28 12:00",
       "2026-03-30 12:00",
       {"2026-03-29 01:00 = 2026-03-29T02:30", "2026-03-30 00:30 = 2026-03-30T02:30"}},
      {"30 2 * * *",
       "Europe/Berlin",
       "2026-10-24 12:00",
       "2026-10-26 12:00",
       {"2026-10-25 00:30 = 2026-10-25T02:30", "2026-10-26 01:30 = 2026-10-26T02:30"}},
      // 00, 03 for 02, 04 ...: none lost, none doubled.
      {"0 */2 * * *",
       "America/Toronto",
       "2026-03-08 04:00",
       "2026-03-08 10:30",
       {"2026-03-08 05:00 = 2026-03-08T00:00", "2026-03-08 07:00 = 2026-03-08T02:00",
        "2026-03-08 08:00 = 2026-03-08T04:00", "2026-03-08 10:00 = 2026-03-08T06:00"}},
      {"0 7,9 * * *",
       "America/Los_Angeles",
       "2026-03-08 08:00",
       "2026-03-09 00:00",
       {"2026-03-08 14:00 = 2026-03-08T07:00", "2026-03-08 16:00 = 2026-03-08T09:00"}},
      {"15 7,8,13,19 * * *",
       "Europe/Brussels",
       "2026-10-24 23:00",
       "2026-10-25 23:00",
       {"2026-10-25 06:15 = 2026-10-25T07:15", "2026-10-25 07:15 = 2026-10-25T08:15",
        "2026-10-25 12:15 = 2026-10-25T13:15", "2026-10-25 18:15 = 2026-10-25T19:15"}},
      // Days without a midnight.
      {"0 0 * * *",
       "Africa/Cairo",
       "2026-04-23 00:00",
       "2026-04-25 00:00",
       {"2026-04-23 22:00 = 2026-04-24T00:00", "2026-04-24 21:00 = 2026-04-25T00:00"}},
      {"0 0 * * *",
       "America/Sao_Paulo",
       "2018-11-03 12:00",
       "2018-11-05 12:00",
       {"2018-11-04 03:00 = 2018-11-04T00:00", "2018-11-05 02:00 = 2018-11-05T00:00"}},
      {"0 0 * * *",
       "America/Santiago",
       "2026-09-05 12:00",
       "2026-09-07 12:00",
       {"2026-09-06 04:00 = 2026-09-06T00:00", "2026-09-07 03:00 = 2026-09-07T00:00"}},
      {"0 0 * * *",
       "Asia/Beirut",
       "2026-03-28 12:00",
       "2026-03-30 12:00",
       {"2026-03-28 22:00 = 2026-03-29T00:00", "2026-03-29 21:00 = 2026-03-30T00:00"}},
      // Half an hour.
      {"15 2 * * *",
       "Australia/Lord_Howe",
       "2026-10-03 00:00",
       "2026-10-05 00:00",
       {"2026-10-03 15:30 = 2026-10-04T02:15", "2026-10-04 15:15 = 2026-10-05T02:15"}},
      {"45 1 * * *",
       "Australia/Lord_Howe",
       "2026-04-04 00:00",
       "2026-04-06 00:00",
       {"2026-04-04 14:45 = 2026-04-05T01:45", "2026-04-05 15:15 = 2026-04-06T01:45"}},
      // Ramadan: saving time is what is left, and comes back.
      {"30 2 * * *",
       "Africa/Casablanca",
       "2026-02-14 12:00",
       "2026-02-16 12:00",
       {"2026-02-15 01:30 = 2026-02-15T02:30", "2026-02-16 02:30 = 2026-02-16T02:30"}},
      {"30 2 * * *",
       "Africa/Casablanca",
       "2026-03-21 12:00",
       "2026-03-23 12:00",
       {"2026-03-22 02:00 = 2026-03-22T02:30", "2026-03-23 01:30 = 2026-03-23T02:30"}},
      // A day that never was.
      {"0 12 * * *",
       "Pacific/Apia",
       "2011-12-29 12:00",
       "2011-12-31 12:00",
       {"2011-12-29 22:00 = 2011-12-29T12:00", "2011-12-30 10:00 = 2011-12-30T12:00",
        "2011-12-30 22:00 = 2011-12-31T12:00"}},
      // Several in one gap run once; a slot at the gap's end stands for them.
      {"0,30 2 * * *",
       "Europe/Berlin",
       "2026-03-28 12:00",
       "2026-03-29 12:00",
       {"2026-03-29 01:00 = 2026-03-29T02:00"}},
      {"30 1-4 * * *",
       "Europe/Berlin",
       "2026-03-29 00:00",
       "2026-03-29 12:00",
       {"2026-03-29 00:30 = 2026-03-29T01:30", "2026-03-29 01:00 = 2026-03-29T02:30",
        "2026-03-29 01:30 = 2026-03-29T03:30", "2026-03-29 02:30 = 2026-03-29T04:30"}},
      {"0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 12:00", {"2026-03-29 01:00 = 2026-03-29T03:00"}},
      // Asked in the second hour of the two.
      {"0,30 2,5 * * *",
       "Europe/Berlin",
       "2026-10-25 01:10",
       "2026-10-25 04:00",
       {"2026-10-25 04:00 = 2026-10-25T05:00"}},
      // The calendar.
      {"0 12 31 * *",
       "UTC",
       "2026-01-31 12:00",
       "2026-05-31 12:00",
       {"2026-03-31 12:00 = 2026-03-31T12:00", "2026-05-31 12:00 = 2026-05-31T12:00"}},
      {"0 0 29 2 *", "UTC", "2027-01-01 00:00", "2029-01-01 00:00", {"2028-02-29 00:00 = 2028-02-29T00:00"}},
      // Behind what the files of the tz database list.
      {"30 2 * * *",
       "Europe/Berlin",
       "2040-03-24 12:00",
       "2040-03-26 12:00",
       {"2040-03-25 01:00 = 2040-03-25T02:30", "2040-03-26 00:30 = 2040-03-26T02:30"}},
      {"30 2 * * *",
       "Europe/Berlin",
       "2099-10-24 12:00",
       "2099-10-26 12:00",
       {"2099-10-25 00:30 = 2099-10-25T02:30", "2099-10-26 01:30 = 2099-10-26T02:30"}},
      {"14 3 19 1 *", "UTC", "2038-01-01 00:00", "2038-12-01 00:00", {"2038-01-19 03:14 = 2038-01-19T03:14"}},
  };
  for (auto const& v : kVectors)
    EXPECT_EQ(slots(cron(v.cron, v.zone), v.from, v.to), v.slots) << v.cron << " " << v.zone << " " << v.from;
}

TEST(JobsSchedule, HourlyAndFiner) {
  Vector const kVectors[] = {
      {"0 * * * *",
       "Europe/Berlin",
       "2026-03-28 23:30",
       "2026-03-29 02:00",
       {"2026-03-29 00:00 = 2026-03-29T01:00", "2026-03-29 01:00 = 2026-03-29T03:00",
        "2026-03-29 02:00 = 2026-03-29T04:00"}},
      {"0 * * * *",
       "Europe/Berlin",
       "2026-10-24 23:30",
       "2026-10-25 02:00",
       {"2026-10-25 00:00 = 2026-10-25T02:00", "2026-10-25 01:00 = 2026-10-25T02:00 #2",
        "2026-10-25 02:00 = 2026-10-25T03:00"}},
      // Eight between 01:00 and 02:00.
      {"*/15 * * * *",
       "America/New_York",
       "2026-11-01 04:59",
       "2026-11-01 07:00",
       {"2026-11-01 05:00 = 2026-11-01T01:00", "2026-11-01 05:15 = 2026-11-01T01:15",
        "2026-11-01 05:30 = 2026-11-01T01:30", "2026-11-01 05:45 = 2026-11-01T01:45",
        "2026-11-01 06:00 = 2026-11-01T01:00 #2", "2026-11-01 06:15 = 2026-11-01T01:15 #2",
        "2026-11-01 06:30 = 2026-11-01T01:30 #2", "2026-11-01 06:45 = 2026-11-01T01:45 #2",
        "2026-11-01 07:00 = 2026-11-01T02:00"}},
      // Quarters of an hour that is not there.
      {"*/15 2 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 12:00", {}},
      // Half an hour.
      {"*/15 * * * *",
       "Australia/Lord_Howe",
       "2026-10-03 15:14",
       "2026-10-03 15:45",
       {"2026-10-03 15:15 = 2026-10-04T01:45", "2026-10-03 15:30 = 2026-10-04T02:30",
        "2026-10-03 15:45 = 2026-10-04T02:45"}},
      {"*/15 * * * *",
       "Australia/Lord_Howe",
       "2026-04-04 14:29",
       "2026-04-04 15:30",
       {"2026-04-04 14:30 = 2026-04-05T01:30", "2026-04-04 14:45 = 2026-04-05T01:45",
        "2026-04-04 15:00 = 2026-04-05T01:30 #2", "2026-04-04 15:15 = 2026-04-05T01:45 #2",
        "2026-04-04 15:30 = 2026-04-05T02:00"}},
      {"0 * * * *",
       "Pacific/Apia",
       "2011-12-30 08:30",
       "2011-12-30 11:00",
       {"2011-12-30 09:00 = 2011-12-29T23:00", "2011-12-30 10:00 = 2011-12-31T00:00",
        "2011-12-30 11:00 = 2011-12-31T01:00"}},
  };
  for (auto const& v : kVectors)
    EXPECT_EQ(slots(cron(v.cron, v.zone), v.from, v.to), v.slots) << v.cron << " " << v.zone << " " << v.from;
}

TEST(JobsSchedule, EveryAndManual) {
  auto const every = Schedule::every(6h, utc("2026-03-28 20:00"));
  ASSERT_TRUE(every.ok());
  EXPECT_EQ(every->to_text(), "@every 6h");
  EXPECT_EQ(slots(*every, "2026-01-01 00:00", "2026-03-29 09:00"),
            (Texts{"2026-03-28 20:00 = 2026-03-28T20:00:00Z", "2026-03-29 02:00 = 2026-03-29T02:00:00Z",
                   "2026-03-29 08:00 = 2026-03-29T08:00:00Z"}));
  EXPECT_EQ(slots(*Schedule::parse("@every 90s", "UTC"), "2026-01-01 00:00", "2026-01-01 00:03"),
            (Texts{"2026-01-01 00:01:30 = 2026-01-01T00:01:30Z", "2026-01-01 00:03 = 2026-01-01T00:03:00Z"}));
  EXPECT_EQ(Schedule::manual().next(utc("2026-01-01 00:00")), std::nullopt);
  EXPECT_TRUE(Schedule::parse(" Manual ", "Nowhere")->is_manual());
  EXPECT_EQ(Schedule::parse("@daily", "Europe/Berlin")->to_text(), "0 0 * * * Europe/Berlin");
  EXPECT_EQ(Schedule::parse("@every 90min", "UTC")->to_text(), "@every 90min");
  EXPECT_EQ(Schedule::parse("@every", "UTC").error().message(),
            "cannot read schedule \"@every\": no duration behind @every");
  EXPECT_EQ(Schedule::every(1500ms).error().message(), "cannot schedule something every 1500000us");
  EXPECT_EQ(Schedule::every(0s).error().next(), "write whole seconds, from 1s to 3653d");
  EXPECT_FALSE(Schedule::every(6h, Instant::max()).ok());
}

TEST(JobsSchedule, Zones) {
  std::pair<std::string_view, std::string_view> const kRows[] = {
      {"Europe/Berln", "did you mean \"Europe/Berlin\"?"},
      {"europe/berlin", "did you mean \"Europe/Berlin\"?"},
      {"UTC+1", "write the zone as the tz database names it, such as Europe/Berlin or UTC"},
      {"CEST", "did you mean \"CET\"?"},
      {"Berlin", "did you mean \"Europe/Berlin\"?"},
      {"New York", "did you mean \"America/New_York\"?"},
      {"localtime", "write the zone as the tz database names it, such as Europe/Berlin or UTC"},
      {"../../etc/passwd", "write the zone as the tz database names it, such as Europe/Berlin or UTC"},
      {"", "write the zone as the tz database names it, such as Europe/Berlin or UTC"},
  };
  for (auto const& [name, next] : kRows) {
    auto const schedule = Schedule::cron("30 2 * * *", name);
    ASSERT_FALSE(schedule.ok()) << name;
    EXPECT_EQ(schedule.error().kind(), ErrorKind::Config);
    EXPECT_EQ(schedule.error().message(), fmt::format("there is no time zone \"{}\"", name));
    EXPECT_EQ(schedule.error().next(), next);
  }
  auto const version = tzdata_version();  // 2025b
  ASSERT_EQ(version.size(), 5U) << version;
  EXPECT_TRUE(parse_int(version.substr(0, 4)).value_or(0) >= 2022) << version;
}

TEST(JobsSchedule, EndsOfTime) {
  for (auto const* zone : {"UTC", "Europe/Berlin", "Africa/Casablanca", "Africa/Monrovia"})
    for (auto const* text : {"* * * * *", "30 2 * * *", "0 0 29 2 *", "0 0 29 2 MON#5"}) {
      auto const schedule = cron(text, zone);
      EXPECT_EQ(schedule.next(Instant::max()), std::nullopt);
      EXPECT_EQ(schedule.next(utc("2199-12-31 23:59")), std::nullopt);
      auto const first = schedule.next(Instant::min());
      ASSERT_TRUE(first.has_value());
      EXPECT_GE(first->at, utc("1900-01-01 00:00"));
    }
  EXPECT_EQ(cron("0 0 1 1 *", "UTC").next(Instant::min())->local, "1900-01-01T00:00");
}

// ------------------------------------------------------------------------------------------------------------ the
// oracle

// Goes through the minutes of a stretch of time with a zone's clock in view, and notes what is to fire. Fixed times
// fire once as the highest time that the clock has shown reaches or passes them; what follows the clock fires whenever
// the clock shows it.
Texts walk(Cron const& cron, Zone const& zone, Instant from, Instant to) {
  Texts fired;
  auto period = zone.period(from);
  auto const shown_at = [&](Instant at) {
    if (at >= period.end) period = zone.period(at);
    return chrono::floor<chrono::minutes>(chrono::local_time<Duration>(at.time_since_epoch() + period.offset));
  };
  auto highest = shown_at(from);
  for (auto at = from + 1min; at <= to; at += 1min) {
    auto const shown = shown_at(at);
    if (cron.follows_clock()) {
      if (cron.matches(shown)) fired.push_back(text_of(at) + (shown <= highest ? " #2" : ""));
    } else {
      bool fires = false;
      for (auto minute = highest + 1min; minute <= shown; minute += 1min) fires = fires || cron.matches(minute);
      if (fires) fired.push_back(text_of(at));
    }
    highest = std::max(highest, shown);
  }
  return fired;
}

TEST(JobsSchedule, EveryMinuteAroundChangesOfClocks) {
  constexpr std::string_view kZones[] = {"Europe/Berlin",      "America/New_York",
                                         "America/Santiago",   "Africa/Cairo",
                                         "Asia/Beirut",        "Australia/Lord_Howe",
                                         "Pacific/Apia",       "Asia/Tehran",
                                         "America/Havana",     "Asia/Gaza",
                                         "America/Asuncion",   "Europe/London",
                                         "America/St_Johns",   "Pacific/Chatham",
                                         "Antarctica/Troll",   "Africa/Casablanca",
                                         "Asia/Pyongyang",     "Asia/Kathmandu",
                                         "Europe/Istanbul",    "America/Caracas",
                                         "Pacific/Kiritimati", "UTC"};
  constexpr std::string_view kMinutes[] = {"0", "30", "15,45", "*/15", "*", "59", "5-20/5", "7"};
  constexpr std::string_view kHours[] = {"2", "*", "*/2", "0", "1,2,3", "1-4", "3", "*/3", "0,23", "12"};
  constexpr std::string_view kDays[] = {"*", "*", "*", "L", "1-15", "*/2"};
  constexpr std::string_view kWeekdays[] = {"*", "*", "*", "0", "MON-FRI", "SUNL"};
  std::mt19937 random(4552);
  auto const any = [&](auto const& of) {
    return of[std::uniform_int_distribution<std::size_t>(0, std::size(of) - 1)(random)];
  };
  std::size_t fired = 0;
  for (int round = 0; round < 1500; ++round) {
    auto const name = any(kZones);
    auto const text = fmt::format("{} {} {} * {}", any(kMinutes), any(kHours), any(kDays), any(kWeekdays));
    auto const zone = *Zone::named(name);
    // Around the first change of clocks after some time of the years 1975 to 2060; where there is none, at that time.
    Instant const year = chrono::sys_days(chrono::year(std::uniform_int_distribution<int>(1975, 2060)(random)) / 1 / 1);
    Instant const some = year + chrono::hours(std::uniform_int_distribution<int>(0, 8760)(random));
    auto const change = zone.period(some).end;
    auto const from = (change < utc("2070-01-01 00:00") ? change : some) - chrono::hours(30);
    auto const to = from + chrono::hours(60);
    SCOPED_TRACE(fmt::format("round {}: {} {} from {}", round, text, name, text_of(from)));
    auto const schedule = cron(text, name);
    Texts got;
    std::vector<std::pair<std::string, int>> names;
    Instant last = from;
    for (auto slot = schedule.next(from); slot && slot->at <= to; slot = schedule.next(slot->at)) {
      ASSERT_GT(slot->at, last);
      last = slot->at;
      got.push_back(text_of(slot->at) + (slot->fold == 1 ? " #2" : ""));
      names.emplace_back(slot->local, slot->fold);
    }
    ASSERT_EQ(got, walk(*Cron::parse(text), zone, from, to));
    std::sort(names.begin(), names.end());
    ASSERT_EQ(std::unique(names.begin(), names.end()), names.end()) << "two slots have one name";
    fired += got.size();
  }
  EXPECT_GT(fired, 10'000U);
}

// Whenever it is asked, the answer is the same slot: the first behind.
TEST(JobsSchedule, NextDoesNotDependOnWhenItIsAsked) {
  for (auto const* text : {"0,30 1,2,3 * * *", "*/15 1-3 * * *", "0 2,3 * * *"})
    for (auto const* begin : {"2026-03-28 00:00", "2026-10-24 00:00"}) {
      auto const schedule = cron(text, "Europe/Berlin");
      Instant const from = utc(begin);
      std::vector<Slot> all;
      for (auto slot = schedule.next(from); slot->at < from + 60h; slot = schedule.next(slot->at)) all.push_back(*slot);
      ASSERT_GE(all.size(), 3U);
      for (Instant at = from; at < all.back().at; at += 30s) {
        auto const expected = std::find_if(all.begin(), all.end(), [&](Slot const& slot) { return slot.at > at; });
        ASSERT_EQ(schedule.next(at), *expected) << text << " at " << text_of(at);
      }
    }
}

// --------------------------------------------------------------------------------------------------------- what is due

Texts said(Due const& due) {
  Texts out;
  auto const line = [](DueSlot const& slot) {
    constexpr std::string_view kOutcomes[] = {"fire", "coalesced", "skipped"};
    return fmt::format("{} {} {}", slot.slot.local, kOutcomes[static_cast<std::size_t>(slot.outcome)], slot.reason);
  };
  if (due.older) out.push_back("older: " + line(*due.older));
  for (auto const& slot : due.slots) out.push_back(std::string(trim(line(slot))));
  return out;
}

TEST(JobsDue, DownInTheNight) {
  auto const schedule = cron("30 2 * * *", "UTC");
  auto const handled = utc("2026-06-21 01:00"), now = utc("2026-06-21 04:00");
  EXPECT_EQ(said(due(schedule, handled, now, {})), (Texts{"2026-06-21T02:30 fire late by 1 h 30 min"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.misfire = Misfire::All})),
            (Texts{"2026-06-21T02:30 fire late by 1 h 30 min"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.misfire = Misfire::Skip})),
            (Texts{"2026-06-21T02:30 skipped missed by 1 h 30 min"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.window = 1h})),
            (Texts{"2026-06-21T02:30 skipped missed by 1 h 30 min, more than the window of 1 h 0 min"}));
  // Handled once, it does not come again; nor where the clock was set back.
  EXPECT_EQ(said(due(schedule, now, now + 1h, {})), Texts{});
  EXPECT_EQ(said(due(schedule, now, handled, {})), Texts{});
  EXPECT_EQ(said(due(schedule, handled, handled, {})), Texts{});
}

TEST(JobsDue, SeveralMissed) {
  auto const schedule = cron("0 * * * *", "UTC");
  auto const handled = utc("2026-06-21 00:00"), now = utc("2026-06-21 03:20");
  EXPECT_EQ(said(due(schedule, handled, now, {})),
            (Texts{"2026-06-21T01:00 coalesced missed by 2 h 20 min, covered by the run of 2026-06-21T03:00",
                   "2026-06-21T02:00 coalesced missed by 1 h 20 min, covered by the run of 2026-06-21T03:00",
                   "2026-06-21T03:00 fire late by 20 min 0 s"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.misfire = Misfire::All, .most = 2})),
            (Texts{"2026-06-21T01:00 coalesced missed by 2 h 20 min, covered by the run of 2026-06-21T03:00",
                   "2026-06-21T02:00 fire late by 1 h 20 min", "2026-06-21T03:00 fire late by 20 min 0 s"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.misfire = Misfire::All, .window = 2h})),
            (Texts{"2026-06-21T01:00 skipped missed by 2 h 20 min, more than the window of 2 h 0 min",
                   "2026-06-21T02:00 fire late by 1 h 20 min", "2026-06-21T03:00 fire late by 20 min 0 s"}));
  EXPECT_EQ(said(due(schedule, handled, now, {.misfire = Misfire::Skip})),
            (Texts{"2026-06-21T01:00 skipped missed by 2 h 20 min", "2026-06-21T02:00 skipped missed by 1 h 20 min",
                   "2026-06-21T03:00 skipped missed by 20 min 0 s"}));
}

TEST(JobsDue, InTime) {
  auto const schedule = cron("0 * * * *", "UTC");
  auto const handled = utc("2026-06-21 02:59:59"), now = utc("2026-06-21 03:00:01");
  for (auto const misfire : {Misfire::Coalesce, Misfire::Skip, Misfire::All})
    EXPECT_EQ(said(due(schedule, handled, now, {.misfire = misfire, .window = 0s})), (Texts{"2026-06-21T03:00 fire"}));
  EXPECT_EQ(said(due(schedule, handled, utc("2026-06-21 03:00"), {})), (Texts{"2026-06-21T03:00 fire"}));
  EXPECT_EQ(said(due(schedule, handled, utc("2026-06-21 02:59:59") + 999999us, {})), Texts{});
  EXPECT_EQ(said(due(Schedule::manual(), handled, now, {})), Texts{});
}

// Both hours of the night in which they come twice were missed: two slots, with names of their own.
TEST(JobsDue, MissedInTheFold) {
  auto const schedule = cron("0 * * * *", "Europe/Berlin");
  auto const due_now = due(schedule, utc("2026-10-24 23:30"), utc("2026-10-25 01:30"), {.misfire = Misfire::All});
  ASSERT_EQ(due_now.slots.size(), 2U);
  EXPECT_EQ(due_now.slots[0].slot, (Slot{utc("2026-10-25 00:00"), "2026-10-25T02:00", 0}));
  EXPECT_EQ(due_now.slots[1].slot, (Slot{utc("2026-10-25 01:00"), "2026-10-25T02:00", 1}));
}

// Three years of minutes: a list of a hundred, one entry for the rest, and few steps.
TEST(JobsDue, YearsOfMissedMinutes) {
  auto const schedule = cron("* * * * *", "Europe/Berlin");
  auto const handled = utc("2023-06-21 02:00"), now = utc("2026-06-21 02:00");
  auto const coalesced = due(schedule, handled, now, {});
  ASSERT_EQ(coalesced.slots.size(), kMostListed);
  EXPECT_EQ(coalesced.slots.back().slot.at, now);
  EXPECT_EQ(coalesced.slots.back().outcome, Outcome::Fire);
  EXPECT_EQ(std::count_if(coalesced.slots.begin(), coalesced.slots.end(),
                          [](DueSlot const& slot) { return slot.outcome == Outcome::Fire; }),
            1);
  EXPECT_EQ(coalesced.slots.front().slot.at, now - 99min);
  ASSERT_TRUE(coalesced.older.has_value());
  EXPECT_EQ(coalesced.older->slot.at, handled + 1min);
  EXPECT_EQ(coalesced.older->outcome, Outcome::Coalesced);
  EXPECT_EQ(coalesced.older->reason, "missed by 1095 d 23 h, covered by the run of 2026-06-21T04:00");

  auto const all = due(schedule, handled, now, {.misfire = Misfire::All, .most = 1'000'000});
  EXPECT_TRUE(std::all_of(all.slots.begin(), all.slots.end(),
                          [](DueSlot const& slot) { return slot.outcome == Outcome::Fire; }));
  EXPECT_EQ(all.older->outcome, Outcome::Coalesced);
  EXPECT_EQ(due(schedule, handled, now, {.misfire = Misfire::Skip}).older->outcome, Outcome::Skipped);

  // Exactly as many as are listed: nothing older.
  EXPECT_EQ(due(schedule, now - 100min, now, {}).older, std::nullopt);
  EXPECT_EQ(due(schedule, now - 101min, now, {}).older->slot.at, now - 100min);
  // All that there are in three years, where they are few.
  EXPECT_EQ(due(cron("0 0 1 * *", "UTC"), handled, now, {}).slots.size(), 36U);
  // From the beginning of time, a schedule that was made now.
  EXPECT_EQ(due(schedule, Instant::min(), now, {}).slots.size(), kMostListed);
  EXPECT_EQ(due(schedule, handled, Instant::max(), {}).slots.size(), kMostListed);
}

TEST(JobsDue, Jitter) {
  EXPECT_EQ(jitter("core", 0s), 0s);
  EXPECT_EQ(jitter("core", 1us), 0s);
  EXPECT_EQ(jitter("core", 60s), jitter("core", 60s));
  EXPECT_EQ(jitter("core", 60s), 58888560us);  // the same for ever
  std::array<int, 6> buckets{};
  for (int i = 0; i < 6000; ++i) {
    auto const wait = jitter(fmt::format("job {}", i), 60s);
    ASSERT_TRUE(wait >= 0s && wait < 60s);
    ++buckets[static_cast<std::size_t>(wait / 10s)];
  }
  for (int const n : buckets) EXPECT_NEAR(n, 1000, 120);
}

// ------------------------------------------------------------------------------------------------------- what is to
// come

Texts outlook(std::string_view text, std::string_view zone, std::string_view from, std::size_t count) {
  Texts out;
  for (auto const& entry : upcoming(*Schedule::parse(text, zone), utc(from), count))
    out.push_back(
        fmt::format("{}{}{}{}", entry.slot ? "" : "none: ", entry.when, entry.note.empty() ? "" : ": ", entry.note));
  return out;
}

TEST(JobsUpcoming, ChangesOfClocks) {
  EXPECT_EQ(outlook("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2),
            (Texts{"Sun 2026-03-29 03:00 +02:00: 02:30 does not exist that day: runs at 03:00",
                   "Mon 2026-03-30 02:30 +02:00"}));
  EXPECT_EQ(outlook("0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", 1),
            (Texts{"Sun 2026-03-29 03:00 +02:00: 02:00 does not exist that day: runs at 03:00"}));
  EXPECT_EQ(outlook("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2),
            (Texts{"Sun 2026-10-25 02:30 +02:00: 02:30 comes twice that day: runs the first time",
                   "Mon 2026-10-26 02:30 +01:00"}));
  EXPECT_EQ(
      outlook("0 * * * *", "America/New_York", "2026-11-01 04:30", 3),
      (Texts{"Sun 2026-11-01 01:00 -04:00: first of two: 01:00 comes twice that day",
             "Sun 2026-11-01 01:00 -05:00: second of two: 01:00 comes twice that day", "Sun 2026-11-01 02:00 -05:00"}));
  EXPECT_EQ(outlook("*/15 2 * * *", "Europe/Berlin", "2026-03-28 01:40", 2),
            (Texts{"Sat 2026-03-28 02:45 +01:00",
                   "none: Sun 2026-03-29: 02:00 to 03:00 does not exist that day: no run at 02:00",
                   "Mon 2026-03-30 02:00 +02:00"}));
}

TEST(JobsUpcoming, DaysThatAreMissing) {
  EXPECT_EQ(outlook("0 12 31 * *", "UTC", "2026-01-31 12:00", 2),
            (Texts{"none: 2026-02: there is no day 31 in that month: no run", "Tue 2026-03-31 12:00 +00:00",
                   "none: 2026-04: there is no day 31 in that month: no run", "Sun 2026-05-31 12:00 +00:00"}));
  EXPECT_EQ(outlook("0 0 29 2 *", "UTC", "2027-01-01 00:00", 1),
            (Texts{"none: 2027-02: there is no day 29 in that month: no run", "Tue 2028-02-29 00:00 +00:00"}));
  EXPECT_EQ(outlook("0 0 L * *", "UTC", "2026-02-01 00:00", 1), (Texts{"Sat 2026-02-28 00:00 +00:00"}));
  EXPECT_EQ(outlook("@every 6h", "UTC", "2026-02-01 01:00", 1), (Texts{"Sun 2026-02-01 06:00 +00:00"}));
  EXPECT_EQ(outlook("manual", "UTC", "2026-02-01 01:00", 1), Texts{});
}

}  // namespace
}  // namespace weir::jobs
