#include "build/statements.h"

#include <fmt/format.h>

#include "base/text.h"
#include "build/cte.h"
#include "sql/name.h"

namespace weir::build {
namespace {

using project::RelationParts;

// Temporary relations have no schema.
std::string sql_name(RelationParts const& relation) {
  return relation.schema ? name_of(relation).quoted() : sql::quote_pg(relation.identifier.value_or(""));
}

void note_report(RunContext& context, swap::GuardReport report) {
  for (auto const& text : report.moved) context.notes.push_back(text + " moves to the new relation");
  for (auto& text : report.kept) context.notes.push_back(std::move(text));
  for (auto const& text : report.taken) context.notes.push_back("the project's own SQL dropped " + text);
  for (auto& text : report.notes) context.notes.push_back(std::move(text));
}

}  // namespace

Status settle(RunContext& context) {
  if (!context.is_guarded()) return {};
  WEIR_TRY(auto* guard, context.guard());
  WEIR_DO(guard->finish());
  note_report(context, guard->take_report());
  return {};
}

Result<pg::Rows> run_statement(RunContext& context, std::string_view sql, bool auto_begin) {
  auto& worker = context.worker();
  WEIR_TRY(auto* guard, context.guard());
  bool const controls = controls_transaction(sql);
  if (auto_begin || !(worker.stands_alone || controls || needs_no_transaction(sql))) {
    WEIR_DO(worker.begin());
  }
  bool const commits = to_lower(sql.substr(skip_space_and_comments(sql, 0), 6)) == "commit";
  if (commits) {
    WEIR_DO(settle(context));
  }
  WEIR_TRY(auto rows, guard->execute(sql));
  if (!worker.in_transaction()) worker.note_commit();
  if (controls) worker.stands_alone = !worker.in_transaction();
  return rows;
}

Status commit(RunContext& context) {
  WEIR_DO(settle(context));
  return context.worker().commit();
}

Status finish_operation(RunContext& context) {
  WEIR_DO(context.worker().rollback());
  if (!context.is_guarded()) return {};
  WEIR_DO(context.worker().begin());
  return commit(context);
}

Status rollback(RunContext& context) {
  context.forget_guard();
  return context.worker().rollback();
}

Status drop_relation(RunContext& context, RelationParts const& relation) {
  context.run().cache.remove(relation);
  WEIR_DO(context.worker().begin());
  WEIR_TRY(auto* guard, context.guard());
  if (relation.schema) return guard->drop(name_of(relation));
  WEIR_DO(guard->execute("drop table if exists " + sql_name(relation)));
  return {};
}

Status rename_relation(RunContext& context, RelationParts const& from, RelationParts const& to) {
  WEIR_DO(run_statement(
      context, fmt::format("alter table {} rename to {}", sql_name(from), sql::quote_pg(to.identifier.value_or("")))));
  context.run().cache.rename(from, to);
  return {};
}

Status truncate_relation(RunContext& context, RelationParts const& relation) {
  WEIR_DO(run_statement(context, "truncate table " + sql_name(relation)));
  return {};
}

Status drop_schema(RunContext& context, std::string const& schema) {
  context.run().cache.forget(schema);
  WEIR_DO(context.worker().begin());
  WEIR_TRY(auto* guard, context.guard());
  return guard->drop_schema(schema);
}

Status retype_columns(RunContext& context, RelationParts const& table, std::span<swap::ColumnChange const> changes) {
  if (changes.empty()) return {};
  auto& worker = context.worker();
  WEIR_DO(worker.begin());
  WEIR_TRY(auto* session, worker.session());
  WEIR_TRY(auto const report,
           swap::change_columns(*session, name_of(table), changes, swap::ColumnPolicy::Keep, publish_limits(worker)));
  context.notes.insert(context.notes.end(), report.notes.begin(), report.notes.end());
  return {};
}

sql::QualifiedName name_of(RelationParts const& relation) {
  return {relation.schema.value_or(""), relation.identifier.value_or("")};
}

// Nobody waits for the snapshots of others within a run, as nobody does in dbt: a reader that has kept a snapshot open
// since before would hold up all that comes behind. The report names it.
swap::PublishLimits publish_limits(Worker const& worker) {
  swap::PublishLimits limits;
  limits.snapshot_wait = Duration(0);
  limits.stop = worker.stop();
  return limits;
}

}  // namespace weir::build
