#pragma once
// Catalog queries are files (queries/*.sql) that run in psql as they stand, with psql's `:'name'` for parameters.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace weir::warehouse {

// queries/<name>.sql with every `:'parameter'` replaced by the value as a literal.
std::string catalog_query(std::string_view name,
                          std::initializer_list<std::pair<std::string_view, std::string_view>> parameters);

}  // namespace weir::warehouse
