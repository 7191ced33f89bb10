#pragma once
// Functions and objects of dbt's contexts that know nothing of a node: conversions, exceptions, modules. For context.cc
// and for whoever derives from DbtContext. Any thread.

#include <map>
#include <string>
#include <string_view>

#include "jinja/object.h"
#include "project/data.h"

namespace weir::project {

struct ContextFacts;

// tojson, fromjson, toyaml, fromyaml, set, set_strict, zip, zip_strict, local_md5, diff_of_two_dicts, log, print,
// return, exceptions, modules, try_or_compiler_error. Missing for any other name.
jinja::Value common_function(std::string_view name);
std::vector<std::string> const& common_function_names();

// What DBT_ENV_CUSTOM_ENV_NAME says, by NAME: metadata of artifacts, and dbt_metadata_envs.
Data custom_environment();

// ref() and its like, which hold the project's configuration as dbt's do: builtins.ref.config. `facts` outlive it.
jinja::Value function_with_config(std::string name, jinja::Function call, ContextFacts const& facts);

// One of dbt's dataclasses: its fields as attributes, and to_dict(); `records`: fields that are such themselves.
jinja::Value record(std::string type, Data fields, std::map<std::string, jinja::Value, std::less<>> records = {});

// A text of YAML, blocks, as PyYAML writes it.
std::string to_yaml(jinja::Value const& value, bool sort_keys);

}  // namespace weir::project
