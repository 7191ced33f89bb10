// Sources: a package's definition, with what the root project overrides of it.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/relation.h"

namespace weir::project {
namespace {

constexpr std::string_view kTimes[] = {"warn_after", "error_after"};

bool is_time(Data const& value) {
  return !value["count"].is_none() && !value["period"].is_none();
}

// A threshold as dbt holds it. Missing: an empty one; said to be null: none.
Data threshold(Data const* said) {
  Data const no_time = Data::Dict{{"count", {}}, {"period", {}}};
  Data::Dict pairs{{"warn_after", no_time}, {"error_after", no_time}, {"filter", {}}};
  if (said == nullptr) return pairs;
  if (said->is_none()) return {};
  for (auto const key : kTimes)
    if (auto const* time = said->find(key); time != nullptr)
      set(pairs, key,
          time->is_none() ? Data() : Data(Data::Dict{{"count", (*time)["count"]}, {"period", (*time)["period"]}}));
  if (auto const& filter = (*said)["filter"]; !filter.is_none()) set(pairs, "filter", filter);
  return pairs;
}

bool is_said(Data const& freshness) {
  return std::any_of(std::begin(kTimes), std::end(kTimes), [&](auto key) { return is_time(freshness[key]); });
}

Data merged_time(Data const& base, Data const& with) {
  if (is_time(base) && is_time(with)) return with;
  if (with.is_none()) return {};
  return is_time(with) ? with : base;
}

Data merged_freshness(std::vector<Data> const& all) {
  Data current = all[0];
  for (std::size_t i = 1; i < all.size(); ++i) {
    Data const& with = all[i];
    if (!current.is_none() && !with.is_none()) {
      Data::Dict pairs = current.pairs();
      for (auto const key : kTimes) set(pairs, key, merged_time(current[key], with[key]));
      if (!with["filter"].is_none()) set(pairs, "filter", with["filter"]);
      current = Data(std::move(pairs));
    } else if (current.is_none() && is_said(with)) {
      current = with;
    } else {
      current = Data();
    }
  }
  return current;
}

struct LoadedAt {
  Data field, query;
};

Data either(Data const& a, Data const& b) {
  return a.truth() ? a : b;
}

Result<LoadedAt> loaded_at(SourceRequest const& request) {
  auto const& source = request.source;
  auto const& table = request.table;
  auto const& table_config = table["config"];
  auto const& source_config = source["config"];
  bool const field_said = table.contains("loaded_at_field") || table_config["loaded_at_field"].truth();
  if (field_said && (table["loaded_at_query"].truth() || table_config["loaded_at_query"].truth()))
    return yaml::error_at(request.mark,
                          fmt::format("table \"{}\" has both loaded_at_field and loaded_at_query", table["name"].str()))
        .next("keep one of the two");
  if (either(source["loaded_at_field"], source_config["loaded_at_field"]).truth() &&
      either(source["loaded_at_query"], source_config["loaded_at_query"]).truth())
    return yaml::error_at(request.mark, fmt::format("source \"{}\" has both loaded_at_field and loaded_at_query",
                                                    source["name"].str()))
        .next("keep one of the two");
  LoadedAt made;
  made.field = field_said || !table_config["loaded_at_field"].is_none()
                   ? either(table["loaded_at_field"], table_config["loaded_at_field"])
                   : either(source["loaded_at_field"], source_config["loaded_at_field"]);
  if (!table["loaded_at_query"].is_none() || !table_config["loaded_at_query"].is_none()) {
    made.query = either(table["loaded_at_query"], table_config["loaded_at_query"]);
  } else if (!field_said) {
    made.query = either(source["loaded_at_query"], source_config["loaded_at_query"]);
  }
  return made;
}

Data quoting_of(Data const& source, Data const& table) {
  Data::Dict pairs{{"database", {}}, {"schema", {}}, {"identifier", {}}, {"column", {}}};
  for (auto const* said : {&source, &table})
    for (auto const& [key, value] : (*said)["quoting"].pairs()) set(pairs, key, value);
  return pairs;
}

std::vector<std::string> sorted_tags(SourceRequest const& request) {
  std::set<std::string> tags;
  for (auto const* said : {&request.source, &request.table}) {
    for (auto const& tag : (*said)["tags"].texts()) tags.insert(tag);
    for (auto const& tag : (*said)["config"]["tags"].texts()) tags.insert(tag);
  }
  return {tags.begin(), tags.end()};
}

Data meta_of(SourceRequest const& request) {
  Data::Dict meta;
  for (auto const* said : {&request.source, &request.table}) {
    update(meta, (*said)["meta"].pairs());
    update(meta, (*said)["config"]["meta"].pairs());
  }
  return meta;
}

// A patch's keys over the source's; tables are matched by name.
void apply_patch(SourceRequest& request, SourcePatch const& patch) {
  Data::Dict source = request.source.pairs();
  for (auto const& [key, value] : patch.entry.pairs())
    if (key != "name" && key != "overrides" && key != "tables" && !value.is_none()) set(source, key, value);
  for (auto const& table : patch.entry["tables"].items()) {
    if (table["name"] != request.table["name"]) continue;
    Data::Dict pairs = request.table.pairs();
    for (auto const& [key, value] : table.pairs())
      if (key != "name" && !value.is_none()) set(pairs, key, value);
    request.table = Data(std::move(pairs));
  }
  request.source = Data(std::move(source));
}

std::optional<std::string> text_if_true(Data const& value) {
  return value.truth() ? std::optional(value.str()) : std::nullopt;
}

Result<Node> make_source(Draft const& draft, SourceRequest const& request) {
  auto const& source = request.source;
  auto const& table = request.table;
  Node node;
  node.kind = NodeKind::Source;
  node.name = table["name"].str();
  node.package_name = request.package;
  std::string const source_name = source["name"].str();
  node.unique_id = fmt::format("source.{}.{}.{}", request.package, source_name, node.name);
  node.path = node.original_file_path = request.original_file_path;
  node.fqn = fqn_of(request.package, request.relative_path);
  node.fqn.push_back(source_name);
  node.fqn.push_back(node.name);
  node.created_at = draft.now;
  node.database = source["database"].truth() ? source["database"].str() : draft.target.database;
  node.schema = source["schema"].truth() ? source["schema"].str() : source_name;
  node.description = table["description"].truth() ? table["description"].str() : "";
  node.columns = columns_of(table["columns"]);
  Data::Dict config = source["config"].pairs();
  update(config, table["config"].pairs());
  Data const freshness =
      merged_freshness({threshold(source.find("freshness")), threshold(source["config"].find("freshness")),
                        threshold(table.find("freshness")), threshold(table["config"].find("freshness"))});
  if (freshness.is_none()) {
    set(config, "freshness", Data());
  } else if (is_said(freshness)) {
    set(config, "freshness", freshness);
  } else {
    project::erase(config, "freshness");
  }
  WEIR_TRY(LoadedAt const at, loaded_at(request));
  set(config, "loaded_at_field", at.field);
  set(config, "loaded_at_query", at.query);
  set(config, "meta", meta_of(request));
  set(config, "tags", Data::strings(sorted_tags(request)));
  ConfigInputs const inputs{draft.root(), *draft.project(request.package), node.kind, node.fqn, config, {}};
  WEIR_TRY(auto made, node_config(inputs));
  node.unrendered_config = Data(unrendered_config(inputs));
  node.config = Data(std::move(made));
  node.tags = node.config["tags"].texts();
  node.meta = node.config["meta"];
  SourceTable facts;
  facts.source_name = source_name;
  facts.source_description = source["description"].truth() ? source["description"].str() : "";
  facts.loader = source["loader"].truth() ? source["loader"].str() : "";
  facts.identifier = table["identifier"].truth() ? table["identifier"].str() : node.name;
  facts.quoting = quoting_of(source, table);
  facts.loaded_at_field = text_if_true(node.config["loaded_at_field"]);
  facts.loaded_at_query = text_if_true(node.config["loaded_at_query"]);
  facts.freshness = node.config["freshness"];
  facts.external = table["external"];
  Data::Dict source_meta = source["meta"].pairs();
  update(source_meta, source["config"]["meta"].pairs());
  facts.source_meta = Data(std::move(source_meta));
  facts.unrendered_database = request.unrendered_database;
  facts.unrendered_schema = request.unrendered_schema;
  node.source = std::move(facts);
  node.relation_name = relation_of(node, draft.root().quoting).render();
  return node;
}

Result<Data> tests_of(Data const& entry) {
  return entry["tests"].truth() ? entry["tests"] : entry["data_tests"];
}

Status request_tests(Draft& draft, SourceRequest const& source, std::vector<std::string> const& fqn) {
  auto const add = [&](Data const& tests, std::optional<std::string> const& column, std::vector<std::string> tags) {
    for (auto const& one : tests.items()) {
      TestRequest request;
      request.package = source.package;
      request.original_file_path = source.original_file_path;
      request.mark = source.mark;
      request.yaml_key = "sources";
      request.target_name = source.source["name"].str();
      request.table_name = source.table["name"].str();
      request.source_fqn = fqn;
      request.definition = one;
      request.column_name = column;
      request.tags = std::move(tags);
      draft.tests.push_back(std::move(request));
    }
  };
  std::vector<std::string> tags = source.source["tags"].texts();
  for (auto const& tag : source.table["tags"].texts()) tags.push_back(tag);
  WEIR_TRY(Data const own, tests_of(source.table));
  for (auto const& column : source.table["columns"].items()) {
    WEIR_TRY(Data const tests, tests_of(column));
    bool const quoted = column["quote"].truth() ||
                        (column["quote"].is_none() && source.source["quoting"]["column"].truth()) ||
                        (column["quote"].is_none() && source.table["quoting"]["column"].truth());
    std::string const name = column["name"].str();
    std::vector<std::string> all = tags;
    for (auto const& tag : column["tags"].texts()) all.push_back(tag);
    for (auto const& tag : column["config"]["tags"].texts()) all.push_back(tag);
    for (auto const& one : tests.items()) add(Data(Data::List{one}), quoted ? "\"" + name + "\"" : name, all);
  }
  for (auto const& one : own.items()) add(Data(Data::List{one}), std::nullopt, tags);
  return {};
}

}  // namespace

Status build_sources(Draft& draft) {
  for (auto& request : draft.sources) {
    auto const patch = draft.source_patches.find({request.package, request.source["name"].str()});
    if (patch != draft.source_patches.end()) apply_patch(request, patch->second);
    auto made = make_source(draft, request);
    if (!made.ok()) {
      Error error = std::move(made).error();
      if (error.where().empty()) error.where(request.mark.text()).excerpt(request.mark.excerpt());
      return error;
    }
    Node node = std::move(made).value();
    if (auto const* there = draft.nodes.find(node.unique_id); there != nullptr)
      return yaml::error_at(request.mark, fmt::format("table \"{}\" of source \"{}\" is defined twice", node.name,
                                                      node.source->source_name))
          .object(node.unique_id)
          .cause(fmt::format("the other place is {}", there->original_file_path))
          .next("keep one of the two");
    WEIR_DO(request_tests(draft, request, node.fqn));
    draft.places[node.unique_id] = request.mark;
    WEIR_DO(draft.add_node(std::move(node)));
  }
  return {};
}

}  // namespace weir::project
