#include "swap/load.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "pg/doubt.h"
#include "swap/fence.h"
#include "swap/leaf.h"
#include "warehouse/relation.h"

namespace weir::swap {
namespace {

using sql::quote_pg;

Status check_fence(pg::Session& session, std::string const& scope, std::int64_t token) {
  WEIR_TRY(auto rows, session.query("SELECT token FROM weir.fence WHERE scope = $1", {scope}));
  if (rows.size() == 0 || rows.integer(0, 0) <= token) return {};
  return fenced(scope, token, rows.integer(0, 0));
}

Status run_all(pg::Session& session, std::vector<std::string> const& statements) {
  for (std::string const& statement : statements) {
    WEIR_DO(session.execute(statement));
  }
  return {};
}

// Loads of the target that were not published: their tables go, since a new load takes their place.
Status drop_unpublished(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(
      auto rows,
      session.query(
          "SELECT id, relation_schema, relation FROM weir.generation WHERE target_schema = $1 AND target_name = $2 "
          "AND state IN ('building', 'ready', 'held') ORDER BY n",
          {target.schema, target.name}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sql::QualifiedName const name{std::string(rows.text(i, 1)), std::string(rows.text(i, 2))};
    WEIR_TRY(auto transaction, pg::Transaction::begin(session));
    WEIR_DO(session.execute("SET LOCAL lock_timeout = '3s'; " + drop_load(name)));
    WEIR_DO(
        session.query("UPDATE weir.generation SET state = 'dropped' WHERE id = $1", {std::string(rows.text(i, 0))}));
    WEIR_DO(std::move(transaction).commit());
  }
  return {};
}

// Whether prove() looks for more than the number of rows.
bool looks_at_values(Plan const& plan) {
  return std::any_of(plan.column_plan->load.begin(), plan.column_plan->load.end(),
                     [](LoadColumn const& c) { return c.may_relax || c.fill == Fill::Cast; });
}

// What the server itself counted into and out of a table that this transaction made: nobody else has seen it, so that
// it is what a scan would count. 0 where the server does not count (track_counts off).
Result<std::uint64_t> rows_of_transaction(pg::Session& session, sql::QualifiedName const& relation) {
  WEIR_TRY(auto rows,
           session.query("SELECT pg_stat_get_xact_tuples_inserted(c) - pg_stat_get_xact_tuples_deleted(c) FROM "
                         "CAST($1::regclass AS oid) AS c",
                         {relation.quoted()}));
  return static_cast<std::uint64_t>(rows.integer(0, 0));
}

Error not_equal(Plan const& plan, std::string_view what, std::uint64_t read, std::uint64_t staged) {
  return Error(ErrorKind::Data,
               fmt::format("cannot publish {}: {} {} were read at the source and {} arrived",
                           in_quotes(plan.request.target), format_count(read), what, format_count(staged)))
      .object(plan.request.target.text())
      .state("the table was not touched; its rows of before are still served")
      .next("run the sync again; if it happens again, the source changes while it is read");
}

}  // namespace

// One writer a table, for the whole of LOAD and PUBLISH. The lock belongs to the session and goes with it.
Status take_writer_lock(pg::Session& session, sql::QualifiedName const& target) {
  int const key = writer_lock_key(target);
  WEIR_TRY(auto rows,
           session.query("SELECT pg_try_advisory_lock($1, $2)", {std::to_string(kWriterLock), std::to_string(key)}));
  if (rows.boolean(0, 0)) return {};
  WEIR_TRY(auto holder, session.query(R"(
SELECT a.pid, coalesce(a.application_name, ''), extract(epoch FROM now() - a.backend_start)::bigint
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid AND l.objid = ($2::bigint & 4294967295)::oid)",
                                      {std::to_string(kWriterLock), std::to_string(key)}));
  Error error(ErrorKind::Busy, fmt::format("could not load {}: another session is loading it", in_quotes(target)));
  error.object(target.text()).state("nothing was changed").next("wait for the other load, or end that session");
  if (holder.size() > 0)
    error.cause(fmt::format("pid {}, \"{}\", connected for {}", holder.text(0, 0), holder.text(0, 1),
                            format_duration(std::chrono::seconds(holder.integer(0, 2)))));
  return error;
}

void release_writer_lock(pg::Session& session, sql::QualifiedName const& target) {
  if (session.is_broken() || session.transaction_state() != pg::TransactionState::Idle) return;
  auto const ignored = session.query("SELECT pg_advisory_unlock($1, $2)",
                                     {std::to_string(kWriterLock), std::to_string(writer_lock_key(target))});
  static_cast<void>(ignored);  // the lock goes with the session in any case
}

// One scan: the rows, NULLs where the table demands values, values that did not fit into a shadow.
Result<Proof> prove(pg::Session& session, Plan const& plan, sql::QualifiedName const& relation) {
  std::string sql = "SELECT count(*)";
  for (LoadColumn const& c : plan.column_plan->load) {
    if (c.may_relax) sql += fmt::format(", count(*) FILTER (WHERE {} IS NULL)", quote_pg(c.name));
    if (c.fill == Fill::Cast)
      sql += fmt::format(", count(*) FILTER (WHERE {} IS NULL AND {} IS NOT NULL)", quote_pg(c.name), quote_pg(c.of));
  }
  WEIR_TRY(auto rows, session.query(sql + " FROM " + relation.quoted()));
  Proof proof{.rows = static_cast<std::uint64_t>(rows.integer(0, 0)), .relaxed = {}, .notes = {}};
  std::size_t column = 1;
  for (LoadColumn const& c : plan.column_plan->load) {
    if (c.may_relax && rows.integer(0, column++) > 0) proof.relaxed.push_back(c.name);
    if (c.fill != Fill::Cast) continue;
    if (auto const lost = static_cast<std::uint64_t>(rows.integer(0, column++)); lost > 0)
      proof.notes.push_back(
          fmt::format("{} of column \"{}\" did not fit the older type {} of \"{}\", which holds NULL there",
                      plural(lost, "value"), c.of, c.type, c.name));
  }
  return proof;
}

Load::Load(std::unique_ptr<State> state) : state_(std::move(state)) {}
Load::Load(Load&&) noexcept = default;
Load& Load::operator=(Load&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Load::~Load() {
  if (state_ == nullptr) return;
  state_->transaction.reset();  // an unfinished frozen load leaves nothing
  if (state_->locked) release_writer_lock(*state_->session, state_->plan.request.target);
}

Result<Load> Load::begin(pg::Session& session, Plan const& plan, std::string const& scope, std::int64_t token,
                         bool frozen) {
  auto state = std::make_unique<State>();
  state->session = &session;
  state->plan = plan;
  state->scope = scope;
  state->token = token;
  state->frozen = frozen && uses_leaf(plan);
  WEIR_DO(check_fence(session, scope, token));
  WEIR_DO(take_writer_lock(session, plan.request.target));
  state->locked = true;
  Load load(std::move(state));
  State& s = *load.state_;
  WEIR_DO(drop_unpublished(session, plan.request.target));

  // The name is registered before the table exists: what is not registered was not made by weir.
  WEIR_TRY(
      auto next,
      session.query("SELECT coalesce(max(n), 0) + 1 FROM weir.generation WHERE target_schema = $1 AND target_name = $2",
                    {plan.request.target.schema, plan.request.target.name}));
  std::int64_t n = next.integer(0, 0);
  for (;; ++n) {
    s.relation = generation_name(plan.request.target, n);
    WEIR_TRY(auto taken, session.query("SELECT to_regclass($1) IS NOT NULL", {s.relation.quoted()}));
    if (!taken.boolean(0, 0)) break;
  }
  WEIR_TRY(auto row, session.query(R"(
INSERT INTO weir.generation (target_schema, target_name, n, relation_schema, relation, method, state, scope, token, frozen, columns)
VALUES ($1, $2, $3, $4, $5, $6, 'building', $7, $8, $9, $10) RETURNING id)",
                                   {plan.request.target.schema, plan.request.target.name, std::to_string(n),
                                    s.relation.schema, s.relation.name, std::string(method_name(plan.method)), scope,
                                    std::to_string(token), std::string(s.frozen ? "t" : "f"), load_digest(plan)}));
  s.generation = row.integer(0, 0);

  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  WEIR_DO(run_all(session, create_load(plan, s.relation)));
  if (plan.request.delete_missing) {
    std::string keys;
    for (std::string const& key : plan.request.key)
      keys += (keys.empty() ? "" : ", ") + quote_pg(key) + " " + plan.column_plan->find(key)->type;
    WEIR_DO(session.execute(fmt::format("CREATE UNLOGGED TABLE {} ({}) WITH (autovacuum_enabled = false)",
                                        keys_name(s.relation).quoted(), keys)));
  }
  crash_point("kL5");
  if (s.frozen) {
    s.transaction.emplace(std::move(transaction));
  } else {
    WEIR_DO(std::move(transaction).commit());
  }
  return load;
}

Result<std::optional<Load>> Load::adopt(pg::Session& session, Plan const& plan, std::string const& scope,
                                        std::int64_t token) {
  WEIR_DO(check_fence(session, scope, token));
  WEIR_TRY(auto found, find_generation(session, plan.request.target, "{building,ready,held}"));
  if (!found || (found->state == "building" && found->frozen)) return std::optional<Load>();
  if (found->columns != load_digest(plan)) return std::optional<Load>();
  WEIR_TRY(auto exists, session.query("SELECT to_regclass($1) IS NOT NULL", {found->relation.quoted()}));
  if (!exists.boolean(0, 0)) return std::optional<Load>();

  auto state = std::make_unique<State>();
  state->session = &session;
  state->plan = plan;
  state->scope = scope;
  state->token = token;
  state->frozen = found->frozen;
  state->ready = found->state != "building";
  state->generation = found->id;
  state->relation = found->relation;
  WEIR_DO(take_writer_lock(session, plan.request.target));
  state->locked = true;
  Load load(std::move(state));
  WEIR_DO(session.query("UPDATE weir.generation SET token = $2, scope = $3 WHERE id = $1",
                        {std::to_string(found->id), std::to_string(token), scope}));
  // A staging table is unlogged, and empty after a crash of the server: it is counted.
  if (load.state_->ready && found->rows >= 0 && uses_leaf(plan)) {
    load.state_->rows = static_cast<std::uint64_t>(found->rows);
  } else {
    WEIR_TRY(auto rows, session.query("SELECT count(*) FROM " + found->relation.quoted()));
    load.state_->rows = static_cast<std::uint64_t>(rows.integer(0, 0));
  }
  return std::optional<Load>(std::move(load));
}

sql::QualifiedName const& Load::relation() const {
  return state_->relation;
}
bool Load::ready() const {
  return state_->ready;
}
std::uint64_t Load::rows() const {
  return state_->rows;
}
bool Load::frozen() const {
  return state_->frozen;
}

std::string Load::copy_statement() const {
  std::vector<std::string> columns;
  for (TargetColumn const& c : state_->plan.request.columns) columns.push_back(c.name);
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary{})", state_->relation.quoted(),
                     sql::quote_pg_list(columns), state_->frozen ? ", FREEZE" : "");
}

std::string Load::copy_keys_statement() const {
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", keys_name(state_->relation).quoted(),
                     sql::quote_pg_list(state_->plan.request.key));
}

namespace {

// Upsert into a table that does not exist yet: of the rows of one key only the newest stays.
std::string keep_newest(Plan const& plan, sql::QualifiedName const& relation) {
  std::string order;
  if (!plan.request.dedup_order.empty()) order = quote_pg(plan.request.dedup_order) + " DESC NULLS LAST, ";
  return fmt::format(
      "DELETE FROM {0} WHERE ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY {1} ORDER BY "
      "{2}ctid DESC) AS n FROM {0}) d WHERE n > 1)",
      relation.quoted(), sql::quote_pg_list(plan.request.key), order);
}

// Of a table made in this transaction: no scan where the server's own count is the expected one.
Result<Proof> prove_frozen(pg::Session& session, Plan const& plan, sql::QualifiedName const& relation,
                           std::uint64_t rows_expected) {
  if (!looks_at_values(plan)) {
    WEIR_TRY(std::uint64_t const rows, rows_of_transaction(session, relation));
    if (rows == rows_expected) return Proof{.rows = rows, .relaxed = {}, .notes = {}};
  }
  return prove(session, plan, relation);
}

Error in_finish(Error error, Plan const& plan) {
  if (error.sqlstate() == "23505")
    error.cause(fmt::format("two rows of the source have the same key ({})", join(plan.request.key, ", ")));
  error.context(fmt::format("finishing the load of {}", in_quotes(plan.request.target)));
  if (error.state().empty()) error.state("the table was not touched; its rows of before are still served");
  return error;
}

}  // namespace

Status Load::finish(std::uint64_t rows_expected, std::optional<std::uint64_t> keys_expected) {
  State& s = *state_;
  if (s.ready) return {};
  Plan const& plan = s.plan;
  pg::Session& session = *s.session;
  crash_point("kL8");
  if (!s.transaction) {
    WEIR_TRY(auto transaction, pg::Transaction::begin(session));
    s.transaction.emplace(std::move(transaction));
  }
  auto work = [&]() -> Status {
    WEIR_TRY(Proof proof,
             s.frozen ? prove_frozen(session, plan, s.relation, rows_expected) : prove(session, plan, s.relation));
    if (proof.rows != rows_expected) return not_equal(plan, "rows", rows_expected, proof.rows);
    if (keys_expected) {
      WEIR_TRY(auto keys, session.query("SELECT count(*) FROM " + keys_name(s.relation).quoted()));
      if (static_cast<std::uint64_t>(keys.integer(0, 0)) != *keys_expected)
        return not_equal(plan, "keys", *keys_expected, static_cast<std::uint64_t>(keys.integer(0, 0)));
    }
    crash_point("kL13");
    s.rows = proof.rows;
    bool const leaf = uses_leaf(plan);
    if (leaf && plan.request.operation == Operation::Upsert) {
      WEIR_TRY(auto removed, session.query(keep_newest(plan, s.relation)));
      s.rows -= removed.affected();
    }
    WEIR_DO(run_all(session, settle_columns(plan, s.relation)));
    if (leaf) {
      WEIR_TRY(auto relation, warehouse::load_relation(session, s.relation));
      WEIR_DO(run_all(session, complete_leaf(plan, *relation, proof.relaxed)));
    } else if (!plan.request.key.empty() && plan.request.operation == Operation::Replace) {
      WEIR_DO(session.execute(fmt::format("ALTER TABLE {} ADD PRIMARY KEY ({})", s.relation.quoted(),
                                          sql::quote_pg_list(plan.request.key))));
    }
    crash_point("kL11");
    WEIR_DO(session.execute("ANALYZE " + s.relation.quoted()));
    crash_point("kL12");
    std::string notes;
    for (std::string const& note : proof.notes) notes += note + "\n";
    WEIR_DO(
        session.query("UPDATE weir.generation SET state = 'ready', rows = $2, ready_at = clock_timestamp(), relaxed = "
                      "$3, notes = $4 WHERE id = $1",
                      {std::to_string(s.generation), std::to_string(s.rows), join(proof.relaxed, "\n"), notes}));
    return {};
  };
  if (Status done = work(); !done.ok()) {
    s.transaction.reset();
    return in_finish(std::move(done).error(), plan);
  }
  auto commit = [&]() -> Status {
    WEIR_TRY(std::string id, s.transaction->transaction_id());
    Status committed = std::move(*s.transaction).commit();
    s.transaction.reset();
    if (committed.ok() || committed.error().kind() != ErrorKind::InDoubt) return committed;
    s.locked = false;  // went with the session
    return pg::settle_doubt(session, id, std::move(committed).error());
  };
  if (Status done = commit(); !done.ok()) return in_finish(std::move(done).error(), plan);
  s.ready = true;
  return {};
}

Status Load::discard() {
  State& s = *state_;
  s.transaction.reset();
  if (s.session->is_broken()) return {};  // its transaction is gone with it, and garbage collection knows the rest
  WEIR_TRY(auto transaction, pg::Transaction::begin(*s.session));
  WEIR_DO(s.session->execute(drop_load(s.relation)));
  WEIR_DO(s.session->query(
      "UPDATE weir.generation SET state = 'dropped' WHERE id = $1 AND state IN ('building', 'ready', 'held')",
      {std::to_string(s.generation)}));
  return std::move(transaction).commit();
}

}  // namespace weir::swap
