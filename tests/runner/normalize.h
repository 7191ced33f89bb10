#pragma once
// Takes out of a program's output what differs from run to run, and nothing else. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cases {

// What this run knows about itself, longest first: ("/tmp/weir-cases-x/3", "<work>"), ("54321", "<port>").
using Replacements = std::vector<std::pair<std::string, std::string>>;

std::string normalize(std::string_view text, Replacements const& known);

// Without the lines that weir writes every ten seconds where nobody sits at a terminal: whether they come says how fast
// the machine is.
std::string without_progress(std::string_view text);

}  // namespace weir::cases
