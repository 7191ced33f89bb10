#pragma once
// Private to source/: cuts a PostgreSQL table into ranges of its key's leading column. A group of equal values is never
// cut.

#include <vector>

#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"

namespace weir::source {

Result<std::vector<Chunk>> plan_postgres_chunks(pg::Session& session, Table const& table, std::uint64_t rows_per_chunk);

// Chunks between ascending bounds: (-, b1], (b1, b2], ..., (bn, -), and the NULLs where there may be some. Equal
// neighbours count once. Pure.
std::vector<Chunk> chunks_between(Column const& key, std::vector<std::string> const& bounds,
                                  std::int64_t rows_per_chunk);

}  // namespace weir::source
