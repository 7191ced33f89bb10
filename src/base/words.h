#pragma once
// A command line that stands in a file. Pure; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// Its words: quotes and backslashes as in a shell, no expansion of anything. Error: Config (a quote that is not
// closed).
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace weir
