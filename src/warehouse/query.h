#pragma once
// Catalog queries are files (queries/*.sql) that run in psql as they stand, with psql's `:'name'` for parameters.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "pg/session.h"

namespace weir::warehouse {

using CatalogParameters = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// queries/<name>.sql with every `:'parameter'` replaced by the value as a literal.
std::string catalog_query(std::string_view name, CatalogParameters parameters);

// The rows of queries/<name>.sql. The session keeps it prepared as weir_<name>: planning these queries takes several
// times as long as running them, and some of them run while readers wait. `first`: statements that are carried out
// before, in the same round trip.
Result<pg::Rows> catalog_rows(pg::Session& session, std::string_view name, CatalogParameters parameters,
                              std::string_view first = "");

}  // namespace weir::warehouse
