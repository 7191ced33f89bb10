#include "source/sqlserver_types.h"

#include <algorithm>

#include <fmt/format.h>

#include "source/code_pages.h"
#include "sql/name.h"

namespace weir::source {
namespace {

// "timestamp(3) without time zone"; PostgreSQL keeps microseconds, which is what the plain type has.
std::string time_type(std::string_view stem, int digits, std::string_view zone) {
  if (digits >= 6) return fmt::format("{} {} time zone", stem, zone);
  return fmt::format("{}({}) {} time zone", stem, digits, zone);
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// Text of a sql_variant: each base type in its exact form, since the default conversion shortens money, floats and
// times.
std::string variant_text(std::string const& name) {
  std::string const base = fmt::format("CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY({}, 'BaseType'))", name);
  return fmt::format(
      "CASE WHEN {0} IN (N'binary', N'varbinary') THEN CONVERT(nvarchar(max), CONVERT(varbinary(8000), {1}), 1)"
      " WHEN {0} IN (N'money', N'smallmoney') THEN CONVERT(nvarchar(max), CONVERT(money, {1}), 2)"
      " WHEN {0} IN (N'float', N'real') THEN CONVERT(nvarchar(max), CONVERT(float, {1}), 3)"
      " WHEN {0} IN (N'datetime', N'smalldatetime') THEN CONVERT(nvarchar(max), CONVERT(datetime, {1}), 121)"
      " WHEN {0} IN (N'date', N'time', N'datetime2', N'datetimeoffset') THEN CONVERT(nvarchar(max), {1}, 121)"
      " ELSE CONVERT(nvarchar(max), {1}) END",
      base, name);
}

void text_column(SqlServerColumn const& source, Column& column) {
  std::string const name = sql::quote_mssql(source.name);
  bool const is_wide = is_one_of(source.base_type, {"nchar", "nvarchar", "ntext"});
  bool const is_legacy = is_one_of(source.base_type, {"text", "ntext"});
  if (is_legacy) column.max_length = -1;
  column.pg_type = "text";
  if (is_wide) {
    column.decode = static_cast<int>(Decode::Utf16);
  } else if (source.code_page == 65001) {
    column.decode = static_cast<int>(Decode::Utf8);
  } else if (single_byte_code_page(source.code_page)) {
    column.decode = static_cast<int>(Decode::CodePage);
  } else {
    // Double-byte pages: the server knows them best.
    bool const is_max = column.max_length < 0 || column.max_length > 4000;
    column.select_expression =
        fmt::format("CONVERT(nvarchar({}), {})", is_max ? std::string("max") : std::to_string(column.max_length), name);
    column.decode = static_cast<int>(Decode::Utf16);
    column.max_length = is_max ? -1 : column.max_length * 2;
  }
}

}  // namespace

std::string type_text(SqlServerColumn const& column) {
  auto const& type = column.base_type;
  auto const length = [](int n) { return n < 0 ? std::string("max") : std::to_string(n); };
  if (is_one_of(type, {"char", "varchar", "binary", "varbinary"}))
    return fmt::format("{}({})", type, length(column.max_length));
  if (is_one_of(type, {"nchar", "nvarchar"}))
    return fmt::format("{}({})", type, length(column.max_length < 0 ? -1 : column.max_length / 2));
  if (is_one_of(type, {"decimal", "numeric"})) return fmt::format("{}({},{})", type, column.precision, column.scale);
  if (is_one_of(type, {"time", "datetime2", "datetimeoffset"})) return fmt::format("{}({})", type, column.scale);
  if (type == "timestamp") return "rowversion";
  return type;
}

Column map_column(SqlServerColumn const& source) {
  Column column;
  column.name = source.name;
  column.position = source.position;
  column.source_type = type_text(source);
  column.nullable = source.is_nullable;
  column.is_computed = source.is_computed;
  column.is_identity = source.is_identity;
  column.code_page = source.code_page;
  column.precision = source.precision;
  column.scale = source.scale;
  column.max_length = source.max_length;
  std::string const name = sql::quote_mssql(source.name);
  column.select_expression = name;

  auto const as = [&](Decode decode, std::string pg_type) {
    column.decode = static_cast<int>(decode);
    column.pg_type = std::move(pg_type);
  };
  auto const as_text = [&](std::string expression, std::string pg_type) {
    as(Decode::Utf16, std::move(pg_type));
    column.select_expression = std::move(expression);
    column.max_length = -1;
  };

  std::string const& type = source.base_type;
  if (source.encryption_type != 0) {
    as(Decode::Bytes, "bytea");
    column.source_type += " encrypted";
    column.max_length = -1;
    column.loss = "the encrypted bytes are kept: the keys are with the client that wrote them";
  } else if (type == "bit") {
    as(Decode::Bit, "boolean");
  } else if (type == "tinyint") {
    as(Decode::TinyInt, "smallint");
  } else if (type == "smallint") {
    as(Decode::SmallInt, "smallint");
  } else if (type == "int") {
    as(Decode::Int, "integer");
  } else if (type == "bigint") {
    as(Decode::BigInt, "bigint");
  } else if (type == "real") {
    as(Decode::Real, "real");
  } else if (type == "float") {
    as(Decode::Float, "double precision");
  } else if (is_one_of(type, {"decimal", "numeric"})) {
    as(Decode::Decimal, fmt::format("numeric({},{})", source.precision, source.scale));
  } else if (type == "money") {
    as(Decode::Money, "numeric(19,4)");
    column.scale = 4;
  } else if (type == "smallmoney") {
    as(Decode::SmallMoney, "numeric(10,4)");
    column.scale = 4;
  } else if (type == "date") {
    as(Decode::Date, "date");
  } else if (type == "time") {
    as(Decode::Time, time_type("time", source.scale, "without"));
    if (source.scale > 6) column.loss = "100 ns digits are cut to microseconds";
  } else if (type == "smalldatetime") {
    as(Decode::SmallDateTime, time_type("timestamp", 0, "without"));
  } else if (type == "datetime") {
    as(Decode::DateTime, time_type("timestamp", 3, "without"));
  } else if (type == "datetime2") {
    as(Decode::DateTime2, time_type("timestamp", source.scale, "without"));
    if (source.scale > 6) column.loss = "100 ns digits are cut to microseconds";
  } else if (type == "datetimeoffset") {
    as(Decode::DateTimeOffset, time_type("timestamp", source.scale, "with"));
    column.loss = "the instant is kept, the offset is not";
    if (source.scale > 6) column.loss += "; 100 ns digits are cut to microseconds";
    column.offset_expression = fmt::format("CONVERT(smallint, DATEPART(tzoffset, {}))", name);
    column.offset_decode = static_cast<int>(Decode::SmallInt);
  } else if (type == "uniqueidentifier") {
    as(Decode::Guid, "uuid");
  } else if (is_one_of(type, {"char", "varchar", "text", "nchar", "nvarchar", "ntext"})) {
    text_column(source, column);
  } else if (is_one_of(type, {"binary", "varbinary", "image", "timestamp"})) {
    as(Decode::Bytes, "bytea");
    column.is_rowversion = type == "timestamp";
    if (type == "image") column.max_length = -1;
  } else if (type == "xml") {
    as_text(fmt::format("CONVERT(nvarchar(max), {})", name), "text");
  } else if (type == "json") {
    as_text(fmt::format("CONVERT(nvarchar(max), {})", name), "json");
  } else if (type == "vector") {
    as_text(fmt::format("CONVERT(nvarchar(max), {})", name), "text");
  } else if (type == "sql_variant") {
    as_text(variant_text(name), "text");
    column.loss = "each value is kept as its text, its base type is not";
  } else if (type == "hierarchyid") {
    as_text(fmt::format("CONVERT(nvarchar(max), {}.ToString())", name), "text");
  } else if (is_one_of(type, {"geometry", "geography"})) {
    as(Decode::Bytes, "bytea");
    column.select_expression = fmt::format("{}.AsBinaryZM()", name);
    column.max_length = -1;
  } else if (source.is_assembly_type) {
    as(Decode::Bytes, "bytea");
    column.source_type = source.declared_type;
    column.select_expression = fmt::format("CONVERT(varbinary(max), {})", name);
    column.max_length = -1;
  } else {
    column.refusal =
        fmt::format("weir has no exact form for the type \"{}\" of column \"{}\"", column.source_type, column.name);
  }
  return column;
}

std::optional<Column> srid_column(SqlServerColumn const& source) {
  if (source.encryption_type != 0 || !is_one_of(source.base_type, {"geometry", "geography"})) return std::nullopt;
  Column column;
  column.name = source.name + "__srid";
  column.from = source.name;
  column.position = source.position;
  column.source_type = "int";
  column.pg_type = "integer";
  column.nullable = source.is_nullable;
  column.is_computed = true;
  column.select_expression = fmt::format("CONVERT(int, {}.STSrid)", sql::quote_mssql(source.name));
  column.decode = static_cast<int>(Decode::Int);
  return column;
}

bool is_long(Column const& column) {
  auto const decode = static_cast<Decode>(column.decode);
  bool const has_length =
      decode == Decode::Utf16 || decode == Decode::CodePage || decode == Decode::Utf8 || decode == Decode::Bytes;
  return has_length && column.max_length < 0;
}

std::optional<KeyForm> key_form(SqlServerColumn const& column, int database_code_page) {
  auto const& type = column.base_type;
  if (column.encryption_type != 0) return std::nullopt;
  KeyForm form{.type = type_text(column)};
  if (is_one_of(type, {"tinyint", "smallint", "int", "bigint"})) {
    form.is_integer = true;
    return form;
  }
  if (is_one_of(type, {"decimal", "numeric", "uniqueidentifier"})) return form;
  if (is_one_of(type, {"money", "smallmoney"})) return form.style = 2, form;
  if (is_one_of(type, {"date", "time", "smalldatetime", "datetime", "datetime2", "datetimeoffset"})) {
    form.style = 121;
    form.is_date = type != "datetimeoffset";
    return form;
  }
  if (column.max_length < 0) return std::nullopt;
  if (type == "timestamp") return form.type = "binary(8)", form.style = 1, form;
  if (is_one_of(type, {"binary", "varbinary"})) return form.style = 1, form;
  if (is_one_of(type, {"nchar", "nvarchar"})) return form;
  // A parameter has the database's code page: another one's characters would be lost on the way.
  if (is_one_of(type, {"char", "varchar"}) && column.code_page == database_code_page &&
      single_byte_code_page(column.code_page))
    return form;
  return std::nullopt;
}

}  // namespace weir::source
