#pragma once
// Work on text that methods and filters share.

#include "jinja/environment.h"

namespace weir::jinja {

// str.replace; at most `most` times, or every time where that is negative.
Outcome<std::string> replaced(State& state, std::string_view text, std::string_view from, std::string_view to,
                              std::int64_t most);

struct Line {
  std::string_view text, with_end;
};
std::vector<Line> split_lines(std::string_view text);  // str.splitlines
std::string capitalize_text(std::string_view text);    // str.capitalize

}  // namespace weir::jinja
