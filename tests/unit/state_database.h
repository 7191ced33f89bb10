#pragma once
// For C++ tests: the state's two kinds of database, with the test's own clock. What is true of one has to be of the
// other.

#include <memory>
#include <string>

#include "jobs/postgres.h"
#include "jobs/sqlite.h"
#include "test_cluster.h"

namespace weir::test {

enum class StateKind { Sqlite, Postgres };

inline std::string state_kind_name(testing::TestParamInfo<StateKind> const& info) {
  return info.param == StateKind::Sqlite ? "Sqlite" : "Postgres";
}

inline auto const kBothStates = testing::Values(StateKind::Sqlite, StateKind::Postgres);

// A new state: in memory, or a schema of a database of its own.
inline std::unique_ptr<jobs::Database> new_state(StateKind kind, Clock& clock) {
  if (kind == StateKind::Sqlite) return must(jobs::open_sqlite("", clock));
  return must(jobs::open_postgres({fresh_database(), "weir_state", &clock}));
}

}  // namespace weir::test
