#pragma once
// When a job runs: at the times of a cron expression in a time zone, every so long, or when somebody asks. Pure: time
// comes in as an argument; any thread. (The tz database is read from the disk once, when the first zone is named.)
//
// A slot is one time at which a schedule runs. Its name, `local` and `fold`, is what a state store makes unique: a slot
// fires once, whatever clocks do.
//
// Where clocks are changed (crontab(5) of Debian's cron, "daylight saving time"):
// - Fixed times (literal minutes, and not every hour: `30 2`, `0 7,9`, `0 */2`) that a change skips run once, at the
// first
//   instant after the gap, however many of them lie in it. If that instant has a slot of its own, that slot stands for
//   them. Times that come twice run once, the first time.
// - What is hourly or finer (every hour, or minutes as `*`, step or range: `0 *`, `*/15`, `*/15 2`) follows the real
// clock:
//   skipped times have no slot, and times that come twice have two, fold 0 and 1.
// Where the sources of these rules disagree: one counts every list or step as following the clock, the other steps and
// lists of more than an hour as fixed times. The second holds here: `0 */2` would lose its run at 02:00 by the first,
// and `0 1,2 * * *` would run twice at 01:00.
//
// Outside of the years 1900 to 2199 there are no slots.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jobs/cron.h"
#include "jobs/zone.h"

namespace weir::jobs {

struct Slot {
  Instant at;  // when it fires
  std::string
      local;     // what the schedule says: 2026-03-29T02:30, also where that is skipped; `every`: 2026-03-29T00:30:00Z
  int fold = 0;  // 1: the second time that this local time came
  bool operator==(Slot const&) const = default;
};

class Schedule {
 public:
  // Errors: Config.
  static Result<Schedule> cron(std::string_view expression, std::string_view zone);
  // At `anchor` and every `period` after it, in absolute time. Whole seconds; a period of 1 s to 10 years.
  static Result<Schedule> every(Duration period, Instant anchor = {});
  static Schedule manual();
  // "manual", "@every 6h", or a cron expression in `zone`.
  static Result<Schedule> parse(std::string_view text, std::string_view zone, Instant anchor = {});

  bool is_manual() const;
  std::string to_text() const;  // "30 2 * * * Europe/Berlin", "@every 6h", "manual"
  std::vector<std::string> warnings() const;

  // The first slot that fires after `after`. Always ends; none if there is none before 2200.
  std::optional<Slot> next(Instant after) const;

 private:
  friend class Outlook;
  struct Every {
    Duration period;
    Instant anchor;
  };
  struct InZone {
    Cron cron;
    Zone zone;
  };
  using Form = std::variant<std::monostate, Every, InZone>;

  explicit Schedule(Form form) : form_(std::move(form)) {}

  Form form_;
};

// --------------------------------------------------------------------------------------------------------- what is due

// What becomes of slots at which nobody was there to run them (weir was down, the schedule was off, the machine slept).
enum class Misfire {
  Coalesce,  // the latest runs, for all of them
  Skip,      // none runs
  All,       // the latest `most` run
};

struct MisfirePolicy {
  Misfire misfire = Misfire::Coalesce;
  std::size_t most = 10;  // of All; 1 to kMostListed
  // What is later than this does not run any more. None: no bound; the latest slot is never later than one period, so
  // with Coalesce a missed run is always made up for, once.
  std::optional<Duration> window = {};
  Duration grace = std::chrono::minutes(1);  // what is at most this late was not missed, and runs
};

constexpr std::size_t kMostListed = 100;

enum class Outcome { Fire, Coalesced, Skipped };

struct DueSlot {
  Slot slot;
  Outcome outcome = Outcome::Fire;
  Duration late = {};
  std::string reason;  // "" where a slot fires in time
};

struct Due {
  std::vector<DueSlot> slots;  // in time's order; the latest kMostListed
  // Where there were more: the first of all. Those from it to slots.front() are to be recorded as one, under its name,
  // as `outcome` and `reason` say; they are not counted, since years of missed minutes must cost nothing.
  std::optional<DueSlot> older;
};

// What is to be done about the slots in (handled, now]. Nothing where `now` is before `handled`: a clock that was set
// back fires nothing twice. Next time `handled` is this time's `now`.
Due due(Schedule const& schedule, Instant handled, Instant now, MisfirePolicy const& policy);

// How long after its slots the schedule of this name starts, so that a thousand hourly jobs do not start together: the
// same on every machine and for ever, at least 0 and less than `within`.
Duration jitter(std::string_view name, Duration within);

// ---------------------------------------------------------------------------------------------------- what is to come

struct Upcoming {
  std::optional<Slot> slot;  // none: a day that the schedule names and on which nothing runs
  std::string when;          // "Sun 2026-03-29 03:00 +02:00"; without slot "Sun 2026-03-29", or the month: "2027-02"
  std::string note;          // "02:30 does not exist that day: runs at 03:00"; "" = nothing to say
};

// The next `count` slots after `from`, and between them what one may wait for in vain.
std::vector<Upcoming> upcoming(Schedule const& schedule, Instant from, std::size_t count);

}  // namespace weir::jobs
