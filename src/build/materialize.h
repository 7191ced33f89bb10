#pragma once
// Making a node's relation: hooks, the materialization, grants, comments. Two ways to the same end. Where the project
// overrides nothing that lies on it, the straight one: swap/ builds and publishes, dependents intact. Else the macros
// are carried out as they stand.

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

// True if `macro`, and what it dispatches to, is weir's own for this node.
bool is_builtin(RunContext const& context, std::string_view macro);

// Hooks of the node that stand inside, or outside, of the transaction.
Status run_hooks(RunContext& context, std::vector<project::Hook> const& hooks, bool inside);

}  // namespace weir::build
