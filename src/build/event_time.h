#pragma once
// Times of events, as microbatch models, --event-time-start and --sample count them: UTC, without leap seconds. Pure.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::build {

using EventTime = std::chrono::sys_time<std::chrono::microseconds>;

enum class BatchSize { Hour, Day, Month, Year };
std::optional<BatchSize> batch_size_from(std::string_view name);  // "day"

// [start, end)
struct TimeWindow {
  EventTime start, end;
};

// 2024-01-31, 2024-01-31 12:00[:00[.000000]], 2024-01-31T12:00:00; a zone behind it counts for nothing, as in dbt.
std::optional<EventTime> event_time_from(std::string_view text);
std::string text_of(EventTime time);                   // 2024-01-31 12:00:00+00:00
std::string label_of(EventTime time, BatchSize size);  // 2024-01-31T12, 2024-01-31, 2024-01, 2024
EventTime truncate(EventTime time, BatchSize size);    // to the beginning of its batch
EventTime round_up(EventTime time, BatchSize size);    // to the end of its batch, or itself where that is its beginning
EventTime next_batch(EventTime begin, BatchSize size, int count = 1);  // of the beginning of a batch

// --sample: "3 days" up to `now`, or {start: 2024-01-01, end: 2024-02-01}. Error: Usage.
Result<TimeWindow> sample_window(std::string const& text, EventTime now);

}  // namespace weir::build
