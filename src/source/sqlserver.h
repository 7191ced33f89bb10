#pragma once
// Microsoft SQL Server (2012 and later, Azure SQL) as a source, over ODBC: FreeTDS's driver, or Microsoft's where it is
// named. The types are those of sqlserver_types.h; the traps of the drivers, and why a result is known to be whole, are
// in sqlserver_reader.h.

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "source/source.h"

namespace weir::source {

// Optional: encrypts where the server can, checks nothing. Require: encrypts and checks the certificate. Strict: TDS 8.
enum class Encrypt { Off, Optional, Require, Strict };
enum class CursorClock { Local, Utc };

struct SqlServerOptions {
  std::string host = "localhost";
  int port = 1433;
  std::string instance = {};  // a named instance, instead of a port
  std::string database;
  std::string user = {};  // "DOMAIN\user" logs in by NTLM
  Secret password = {};
  Encrypt encrypt = Encrypt::Require;
  bool trust_certificate = false;     // encrypt, but believe any certificate
  std::string ca_file = "system";     // or a PEM file
  std::string certificate_host = {};  // the name in the certificate, if it is not `host`
  std::string driver = {};            // a registered name or a library's path; empty: FreeTDS, else Microsoft's
  std::string application = "weir";   // APP name, as the server's DBAs see it
  std::string endpoint = {};          // its name in the configuration, for errors
  bool read_only_intent = false;      // ApplicationIntent=ReadOnly: a readable secondary
  int packet_size = 16192;            // bytes; one TLS record
  std::chrono::seconds login_timeout{15};
  std::chrono::seconds stall_timeout{60};
  std::chrono::seconds lock_timeout{30};
  bool kerberos = false;  // the driver's integrated login, no user and password
  std::string realm = {}, server_spn = {};
  Isolation isolation = Isolation::Auto;
  CursorClock cursor_clock = CursorClock::Local;  // what time datetime and datetime2 cursors hold

  // "SQL Server Core at db1:1433 as weir"; never the password.
  std::string text() const;
};

// Reads an endpoint's settings (host, port, instance, database, user, auth: password|integrated, encrypt:
// off|optional|mandatory|strict, trust_server_certificate, ca_file, certificate_host, driver, application_intent:
// ReadOnly|ReadWrite, packet_size, login_timeout, stall_timeout, lock_timeout, realm, server_spn, cursor_clock:
// local|utc). Keys that are not here are not looked at. Error: Config naming key and value.
Result<SqlServerOptions> sqlserver_options(std::map<std::string, std::string> const& settings, Secret password);

// Connects, checks the driver's raw forms by a self-test, and learns version and rights. Errors: Config, Denied,
// Unavailable.
Result<std::unique_ptr<Source>> open_sqlserver(SqlServerOptions const& options);

}  // namespace weir::source
