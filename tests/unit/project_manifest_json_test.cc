#include <gtest/gtest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "project/load.h"

namespace weir::project {
namespace {

using Json = nlohmann::ordered_json;

Node node_number(int number) {
  Node node;
  node.kind = number % 7 == 3 ? NodeKind::Exposure : NodeKind::Model;
  if (node.kind == NodeKind::Exposure) node.exposure = ExposureFacts{};
  node.name = fmt::format("n{}", number);
  node.unique_id = fmt::format("{}.shop.{}", kind_name(node.kind), node.name);
  return node;
}

std::vector<std::string> keys(Json const& section) {
  std::vector<std::string> out;
  for (auto const& [key, value] : section.items()) out.push_back(key);
  return out;
}

Manifest manifest_of(int count) {
  Manifest::Parts parts;
  parts.projects.emplace_back().name = "shop";
  for (int i = 0; i < count; ++i) parts.nodes.push_back(node_number(i));
  return Manifest(std::move(parts));
}

// Threads write some nodes each: every node is there once, in the manifest's order, in its own section.
TEST(ProjectManifestJson, NodesKeepTheirOrder) {
  for (int const count : {0, 1, 31, 32, 33, 64, 65, 1000}) {
    std::vector<std::string> models, exposures;
    for (int i = 0; i < count; ++i)
      (node_number(i).kind == NodeKind::Model ? models : exposures).push_back(node_number(i).unique_id);
    auto const json = Json::parse(manifest_json(manifest_of(count)));
    EXPECT_EQ(keys(json["nodes"]), models);
    EXPECT_EQ(keys(json["exposures"]), exposures);
    for (auto const& [id, node] : json["nodes"].items()) EXPECT_EQ(node["unique_id"], id);
  }
}

TEST(ProjectManifestJson, CompiledSqlStandsAtItsNode) {
  auto const json = Json::parse(manifest_json(
      manifest_of(100), {{"model.shop.n70", {.code = "select 70", .path = "target/n70.sql", .ctes = {}}}}));
  for (auto const& [id, node] : json["nodes"].items())
    EXPECT_EQ(node.value("compiled_code", ""), id == "model.shop.n70" ? "select 70" : "") << id;
}

}  // namespace
}  // namespace weir::project
