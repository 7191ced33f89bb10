#pragma once
// argv to Arguments, checked against the command table. The only user of CLI11. Errors: Usage, naming the nearest
// command, option or choice.

#include <string>
#include <vector>

#include "app/command.h"

namespace weir::app {

// `words`: argv without the program's name.
Result<Arguments> parse_command_line(std::vector<std::string> words);

}  // namespace weir::app
