#include "app/wiring.h"

#include <fmt/format.h>

#include "app/version.h"
#include "base/log.h"
#include "base/text.h"
#include "pg/settings.h"

namespace weir::app {
namespace {

source::Isolation isolation_from(std::string_view text) {
  if (text == "snapshot") return source::Isolation::Snapshot;
  if (text == "read_committed") return source::Isolation::ReadCommitted;
  if (text == "read_uncommitted") return source::Isolation::ReadUncommitted;
  return source::Isolation::Auto;
}

source::SourceKind source_kind(config::EndpointKind kind) {
  switch (kind) {
    case config::EndpointKind::Postgres:
      return source::SourceKind::Postgres;
    case config::EndpointKind::SqlServer:
      return source::SourceKind::SqlServer;
    case config::EndpointKind::Odbc:
      return source::SourceKind::Odbc;
  }
  return source::SourceKind::SqlServer;
}

Error at_endpoint(Error error, config::Endpoint const& endpoint) {
  if (error.where().empty()) error.where(endpoint.place.text());
  return std::move(error).context(fmt::format("connecting to endpoint \"{}\"", endpoint.name));
}

Result<source::SourceOptions> source_options(config::Config const& config, config::Endpoint const& endpoint,
                                             std::string const& isolation) {
  WEIR_TRY(auto resolved, resolve_settings(config, endpoint));
  source::SourceOptions options;
  options.kind = source_kind(endpoint.kind);
  options.settings = std::move(resolved.settings);
  options.password = std::move(resolved.password);
  options.isolation = isolation_from(isolation);
  options.application_name = fmt::format("weir {}", kVersion);
  options.endpoint = endpoint.name;
  if (auto const trust = options.settings.find("trust_server_certificate");
      trust != options.settings.end() && trust->second == "true")
    log_info("warning: endpoint \"{}\" trusts any certificate: whoever answers at its address is believed",
             endpoint.name);
  return options;
}

}  // namespace

Result<ResolvedSettings> resolve_settings(config::Config const& config, config::Endpoint const& endpoint) {
  ResolvedSettings resolved;
  if (auto const profile = endpoint.settings.find("dbt_profile"); profile != endpoint.settings.end()) {
    config::Place const place = endpoint.places.at("dbt_profile");
    WEIR_TRY(std::string const name, config.setting(endpoint, "dbt_profile"));
    WEIR_TRY(auto values, config::read_dbt_profile(name, config.root, place));
    for (auto const& [key, text] : values) {
      if (key == "password") {
        WEIR_TRY(resolved.password, config::resolve_secret(text, config.root, place));
      } else {
        WEIR_TRY(resolved.settings[key], config::resolve(text, config.root, place));
      }
    }
  }
  for (auto const& [key, text] : endpoint.settings) {
    if (key == "dbt_profile") continue;
    if (key == "password") {
      WEIR_TRY(resolved.password, config::resolve_secret(text, config.root, endpoint.places.at(key)));
    } else {
      WEIR_TRY(resolved.settings[key], config.setting(endpoint, key));
    }
  }
  return resolved;
}

Result<pg::SessionOptions> session_options(config::Config const& config, config::Endpoint const& endpoint) {
  WEIR_TRY(auto resolved, resolve_settings(config, endpoint));
  auto options = pg::session_options(resolved.settings, std::move(resolved.password));
  if (!options.ok()) return at_endpoint(std::move(options).error(), endpoint);
  options->application_name = fmt::format("weir {}", kVersion);
  options->endpoint = endpoint.name;
  return options;
}

Result<pg::Session> connect_warehouse(config::Config const& config, config::Endpoint const& endpoint) {
  WEIR_TRY(auto options, session_options(config, endpoint));
  auto session = pg::Session::connect(options);
  if (!session.ok()) return at_endpoint(std::move(session).error(), endpoint);
  return session;
}

Result<std::unique_ptr<source::Source>> open_source(config::Config const& config, config::Endpoint const& endpoint,
                                                    std::string const& isolation) {
  WEIR_TRY(auto options, source_options(config, endpoint, isolation));
  auto opened = source::open(options);
  if (!opened.ok()) return at_endpoint(std::move(opened).error(), endpoint);
  return opened;
}

Result<std::unique_ptr<sync::Endpoints>> wire(config::Config const& config, config::Connection const& connection) {
  auto const& from = config.endpoints.at(connection.from);
  auto const& to = config.endpoints.at(connection.to);
  WEIR_TRY(auto source, source_options(config, from, connection.isolation));
  WEIR_TRY(auto warehouse, session_options(config, to));
  return std::make_unique<sync::Endpoints>(
      [source, &from]() -> Result<std::unique_ptr<source::Source>> {
        auto opened = source::open(source);
        if (!opened.ok()) return at_endpoint(std::move(opened).error(), from);
        return opened;
      },
      [warehouse, &to]() -> Result<pg::Session> {
        auto session = pg::Session::connect(warehouse);
        if (!session.ok()) return at_endpoint(std::move(session).error(), to);
        return session;
      });
}

std::string_view kind_name(config::EndpointKind kind) {
  switch (kind) {
    case config::EndpointKind::Postgres:
      return "postgres";
    case config::EndpointKind::SqlServer:
      return "sqlserver";
    case config::EndpointKind::Odbc:
      return "odbc";
  }
  return "";
}

std::string address_text(config::Endpoint const& endpoint) {
  auto setting = [&endpoint](char const* key) {
    auto const found = endpoint.settings.find(key);
    return found == endpoint.settings.end() ? std::string() : found->second;
  };
  for (char const* whole : {"uri", "service", "dbt_profile", "dsn"})
    if (auto const text = setting(whole); !text.empty())
      return std::string_view(whole) == "uri" ? text : fmt::format("{} {}", whole, text);
  std::string text = setting("host");
  if (text.empty()) text = setting("driver");
  if (auto const instance = setting("instance"); !instance.empty()) text += "\\" + instance;
  if (auto const port = setting("port"); !port.empty()) text += ":" + port;
  if (auto const database = setting("database"); !database.empty()) text += "/" + database;
  return text;
}

}  // namespace weir::app
