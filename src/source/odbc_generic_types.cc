#include "source/odbc_generic_types.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "odbc/sql_types.h"
#include "sql/name.h"

namespace weir::source {
namespace {

constexpr int kMicrosecondDigits = 6;

struct Mapped {
  OdbcDecode decode = OdbcDecode::Refused;
  std::string pg_type;
};

std::string with_digits(std::string_view type, int digits, std::string_view rest = "") {
  return digits >= 0 && digits < kMicrosecondDigits ? fmt::format("{}({}){}", type, digits, rest)
                                                    : fmt::format("{}{}", type, rest);
}

std::string numeric(int precision, int scale) {
  bool const is_limited = precision >= 1 && precision <= 1000 && scale >= 0 && scale <= precision;
  return is_limited ? fmt::format("numeric({},{})", precision, scale) : "numeric";
}

Mapped standard(OdbcColumn const& column) {
  bool const is_unsigned = to_lower(column.type_name).find("unsigned") != std::string::npos;
  switch (column.sql_type) {
    case odbc::kBit:
      return {OdbcDecode::Boolean, "boolean"};
    case odbc::kTinyInt:
      return {OdbcDecode::Int2, "smallint"};
    case odbc::kSmallInt:
      return is_unsigned ? Mapped{OdbcDecode::Int4, "integer"} : Mapped{OdbcDecode::Int2, "smallint"};
    case odbc::kInteger:
      return is_unsigned ? Mapped{OdbcDecode::Int8, "bigint"} : Mapped{OdbcDecode::Int4, "integer"};
    case odbc::kBigInt:
      return is_unsigned ? Mapped{OdbcDecode::Numeric, "numeric(20,0)"} : Mapped{OdbcDecode::Int8, "bigint"};
    case odbc::kReal:
      return {OdbcDecode::Float4, "real"};
    case odbc::kFloat:
    case odbc::kDouble:
      return {OdbcDecode::Float8, "double precision"};
    case odbc::kNumeric:
    case odbc::kDecimal:
      return {OdbcDecode::Numeric, numeric(column.size, column.digits)};
    case odbc::kChar:
    case odbc::kVarChar:
    case odbc::kLongVarChar:
    case odbc::kWChar:
    case odbc::kWVarChar:
    case odbc::kWLongVarChar:
      return {OdbcDecode::Text, "text"};
    case odbc::kBinary:
    case odbc::kVarBinary:
    case odbc::kLongVarBinary:
      return {OdbcDecode::Bytes, "bytea"};
    case odbc::kDate2:
    case odbc::kTypeDate:
      return {OdbcDecode::Date, "date"};
    case odbc::kTime2:
    case odbc::kTypeTime:
      return {OdbcDecode::Time, with_digits("time", column.digits, " without time zone")};
    case odbc::kTimestamp2:
    case odbc::kTypeTimestamp:
      return {OdbcDecode::Timestamp, with_digits("timestamp", column.digits, " without time zone")};
    case odbc::kGuid:
      return {OdbcDecode::Uuid, "uuid"};
    default:
      return {};
  }
}

// By SQLite's own rules for declared types (its documentation, "Datatypes In SQLite", 3.1), and the names that people
// use.
Mapped sqlite(OdbcColumn const& column) {
  std::string const name = to_lower(column.type_name);
  auto says = [&name](std::string_view part) { return name.find(part) != std::string::npos; };
  if (says("int")) return {OdbcDecode::Int8, "bigint"};
  if (says("bool")) return {OdbcDecode::Boolean, "boolean"};
  if (says("char") || says("clob") || says("text") || name.empty()) return {OdbcDecode::Text, "text"};
  if (says("blob") || says("binary")) return {OdbcDecode::Bytes, "bytea"};
  if (says("real") || says("floa") || says("doub")) return {OdbcDecode::Float8, "double precision"};
  if (says("timestamp") || says("datetime")) return {OdbcDecode::Timestamp, "timestamp without time zone"};
  if (says("date")) return {OdbcDecode::Date, "date"};
  if (says("time")) return {OdbcDecode::Time, "time without time zone"};
  if (says("decimal") || says("numeric")) return {OdbcDecode::Numeric, "numeric"};
  return {OdbcDecode::Text, "text"};
}

struct PostgresType {
  std::string_view name;
  OdbcDecode decode;
  std::string_view pg_type;
  std::string_view cast;  // of the server, so that the driver has nothing to convert
};

std::optional<PostgresType> postgres(OdbcColumn const& column) {
  static constexpr std::array<PostgresType, 10> kTypes = {{
      {"bool", OdbcDecode::Boolean, "boolean", "text"},
      {"bit", OdbcDecode::Text, "text", "text"},
      {"oid", OdbcDecode::Int8, "bigint", "text"},
      {"numeric", OdbcDecode::Numeric, "numeric", "text"},
      {"money", OdbcDecode::Numeric, "numeric", "numeric"},
      {"date", OdbcDecode::Date, "date", "text"},
      {"time", OdbcDecode::Time, "time without time zone", "text"},
      {"uuid", OdbcDecode::Uuid, "uuid", "text"},
      {"timestamp", OdbcDecode::Timestamp, "timestamp without time zone", "text"},
      {"timestamptz", OdbcDecode::TimestampTz, "timestamp with time zone", "text"},
  }};
  std::string_view const name = column.type_name;
  auto const found = std::ranges::find(kTypes, name.substr(0, name.find_first_of("( ")), &PostgresType::name);
  return found == kTypes.end() ? std::optional<PostgresType>() : *found;
}

}  // namespace

OdbcDialect dialect_of(odbc::DriverInfo const& driver) {
  std::string const name = to_lower(driver.dbms_name);
  if (name.starts_with("sqlite")) return OdbcDialect::Sqlite;
  return name.starts_with("postgresql") ? OdbcDialect::Postgres : OdbcDialect::Standard;
}

std::string tagged_expression(std::string const& expression) {
  return fmt::format(
      "CASE typeof({0}) WHEN 'integer' THEN 'i' || {0} WHEN 'real' THEN 'r' || printf('%!.20g', {0}) "
      "WHEN 'text' THEN 't' || {0} WHEN 'blob' THEN 'b' || hex({0}) END",
      expression);
}

Column map_odbc_column(OdbcColumn const& column, OdbcDialect dialect, std::string const& quote) {
  std::string const name = sql::quote_odbc(column.name, quote);
  Column result;
  result.name = column.name;
  result.position = column.position;
  result.source_type = column.type_name;
  result.nullable = column.nullable;
  result.precision = column.size;
  result.scale = column.digits;
  result.max_length = column.size;
  result.select_expression = name;

  Mapped mapped = dialect == OdbcDialect::Sqlite ? sqlite(column) : standard(column);
  if (dialect == OdbcDialect::Sqlite) result.select_expression = tagged_expression(name);
  if (dialect == OdbcDialect::Postgres) {
    if (auto const type = postgres(column)) {
      mapped = {type->decode, std::string(type->pg_type)};
      result.select_expression = fmt::format("CAST({} AS {})", name, type->cast);
    }
  }
  result.decode = static_cast<int>(mapped.decode);
  result.pg_type = mapped.pg_type;
  if (mapped.decode == OdbcDecode::Refused)
    result.refusal =
        fmt::format("weir does not know the type \"{}\" (ODBC's number {})", column.type_name, column.sql_type);
  return result;
}

}  // namespace weir::source
