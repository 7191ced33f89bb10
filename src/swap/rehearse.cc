// The publish itself, with an empty table, rolled back: what it cannot do comes out before anything is loaded.

#include <fmt/format.h>

#include "base/text.h"
#include "swap/leaf.h"
#include "swap/publish.h"

namespace weir::swap {
namespace {

Status make_empty_load(Publication& p) {
  for (std::string const& statement : create_load(p.plan, p.relation, true)) {
    WEIR_DO(p.session.execute(statement));
  }
  if (!uses_leaf(p.plan)) return {};
  WEIR_TRY(auto leaf, warehouse::load_relation(p.session, p.relation));
  for (std::string const& statement : complete_leaf(p.plan, *leaf, {})) {
    WEIR_DO(p.session.execute(statement));
  }
  return {};
}

// The column DDL of both transactions, and the proof that nothing else differs.
Status rehearse_columns(Publication& p) {
  // The rows that would satisfy it are not written.
  for (LoadColumn const& c : p.plan.column_plan->load)
    if (c.not_null && c.table_name != c.name) p.relaxed.push_back(c.name);
  if (!p.plan.column_plan->before.empty()) {
    WEIR_DO(with_exclusive_lock(p, p.plan.request.target.quoted(),
                                altering(p.plan.request.target, p.plan.column_plan->before)));
  }
  WEIR_DO(take_facts(p));
  WEIR_DO(columns_after(p));
  return verify(p);
}

// In place: rights and column DDL are proved, the rows are left alone. EXPLAIN checks rights and plans, and runs
// nothing.
Status rehearse_in_place(Publication& p) {
  std::string const target = p.plan.request.target.quoted();
  if (p.plan.creates_table) return create_table_in_place(p);
  if (p.plan.column_plan->changes_table()) {
    WEIR_DO(rehearse_columns(p));
  }
  std::string columns;
  for (LoadColumn const& c : p.plan.column_plan->load)
    if (c.fill == Fill::Copied) columns += (columns.empty() ? "" : ", ") + sql::quote_pg(c.name);
  bool always = false;
  for (warehouse::Column const& c : p.plan.capture->relation->columns) always = always || c.identity == "a";
  WEIR_DO(p.session.execute(fmt::format("EXPLAIN INSERT INTO {} ({}){} SELECT {} FROM {}", target, columns,
                                        always ? " OVERRIDING SYSTEM VALUE" : "", columns, p.relation.quoted())));
  WEIR_DO(p.session.execute(fmt::format("EXPLAIN DELETE FROM {} WHERE false", target)));
  return {};
}

Status rehearse_publish(Publication& p) {
  WEIR_DO(queue_politely(p));
  WEIR_DO(plan_again(p));
  WEIR_DO(make_empty_load(p));
  switch (p.plan.method) {
    case Method::Shell: {
      WEIR_DO(p.plan.creates_table ? create_shell(p) : p.plan.adopts_table ? adopt_table(p) : swap_leaf(p));
      break;
    }
    case Method::View: {
      WEIR_DO(repoint_view(p));
      break;
    }
    case Method::Merge:
    case Method::Truncate:
      return rehearse_in_place(p);
    case Method::Auto:
      break;
  }
  return verify(p);
}

Error would_break(Plan const& plan, Error error) {
  Error refused(error.kind() == ErrorKind::Denied ? ErrorKind::Denied : ErrorKind::Refused,
                fmt::format("cannot refresh {}: the rehearsal of the publish failed: {}",
                            in_quotes(plan.request.target), error.message()));
  refused.object(plan.request.target.text())
      .sqlstate(error.sqlstate())
      .cause(error.cause())
      .state("nothing was loaded and nothing was changed");
  refused.next(error.next().empty() ? (plan.adopts_table ? "change what stands in the way, or use method merge"
                                                         : "change what stands in the way, and run it again")
                                    : error.next());
  return refused;
}

}  // namespace

Result<Rehearsal> rehearse(pg::Session& session, Plan const& plan) {
  Clock& clock = system_clock();
  PublishOptions const options;
  sql::QualifiedName const name{
      std::string(kDataSchema),
      sql::derive_identifier(plan.request.target.schema + "__" + plan.request.target.name, "__rehearse")};
  Publication p{.session = session,
                .plan = plan,
                .relation = name,
                .generation = 0,
                .rows = 0,
                .relaxed = {},
                .options = options,
                .report = {},
                .started = clock.monotonic(),
                .locked_at = {},
                .before = {},
                .careful = false,
                .patience = std::chrono::seconds(1)};
  Rehearsal rehearsal;
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  WEIR_DO(session.execute(
      "SET LOCAL lock_timeout = '100ms'; SET LOCAL row_security = off; SET LOCAL client_min_messages = warning"));
  Status done = rehearse_publish(p);
  WEIR_DO(std::move(transaction).rollback());
  if (p.locked_at != Duration::zero()) rehearsal.lock_time = clock.monotonic() - p.locked_at;
  if (!done.ok() && (may_pass(done.error()) || done.error().where() == kFingerprintDiffers)) {
    rehearsal.complete = false;
    std::string who = done.error().message();
    if (auto blockers = warehouse::load_blockers(session, plan.request.target); blockers.ok() && !blockers->empty())
      who = blockers->front().text();
    rehearsal.notes.push_back(fmt::format("not rehearsed: {}", who));
    return rehearsal;
  }
  if (!done.ok()) return would_break(plan, std::move(done).error());
  if (p.report.dependents_verified > 0)
    rehearsal.notes.push_back(
        fmt::format("{} verified", plural(static_cast<std::uint64_t>(p.report.dependents_verified), "dependent")));
  return rehearsal;
}

}  // namespace weir::swap
