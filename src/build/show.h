#pragma once
// What `compile` and `show` print of a node. For the files of build/ only.

#include "build/run_context.h"

namespace weir::build {

// The compiled SQL, or its first rows where the command is `show`. Begins a transaction and leaves it open.
Status print_node(RunContext& context, std::string_view compiled);

// For where there is no node: an operation, a text of the command line.
project::Node made_up_node(RunState const& run, std::string name);

}  // namespace weir::build
