// Connecting: which parameters, how long, and why not.

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "pg/state.h"

namespace weir::pg {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// A waiting reader is given up after about a minute without a sign of life. A sender waits longer: Linux also counts
// the time in which a living peer takes nothing (a zero window), and a loaded server may well stall for a minute or
// two.
constexpr std::string_view kKeepalivesIdle = "30";
constexpr std::string_view kKeepalivesInterval = "10";
constexpr std::string_view kKeepalivesCount = "3";
constexpr std::string_view kTcpUserTimeoutMs = "300000";

std::optional<std::string> find(Parameters const& parameters, std::string_view keyword) {
  std::optional<std::string> value;
  for (auto const& [key, text] : parameters)
    if (key == keyword) value = text;
  return value;
}

void set_unless_given(Parameters& parameters, std::string_view keyword, std::string_view value) {
  if (!find(parameters, keyword)) parameters.emplace_back(keyword, value);
}

Status check_keywords(Parameters const& parameters) {
  OptionList const list(PQconndefaults());
  std::vector<std::string> known;
  for (auto const* option = list.get(); option != nullptr && option->keyword != nullptr; ++option)
    known.emplace_back(option->keyword);
  for (auto const& [keyword, value] : parameters) {
    if (std::find(known.begin(), known.end(), keyword) != known.end()) continue;
    std::string const hint = did_you_mean(keyword, known);
    return Error(ErrorKind::Config, fmt::format("\"{}\" is no connection parameter of PostgreSQL", keyword))
        .object(keyword)
        .next(hint.empty() ? "see the list in PostgreSQL's documentation, \"Parameter Key Words\"" : hint);
  }
  return {};
}

// What libpq would use for a keyword: the parameter, else its environment variable, service file or built-in default.
std::string effective(PQconninfoOption const* list, std::string_view keyword) {
  for (auto const* option = list; option != nullptr && option->keyword != nullptr; ++option)
    if (option->keyword == keyword) return option->val == nullptr ? "" : option->val;
  return "";
}

bool is_local(std::string_view host) {
  return host.empty() || host[0] == '/' || host[0] == '@' || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

bool all_local(std::string_view hosts) {
  auto const list = split(hosts, ',');
  return std::all_of(list.begin(), list.end(), [](auto const& host) { return is_local(trim(host)); });
}

bool is_given_in_environment(char const* variable) {
  char const* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

ConnectionPointer start(Parameters const& parameters, Secret const& password) {
  std::vector<char const*> keywords, values;
  for (auto const& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  if (!password.empty()) {
    keywords.push_back("password");
    values.push_back(password.reveal().c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return ConnectionPointer(PQconnectStartParams(keywords.data(), values.data(), 0));
}

// The settings that libpq arrives at. A service file is read only by a real attempt, which is dropped before it says a
// word.
OptionList settle(Parameters const& parameters) {
  Parameters asked = parameters;
  if (find(parameters, "service") || is_given_in_environment("PGSERVICE"))
    return OptionList(PQconninfo(start(asked, Secret()).get()));
  OptionList list(PQconndefaults());
  for (auto* option = list.get(); option != nullptr && option->keyword != nullptr; ++option) {
    auto const given = find(parameters, option->keyword);
    if (!given) continue;
    std::free(option->val);
    option->val = strdup(given->c_str());
  }
  return list;
}

// The system's certificate authorities, where neither the user nor libpq's own default file names others.
void add_system_certificates(Parameters& parameters) {
  if (find(parameters, "sslrootcert") || is_given_in_environment("PGSSLROOTCERT")) return;
  char const* const home = std::getenv("HOME");
  if (home != nullptr && access((std::string(home) + "/.postgresql/root.crt").c_str(), R_OK) == 0) return;
  if (PQlibVersion() >= 160000) {
    parameters.emplace_back("sslrootcert", "system");
    return;
  }
  for (char const* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}) {
    if (access(file, R_OK) != 0) continue;
    parameters.emplace_back("sslrootcert", file);
    return;
  }
}

// Waits for the socket as libpq asks. False when `until` has passed.
bool wait(PGconn* connection, PostgresPollingStatusType what, std::chrono::steady_clock::time_point until) {
  pollfd descriptor{.fd = PQsocket(connection),
                    .events = static_cast<short>(what == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                    .revents = 0};
  for (;;) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    int const ready = poll(&descriptor, 1, static_cast<int>(left.count()) + 1);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

// Goes through the whole handshake. Each host gets its own time; one that does not take the connection is cut off, upon
// which libpq goes to the next (one that takes it and then says nothing ends the attempt). True when the time ran out.
bool establish(PGconn* connection, std::chrono::seconds each) {
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);  // the only way to learn the SQLSTATE of a refusal
  auto status = PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  std::string host;
  auto until = std::chrono::steady_clock::now();
  bool timed_out = false;
  while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
    std::string const now = fmt::format("{}/{}/{}", PQhost(connection), PQhostaddr(connection), PQport(connection));
    if (now != host) {
      host = now;
      until = std::chrono::steady_clock::now() + each;
      timed_out = false;
    }
    if (!wait(connection, status, until)) {
      if (timed_out) break;
      timed_out = true;
      until += std::chrono::seconds(1);  // for libpq to notice
      shutdown(PQsocket(connection), SHUT_RDWR);
    }
    status = PQconnectPoll(connection);
  }
  return timed_out && PQstatus(connection) != CONNECTION_OK;
}

bool is_tcp(PGconn* connection) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(PQsocket(connection), reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  return address.ss_family == AF_INET || address.ss_family == AF_INET6;
}

std::string session_settings(bool tcp, Parameters const& parameters) {
  std::string sql =
      "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET extra_float_digits = 3; "
      "SET bytea_output = hex; SET standard_conforming_strings = on; SET search_path = pg_catalog";
  if (!tcp) return sql;
  return sql + fmt::format(
                   "; SET tcp_keepalives_idle = {}; SET tcp_keepalives_interval = {}; SET tcp_keepalives_count = {}; "
                   "SET tcp_user_timeout = {}",
                   kKeepalivesIdle, kKeepalivesInterval, kKeepalivesCount,
                   parse_int(find(parameters, "tcp_user_timeout").value_or("")).value_or(0));
}

}  // namespace

Result<Parameters> complete_parameters(SessionOptions const& options) {
  WEIR_DO(need_libpq());
  WEIR_DO(check_keywords(options.parameters));
  Parameters parameters = options.parameters;
  set_unless_given(parameters, "application_name", options.application_name);
  set_unless_given(parameters, "client_encoding", "UTF8");
  set_unless_given(parameters, "keepalives_idle", kKeepalivesIdle);
  set_unless_given(parameters, "keepalives_interval", kKeepalivesInterval);
  set_unless_given(parameters, "keepalives_count", kKeepalivesCount);
  set_unless_given(parameters, "tcp_user_timeout", kTcpUserTimeoutMs);

  OptionList const settled = settle(parameters);
  std::string const address = effective(settled.get(), "hostaddr");
  bool const local = all_local(address.empty() ? effective(settled.get(), "host") : address);
  bool const by_user = find(parameters, "sslmode") || is_given_in_environment("PGSSLMODE") ||
                       effective(settled.get(), "sslmode") != "prefer";
  if (!local && !by_user) parameters.emplace_back("sslmode", "verify-full");
  if (!local && (!by_user || effective(settled.get(), "sslmode") == "verify-full")) add_system_certificates(parameters);
  return parameters;
}

std::string SessionOptions::text() const {
  std::string host = find(parameters, "host").value_or(find(parameters, "hostaddr").value_or(""));
  if (auto const service = find(parameters, "service"); host.empty() && service) host = "service " + *service;
  if (host.empty() || host[0] == '/') host = "local";
  if (auto const port = find(parameters, "port")) host += ":" + *port;
  std::string const database = find(parameters, "dbname").value_or("");
  std::string const user = find(parameters, "user").value_or("");
  return host + (database.empty() ? "" : "/" + database) + (user.empty() ? "" : " as " + user);
}

Result<Session> Session::connect(SessionOptions const& options) {
  WEIR_TRY(auto const parameters, complete_parameters(options));
  Fault const fault = next_fault("connect");
  if (fault.kind != FaultKind::None)
    return connect_error(options, "server closed the connection unexpectedly (fault hook)");

  auto connection = start(parameters, options.password);
  if (connection == nullptr) return Error(ErrorKind::Unavailable, "no memory for a connection");
  auto const each = std::chrono::seconds(std::max(options.connect_timeout_s, 1));
  if (establish(connection.get(), each)) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("could not connect to {}: no answer within {} s", options.text(), each.count()))
        .endpoint(options.endpoint)
        .next("check that the server runs and can be reached, and try again");
  }
  if (PQstatus(connection.get()) != CONNECTION_OK) return connect_error(options, PQerrorMessage(connection.get()));
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  if (PQserverVersion(connection.get()) < 130000) {
    int const version = PQserverVersion(connection.get());
    return Error(ErrorKind::Config,
                 fmt::format("{} is PostgreSQL {}; weir needs 13 or later", options.text(), version / 10000));
  }

  bool const tcp = is_tcp(connection.get());
  Session session(std::make_unique<State>(std::move(connection), options));
  if (logs(LogLevel::Sql))
    write_log(LogLevel::Sql, fmt::format("pg {}: connected to {}", session.backend_pid(), options.text()));
  WEIR_DO(session.execute(session_settings(tcp, parameters)));
  return session;
}

}  // namespace weir::pg
