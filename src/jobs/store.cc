#include "jobs/store.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/embedded.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "jobs/read.h"

namespace weir::jobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMigrations = "migrations/state/";
constexpr std::string_view kWorkerActor = "weir";
constexpr std::size_t kDuePage = 100;

std::string event_digest(std::string const& before, Event const& event) {
  Json const fields =
      Json::array({before, event.seq, event.at.time_since_epoch().count(), event.actor, event.kind, event.object,
                   event.job ? Json(*event.job) : Json(), event.attempt ? Json(*event.attempt) : Json(), event.data});
  return sha256_hex(json_line(fields));
}

Error overtaken(Claim const& claim) {
  return Error(ErrorKind::Refused,
               fmt::format("attempt {} of job {} is no longer this worker's", claim.attempt, claim.job.id))
      .cause("its lease ended before it was renewed")
      .state("what the attempt had not published is not published; another attempt goes on from there")
      .next(fmt::format("weir job show {} says who goes on", claim.job.id));
}

std::string_view outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::Fire:
      return "fired";
    case Outcome::Coalesced:
      return "coalesced";
    case Outcome::Skipped:
      return "skipped";
  }
  return "";
}

// What is told of slots that came while no weir was there to see to them; nothing where all were in time, or nearly so.
std::optional<Json> missed_data(std::vector<DueSlot> const& slots, Instant now) {
  constexpr Duration kTolerated = std::chrono::minutes(5);
  std::int64_t count = 0;
  bool catches_up = false;
  std::string first;
  for (auto const& due : slots) {
    bool const is_missed = due.outcome != Outcome::Fire || now - due.slot.at > kTolerated;
    if (!is_missed) continue;
    if (first.empty()) first = due.slot.local;
    count += 1;
    catches_up = catches_up || due.outcome == Outcome::Fire;
  }
  if (count == 0) return std::nullopt;
  return Json{{"missed", count}, {"catches_up", catches_up}, {"why", fmt::format("no weir was running at {}", first)}};
}

// A person made the job: it waits for no endpoint, and what it does not reach counts for nobody else.
bool is_by_hand(std::string_view cause) {
  return cause == cause_name(Cause::Manual) || cause == cause_name(Cause::Retry);
}

// What of `open` the job needs.
std::vector<Circuit*> needed(Job const& job, std::vector<Circuit>& open) {
  auto const names = endpoints_of(job);
  std::vector<Circuit*> found;
  for (auto& one : open)
    if (std::find(names.begin(), names.end(), one.endpoint) != names.end()) found.push_back(&one);
  return found;
}

std::string why_wait(Job const& job, std::vector<Circuit>& open, Instant now) {
  for (auto const* one : open.empty() ? std::vector<Circuit*>() : needed(job, open))
    if (auto why = why_wait(*one, now); !why.empty()) return why;
  return {};
}

// Those that need an open circuit's endpoint come first, whoever has had the most attempts before all: it fails for
// good soonest, and is told of.
void try_first(std::vector<Job>& jobs, std::vector<Circuit>& open) {
  auto const behind =
      std::stable_partition(jobs.begin(), jobs.end(), [&](Job const& job) { return !needed(job, open).empty(); });
  std::stable_sort(jobs.begin(), behind, [](Job const& a, Job const& b) { return a.attempts > b.attempts; });
}

std::string_view event_of_state(JobState state) {
  switch (state) {
    case JobState::Succeeded:
      return "weir.job.succeeded";
    case JobState::Cancelled:
      return "weir.job.cancelled";
    default:
      return "weir.job.failed";
  }
}

}  // namespace

// Rolled back unless it was committed.
class Store::Transaction {
 public:
  static Result<Transaction> begin(Database& database) {
    WEIR_DO(database.begin());
    return Transaction(database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ != nullptr) database_->rollback();
  }
  Status commit() { return std::exchange(database_, nullptr)->commit(); }

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

Result<std::unique_ptr<Store>> Store::open(std::unique_ptr<Database> database, std::string actor, Follower* follower) {
  std::unique_ptr<Store> store(new Store(std::move(database), std::move(actor), follower));
  MutexLock lock(store->mutex_);
  WEIR_DO(store->migrate());
  return store;
}

Result<bool> Store::is_behind(Database& database) {
  WEIR_TRY(auto const tables,
           database.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'"));
  if (tables.empty()) return false;
  WEIR_TRY(auto const known, database.query("SELECT coalesce(max(version), 0) FROM schema_version"));
  return known.number(0, 0) > 0 && known.number(0, 0) < static_cast<std::int64_t>(embedded_files(kMigrations).size());
}

Status Store::migrate() {
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_DO(database_->script("CREATE TABLE IF NOT EXISTS schema_version (version bigint PRIMARY KEY)"));
  WEIR_TRY(auto const known, database_->query("SELECT coalesce(max(version), 0) FROM schema_version"));
  auto const files = embedded_files(kMigrations);
  auto const newest = static_cast<std::int64_t>(files.size());
  std::int64_t const version = known.number(0, 0);
  if (version > newest)
    return Error(ErrorKind::Config,
                 fmt::format("the state is of version {}, and this weir knows versions up to {}", version, newest))
        .cause("a newer weir wrote it")
        .state("nothing was changed")
        .next("run that weir");
  for (std::int64_t next = version; next < newest; ++next) {
    WEIR_DO(database_->script(embedded_file(files[static_cast<std::size_t>(next)])));
    WEIR_TRY(auto const done, database_->query("INSERT INTO schema_version VALUES ($1)", {next + 1}));
  }
  return transaction.commit();
}

Result<Instant> Store::clock() {
  WEIR_TRY(auto const us, database_->now_us());
  return Instant(Duration(us));
}

Result<Instant> Store::now() {
  MutexLock lock(mutex_);
  return clock();
}

Result<std::string> Store::instance() {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto name, instance_of(*database_));
  WEIR_DO(transaction.commit());
  return name;
}

Result<std::int64_t> Store::next(char const* counter) {
  WEIR_TRY(auto const rows,
           database_->query("UPDATE counter SET value = value + 1 WHERE name = $1 RETURNING value", {counter}));
  return rows.number(0, 0);
}

// ---------------------------------------------------------------------------------------------------------------- jobs

Result<Enqueued> Store::insert_job(NewJob const& job, DueSlot const* slot, Instant now) {
  WEIR_TRY(auto const live,
           database_->query("SELECT id FROM job WHERE name = $1 AND state IN ('pending', 'running', 'incomplete')",
                            {job.definition.name}));
  if (!live.empty()) return Enqueued{live.number(0, 0), false};
  WEIR_TRY(auto const id, next("job"));
  Instant const run_at =
      slot == nullptr ? now : slot->slot.at + jitter(job.definition.name, job.definition.when.jitter);
  WEIR_TRY(auto const done,
           database_->query(
               "INSERT INTO job (id, name, state, cause, actor, definition, resources, parent, slot_local, "
               "slot_at, created_at, run_at, resume, hurried) "
               "VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
               {id, job.definition.name, cause_name(job.cause), job.actor, json_line(definition_json(job.definition)),
                join(resources_of(job.definition), "\n"), job.parent,
                slot == nullptr ? Value() : Value(slot->slot.local), slot == nullptr ? Value() : Value(slot->slot.at),
                now, std::max(now, run_at), job.resume, is_by_hand(cause_name(job.cause)) ? 1 : 0}));
  Json data{{"cause", cause_name(job.cause)}};
  if (slot != nullptr) data["slot"] = slot->slot.local;
  if (job.parent) data["parent"] = *job.parent;
  if (!job.resume.empty()) data["goes_on"] = true;
  WEIR_DO(append(NewEvent{"weir.job.queued", job.definition.name, id, {}, json_line(data)}, job.actor, now));
  return Enqueued{id, true};
}

Result<Enqueued> Store::enqueue(NewJob job) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto const made, insert_job(job, nullptr, now));
  WEIR_DO(transaction.commit());
  return made;
}

Result<std::optional<Claim>> Store::claim(std::string const& worker, Duration lease, std::optional<std::int64_t> only) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto open, open_circuits());
  auto const may_be_tried = [now](Circuit const& one) { return why_wait(one, now).empty(); };
  bool const tries = std::any_of(open.begin(), open.end(), may_be_tried);
  std::optional<Claim> claimed;
  std::vector<Job> jobs;
  for (bool more = true; more && !claimed;) {
    std::optional<Job> const last = jobs.empty() ? std::nullopt : std::optional(jobs.back());
    if (!tries) jobs.clear();
    WEIR_TRY(auto page, due_jobs(now, only, last ? &*last : nullptr, open));
    more = page.size() == kDuePage;
    std::move(page.begin(), page.end(), std::back_inserter(jobs));
    if (tries && more) continue;
    if (tries) try_first(jobs, open);
    for (std::size_t i = 0; i < jobs.size() && !claimed; ++i) {
      WEIR_TRY(claimed, take(jobs[i], worker, lease, now, open));
    }
  }
  WEIR_DO(transaction.commit());
  return claimed;
}

// The next of those that could begin, in the order of their turn. Those that are known to wait for an endpoint still
// do.
Result<std::vector<Job>> Store::due_jobs(Instant now, std::optional<std::int64_t> only, Job const* behind,
                                         Circuits const& open) {
  std::vector<Value> values = {
      now, only.value_or(0),
      behind == nullptr ? Value(std::numeric_limits<std::int64_t>::min()) : Value(behind->run_at),
      behind == nullptr ? 0 : behind->id};
  std::string waiting;
  for (auto const& one : open) {
    auto why = why_wait(one, now);
    if (why.empty()) continue;
    values.emplace_back(std::move(why));
    waiting += fmt::format("{}${}", waiting.empty() ? "" : ", ", values.size());
  }
  if (!waiting.empty()) waiting = fmt::format("AND (hurried <> 0 OR waiting NOT IN ({})) ", waiting);
  WEIR_TRY(auto const rows,
           database_->query(fmt::format("SELECT {} FROM job WHERE state IN ('pending', 'incomplete') AND run_at <= $1 "
                                        "AND ($2 = 0 OR id = $2) AND (run_at > $3 OR (run_at = $3 AND id > $4)) "
                                        "{}ORDER BY run_at, id LIMIT {}",
                                        kJobColumns, waiting, kDuePage),
                            values));
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < rows.size(); ++i) jobs.push_back(job_of(rows, i));
  return jobs;
}

// Why the job cannot begin: which live job holds what it needs; "" if nothing does.
Result<std::string> Store::holder_of(Job const& job) {
  for (auto const& resource : resources_of(job.definition)) {
    WEIR_TRY(auto const rows,
             database_->query("SELECT h.job, j.name FROM held_resource h JOIN job j ON j.id = h.job WHERE "
                              "h.resource = $1 AND h.job <> $2",
                              {resource, job.id}));
    if (!rows.empty()) return fmt::format("job {} ({}) has {}", rows.number(0, 0), rows.text(0, 1), resource);
  }
  return std::string();
}

Result<std::optional<Claim>> Store::take(Job job, std::string const& worker, Duration lease, Instant now,
                                         Circuits& open) {
  WEIR_TRY(auto waits, holder_of(job));
  if (waits.empty() && !job.is_hurried) waits = why_wait(job, open, now);
  if (!waits.empty()) {
    if (waits != job.waiting) {
      WEIR_TRY(auto const told, database_->query("UPDATE job SET waiting = $2 WHERE id = $1", {job.id, waits}));
    }
    return std::optional<Claim>();
  }
  for (auto const& resource : resources_of(job.definition)) {
    WEIR_TRY(auto const held,
             database_->query("INSERT INTO held_resource (resource, job) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                              {resource, job.id}));
  }
  WEIR_TRY(job.token, next("token"));
  bool const is_first = job.state == JobState::Pending;
  job.state = JobState::Running;
  job.worker = worker;
  job.attempts += 1;
  if (!job.started_at) job.started_at = now;
  WEIR_TRY(auto const taken,
           database_->query(
               "UPDATE job SET state = 'running', attempts = $2, started_at = $3, waiting = '', worker = $4, "
               "token = $5, lease_until = $6, hurried = $7 WHERE id = $1 AND state IN ('pending', 'incomplete')",
               {job.id, job.attempts, *job.started_at, worker, job.token, now + lease, is_by_hand(job.cause) ? 1 : 0}));
  WEIR_DO(begin_to_try(job, open));
  WEIR_TRY(auto earlier, read_attempts(*database_, job.id));
  WEIR_TRY(auto const begun,
           database_->query(
               "INSERT INTO attempt (job, n, state, worker, token, started_at) VALUES ($1, $2, 'running', $3, $4, $5)",
               {job.id, job.attempts, worker, job.token, now}));
  if (is_first) {
    WEIR_DO(append(NewEvent{"weir.job.started", job.name, job.id, {}, "{}"}, std::string(kWorkerActor), now));
  }
  WEIR_DO(append(NewEvent{"weir.attempt.started", job.name, job.id, job.attempts,
                          json_line(Json{{"of", job.definition.attempts}})},
                 std::string(kWorkerActor), now));
  int const attempt = job.attempts;
  return std::optional<Claim>(Claim{std::move(job), attempt, std::move(earlier)});
}

Status Store::end_job(Job const& job, JobState state, std::string const& why, Instant now) {
  WEIR_TRY(
      auto const done,
      database_->query("UPDATE job SET state = $2, finished_at = $3, waiting = '', lease_until = NULL WHERE id = $1",
                       {job.id, state_name(state), now}));
  WEIR_TRY(auto const freed, database_->query("DELETE FROM held_resource WHERE job = $1", {job.id}));
  WEIR_DO(append(NewEvent{std::string(event_of_state(state)), job.name, job.id, {}, json_line(Json{{"why", why}})},
                 std::string(kWorkerActor), now));
  return {};
}

Result<AfterAttempt> Store::end_attempt(Job const& job, std::vector<Attempt> const& attempts, AttemptEnd const& end,
                                        double luck, Instant now) {
  std::vector<Attempt> earlier(attempts.begin(), attempts.end() - (attempts.empty() ? 0 : 1));
  auto const after = after_attempt(job, earlier, end, now, luck);
  bool const well = end.failure == FailureClass::None;
  WEIR_TRY(auto const ended,
           database_->query(
               "UPDATE attempt SET state = $3, ended_at = $4, class = $5, error = $6, published = $7, rows = $8 "
               "WHERE job = $1 AND n = $2 AND state = 'running'",
               {job.id, job.attempts, well ? "succeeded" : "failed", now, class_name(end.failure), end.error,
                end.published, end.rows}));
  Json data{{"published", end.published}, {"rows", end.rows}};
  if (!well) {
    data["class"] = class_name(end.failure);
    data["then"] = after.why;
    if (!end.error.empty()) data["error"] = parse_json(end.error);
  }
  WEIR_DO(append(NewEvent{well ? "weir.attempt.succeeded" : "weir.attempt.failed", job.name, job.id, job.attempts,
                          json_line(data)},
                 std::string(kWorkerActor), now));
  WEIR_DO(tell_circuits(job, attempts.empty() ? now : attempts.back().started_at, end, now));
  WEIR_TRY(auto const changed,
           database_->query(
               "UPDATE job SET state = $2, run_at = $3, uncounted = uncounted + $4, resume = $5, lease_until = NULL "
               "WHERE id = $1",
               {job.id, state_name(after.state), after.state == JobState::Incomplete ? after.run_at : job.run_at,
                after.counts ? 0 : 1, end.resume.empty() ? job.resume : end.resume}));
  if (is_final(after.state)) {
    WEIR_DO(end_job(job, after.state, after.why, now));
  }
  if (after.state == JobState::Succeeded) {
    WEIR_DO(begin_follow_up(job, now));
  }
  return after;
}

Result<bool> Store::holds(Claim const& claim) {
  WEIR_TRY(auto const rows, database_->query("SELECT 1 FROM job WHERE id = $1 AND token = $2 AND state = 'running'",
                                             {claim.job.id, claim.job.token}));
  return !rows.empty();
}

Result<AfterAttempt> Store::finish(Claim const& claim, AttemptEnd const& end, double luck) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(bool const is_holder, holds(claim));
  if (!is_holder) return overtaken(claim);
  WEIR_TRY(auto const job, read_job(*database_, claim.job.id));
  WEIR_TRY(auto const attempts, read_attempts(*database_, claim.job.id));
  WEIR_TRY(auto after, end_attempt(job, attempts, end, luck, now));
  WEIR_DO(transaction.commit());
  return after;
}

Result<Renewed> Store::renew(std::string const& worker, Duration lease) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto const rows,
           database_->query(
               "UPDATE job SET lease_until = $2 WHERE worker = $1 AND state = 'running' RETURNING token, cancelled_by",
               {worker, now + lease}));
  WEIR_TRY(auto const seen, database_->query("UPDATE worker SET last_seen = $2 WHERE id = $1", {worker, now}));
  WEIR_DO(transaction.commit());
  return renewed(rows);
}

Result<Renewed> Store::held_by(std::string const& worker) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows,
           database_->query("SELECT token, cancelled_by FROM job WHERE worker = $1 AND state = 'running'", {worker}));
  return renewed(rows);
}

Renewed Store::renewed(Rows const& rows) {
  Renewed found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    found.held.push_back(rows.number(i, 0));
    if (!rows.text(i, 1).empty()) found.to_cancel.push_back(rows.number(i, 0));
  }
  return found;
}

Result<std::vector<std::int64_t>> Store::expire(double luck, std::optional<std::string> all_but) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  std::string_view const which = all_but ? "worker <> $1" : "lease_until < $1";
  WEIR_TRY(
      auto const rows,
      database_->query(fmt::format("SELECT {} FROM job WHERE state = 'running' AND {} ORDER BY id", kJobColumns, which),
                       {all_but ? Value(*all_but) : Value(now)}));
  std::vector<std::int64_t> lost;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Job const job = job_of(rows, i);
    AttemptEnd end;
    end.failure = FailureClass::WorkerLost;
    end.error =
        json_line(Error(ErrorKind::Unavailable,
                        fmt::format("the program that ran attempt {} of job {} went away", job.attempts, job.id))
                      .state("what the attempt had not published is not published; the old data is still served")
                      .next("nothing to do: the next attempt goes on")
                      .to_json());
    WEIR_TRY(auto const attempts, read_attempts(*database_, job.id));
    WEIR_TRY(auto const after, end_attempt(job, attempts, end, luck, now));
    lost.push_back(job.id);
  }
  WEIR_DO(transaction.commit());
  return lost;
}

Result<std::vector<std::int64_t>> Store::expire_queue() {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(
      auto const rows,
      database_->query(fmt::format(
          "SELECT {} FROM job WHERE state IN ('pending', 'incomplete') AND waiting <> '' ORDER BY id", kJobColumns)));
  std::vector<std::int64_t> failed;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Job const job = job_of(rows, i);
    bool const has_begun = job.started_at.has_value();
    auto const limit = has_begun ? job.definition.job_timeout : job.definition.queue_timeout;
    if (now - job.started_at.value_or(job.run_at) <= limit) continue;
    std::string const what =
        has_begun ? fmt::format("its next attempt could not begin within {} of the first", format_duration(limit))
                  : fmt::format("it waited longer than {}", format_duration(limit));
    WEIR_DO(end_job(job, JobState::Failed, fmt::format("{}: {}", what, job.waiting), now));
    failed.push_back(job.id);
  }
  WEIR_DO(transaction.commit());
  return failed;
}

Result<JobState> Store::cancel(std::int64_t id, std::string const& who) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto job, read_job(*database_, id));
  if (is_final(job.state))
    return Error(ErrorKind::Refused,
                 fmt::format("job {} has {} already", id,
                             job.state == JobState::Cancelled ? "been cancelled" : state_name(job.state)))
        .state("nothing was changed");
  WEIR_TRY(auto const told, database_->query("UPDATE job SET cancelled_by = $2 WHERE id = $1", {id, who}));
  WEIR_DO(append(NewEvent{"weir.job.cancel_asked", job.name, id, {}, "{}"}, who, now));
  if (job.state != JobState::Running) {
    WEIR_DO(end_job(job, JobState::Cancelled, fmt::format("cancelled by {}", who), now));
    job.state = JobState::Cancelled;
  }
  WEIR_DO(transaction.commit());
  return job.state;
}

Status Store::retry_now(std::int64_t id, std::string const& who) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto const job, read_job(*database_, id));
  bool const waits = job.state == JobState::Pending && !job.waiting.empty() && !job.is_hurried;
  if (job.state != JobState::Incomplete && !waits)
    return Error(ErrorKind::Refused,
                 fmt::format("job {} does not wait for another attempt: it is {}", id, state_name(job.state)))
        .state("nothing was changed");
  WEIR_TRY(auto const done,
           database_->query("UPDATE job SET run_at = $2, hurried = 1 WHERE id = $1", {id, waits ? job.run_at : now}));
  WEIR_DO(append(NewEvent{"weir.job.hurried", job.name, id, {}, "{}"}, who, now));
  return transaction.commit();
}

Result<Job> Store::job(std::int64_t id) {
  MutexLock lock(mutex_);
  return read_job(*database_, id);
}

Result<std::vector<Job>> Store::jobs(JobFilter const& filter) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows,
           database_->query(
               fmt::format("SELECT {} FROM job WHERE ($1 = '' OR name = $1) AND ($2 = '' OR state = $2) "
                           "AND ($3 = 0 OR id < $3) ORDER BY id DESC LIMIT $4",
                           kJobColumns),
               {filter.name, filter.state ? state_name(*filter.state) : "", filter.before.value_or(0), filter.most}));
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < rows.size(); ++i) jobs.push_back(job_of(rows, i));
  return jobs;
}

Result<std::vector<Attempt>> Store::attempts(std::int64_t job) {
  MutexLock lock(mutex_);
  return read_attempts(*database_, job);
}

Result<std::optional<Instant>> Store::next_due() {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows, database_->query("SELECT min(run_at) FROM job WHERE state IN ('pending', 'incomplete')"));
  return rows.maybe_instant(0, 0);
}

// ------------------------------------------------------------------------------------------------------------ circuits

Result<std::vector<Circuit>> Store::circuits() {
  MutexLock lock(mutex_);
  return read_circuits(*database_);
}

Result<Store::Circuits> Store::open_circuits() {
  WEIR_TRY(auto all, read_circuits(*database_));
  std::erase_if(all, [](Circuit const& one) { return !one.is_open(); });
  return all;
}

Status Store::keep_circuit(Circuit const& one) {
  Json failures = Json::array();
  for (auto const at : one.failures) failures.push_back(at.time_since_epoch().count());
  WEIR_TRY(
      auto const kept,
      database_->query(
          "INSERT INTO circuit (endpoint, failures, opened_at, since, pause, next_try, probe, job) VALUES ($1, $2, "
          "$3, $4, $5, $6, $7, $8) ON CONFLICT (endpoint) DO UPDATE SET failures = excluded.failures, opened_at = "
          "excluded.opened_at, since = excluded.since, pause = excluded.pause, next_try = excluded.next_try, probe "
          "= excluded.probe, job = excluded.job",
          {one.endpoint, json_line(failures), one.opened_at, one.since, static_cast<std::int64_t>(one.pause.count()),
           one.next_try, one.probe, one.job}));
  return {};
}

// The attempt that begins is the one that tries the endpoints that it needs, where no other one does.
Status Store::begin_to_try(Job const& job, Circuits& open) {
  if (open.empty() || job.is_hurried) return {};
  for (auto* one : needed(job, open)) {
    if (one->probe != 0) continue;
    one->probe = job.token;
    one->job = job.id;
    WEIR_DO(keep_circuit(*one));
  }
  return {};
}

Status Store::tell_circuits(Job const& job, Instant began, AttemptEnd const& end, Instant now) {
  WEIR_TRY(auto circuits, read_circuits(*database_));
  for (auto const& name : end.unreachable)
    if (std::none_of(circuits.begin(), circuits.end(), [&](Circuit const& one) { return one.endpoint == name; }))
      circuits.push_back(Circuit{.endpoint = name});
  for (auto& one : circuits) {
    auto met = met_by(end, one.endpoint);
    if (met == Met::Nothing && is_by_hand(job.cause)) met = Met::Unknown;
    bool const was_well = one.failures.empty() && !one.is_open();
    if (met == Met::Unknown ? one.probe != job.token : met == Met::Endpoint && was_well) continue;
    auto const since = one.since;
    auto const change = after_attempt(one, met, job.token, began, now, circuit_rules_);
    WEIR_DO(keep_circuit(one));
    if (change == CircuitChange::None) continue;
    if (change == CircuitChange::Closed) {
      WEIR_TRY(auto const freed,
               database_->query("UPDATE job SET waiting = '' WHERE state IN ('pending', 'incomplete') AND "
                                "substr(waiting, 1, length($1)) = $1",
                                {circuit_text_begin(one.endpoint)}));
    }
    bool const opened = change == CircuitChange::Opened;
    Json const data =
        opened
            ? Json{{"since", iso_text(one.since)},
                   {"why", fmt::format("{} did not reach it within {}; jobs that need it wait, and one at a time "
                                       "tries it",
                                       plural(one.failures.size(), "attempt"), format_duration(circuit_rules_.within))}}
            : Json{{"since", iso_text(since)}, {"why", "an attempt reached it"}};
    WEIR_DO(append(NewEvent{opened ? "weir.endpoint.circuit.opened" : "weir.endpoint.circuit.closed", one.endpoint,
                            job.id, job.attempts, json_line(data)},
                   std::string(kWorkerActor), now));
  }
  return {};
}

// ----------------------------------------------------------------------------------------------------------- schedules

Result<std::map<std::string, ScheduleState>> Store::schedules() {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows, database_->query("SELECT name, fingerprint, handled_until, enabled FROM schedule"));
  std::map<std::string, ScheduleState> known;
  for (std::size_t i = 0; i < rows.size(); ++i)
    known[rows.text(i, 0)] =
        ScheduleState{rows.text(i, 0), rows.text(i, 1), rows.instant(i, 2), rows.number(i, 3) != 0};
  return known;
}

Result<ScheduleState> Store::meet_schedule(std::string const& name, std::string const& fingerprint) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto const done,
           database_->query(
               "INSERT INTO schedule (name, fingerprint, handled_until) VALUES ($1, $2, $3) ON CONFLICT (name) DO "
               "UPDATE SET handled_until = CASE WHEN schedule.fingerprint = excluded.fingerprint THEN "
               "schedule.handled_until ELSE excluded.handled_until END, fingerprint = excluded.fingerprint "
               "RETURNING fingerprint, handled_until, enabled",
               {name, fingerprint, now}));
  WEIR_DO(transaction.commit());
  return ScheduleState{name, done.text(0, 0), done.instant(0, 1), done.number(0, 2) != 0};
}

Status Store::enable_schedule(std::string const& name, bool enabled, std::string const& who) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  // What came by while it was off does not count as missed.
  WEIR_TRY(auto const done,
           database_->query(
               "INSERT INTO schedule (name, fingerprint, handled_until, enabled) VALUES ($1, '', $2, $3) ON CONFLICT "
               "(name) DO UPDATE SET handled_until = excluded.handled_until, enabled = excluded.enabled",
               {name, now, enabled ? 1 : 0}));
  WEIR_DO(append(NewEvent{enabled ? "weir.schedule.enabled" : "weir.schedule.disabled", name, {}, {}, "{}"}, who, now));
  return transaction.commit();
}

// One job behind a job that runs: what it reads may be older than the slot. A job that waits, or whose next attempt
// does, begins behind the slot anyway.
Result<bool> Store::follow_up(std::int64_t job, Slot const& slot) {
  WEIR_TRY(
      auto const rows,
      database_->query("UPDATE job SET follow_local = $2, follow_fold = $3, follow_at = $4 WHERE id = $1 AND state "
                       "= 'running' RETURNING id",
                       {job, slot.local, slot.fold, slot.at}));
  return !rows.empty();
}

// What a slot wanted that came while the job was running, unless its schedule is off by now.
Status Store::begin_follow_up(Job const& job, Instant now) {
  WEIR_TRY(auto const rows,
           database_->query("SELECT j.follow_local, j.follow_fold, j.follow_at FROM job j JOIN schedule s ON s.name = "
                            "j.name WHERE j.id = $1 AND j.follow_at IS NOT NULL AND s.enabled <> 0",
                            {job.id}));
  if (rows.empty()) return {};
  DueSlot due;
  due.slot.local = rows.text(0, 0);
  due.slot.fold = static_cast<int>(rows.number(0, 1));
  due.slot.at = rows.instant(0, 2);
  NewJob next;
  next.definition = job.definition;
  next.cause = Cause::Schedule;
  next.actor = "schedule";
  WEIR_TRY(auto const made, insert_job(next, &due, now));
  WEIR_TRY(
      auto const told,
      database_->query(
          "UPDATE slot SET job = $4, outcome = 'fired', reason = $5 WHERE schedule = $1 AND local = $2 AND fold = $3",
          {job.name, due.slot.local, due.slot.fold, made.job, fmt::format("it waited for job {}", job.id)}));
  return {};
}

Result<std::vector<std::int64_t>> Store::record_slots(std::string const& name, std::vector<DueSlot> const& slots,
                                                      Instant handled_until, config::Job const& definition) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  // Others may have switched the schedule off meanwhile, or recorded some of them.
  WEIR_TRY(auto const off, database_->query("SELECT 1 FROM schedule WHERE name = $1 AND enabled = 0", {name}));
  if (!off.empty()) return std::vector<std::int64_t>();
  std::vector<DueSlot> fresh;
  for (auto const& due : slots) {
    WEIR_TRY(auto const is_new,
             database_->query(
                 "INSERT INTO slot (schedule, local, fold, at, outcome, reason, made_at) VALUES ($1, $2, $3, $4, $5, "
                 "$6, $7) ON CONFLICT DO NOTHING RETURNING local",
                 {name, due.slot.local, due.slot.fold, due.slot.at, outcome_text(due.outcome), due.reason, now}));
    if (!is_new.empty()) fresh.push_back(due);
  }
  if (auto const missed = missed_data(fresh, now)) {
    WEIR_DO(append(NewEvent{"weir.schedule.missed", name, {}, {}, json_line(*missed)}, std::string(kWorkerActor), now));
  }
  std::vector<std::int64_t> made;
  for (auto const& due : fresh) {
    if (due.outcome != Outcome::Fire) continue;
    NewJob job;
    job.definition = definition;
    job.cause = Cause::Schedule;
    job.actor = "schedule";
    WEIR_TRY(auto const enqueued, insert_job(job, &due, now));
    bool const fired = enqueued.is_new;
    std::string reason = due.reason;
    if (!fired) {
      WEIR_TRY(bool const follows, follow_up(enqueued.job, due.slot));
      reason = fmt::format("job {} was still going on{}", enqueued.job, follows ? ", one follows it" : "");
    }
    WEIR_TRY(auto const told,
             database_->query(
                 "UPDATE slot SET job = $4, outcome = $5, reason = $6 WHERE schedule = $1 AND local = $2 AND fold = $3",
                 {name, due.slot.local, due.slot.fold, enqueued.job, fired ? "fired" : "coalesced", reason}));
    if (fired) made.push_back(enqueued.job);
  }
  WEIR_TRY(auto const handled,
           database_->query("UPDATE schedule SET handled_until = $2 WHERE name = $1 AND handled_until < $2",
                            {name, handled_until}));
  WEIR_DO(transaction.commit());
  return made;
}

Result<std::vector<SlotRecord>> Store::slots(std::string const& name, int most) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows,
           database_->query("SELECT schedule, local, outcome, reason, fold, at, job FROM slot WHERE schedule = $1 "
                            "ORDER BY at DESC, fold DESC LIMIT $2",
                            {name, most}));
  std::vector<SlotRecord> slots;
  for (std::size_t i = 0; i < rows.size(); ++i)
    slots.push_back(SlotRecord{rows.text(i, 0), rows.text(i, 1), rows.text(i, 2), rows.text(i, 3),
                               static_cast<int>(rows.number(i, 4)), rows.instant(i, 5), rows.maybe_number(i, 6)});
  return slots;
}

// ---------------------------------------------------------------------------------------------------- workers, events

Status Store::meet_worker(WorkerInfo const& worker) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  WEIR_TRY(auto const done,
           database_->query("INSERT INTO worker (id, host, pid, version, folder, started_at, last_seen) VALUES ($1, "
                            "$2, $3, $4, $5, $6, $6)",
                            {worker.id, worker.host, worker.pid, worker.version, worker.folder, now}));
  return transaction.commit();
}

Result<std::optional<WorkerInfo>> Store::worker(std::string const& id) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto const rows, database_->query("SELECT id, host, pid, version, folder FROM worker WHERE id = $1", {id}));
  if (rows.empty()) return std::optional<WorkerInfo>();
  return std::optional(
      WorkerInfo{rows.text(0, 0), rows.text(0, 1), rows.number(0, 2), rows.text(0, 3), rows.text(0, 4)});
}

Result<std::int64_t> Store::append(NewEvent const& event, std::string const& actor, Instant now) {
  Event made;
  WEIR_TRY(made.seq, next("event"));
  WEIR_TRY(auto const before, database_->query("SELECT hash FROM event WHERE seq = $1", {made.seq - 1}));
  made.at = now;
  made.actor = actor;
  made.kind = event.kind;
  made.object = event.object;
  made.job = event.job;
  made.attempt = event.attempt;
  made.data = event.data;
  made.hash = event_digest(before.empty() ? "" : before.text(0, 0), made);
  WEIR_TRY(auto const done,
           database_->query(
               "INSERT INTO event (seq, at, actor, kind, object, job, attempt, data, hash) VALUES ($1, $2, $3, $4, $5, "
               "$6, $7, $8, $9)",
               {made.seq, made.at, made.actor, made.kind, made.object, made.job, made.attempt, made.data, made.hash}));
  if (follower_ != nullptr) {
    auto changing = change(now);
    WEIR_DO(follower_->follow(changing, made));
  }
  return made.seq;
}

Change Store::change(Instant now) {
  return Change{*database_, now,
                [this, now](NewEvent const& event, std::string const& actor)
                    WEIR_REQUIRES(mutex_) { return append(event, actor, now); },
                [this](char const* counter) WEIR_REQUIRES(mutex_) { return next(counter); }};
}

Status Store::look(std::function<Status(Database& database)> const& looking) {
  MutexLock lock(mutex_);
  WEIR_DO(database_->begin_look());
  auto looked = looking(*database_);
  database_->rollback();
  return looked;
}

Status Store::transact(std::function<Status(Change& change)> const& work) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  WEIR_TRY(auto const now, clock());
  auto changing = change(now);
  WEIR_DO(work(changing));
  return transaction.commit();
}

Status Store::add_events(std::vector<NewEvent> const& events, Claim const* claim) {
  MutexLock lock(mutex_);
  WEIR_TRY(auto transaction, Transaction::begin(*database_));
  if (claim != nullptr) {
    WEIR_TRY(bool const is_holder, holds(*claim));
    if (!is_holder) return overtaken(*claim);
  }
  WEIR_TRY(auto const now, clock());
  for (auto const& event : events) {
    WEIR_DO(append(event, actor_, now));
  }
  return transaction.commit();
}

Result<std::vector<Event>> Store::events(std::int64_t after, std::optional<std::int64_t> job, int most) {
  MutexLock lock(mutex_);
  return read_events(*database_, after, job, most);
}

Result<std::optional<std::int64_t>> Store::broken_link() {
  MutexLock lock(mutex_);
  constexpr int kAtATime = 10'000;
  std::string before;
  std::int64_t last = 0;
  for (;;) {
    WEIR_TRY(auto const rows,
             database_->query(fmt::format("SELECT {} FROM event WHERE seq > $1 ORDER BY seq LIMIT $2", kEventColumns),
                              {last, kAtATime}));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Event const event = event_of(rows, i);
      if (event.seq != last + 1 && last != 0) return std::optional(event.seq);  // the oldest may have been pruned
      if ((last != 0 || event.seq == 1) && event_digest(before, event) != event.hash) return std::optional(event.seq);
      before = event.hash;
      last = event.seq;
    }
    if (rows.size() < static_cast<std::size_t>(kAtATime)) return std::optional<std::int64_t>();
  }
}

}  // namespace weir::jobs
