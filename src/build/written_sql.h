#pragma once
// Files below target/run and target/compiled, each where its node's file stands in the project. For the files of build/
// only.

#include "build/run_context.h"

namespace weir::build {

Status write_run_sql(RunContext const& context, std::string_view text);
std::filesystem::path compiled_sql_file(RunContext const& context);  // below target/compiled
Status write_compiled_sql(RunContext const& context, std::string_view text);

}  // namespace weir::build
