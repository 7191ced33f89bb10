#pragma once
// Private to source/: how a column of an ODBC database is selected, and what it becomes. Pure.

#include <string>

#include "odbc/session.h"
#include "source/source.h"

namespace weir::source {

// What is known of a database beyond ODBC.
//   Sqlite: values have types of their own, whatever the column's; the driver writes 15 digits of a double and turns a
//   blob in
//     a text column into X'..'. So each value comes as text with its type in front: i5, r0.1, tabc, b00ff (a real with
//     20 digits: its printf is exact to 19 or so).
//   Postgres: the driver writes "infinity" as 9999-12-31 and drops BC. So moments are cast to text by the server.
enum class OdbcDialect { Standard, Sqlite, Postgres };
OdbcDialect dialect_of(odbc::DriverInfo const& driver);

// Column::decode.
enum class OdbcDecode {
  Refused,
  Boolean,
  Int2,
  Int4,
  Int8,
  Numeric,
  Float4,
  Float8,
  Text,
  Bytes,
  Date,
  Time,
  Timestamp,
  TimestampTz,
  Uuid
};

// One row of SQLColumns.
struct OdbcColumn {
  std::string name;
  int position = 0;
  int sql_type = 0;
  std::string type_name;
  int size = 0;
  int digits = 0;
  bool nullable = true;
};

Column map_odbc_column(OdbcColumn const& column, OdbcDialect dialect, std::string const& quote);

// A SQLite expression's value with its type in front, NULL for NULL.
std::string tagged_expression(std::string const& expression);

}  // namespace weir::source
