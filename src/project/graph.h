#pragma once
// Who depends on whom, over all enabled nodes of a manifest. Nodes are their numbers in Manifest::nodes(). Immutable;
// any thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::project {

using NodeIndex = std::uint32_t;

class Graph {
 public:
  Graph() = default;
  // `parents[i]`: what node i depends on.
  explicit Graph(std::vector<std::vector<NodeIndex>> parents);

  std::size_t size() const { return parents_.size(); }
  std::span<NodeIndex const> parents(NodeIndex node) const { return parents_[node]; }
  std::span<NodeIndex const> children(NodeIndex node) const { return children_[node]; }

  // One cycle, its first node again at the end; empty where there is none.
  std::vector<NodeIndex> find_cycle() const;
  // Parents before children; among those that are free, the one with the lowest number. Needs a graph without a cycle.
  std::vector<NodeIndex> topological_order() const;

  // Marks (in `marks`, one byte a node) everything up to `depth` steps up or down from the nodes that are marked; < 0:
  // all.
  void add_ancestors(std::vector<char>& marks, int depth = -1) const;
  void add_descendants(std::vector<char>& marks, int depth = -1) const;

  // The same nodes, where an edge stands for every way between two marked nodes that leads over unmarked ones only.
  std::vector<std::vector<NodeIndex>> parents_among(std::vector<char> const& marked) const;

 private:
  std::vector<std::vector<NodeIndex>> parents_, children_;
};

}  // namespace weir::project
