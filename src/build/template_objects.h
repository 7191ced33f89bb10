#pragma once
// Objects that templates see while a node is run. For the files of build/ only; each belongs to its context's thread.

#include "build/run_context.h"

namespace weir::build {

// `config`: config.get(), .require(), .set() ... of the node that is run.
jinja::Value config_object(RunContext& context);
// `exceptions`: what warns goes to the run's log.
jinja::Value exceptions_object(RunContext& context);
// AdapterResponse, and what a template handed back as one.
jinja::Value response_value(AdapterResponse const& response);
AdapterResponse response_from(jinja::Value const& value);
// `results` of on-run-end.
jinja::Value results_value(RunState const& run);

}  // namespace weir::build
