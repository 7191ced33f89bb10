#pragma once
// Private to source/: the statements that a PostgreSQL source sends. Pure. Names are quoted, values are literals of the
// column's own type (COPY takes no parameters).

#include <cstdint>
#include <optional>
#include <string>

#include "source/source.h"

namespace weir::source {

// SELECT of the request's columns and extra columns, of the rows of its chunk and window.
std::string select_text(ReadRequest const& request);
// The same without rows: its answer has the columns' types.
std::string probe_text(ReadRequest const& request);
std::string count_text(Table const& table);
// The greatest value of `cursor`, where it is a moment: at or before the source's clock minus `lag`.
std::string high_bound_text(Table const& table, Column const& cursor, Duration lag);
// The key value that ends a chunk of `rows` rows beginning after `low`; no row when fewer are left.
std::string walk_text(Table const& table, Column const& key, std::optional<std::string> const& low, std::uint64_t rows);

}  // namespace weir::source
