#pragma once
// dbt_project.yml of one project or package, rendered, as a record; and the files beside it that say what it needs
// (packages.yml, dependencies.yml). Values; any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/data.h"
#include "project/node.h"
#include "project/yaml_data.h"

namespace weir::project {

// Where macros of a namespace are looked up: dispatch: [{macro_namespace, search_order}].
struct DispatchRule {
  std::string macro_namespace;
  std::vector<std::string> search_order;
};

struct ProjectFile {
  std::string name, version, profile;
  std::filesystem::path root;  // its folder
  std::vector<std::string> model_paths, seed_paths, snapshot_paths, analysis_paths, test_paths, macro_paths, docs_paths,
      asset_paths, function_paths;
  std::string packages_path = "dbt_packages", target_path = "target", log_path = "logs";
  std::vector<std::string> clean_targets;
  Data rendered = Data::Dict{}, unrendered = Data::Dict{};  // the whole file
  Data vars = Data::Dict{};                                 // as written, packages' parts included
  Data quoting = Data::Dict{};                              // database, schema, identifier; what is not said is missing
  Data query_comment;                                       // None: dbt's own
  bool query_comment_said = false;
  Data flags = Data::Dict{};
  std::vector<std::string> on_run_start, on_run_end;
  std::vector<DispatchRule> dispatch;
  std::vector<std::string> require_dbt_version;
  bool restrict_access = false;

  // The `models:`, `seeds:` ... part for nodes of this kind, rendered or as written.
  Data const& configs(NodeKind kind) const;
  Data const& unrendered_configs(NodeKind kind) const;
  // Folders in which properties files may stand.
  std::vector<std::string> all_source_paths() const;
};

// Reads `folder`/dbt_project.yml. Errors: Config.
Result<ProjectFile> read_project_file(std::filesystem::path const& folder, RenderText const& render);
// The mapping under `vars` of `folder`/vars.yml; empty where there is no such file. Errors: Config.
Result<Data::Dict> read_vars_file(std::filesystem::path const& folder);
// The folder of dbt_project.yml: `from`, or the nearest one above. Error: Config.
Result<std::filesystem::path> find_project_folder(std::filesystem::path const& from);

// Letters, digits and underscores, not beginning with a digit.
bool is_project_name(std::string_view name);

}  // namespace weir::project
