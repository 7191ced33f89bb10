#pragma once
// Names of database objects, and the only functions that quote them. SQL text is never built from a raw name. Pure.

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::sql {

// PostgreSQL: always double-quoted, quotes doubled (docs, 4.1.1 "Identifiers and Key Words").
std::string quote_pg(std::string_view name);
std::string quote_pg_list(std::span<std::string const> names);  // "a", "b"
// PostgreSQL: bare where that is safe (lower case, not a keyword), else quoted. For text that people read.
std::string quote_pg_if_needed(std::string_view name);
// PostgreSQL string literal; uses E'' when there is a backslash.
std::string literal_pg(std::string_view text);
// SQL Server: [name], ] doubled.
std::string quote_mssql(std::string_view name);
// SQL Server: N'text', ' doubled.
std::string literal_mssql(std::string_view text);
// ODBC databases in general: the driver's quote character (SQL_IDENTIFIER_QUOTE_CHAR), doubled inside.
std::string quote_odbc(std::string_view name, std::string_view quote_character);

// schema.name of the warehouse. Both parts are exact (never folded), at most 63 bytes.
struct QualifiedName {
  std::string schema;
  std::string name;

  // "schema"."name", for SQL.
  std::string quoted() const;
  // schema.name with quotes only where needed, for people: sync_core."Country".
  std::string text() const;
  auto operator<=>(QualifiedName const&) const = default;
};

// Reads `schema.name`, `schema."Name.with dots"`; error: Usage.
Result<QualifiedName> parse_qualified_name(std::string_view text);

constexpr std::size_t kMaxIdentifierBytes = 63;  // NAMEDATALEN - 1

// `name` if it fits into 63 bytes, else its beginning (cut on a character border) plus "_" and eight hex digits of a
// hash of the whole name, so that two long names never become one. Also replaces names that PostgreSQL cannot have.
std::string fit_identifier(std::string_view name);
// A derived name: `stem` + `suffix`, in 63 bytes; where it must be cut, the stem is cut and hashed, never the suffix.
std::string derive_identifier(std::string_view stem, std::string_view suffix);

// 64-bit FNV-1a: for names and advisory lock keys, stable for ever.
std::uint64_t stable_hash(std::string_view text);

}  // namespace weir::sql
