#pragma once
// The tables and views of a SQL Server database, from a few constant-text queries for all of them together.

#include "source/source.h"
#include "source/sqlserver_session.h"

namespace weir::source {

Result<DiscoveredCatalog> discover_tables(ServerSession& session, DiscoverRequest const& request);

// Compares what was discovered with the columns as they are now. Error: Unavailable (the next run discovers anew),
// naming the column.
Status check_unchanged(Table const& discovered, std::vector<SqlServerColumn> const& now);

}  // namespace weir::source
