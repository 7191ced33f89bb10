#pragma once
// What a read did to a column's values, for people.

#include <string>

#include "source/source.h"

namespace weir::source {

// "2 NUL characters taken out or replaced, 3 time values cut to microseconds".
std::string loss_text(ColumnLoss const& loss);

}  // namespace weir::source
