#include "project/manifest.h"

#include <algorithm>

namespace weir::project {

Manifest::Manifest(Parts parts) : parts_(std::move(parts)) {
  for (NodeIndex i = 0; i < parts_.nodes.size(); ++i) by_id_.emplace(parts_.nodes[i].unique_id, i);
  for (std::size_t i = 0; i < parts_.macros.size(); ++i) macros_by_id_.emplace(parts_.macros[i].unique_id, i);
  std::vector<std::vector<NodeIndex>> parents(parts_.nodes.size());
  for (NodeIndex i = 0; i < parts_.nodes.size(); ++i) {
    for (auto const& id : parts_.nodes[i].depends_on.nodes)
      if (auto const parent = index_of(id)) parents[i].push_back(*parent);
    std::sort(parents[i].begin(), parents[i].end());
    parents[i].erase(std::unique(parents[i].begin(), parents[i].end()), parents[i].end());
  }
  graph_ = Graph(std::move(parents));
}

ProjectFile const* Manifest::project(std::string_view name) const {
  for (auto const& one : parts_.projects)
    if (one.name == name) return &one;
  return nullptr;
}

std::optional<NodeIndex> Manifest::index_of(std::string_view unique_id) const {
  auto const found = by_id_.find(unique_id);
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

Node const* Manifest::find(std::string_view unique_id) const {
  auto const index = index_of(unique_id);
  return index ? &parts_.nodes[*index] : nullptr;
}

Macro const* Manifest::find_macro(std::string_view unique_id) const {
  auto const found = macros_by_id_.find(unique_id);
  return found == macros_by_id_.end() ? nullptr : &parts_.macros[found->second];
}

}  // namespace weir::project
