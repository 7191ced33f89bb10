#pragma once
// dbt's `query-comment`: what every statement of a run says of itself, so that whoever looks at pg_stat_activity or at
// the server's log sees which program, target and node it is from. For the files of build/ only.

#include <string>

#include "build/run_state.h"

namespace weir::build {

// From here on the worker's statements are `node`'s, or of what is no node (null); `connection` is dbt's name for it.
// Error: Template, where the project's comment cannot be rendered or holds a comment's end.
Status name_statements(RunState& run, Worker& worker, std::string const& connection, project::Node const* node);

}  // namespace weir::build
