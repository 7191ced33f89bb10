#pragma once
// Which macros a template calls by name, read off its tree without rendering it. Pure.

#include <string>
#include <vector>

#include "jinja/environment.h"

namespace weir::project {

struct MacroCall {
  std::string package, name;  // package: empty where the call says none
  bool is_dispatch = false;   // adapter.dispatch('name', 'package')
  bool operator==(MacroCall const&) const = default;
};

// In the order in which dbt meets them, each once; ref, source and config left out.
std::vector<MacroCall> macro_calls(jinja::Template const& tmpl);

}  // namespace weir::project
