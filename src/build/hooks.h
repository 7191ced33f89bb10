#pragma once
// Hooks of the whole project, on-run-start and on-run-end, in the project's order. For the files of build/ only.

#include <string_view>

#include "build/run_state.h"

namespace weir::build {

// Each stands by itself and is committed. False if one failed; those behind it are skipped. What came of them is added
// to the run's results. `began`: no hook kept the run's nodes from running; else on-run-end is told of no results, as
// in dbt. Error: a template of on-run-start fails, by which projects keep a run from beginning.
Result<bool> run_project_hooks(RunState& run, Worker& worker, std::string_view when, bool began = true);

}  // namespace weir::build
