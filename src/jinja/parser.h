#pragma once
// Tokens to the tree, by recursive descent, as Jinja2's grammar has it with the extensions `do` and `loopcontrols`,
// annotations in macro signatures and the environment's own block tags.

#include "jinja/lexer.h"

namespace weir::jinja {

// Fills `program` (its name, source and part are set). The failure has its place.
Outcome<Done> parse_program(Program& program, Environment const& environment);

// Gives every name its slot and every scope what it loads (resolve.cc); part of parse_program.
Outcome<Done> resolve_names(Program& program);

// A failure at these bytes.
Failure failure_at(Program const& program, FailureType type, std::string message, std::size_t begin, std::size_t end);

}  // namespace weir::jinja
