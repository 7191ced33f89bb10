#include "project/graph.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace weir::project {
namespace {

using Lists = std::vector<std::vector<NodeIndex>>;

// Breadth first along `edges`, at most `depth` steps.
void spread(Lists const& edges, std::vector<char>& marks, int depth) {
  std::vector<NodeIndex> front;
  for (NodeIndex i = 0; i < marks.size(); ++i)
    if (marks[i] != 0) front.push_back(i);
  std::vector<char> seen = marks;
  for (int step = 0; !front.empty() && (depth < 0 || step < depth); ++step) {
    std::vector<NodeIndex> next;
    for (NodeIndex const node : front) {
      for (NodeIndex const other : edges[node]) {
        if (seen[other] != 0) continue;
        seen[other] = 1;
        next.push_back(other);
      }
    }
    front = std::move(next);
  }
  marks = std::move(seen);
}

}  // namespace

Graph::Graph(Lists parents) : parents_(std::move(parents)), children_(parents_.size()) {
  for (NodeIndex i = 0; i < parents_.size(); ++i)
    for (NodeIndex const parent : parents_[i]) children_[parent].push_back(i);
}

std::vector<NodeIndex> Graph::find_cycle() const {
  enum class State : char { New, Open, Done };
  std::vector<State> states(size(), State::New);
  struct Step {
    NodeIndex node;
    std::size_t next_child;
  };
  for (NodeIndex start = 0; start < size(); ++start) {
    if (states[start] != State::New) continue;
    std::vector<Step> path{{start, 0}};
    states[start] = State::Open;
    while (!path.empty()) {
      auto& step = path.back();
      if (step.next_child == children_[step.node].size()) {
        states[step.node] = State::Done;
        path.pop_back();
        continue;
      }
      NodeIndex const child = children_[step.node][step.next_child++];
      if (states[child] == State::New) {
        states[child] = State::Open;
        path.push_back({child, 0});
      } else if (states[child] == State::Open) {
        std::vector<NodeIndex> cycle;
        for (auto const& one : path)
          if (!cycle.empty() || one.node == child) cycle.push_back(one.node);
        cycle.push_back(child);
        return cycle;
      }
    }
  }
  return {};
}

std::vector<NodeIndex> Graph::topological_order() const {
  std::vector<std::size_t> waiting(size());
  std::priority_queue<NodeIndex, std::vector<NodeIndex>, std::greater<>> free;
  for (NodeIndex i = 0; i < size(); ++i) {
    waiting[i] = parents_[i].size();
    if (waiting[i] == 0) free.push(i);
  }
  std::vector<NodeIndex> order;
  order.reserve(size());
  while (!free.empty()) {
    NodeIndex const node = free.top();
    free.pop();
    order.push_back(node);
    for (NodeIndex const child : children_[node])
      if (--waiting[child] == 0) free.push(child);
  }
  return order;
}

void Graph::add_ancestors(std::vector<char>& marks, int depth) const {
  spread(parents_, marks, depth);
}
void Graph::add_descendants(std::vector<char>& marks, int depth) const {
  spread(children_, marks, depth);
}

Lists Graph::parents_among(std::vector<char> const& marked) const {
  Lists near(size());
  for (NodeIndex const node : topological_order()) {
    auto& list = near[node];
    for (NodeIndex const parent : parents_[node]) {
      if (marked[parent] != 0) {
        list.push_back(parent);
      } else {
        list.insert(list.end(), near[parent].begin(), near[parent].end());
      }
    }
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  for (NodeIndex i = 0; i < size(); ++i)
    if (marked[i] == 0) near[i].clear();
  return near;
}

}  // namespace weir::project
