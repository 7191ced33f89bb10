#pragma once
// The log of events: append-only, numbered without gaps, each row's hash over the hash of the one before.

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace weir::jobs {

struct Event {
  std::int64_t seq = 0;
  Instant at{};
  std::string actor, kind, object;
  std::optional<std::int64_t> job;
  std::optional<int> attempt;
  std::string data;  // JSON
  std::string hash;
};

struct NewEvent {
  std::string kind;  // weir.table.published
  std::string object;
  std::optional<std::int64_t> job;
  std::optional<int> attempt;
  std::string data = "{}";
};

}  // namespace weir::jobs
