#pragma once
// argv to Arguments, checked against the command table. The only user of CLI11. Errors: Usage, naming the nearest
// command, option or choice.

#include <string>
#include <vector>

#include "app/command.h"

namespace weir::app {

// Whether `words` ask for JSON, also where they cannot be parsed: an error is then JSON too.
bool asks_for_json(std::vector<std::string> const& words);
// `words`: argv without the program's name.
Result<Arguments> parse_command_line(std::vector<std::string> words);

}  // namespace weir::app
