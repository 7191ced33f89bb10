#pragma once
// Archives to folders. For this folder only; any thread.

#include <filesystem>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace weir::packages {

// Unpacks a tar or tar.gz into the empty folder `into`, by the program `tar`. Refused (Refused): what would hold more
// than 1 GiB, and links and devices that lead, or could lead, out of the folder; what was written by then is for the
// caller to remove. `label` is the archive's name in errors.
Status unpack(std::string const& archive, std::filesystem::path const& into, std::string const& label,
              std::stop_token stop);

}  // namespace weir::packages
