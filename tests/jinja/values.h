#pragma once
// Values for templates from JSON.

#include <nlohmann/json_fwd.hpp>

#include "jinja/environment.h"

namespace weir::test {

// {"!": "tuple", "v": [...]}, set, decimal, date, datetime, timedelta, big (an int as text), bytes; everything else as
// JSON has it.
jinja::Value value_of(nlohmann::ordered_json const& written);
jinja::DictContext context_of(nlohmann::ordered_json const& written);

}  // namespace weir::test
