#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "build/build.h"

namespace weir::build {
namespace {

using project::Manifest;
using project::Node;
using project::NodeIndex;
using project::NodeKind;

// A file without SQL: listed, never run.
bool is_empty(Node const& node) {
  bool const has_code = node.kind == NodeKind::Model || node.kind == NodeKind::Test ||
                        node.kind == NodeKind::Snapshot || node.kind == NodeKind::Analysis;
  return has_code && trim(node.raw_code).empty();
}

bool is_carried_out(Command command, Node const& node) {
  if (is_empty(node)) return false;
  switch (command) {
    case Command::Run:
      return node.kind == NodeKind::Model;
    case Command::Build:
      return node.kind == NodeKind::Model || node.kind == NodeKind::Seed || node.kind == NodeKind::Snapshot ||
             node.kind == NodeKind::Test || node.kind == NodeKind::UnitTest || node.kind == NodeKind::Function ||
             node.kind == NodeKind::Exposure || node.kind == NodeKind::SavedQuery;
    case Command::Test:
      return node.kind == NodeKind::Test || node.kind == NodeKind::UnitTest;
    case Command::Seed:
      return node.kind == NodeKind::Seed;
    case Command::Snapshot:
      return node.kind == NodeKind::Snapshot;
    case Command::Clone:
      return !node.is_ephemeral() &&
             (node.kind == NodeKind::Model || node.kind == NodeKind::Seed || node.kind == NodeKind::Snapshot);
    case Command::Freshness:
      return node.kind == NodeKind::Source;
    case Command::Compile:
    case Command::DocsGenerate:
      // Of a seed there is nothing to compile; it stands in the results.
      if (node.kind == NodeKind::Seed || node.kind == NodeKind::Operation) return true;
      [[fallthrough]];
    case Command::Show:
      return node.kind == NodeKind::Model || node.kind == NodeKind::Test || node.kind == NodeKind::Snapshot ||
             node.kind == NodeKind::Analysis || node.kind == NodeKind::Function;
  }
  return false;
}

bool is_test(Node const& node) {
  return node.kind == NodeKind::Test || node.kind == NodeKind::UnitTest;
}

// As in dbt, what is not built itself (exposures, saved queries) waits for no test.
bool waits_for_no_test(Node const& node) {
  return is_test(node) || node.kind > NodeKind::Function;
}

// In a build, what comes behind a tested node waits for its tests: the first nodes that depend on all that a test looks
// at.
void wait_for_tests(Manifest const& manifest, std::vector<char> const& chosen,
                    std::vector<std::vector<NodeIndex>>& parents) {
  auto const& graph = manifest.graph();
  auto const nodes = manifest.nodes();
  for (NodeIndex test = 0; test < nodes.size(); ++test) {
    if (chosen[test] == 0 || nodes[test].kind != NodeKind::Test) continue;
    std::vector<char> common;
    for (auto const parent : graph.parents(test)) {
      std::vector<char> below(nodes.size(), 0);
      below[parent] = 1;
      graph.add_descendants(below);
      below[parent] = 0;
      if (common.empty()) {
        common = std::move(below);
      } else {
        for (std::size_t i = 0; i < common.size(); ++i) common[i] = static_cast<char>(common[i] & below[i]);
      }
    }
    for (NodeIndex node = 0; node < common.size(); ++node) {
      if (common[node] == 0 || waits_for_no_test(nodes[node])) continue;
      auto const above = graph.parents(node);
      bool const is_first = std::none_of(above.begin(), above.end(), [&common, &nodes](auto parent) {
        return common[parent] != 0 && !is_test(nodes[parent]);
      });
      if (!is_first) continue;
      // One that is not built waits through those that use it.
      std::vector<NodeIndex> waiting{node};
      while (!waiting.empty()) {
        auto const one = waiting.back();
        waiting.pop_back();
        if (chosen[one] != 0) {
          parents[one].push_back(test);
        } else {
          for (auto const child : graph.children(one))
            if (!waits_for_no_test(nodes[child])) waiting.push_back(child);
        }
      }
    }
  }
}

// A unit test needs what its model needs, and the model waits for it.
void wait_for_unit_tests(Manifest const& manifest, std::vector<char> const& chosen,
                         std::vector<std::vector<NodeIndex>>& parents) {
  auto const nodes = manifest.nodes();
  for (NodeIndex test = 0; test < nodes.size(); ++test) {
    if (chosen[test] == 0 || nodes[test].kind != NodeKind::UnitTest) continue;
    auto const model = manifest.index_of(nodes[test].unit_test->tested_node);
    if (!model || chosen[*model] == 0) continue;
    parents[test] = parents[*model];
    std::erase_if(parents[test], [&nodes](auto parent) { return nodes[parent].kind == NodeKind::UnitTest; });
  }
  for (NodeIndex test = 0; test < nodes.size(); ++test) {
    if (chosen[test] == 0 || nodes[test].kind != NodeKind::UnitTest) continue;
    auto const model = manifest.index_of(nodes[test].unit_test->tested_node);
    if (model && chosen[*model] != 0) parents[*model].push_back(test);
  }
}

}  // namespace

std::string_view command_name(Command command) {
  switch (command) {
    case Command::Run:
      return "run";
    case Command::Build:
      return "build";
    case Command::Test:
      return "test";
    case Command::Seed:
      return "seed";
    case Command::Snapshot:
      return "snapshot";
    case Command::Compile:
      return "compile";
    case Command::Show:
      return "show";
    case Command::Clone:
      return "clone";
    case Command::Freshness:
      return "freshness";
    case Command::DocsGenerate:
      return "generate";
  }
  return "";
}

BuildPlan plan(Manifest const& manifest, Command command, std::vector<NodeIndex> const& selected) {
  auto const nodes = manifest.nodes();
  std::vector<char> chosen(nodes.size(), 0);
  for (auto const index : selected)
    if (is_carried_out(command, nodes[index])) chosen[index] = 1;
  auto parents = manifest.graph().parents_among(chosen);
  if (command == Command::Build) {
    wait_for_tests(manifest, chosen, parents);
    wait_for_unit_tests(manifest, chosen, parents);
  }
  BuildPlan out;
  out.command = command;
  std::vector<std::uint32_t> place(nodes.size(), 0);
  for (auto const index : manifest.graph().topological_order()) {
    if (chosen[index] == 0) continue;
    place[index] = static_cast<std::uint32_t>(out.nodes.size());
    out.nodes.push_back({index, {}});
  }
  for (auto& node : out.nodes) {
    if (command == Command::Compile || command == Command::Test || command == Command::Freshness) continue;
    auto& above = parents[node.node];
    std::sort(above.begin(), above.end());
    above.erase(std::unique(above.begin(), above.end()), above.end());
    for (auto const parent : above) node.waits_for.push_back(place[parent]);
  }
  return out;
}

std::string explain_text(BuildPlan const& plan, Manifest const& manifest) {
  std::string out = fmt::format("{}: {}\n", command_name(plan.command), plural(plan.nodes.size(), "node"));
  for (auto const& one : plan.nodes) {
    auto const& node = manifest.nodes()[one.node];
    out += fmt::format("  {} {}", kind_name(node.kind), node.unique_id);
    if (!node.materialized().empty()) out += fmt::format(" ({})", node.materialized());
    out += "\n";
  }
  return out;
}

nlohmann::ordered_json explain_json(BuildPlan const& plan, Manifest const& manifest) {
  nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
  for (auto const& one : plan.nodes) {
    nlohmann::ordered_json waits = nlohmann::ordered_json::array();
    for (auto const parent : one.waits_for) waits.push_back(manifest.nodes()[plan.nodes[parent].node].unique_id);
    auto const& node = manifest.nodes()[one.node];
    nodes.push_back(
        {{"unique_id", node.unique_id}, {"materialized", node.materialized()}, {"waits_for", std::move(waits)}});
  }
  return {{"command", command_name(plan.command)}, {"nodes", std::move(nodes)}};
}

}  // namespace weir::build
