#pragma once
// From a node's template to the SQL that is run: rendered with the run's context, ephemeral models put in front.

#include "build/run_context.h"

namespace weir::build {

// Renders, keeps the result in the run's state and in `context`, and writes it below target/compiled. Errors: Template,
// with the template's line.
Result<std::shared_ptr<CompiledNode const>> compile(RunContext& context);
// The same of any text, with the ephemeral models that it refers to.
Result<CompiledNode> compile_text(RunContext& context, std::string_view name, std::string_view text, int first_line);

}  // namespace weir::build
