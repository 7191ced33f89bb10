#pragma once
// SQL Server's types as PostgreSQL's: which type a column gets, how its value is selected, decoded and, as a key or
// cursor, written as text. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "source/source.h"

namespace weir::source {

// How a value that arrives from SQL Server is read (source::Column::decode).
enum class Decode {
  Refused,
  Bit,
  TinyInt,
  SmallInt,
  Int,
  BigInt,
  Real,
  Float,
  Decimal,
  Money,
  SmallMoney,
  Date,
  Time,
  SmallDateTime,
  DateTime,
  DateTime2,
  DateTimeOffset,
  Guid,
  Utf16,
  CodePage,
  Utf8,
  Bytes,
};

// A column as sys.columns and sys.types describe it.
struct SqlServerColumn {
  std::string name, base_type, declared_type;
  int position = 0;
  int max_length = 0;  // bytes; -1 for max types
  int precision = 0, scale = 0, code_page = 0;
  bool is_assembly_type = false, is_nullable = true, is_identity = false, is_computed = false;
  bool is_masked = false;
  int encryption_type = 0;
  std::string collation;
};

// The column for the warehouse; `refusal` is set where weir has no exact form and no declared loss.
Column map_column(SqlServerColumn const& column);

// The SRID that stands beside a geometry or geography column, or nothing for other columns.
std::optional<Column> srid_column(SqlServerColumn const& column);

// True if the values have no bound that a row buffer could be made for: max types, text, ntext, image, xml.
bool is_long(Column const& column);

// "nvarchar(200)", "decimal(18,4)", "datetime2(7)": as T-SQL writes the type.
std::string type_text(SqlServerColumn const& column);

// A column as a range bound: T and n of CONVERT(T, ?, n), which is exact both ways.
struct KeyForm {
  std::string type;  // "datetime2(7)"
  int style = 0;     // 0: CONVERT without one
  bool is_integer = false;
  bool is_date = false;  // its text sorts as its values do
};
// Nothing where the type has no exact text, or where comparing it with a parameter would not use the index.
std::optional<KeyForm> key_form(SqlServerColumn const& column, int database_code_page);

}  // namespace weir::source
