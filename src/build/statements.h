#pragma once
// What a project's own text does to relations: macros, hooks, operations. All of it passes through the node's guard
// (swap/guard.h), so that whatever others made on a relation survives its drop, its renaming and its new columns.

#include <span>
#include <string>

#include "build/run_context.h"
#include "swap/relation.h"

namespace weir::build {

// A statement outside of a transaction begins one, but for what cannot stand in one where `auto_begin` is false.
Result<pg::Rows> run_statement(RunContext& context, std::string_view sql, bool auto_begin = true);

// What was dropped before and others depend on lives on in what took its name, or stays. In the open transaction.
Status settle(RunContext& context);
// COMMIT, behind settle().
Status commit(RunContext& context);
// The end of what commits by itself: the rest is rolled back; what was committed, and dropped before, is settled.
Status finish_operation(RunContext& context);
// ROLLBACK, for good: what the guard knew is forgotten.
Status rollback(RunContext& context);

Status drop_relation(RunContext& context, project::RelationParts const& relation);
Status rename_relation(RunContext& context, project::RelationParts const& from, project::RelationParts const& to);
Status truncate_relation(RunContext& context, project::RelationParts const& relation);
Status drop_schema(RunContext& context, std::string const& schema);
// Other types for columns, in place: no column moves, and views that use one are rewritten.
Status retype_columns(RunContext& context, project::RelationParts const& table,
                      std::span<swap::ColumnChange const> changes);

sql::QualifiedName name_of(project::RelationParts const& relation);
swap::PublishLimits publish_limits(Worker const& worker);

}  // namespace weir::build
