#include "build/together.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"
#include "build/constraints.h"
#include "build/cte.h"
#include "build/materialize.h"
#include "build/node_run.h"
#include "build/statements.h"
#include "sql/name.h"
#include "warehouse/relation.h"

namespace weir::build {
namespace {

using project::Node;
using project::NodeKind;
using project::RelationParts;

bool has_relation(Node const& node) {
  return node.kind == NodeKind::Model || node.kind == NodeKind::Seed || node.kind == NodeKind::Snapshot;
}

std::optional<std::string> why_it_cannot_wait(RunContext& context, Together const& together) {
  auto const& node = context.node();
  if (node.kind == NodeKind::Function) return "a function is replaced at once";
  if (!has_relation(node) || node.is_ephemeral()) return std::nullopt;
  if (node.materialized() == "materialized_view")
    return "a materialized view is filled from what is published, and readers of that would wait";
  if (is_microbatch(node)) return "a microbatch model is committed batch by batch";
  if (has_own_materialization(context))
    return fmt::format("what the project's own materialization \"{}\" does cannot be put off", node.materialized());
  if (auto const* other = foreign_key_within(context, [&](Node const& one) { return together.holds(one); }))
    return fmt::format("its foreign key to \"{}\" would be checked against what is published", other->name);
  return std::nullopt;
}

// Columns that take a value; in the table's order.
Result<std::string> plain_columns(pg::Session& session, sql::QualifiedName const& table) {
  WEIR_TRY(auto rows,
           session.query("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum) "
                         "FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1) AND "
                         "attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                         {table.quoted()}));
  return std::string(rows.text(0, 0));
}

// A post-hook sees the node as it was published.
void show_as_published(RunContext& context) {
  auto const compiled = context.run().compiled(context.node().unique_id);
  if (compiled == nullptr) return;
  auto shown = *compiled;
  shown.code = context.run().as_published(std::move(shown.code));
  shown.own_code = context.run().as_published(std::move(shown.own_code));
  context.set_compiled(std::make_shared<CompiledNode const>(std::move(shown)));
}

}  // namespace

Together::Together(RunState& run, std::vector<project::NodeIndex> nodes) : run_(run), nodes_(std::move(nodes)) {
  for (auto const index : nodes_)
    if (auto const& node = run_.manifest.nodes()[index]; has_relation(node) && !node.is_ephemeral())
      ids_.insert(node.unique_id);
}

Status Together::check(Worker& main) {
  std::vector<std::string> reasons;
  for (auto const index : nodes_) {
    RunContext context(run_, main, run_.manifest.nodes()[index]);
    if (auto const why = why_it_cannot_wait(context, *this))
      reasons.push_back(fmt::format("{}: {}", context.node().unique_id, *why));
  }
  if (reasons.empty()) return {};
  return Error(ErrorKind::Refused,
               fmt::format("cannot publish {} of this run together with the others", plural(reasons.size(), "node")))
      .cause(join(reasons, "; "))
      .state("nothing was run")
      .next("leave those out with --exclude, or publish each relation by itself (--publish each)");
}

Status Together::begin(Worker& main) {
  std::set<std::string> schemas;
  for (auto const index : nodes_)
    if (auto const& node = run_.manifest.nodes()[index]; holds(node))
      schemas.insert(run_.relation(node).schema.value_or(""));
  WEIR_DO(main.begin());
  WEIR_TRY(auto* session, main.session());
  std::vector<std::string> const names(schemas.begin(), schemas.end());
  WEIR_TRY(stage_, swap::Stage::open(*session, names));
  return main.commit();
}

RelationParts Together::where_it_waits(RelationParts published) const {
  published.schema = stage_->name(name_of(published)).schema;
  return published;
}

std::string Together::as_published(std::string text) const {
  return stage_ ? stage_->as_published(std::move(text)) : text;
}

std::string Together::with_published_strings(std::string query) const {
  return stage_ ? stage_->with_published_strings(std::move(query)) : query;
}

Status Together::hold(RunContext& context, swap::Prepared prepared, bool existed) {
  WEIR_TRY(auto* session, context.worker().session());
  WEIR_DO(stage_->show(*session, prepared));
  WEIR_DO(commit(context));
  crash_point("kT1");
  auto shown = where_it_waits(run_.relation(context.node()));
  shown.type = "view";
  run_.cache.add(shown);
  auto const index = *run_.manifest.index_of(context.node().unique_id);
  MutexLock lock(mutex_);
  held_.insert_or_assign(index, Held{index, std::move(prepared), existed});
  return {};
}

Status Together::copy_published(RunContext& context, RelationParts const& published) {
  auto waiting = where_it_waits(published);
  auto const from = name_of(published), to = name_of(waiting);
  auto& worker = context.worker();
  WEIR_DO(worker.begin());
  WEIR_TRY(auto* session, worker.session());
  WEIR_TRY(auto const columns, plain_columns(*session, from));
  WEIR_DO(
      session->execute(fmt::format("CREATE TABLE {0} (LIKE {1} INCLUDING ALL EXCLUDING IDENTITY); INSERT INTO {0} "
                                   "({2}) SELECT {2} FROM {1}",
                                   to.quoted(), from.quoted(), columns)));
  WEIR_DO(worker.commit());
  waiting.type = "table";
  run_.cache.add(waiting);
  return {};
}

Status Together::hold_made(RunContext& context, RelationParts const& published, bool existed) {
  auto const target = name_of(published);
  auto const made = name_of(where_it_waits(published));
  auto& worker = context.worker();
  WEIR_DO(worker.begin());
  WEIR_TRY(auto* session, worker.session());
  WEIR_TRY(auto const relation, warehouse::load_relation(*session, made));
  if (!relation)
    return Error(ErrorKind::Template,
                 fmt::format("the materialization of \"{}\" made no relation of its name", context.node().name))
        .state("nothing of it was published")
        .next("publish it by itself (--publish each)");
  swap::RelationDefinition definition;
  definition.target = target;
  if (relation->kind == 'v') {
    definition.kind = swap::RelationKind::View;
    WEIR_TRY(auto const text, session->query("SELECT pg_catalog.pg_get_viewdef($1::regclass)", {made.quoted()}));
    definition.build_query = strip_semicolon(std::string(text.text(0, 0)));
    definition.query = as_published(definition.build_query);
  } else {
    WEIR_TRY(auto const columns, plain_columns(*session, made));
    definition.query = fmt::format("SELECT {} FROM {}", columns, made.quoted());
    WEIR_TRY(definition.indexes, indexes_of(context));
  }
  WEIR_TRY(auto const plan, swap::plan_relation(*session, definition));
  WEIR_TRY(auto prepared, swap::prepare(*session, plan));
  WEIR_DO(session->execute(fmt::format("DROP {} {}", relation->kind == 'v' ? "VIEW" : "TABLE", made.quoted())));
  return hold(context, std::move(prepared), existed);
}

std::size_t Together::size() const {
  MutexLock lock(mutex_);
  return held_.size();
}

Together::Outcome Together::publish(Worker& main) {
  std::vector<Held> held;
  {
    MutexLock lock(mutex_);
    for (auto const index : nodes_)
      if (auto const found = held_.find(index); found != held_.end()) held.push_back(found->second);
  }
  Outcome outcome;
  auto done = publish_held(main, held, outcome);
  if (done.ok()) return outcome;
  auto const ignored = main.rollback();
  static_cast<void>(ignored);
  outcome.failed = std::move(done).error();
  return outcome;
}

Status Together::publish_held(Worker& main, std::vector<Held> const& held, Outcome& outcome) {
  WEIR_DO(main.begin());
  WEIR_TRY(auto* session, main.session());
  WEIR_DO(stage_->clear(*session));
  std::vector<swap::Prepared> prepared;
  for (auto const& one : held) prepared.push_back(one.prepared);
  WEIR_TRY(auto reports, swap::publish(*session, prepared, publish_limits(main)));
  std::vector<std::unique_ptr<RunContext>> contexts;
  for (std::size_t i = 0; i < held.size(); ++i) {
    auto const& node = run_.manifest.nodes()[held[i].node];
    auto& context = *contexts.emplace_back(std::make_unique<RunContext>(run_, main, node));
    show_as_published(context);
    auto done = finish_inside(context, reports[i], held[i].existed);
    if (done.ok()) done = settle(context);
    if (done.ok()) continue;
    outcome.failed_at = node.unique_id;
    return done;
  }
  crash_point("kT2");
  WEIR_DO(main.commit());
  crash_point("kT3");
  for (std::size_t i = 0; i < held.size(); ++i) {
    auto& context = *contexts[i];
    auto done = finish_outside(context, reports[i]);
    outcome.notes[context.node().unique_id] = std::move(context.notes);
    if (!done.ok()) outcome.behind.emplace(context.node().unique_id, std::move(done).error());
  }
  return {};
}

Status Together::discard(Worker& worker) {
  WEIR_DO(worker.begin());
  WEIR_TRY(auto* session, worker.session());
  WEIR_DO(stage_->discard(*session));
  return worker.commit();
}

}  // namespace weir::build
