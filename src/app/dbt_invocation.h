#pragma once
// A dbt command that works in the warehouse: from the command line to what build/ takes, with dbt's flags, environment
// variables and first lines on the console.

#include <memory>

#include "app/command.h"
#include "build/build.h"

namespace weir::app {

struct DbtInvocation {
  std::unique_ptr<build::EventLog> log;
  build::RunOptions options;
};

// Reads the project. `which`: the command as templates and artifacts call it.
Result<DbtInvocation> begin_dbt(Context& context, build::Command command, std::string_view which);
// --select and its kin, --defer. Nothing selected is no error.
Status choose_dbt_nodes(Context& context, DbtInvocation& invocation);
// --defer alone.
Status defer_dbt(Context& context, DbtInvocation& invocation);

}  // namespace weir::app
