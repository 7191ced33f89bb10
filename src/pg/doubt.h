#pragma once
// A COMMIT whose answer was lost is looked up, never repeated.

#include <string>

#include "base/result.h"
#include "pg/session.h"

namespace weir::pg {

// Connects again, asks pg_xact_status() for up to 30 seconds, and puts the fresh session in the place of `session`.
// Ok: it was committed. Error Unavailable: it was not, and nothing changed. `doubt` itself where the answer cannot be
// had.
Status settle_doubt(Session& session, std::string const& transaction_id, Error doubt);

}  // namespace weir::pg
