#pragma once
// dbt's selection grammar over a manifest: --select, --exclude, --selector, YAML selectors, state:, result:,
// source_status:. Pure. docs.getdbt.com/reference/node-selection/syntax

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/manifest.h"

namespace weir::project {

// Which tests come along with the nodes that were chosen.
enum class IndirectSelection { Eager, Cautious, Buildable, Empty };
std::optional<IndirectSelection> indirect_from_name(std::string_view name);

// What an earlier run left behind, for state:, result: and source_status:.
struct PreviousState {
  ManifestPtr manifest;  // null where there is none
  Data run_results, sources,
      current_sources;  // run_results.json, sources.json, this run's sources.json; None where absent
};
// Reads a folder of artifacts; `target` is where this project's own lie. Errors: Config, if the folder or its
// manifest.json is not there.
Result<PreviousState> read_state(std::filesystem::path const& folder, std::filesystem::path const& target);

struct SelectionOptions {
  std::vector<std::string> select, exclude;   // each a union of criteria, separated by white space
  std::optional<std::string> selector;        // name in selectors.yml
  std::optional<IndirectSelection> indirect;  // default: eager, or what the selector says
  std::vector<NodeKind> kinds;                // only these; empty: all
  PreviousState const* state = nullptr;
  bool include_empty = true;  // models without any SQL
};

struct SelectedNodes {
  std::vector<NodeIndex> nodes;             // in the order of unique ids
  std::vector<std::string> empty_criteria;  // criteria that matched nothing
};

// Errors: Usage, naming the criterion, or Config (selectors.yml).
Result<SelectedNodes> select(Manifest const& manifest, SelectionOptions const& options);

}  // namespace weir::project
