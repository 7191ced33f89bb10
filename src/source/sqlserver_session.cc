#include "source/sqlserver_session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "odbc/drivers.h"
#include "odbc/freetds_conf.h"

namespace weir::source {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

bool is_microsoft(std::string const& driver) {
  return driver.find("for SQL Server") != std::string::npos || driver.find("msodbcsql") != std::string::npos;
}

Error not_with_freetds(std::string what) {
  return Error(ErrorKind::Config, what + " is not possible with FreeTDS's ODBC driver before version 1.5")
      .next("install Microsoft's driver (msodbcsql18) and set `driver: \"ODBC Driver 18 for SQL Server\"`");
}

// FreeTDS says of a missing file only that the connection failed.
Status check_ca_file(std::string const& file) {
  if (file == "system" || access(file.c_str(), R_OK) == 0) return {};
  return Error(ErrorKind::Config, fmt::format("cannot read ca_file \"{}\": {}", file, std::strerror(errno)))
      .next(
          "name a PEM file with the certificate of the authority that signed the server's, or leave `ca_file` out to "
          "trust the system's");
}

void add_login(SqlServerOptions const& options, Attributes& attributes) {
  if (options.kerberos) {
    attributes.emplace_back("Trusted_Connection", "Yes");
    return;
  }
  attributes.emplace_back("UID", options.user);
}

Result<Attributes> freetds_attributes(SqlServerOptions const& options, std::string const& driver) {
  if (options.encrypt == Encrypt::Strict) return not_with_freetds("strict encryption (TDS 8)");
  if (!options.certificate_host.empty()) return not_with_freetds("another certificate_host than the host");
  Attributes attributes = {{"Driver", driver}};
  bool const verified = options.encrypt == Encrypt::Require && !options.trust_certificate;
  if (verified) {
    WEIR_DO(check_ca_file(options.ca_file));
    WEIR_TRY(
        std::string const section,
        odbc::add_verified_server(
            {.host = options.host, .port = options.port, .instance = options.instance, .ca_file = options.ca_file}));
    attributes.emplace_back("Servername", section);
  } else if (!options.instance.empty()) {
    attributes.emplace_back("Server", options.host + "\\" + options.instance);
  } else {
    attributes.emplace_back("Server", options.host);
    attributes.emplace_back("Port", std::to_string(options.port));
  }
  attributes.emplace_back("Database", options.database);
  add_login(options, attributes);
  attributes.emplace_back("TDS_Version", "7.4");
  attributes.emplace_back("ClientCharset", "UTF-8");
  attributes.emplace_back("APP", options.application);
  attributes.emplace_back("PacketSize", std::to_string(options.packet_size));
  attributes.emplace_back("TextSize", "2147483647");
  if (!verified) {
    attributes.emplace_back("Encryption", options.encrypt == Encrypt::Off        ? "off"
                                          : options.encrypt == Encrypt::Optional ? "request"
                                                                                 : "require");
  }
  if (options.user.find('\\') != std::string::npos) attributes.emplace_back("UseNTLMv2", "yes");
  if (!options.realm.empty()) attributes.emplace_back("REALM", options.realm);
  if (!options.server_spn.empty()) attributes.emplace_back("ServerSPN", options.server_spn);
  if (options.read_only_intent) attributes.emplace_back("ApplicationIntent", "ReadOnly");
  return attributes;
}

Result<Attributes> microsoft_attributes(SqlServerOptions const& options, std::string const& driver) {
  if (options.ca_file != "system")
    return Error(ErrorKind::Config, "Microsoft's ODBC driver takes no ca_file: it trusts the system's authorities")
        .next("add the file to the system's authorities (update-ca-certificates) and leave `ca_file` out");
  std::string const server = options.instance.empty() ? fmt::format("tcp:{},{}", options.host, options.port)
                                                      : fmt::format("tcp:{}\\{}", options.host, options.instance);
  Attributes attributes = {{"Driver", driver}, {"Server", server}, {"Database", options.database}};
  add_login(options, attributes);
  attributes.emplace_back("APP", options.application);
  bool const is_18 = driver.find("18") != std::string::npos;
  attributes.emplace_back("Encrypt", options.encrypt == Encrypt::Strict    ? "strict"
                                     : options.encrypt == Encrypt::Require ? (is_18 ? "mandatory" : "yes")
                                                                           : (is_18 ? "optional" : "no"));
  if (options.encrypt != Encrypt::Strict)
    attributes.emplace_back("TrustServerCertificate",
                            options.trust_certificate || options.encrypt != Encrypt::Require ? "yes" : "no");
  if (!options.certificate_host.empty()) attributes.emplace_back("HostNameInCertificate", options.certificate_host);
  if (!options.server_spn.empty()) attributes.emplace_back("ServerSPN", options.server_spn);
  if (options.read_only_intent) attributes.emplace_back("ApplicationIntent", "ReadOnly");
  return attributes;
}

// What a person can do about a login that failed, where the server's words do not say it.
Error explained(Error error, SqlServerOptions const& options) {
  std::string const& message = error.message() + error.cause();
  switch (error.kind()) {
    case ErrorKind::Denied:
      return std::move(error).next(
          fmt::format("check user and password of the endpoint and the login's rights in \"{}\"", options.database));
    case ErrorKind::Config:
      if (message.find("4060") != std::string::npos || message.find("Cannot open database") != std::string::npos)
        return std::move(error).next(fmt::format(
            "check the name of the database \"{}\", and that the login has a user in it", options.database));
      return std::move(error).next("check the endpoint's `driver`: apt install tdsodbc installs FreeTDS's");
    case ErrorKind::Unavailable:
      if (options.encrypt == Encrypt::Require)
        return std::move(error).next(fmt::format(
            "check that {}:{} can be reached and answers with a certificate for \"{}\" that {} trusts; "
            "`trust_server_certificate: true` "
            "encrypts without checking, `encrypt: off` is for servers that cannot encrypt",
            options.host, options.port, options.host, options.ca_file == "system" ? "this machine" : options.ca_file));
      return std::move(error).next(
          fmt::format("check that {}:{} can be reached and lets this machine in", options.host, options.port));
    default:
      return error;
  }
}

Result<ServerFacts> learn_facts(odbc::Session& session) {
  WEIR_TRY(odbc::TextRows const rows, session.query(embedded_file("queries/mssql/facts.sql")));
  if (rows.rows.empty()) return Error(ErrorKind::Sql, "the server says nothing about its database");
  ServerFacts facts;
  facts.database = rows.text(0, "name");
  facts.collation = rows.text(0, "collation_name");
  facts.code_page = static_cast<int>(rows.integer(0, "code_page"));
  facts.allows_snapshot = rows.integer(0, "snapshot_state") == 1;
  facts.has_row_versions = rows.integer(0, "row_versions") != 0;
  facts.version = rows.text(0, "product_version");
  facts.edition = rows.text(0, "edition");
  facts.engine_edition = static_cast<int>(rows.integer(0, "engine_edition"));
  facts.login = rows.text(0, "login_name");
  facts.major_version = static_cast<int>(parse_int(split(facts.version, '.').front()).value_or(0));
  return facts;
}

}  // namespace

Result<Attributes> connection_attributes(SqlServerOptions const& options, std::string const& driver) {
  return is_microsoft(driver) ? microsoft_attributes(options, driver) : freetds_attributes(options, driver);
}

std::string session_prologue(SqlServerOptions const& options) {
  return fmt::format(
      "SET NOCOUNT ON; SET TEXTSIZE 2147483647; SET LOCK_TIMEOUT {}; SET DEADLOCK_PRIORITY LOW; SET DATEFORMAT ymd; "
      "SET ANSI_NULLS, QUOTED_IDENTIFIER, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL ON; SET ROWCOUNT 0",
      std::chrono::milliseconds(options.lock_timeout).count());
}

Result<ServerSession> ServerSession::connect(SqlServerOptions const& options) {
  WEIR_TRY(std::string const driver, odbc::choose_sqlserver_driver(options.driver));
  odbc::ConnectOptions connection;
  WEIR_TRY(connection.attributes, connection_attributes(options, driver));
  if (!options.kerberos) connection.password = options.password;
  connection.login_timeout = options.login_timeout;
  connection.stall_timeout = options.stall_timeout;
  connection.place = options.text();
  connection.endpoint = options.endpoint;
  auto connected = odbc::Session::connect(connection);
  if (!connected.ok()) return explained(std::move(connected).error(), options);
  ServerSession session{.odbc = std::move(connected).value(), .facts = {}, .binding = Binding::Typed, .warnings = {}};
  WEIR_DO(session.odbc.execute(session_prologue(options)));
  WEIR_TRY(session.facts, learn_facts(session.odbc));

  if (session.odbc.driver().profile == odbc::Profile::FreeTds) {
    Status const raw = self_test(session.odbc, Binding::Raw);
    if (raw.ok())
      session.binding = Binding::Raw;
    else if (raw.error().kind() == ErrorKind::Unavailable)
      return raw.error().clone();
    else
      session.warnings.push_back(
          fmt::format("driver {} {} failed the self-test of its raw forms, typed values are read instead (slower): {}",
                      session.odbc.driver().driver_name, session.odbc.driver().driver_version, raw.error().message()));
  }
  if (session.binding == Binding::Typed) {
    WEIR_DO(self_test(session.odbc, Binding::Typed));
  }
  if (!session.odbc.can_cancel())
    session.warnings.push_back(
        fmt::format("driver \"{}\" has Threading=3 or more in odbcinst.ini: a read cannot be stopped before the stall "
                    "timeout of {} s; set Threading=0",
                    driver, options.stall_timeout.count()));
  if (options.trust_certificate && options.encrypt == Encrypt::Require)
    session.warnings.push_back("the server's certificate is not checked (trust_server_certificate)");
  if (options.isolation == Isolation::ReadUncommitted)
    session.warnings.push_back(
        "isolation read_uncommitted: rows that are being changed may come twice, half or not at all");
  return session;
}

Result<std::vector<SqlServerColumn>> ServerSession::shape(Table const& table) {
  auto const query = embedded_file(facts.is_2016() ? "queries/mssql/shape.sql" : "queries/mssql/shape_2012.sql");
  WEIR_TRY(odbc::TextRows const rows, odbc.query(query, {odbc::text_parameter(quoted_table(table))}));
  if (rows.rows.empty())
    return Error(ErrorKind::Sql,
                 fmt::format("cannot read \"{}\": it does not exist, or the login may not see it", table.text()))
        .object(table.text())
        .next("check the name, and the login's rights (SELECT and VIEW DEFINITION)");
  std::vector<SqlServerColumn> columns;
  for (std::size_t row = 0; row < rows.rows.size(); ++row) columns.push_back(column_of(rows, row));
  return columns;
}

SqlServerColumn column_of(odbc::TextRows const& rows, std::size_t row) {
  auto const number = [&](std::string_view name) { return static_cast<int>(rows.integer(row, name)); };
  SqlServerColumn column;
  column.name = rows.text(row, "column_name");
  column.base_type = rows.text(row, "base_type");
  column.declared_type = rows.text(row, "declared_type");
  column.max_length = number("max_length");
  column.precision = number("precision");
  column.scale = number("scale");
  column.code_page = number("code_page");
  column.is_assembly_type = number("is_assembly_type") != 0;
  column.is_nullable = number("is_nullable") != 0;
  column.is_masked = number("is_masked") != 0;
  column.encryption_type = number("encryption_type");
  return column;
}

}  // namespace weir::source
