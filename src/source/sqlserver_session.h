#pragma once
// A session with one SQL Server: how to connect with each driver, what weir sets first, what it learns about server and
// database, and the self-test of the driver's raw forms. Belongs to one thread at a time.

#include <string>
#include <vector>

#include "odbc/session.h"
#include "source/sqlserver.h"
#include "source/sqlserver_reader.h"
#include "source/sqlserver_types.h"

namespace weir::source {

struct ServerFacts {
  std::string database, collation, version, edition, login;
  int major_version = 0;   // 16 = 2022, 13 = 2016, 11 = 2012
  int engine_edition = 0;  // 5 and 8: Azure SQL, always the newest version
  int code_page = 0;
  bool allows_snapshot = false;
  bool has_row_versions = false;  // READ_COMMITTED_SNAPSHOT

  // hidden, masked and encrypted columns, security policies, histograms
  bool is_2016() const { return major_version >= 13 || engine_edition == 5 || engine_edition == 8; }
};

struct ServerSession {
  odbc::Session odbc;
  ServerFacts facts;
  Binding binding = Binding::Typed;
  std::vector<std::string> warnings;  // about driver and connection

  static Result<ServerSession> connect(SqlServerOptions const& options);

  // The columns of one object as they are now. Error: Sql if it does not exist or this login may not see it.
  Result<std::vector<SqlServerColumn>> shape(Table const& table);
};

// The columns that shape.sql and columns.sql share, of one of their rows.
SqlServerColumn column_of(odbc::TextRows const& rows, std::size_t row);

// Connection string attributes for a driver. Pure, but that FreeTDS's verified encryption makes a section in the
// private freetds.conf.
Result<std::vector<std::pair<std::string, std::string>>> connection_attributes(SqlServerOptions const& options,
                                                                               std::string const& driver);
// The SET statements that every session begins with.
std::string session_prologue(SqlServerOptions const& options);

// Reads edge values of every type through `binding` and compares the encoded bytes with what they must be. Error: Data
// naming the types.
Status self_test(odbc::Session& session, Binding binding);

}  // namespace weir::source
