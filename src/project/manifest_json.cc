// manifest.json of schema v12: written, and read back for state: and --defer.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file.h"
#include "project/context.h"
#include "project/context_functions.h"
#include "project/load.h"
#include "project/loading.h"
#include "project/node_data.h"
#include "project/select.h"

namespace weir::project {
namespace {

constexpr std::string_view kSchema = "https://schemas.getdbt.com/dbt/manifest/v12.json";

// ----------------------------------------------------------------------------------------------------------------
// writing

class Writer {
 public:
  void begin(std::string_view key) {
    comma();
    append_json_text(out_, key);
    out_ += ": {";
    is_first_ = true;
  }
  void end() {
    out_ += '}';
    is_first_ = false;
  }
  void add(std::string_view key, Data const& value) {
    comma();
    append_json_text(out_, key);
    out_ += ": ";
    append_json(out_, value);
  }
  // What another writer was given.
  void add(Writer const& other) {
    if (other.is_first_) return;
    comma();
    out_ += other.out_;
  }
  std::string finish() && { return "{" + std::move(out_) + "}"; }

 private:
  void comma() {
    if (!is_first_) out_ += ", ";
    is_first_ = false;
  }
  std::string out_;
  bool is_first_ = true;
};

bool is_in_nodes(Node const& node) {
  return node.kind <= NodeKind::Operation;
}

using Compiled = std::map<std::string, CompiledFacts>;

Data with_compiled(Data const& said, CompiledFacts const& facts) {
  Data::Dict node = said.pairs();
  Data::List ctes;
  for (auto const& [id, sql] : facts.ctes) ctes.push_back(Data::Dict{{"id", id}, {"sql", sql}});
  set(node, "compiled_path", facts.path.empty() ? Data() : Data(facts.path));
  set(node, "compiled", Data(true));
  set(node, "compiled_code", Data(facts.code));
  set(node, "extra_ctes_injected", Data(true));
  set(node, "extra_ctes", Data(std::move(ctes)));
  return node;
}

// Nodes become text on several threads, some at a time, and are put together in their order.
template <typename Keep>
void add_section(Writer& writer, std::string_view key, std::span<Node const> nodes, Compiled const& compiled,
                 Keep const& keep) {
  std::vector<Node const*> kept;
  for (auto const& node : nodes)
    if (keep(node)) kept.push_back(&node);
  constexpr std::size_t kAtATime = 32;
  std::vector<Writer> parts((kept.size() + kAtATime - 1) / kAtATime);
  auto const write_part = [&](std::size_t part) -> Status {
    for (auto i = part * kAtATime; i < std::min(kept.size(), (part + 1) * kAtATime); ++i) {
      auto const facts = compiled.find(kept[i]->unique_id);
      parts[part].add(kept[i]->unique_id, facts == compiled.end() ? node_data(*kept[i])
                                                                  : with_compiled(node_data(*kept[i]), facts->second));
    }
    return {};
  };
  static_cast<void>(in_parallel(parts.size(), write_part));  // which never fails
  writer.begin(key);
  for (auto const& part : parts) writer.add(part);
  writer.end();
}

Data metadata(Manifest const& manifest) {
  auto const& root = manifest.root();
  return Data::Dict{
      {"dbt_schema_version", kSchema},
      {"dbt_version", kDbtVersion},
      {"generated_at", manifest.generated_at()},
      {"invocation_id", manifest.invocation_id()},
      {"invocation_started_at", manifest.generated_at()},
      {"env", custom_environment()},
      {"project_name", root.name},
      {"project_id", md5_hex(root.name)},
      {"user_id", {}},
      {"send_anonymous_usage_stats", false},
      {"adapter_type", "postgres"},
      {"quoting",
       Data::Dict{{"database", root.quoting["database"].is_none() ? Data(true) : root.quoting["database"]},
                  {"schema", root.quoting["schema"].is_none() ? Data(true) : root.quoting["schema"]},
                  {"identifier", root.quoting["identifier"].is_none() ? Data(true) : root.quoting["identifier"]},
                  {"column", {}}}}};
}

void add_maps(Writer& writer, Manifest const& manifest) {
  std::map<std::string_view, std::vector<std::string>> parents, children;
  for (auto const& node : manifest.nodes()) {
    children[node.unique_id];
    auto& own = parents[node.unique_id];
    for (auto const& id : node.depends_on.nodes) {
      own.push_back(id);
      if (manifest.find(id) != nullptr) children[manifest.find(id)->unique_id].push_back(node.unique_id);
    }
    std::sort(own.begin(), own.end());
  }
  writer.begin("parent_map");
  for (auto const& node : manifest.nodes()) writer.add(node.unique_id, Data::strings(parents[node.unique_id]));
  writer.end();
  writer.begin("child_map");
  for (auto const& node : manifest.nodes()) {
    auto& own = children[node.unique_id];
    std::sort(own.begin(), own.end());
    writer.add(node.unique_id, Data::strings(own));
  }
  writer.end();
  writer.begin("group_map");
  for (auto const& group : manifest.groups()) {
    std::vector<std::string> ids;
    for (auto const& node : manifest.nodes())
      if (node.group == group.name) ids.push_back(node.unique_id);
    writer.add(group.name, Data::strings(ids));
  }
  writer.end();
}

// ----------------------------------------------------------------------------------------------------------------
// reading

Data data_of_json(nlohmann::ordered_json const& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Data::List items;
    for (auto const& item : json) items.push_back(data_of_json(item));
    return items;
  }
  if (!json.is_object()) return {};
  Data::Dict pairs;
  pairs.reserve(json.size());
  for (auto const& [key, value] : json.items()) pairs.emplace_back(key, data_of_json(value));
  return pairs;
}

Result<Data> read_json(std::filesystem::path const& path) {
  WEIR_TRY(auto const text, read_file(path));
  auto const json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return Error(ErrorKind::Config, fmt::format("{} is not JSON", path.string()))
        .where(path.string())
        .next("let dbt or weir write it again");
  return data_of_json(json);
}

std::optional<std::string> text_unless_none(Data const& value) {
  return value.is_none() ? std::nullopt : std::optional(value.str());
}
std::string text(Data const& value) {
  return value.is_none() ? std::string() : value.str();
}
Data or_dict(Data const& value) {
  return value.is_dict() ? value : Data(Data::Dict{});
}

std::vector<std::vector<std::string>> lists(Data const& value) {
  std::vector<std::vector<std::string>> out;
  for (auto const& item : value.items()) out.push_back(item.texts());
  return out;
}

// The keys that only metrics, semantic models and saved queries have.
Data semantic_body(Data const& said) {
  Data::Dict body;
  for (std::string_view const key :
       {"label", "type", "type_params", "filter", "time_granularity", "model", "node_relation", "defaults", "entities",
        "measures", "dimensions", "primary_entity", "query_params", "exports"})
    if (auto const* value = said.find(key)) body.emplace_back(key, *value);
  if (said["description"].is_none()) body.emplace_back("description", Data());
  return body;
}

Node read_node(Data const& said) {
  Node node;
  node.kind = kind_from_name(text(said["resource_type"])).value_or(NodeKind::Model);
  node.unique_id = text(said["unique_id"]);
  node.name = text(said["name"]);
  node.package_name = text(said["package_name"]);
  node.path = text(said["path"]);
  node.original_file_path = text(said["original_file_path"]);
  node.fqn = said["fqn"].texts();
  node.database = text(said["database"]);
  node.schema = text(said["schema"]);
  node.alias = text(said["alias"]);
  node.relation_name = text_unless_none(said["relation_name"]);
  node.raw_code = text(said["raw_code"]);
  node.language = said["language"].is_none() ? "sql" : text(said["language"]);
  node.checksum = said["checksum"].is_dict()
                      ? Checksum{text(said["checksum"]["name"]), text(said["checksum"]["checksum"])}
                      : Checksum{"", text(said["checksum"])};
  node.config = or_dict(said["config"]);
  node.unrendered_config = or_dict(said["unrendered_config"]);
  node.description = text(said["description"]);
  for (auto const& [name, one] : said["columns"].pairs()) {
    Column column;
    column.name = name;
    column.description = text(one["description"]);
    column.data_type = text_unless_none(one["data_type"]);
    column.meta = or_dict(one["meta"]);
    column.tags = one["tags"].texts();
    if (one["constraints"].is_list()) column.constraints = one["constraints"];
    node.columns.push_back(std::move(column));
  }
  node.meta = or_dict(said["meta"]);
  node.tags = said["tags"].texts();
  node.group = text_unless_none(said["group"]);
  node.patch_path = text_unless_none(said["patch_path"]);
  node.depends_on.nodes = said["depends_on"]["nodes"].texts();
  node.depends_on.macros = said["depends_on"]["macros"].texts();
  node.sources = lists(said["sources"]);
  node.metrics = lists(said["metrics"]);
  for (auto const& ref : said["refs"].items())
    if (ref.is_dict()) node.refs.push_back({text(ref["name"]), text(ref["package"]), ref["version"]});
  if (!said["access"].is_none()) node.access = text(said["access"]);
  node.contract = Contract{said["contract"]["enforced"].truth(), true, text_unless_none(said["contract"]["checksum"])};
  node.version = said["version"];
  node.latest_version = said["latest_version"];
  node.deprecation_date = text_unless_none(said["deprecation_date"]);
  if (node.kind == NodeKind::Source)
    node.source = SourceTable{text(said["source_name"]),
                              text(said["source_description"]),
                              text(said["loader"]),
                              text(said["identifier"]),
                              or_dict(said["quoting"]),
                              text_unless_none(said["loaded_at_field"]),
                              text_unless_none(said["loaded_at_query"]),
                              said["freshness"],
                              said["external"],
                              or_dict(said["source_meta"]),
                              {},
                              {}};
  if (node.kind == NodeKind::Exposure)
    node.exposure = ExposureFacts{text(said["type"]), or_dict(said["owner"]), text_unless_none(said["label"]),
                                  text_unless_none(said["maturity"]), text_unless_none(said["url"])};
  if (node.kind == NodeKind::Metric || node.kind == NodeKind::SemanticModel || node.kind == NodeKind::SavedQuery)
    node.body = semantic_body(said);
  if (said["test_metadata"].is_dict()) {
    GenericTest test;
    test.name = text(said["test_metadata"]["name"]);
    test.kwargs = or_dict(said["test_metadata"]["kwargs"]);
    test.namespace_ = text_unless_none(said["test_metadata"]["namespace"]);
    test.column_name = text_unless_none(said["column_name"]);
    test.attached_node = text_unless_none(said["attached_node"]);
    node.generic_test = std::move(test);
  }
  return node;
}

Macro read_macro(Data const& said) {
  Macro macro;
  macro.unique_id = text(said["unique_id"]);
  macro.name = text(said["name"]);
  macro.package_name = text(said["package_name"]);
  macro.macro_sql = text(said["macro_sql"]);
  macro.original_file_path = macro.path = text(said["original_file_path"]);
  macro.depends_on = said["depends_on"]["macros"].texts();
  return macro;
}

}  // namespace

std::string manifest_json(Manifest const& manifest, Compiled const& compiled) {
  Writer writer;
  writer.add("metadata", metadata(manifest));
  auto const nodes = manifest.nodes();
  add_section(writer, "nodes", nodes, compiled, is_in_nodes);
  struct Section {
    std::string_view key;
    NodeKind kind;
  };
  auto const of_kind = [&](Section const& section) {
    add_section(writer, section.key, nodes, compiled, [&](Node const& node) { return node.kind == section.kind; });
  };
  of_kind({"sources", NodeKind::Source});
  writer.begin("macros");
  for (auto const& macro : manifest.macros()) writer.add(macro.unique_id, macro_data(macro));
  writer.end();
  writer.begin("docs");
  for (auto const& doc : manifest.docs()) writer.add(doc.unique_id, doc_data(doc));
  writer.end();
  of_kind({"exposures", NodeKind::Exposure});
  of_kind({"metrics", NodeKind::Metric});
  writer.begin("groups");
  for (auto const& group : manifest.groups()) writer.add(group.unique_id, group_data(group));
  writer.end();
  writer.add("selectors", manifest.selectors());
  std::map<std::string, Data::List> disabled;
  for (auto const& node : manifest.disabled()) disabled[node.unique_id].push_back(node_data(node));
  writer.begin("disabled");
  for (auto& [id, list] : disabled) writer.add(id, Data(std::move(list)));
  writer.end();
  add_maps(writer, manifest);
  of_kind({"saved_queries", NodeKind::SavedQuery});
  of_kind({"semantic_models", NodeKind::SemanticModel});
  of_kind({"unit_tests", NodeKind::UnitTest});
  of_kind({"functions", NodeKind::Function});
  return std::move(writer).finish();
}

Result<ManifestPtr> read_manifest_json(std::filesystem::path const& path) {
  WEIR_TRY(Data const json, read_json(path));
  Manifest::Parts parts;
  for (auto const* section :
       {"nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions"})
    for (auto const& [id, one] : json[section].pairs()) parts.nodes.push_back(read_node(one));
  for (auto const& [id, one] : json["macros"].pairs()) parts.macros.push_back(read_macro(one));
  ProjectFile root;
  root.name = text(json["metadata"]["project_name"]);
  parts.projects.push_back(std::move(root));
  parts.invocation_id = text(json["metadata"]["invocation_id"]);
  parts.generated_at = text(json["metadata"]["generated_at"]);
  return ManifestPtr(std::make_shared<Manifest const>(std::move(parts)));
}

Result<PreviousState> read_state(std::filesystem::path const& folder, std::filesystem::path const& target) {
  std::error_code failed;
  if (!std::filesystem::exists(folder / "manifest.json", failed))
    return Error(ErrorKind::Config, fmt::format("there is no manifest.json in \"{}\"", folder.string()))
        .where(folder.string())
        .next("name a folder of artifacts that dbt or weir wrote: target/");
  PreviousState state;
  WEIR_TRY(state.manifest, read_manifest_json(folder / "manifest.json"));
  if (std::filesystem::exists(folder / "run_results.json", failed)) {
    WEIR_TRY(state.run_results, read_json(folder / "run_results.json"));
  }
  if (std::filesystem::exists(folder / "sources.json", failed)) {
    WEIR_TRY(state.sources, read_json(folder / "sources.json"));
  }
  if (std::filesystem::exists(target / "sources.json", failed)) {
    WEIR_TRY(state.current_sources, read_json(target / "sources.json"));
  }
  return state;
}

}  // namespace weir::project
