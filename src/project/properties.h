#pragma once
// What the readers of properties files share. For this folder only.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "project/loading.h"

namespace weir::project {

inline bool is_one_of(std::string_view key, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

// load_properties.cc
// Keys that older files write beside config: go into it.
Status move_into_config(Data::Dict& entry, yaml::Mark const& mark);
// The nodes that an entry is about: the enabled one, or all disabled ones of that name.
std::vector<Node*> nodes_called(Draft& draft, std::string_view name, std::string const& package,
                                std::initializer_list<NodeKind> kinds);
void warn_no_node(Draft& draft, std::string_view key, std::string_view name, SourceFile const& file);

// contracts.cc
// With the keys that dbt gives a constraint, in its order.
Data constraint_data(Data const& said, bool has_columns);
Status check_constraints(Data const& list, std::string const& what, yaml::Mark const& mark);
// What changes when a contract does: columns, their types and constraints.
void sum_contract(Node& node);
// Foreign keys are references too.
Status take_foreign_keys(Node& node, yaml::Mark const& mark);

// load_patches.cc: an entry of models, seeds, snapshots, analyses or functions
Status apply_entry(Draft& draft, SourceFile const& file, std::string_view key, NodeKind kind, PropertyEntry const& one);

// load_declared.cc
// A snapshot that stands only in a properties file: `relation: ref('a')`.
Status add_yaml_snapshot(Draft& draft, SourceFile const& file, PropertyEntry const& one);
Status apply_macro(Draft& draft, SourceFile const& file, PropertyEntry const& one);
Status apply_singular_test(Draft& draft, SourceFile const& file, PropertyEntry const& one);
Status add_exposure(Draft& draft, SourceFile const& file, PropertyEntry const& one);
Status add_group(Draft& draft, SourceFile const& file, PropertyEntry const& one);
// Sources wait until all patches of them are known.
Status collect_sources(Draft& draft, SourceFile const& file, std::vector<PropertyEntry> const& entries);

// load_semantics.cc: what metrics and semantic models stand on; after refs are resolved
Status resolve_semantics(Draft& draft);

}  // namespace weir::project
