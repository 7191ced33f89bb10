#pragma once
// Top-level blocks of a template file: {% macro a() %}...{% endmacro %}. A tolerant scanner that knows only what can
// hide a tag (comments, raw blocks, expressions, strings), so that a file whose other text is no valid template still
// gives its blocks. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::project {

struct Block {
  std::string tag, name;            // "macro", "cents_to_dollars"
  std::string_view full, contents;  // with and without its own tags; views of the text that was scanned
  int first_line = 1;               // of `full`
  int contents_line = 1;
};

// The blocks with one of these tags. They may stand neither within each other nor within if and for. Errors: Template,
// with file, line and excerpt.
Result<std::vector<Block>> find_blocks(std::string_view text, std::vector<std::string_view> const& tags,
                                       std::string const& file);

}  // namespace weir::project
