#pragma once

#include <string>

#include "jinja/value.h"

namespace weir::jinja {

// Python's pprint.pformat: repr() over several lines where it is longer than 80 characters, dicts sorted by key.
std::string pretty(Value const& value);

}  // namespace weir::jinja
