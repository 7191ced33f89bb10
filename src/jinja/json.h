#pragma once
// Python's json.dumps and json.loads on values.

#include "jinja/environment.h"

namespace weir::jinja {

struct JsonOptions {
  bool sort_keys = false;
  std::optional<std::string> indent = {};  // of one level; nothing: all on one line
};
Outcome<std::string> to_json(State& state, Value const& value, JsonOptions const& options);
// ValueError where the text is no JSON.
Outcome<Value> from_json(std::string_view text);

}  // namespace weir::jinja
