#pragma once
// What the readers of ODBC sources share: an emptied batch, and the errors of a read and of a value that cannot be
// loaded.

#include <string>

#include "base/error.h"
#include "source/source.h"

namespace weir::source {

constexpr std::size_t kMostField = 0x3fffffff;  // PostgreSQL's MaxAllocSize
constexpr char const* kLeaveColumnOut = "leave the column out: exclude_columns";
constexpr char const* kCutTimes = "set `time: {truncated: cut}` for the table to cut them";

// Ready for the next rows; the memory of a huge value is given back.
void begin_batch(Batch& batch, ReadRequest const& request);
// `error` with what was being read and how far that came.
Error read_error(Error error, ReadRequest const& request, std::uint64_t rows);
// Data: a column's value that PostgreSQL cannot hold, or that policy refuses. `row`: its key, or its place in the
// result.
Error bad_value(ReadRequest const& request, Column const& column, std::string const& row, std::string_view what,
                std::string next);

}  // namespace weir::source
