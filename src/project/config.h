#pragma once
// A node's configuration: what dbt_project.yml, properties files and config() say, one over the other. Pure.
// docs.getdbt.com/reference/configs-and-properties; each key's way of merging is that of dbt's config classes.

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/data.h"
#include "project/node.h"
#include "project/project_file.h"

namespace weir::project {

// Every key of the kind's config class with its default, in dbt's order.
Data::Dict const& default_config(NodeKind kind);

// What config() was called with, one call over the other (a call after the first appends, updates or replaces by key).
void merge_config_call(Data::Dict& calls, Data::Dict const& more);

struct ConfigInputs {
  ProjectFile const& root;  // the project that is run
  ProjectFile const& own;   // the one that the node stands in
  NodeKind kind;
  std::vector<std::string> const& fqn;
  Data::Dict const& patch;  // `config:` of its properties
  Data::Dict const& calls;  // of config()
};

// The configuration with all defaults in it. Errors: Config, naming the key.
Result<Data::Dict> node_config(ConfigInputs const& inputs);
// The same as written, without defaults and without merging: what state:modified compares.
Data::Dict unrendered_config(ConfigInputs const& inputs);

// Hooks in any of their forms (text, JSON text, mapping, list of these).
std::vector<Hook> hooks_of(Data const& value);

// `b` over `a`, mappings within mappings too.
Data deep_merge(Data const& a, Data const& b);

}  // namespace weir::project
