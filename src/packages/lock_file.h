#pragma once
// package-lock.yml as dbt writes it: the same bytes for the same packages. For this folder only.

#include <string>
#include <string_view>
#include <vector>

#include "packages/resolve.h"
#include "project/data.h"

namespace weir::packages {

// A value in YAML's block style, keys in order of their names, texts quoted where they would read as something else.
std::string block_yaml(project::Data const& data, int indent = 0);

std::string lock_text(std::vector<Pinned> const& packages, std::string_view hash);
// What a lock file says of a package. Secrets of the environment are masked.
project::Data lock_entry(Pinned const& package);

}  // namespace weir::packages
