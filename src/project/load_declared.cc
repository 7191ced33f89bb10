// What exists only in a properties file, and macros and tests that are described there.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/properties.h"

namespace weir::project {

Status add_yaml_snapshot(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data const& entry = one.rendered;
  WEIR_TRY(auto const reference, parse_reference(entry["relation"].str(), one.mark));
  Node node;
  node.kind = NodeKind::Snapshot;
  node.name = node.alias = entry["name"].str();
  node.package_name = file.package;
  node.unique_id = fmt::format("snapshot.{}.{}", file.package, node.name);
  node.path = file.relative_path + "/" + node.name + ".sql";
  node.original_file_path = file.original_file_path;
  node.database = draft.target.database;
  node.schema = draft.target.schema;
  node.raw_code = "select * from {{ " + entry["relation"].str() + " }}";
  node.checksum = file.checksum;
  node.created_at = draft.now;
  node.fqn = fqn_of(file.package, file.relative_path);
  node.fqn.push_back(node.name);
  if (reference.ref) {
    node.refs.push_back(*reference.ref);
  } else {
    node.sources.push_back(reference.source);
  }
  WEIR_DO(configure(draft, node, {}, {}));
  draft.nodes.add(std::move(node));
  draft.refs.rebuild(draft.nodes);
  return {};
}

Status apply_macro(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data const& entry = one.rendered;
  std::string const id = fmt::format("macro.{}.{}", file.package, entry["name"].str());
  auto const macro = std::find_if(draft.macros.begin(), draft.macros.end(),
                                  [&](Macro const& candidate) { return candidate.unique_id == id; });
  if (macro == draft.macros.end()) {
    warn_no_node(draft, "macros", entry["name"].str(), file);
    return {};
  }
  if (macro->patch_path)
    return yaml::error_at(one.mark, fmt::format("macro \"{}\" is described twice", macro->name))
        .object(id)
        .cause(fmt::format("the other place is {}", macro->patch_path->substr(macro->patch_path->find("://") + 3)))
        .next("keep one of the two");
  macro->patch_path = patch_path_of(file);
  macro->description = entry["description"].is_none() ? "" : entry["description"].str();
  Data::Dict meta = entry["meta"].pairs();
  update(meta, entry["config"]["meta"].pairs());
  macro->meta = Data(std::move(meta));
  Data const& docs = entry["config"]["docs"].truth() ? entry["config"]["docs"] : entry["docs"];
  if (docs.is_dict()) {
    macro->docs.show = docs["show"].is_none() || docs["show"].truth();
    if (!docs["node_color"].is_none()) macro->docs.node_color = docs["node_color"].str();
  }
  macro->arguments.clear();
  for (auto const& argument : entry["arguments"].items())
    macro->arguments.push_back({argument["name"].str(),
                                argument["type"].is_none() ? std::nullopt : std::optional(argument["type"].str()),
                                argument["description"].is_none() ? "" : argument["description"].str()});
  return {};
}

Status apply_singular_test(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data::Dict pairs = one.rendered.pairs();
  WEIR_DO(move_into_config(pairs, one.mark));
  Data const entry(std::move(pairs));
  for (auto* node : draft.nodes.of_kind(NodeKind::Test)) {
    if (node->generic_test || node->name != entry["name"].str() || node->package_name != file.package) continue;
    if (entry["config"].truth()) {
      WEIR_DO(configure(draft, *node, entry["config"].pairs(), entry["config"].pairs()));
    }
    node->patch_path = patch_path_of(file);
    node->description = entry["description"].is_none() ? "" : entry["description"].str();
    return {};
  }
  warn_no_node(draft, "data_tests", entry["name"].str(), file);
  return {};
}

Status add_exposure(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data const& entry = one.rendered;
  Node node;
  node.kind = NodeKind::Exposure;
  node.name = entry["name"].str();
  node.package_name = file.package;
  node.unique_id = fmt::format("exposure.{}.{}", file.package, node.name);
  node.path = file.relative_path;
  node.original_file_path = file.original_file_path;
  node.fqn = fqn_of(file.package, file.relative_path);
  node.fqn.push_back(node.name);
  node.created_at = draft.now;
  static constexpr std::string_view kTypes[] = {"dashboard", "notebook", "analysis", "ml", "application"};
  std::string const type = entry["type"].str();
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
    return yaml::error_at(one.mark, fmt::format("exposure \"{}\" is of type \"{}\"", node.name,
                                                entry["type"].is_none() ? "" : type))
        .object(node.unique_id)
        .next("it is dashboard, notebook, analysis, ml or application");
  auto const& owner = entry["owner"];
  if (!owner["name"].truth() && !owner["email"].truth())
    return yaml::error_at(one.mark, fmt::format("exposure \"{}\" has no owner", node.name))
        .object(node.unique_id)
        .next("add owner: with a name or an email");
  auto const optional = [](Data const& value) { return value.is_none() ? std::nullopt : std::optional(value.str()); };
  Data::Dict owner_pairs{{"email", owner["email"]}, {"name", owner["name"]}};
  for (auto const& [key, value] : owner.pairs()) set(owner_pairs, key, value);
  node.exposure = ExposureFacts{type, Data(std::move(owner_pairs)), optional(entry["label"]),
                                optional(entry["maturity"]), optional(entry["url"])};
  node.description = entry["description"].is_none() ? "" : entry["description"].str();
  Data::Dict const config = entry["config"].pairs();
  ConfigInputs const inputs{draft.root(), *draft.project(file.package), node.kind, node.fqn, config, {}};
  WEIR_TRY(Data::Dict made, node_config(inputs));
  node.unrendered_config = Data(unrendered_config(inputs));
  Data const& project_wide = draft.project(file.package)->configs(NodeKind::Exposure);
  std::vector<std::string> tags = project_wide["tags"].texts();
  for (auto const& list : {entry["tags"].texts(), find(made, "tags")->texts()})
    tags.insert(tags.end(), list.begin(), list.end());
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  Data::Dict meta = project_wide["meta"].pairs();
  update(meta, entry["meta"].pairs());
  update(meta, find(made, "meta")->pairs());
  node.tags = tags;
  node.meta = Data(meta);
  set(made, "tags", Data::strings(tags));
  set(made, "meta", Data(std::move(meta)));
  node.config = Data(std::move(made));
  for (auto const& text : entry["depends_on"].items()) {
    WEIR_TRY(auto const reference, parse_reference(text.str(), one.mark));
    if (reference.ref) {
      node.refs.push_back(*reference.ref);
    } else if (reference.source.size() == 2 && text.str().starts_with("source")) {
      node.sources.push_back(reference.source);
    } else {
      node.metrics.push_back(reference.source);
    }
  }
  draft.places[node.unique_id] = one.mark;
  return draft.add_node(std::move(node));
}

Status add_group(Draft& draft, SourceFile const& file, PropertyEntry const& one) {
  Data const& entry = one.rendered;
  Group group;
  group.name = entry["name"].str();
  group.package_name = file.package;
  group.unique_id = fmt::format("group.{}.{}", file.package, group.name);
  group.path = file.relative_path;
  group.original_file_path = file.original_file_path;
  group.description = entry["description"].is_none() ? "" : entry["description"].str();
  Data::Dict owner{{"email", entry["owner"]["email"]}, {"name", entry["owner"]["name"]}};
  for (auto const& [key, value] : entry["owner"].pairs()) set(owner, key, value);
  if (!entry["owner"]["email"].truth() && !entry["owner"]["name"].truth())
    return yaml::error_at(one.mark, fmt::format("group \"{}\" has no owner", group.name))
        .next("add owner: with a name or an email");
  group.owner = Data(std::move(owner));
  group.config = Data::Dict{{"meta", entry["config"]["meta"].is_dict() ? entry["config"]["meta"] : Data(Data::Dict{})}};
  for (auto const& other : draft.groups)
    if (other.unique_id == group.unique_id)
      return yaml::error_at(one.mark,
                            fmt::format("there are two groups \"{}\" in \"{}\"", group.name, group.package_name))
          .cause(fmt::format("the other one is in {}", other.original_file_path))
          .next("rename one of the two");
  draft.groups.push_back(std::move(group));
  return {};
}

Status collect_sources(Draft& draft, SourceFile const& file, std::vector<PropertyEntry> const& entries) {
  for (auto const& one : entries) {
    Data::Dict pairs = one.rendered.pairs();
    if (auto const* dbname = find(static_cast<Data::Dict const&>(pairs), "dbname")) {
      Data const kept = *dbname;
      project::erase(pairs, "dbname");
      set(pairs, "database", kept);
    }
    Data const entry(std::move(pairs));
    if (entry["overrides"].truth()) {
      draft.source_patches[{entry["overrides"].str(), entry["name"].str()}] = {entry, file.original_file_path,
                                                                               one.mark};
      continue;
    }
    for (auto const& table : entry["tables"].items()) {
      if (!table.is_dict() || !table["name"].truth())
        return yaml::error_at(one.mark, fmt::format("a table of source \"{}\" has no name", entry["name"].str()))
            .next("add name: to each table");
      SourceRequest request;
      request.package = file.package;
      request.original_file_path = file.original_file_path;
      request.relative_path = file.relative_path;
      request.mark = one.mark;
      request.source = entry;
      request.table = table;
      if (one.unrendered["database"].truth()) request.unrendered_database = one.unrendered["database"].str();
      if (one.unrendered["schema"].truth()) request.unrendered_schema = one.unrendered["schema"].str();
      draft.sources.push_back(std::move(request));
    }
  }
  return {};
}

}  // namespace weir::project
