#pragma once
// What packages a project asks for: packages.yml, dependencies.yml, and package-lock.yml, as records. Reads files,
// fetches nothing. Rules: docs.getdbt.com/docs/build/packages. Values; any thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/yaml_data.h"
#include "yaml/node.h"

namespace weir::project {

inline constexpr char const* kPackagesFile = "packages.yml";
inline constexpr char const* kDependenciesFile = "dependencies.yml";
inline constexpr char const* kLockFile = "package-lock.yml";

struct PackageSpec {
  enum class Kind : std::uint8_t { Hub, Git, Tarball, Local };
  Kind kind = Kind::Hub;
  std::string source;                 // namespace/name, address, or path
  std::string written;                // the same as the file says it, templates kept
  std::vector<std::string> versions;  // hub: bounds that all hold; git: revisions
  std::string subdirectory;           // git
  std::string name;                   // tarball, and what a lock file says
  bool with_prereleases = false;      // hub
  bool warn_unpinned = true;          // git
  std::string canonical;              // the entry as dbt hashes it
  std::string place;                  // packages.yml:3:5, for errors

  // As people know it: its source, with the subdirectory.
  std::string label() const;
};

// The entries of a mapping with a list `packages`. Errors: Config, with place.
Result<std::vector<PackageSpec>> package_specs(yaml::Node const& root, RenderText const& render);

struct DeclaredPackages {
  std::string file = kPackagesFile;  // where they stand, or would stand
  std::vector<PackageSpec> specs;
};
// What packages.yml or dependencies.yml of `folder` says; neither has to be there. Templates of dependencies.yml are
// not rendered. Errors: Config.
Result<DeclaredPackages> read_declared_packages(std::filesystem::path const& folder, RenderText const& render);

// What package-lock.yml calls sha1_hash.
std::string specs_hash(std::vector<PackageSpec> const& specs);

}  // namespace weir::project
