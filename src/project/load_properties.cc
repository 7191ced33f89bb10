// Properties files, from their text to the entries that the other parts take up.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/properties.h"

namespace weir::project {
namespace {

Status read_file_entries(Draft& draft, SourceFile const& file, yaml::Node const& root) {
  struct Section {
    std::string_view key;
    NodeKind kind;
  };
  for (auto const& section : {Section{"models", NodeKind::Model}, Section{"seeds", NodeKind::Seed},
                              Section{"snapshots", NodeKind::Snapshot}}) {
    WEIR_TRY(auto const entries, property_entries(draft, file, root, section.key));
    if (section.kind == NodeKind::Snapshot)
      for (auto const& one : entries)
        if (one.rendered["relation"].truth()) {
          WEIR_DO(add_yaml_snapshot(draft, file, one));
        }
    for (auto const& one : entries) {
      WEIR_DO(apply_entry(draft, file, section.key, section.kind, one));
    }
  }
  WEIR_TRY(auto const sources, property_entries(draft, file, root, "sources"));
  WEIR_DO(collect_sources(draft, file, sources));
  auto const each = [&](std::string_view key, auto const& apply) -> Status {
    WEIR_TRY(auto const entries, property_entries(draft, file, root, key));
    for (auto const& one : entries) {
      WEIR_DO(apply(draft, file, one));
    }
    return {};
  };
  WEIR_DO(each("macros", apply_macro));
  WEIR_DO(each("data_tests", apply_singular_test));
  WEIR_DO(each("analyses", [](Draft& all, SourceFile const& in, PropertyEntry const& one) {
    return apply_entry(all, in, "analyses", NodeKind::Analysis, one);
  }));
  WEIR_DO(each("exposures", add_exposure));
  WEIR_DO(each("functions", [](Draft& all, SourceFile const& in, PropertyEntry const& one) {
    return apply_entry(all, in, "functions", NodeKind::Function, one);
  }));
  WEIR_DO(each("groups", add_group));
  WEIR_DO(read_semantics(draft, file, root));
  return read_unit_tests(draft, file, root);
}

// Properties may enable and disable what the files said otherwise.
Status sort_out_disabled(Draft& draft) {
  for (auto* node : draft.nodes.all()) {
    if (node->enabled()) continue;
    std::string const id = node->unique_id;
    draft.disabled.push_back(std::move(*node));
    draft.nodes.remove(id);
  }
  std::vector<Node> still;
  std::vector<Node> all = std::move(draft.disabled);
  draft.disabled.clear();
  for (auto& node : all) {
    if (node.enabled()) {
      WEIR_DO(draft.add_node(std::move(node)));
    } else {
      still.push_back(std::move(node));
    }
  }
  draft.disabled = std::move(still);
  draft.refs.rebuild(draft.nodes);
  return {};
}

}  // namespace

Status move_into_config(Data::Dict& entry, yaml::Mark const& mark) {
  for (std::string_view const key : {"meta", "docs", "group", "contract", "access"}) {
    auto const* value = find(static_cast<Data::Dict const&>(entry), key);
    if (value == nullptr) continue;
    auto const* said = find(static_cast<Data::Dict const&>(entry), "config");
    Data::Dict config = said == nullptr ? Data::Dict{} : said->pairs();
    if (find(static_cast<Data::Dict const&>(config), key) != nullptr)
      return yaml::error_at(mark, fmt::format("\"{}\" stands both in config: and beside it", key))
          .next("keep the one in config:");
    set(config, key, *value);
    project::erase(entry, key);
    set(entry, "config", Data(std::move(config)));
  }
  return {};
}

std::vector<Node*> nodes_called(Draft& draft, std::string_view name, std::string const& package,
                                std::initializer_list<NodeKind> kinds) {
  auto const is_kind = [&](Node const& node) {
    return std::find(kinds.begin(), kinds.end(), node.kind) != kinds.end();
  };
  std::vector<std::string> ids = draft.refs.find(name, package);
  if (ids.empty()) ids = draft.refs.find(name, "");
  std::vector<Node*> found;
  for (auto const& id : ids)
    if (auto* node = draft.nodes.find(id); node != nullptr && is_kind(*node)) found.push_back(node);
  if (!found.empty()) return {found[0]};
  for (auto* node : draft.nodes.all())  // analyses and functions are no refs
    if (node->name == name && is_kind(*node) && node->package_name == package) return {node};
  for (auto& node : draft.disabled)
    if (node.name == name && is_kind(node) && node.package_name == package) found.push_back(&node);
  return found;
}

void warn_no_node(Draft& draft, std::string_view key, std::string_view name, SourceFile const& file) {
  draft.warnings.push_back(
      {key == "macros" ? "MacroNotFoundForPatch" : "NoNodeForYamlKey",
       fmt::format("{} describes \"{}\" under {}:, which does not exist", file.original_file_path, name, key)});
}

Status read_properties(Draft& draft) {
  std::vector<SourceFile const*> files;
  for (auto const& project : draft.projects)
    for (auto const& file : draft.files)
      if (file.package == project.name && file.kind == FileKind::Properties) files.push_back(&file);
  std::vector<yaml::NodePtr> roots(files.size());
  WEIR_DO(in_parallel(files.size(), [&](std::size_t i) -> Status {
    std::string const lines(static_cast<std::size_t>(files[i]->first_line - 1), '\n');
    WEIR_TRY(roots[i], read_yaml(files[i]->original_file_path, lines + files[i]->contents));
    if (roots[i]->kind != yaml::Kind::Mapping && roots[i]->kind != yaml::Kind::Null)
      return yaml::error_at(roots[i]->mark,
                            fmt::format("a properties file is a mapping of keys, not {}", kind_name(roots[i]->kind)));
    return {};
  }));
  for (std::size_t i = 0; i < files.size(); ++i) {
    WEIR_DO(read_file_entries(draft, *files[i], *roots[i]));
  }
  return sort_out_disabled(draft);
}

}  // namespace weir::project
