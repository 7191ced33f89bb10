#include "app/checks.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/wiring.h"
#include "base/clock.h"
#include "base/text.h"
#include "jobs/postgres.h"

namespace weir::app {
namespace {

constexpr int kOldestServer = 130000;
constexpr char const* kNoWrites = "the server takes no writes (a standby, or read-only by default)";

std::string one_line(std::string text) {
  return replace_all(std::move(text), "\n", "; ");
}

std::string_view health_name(Check::Health health) {
  switch (health) {
    case Check::Health::Ok:
      return "ok";
    case Check::Health::Warning:
      return "warn";
    case Check::Health::Failure:
      return "fail";
  }
  return "";
}

// "this machine's clock is 5 min ahead of the warehouse's"; "" where they agree well enough.
std::string clocks_apart(Instant theirs, Duration tolerated, std::string_view whose) {
  auto const ours = system_clock().now();
  auto const apart = ours > theirs ? ours - theirs : theirs - ours;
  if (apart <= tolerated) return {};
  return fmt::format("this machine's clock is {} {} {}", format_duration(apart), ours > theirs ? "ahead of" : "behind",
                     whose);
}

Result<std::vector<Check>> look_at_warehouse(config::Config const& config, config::Endpoint const& endpoint,
                                             std::string const& subject) {
  WEIR_TRY(auto session, connect_warehouse(config, endpoint));
  WEIR_TRY(
      auto facts,
      session.query(
          "SELECT current_setting('server_version'), current_user, current_database(),"
          " has_database_privilege(current_database(), 'CREATE'), to_regnamespace('weir') IS NOT NULL,"
          " coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),"
          " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, coalesce(inet_server_addr()::text, 'socket'),"
          " pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"));
  std::vector<Check> checks;
  std::string const version(facts.text(0, 0));
  checks.push_back(Check{Check::Health::Ok,
                         subject,
                         fmt::format("PostgreSQL {}, database {}, role {}{}", version, facts.text(0, 2),
                                     facts.text(0, 1), facts.boolean(0, 5) ? ", encrypted" : ""),
                         {},
                         0});
  if (session.server_version() < kOldestServer)
    checks.push_back(Check{Check::Health::Failure, subject, fmt::format("PostgreSQL {} is older than 13", version),
                           "upgrade the server", 1});
  if (facts.boolean(0, 8) || facts.boolean(0, 9))
    checks.push_back(Check{Check::Health::Failure, subject, kNoWrites, "name the primary", 1});
  if (!facts.boolean(0, 3) && !facts.boolean(0, 4))
    checks.push_back(
        Check{Check::Health::Failure, subject,
              fmt::format("role {} may not create schemas, and schema weir does not exist", facts.text(0, 1)),
              fmt::format("GRANT CREATE ON DATABASE {} TO {}", facts.text(0, 2), facts.text(0, 1)), 4});
  bool const is_local =
      facts.text(0, 7) == "socket" || facts.text(0, 7).starts_with("127.") || facts.text(0, 7) == "::1";
  if (!facts.boolean(0, 5) && !is_local)
    checks.push_back(
        Check{Check::Health::Warning, subject, "the connection is not encrypted", "set sslmode: verify-full", 0});
  auto const theirs = Instant(Duration(facts.integer(0, 6)));
  if (auto const apart = clocks_apart(theirs, std::chrono::seconds(5), "the warehouse's"); !apart.empty())
    checks.push_back(Check{Check::Health::Warning, subject, apart, "enable time synchronization", 0});
  return checks;
}

Result<std::vector<Check>> look_at_source(config::Config const& config, config::Endpoint const& endpoint,
                                          std::string const& subject) {
  WEIR_TRY(auto source, open_source(config, endpoint, "auto"));
  WEIR_TRY(auto lines, source->test());
  std::vector<Check> checks;
  checks.push_back(Check{Check::Health::Ok, subject, source->text(), {}, 0});
  for (auto& line : lines) {
    bool const warns = starts_with_ignoring_case(line, "warning:");
    checks.push_back(Check{warns ? Check::Health::Warning : Check::Health::Ok,
                           subject,
                           warns ? std::string(trim(line.substr(8))) : std::move(line),
                           {},
                           0});
  }
  return checks;
}

Result<std::vector<Check>> look_at_state(config::Config const& config, std::string const& subject) {
  auto const& endpoint = config.endpoints.at(config.state_endpoint);
  WEIR_TRY(auto session, connect_warehouse(config, endpoint));
  WEIR_TRY(auto facts, session.query("SELECT current_user, current_database(),"
                                     " pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',"
                                     " has_database_privilege(current_database(), 'CREATE') OR"
                                     " EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),"
                                     " to_regnamespace('weir') IS NOT NULL,"
                                     " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
                                     {config.state_schema}));
  std::vector<Check> checks = {Check{Check::Health::Ok,
                                     subject,
                                     fmt::format("schema {} of database {}", config.state_schema, facts.text(0, 1)),
                                     {},
                                     0}};
  if (facts.boolean(0, 2))
    checks.push_back(Check{Check::Health::Failure, subject, kNoWrites,
                           "name the primary, or all of them with target_session_attrs=read-write", 1});
  if (!facts.boolean(0, 3))
    checks.push_back(Check{Check::Health::Failure, subject,
                           fmt::format("role {} may not create schema {}", facts.text(0, 0), config.state_schema),
                           fmt::format("GRANT CREATE ON DATABASE {} TO {}", facts.text(0, 1), facts.text(0, 0)), 4});
  if (auto const apart = state_clock_apart(Instant(Duration(facts.integer(0, 5)))); !apart.empty())
    checks.push_back(Check{Check::Health::Warning, subject, apart, kSetClocks, 0});
  WEIR_TRY(auto const options, session_options(config, endpoint));
  if (auto const pooled = jobs::refuse_shared_server_session(session, options); !pooled.ok())
    checks.push_back(failed_check(subject, pooled.error()));
  if (facts.boolean(0, 4))
    checks.push_back(Check{Check::Health::Warning, subject,
                           "that database is a warehouse: when it is full or down, jobs are too",
                           "give the state a database of its own", 0});
  return checks;
}

}  // namespace

std::string state_clock_apart(Instant state) {
  return clocks_apart(state, std::chrono::seconds(60), "that of the state's database");
}

Check failed_check(std::string subject, Error const& error) {
  std::string found = error.message();
  if (!error.sqlstate().empty()) found += fmt::format(" [SQLSTATE {}]", error.sqlstate());
  if (!error.cause().empty()) found += "; " + error.cause();
  return Check{Check::Health::Failure, std::move(subject), one_line(std::move(found)), one_line(error.next()),
               exit_code(error.kind())};
}

std::vector<Check> check_endpoint(config::Config const& config, config::Endpoint const& endpoint) {
  std::string const subject = fmt::format("{} {}", endpoint.is_warehouse ? "warehouse" : "source", endpoint.name);
  auto checks =
      endpoint.is_warehouse ? look_at_warehouse(config, endpoint, subject) : look_at_source(config, endpoint, subject);
  if (checks.ok()) return std::move(checks).value();
  return {failed_check(subject, checks.error())};
}

std::vector<Check> check_state(config::Config const& config) {
  if (config.state_endpoint.empty()) return {};
  std::string const subject = "state " + config.state_endpoint;
  auto checks = look_at_state(config, subject);
  if (checks.ok()) return std::move(checks).value();
  return {failed_check(subject, checks.error())};
}

std::string checks_text(std::vector<Check> const& checks, Terminal const& terminal) {
  std::size_t width = 0, ok = 0, warnings = 0, failures = 0;
  for (auto const& check : checks) width = std::max(width, characters(check.subject));
  std::string out, last;
  for (auto const& check : checks) {
    Colour const colour = check.health == Check::Health::Ok        ? Colour::Green
                          : check.health == Check::Health::Warning ? Colour::Yellow
                                                                   : Colour::Red;
    out += fmt::format("{}  {}  {}\n", terminal.paint(colour, pad(health_name(check.health), 4)),
                       pad(check.subject == last ? "" : check.subject, width), check.found);
    if (!check.fix.empty()) out += fmt::format("{}  next: {}\n", std::string(6 + width, ' '), check.fix);
    last = check.subject;
    ++(check.health == Check::Health::Ok ? ok : check.health == Check::Health::Warning ? warnings : failures);
  }
  return out + fmt::format("{} ok, {} warn, {} fail\n", ok, warnings, failures);
}

nlohmann::ordered_json checks_json(std::vector<Check> const& checks) {
  auto list = nlohmann::ordered_json::array();
  for (auto const& check : checks) {
    nlohmann::ordered_json one{
        {"state", health_name(check.health)}, {"subject", check.subject}, {"found", check.found}};
    if (!check.fix.empty()) one["next"] = check.fix;
    list.push_back(std::move(one));
  }
  return list;
}

int checks_status(std::vector<Check> const& checks) {
  int status = 0;
  std::size_t failures = 0;
  for (auto const& check : checks) {
    if (check.health != Check::Health::Failure) continue;
    ++failures;
    status = failures == 1 ? check.exit_status : status == check.exit_status ? status : 1;
  }
  return failures == 0 ? 0 : std::max(status, 1);
}

}  // namespace weir::app
