#pragma once
// --add-package: an entry more in packages.yml. For this folder only.

#include <filesystem>
#include <string>

#include "packages/install.h"

namespace weir::packages {

// Writes it into `file` of `folder`, instead of an entry that names the same package. Comments and everything else stay
// where the file is a plain list; else it is written anew, as dbt does. Errors: Config.
Status add_package(std::filesystem::path const& folder, std::string const& file, AddedPackage const& package);

}  // namespace weir::packages
