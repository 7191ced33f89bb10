#pragma once
// A database described in YAML (README.md has the format) to a Database. Mistakes are Config errors with file and line.

#include <memory>
#include <string>

#include "base/result.h"
#include "tds/database.h"

namespace weir::tds {

Status load_description(std::string const& path, Database& database);
// The same from a text; CSV files are found from `folder`.
Status load_description_text(std::string const& name, std::string text, std::string const& folder, Database& database);
// One fault as YAML: {table: dbo.User, after_rows: 250, error: 1205, times: 1}
Result<Fault> parse_fault_text(std::string const& name, std::string text);

}  // namespace weir::tds
