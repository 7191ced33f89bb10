#pragma once
// What Prometheus reads of a state, in its text format 0.0.4: jobs, attempts, messages, incidents, and how old data is.
// Series are bounded by weir.yml (one each for a connection and a job that makes something), never by the number of
// relations. Names are for ever: whoever alerts on one must find it again.

#include <string>

#include "base/result.h"
#include "jobs/database.h"

namespace weir::server {

// The value of a label or a help text, as the format wants it.
std::string escape_label(std::string_view text);

// Of one moment; times are measured against `now`. Errors: the database's.
Result<std::string> metrics_text(jobs::Database& database, Instant now);

}  // namespace weir::server
