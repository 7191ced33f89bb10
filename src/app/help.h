#pragma once
// Help texts, from the command table; and the topics.

#include <string>
#include <string_view>
#include <vector>

#include "app/terminal.h"

namespace weir::app {

// Of a command, a group of commands, or ("") of all.
std::string help_text(std::string_view path, Terminal const& terminal);
// The whole tree, for programs.
std::string help_json();
// A topic's page, or "".
std::string_view topic_page(std::string_view topic);
std::vector<std::string> topics();

}  // namespace weir::app
