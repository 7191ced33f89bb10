#pragma once
// `dbt deps`: from packages.yml to package-lock.yml and the folders of dbt_packages. What is there at the version that
// the lock names stays as it is and needs no network; everything new is fetched before anything is replaced, so that a
// failure leaves all as it was.

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "project/data.h"

namespace weir::packages {

struct AddedPackage {
  std::string name, version;   // version may be empty, or several bounds with commas
  std::string source = "hub";  // hub, git, local
};

struct InstallOptions {
  std::filesystem::path project_dir;
  project::Data::Dict vars;  // of --vars
  bool lock_only = false;    // --lock
  bool upgrade = false;      // --upgrade: resolve again, fetch everything again
  bool check_dbt_version = true;
  std::optional<AddedPackage> add;
  std::string hub = "https://hub.getdbt.com/";
  std::stop_token stop;
};

// Says on the way what it does, a line a package. Errors: Config, Unavailable, Denied, Refused, Data, Cancelled.
Status install_packages(InstallOptions const& options);

}  // namespace weir::packages
