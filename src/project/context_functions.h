#pragma once
// Functions and objects of dbt's contexts that know nothing of a node: conversions, exceptions, modules. For context.cc
// and for whoever derives from DbtContext. Any thread.

#include <string_view>

#include "jinja/object.h"

namespace weir::project {

// tojson, fromjson, toyaml, fromyaml, set, set_strict, zip, zip_strict, local_md5, diff_of_two_dicts, log, print,
// return, exceptions, modules, try_or_compiler_error. Missing for any other name.
jinja::Value common_function(std::string_view name);
std::vector<std::string> const& common_function_names();

// A text of YAML, blocks, as PyYAML writes it.
std::string to_yaml(jinja::Value const& value, bool sort_keys);

}  // namespace weir::project
