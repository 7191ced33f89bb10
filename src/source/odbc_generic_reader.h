#pragma once
// Private to source/: rows of an ODBC result as COPY BINARY.

#include <memory>

#include "base/result.h"
#include "odbc/session.h"
#include "source/odbc_generic_types.h"
#include "source/source.h"

namespace weir::source {

// `statement` has been executed: its columns are those of the request's table, in order, as map_odbc_column selects
// them.
std::unique_ptr<RowReader> odbc_reader(odbc::Statement statement, ReadRequest const& request, OdbcDialect dialect);

// A moment as PostgreSQL writes it: also "infinity", years beyond 9999 and "BC". Microseconds since 2000, in UTC where
// the text has an offset.
struct PostgresMoment {
  std::int64_t us = 0;
  std::int32_t days = 0;
  bool has_time = false;
  bool has_offset = false;
  bool truncated = false;
};
std::optional<PostgresMoment> parse_postgres_moment(std::string_view text);

}  // namespace weir::source
