// What a properties file says of nodes that exist already.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/properties.h"

namespace weir::project {
namespace {

// `tests:` is the older name of `data_tests:`.
Result<Data> tests_of(Data const& entry, yaml::Mark const& mark) {
  auto const& old_name = entry["tests"];
  auto const& new_name = entry["data_tests"];
  if (old_name.truth() && entry.contains("data_tests"))
    return yaml::error_at(mark, "\"tests\" and \"data_tests\" both stand here")
        .next("put all of them under data_tests:");
  return old_name.truth() ? old_name : new_name;
}

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

}  // namespace

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

}  // namespace weir::project
