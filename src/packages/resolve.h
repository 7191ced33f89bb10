#pragma once
// Which packages a project gets: everything it asks for and what those ask for in turn, each at one version that all
// who ask agree with. dbt's own way: breadth first, the highest version of the hub that fits what is known so far.
// Writes nothing but the Fetcher's folder.

#include <filesystem>
#include <string>
#include <vector>

#include "packages/fetch.h"
#include "project/package_files.h"

namespace weir::packages {

// A package at one version.
struct Pinned {
  project::PackageSpec spec;
  std::string name;              // of the project in it
  std::string version;           // hub: the version; git: the commit
  std::string latest;            // hub: the highest version that could be installed
  std::string tarball, sha1;     // hub: where it lies
  std::filesystem::path folder;  // git, tarball, local: where it is on this machine
};

struct ResolveOptions {
  std::filesystem::path root;  // the project's folder: paths of local packages are relative to it
  std::string root_name;
  project::RenderText render;  // of packages.yml
  bool check_dbt_version = true;
};

// In the order in which they were asked for. Errors: Config, and what Fetcher says.
Result<std::vector<Pinned>> resolve(std::vector<project::PackageSpec> const& specs, ResolveOptions const& options,
                                    Fetcher& fetcher);
// The same for entries of a lock file, which need nothing but themselves.
Result<Pinned> pin(project::PackageSpec const& spec, ResolveOptions const& options, Fetcher& fetcher);

}  // namespace weir::packages
