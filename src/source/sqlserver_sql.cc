#include "source/sqlserver_sql.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sql/name.h"

namespace weir::source {
namespace {

std::string where(std::vector<std::string> const& conditions) {
  return conditions.empty() ? "" : " WHERE " + join(conditions, " AND ");
}

}  // namespace

std::string quoted_table(Table const& table) {
  return sql::quote_mssql(table.schema) + "." + sql::quote_mssql(table.name);
}

std::string bound_expression(KeyForm const& form) {
  return form.style == 0 ? fmt::format("CONVERT({}, ?)", form.type)
                         : fmt::format("CONVERT({}, ?, {})", form.type, form.style);
}

std::string text_expression(KeyForm const& form, std::string const& expression) {
  return form.style == 0 ? fmt::format("CONVERT(nvarchar(4000), {})", expression)
                         : fmt::format("CONVERT(nvarchar(4000), {}, {})", expression, form.style);
}

SqlStatement read_statement(Table const& table, std::vector<std::string> const& expressions, Chunk const& chunk,
                            std::optional<KeyForm> const& chunk_form, std::optional<CursorWindow> const& window,
                            std::optional<KeyForm> const& window_form) {
  SqlStatement statement;
  std::vector<std::string> conditions;
  auto const compare = [&](std::string const& column, std::string_view sign, KeyForm const& form,
                           std::string const& value) {
    conditions.push_back(fmt::format("{} {} {}", sql::quote_mssql(column), sign, bound_expression(form)));
    statement.parameters.push_back(odbc::text_parameter(value));
  };
  if (chunk.null_key) conditions.push_back(sql::quote_mssql(chunk.column) + " IS NULL");
  if (chunk.low) compare(chunk.column, ">", *chunk_form, *chunk.low);
  if (chunk.high) compare(chunk.column, "<=", *chunk_form, *chunk.high);
  if (window && window->low) compare(window->column, window->low_inclusive ? ">=" : ">", *window_form, *window->low);
  if (window && window->high) compare(window->column, window->high_inclusive ? "<=" : "<", *window_form, *window->high);
  // A chunk that is open on both sides holds every key but NULL, which has a chunk of its own.
  if (!chunk.column.empty() && !chunk.null_key && !chunk.low && !chunk.high)
    conditions.push_back(sql::quote_mssql(chunk.column) + " IS NOT NULL");
  statement.text =
      fmt::format("/*weir:read*/ SELECT {} FROM {}{} OPTION (MAXDOP 1); SELECT ROWCOUNT_BIG() AS weir_rows",
                  join(expressions, ", "), quoted_table(table), where(conditions));
  return statement;
}

SqlStatement count_statement(Table const& table) {
  return {fmt::format("/*weir:count*/ SELECT COUNT_BIG(*) AS n FROM {}", quoted_table(table)), {}};
}

SqlStatement range_statement(Table const& table, std::string const& column) {
  std::string const key = sql::quote_mssql(column);
  return {
      fmt::format(
          "/*weir:range*/ SELECT CONVERT(nvarchar(4000), MIN({0})) AS low, CONVERT(nvarchar(4000), MAX({0})) AS high "
          "FROM {1}",
          key, quoted_table(table)),
      {}};
}

SqlStatement walk_statement(Table const& table, std::string const& column, KeyForm const& form,
                            std::optional<std::string> const& low, std::uint64_t rows) {
  std::string const key = sql::quote_mssql(column);
  SqlStatement statement;
  statement.parameters.push_back(static_cast<std::int64_t>(rows));
  if (low) statement.parameters.push_back(odbc::text_parameter(*low));
  statement.text = fmt::format(
      "/*weir:walk*/ SELECT {} AS high, COUNT_BIG(*) AS n FROM (SELECT TOP (?) {} FROM {} WHERE {} {} ORDER BY {}) AS "
      "w",
      text_expression(form, fmt::format("MAX({})", key)), key, quoted_table(table), key,
      low ? "> " + bound_expression(form) : std::string("IS NOT NULL"), key);
  return statement;
}

SqlStatement high_statement(Table const& table, std::string const& column, KeyForm const& form,
                            std::string const& clock, std::int64_t seconds) {
  std::string const key = sql::quote_mssql(column);
  SqlStatement statement;
  std::string condition;
  if (!clock.empty()) {
    condition = fmt::format(" WHERE {} <= CONVERT({}, DATEADD(second, ?, {}))", key, form.type, clock);
    statement.parameters.push_back(seconds);
  }
  statement.text = fmt::format("/*weir:high*/ SELECT {} AS high FROM {}{}",
                               text_expression(form, fmt::format("MAX({})", key)), quoted_table(table), condition);
  return statement;
}

}  // namespace weir::source
