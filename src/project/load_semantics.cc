// Metrics, semantic models and saved queries: read, checked for what others refer to, and carried. Nothing is computed
// from them.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"

namespace weir::project {
namespace {

Result<Node> begin(Draft& draft, SourceFile const& file, PropertyEntry const& one, NodeKind kind) {
  Data const& entry = one.rendered;
  Node node;
  node.kind = kind;
  node.name = entry["name"].str();
  node.package_name = file.package;
  node.unique_id = fmt::format("{}.{}.{}", kind_name(kind), file.package, node.name);
  node.path = file.relative_path;
  node.original_file_path = file.original_file_path;
  node.fqn = fqn_of(file.package, file.relative_path);
  node.fqn.push_back(node.name);
  node.created_at = draft.now;
  node.description = entry["description"].is_none() ? "" : entry["description"].str();
  Data::Dict const config = entry["config"].pairs();
  ConfigInputs const inputs{draft.root(), *draft.project(file.package), kind, node.fqn, config, {}};
  WEIR_TRY(auto made, node_config(inputs));
  node.unrendered_config = Data(unrendered_config(inputs));
  node.config = Data(std::move(made));
  if (node.config["group"].truth()) node.group = node.config["group"].str();
  node.tags = node.config["tags"].texts();
  node.meta = node.config["meta"].truth() ? node.config["meta"]
              : entry["meta"].is_dict()   ? entry["meta"]
                                          : Data(Data::Dict{});
  draft.places[node.unique_id] = one.mark;
  return node;
}

// An entry's own keys, without what every node has.
Data::Dict own_keys(Data const& entry) {
  Data::Dict pairs;
  for (auto const& [key, value] : entry.pairs())
    if (key != "name" && key != "description" && key != "config" && key != "group" && key != "meta" && key != "tags")
      pairs.emplace_back(key, value);
  return pairs;
}

// Names of metrics in an input: text, or { name: ... }.
void add_metric(Node& node, Data const& input) {
  std::string const name = input.is_dict() ? input["name"].str() : input.is_string() ? input.text() : "";
  if (!name.empty()) node.metrics.push_back({name});
}

Status add_metric_node(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::Metric));
  Data const& entry = one.rendered;
  if (!entry["type"].truth())
    return yaml::error_at(one.mark, fmt::format("metric \"{}\" has no type", node.name))
        .next("it is simple, ratio, cumulative, derived or conversion");
  node.tags = entry["tags"].texts();
  Data::Dict body = own_keys(entry);
  if (!entry["label"].truth()) set(body, "label", Data(node.name));
  node.body = Data(std::move(body));
  auto const& params = entry["type_params"].is_dict() ? entry["type_params"] : entry;
  for (std::string_view const key : {"numerator", "denominator"}) add_metric(node, params[key]);
  for (auto const& input : params["metrics"].items()) add_metric(node, input);
  for (auto const& input : params["input_metrics"].items()) add_metric(node, input);
  return draft.add_node(std::move(node));
}

Status add_semantic_model(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::SemanticModel));
  Data const& entry = one.rendered;
  if (!entry["model"].truth())
    return yaml::error_at(one.mark, fmt::format("semantic model \"{}\" names no model", node.name))
        .next("add model: ref('...')");
  WEIR_TRY(auto const reference, parse_reference(entry["model"].str(), one.mark));
  if (reference.ref) node.refs.push_back(*reference.ref);
  node.body = Data(own_keys(entry));
  return draft.add_node(std::move(node));
}

Status add_saved_query(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  WEIR_TRY(Node node, begin(draft, file, one, NodeKind::SavedQuery));
  Data const& entry = one.rendered;
  node.tags = entry["config"]["tags"].texts();
  for (auto const& tag : entry["tags"].texts()) node.tags.push_back(tag);
  for (auto const& metric : entry["query_params"]["metrics"].items()) add_metric(node, metric);
  node.body = Data(own_keys(entry));
  return draft.add_node(std::move(node));
}

}  // namespace

Status read_semantics(Draft& draft, SourceFile const& file, yaml::Node const& root) {
  struct Section {
    std::string_view key;
    Status (*add)(Draft&, SourceFile const&, PropertyEntry const&);
  };
  for (auto const& section : {Section{"metrics", add_metric_node}, Section{"semantic_models", add_semantic_model},
                              Section{"saved_queries", add_saved_query}}) {
    WEIR_TRY(auto const entries, property_entries(draft, file, root, section.key));
    for (auto const& one : entries) {
      WEIR_DO(section.add(draft, file, one));
    }
  }
  return {};
}

}  // namespace weir::project
