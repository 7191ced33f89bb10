#pragma once
// The state: jobs, attempts, slots, workers and the log of events, over a Database. Every function is one transaction:
// it happened, with the events that tell of it, or it did not. What changes a job checks the state that it changes
// from; what an attempt says is taken from its holder only (its token). Any thread may call; calls wait for each other.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/mutex.h"
#include "jobs/circuit.h"
#include "jobs/database.h"
#include "jobs/event.h"
#include "jobs/follower.h"
#include "jobs/job.h"
#include "jobs/schedule.h"

namespace weir::jobs {

struct NewJob {
  config::Job definition;
  Cause cause = Cause::Manual;
  std::string actor;
  std::optional<std::int64_t> parent;
  std::string resume;  // of the parent, where only the rest is to be done
};

struct Enqueued {
  std::int64_t job = 0;
  bool is_new = true;  // false: a job of that name is live already, and this is it
};

// A job that was taken up, to be carried out by whoever holds the token.
struct Claim {
  Job job;
  int attempt = 1;
  std::vector<Attempt> earlier;
};

struct JobFilter {
  std::string name;  // "" = all
  std::optional<JobState> state;
  std::optional<std::int64_t> before;  // smaller numbers than this
  int most = 50;
};

struct SlotRecord {
  std::string schedule, local, outcome, reason;
  int fold = 0;
  Instant at{};
  std::optional<std::int64_t> job;
};

struct ScheduleState {
  std::string name, fingerprint;
  Instant handled_until{};
  bool is_enabled = true;
};

// A worker's renewal: the tokens of the attempts that it still holds, and of those that somebody wants cancelled.
struct Renewed {
  std::vector<std::int64_t> held, to_cancel;
};

// One start of a program that carries jobs out.
struct WorkerInfo {
  std::string id;  // random; see new_worker()
  std::string host;
  std::int64_t pid = 0;
  std::string version, folder;  // of its logs
};

class Store {
 public:
  // Brings the schema up to date. `actor`: who is named in events that nobody asked for. `follower`: is told each event
  // that is written; outlives the store; null: nobody is. Errors: Config (the state was written by a newer weir), and
  // the database's.
  static Result<std::unique_ptr<Store>> open(std::unique_ptr<Database> database, std::string actor,
                                             Follower* follower = nullptr);

  // Whether open() would change the schema of what an earlier weir wrote: time for a copy. SQLite only.
  static Result<bool> is_behind(Database& database);

  // ---- jobs
  Result<Enqueued> enqueue(NewJob job);
  // The next job that may begin now, or the one of that number; nothing if there is none. Those whose resources another
  // live job holds stay, and say so (`waiting`); those that need an endpoint that does not answer, too (circuit.h):
  // whichever of them has had the most attempts is the next to try it, so that somebody is told in the end.
  Result<std::optional<Claim>> claim(std::string const& worker, Duration lease, std::optional<std::int64_t> only = {});
  // `luck` as after_attempt() takes it. Error: Refused where the attempt is no longer this claim's (its lease ended,
  // and somebody else went on): nothing changes then.
  Result<AfterAttempt> finish(Claim const& claim, AttemptEnd const& end, double luck);
  Result<Renewed> renew(std::string const& worker, Duration lease);
  Result<Renewed> held_by(std::string const& worker);  // the same, without renewing
  // Attempts whose lease has ended; with `all_but`, every running one of other workers (SQLite only: they cannot be
  // alive).
  // Each ends as "worker lost". Returns the jobs.
  Result<std::vector<std::int64_t>> expire(double luck, std::optional<std::string> all_but = {});
  // Jobs that waited longer for their first attempt than their queue timeout fail, and those whose next attempt could
  // not begin within their job timeout.
  Result<std::vector<std::int64_t>> expire_queue();
  // Cancelled at once, or, where it runs, by whoever runs it. Error: Refused (it has ended), Usage (there is none).
  Result<JobState> cancel(std::int64_t job, std::string const& who);
  // An incomplete job's next attempt begins now, whether the endpoints that it needs answer or not; likewise that of a
  // job that waits. Error: Refused (it does neither).
  Status retry_now(std::int64_t job, std::string const& who);

  Result<Job> job(std::int64_t id);                        // Usage: there is none, and what the numbers are
  Result<std::vector<Job>> jobs(JobFilter const& filter);  // newest first
  Result<std::vector<Attempt>> attempts(std::int64_t job);
  // When the earliest pending or incomplete job is due, if there is one.
  Result<std::optional<Instant>> next_due();
  Result<std::vector<Circuit>> circuits();  // as read_circuits()

  // ---- schedules
  Result<std::map<std::string, ScheduleState>> schedules();
  // A schedule of another fingerprint than the one that is known begins now: what it missed before does not count.
  Result<ScheduleState> meet_schedule(std::string const& name, std::string const& fingerprint);
  Status enable_schedule(std::string const& name, bool enabled, std::string const& who);
  // The slots and how far they were looked at, and the jobs of those that fire. A slot that has its row already is left
  // as it is; of those that come while their job is running, the latest has a job of its own once that one has
  // succeeded. Returns the jobs made.
  Result<std::vector<std::int64_t>> record_slots(std::string const& name, std::vector<DueSlot> const& slots,
                                                 Instant handled_until, config::Job const& definition);
  Result<std::vector<SlotRecord>> slots(std::string const& name, int most);

  // ---- workers, events
  Status meet_worker(WorkerInfo const& worker);
  Result<std::optional<WorkerInfo>> worker(std::string const& id);
  // In one transaction. Of an attempt, from its holder only: Refused as with finish(); null: of no attempt.
  Status add_events(std::vector<NewEvent> const& events, Claim const* claim = nullptr);
  // In their order, after `after`.
  Result<std::vector<Event>> events(std::int64_t after, std::optional<std::int64_t> job, int most);
  // The first event whose hash is not what it must be; nothing = the chain is whole.
  Result<std::optional<std::int64_t>> broken_link();

  Result<Instant> now();
  // This state's own name, by which it is told from others. There is none before the first event.
  Result<std::string> instance();
  // Looks at the database, or copies it, outside of a transaction; changes nothing.
  Status look(std::function<Status(Database& database)> const& looking);
  // One transaction over what stands beside jobs: it is kept if `change` succeeds. No other function of the store may
  // be called from within.
  Status transact(std::function<Status(Change& change)> const& change);

 private:
  class Transaction;
  Store(std::unique_ptr<Database> database, std::string actor, Follower* follower)
      : database_(std::move(database)), actor_(std::move(actor)), follower_(follower) {}

  Status migrate() WEIR_REQUIRES(mutex_);
  Result<Instant> clock() WEIR_REQUIRES(mutex_);
  Result<std::int64_t> next(char const* counter) WEIR_REQUIRES(mutex_);
  Result<Enqueued> insert_job(NewJob const& job, DueSlot const* slot, Instant now) WEIR_REQUIRES(mutex_);
  using Circuits = std::vector<Circuit>;
  Result<std::vector<Job>> due_jobs(Instant now, std::optional<std::int64_t> only, Job const* behind,
                                    Circuits const& open) WEIR_REQUIRES(mutex_);
  Result<std::optional<Claim>> take(Job job, std::string const& worker, Duration lease, Instant now, Circuits& open)
      WEIR_REQUIRES(mutex_);
  Result<std::string> holder_of(Job const& job) WEIR_REQUIRES(mutex_);
  Result<Circuits> open_circuits() WEIR_REQUIRES(mutex_);
  Status keep_circuit(Circuit const& circuit) WEIR_REQUIRES(mutex_);
  Status begin_to_try(Job const& job, Circuits& open) WEIR_REQUIRES(mutex_);
  Status tell_circuits(Job const& job, Instant began, AttemptEnd const& end, Instant now) WEIR_REQUIRES(mutex_);
  static Renewed renewed(Rows const& rows);
  Result<bool> holds(Claim const& claim) WEIR_REQUIRES(mutex_);
  Result<AfterAttempt> end_attempt(Job const& job, std::vector<Attempt> const& attempts, AttemptEnd const& end,
                                   double luck, Instant now) WEIR_REQUIRES(mutex_);
  Status end_job(Job const& job, JobState state, std::string const& why, Instant now) WEIR_REQUIRES(mutex_);
  Result<bool> follow_up(std::int64_t job, Slot const& slot) WEIR_REQUIRES(mutex_);
  Status begin_follow_up(Job const& job, Instant now) WEIR_REQUIRES(mutex_);
  Result<std::int64_t> append(NewEvent const& event, std::string const& actor, Instant now) WEIR_REQUIRES(mutex_);
  Change change(Instant now) WEIR_REQUIRES(mutex_);

  Mutex mutex_;
  std::unique_ptr<Database> database_ WEIR_GUARDED_BY(mutex_);
  std::string const actor_;  // of what nobody asked for: schedule, worker
  CircuitRules const circuit_rules_ = circuit_rules();
  Follower* const follower_;
};

}  // namespace weir::jobs
