#pragma once
// Files that the next run writes again, and from the same inputs: manifest.json. Any thread.

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace weir {

// As write_file() (a reader sees the old or the new file, whole), but not forced to the disk.
Status write_artifact(std::filesystem::path const& path, std::string_view text);

}  // namespace weir
