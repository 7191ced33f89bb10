#pragma once
// The state in a schema of a PostgreSQL database, which several weirs share. Whoever changes something has the state to
// himself from begin() to commit(), as with SQLite: an advisory lock for the length of the transaction, so that the
// rules of the store hold for any number of them, and events are one chain (ADR 0023).
//
// A connection that is lost is made again by the next begin() or look; a transaction that it ended did not happen, and
// is the caller's to repeat (Unavailable). A COMMIT whose answer was lost is looked up.

#include <memory>
#include <string>

#include "jobs/database.h"
#include "pg/session.h"

namespace weir::jobs {

struct PostgresOptions {
  pg::SessionOptions session;
  std::string schema = "weir_state";
  Clock* clock = nullptr;  // for tests: instead of the database's
};

// Connects; makes the schema if it is not there. Errors: Unavailable (not reached, or a standby), Denied (the login, a
// right is missing), Config.
Result<std::unique_ptr<Database>> open_postgres(PostgresOptions options);

}  // namespace weir::jobs
