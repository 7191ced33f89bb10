#pragma once
// Jobs and attempts as values, in Airbyte's words, and the rules by which they change: pure. States: pending (waits for
// its time or for another job), running, incomplete (an attempt failed, another one follows), and the final ones
// failed, succeeded, cancelled. A job in a final state never changes again: to repeat it is a new job.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"
#include "config/config.h"

namespace weir::jobs {

enum class JobState { Pending, Running, Incomplete, Failed, Succeeded, Cancelled };
std::string_view state_name(JobState state);
std::optional<JobState> job_state(std::string_view name);
bool is_final(JobState state);

enum class Cause { Schedule, Manual, Retry, Recovery };  // Recovery: what it is built from is fresh again
std::string_view cause_name(Cause cause);

// What kind of failure it is decides what follows.
enum class FailureClass {
  None,
  Transient,   // unreachable, a lock, a timeout: another try may well work
  Data,        // a value cannot be held, a proof failed: one more try
  Config,      // a file, a login, a right, an error in a model: no try changes it
  Held,        // refused to protect data: waits for a person
  Bug,         // of weir
  WorkerLost,  // the program that ran it went away, or did not answer for the length of its lease
  Stopping,    // weir was asked to stop: another worker, or the next start, goes on at once
  Cancelled,   // by a person
};
std::string_view class_name(FailureClass failure);
// `sqlstate`: of the error, "" where it has none. It has decided the kind (pg/errors.cc) but for what a kind does not
// tell: XX is a bug too, of the database.
FailureClass class_of(ErrorKind kind, std::string_view sqlstate);

// config::Job as JSON and back: a running job keeps what it was made with.
nlohmann::ordered_json definition_json(config::Job const& job);
config::Job definition_from(nlohmann::ordered_json const& json);

// What jobs may not use at the same time, from the first attempt until the job's end: "connection core", "dbt project".
std::vector<std::string> resources_of(config::Job const& job);

struct Job {
  std::int64_t id = 0;
  std::string name;
  JobState state = JobState::Pending;
  std::string cause, actor;
  config::Job definition;
  std::optional<std::int64_t> parent;
  std::string slot_local;
  std::optional<Instant> slot_at;
  Instant created_at{}, run_at{};
  std::optional<Instant> started_at, finished_at;
  int attempts = 0, uncounted = 0;
  std::string waiting;
  std::string resume;  // JSON, "" = from the beginning
  std::string cancelled_by;
  std::string worker;
  std::int64_t token = 0;
  bool is_hurried = false;  // a person asked for it, or for its next attempt, which waits for no endpoint
};

// The endpoints that what is left of the job needs (config::JobStep), each once.
std::vector<std::string> endpoints_of(Job const& job);

struct Attempt {
  std::int64_t job = 0;
  int n = 0;
  std::string state;  // running, failed, succeeded
  std::string worker;
  Instant started_at{};
  std::optional<Instant> ended_at;
  std::string failure;  // class_name()
  std::string error;    // JSON with the four parts
  std::int64_t published = 0, rows = 0;
};

// How an attempt ended.
struct AttemptEnd {
  FailureClass failure = FailureClass::None;      // None: it succeeded
  std::string error;                              // JSON with the four parts, "" if there is none
  std::int64_t published = 0, rows = 0;           // relations that got new rows, and those
  std::string resume;                             // JSON: where the next attempt goes on
  std::vector<std::string> reached, unreachable;  // endpoints that it needed: those that answered, those that did not
};

struct AfterAttempt {
  JobState state = JobState::Failed;
  Instant run_at{};    // of the next attempt, where state is Incomplete
  bool counts = true;  // the attempt uses up one of the job's
  std::string why;     // in one sentence, for logs and events
};

// What follows. `earlier`: the attempts before this one, in their order. `luck` in [0, 1) spreads the pauses of many
// jobs: a pause is between a half and the whole of first * factor^(n-1), at most `most`, n = failures in a row that
// published nothing. Rules: DESIGN 8; five attempts, of which one that published something is none (at most 20 of
// those).
AfterAttempt after_attempt(Job const& job, std::vector<Attempt> const& earlier, AttemptEnd const& end, Instant now,
                           double luck);

}  // namespace weir::jobs
