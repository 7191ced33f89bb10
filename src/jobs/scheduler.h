#pragma once
// From schedules to jobs: which slots have come, what becomes of each, and the jobs of those that fire. A slot's row
// and its job are made in one transaction, and a slot has one row for ever: several schedulers on one store, restarts
// and clocks that go back make no job twice. One thread at a time.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs/schedule.h"
#include "jobs/store.h"

namespace weir::jobs {

// Errors: Config, with the place in weir.yml.
Result<Schedule> schedule_of(config::Job const& job);
MisfirePolicy misfire_of(config::Job const& job);

class Scheduler {
 public:
  // Of the jobs that have a schedule. Error: Config (a cron expression or zone that is none).
  static Result<Scheduler> make(std::map<std::string, config::Job> const& jobs);

  // Makes the jobs that are due at the store's time; returns their numbers. To be called again at next() or before.
  Result<std::vector<std::int64_t>> tick(Store& store);
  // When the next slot comes, as far as the last tick() saw; nothing if none does.
  std::optional<Instant> next() const;

 private:
  struct Entry {
    config::Job job;
    Schedule schedule;
    MisfirePolicy misfire;
    std::string fingerprint;
    std::optional<Instant> handled_until;  // nothing: the store was not asked yet
    std::optional<Instant> next;
    bool is_enabled = true;
  };
  Status look_up(Store& store);
  static void find_next(Entry& entry);

  std::vector<Entry> entries_;
  std::optional<Instant> looked_up_at_;
};

}  // namespace weir::jobs
