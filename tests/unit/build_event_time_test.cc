#include "build/event_time.h"

#include <gtest/gtest.h>

namespace weir::build {
namespace {

EventTime at(std::string_view text) {
  auto const time = event_time_from(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value_or(EventTime{});
}

TEST(BuildEventTime, TextsAsPeopleWriteThem) {
  EXPECT_EQ(text_of(at("2024-01-31")), "2024-01-31 00:00:00+00:00");
  EXPECT_EQ(text_of(at("2024-01-31T12:30")), "2024-01-31 12:30:00+00:00");
  EXPECT_EQ(text_of(at("2024-01-31 12:30:05.25+00:00")), "2024-01-31 12:30:05.250000+00:00");
  EXPECT_EQ(text_of(at("1969-12-31 23:59:59.999999")), "1969-12-31 23:59:59.999999+00:00");
  EXPECT_FALSE(event_time_from("2024-02-30"));
  EXPECT_FALSE(event_time_from("20240131"));
  EXPECT_FALSE(event_time_from("soon"));
}

TEST(BuildEventTime, Batches) {
  auto const time = at("2024-02-29 12:30:00");
  EXPECT_EQ(text_of(truncate(time, BatchSize::Hour)), "2024-02-29 12:00:00+00:00");
  EXPECT_EQ(text_of(truncate(time, BatchSize::Day)), "2024-02-29 00:00:00+00:00");
  EXPECT_EQ(text_of(truncate(time, BatchSize::Month)), "2024-02-01 00:00:00+00:00");
  EXPECT_EQ(text_of(truncate(time, BatchSize::Year)), "2024-01-01 00:00:00+00:00");
  EXPECT_EQ(text_of(round_up(time, BatchSize::Month)), "2024-03-01 00:00:00+00:00");
  EXPECT_EQ(text_of(round_up(at("2024-03-01"), BatchSize::Month)), "2024-03-01 00:00:00+00:00");
  EXPECT_EQ(text_of(next_batch(at("2024-12-01"), BatchSize::Month)), "2025-01-01 00:00:00+00:00");
  EXPECT_EQ(text_of(next_batch(at("2024-01-01"), BatchSize::Month, -2)), "2023-11-01 00:00:00+00:00");
  EXPECT_EQ(text_of(next_batch(at("2024-01-01"), BatchSize::Hour, -1)), "2023-12-31 23:00:00+00:00");
  EXPECT_EQ(label_of(time, BatchSize::Hour), "2024-02-29T12");
  EXPECT_EQ(label_of(time, BatchSize::Month), "2024-02");
}

TEST(BuildEventTime, SamplesEndNow) {
  auto const now = at("2024-03-31 16:06:00.5");
  auto const start = [now](std::string const& text) {
    auto const window = sample_window(text, now);
    return window.ok() ? text_of(window->start) : window.error().message();
  };
  EXPECT_EQ(start("3 days"), "2024-03-28 16:06:00.500000+00:00");
  EXPECT_EQ(start("1 Hour"), "2024-03-31 15:06:00.500000+00:00");
  EXPECT_EQ(start("1 month"), "2024-02-29 16:06:00.500000+00:00");  // the month's last day
  EXPECT_EQ(start("2 years"), "2022-03-31 16:06:00.500000+00:00");
  EXPECT_EQ(text_of(sample_window("3 days", now)->end), "2024-03-31 16:06:00.500000+00:00");
  for (auto const* wrong : {"", "3", "days 3", "3 weeks", "x days", "3  days", "99999999999 hours",
                            "{start: 2024-01-01}", "{start: x, end: y}", "{"})
    EXPECT_FALSE(sample_window(wrong, now).ok()) << wrong;
}

TEST(BuildEventTime, SamplesBetweenTwoTimes) {
  auto const window = sample_window("{start: 2024-01-02, end: '2024-01-03T13:00:00'}", at("2030-01-01"));
  ASSERT_TRUE(window.ok());
  EXPECT_EQ(text_of(window->start), "2024-01-02 00:00:00+00:00");
  EXPECT_EQ(text_of(window->end), "2024-01-03 13:00:00+00:00");
}

}  // namespace
}  // namespace weir::build
