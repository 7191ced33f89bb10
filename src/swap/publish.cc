#include "swap/publish.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "pg/doubt.h"
#include "swap/fence.h"
#include "swap/leaf.h"
#include "swap/load.h"
#include "swap/statistics.h"
#include "warehouse/query.h"

namespace weir::swap {
namespace {

Error changed_meanwhile(Plan const& plan, std::string what) {
  return Error(ErrorKind::Refused, fmt::format("could not publish {}: {}", in_quotes(plan.request.target), what))
      .object(plan.request.target.text())
      .state("nothing was changed; the rows of before are still served")
      .next("run the sync again: it plans with what stands there now");
}

Status take_fence(Publication& p) {
  WEIR_DO(hold_job_fence(p.session));
  WEIR_TRY(auto rows, p.session.query(raise_statement("$1", "$2"), {p.options.scope, std::to_string(p.options.token)}));
  if (rows.size() == 1) return {};
  WEIR_TRY(auto seen, p.session.query("SELECT token FROM weir.fence WHERE scope = $1", {p.options.scope}));
  return fenced(p.options.scope, p.options.token, seen.size() == 1 ? seen.integer(0, 0) : 0);
}

// The first round trip: settings, fence, and the polite queue behind autovacuum and other DDL, which readers do not
// notice. lock_timeout must exceed deadlock_timeout, or autovacuum is never evicted.
Status open(Publication& p) {
  WEIR_DO(
      p.session.execute("SET LOCAL synchronous_commit TO DEFAULT; SET LOCAL lock_timeout = '3s'; "
                        "SET LOCAL idle_in_transaction_session_timeout = '60s'; "
                        "SET LOCAL row_security = off; SET LOCAL client_min_messages = warning"));
  WEIR_DO(take_fence(p));
  crash_point("kW2");
  WEIR_DO(queue_politely(p));
  if (p.plan.adopts_table || !p.plan.column_plan->rewritten.empty()) {
    WEIR_DO(p.session.query("SELECT pg_advisory_xact_lock($1, 1)", {std::to_string(kPublishLock)}));
  }
  return {};
}

Status apply(Publication& p) {
  switch (p.plan.method) {
    case Method::Shell:
      return p.plan.creates_table ? create_shell(p) : p.plan.adopts_table ? adopt_table(p) : swap_leaf(p);
    case Method::Merge:
      return p.plan.creates_table ? create_table_in_place(p) : merge_rows(p);
    case Method::Truncate:
      return p.plan.creates_table ? create_table_in_place(p) : truncate_and_fill(p);
    case Method::View:
      return repoint_view(p);
    case Method::Auto:
      break;
  }
  return Error(ErrorKind::Internal, "a plan without a method was published");
}

// A column that took the name of a shadowed one is for its users what that one was: readers with a grant on it go on.
Status dress_successors(Publication& p) {
  std::string const target = p.plan.request.target.quoted();
  for (Shadow const& s : p.plan.column_plan->new_shadows) {
    if (s.column.empty()) continue;  // nothing took its name
    WEIR_TRY(auto rows,
             warehouse::catalog_rows(p.session, "successor", {{"root", target}, {"old", s.shadow}, {"new", s.column}}));
    std::string statements;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.boolean(i, 1))
        statements += (statements.empty() ? "" : "; ") + std::string(rows.text(i, 0));
      else
        p.report.notes.push_back(
            fmt::format("\"{}\" may repeat for the new column \"{}\": {}", rows.text(i, 2), s.column, rows.text(i, 0)));
    }
    if (statements.empty()) continue;
    WEIR_DO(p.session.execute(statements));
  }
  return {};
}

Status callback(Publication& p) {
  if (!p.options.in_transaction) return {};
  WEIR_DO(p.options.in_transaction(p.session));
  crash_point("kW6");
  return {};
}

// One try. Ok: committed.
Status publish_once(Publication& p) {
  Clock& clock = system_clock();
  p.locked_at = Duration::zero();
  WEIR_TRY(auto transaction, pg::Transaction::begin(p.session));
  WEIR_DO(open(p));
  WEIR_DO(plan_again(p));
  crash_point("kW1");
  WEIR_DO(complete_again(p));
  WEIR_TRY(std::string const id, transaction.transaction_id());
  // What is known before the exchange is written before readers may have to wait for it.
  bool const knows_all = uses_leaf(p.plan) && !p.plan.adopts_table;
  p.report.rows_after = p.rows;
  WEIR_DO(callback(p));
  if (knows_all) {
    WEIR_DO(keep_books(p));
  }
  WEIR_DO(apply(p));
  WEIR_DO(dress_successors(p));
  crash_point("kW4");
  WEIR_DO(verify(p));
  crash_point("kW5");
  if (!knows_all) {
    WEIR_DO(keep_books(p));
  }
  crash_point("kW7");
  Status committed = std::move(transaction).commit();
  if (p.locked_at != Duration::zero()) p.report.locked = clock.monotonic() - p.locked_at;
  if (!committed.ok() && committed.error().kind() == ErrorKind::InDoubt) {
    committed = pg::settle_doubt(p.session, id, std::move(committed).error());
    if (committed.ok()) p.report.notes.push_back("the answer to COMMIT was lost; the server says it was committed");
  }
  WEIR_DO(std::move(committed));
  crash_point("kW8");
  return {};
}

Error busy(Publication& p, Error const& last) {
  std::string const name = p.plan.request.target.text();
  Error error(ErrorKind::Busy, fmt::format("could not publish \"{}\": the table is locked", name));
  error.object(name).sqlstate(last.sqlstate()).context(fmt::format("publishing \"{}\"", name));
  std::string who;
  if (auto blockers = warehouse::load_blockers(p.session, p.plan.request.target); blockers.ok())
    for (warehouse::Blocker const& b : *blockers) who += (who.empty() ? "" : "; ") + b.text();
  error.cause(who.empty() ? last.message() : who);
  error.state("nothing changed; the finished load is kept and is published by the next run");
  error.next("end that session, or run the sync again later");
  return error;
}

// What the server says of a statement is followed by what it means for the table.
Error explained(Publication const& p, Error error) {
  bool const refused =
      error.kind() == ErrorKind::Sql || error.kind() == ErrorKind::Data || error.kind() == ErrorKind::Denied;
  if (!refused || !error.state().empty()) return error;
  error.context("publishing " + in_quotes(p.plan.request.target));
  error.state("rolled back: the rows of before are still served");
  if (!error.next().empty()) return error;
  if (error.sqlstate() == "23503")
    error.next(
        "bring the other table of the foreign key up to date first, or change the foreign key; then run it again");
  else if (error.sqlstate().starts_with("23"))
    error.next("the source's rows break a constraint of the table: change one of the two, then run it again");
  else
    error.next("change what the server objects to, then run it again");
  return error;
}

// A leaf that was not filled by COPY ... FREEZE shows itself empty to snapshots older than its last chunk. They are
// waited for, a minute at most; a session that outlasts that is named. (pg_stat_activity shows the snapshots of others
// only to members of pg_read_all_stats.)
Status wait_for_older_snapshots(Publication& p) {
  Clock& clock = system_clock();
  Duration const until = clock.monotonic() + std::min<Duration>(p.options.window, std::chrono::minutes(1));
  for (;;) {
    WEIR_TRY(auto rows, p.session.query(R"(
SELECT a.pid, coalesce(a.usename, '') FROM weir.generation g, pg_stat_activity a
WHERE g.id = $1 AND a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.backend_xmin IS NOT NULL
  AND age(a.backend_xmin) >= age(g.xmin) ORDER BY a.xact_start)",
                                        {std::to_string(p.generation)}));
    if (rows.size() == 0) return {};
    if (clock.monotonic() >= until || p.options.stop.stop_requested()) {
      p.report.notes.push_back(fmt::format(
          "pid {}, role \"{}\", has a snapshot older than the load: it sees the table empty until its transaction ends",
          rows.text(0, 0), rows.text(0, 1)));
      return {};
    }
    clock.sleep(std::chrono::milliseconds(100), p.options.stop);
  }
}

// Whether ANALYZE would tell the planner anything new. A leaf was analyzed when it was loaded.
Result<bool> needs_analyze(Publication& p) {
  if (p.plan.method == Method::View) return false;
  if (p.plan.method == Method::Merge && !p.plan.creates_table && p.plan.capture->known_rows() >= 0)
    return p.report.inserted + p.report.updated + p.report.deleted > 0;
  if (p.plan.method != Method::Shell || p.plan.creates_table || p.plan.adopts_table) return true;
  return statistics_moved(p.session, p.plan.request.target, p.relation);
}

// Housekeeping after COMMIT: what fails here is a note, since the rows are published.
void after(Publication& p) {
  auto note = [&](std::string what, Error const& error) {
    p.report.notes.push_back(fmt::format("{}: {}", what, error.message()));
  };
  std::string const target = p.plan.request.target.quoted();
  auto const analyzes = needs_analyze(p);
  if (!analyzes.ok()) note("comparing statistics after the publish", analyzes.error());
  if (!analyzes.ok() || *analyzes) {
    bool const shell = p.plan.method == Method::Shell || p.plan.capture->kind == TargetKind::Shell;
    std::string const analyze =
        shell && p.session.server_version() >= 180000 && uses_leaf(p.plan) ? "ANALYZE ONLY " : "ANALYZE ";
    if (auto done = p.session.execute(analyze + target); !done.ok()) note("ANALYZE after the publish", done.error());
  }
  crash_point("kW9");
  if (auto released = release_references(p.session, p.plan.request.target); !released.ok())
    note("the previous leaf keeps its foreign keys until the next run", released.error());
  auto old = p.session.query(
      "SELECT id, relation_schema, relation FROM weir.generation WHERE target_schema = $1 AND target_name = $2 AND "
      "state = 'old'",
      {p.plan.request.target.schema, p.plan.request.target.name});
  if (!old.ok()) return note("looking for older generations", old.error());
  for (std::size_t i = 0; i < old->size(); ++i) {
    sql::QualifiedName const relation{std::string(old->text(i, 1)), std::string(old->text(i, 2))};
    Status done = drop_generation(p.session, old->integer(i, 0), relation);
    if (!done.ok()) note(fmt::format("{} is kept", in_quotes(relation)), done.error());
  }
  crash_point("kW10");
}

}  // namespace

Status complete_again(Publication& p) {
  if (!uses_leaf(p.plan)) return {};
  WEIR_TRY(auto leaf, warehouse::load_relation(p.session, p.relation));
  if (!leaf) return changed_meanwhile(p.plan, fmt::format("the loaded table {} is gone", in_quotes(p.relation)));
  if (p.plan.column_plan->renames) return {};  // its indexes carry the names of after the publish
  for (std::string const& statement : complete_leaf(p.plan, *leaf, p.relaxed)) {
    WEIR_DO(p.session.execute(statement));
  }
  return {};
}

Status forget_gone(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_DO(session.query(
      "UPDATE weir.generation SET state = 'dropped' WHERE target_schema = $1 AND target_name = $2 AND state IN "
      "('published', 'previous', 'old') AND to_regclass(format('%I.%I', relation_schema, relation)) IS NULL",
      {target.schema, target.name}));
  return {};
}

Status keep_books(Publication& p) {
  std::string const schema = p.plan.request.target.schema, name = p.plan.request.target.name;
  if (uses_leaf(p.plan)) {
    WEIR_DO(forget_gone(p.session, p.plan.request.target));
    WEIR_DO(
        p.session.query("UPDATE weir.generation SET state = CASE state WHEN 'published' THEN 'previous' ELSE 'old' "
                        "END, drop_after = CASE state WHEN 'previous' THEN clock_timestamp() END WHERE target_schema = "
                        "$1 AND target_name = $2 AND state IN ('published', 'previous')",
                        {schema, name}));
    WEIR_DO(p.session.query(
        "UPDATE weir.generation SET state = 'published', rows = $2, swapped_at = clock_timestamp() WHERE id = $1",
        {std::to_string(p.generation), std::to_string(p.report.rows_after)}));
  } else {
    WEIR_DO(
        p.session.query("UPDATE weir.generation SET state = 'old', swapped_at = clock_timestamp(), drop_after = "
                        "clock_timestamp() WHERE id = $1",
                        {std::to_string(p.generation)}));
    WEIR_DO(p.session.query(
        "UPDATE weir.generation SET rows = $3 WHERE target_schema = $1 AND target_name = $2 AND state = 'published'",
        {schema, name, std::to_string(p.report.rows_after)}));
  }
  for (Shadow const& s : p.plan.column_plan->new_shadows) {
    WEIR_DO(
        p.session.query("INSERT INTO weir.shadow (target_schema, target_name, column_name, shadow_name, old_type, "
                        "reason) VALUES ($1, $2, $3, $4, $5, $6)",
                        {schema, name, s.column, s.shadow, s.old_type, s.reason}));
  }
  if (!p.plan.column_plan->unfinished.empty() || !p.plan.capture->unfinished.empty()) {
    WEIR_DO(
        p.session.query("DELETE FROM weir.unfinished WHERE target_schema = $1 AND target_name = $2", {schema, name}));
  }
  for (std::string const& gone : p.plan.column_plan->gone_shadows) {
    WEIR_DO(forget_shadows(p.session, p.plan.request.target, gone));
  }
  return {};
}

Status forget_shadows(pg::Session& session, sql::QualifiedName const& target, std::string const& shadow) {
  WEIR_TRY(auto gone, session.query("DELETE FROM weir.shadow WHERE target_schema = $1 AND target_name = $2 AND "
                                    "($3 = '' OR shadow_name = $3)",
                                    {target.schema, target.name, shadow}));
  return {};
}

Status queue_politely(Publication& p) {
  if (!p.plan.capture->relation || p.plan.capture->relation->kind == 'v' || p.plan.method == Method::Merge) return {};
  WEIR_DO(
      p.session.execute(fmt::format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", p.plan.request.target.quoted())));
  return {};
}

Status plan_again(Publication& p) {
  Plan const old = p.plan;
  WEIR_TRY(auto now, capture(p.session, old.request.target,
                             old.adopts_table ? warehouse::Definitions::Print : warehouse::Definitions::Omit));
  if (now->kind != old.capture->kind) return changed_meanwhile(old, "another kind of relation stands there now");
  if (!uses_leaf(old)) {
    // The rows name the columns they go to; columns made for them are there already.
    p.plan.capture = now;
    return {};
  }
  auto const theirs = users_columns(*now, old.request);
  if (old.request.method == Method::Auto && !theirs.empty())
    return changed_meanwhile(
        old, fmt::format("its users added column \"{}\", which a new leaf would leave empty", theirs[0]));
  Request request = old.request;
  request.method = old.method;  // the load was made for this method
  WEIR_TRY(p.plan, plan(now, request));
  p.plan.reason = old.reason;
  if (p.plan.method != old.method)
    return changed_meanwhile(
        old, fmt::format("it is a {} now", now->relation ? relkind_name(now->relation->kind) : "missing table"));
  return {};
}

bool may_pass(Error const& error) {
  std::string const& state = error.sqlstate();
  // Somebody made the same schema just now: CREATE SCHEMA IF NOT EXISTS looks before the other one's COMMIT.
  bool const schema_twice =
      state == "42P06" || (state == "23505" && error.message().find("pg_namespace") != std::string::npos);
  return state == "55P03" || state == "40P01" || state == "40001" || schema_twice ||
         (state == "XX000" && error.kind() == ErrorKind::Busy);
}

Status with_exclusive_lock(Publication& p, std::string const& locks, std::string const& statements) {
  Clock& clock = system_clock();
  Duration const until = clock.monotonic() + p.patience;
  // Other tables may be locked by the statements (foreign keys): never wait long for them, since readers would wait,
  // too.
  std::string text = "SAVEPOINT weir_lock; SET LOCAL lock_timeout = '20ms'";
  if (!locks.empty()) text += "; LOCK TABLE " + locks + " IN ACCESS EXCLUSIVE MODE NOWAIT";
  if (!statements.empty()) text += "; " + statements;
  for (;;) {
    ++p.report.lock_tries;
    Duration const before = clock.monotonic();
    auto done = p.session.execute(text);
    if (done.ok()) {
      p.locked_at = before;
      crash_point("kW3");
      return {};
    }
    if (!may_pass(done.error()) || p.session.is_broken()) return std::move(done).error();
    WEIR_DO(p.session.execute("ROLLBACK TO SAVEPOINT weir_lock"));
    if (clock.monotonic() > until || p.options.stop.stop_requested()) return std::move(done).error();
    std::uniform_int_distribution<int> pause(5, 50);
    clock.sleep(std::chrono::milliseconds(pause(p.jitter)), p.options.stop);
  }
}

Result<Report> publish(pg::Session& session, Plan const& plan, Load const& load, PublishOptions const& options) {
  auto const& state = LoadAccess::state(load);
  if (!state.ready) return Error(ErrorKind::Internal, "a load was published before it was finished");
  Publication p{.session = session,
                .plan = plan,
                .relation = state.relation,
                .generation = state.generation,
                .rows = state.rows,
                .relaxed = {},
                .options = options,
                .report = {},
                .started = {},
                .locked_at = {},
                .before = {},
                .has_facts = false,
                .careful = false,
                .patience = std::chrono::seconds(3)};
  p.report.method = plan.method;
  WEIR_TRY(auto row, session.query("SELECT relaxed, notes, state FROM weir.generation WHERE id = $1",
                                   {std::to_string(state.generation)}));
  if (row.size() == 0) return changed_meanwhile(plan, "the load is not registered any more");
  if (!row.text(0, 0).empty()) p.relaxed = split(row.text(0, 0), '\n');
  for (std::string const& note : split(row.text(0, 1), '\n'))
    if (!note.empty()) p.report.notes.push_back(note);
  if (!state.frozen && uses_leaf(plan)) {
    WEIR_DO(wait_for_older_snapshots(p));
  }
  return publish_in_window(p);
}

Result<Report> publish_in_window(Publication& p) {
  Clock& clock = system_clock();
  p.started = clock.monotonic();
  Plan const planned = p.plan;
  std::vector<std::string> const notes = p.report.notes;
  for (int round = 0;; ++round) {
    p.plan = planned;
    p.careful = round > 0;
    int const tries = p.report.lock_tries;
    p.report = {};
    p.report.method = planned.method;
    p.report.notes = notes;
    p.report.lock_tries = tries;
    Status done = columns_before(p);
    if (done.ok()) done = publish_once(p);
    if (done.ok()) break;
    Error error = std::move(done).error();
    bool const differs = error.kind() == ErrorKind::Refused && error.where() == kFingerprintDiffers && round < 3;
    if (!may_pass(error) && !differs) return explained(p, std::move(error));
    if (p.options.stop.stop_requested()) {
      Error stopped = busy(p, error);
      stopped.kind(ErrorKind::Cancelled);
      return stopped;
    }
    Duration const waited = clock.monotonic() - p.started;
    if (waited >= p.options.window) return busy(p, error);
    std::uniform_int_distribution<int> pause(20, 200);
    Duration const longest = std::min<Duration>(std::chrono::seconds(std::min(round, 30)), p.options.window - waited);
    clock.sleep(longest + std::chrono::milliseconds(pause(p.jitter)), p.options.stop);
  }
  p.report.waited = p.locked_at == Duration::zero() ? Duration::zero() : p.locked_at - p.started;
  after(p);
  return std::move(p.report);
}

}  // namespace weir::swap
