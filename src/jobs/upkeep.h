#pragma once
// Care of the state: what a restored copy must not forget, and what may be forgotten.

#include <memory>
#include <string>
#include <vector>

#include "jobs/store.h"

namespace weir::jobs {

// The last numbers given. Events are not among them: their numbers have no gaps.
struct Counters {
  std::int64_t job = 0, token = 0, incident = 0, message = 0;
};
Result<Counters> read_counters(Database& database);
// "job", "token", "incident" or "message": the last number given is at least `value`.
Status raise_counter(Database& database, std::string const& name, std::int64_t value);

// A warehouse has seen this token of the state's jobs: where it is one that this state has not given yet, it is an
// older copy, and its tokens and jobs go on far enough behind that none is given twice.
Status go_on_behind(Database& database, std::int64_t token);

// Makes an older copy the state: its schema is brought up to date, and its numbers go on behind `known`, so that no
// number is given twice. Nobody is logged in there. Written down as an event by `who`.
Status take_over(std::unique_ptr<Database> copy, Counters const& known, std::string const& who);

struct Pruned {
  std::vector<std::int64_t> jobs;
  std::int64_t events = 0;
};
// Forgets jobs that ended before `before`, and what belongs to them alone: not the latest of a name, nor what an open
// incident or a stale relation still needs. Numbers are not given again, and the log of events stays verifiable.
// `only_count`: changes nothing.
Result<Pruned> prune(Change& change, Instant before, bool only_count);

}  // namespace weir::jobs
