#pragma once
// Private to source/: reads one chunk of a PostgreSQL table.

#include <memory>

#include "base/result.h"
#include "pg/session.h"
#include "source/source.h"

namespace weir::source {

// The session is the reader's until it goes, and outlives it. Whatever happens, the session ends up where it was: in
// its snapshot's transaction, which no failure of a read may spoil, or outside of any.
Result<std::unique_ptr<RowReader>> read_postgres(pg::Session& session, ReadRequest const& request);

// A statement that may fail without spoiling the transaction that is open.
Result<pg::Rows> guarded_query(pg::Session& session, std::string const& sql);

}  // namespace weir::source
