#pragma once
// Text files that were put into the program at build time: queries/ and migrations/, by their path from the project's
// root. Pure; any thread.

#include <string_view>
#include <vector>

namespace weir {

// The file's text. Asking for a file that does not exist is a bug and ends the program with its name.
std::string_view embedded_file(std::string_view path);
// Paths that begin with `prefix`, in order.
std::vector<std::string_view> embedded_files(std::string_view prefix);

}  // namespace weir
