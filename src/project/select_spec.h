#pragma once
// What --select, --exclude and selectors.yml say, as a tree. For this folder only.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/select.h"

namespace weir::project {

struct Criterion {
  std::string raw, method;
  std::vector<std::string> arguments;  // config.materialized: "materialized"
  std::string value;
  bool childrens_parents = false, parents = false, children = false;
  int parents_depth = -1, children_depth = -1;  // < 0: all
};

struct SelectionSpec {
  enum class Kind { One, Union, Intersection, Difference };
  Kind kind = Kind::Union;
  Criterion criterion;  // One
  std::vector<SelectionSpec> parts;
  IndirectSelection indirect = IndirectSelection::Eager;
  bool must_match = false;  // an empty result is worth a warning
  std::string raw;
};

Result<Criterion> parse_criterion(std::string const& text);
// Union of the texts' words, each an intersection of what commas separate.
Result<SelectionSpec> parse_union(std::vector<std::string> const& texts, IndirectSelection indirect, bool must_match);
// The definitions of selectors.yml by name.
struct NamedSelector {
  std::string name;
  SelectionSpec spec;
  bool is_default = false;
};
Result<std::vector<NamedSelector>> parse_selectors(Data const& definitions, IndirectSelection indirect);
// In the form that the manifest holds them.
Result<Data> canonical_selectors(Data const& definitions);

// Nodes that one criterion's method finds, as marks by node.
Result<std::vector<char>> find_nodes(Manifest const& manifest, Criterion const& criterion, PreviousState const* state);
// fnmatch: *, ?, [seq], [!seq]
bool matches_name(std::string_view pattern, std::string_view text);
// state:
Result<std::vector<char>> find_by_state(Manifest const& manifest, std::string const& value, PreviousState const* state);

}  // namespace weir::project
