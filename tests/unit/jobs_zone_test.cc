// The rules behind what the files of the tz database list, held against the lists themselves: as long as a file lists
// changes of clocks and its rule holds, both must say the same.
#include "jobs/zone_rule.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "jobs/zone.h"

namespace weir::jobs {
namespace {

namespace chrono = std::chrono;

Instant begin_of(int year) {
  return chrono::sys_days(chrono::year(year) / 1 / 1);
}

struct Rule {
  std::string name, text;  // the last line of the zone's file
  Zone zone;
};

std::vector<Rule> const& rules_of_all_zones() {
  static std::vector<Rule> const all = [] {
    std::filesystem::path const root = "/usr/share/zoneinfo";
    std::vector<Rule> rules;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(root)) {
      auto const name = entry.path().lexically_relative(root).string();
      if (!entry.is_regular_file() || name.starts_with("posix/") || name.starts_with("right/")) continue;
      auto const zone = Zone::named(name);
      if (!zone.ok()) continue;  // lists
      std::ifstream file(entry.path(), std::ios::binary);
      std::string const bytes{std::istreambuf_iterator<char>(file), {}};
      auto const begin = bytes.rfind('\n', bytes.size() - 2) + 1;
      rules.push_back({name, bytes.substr(begin, bytes.size() - begin - 1), *zone});
    }
    return rules;
  }();
  return all;
}

// Ramadan's changes are listed up to 2086, besides the rule.
bool is_listed_besides(std::string_view name) {
  return name == "Asia/Gaza" || name == "Asia/Hebron";
}

TEST(JobsZone, RulesAreWhatTheListsSay) {
  int with_rule = 0;
  for (auto const& [name, text, zone] : rules_of_all_zones()) {
    auto const rule = ZoneRule::parse(text);
    ASSERT_EQ(rule.has_value(), text.find(',') != std::string::npos) << name << " " << text;
    if (!rule || is_listed_besides(name)) continue;
    ++with_rule;
    for (auto at = begin_of(2030); at < begin_of(2037);) {
      auto const listed = zone.period(at);
      ASSERT_EQ(rule->period(at), listed) << name << " " << text;
      ASSERT_EQ(rule->period(listed.end - Duration(1)), listed) << name << " " << text;
      at = listed.end;
    }
  }
  EXPECT_GT(with_rule, 50);
}

TEST(JobsZone, ClocksAreChangedBehindTheLists) {
  for (auto const& [name, text, zone] : rules_of_all_zones()) {
    int changes = 0;
    auto period = zone.period(begin_of(2036));
    for (; period.end < begin_of(2051); ++changes) {
      auto const next = zone.period(period.end);
      ASSERT_EQ(next.begin, period.end) << name;
      ASSERT_GT(next.end, next.begin) << name;
      ASSERT_EQ(zone.period(next.end - Duration(1)), next) << name;
      period = next;
    }
    bool const by_rule = text.find(',') != std::string::npos && !is_listed_besides(name);
    EXPECT_TRUE(!by_rule || changes == 30) << changes << " in 15 years: " << name << " " << text;
  }
}

TEST(JobsZone, WhatIsNoRule) {
  for (auto const* text :
       {"", "UTC0", "EST5", "<+01>-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,J60,J300", "CET-1CEST,59,299",
        "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,M3.5.0/168,M10.5.0", "<+01-1CEST,M3.5.0,M10.5.0",
        "C-1CEST,M3.5.0,M10.5.0", "CETCEST,M3.5.0,M10.5.0"})
    EXPECT_EQ(ZoneRule::parse(text), std::nullopt) << text;
  EXPECT_NE(ZoneRule::parse("CET-1CEST,M3.5.0,M10.5.0/3"), std::nullopt);
  EXPECT_EQ(ZoneRule::parse("CET-1CEST-2:00:00,M3.5.0/+2,M10.5.0/03:00"),
            ZoneRule::parse("CET-1CEST,M3.5.0,M10.5.0/3"));
}

}  // namespace
}  // namespace weir::jobs
