#include "project/project_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

constexpr char const* kProjectFile = "dbt_project.yml";

struct ConfigKey {
  NodeKind kind;
  std::string_view key;
};

std::string_view config_key(NodeKind kind) {
  switch (kind) {
    case NodeKind::Seed:
      return "seeds";
    case NodeKind::Snapshot:
      return "snapshots";
    case NodeKind::Source:
      return "sources";
    case NodeKind::Test:
      return "data_tests";
    case NodeKind::Metric:
      return "metrics";
    case NodeKind::SemanticModel:
      return "semantic_models";
    case NodeKind::SavedQuery:
      return "saved_queries";
    case NodeKind::Exposure:
      return "exposures";
    case NodeKind::UnitTest:
      return "unit_tests";
    case NodeKind::Function:
      return "functions";
    default:
      return "models";  // analyses and operations too
  }
}

bool is_late_hook(KeyPath const& path) {
  return std::any_of(path.begin(), path.end(), [](std::string const& key) {
    auto const bare = std::string_view(key).substr(std::min(key.find_first_not_of("+ "), key.size()));
    return bare == "pre-hook" || bare == "post-hook" || bare == "pre_hook" || bare == "post_hook";
  });
}

// Hooks, vars and comments are rendered when they are used.
bool is_rendered(KeyPath const& path) {
  if (path.empty()) return true;
  std::string_view const first = path[0];
  if (first == "on-run-start" || first == "on-run-end" || first == "query-comment" || first == "vars") return false;
  bool const has_hooks =
      first == "seeds" || first == "models" || first == "snapshots" || first == "tests" || first == "data_tests";
  return !has_hooks || !is_late_hook(path);
}

Error wrong(yaml::Node const& root, std::string_view key, std::string message) {
  auto const* node = root.find(key);
  return yaml::error_at(node == nullptr ? root.mark : node->mark, std::move(message));
}

Status check_keys(yaml::Node const& root) {
  static std::vector<std::string> const known = {"name",
                                                 "version",
                                                 "config-version",
                                                 "profile",
                                                 "model-paths",
                                                 "seed-paths",
                                                 "test-paths",
                                                 "analysis-paths",
                                                 "macro-paths",
                                                 "snapshot-paths",
                                                 "docs-paths",
                                                 "asset-paths",
                                                 "function-paths",
                                                 "source-paths",
                                                 "data-paths",
                                                 "packages-install-path",
                                                 "target-path",
                                                 "log-path",
                                                 "clean-targets",
                                                 "require-dbt-version",
                                                 "dbt-cloud",
                                                 "flags",
                                                 "query-comment",
                                                 "quoting",
                                                 "models",
                                                 "seeds",
                                                 "snapshots",
                                                 "sources",
                                                 "tests",
                                                 "data_tests",
                                                 "unit_tests",
                                                 "metrics",
                                                 "semantic-models",
                                                 "saved-queries",
                                                 "semantic_models",
                                                 "saved_queries",
                                                 "exposures",
                                                 "functions",
                                                 "analyses",
                                                 "vars",
                                                 "on-run-start",
                                                 "on-run-end",
                                                 "dispatch",
                                                 "restrict-access",
                                                 "packages",
                                                 "modules-paths"};
  for (auto const& entry : root.entries) {
    auto const& key = entry.key->text;
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    // dbt carries keys that it does not know; one that looks like a typing error is worth an answer.
    std::string const next = did_you_mean(key, known);
    if (!next.empty())
      return yaml::error_at(entry.key->mark, fmt::format("key \"{}\" does not exist in {}", key, kProjectFile))
          .next(next);
  }
  return {};
}

// A list of texts under `key`; one text alone is a list of one.
Result<std::vector<std::string>> texts(yaml::Node const& root, Data const& data, std::string_view key,
                                       std::vector<std::string> fallback) {
  auto const& value = data[key];
  if (value.is_none()) return fallback;
  if (value.is_dict()) return wrong(root, key, fmt::format("\"{}\" is a list of texts, not a mapping", key));
  return value.texts();
}

// A project's part of a kind that is spelled with '-' in newer files.
Data const& part(Data const& file, std::string_view key) {
  if (file.contains(key)) return file[key];
  return file[replace_all(std::string(key), "_", "-")];
}

Status read_dispatch(yaml::Node const& root, ProjectFile& made) {
  auto const& rules = made.rendered["dispatch"];
  for (auto const& item : rules.items()) {
    if (!item["macro_namespace"].is_string() || !item["search_order"].is_list())
      return wrong(root, "dispatch", "a dispatch rule needs \"macro_namespace\" and a list \"search_order\"");
    made.dispatch.push_back({item["macro_namespace"].text(), item["search_order"].texts()});
  }
  return {};
}

Status read_query_comment(yaml::Node const& root, Data const& data, ProjectFile& made) {
  made.query_comment_said = data.contains("query-comment");
  made.query_comment = data["query-comment"];
  auto const& said = made.query_comment;
  if (said.is_none() || said.is_string() || said.is_dict()) return {};
  return wrong(root, "query-comment", "\"query-comment\" is a text, or a mapping of comment and append")
      .next("write query-comment: {comment: a text, append: true}");
}

std::vector<std::string> hooks(Data const& value) {
  return value.texts();
}

}  // namespace

Data const& ProjectFile::configs(NodeKind kind) const {
  auto const key = config_key(kind);
  if (kind == NodeKind::Test && !rendered.contains(key)) return rendered["tests"];
  return part(rendered, key);
}

// dbt finds these under the name with '_' alone; `tests` is the old name of `data_tests`.
Data const& ProjectFile::unrendered_configs(NodeKind kind) const {
  auto const key = config_key(kind);
  return unrendered[kind == NodeKind::Test && !unrendered.contains(key) ? "tests" : key];
}

std::vector<std::string> ProjectFile::all_source_paths() const {
  std::vector<std::string> paths;
  for (auto const* part :
       {&model_paths, &seed_paths, &snapshot_paths, &analysis_paths, &macro_paths, &test_paths, &function_paths})
    for (auto const& path : *part)
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  return paths;
}

Result<Data::Dict> read_vars_file(std::filesystem::path const& folder) {
  std::error_code failed;
  if (!fs::exists(folder / "vars.yml", failed)) return Data::Dict{};
  WEIR_TRY(std::string text, read_file(folder / "vars.yml"));
  WEIR_TRY(auto const root, read_yaml("vars.yml", std::move(text)));
  if (root->kind == yaml::Kind::Null) return Data::Dict{};
  auto const* vars = root->kind == yaml::Kind::Mapping ? root->find("vars") : nullptr;
  if (vars == nullptr || vars->kind != yaml::Kind::Mapping)
    return yaml::error_at(root->mark, "vars.yml holds a mapping under \"vars\"").next("begin it with vars:");
  return to_data(*vars).pairs();
}

Result<std::filesystem::path> find_project_folder(std::filesystem::path const& from) {
  std::error_code failed;
  fs::path folder = fs::absolute(from, failed).lexically_normal();
  for (;; folder = folder.parent_path()) {
    if (fs::exists(folder / kProjectFile, failed)) return folder;
    if (folder == folder.parent_path()) break;
  }
  return Error(ErrorKind::Config, fmt::format("no {} was found in \"{}\" or above it", kProjectFile, from.string()))
      .where(from.string())
      .state("nothing was read")
      .next("go to the project's folder, or name it with --project-dir");
}

Result<ProjectFile> read_project_file(std::filesystem::path const& folder, RenderText const& render) {
  WEIR_TRY(std::string text, read_file(folder / kProjectFile));
  WEIR_TRY(auto const root, read_yaml(kProjectFile, std::move(text)));
  if (root->kind != yaml::Kind::Mapping)
    return yaml::error_at(root->mark,
                          fmt::format("{} is a mapping of keys, not {}", kProjectFile, kind_name(root->kind)));
  WEIR_DO(check_keys(*root));
  ProjectFile made;
  made.root = folder;
  made.unrendered = to_data(*root);
  WEIR_TRY(made.rendered, render_yaml(*root, render, is_rendered));
  auto const& data = made.rendered;
  if (!data["name"].is_string())
    return wrong(*root, "name", fmt::format("{} needs a \"name\"", kProjectFile)).next("add: name: my_project");
  made.name = data["name"].text();
  if (!is_project_name(made.name))
    return wrong(*root, "name", fmt::format("\"{}\" cannot be a project's name", made.name))
        .next("use letters, digits and underscores, not beginning with a digit");
  made.version = data["version"].is_none() ? "" : data["version"].str();
  made.profile = data["profile"].is_string() ? data["profile"].text() : "";
  if (auto const& version = data["config-version"]; !version.is_none() && version.str() != "2")
    return wrong(*root, "config-version", fmt::format("config-version {} is not supported", version.str()))
        .next("it is 2");
  WEIR_TRY(made.model_paths,
           texts(*root, data, data.contains("model-paths") ? "model-paths" : "source-paths", {"models"}));
  WEIR_TRY(made.seed_paths, texts(*root, data, data.contains("seed-paths") ? "seed-paths" : "data-paths", {"seeds"}));
  WEIR_TRY(made.test_paths, texts(*root, data, "test-paths", {"tests"}));
  WEIR_TRY(made.analysis_paths, texts(*root, data, "analysis-paths", {"analyses"}));
  WEIR_TRY(made.macro_paths, texts(*root, data, "macro-paths", {"macros"}));
  WEIR_TRY(made.snapshot_paths, texts(*root, data, "snapshot-paths", {"snapshots"}));
  WEIR_TRY(made.function_paths, texts(*root, data, "function-paths", {"functions"}));
  WEIR_TRY(made.asset_paths, texts(*root, data, "asset-paths", {}));
  WEIR_TRY(made.docs_paths, texts(*root, data, "docs-paths", made.all_source_paths()));
  if (data["packages-install-path"].is_string()) made.packages_path = data["packages-install-path"].text();
  if (data["target-path"].is_string()) made.target_path = data["target-path"].text();
  if (data["log-path"].is_string()) made.log_path = data["log-path"].text();
  WEIR_TRY(made.clean_targets, texts(*root, data, "clean-targets", {made.target_path}));
  WEIR_TRY(made.require_dbt_version, texts(*root, data, "require-dbt-version", {}));
  made.vars = data["vars"].is_dict() ? data["vars"] : Data(Data::Dict{});
  if (data["quoting"].is_dict()) made.quoting = data["quoting"];
  WEIR_DO(read_query_comment(*root, data, made));
  if (data["flags"].is_dict()) made.flags = data["flags"];
  made.on_run_start = hooks(data["on-run-start"]);
  made.on_run_end = hooks(data["on-run-end"]);
  made.restrict_access = data["restrict-access"].truth();
  WEIR_DO(read_dispatch(*root, made));
  return made;
}

bool is_project_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace weir::project
