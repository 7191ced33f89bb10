#pragma once
// CSV as Python's csv.DictReader reads it: a heading, then rows as mappings of texts. Pure.

#include <string_view>

#include "project/data.h"

namespace weir::project {

Data csv_rows(std::string_view text);

}  // namespace weir::project
