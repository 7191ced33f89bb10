#pragma once
// The API of `weir serve` on a port of its own, for people's browsers and for programs: with a login
// (server/entrance.h). Any thread.

#include <memory>
#include <string>

#include "app/listen_address.h"
#include "http/server.h"
#include "server/api.h"

namespace weir::app {

// Where it is to be. Errors: Usage (no such address; one that others reach, without a proxy that is said to stand
// before it).
Result<ListenAddress> parse_api_address(std::string const& text, bool behind_proxy);

// Answers there, and says in the log where, and whether anybody can log in. `api` outlives what comes back. Errors:
// Unavailable (the address cannot be had), the state's.
Result<std::unique_ptr<http::Listening>> listen_for_api(ListenAddress const& address, bool behind_proxy,
                                                        server::Api& api);

}  // namespace weir::app
