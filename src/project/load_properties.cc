// Properties files: what is said of nodes that exist already, and nodes that exist only there.
#include <algorithm>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "project/loading.h"
#include "project/parse_context.h"
#include "project/relation.h"
#include "project/templates.h"

namespace weir::project {
namespace {

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}

// Tests and descriptions are rendered later, in contexts of their own.
bool is_late(KeyPath const& path, std::size_t from) {
  auto const size = path.size() - std::min(from, path.size());
  auto const at = [&](std::size_t i) -> std::string_view { return path[from + i]; };
  auto const late = [](std::string_view key) {
    return is_one_of(key, {"tests", "data_tests", "description", "loaded_at_query"});
  };
  auto const tested = [](std::string_view key) { return is_one_of(key, {"tests", "data_tests", "description"}); };
  if (size >= 1 && late(at(0))) return true;
  if (size == 2 && late(at(1))) return true;
  if (size >= 2 && at(0) == "config" && is_one_of(at(1), {"pre_hook", "post_hook", "loaded_at_query"})) return true;
  if (size == 5 && at(4) == "description") return true;
  if (size >= 3 && at(0) == "versions" && tested(at(2))) return true;
  if (size >= 5 && at(0) == "versions" && at(2) == "columns" && tested(at(4))) return true;
  return size >= 3 && is_one_of(at(0), {"columns", "dimensions", "measures", "entities", "metrics"}) && tested(at(2));
}

bool is_rendered(std::string_view key, KeyPath const& path) {
  if (path.empty()) return true;
  auto const& first = path[0];
  bool const is_filter = path.back() == "filter" || (path.size() > 1 && path[path.size() - 2] == "filter");
  if (key == "sources") {
    if (first == "description" || first == "loaded_at_query") return false;
    if (path.size() >= 2 && first == "config" && path[1] == "loaded_at_query") return false;
    return first != "tables" || !is_late(path, 2);
  }
  if (key == "macros") return first == "arguments" ? !is_late(path, 1) : !is_late(path, 0);
  if (key == "metrics" && is_filter) return false;
  if (key == "saved_queries" && path.size() > 1 && first == "query_params" && path[1] == "where") return false;
  if (first == "metrics" && is_filter) return false;
  return !is_late(path, 0);
}

// -------------------------------------------------------------------------------------------------------- one entry

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

// `tests:` is the older name of `data_tests:`.
Result<Data> tests_of(Data const& entry, yaml::Mark const& mark) {
  auto const& old_name = entry["tests"];
  auto const& new_name = entry["data_tests"];
  if (old_name.truth() && entry.contains("data_tests"))
    return yaml::error_at(mark, "\"tests\" and \"data_tests\" both stand here")
        .next("put all of them under data_tests:");
  return old_name.truth() ? old_name : new_name;
}

Data constraint_data(Data const& said, bool has_columns) {
  Data::Dict pairs{{"type", {}},
                   {"name", {}},
                   {"expression", {}},
                   {"warn_unenforced", true},
                   {"warn_unsupported", true},
                   {"to", {}},
                   {"to_columns", Data::List{}}};
  if (has_columns) pairs.emplace_back("columns", Data::List{});
  for (auto const& [key, value] : said.pairs())
    if (find(static_cast<Data::Dict const&>(pairs), key) != nullptr) set(pairs, key, value);
  return pairs;
}

Status check_constraints(Data const& list, std::string const& what, yaml::Mark const& mark) {
  static constexpr std::string_view kTypes[] = {"check", "not_null", "unique", "primary_key", "foreign_key", "custom"};
  for (auto const& one : list.items()) {
    std::string const type = one["type"].str();
    if (std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) continue;
    return yaml::error_at(mark, fmt::format("constraint type \"{}\" of {} does not exist",
                                            one["type"].is_none() ? "" : type, what))
        .next("it is check, not_null, unique, primary_key, foreign_key or custom");
  }
  return {};
}

std::string constraints_repr(Data const& list, bool has_columns) {
  std::string out = "[";
  for (auto const& one : list.items()) {
    if (out.size() > 1) out += ", ";
    out += fmt::format(
        "{}(type=<ConstraintType.{}: '{}'>, name={}, expression={}, warn_unenforced={}, warn_unsupported={}, to={}, "
        "to_columns={}",
        has_columns ? "ModelLevelConstraint" : "ColumnLevelConstraint", one["type"].str(), one["type"].str(),
        one["name"].repr(), one["expression"].repr(), one["warn_unenforced"].repr(), one["warn_unsupported"].repr(),
        one["to"].repr(), one["to_columns"].repr());
    if (has_columns) out += fmt::format(", columns={}", one["columns"].repr());
    out += ")";
  }
  return out + "]";
}

// What changes when a contract does: columns, their types and constraints.
void sum_contract(Node& node) {
  if (!node.contract.enforced || node.contract.checksum) return;
  std::vector<Column const*> sorted;
  for (auto const& column : node.columns) sorted.push_back(&column);
  std::sort(sorted.begin(), sorted.end(), [](auto const* a, auto const* b) { return a->name < b->name; });
  std::string state;
  for (auto const* column : sorted)
    state += fmt::format("|{}{}{}", column->name, column->data_type.value_or("None"),
                         constraints_repr(column->constraints, false));
  if (is_one_of(node.materialized(), {"table", "incremental"}))
    state += node.materialized() + constraints_repr(node.constraints, true);
  node.contract.checksum = sha256_hex(state);
}

Status take_foreign_keys(Node& node, yaml::Mark const& mark) {
  std::vector<Data> all;
  for (auto const& column : node.columns)
    for (auto const& one : column.constraints.items()) all.push_back(one);
  for (auto const& one : node.constraints.items()) all.push_back(one);
  for (auto const& one : all) {
    if (one["type"].str() != "foreign_key" || !one["to"].truth()) continue;
    WEIR_TRY(auto const reference, parse_reference(one["to"].str(), mark));
    if (reference.ref) {
      node.refs.push_back(*reference.ref);
    } else {
      node.sources.push_back(reference.source);
    }
  }
  return {};
}

// What an entry says of a node, config apart.
struct Patch {
  std::string description;
  std::vector<Column> columns;
  Data::Dict config;
  Data constraints = Data::List{};
  Data version, latest_version, time_spine;
  std::optional<std::string> deprecation_date;
  std::string name;
};

std::optional<std::string> date_text(Data const& value) {
  if (!value.truth()) return std::nullopt;
  std::string text = value.text();
  if (text.size() == 10) text += "T00:00:00";
  if (text.find('+') == std::string::npos && !text.ends_with('Z')) text += "+00:00";
  return replace_all(std::move(text), " ", "T");
}

Status apply_patch(Draft& draft, Node& node, Patch const& patch, SourceFile const& file, yaml::Mark const& mark,
                   bool has_config) {
  if (node.patch_path)
    return yaml::error_at(mark, fmt::format("{} \"{}\" is described twice", kind_name(node.kind), node.name))
        .object(node.unique_id)
        .cause(fmt::format("the other place is {}", node.patch_path->substr(node.patch_path->find("://") + 3)))
        .next("keep one of the two");
  auto const properties = [&]() -> Status {
    node.patch_path = patch_path_of(file);
    node.description = patch.description;
    node.columns = patch.columns;
    node.name = patch.name;
    if (node.kind != NodeKind::Model) return {};
    node.version = patch.version;
    node.latest_version = patch.latest_version;
    node.deprecation_date = patch.deprecation_date;
    node.time_spine = patch.time_spine;
    return {};
  };
  auto const constraints = [&]() -> Status {
    if (node.kind != NodeKind::Model) return {};
    Data::List made;
    for (auto const& one : patch.constraints.items()) made.push_back(constraint_data(one, true));
    node.constraints = Data(std::move(made));
    if (node.contract.enforced) {
      WEIR_DO(check_constraints(node.constraints, fmt::format("model \"{}\"", node.name), mark));
      if (node.columns.empty())
        return yaml::error_at(
                   mark,
                   fmt::format("model \"{}\" has an enforced contract, and no columns in a properties file", node.name))
            .object(node.unique_id)
            .next("list its columns with their data types");
    }
    WEIR_DO(take_foreign_keys(node, mark));
    sum_contract(node);
    return {};
  };
  auto const config = [&]() -> Status {
    Status status = configure(draft, node, patch.config, patch.config);
    if (status.ok()) return render_hooks(draft, node);
    Error error = std::move(status).error();
    if (error.where().empty()) error.where(mark.text()).excerpt(mark.excerpt());
    return std::move(error.object(node.unique_id));
  };
  if (!patch.version.is_none()) {
    WEIR_DO(properties());
    WEIR_DO(config());
  } else {
    if (has_config) {
      WEIR_DO(config());
    }
    WEIR_DO(properties());
  }
  return constraints();
}

// The nodes that an entry is about: the enabled one, or all disabled ones of that name.
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
      fmt::format("{} describes \"{}\" under {}:, which does not exist", file.original_file_path, name, key));
}

// ----------------------------------------------------------------------------------------------------------------
// tests

void request_tests(Draft& draft, SourceFile const& file, std::string_view key, Data const& entry, Data const& tests,
                   yaml::Mark const& mark, Data const& version, std::optional<std::string> const& column,
                   std::vector<std::string> const& tags) {
  for (auto const& one : tests.items()) {
    TestRequest request;
    request.package = file.package;
    request.original_file_path = file.original_file_path;
    request.mark = mark;
    request.yaml_key = key;
    request.target_name = entry["name"].str();
    request.version = version;
    request.definition = one;
    request.column_name = column;
    request.tags = tags;
    draft.tests.push_back(std::move(request));
  }
}

Status request_column_tests(Draft& draft, SourceFile const& file, std::string_view key, Data const& entry,
                            Data::List const& columns, yaml::Mark const& mark, Data const& version) {
  for (auto const& column : columns) {
    if (!column.is_dict()) continue;
    WEIR_TRY(Data const tests, tests_of(column, mark));
    if (!tests.truth()) continue;
    bool const quoted = column["quote"].truth() || (column["quote"].is_none() && entry["quote_columns"].truth());
    std::string const name = quoted ? "\"" + column["name"].str() + "\"" : column["name"].str();
    auto tags = column["tags"].texts();
    for (auto const& tag : column["config"]["tags"].texts())
      if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
    request_tests(draft, file, key, entry, tests, mark, version, name, tags);
  }
  return {};
}

// ---------------------------------------------------------------------------------------------------------------
// models

bool includes(Data const& said, std::string const& name) {
  if (said.is_none() || said.str() == "*" || said.str() == "all") return true;
  auto const names = said.texts();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A version's columns: the model's, as include and exclude leave them, and its own.
Data::List version_columns(Data const& entry, Data const& version) {
  Data include("*"), exclude;
  Data::List own;
  for (auto const& column : version["columns"].items()) {
    if (column.contains("include") || column.contains("exclude")) {
      include = column.contains("include") ? column["include"] : Data("*");
      exclude = column["exclude"];
    } else {
      own.push_back(column);
    }
  }
  Data::List columns;
  for (auto const& column : entry["columns"].items()) {
    std::string const name = column["name"].str();
    bool const is_excluded = !exclude.is_none() && includes(exclude, name);
    if (includes(include, name) && !is_excluded) columns.push_back(column);
  }
  columns.insert(columns.end(), own.begin(), own.end());
  return columns;
}

bool is_less(Data const& a, Data const& b) {
  auto const number = [](Data const& value) -> std::optional<double> {
    if (value.kind() == Data::Kind::Int || value.kind() == Data::Kind::Float) return value.number();
    char* end = nullptr;
    double const parsed = std::strtod(value.text().c_str(), &end);
    return end != value.text().c_str() && *end == '\0' ? std::optional(parsed) : std::nullopt;
  };
  auto const x = number(a), y = number(b);
  return x && y ? *x < *y : a.str() < b.str();
}

Status apply_versions(Draft& draft, SourceFile const& file, Data const& entry, yaml::Mark const& mark) {
  auto const& versions = entry["versions"].items();
  std::string const name = entry["name"].str();
  Data latest = entry["latest_version"];
  for (auto const& version : versions) {
    if (version["v"].is_none())
      return yaml::error_at(mark, fmt::format("a version of model \"{}\" has no \"v\"", name))
          .next("add v: to each version");
    if (entry["latest_version"].is_none() && (latest.is_none() || is_less(latest, version["v"]))) latest = version["v"];
  }
  if (std::none_of(versions.begin(), versions.end(), [&](Data const& one) { return one["v"] == latest; }))
    return yaml::error_at(mark,
                          fmt::format("latest_version {} of model \"{}\" is none of its versions", latest.str(), name));
  for (auto const& version : versions) {
    Data const& v = version["v"];
    std::string const file_name =
        version["defined_in"].truth() ? version["defined_in"].str() : fmt::format("{}_v{}", name, v.str());
    auto found = nodes_called(draft, file_name, file.package, {NodeKind::Model});
    if (found.empty() && v == latest) found = nodes_called(draft, name, file.package, {NodeKind::Model});
    if (found.empty()) {
      warn_no_node(draft, "models", file_name, file);
      continue;
    }
    bool const was_enabled = draft.nodes.find(found[0]->unique_id) == found[0];
    Node node = *found[0];
    if (was_enabled) draft.nodes.remove(node.unique_id);
    node.unique_id = fmt::format("model.{}.{}.v{}", file.package, name, v.str());
    node.fqn.back() = name;
    node.fqn.push_back(fmt::format("v{}", v.str()));
    Patch patch;
    patch.name = name;
    patch.description = version["description"].truth()   ? version["description"].str()
                        : entry["description"].is_none() ? ""
                                                         : entry["description"].str();
    patch.columns = columns_of(Data(version_columns(entry, version)));
    Data::Dict version_config = version["config"].pairs();
    for (std::string_view const key : {"access", "docs"})
      if (version[key].truth()) set(version_config, key, version[key]);
    patch.config = deep_merge(Data(entry["config"].pairs()), Data(std::move(version_config))).pairs();
    patch.constraints = version["constraints"].truth() ? version["constraints"] : entry["constraints"];
    patch.version = v;
    patch.latest_version = latest;
    patch.deprecation_date = date_text(version["deprecation_date"]);
    WEIR_DO(apply_patch(draft, node, patch, file, mark, true));
    if (was_enabled) {
      WEIR_DO(draft.add_node(std::move(node)));
    } else {
      *found[0] = std::move(node);
    }
    WEIR_TRY(Data own_tests, tests_of(version, mark));
    if (own_tests.is_none()) {
      WEIR_TRY(own_tests, tests_of(entry, mark));
    }
    WEIR_DO(request_column_tests(draft, file, "models", entry, version_columns(entry, version), mark, v));
    request_tests(draft, file, "models", entry, own_tests, mark, v, std::nullopt, {});
  }
  draft.refs.rebuild(draft.nodes);
  return {};
}

Status apply_entry(Draft& draft, SourceFile const& file, std::string_view key, NodeKind kind,
                   PropertyEntry const& one) {
  Data::Dict pairs = one.rendered.pairs();
  WEIR_DO(move_into_config(pairs, one.mark));
  Data const entry(std::move(pairs));
  for (auto const& column : entry["columns"].items()) {
    if (column.is_dict() && column["name"].truth()) {
      WEIR_DO(check_constraints(column["constraints"], fmt::format("column \"{}\"", column["name"].str()), one.mark));
    } else {
      return yaml::error_at(one.mark, fmt::format("a column of \"{}\" has no name", entry["name"].str()))
          .next("add name: to each column");
    }
  }
  if (kind == NodeKind::Model && entry["versions"].truth()) return apply_versions(draft, file, entry, one.mark);
  if (kind == NodeKind::Model || kind == NodeKind::Seed || kind == NodeKind::Snapshot) {
    WEIR_DO(request_column_tests(draft, file, key, entry, entry["columns"].items(), one.mark, {}));
    WEIR_TRY(Data const tests, tests_of(entry, one.mark));
    request_tests(draft, file, key, entry, tests, one.mark, {}, std::nullopt, {});
  }
  auto const found = nodes_called(draft, entry["name"].str(), file.package, {kind});
  if (found.empty()) {
    warn_no_node(draft, key, entry["name"].str(), file);
    return {};
  }
  Patch patch;
  patch.name = found[0]->name;
  patch.description = entry["description"].is_none() ? "" : entry["description"].str();
  patch.columns = columns_of(entry["columns"]);
  patch.config = entry["config"].pairs();
  patch.constraints = entry["constraints"].is_list() ? entry["constraints"] : Data(Data::List{});
  patch.deprecation_date = date_text(entry["deprecation_date"]);
  if (entry["time_spine"].is_dict()) {
    Data::Dict spine{{"standard_granularity_column", entry["time_spine"]["standard_granularity_column"]},
                     {"custom_granularities", Data::List{}}};
    if (entry["time_spine"]["custom_granularities"].is_list())
      set(spine, "custom_granularities", entry["time_spine"]["custom_granularities"]);
    patch.time_spine = Data(std::move(spine));
  }
  for (auto* node : found) {
    WEIR_DO(apply_patch(draft, *node, patch, file, one.mark, !patch.config.empty()));
    draft.places[node->unique_id] = one.mark;
    if (kind == NodeKind::Function && node->function) {
      node->function->arguments = entry["arguments"].is_list() ? entry["arguments"] : Data(Data::List{});
      node->function->returns = entry["returns"];
    }
  }
  return {};
}

// A snapshot that stands only in a properties file: `relation: ref('a')`.
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

// -----------------------------------------------------------------------------------------------------------------
// macros, tests, exposures

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

// Sources wait until all patches of them are known.
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

std::vector<Column> columns_of(Data const& list) {
  std::vector<Column> columns;
  for (auto const& said : list.items()) {
    Column column;
    column.name = said["name"].str();
    column.description = said["description"].is_none() ? "" : said["description"].str();
    Data::Dict meta = said["meta"].pairs();
    update(meta, said["config"]["meta"].pairs());
    column.meta = Data(std::move(meta));
    if (!said["data_type"].is_none()) column.data_type = said["data_type"].str();
    Data::List constraints;
    for (auto const& one : said["constraints"].items()) constraints.push_back(constraint_data(one, false));
    column.constraints = Data(std::move(constraints));
    if (!said["quote"].is_none()) column.quote = said["quote"].truth();
    column.tags = said["tags"].texts();
    for (auto const& tag : said["config"]["tags"].texts())
      if (std::find(column.tags.begin(), column.tags.end(), tag) == column.tags.end()) column.tags.push_back(tag);
    column.granularity = said["granularity"];
    for (auto const& [key, value] : said.pairs())
      if (!is_one_of(key, {"name", "description", "meta", "data_type", "constraints", "docs", "config", "quote", "tags",
                           "tests", "data_tests", "granularity", "dimension", "entity"}))
        set(column.extra, key, value);
    auto const there =
        std::find_if(columns.begin(), columns.end(), [&](Column const& other) { return other.name == column.name; });
    if (there == columns.end()) {
      columns.push_back(std::move(column));
    } else {
      *there = std::move(column);
    }
  }
  return columns;
}

Result<std::vector<PropertyEntry>> property_entries(Draft const& draft, SourceFile const& file, yaml::Node const& root,
                                                    std::string_view key) {
  std::vector<PropertyEntry> entries;
  auto const* list = root.find(key);
  if (list == nullptr || list->kind == yaml::Kind::Null) return entries;
  if (list->kind != yaml::Kind::Sequence)
    return yaml::error_at(list->mark, fmt::format("\"{}\" is a list of entries, not {}", key, kind_name(list->kind)))
        .next(fmt::format("begin each entry with \"- name:\""));
  YamlContext context(draft.facts, true, YamlContext::Secrets::Refused, file.package);
  for (auto const& item : list->items) {
    if (item->kind != yaml::Kind::Mapping)
      return yaml::error_at(item->mark,
                            fmt::format("an entry of \"{}\" is a mapping, not {}", key, kind_name(item->kind)))
          .next("begin each entry with \"- name:\"");
    auto const* name = item->find("name");
    if (name == nullptr || name->kind == yaml::Kind::Null)
      return yaml::error_at(item->mark, fmt::format("an entry of \"{}\" has no name", key)).next("add name: to it");
    PropertyEntry entry;
    entry.mark = name->mark;
    entry.unrendered = to_data(*item);
    WEIR_TRY(entry.rendered,
             render_yaml(
                 *item, [&](std::string_view text) { return render_value(text, context, file.original_file_path); },
                 [&](KeyPath const& path) { return is_rendered(key, path); }));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Reference> parse_reference(std::string const& text, yaml::Mark const& mark) {
  Reference made;
  jinja::DictContext context;
  std::optional<Error> odd;
  context.names().set(
      std::string_view("ref"),
      jinja::function("ref", [&](jinja::State&, jinja::Arguments const& arguments) -> jinja::Outcome<jinja::Value> {
        auto ref = ref_from(arguments);
        if (!ref.ok()) return jinja::Failure(std::move(ref).error());
        made.ref = std::move(ref).value();
        return jinja::Value("");
      }));
  auto const names = [&](jinja::State&, jinja::Arguments const& arguments) -> jinja::Outcome<jinja::Value> {
    for (auto const& one : arguments.positional) made.source.push_back(jinja::to_text(one));
    return jinja::Value("");
  };
  context.names().set(std::string_view("source"), jinja::function("source", names));
  context.names().set(std::string_view("metric"), jinja::function("metric", names));
  bool const is_call = text.find("ref(") != std::string::npos || text.find("source(") != std::string::npos ||
                       text.find("metric(") != std::string::npos;
  auto const bare = std::string(trim(text));
  std::string const expression = bare.starts_with("{{") ? bare : "{{ " + bare + " }}";
  auto parsed = text_templates()->parse(mark.source == nullptr ? "<yaml>" : mark.source->name, expression);
  bool worked = is_call && parsed.ok();
  if (worked) worked = (*parsed)->render(context).ok();
  if (!worked || (!made.ref && made.source.empty()))
    return yaml::error_at(mark, fmt::format("\"{}\" is no ref(...) or source(...)", text))
        .next("write ref('model') or source('source', 'table')");
  return made;
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
