#pragma once
// From the words of endpoints.yml to those of libpq. Pure, but that it may read PGSSLMODE & co. later, at connect.

#include <map>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "pg/session.h"

namespace weir::pg {

// `settings`, resolved: uri, service, host, port, database, user, sslmode, ca_file, sslcert, sslkey, options,
// login_timeout ("15s"). What stands beside a uri wins over it. Other keys are left alone: they are not the session's.
// A password inside the uri is taken as `password` unless that is given. Errors: Config.
Result<SessionOptions> session_options(std::map<std::string, std::string> const& settings, Secret password);

}  // namespace weir::pg
