#pragma once
// Making a node's relation: hooks, the materialization, grants, comments. Two ways to the same end. Where the project
// overrides nothing that lies on it, the straight one: swap/ builds and publishes, dependents intact. Else the macros
// are carried out as they stand.

#include <functional>

#include "build/run_context.h"
#include "swap/relation.h"

namespace weir::build {

struct Materialized {
  AdapterResponse response;
};

// In a transaction of its own (or several: hooks may stand outside). Rolled back on an error.
Result<Materialized> materialize(RunContext& context);

// How swap/ would be asked to make the node's relation; nothing where macros make it. The node is compiled.
Result<std::optional<swap::RelationDefinition>> planned_definition(RunContext& context);

// True where the node's materialization is not weir's own macro.
bool has_own_materialization(RunContext const& context);

// The first node of `among` that a constraint of the node's contract refers to, or null.
project::Node const* foreign_key_within(RunContext& context, std::function<bool(project::Node const&)> const& among);

// Behind a publish, in its transaction: grants, comments, hooks, in the order of the materialization; what was put off.
// `existed`: something stood at the name before.
Status finish_inside(RunContext& context, swap::RelationReport& report, bool existed);
// Behind its COMMIT: what needs no lock, hooks outside of a transaction, the relations that the run knows of.
Status finish_outside(RunContext& context, swap::RelationReport& report);

// True if `macro`, and what it dispatches to, is weir's own for this node.
bool is_builtin(RunContext const& context, std::string_view macro);

// Hooks of the node that stand inside, or outside, of the transaction.
Status run_hooks(RunContext& context, std::vector<project::Hook> const& hooks, bool inside);

}  // namespace weir::build
