#pragma once
// The planner's statistics of a shell. ANALYZE of a leaf does not touch them, autovacuum never makes them, and ANALYZE
// of the shell samples the leaf once more (before PostgreSQL 18 twice): it is done where it would tell the planner
// anything.

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"

namespace weir::swap {

// False if the shell's statistics still describe the rows of its leaf, which is analyzed: NULLs, distinct values,
// common values and the quantiles of every column are those of the leaf, within the noise of a sample.
Result<bool> statistics_moved(pg::Session& session, sql::QualifiedName const& shell, sql::QualifiedName const& leaf);

}  // namespace weir::swap
