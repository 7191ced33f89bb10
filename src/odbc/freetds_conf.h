#pragma once
// FreeTDS checks a server's certificate only when a section of freetds.conf names a CA file: no connection string can.
// weir keeps such sections in a private file, in a folder of this process that is removed at its end, and points
// FREETDSCONF at it. What the user's own FREETDSCONF holds is copied in front. Thread-safe.

#include <string>

#include "base/result.h"

namespace weir::odbc {

struct VerifiedServer {
  std::string host;
  int port = 1433;
  std::string instance{};          // instead of the port
  std::string ca_file = "system";  // or a PEM file
  auto operator<=>(VerifiedServer const&) const = default;
};

// Sets FREETDSCONF. Call it before threads start that read the environment; add_verified_server() does it otherwise.
Status prepare_freetds_conf();

// The name of a section, for Servername=, that encrypts and verifies. Sections are shared by equal servers.
Result<std::string> add_verified_server(VerifiedServer const& server);

}  // namespace weir::odbc
