#pragma once
// From configured endpoints to sessions, sources and the loading engine's two ends. The only place where configuration
// meets drivers. References are resolved here, at use.

#include <functional>
#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "pg/session.h"
#include "source/open.h"
#include "sync/endpoints.h"

namespace weir::app {

// The endpoint's settings with every reference resolved; the password apart. Errors: Config.
struct ResolvedSettings {
  std::map<std::string, std::string> settings;
  Secret password;
};
Result<ResolvedSettings> resolve_settings(config::Config const& config, config::Endpoint const& endpoint);

// Of an endpoint of kind postgres.
Result<pg::SessionOptions> session_options(config::Config const& config, config::Endpoint const& endpoint);
Result<pg::Session> connect_warehouse(config::Config const& config, config::Endpoint const& endpoint);
Result<std::unique_ptr<source::Source>> open_source(config::Config const& config, config::Endpoint const& endpoint,
                                                    std::string const& isolation);

// Both ends of a connection; settings are resolved now, sessions are opened when they are needed. The Config outlives
// it.
Result<std::unique_ptr<sync::Endpoints>> wire(config::Config const& config, config::Connection const& connection);

std::string_view kind_name(config::EndpointKind kind);  // "postgres", ...
// Where it is, for people: sql.corp:1433/Core. References stay references.
std::string address_text(config::Endpoint const& endpoint);

}  // namespace weir::app
