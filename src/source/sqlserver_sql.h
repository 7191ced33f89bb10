#pragma once
// The texts of the statements that weir sends to a SQL Server about a user's table (queries/mssql/README.md has their
// forms). A text depends on the table and on which bounds there are, never on their values. Pure; any thread.

#include <optional>
#include <string>
#include <vector>

#include "odbc/session.h"
#include "source/source.h"
#include "source/sqlserver_types.h"

namespace weir::source {

struct SqlStatement {
  std::string text;
  std::vector<odbc::Parameter> parameters;
};

// [schema].[name]
std::string quoted_table(Table const& table);
// CONVERT(T, ?, n) and CONVERT(nvarchar(4000), <expression>, n)
std::string bound_expression(KeyForm const& form);
std::string text_expression(KeyForm const& form, std::string const& expression);

// The rows of a chunk (and window), then the server's own count of them as a second result. `expressions` are the
// select list in the order in which they are to arrive. The forms are those of the chunk's and the window's column,
// where there is one.
SqlStatement read_statement(Table const& table, std::vector<std::string> const& expressions, Chunk const& chunk,
                            std::optional<KeyForm> const& chunk_form, std::optional<CursorWindow> const& window,
                            std::optional<KeyForm> const& window_form);

SqlStatement count_statement(Table const& table);
SqlStatement range_statement(Table const& table, std::string const& column);
// The key `rows` further on than `low`, and how many there were.
SqlStatement walk_statement(Table const& table, std::string const& column, KeyForm const& form,
                            std::optional<std::string> const& low, std::uint64_t rows);
// The greatest value that is not after the clock (an expression of now; empty: no clock) plus `seconds` (negative:
// before it).
SqlStatement high_statement(Table const& table, std::string const& column, KeyForm const& form,
                            std::string const& clock, std::int64_t seconds);

}  // namespace weir::source
