#pragma once
// Any database with an ODBC driver as a source. What a driver's own conversions are known to change is avoided: values
// are asked for as text where text is exact, and read strictly; a value that is not what its column's type says is an
// error, never a zero or an empty date. Tested against SQLite's and PostgreSQL's drivers.
//
// Limits: SQLite's driver holds a whole result in memory (cut large tables into chunks); there is no snapshot over
// several statements; only integer keys are cut into chunks.

#include <memory>

#include "base/result.h"
#include "source/open.h"
#include "source/source.h"

namespace weir::source {

// Settings: driver or dsn, connection ("KEY=VALUE;KEY=VALUE"), database, user, login_timeout, stall_timeout.
Result<std::unique_ptr<Source>> open_odbc(SourceOptions const& options);

}  // namespace weir::source
