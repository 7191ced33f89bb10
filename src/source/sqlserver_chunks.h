#pragma once
// Cuts a table into ranges of the leading column of its clustered index, without sorting and, where statistics or an
// even split of integers serve, without reading the table. The ranges are half-open, do not overlap and leave nothing
// out: the first has no lower and the last no upper bound, and NULLs have a chunk of their own.

#include "source/source.h"
#include "source/sqlserver_session.h"

namespace weir::source {

Result<std::vector<Chunk>> cut_table(ServerSession& session, Table const& table, std::uint64_t rows_per_chunk);

// Chunks from upper bounds in ascending order; pure. Bounds that are equal make one chunk.
std::vector<Chunk> chunks_of(std::string const& column, std::vector<std::string> bounds, bool has_null_chunk,
                             std::int64_t rows_per_chunk);

}  // namespace weir::source
