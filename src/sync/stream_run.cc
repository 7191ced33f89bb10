#include "sync/stream_run.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "sync/load_rows.h"
#include "sync/plan_stream.h"
#include "sync/planning.h"
#include "sync/publish_load.h"

namespace weir::sync {

void RunContext::report(Progress const& progress) {
  if (!options.on_progress) return;
  MutexLock lock(progress_mutex);
  options.on_progress(progress);
}

// ---- the worker's sessions
// -------------------------------------------------------------------------------------------

Status Worker::open_warehouse(Endpoints& endpoints) {
  if (session && session->is_broken()) session.reset();
  if (!session) {
    WEIR_TRY(session, endpoints.take_warehouse());
    // The publish waits for the disk (swap/publish.cc), and with it for all that was committed before. What a crash of
    // the server takes away before that is a load that is made again.
    WEIR_DO(session->execute("SET synchronous_commit = off"));
  }
  return {};
}

Status Worker::open(Endpoints& endpoints) {
  WEIR_DO(open_warehouse(endpoints));
  if (!source) {
    WEIR_TRY(source, endpoints.take_source());
  }
  crash_point("kL3");
  return {};
}

void Worker::tidy(std::optional<ErrorKind> failed) {
  // After an error it is not known which side is to blame, or in what state it was left: a new session is the cure.
  if (failed && *failed != ErrorKind::Refused && *failed != ErrorKind::Config) source.reset();
  if (!session) return;
  bool const in_transaction = session->transaction_state() != pg::TransactionState::Idle;
  bool const usable = !session->is_broken() && (!in_transaction || session->execute("ROLLBACK").ok());
  if (!usable || !unlock_targets(*session).ok()) session.reset();
}

void Worker::give_back(Endpoints& endpoints) {
  endpoints.give_back(std::move(source));
  endpoints.give_back(std::move(session));
}

// ---- one attempt
// -----------------------------------------------------------------------------------------------------

// What lives no longer than an attempt.
struct StreamRun::Attempt {
  RunContext& context;
  StreamRun& run;
  Worker& worker;
  StreamPlan& plan;
  StreamReport& report;
  std::int64_t token = 0;
  StreamFacts facts{};
  LoadRecord record{};
  std::optional<swap::Load> load{};
  std::optional<std::uint64_t> keys{};
  Phase phase = Phase::Waiting;
  Duration since{};

  pg::Session& session() { return *worker.session; }
  source::Source& source() { return *worker.source; }

  void enter(Phase next) {
    leave();
    phase = next;
    run.say(next, "");
  }
  void leave() {
    auto const now = context.clock.monotonic();
    if (phase != Phase::Waiting) report.times[std::string(phase_name(phase))] += now - since;
    since = now;
  }

  Status go();
  Status look_around();
  bool plan_has_aged() const;
  Status refresh_plan();
  void start_record();

  enum class Use { Publish, Resume, Drop };
  Use use_of(LoadRecord const& left) const;
  Result<bool> take_up();

  Status rehearse();
  Result<bool> bring_rows();
  Status fill(std::map<int, DoneChunk> const& done);
  Status prove(Loaded const& loaded);
  Status compare_count(std::string const& isolation, std::uint64_t rows);
  Result<std::optional<std::string>> guard();
  Status finish();
  Status hold(std::string why);
  CopyOptions copy_options();
};

// Everything between the lock and its release. The outcome is in the report unless an error comes out.
Status StreamRun::Attempt::go() {
  enter(Phase::Planning);
  auto locked = lock_target(session(), plan.target, plan.scope, context.instance, context.job);
  if (!locked.ok()) {
    run.may_try_again_ = locked.error().kind() != ErrorKind::Busy;  // another run is at it: it does the work
    return std::move(locked).error();
  }
  token = *locked;
  WEIR_DO(look_around());
  WEIR_TRY(bool const waits, take_up());
  if (!waits) {
    WEIR_TRY(bool const has_rows, bring_rows());
    if (!has_rows) {
      report.outcome = Outcome::Unchanged;
      return write_outcome(session(), record, "unchanged", "");
    }
    if (report.outcome == Outcome::Held) return {};
  }
  enter(Phase::Publishing);
  return publish_load(context, worker, plan.publish, load, record, facts.rows, report);
}

// Behind the fence nothing of an earlier attempt moves any more: what it left can be judged.
Status StreamRun::Attempt::look_around() {
  WEIR_DO(raise_fence(session(), plan.scope, token));
  WEIR_TRY(facts, read_facts_of(session(), plan.scope));
  if (facts.load) {
    WEIR_DO(keep_load(session(), *facts.load, token));
  }
  if (report.attempts > 1 || !context.plan->is_prepared || plan_has_aged()) {
    WEIR_DO(refresh_plan());
  }
  crash_point("kL4");
  start_record();
  return {};
}

bool StreamRun::Attempt::plan_has_aged() const {
  if (!is_incremental(plan.mode) || context.plan_options().full_refresh) return false;
  if (plan.read == ReadKind::Window) return facts.cursor != plan.cursor_low;
  return facts.cursor.has_value() && facts.cursor_column == plan.cursor && !plan.publish.creates_table;
}

Status StreamRun::Attempt::refresh_plan() {
  WEIR_TRY(plan, plan_again(plan.stream, facts, context.connection, source(), session(), context.plan_options()));
  return {};
}

void StreamRun::Attempt::start_record() {
  record.scope = plan.scope;
  record.connection = context.connection.name;
  record.stream = plan.stream;
  record.token = token;
  record.job = context.job;
  record.state = "loading";
  record.fingerprint = plan.fingerprint;
  record.mode = mode_name(plan.mode);
  record.reads_all = plan.read == ReadKind::Full;
  record.frozen = !plan.resumable;
  record.generation = plan.generation;
  record.cursor_column = is_incremental(plan.mode) ? plan.cursor : "";
  record.cursor_low = plan.cursor_low;
  record.chunks = plan.chunks;
  record.request = plan.publish.request;
}

// ---- what an earlier attempt left
// ------------------------------------------------------------------------------------

StreamRun::Attempt::Use StreamRun::Attempt::use_of(LoadRecord const& left) const {
  constexpr Duration kResumable = std::chrono::hours(24);
  bool const same = left.fingerprint == record.fingerprint && left.reads_all == record.reads_all &&
                    left.cursor_low == record.cursor_low && left.request.operation == record.request.operation;
  if (!same) return Use::Drop;
  if (left.state == "ready" && left.age <= context.options.ready_load_max_age) return Use::Publish;
  if (left.state == "loading" && !left.frozen && plan.resumable && left.age <= kResumable) return Use::Resume;
  return Use::Drop;
}

// True if a finished load of an earlier attempt only waits to be published. One that is half filled stays in `load`,
// for bring_rows() to go on with. One that is of no use stays where it is until a new load takes its place.
Result<bool> StreamRun::Attempt::take_up() {
  if (!facts.load) return false;
  bool const ours = facts.load->job == context.job;
  if (context.plan_options().full_refresh && !ours) {
    report.notes.push_back(
        fmt::format("the rows that job {} read {} ago and did not publish are discarded: everything is read again",
                    facts.load->job, format_duration(facts.load->age)));
    return false;
  }
  Use const use = use_of(*facts.load);
  if (use == Use::Drop) return false;
  WEIR_TRY(auto left, swap::Load::adopt(session(), plan.publish, plan.scope, token));
  bool const usable = left && (use == Use::Resume ? !left->ready() : left->ready() && left->rows() == facts.load->rows);
  if (!usable) return false;
  load = std::move(left);
  record = *facts.load;
  record.token = token;
  record.job = context.job;
  report.cursor_low = record.cursor_low;
  report.cursor_high = record.cursor_high;
  if (use == Use::Resume) return false;
  report.rows_staged = report.rows_taken_up = load->rows();
  report.notes.push_back(fmt::format("published the rows that were read {} ago, which only waited to be published",
                                     format_duration(facts.load->age)));
  return true;
}

// ---- rows
// ------------------------------------------------------------------------------------------------------------

CopyOptions StreamRun::Attempt::copy_options() {
  CopyOptions options;
  options.stop = context.options.stop;
  options.stall_limit = context.options.stall_limit;
  options.buffer_bytes = context.options.buffer_bytes;
  options.on_progress = [this](std::uint64_t rows, std::uint64_t bytes) {
    report.rows_read = rows;
    report.bytes = bytes;
    run.say(Phase::Reading, "");
  };
  return options;
}

Status StreamRun::Attempt::rehearse() {
  enter(Phase::Rehearsing);
  auto rehearsal = swap::rehearse(session(), plan.publish);
  if (!rehearsal.ok()) {
    // A rehearsal that lost its connection says nothing about the table.
    if (session().is_broken()) return std::move(rehearsal.error().kind(ErrorKind::Unavailable));
    if (rehearsal.error().kind() != ErrorKind::Busy) return std::move(rehearsal).error();
    report.notes.push_back("not rehearsed: " + rehearsal.error().message());
    return {};
  }
  for (auto& note : rehearsal->notes) report.notes.push_back(std::move(note));
  return {};
}

// False if there is nothing new at the source.
Result<bool> StreamRun::Attempt::bring_rows() {
  if (!load) {
    WEIR_DO(rehearse());
  }
  enter(Phase::Reading);
  std::map<int, DoneChunk> done;
  if (load) {
    WEIR_TRY(done, done_chunks(session(), record));
  } else {
    WEIR_TRY(record.cursor_high, fix_bound(plan, source()));
    report.cursor_low = record.cursor_low;
    report.cursor_high = record.cursor_high;
    if (!has_window(plan, record.cursor_high) && !plan.options.detect_deletes) return false;
    if (facts.load) {
      WEIR_DO(forget_load(session(), plan.scope));  // its table goes in begin()
    }
    WEIR_TRY(load, swap::Load::begin(session(), plan.publish, plan.scope, token, record.frozen));
    record.frozen = load->frozen();
    record.relation = load->relation().quoted();
    if (!record.frozen) {
      WEIR_DO(write_load(session(), record));
    }
  }
  Status filled = fill(done);
  if (filled.ok()) return true;
  bool const resumable =
      plan.resumable && !record.frozen && !session().is_broken() && filled.error().kind() != ErrorKind::Data;
  if (!resumable && !session().is_broken()) {
    if (Status dropped = load->discard(); dropped.ok() && !record.frozen) {
      WEIR_DO(forget_load(session(), plan.scope));
    }
  }
  return std::move(filled).error();
}

Status StreamRun::Attempt::fill(std::map<int, DoneChunk> const& done) {
  WEIR_TRY(auto isolation, source().begin_snapshot());
  LoadStamp const stamp{context.clock.now(), context.job, record.generation};
  Loaded loaded;
  if (has_window(plan, record.cursor_high)) {
    Status read = load_chunks(plan, record, done, metadata_columns(plan.options.metadata, stamp), source(), session(),
                              *load, copy_options(), loaded);
    run.moved_ = run.moved_ || loaded.moved;
    if (!read.ok() && read.error().kind() == ErrorKind::Sql) {
      WEIR_DO(check_schema(plan, source()));
    }
    if (!read.ok()) return read;
  }
  report.rows_read = loaded.rows_read;
  report.bytes = loaded.bytes;
  report.rows_taken_up = loaded.rows_taken_up;
  report.losses = std::move(loaded.losses);
  if (plan.options.detect_deletes && plan.read == ReadKind::Window) {
    CopyOptions options = copy_options();
    options.on_progress = {};
    WEIR_TRY(keys, load_keys(plan, source(), session(), *load, options));
  }
  WEIR_DO(compare_count(isolation, loaded.rows_read));
  WEIR_DO(source().end_snapshot());
  return prove(loaded);
}

// Where the source gives one consistent view, its own count must agree; elsewhere rows come and go between two
// statements.
Status StreamRun::Attempt::compare_count(std::string const& isolation, std::uint64_t rows) {
  constexpr std::int64_t kCheapRows = 1'000'000;
  bool const consistent = isolation.starts_with("snapshot") && report.rows_taken_up == 0;
  if (!consistent || plan.read != ReadKind::Full || plan.mode == config::Mode::IncrementalAppend ||
      plan.table.estimated_rows > kCheapRows)
    return {};
  WEIR_TRY(auto counted, source().count(plan.table));
  if (counted == rows) return {};
  return Error(ErrorKind::Data,
               fmt::format("the source counts {} rows in \"{}\", {} were read", counted, plan.stream, rows))
      .object(plan.stream)
      .state("nothing of this read is published");
}

Status StreamRun::Attempt::prove(Loaded const& loaded) {
  enter(Phase::Proving);
  WEIR_DO(check_schema(plan, source()));
  WEIR_DO(count_cursors(plan, record, session(), *load, report));
  WEIR_DO(check_keys(plan, session(), *load));
  std::uint64_t rows = loaded.rows_read;
  if (plan.mode == config::Mode::FullRefreshOverwriteDedup || (plan.read == ReadKind::Full && is_deduped(plan.mode))) {
    WEIR_TRY(report.duplicates_removed, remove_duplicates(plan, session(), *load));
    rows -= report.duplicates_removed;
  }
  record.rows = rows;
  report.rows_staged = rows;
  crash_point("kL13");
  WEIR_TRY(auto held, guard());
  return held ? hold(std::move(*held)) : finish();
}

// ---- guard
// -----------------------------------------------------------------------------------------------------------

// Why the load must not be published without somebody's word, or nothing.
Result<std::optional<std::string>> StreamRun::Attempt::guard() {
  bool const replaces = record.request.operation == swap::Operation::Replace && !plan.publish.creates_table;
  if (!replaces && !keys) return std::optional<std::string>();
  std::int64_t before = facts.rows;
  if (before < 0) {
    WEIR_TRY(auto rows, session().query("SELECT count(*) FROM " + plan.target.quoted()));
    before = rows.integer(0, 0);
  }
  report.rows_before = before;
  auto const after = static_cast<std::int64_t>(keys ? *keys : *record.rows);
  if (before <= 0 || after >= before || static_cast<std::uint64_t>(before) < plan.options.guard_min_rows)
    return std::optional<std::string>();
  double const lost = static_cast<double>(before - after) / static_cast<double>(before);
  bool const too_empty = after == 0 && !plan.options.empty_ok;
  bool const too_small = after > 0 && lost > plan.options.shrink_guard;
  if (!too_empty && !too_small) return std::optional<std::string>();
  return std::optional(fmt::format("{} rows would become {} ({:.0f} % fewer; the guard allows {:.0f} %)",
                                   format_count(static_cast<std::uint64_t>(before)),
                                   format_count(static_cast<std::uint64_t>(after)), lost * 100,
                                   plan.options.shrink_guard * 100));
}

Status StreamRun::Attempt::finish() {
  record.state = "ready";
  WEIR_DO(write_load(session(), record));
  return load->finish(*record.rows, keys);
}

Status StreamRun::Attempt::hold(std::string why) {
  record.state = "held";
  record.reason = why;
  WEIR_DO(write_load(session(), record));
  WEIR_DO(load->finish(*record.rows, keys));
  WEIR_DO(hold_generation(session(), plan.scope, token));
  WEIR_DO(write_outcome(session(), record, "held", why));
  report.outcome = Outcome::Held;
  report.error = Error(ErrorKind::Refused, fmt::format("\"{}\" is held: {}", plan.stream, why))
                     .object(plan.stream)
                     .state("the rows are loaded and proved, the old ones are still served")
                     .next(fmt::format("look at the source; to accept: weir release {} -s {}", context.connection.name,
                                       plan.stream));
  return {};
}

// ---- the stream
// ------------------------------------------------------------------------------------------------------

StreamRun::StreamRun(RunContext& context, StreamPlan plan) : context_(context), plan_(std::move(plan)) {
  report_.stream = plan_.stream;
  report_.scope = plan_.scope;
  report_.target = plan_.target;
  report_.mode = plan_.mode;
  report_.policies = plan_.policies;
}
StreamRun::~StreamRun() = default;

bool StreamRun::moved() const {
  return moved_;
}
bool StreamRun::may_try_again() const {
  return may_try_again_;
}
StreamReport& StreamRun::report() {
  return report_;
}
StreamPlan const& StreamRun::plan() const {
  return plan_;
}

void StreamRun::say(Phase phase, std::string note) {
  context_.report({plan_.stream, phase, report_.attempts, report_.rows_read, report_.bytes, plan_.table.estimated_rows,
                   std::move(note)});
}

void StreamRun::skip(Error why) {
  report_.outcome = Outcome::Skipped;
  report_.error = std::move(why);
  say(Phase::Done, "");
}

void StreamRun::begin_attempt() {
  ++report_.attempts;
  moved_ = false;
  report_.error.reset();
  report_.notes.clear();
  report_.columns.clear();
  report_.outcome = Outcome::Skipped;
  report_.rows_before = -1;
  report_.rows_read = report_.rows_staged = report_.bytes = report_.rows_taken_up = report_.duplicates_removed = 0;
}

// The ledger learns of a failure as far as the session still works; the report has it in any case.
void StreamRun::write_failure(Worker& worker, LoadRecord const& record, Error const& error) {
  if (record.scope.empty() || !worker.session || worker.session->is_broken()) return;
  Status const written = write_outcome(*worker.session, record, "failed", error.message());
  if (!written.ok())
    report_.notes.push_back("the failure is not in the warehouse's ledger: " + written.error().message());
}

bool StreamRun::attempt(Worker& worker) {
  begin_attempt();
  LoadRecord record;
  Status status = worker.open(context_.endpoints);
  if (status.ok()) {
    pg::Session::CancelOnStop const cancel(*worker.session, context_.options.stop);
    Attempt attempt{context_, *this, worker, plan_, report_};
    attempt.since = context_.clock.monotonic();
    status = attempt.go();
    attempt.leave();
    record = std::move(attempt.record);
  }
  report_.read = plan_.read;
  report_.method = plan_.publish.method;
  report_.method_reason = plan_.publish.reason;
  worker.tidy(status.ok() ? std::nullopt : std::optional(status.error().kind()));
  if (status.ok()) {
    report_.notes.insert(report_.notes.begin(), plan_.table.hidden.begin(), plan_.table.hidden.end());
    return true;
  }
  write_failure(worker, record, status.error());
  report_.outcome = Outcome::Failed;
  report_.error = std::move(status).error().context("syncing stream \"" + plan_.stream + "\"");
  // PostgreSQL's class 53: its disk, memory or connections are used up. It says so in the middle of anything.
  if (report_.error->sqlstate().starts_with("53") && report_.error->state().empty() && !moved_)
    report_.error->state("the table in the warehouse is as it was").next("make room at the warehouse, then run again");
  return false;
}

}  // namespace weir::sync
