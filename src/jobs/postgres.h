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

// Error: Config where a pooler lends the server's sessions by turns (transaction or statement pooling): what is set for
// a session does not hold there. Seen by two that are open at the same time and are one on the server; one that lends
// it for as long as they are open is as good as none. Connects once more only where a pooler stands in between, who has
// a number of his own for the session.
Status refuse_shared_server_session(pg::Session& session, pg::SessionOptions const& options);

}  // namespace weir::jobs
