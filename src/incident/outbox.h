#pragma once
// Messages that are to reach people. They are written with what they tell of, in one transaction, and sent afterwards:
// at least once, and by their id only once for whoever looks at it. What does not get through is tried again with
// growing pauses for a day.

#include <optional>
#include <string>
#include <vector>

#include "alert/notice.h"
#include "jobs/store.h"

namespace weir::incident {

struct Message {
  std::int64_t id = 0;
  std::string channel;
  std::optional<std::int64_t> incident;
  alert::Notice notice;
  std::string state;  // pending, sent, refused, expired
  int tries = 0;
  Instant created_at{};
  std::optional<Instant> sent_at;
  std::string trouble;
};

// One message for each channel that did not get this notice yet.
Status post(jobs::Change& change, std::vector<std::string> const& channels, std::optional<std::int64_t> incident,
            alert::Notice const& notice);
// Those that are due, oldest first; they are this caller's for `lease`.
Result<std::vector<Message>> take_due(jobs::Change& change, int most, Duration lease);
// Each message has been tried at least once, and is not being sent now.
Result<bool> nothing_to_try(jobs::Change& change);

enum class Outcome { Sent, Later, Refused };
// What became of one; `wait`: no sooner than that, where the other side asked for it.
Status record(jobs::Change& change, Message const& message, Outcome outcome, std::string const& trouble,
              std::optional<Duration> wait);

Result<std::vector<Message>> messages_of(jobs::Database& database, std::int64_t incident);

}  // namespace weir::incident
