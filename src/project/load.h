#pragma once
// A project's folder to its Manifest. Reads dbt_project.yml, profiles.yml, the packages in dbt_packages and every
// resource file; renders them with dbt's parse-time context on several threads; resolves refs, sources and docs.
// Connects to nothing.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "project/data.h"
#include "project/manifest.h"

namespace weir::project {

struct LoadOptions {
  std::filesystem::path project_dir = ".";
  std::optional<std::filesystem::path> profiles_dir;
  std::optional<std::string> profile, target, target_path;
  std::optional<std::int64_t> threads;
  Data::Dict vars;              // of --vars
  Data::Dict flags;             // what templates see as `flags`, by upper-case name: FULL_REFRESH, WHICH, ...
  std::string which = "parse";  // the command's name, as flags.WHICH
  bool check_version = true;    // require-dbt-version counts
};

// Errors: Config (a file), Template (a template), with place and the line.
Result<ManifestPtr> load_project(LoadOptions const& options);
// The first two things that it reads: the target of the project's profile (of --profile: without any project), and
// dbt_project.yml. Errors: as above.
Result<Target> load_target(LoadOptions const& options);
Result<ProjectFile> load_project_file(LoadOptions const& options, Target const& target);

// What a run made of a node's template.
struct CompiledFacts {
  std::string code, path;                                 // path: as dbt says it, from the project's folder; "" = none
  std::vector<std::pair<std::string, std::string>> ctes;  // ephemeral models put in front: unique_id and SQL
};
// manifest.json, schema v12; with what a run has compiled, by unique_id.
std::string manifest_json(Manifest const& manifest, std::map<std::string, CompiledFacts> const& compiled = {});
// A manifest.json that dbt or weir wrote, for state: and --defer. Errors: Config.
Result<ManifestPtr> read_manifest_json(std::filesystem::path const& path);

}  // namespace weir::project
