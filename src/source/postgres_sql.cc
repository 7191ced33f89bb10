#include "source/postgres_sql.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sql/name.h"

namespace weir::source {
namespace {

using sql::literal_pg;
using sql::quote_pg;

std::string from(Table const& table) {
  return sql::QualifiedName{table.schema, table.name}.quoted();
}

// 'text'::type, the type as the source's format_type() says it, so that the comparison is the column's own.
std::string typed_literal(Table const& table, std::string const& column, std::string const& value) {
  Column const* const found = table.column(column);
  std::string const text = literal_pg(value);
  return found == nullptr ? text : fmt::format("{}::{}", text, found->source_type);
}

std::string where_text(ReadRequest const& request) {
  std::vector<std::string> conditions;
  auto compare = [&](std::string const& column, char const* operation, std::optional<std::string> const& value) {
    if (value)
      conditions.push_back(
          fmt::format("{} {} {}", quote_pg(column), operation, typed_literal(request.table, column, *value)));
  };
  Chunk const& chunk = request.chunk;
  if (!chunk.column.empty()) {
    if (chunk.null_key) conditions.push_back(quote_pg(chunk.column) + " IS NULL");
    compare(chunk.column, ">", chunk.low);
    compare(chunk.column, "<=", chunk.high);
  }
  if (request.window) {
    compare(request.window->column, request.window->low_inclusive ? ">=" : ">", request.window->low);
    compare(request.window->column, request.window->high_inclusive ? "<=" : "<", request.window->high);
  }
  return conditions.empty() ? "" : " WHERE " + join(conditions, " AND ");
}

std::string columns_text(ReadRequest const& request) {
  std::vector<std::string> expressions;
  for (Column const& column : request.table.columns) expressions.push_back(column.select_expression);
  for (ExtraColumn const& extra : request.extra) {
    bool const is_uuid = extra.kind == ExtraColumn::Kind::RowUuid;
    expressions.push_back(
        fmt::format("({})::{}", is_uuid ? "gen_random_uuid()" : extra.constant_literal, extra.pg_type));
  }
  return join(expressions, ", ");
}

// A moment in the source's time, for comparing with a column of `type`. A timestamp without time zone may hold UTC or
// the server's zone: the earlier of both is the careful one.
std::string clock_text(std::string_view type, Duration lag) {
  std::string const now =
      fmt::format("(now() - interval '{}.{:06} seconds')", lag.count() / 1'000'000, lag.count() % 1'000'000);
  if (type.starts_with("timestamp") && type.ends_with("with time zone")) return now;
  std::string const local = fmt::format(
      "least({0} AT TIME ZONE 'UTC', {0} AT TIME ZONE (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'))",
      now);
  if (type.starts_with("timestamp")) return local;
  return type == "date" ? local + "::date" : "";
}

}  // namespace

std::string select_text(ReadRequest const& request) {
  return fmt::format("SELECT {} FROM {}{}", columns_text(request), from(request.table), where_text(request));
}

std::string probe_text(ReadRequest const& request) {
  return fmt::format("SELECT {} FROM {} LIMIT 0", columns_text(request), from(request.table));
}

std::string count_text(Table const& table) {
  return fmt::format("SELECT count(*) FROM {}", from(table));
}

std::string high_bound_text(Table const& table, Column const& cursor, Duration lag) {
  std::string const column = quote_pg(cursor.name);
  std::string const clock = clock_text(cursor.pg_type, lag);
  return fmt::format("SELECT {0} FROM {1} WHERE {0} IS NOT NULL{2} ORDER BY {0} DESC LIMIT 1", column, from(table),
                     clock.empty() ? "" : fmt::format(" AND {} <= {}", column, clock));
}

std::string walk_text(Table const& table, Column const& key, std::optional<std::string> const& low,
                      std::uint64_t rows) {
  std::string const column = quote_pg(key.name);
  std::string const beyond =
      low ? fmt::format("{} > {}", column, typed_literal(table, key.name, *low)) : column + " IS NOT NULL";
  return fmt::format("SELECT {0} FROM {1} WHERE {2} ORDER BY {0} OFFSET {3} LIMIT 1", column, from(table), beyond,
                     rows - 1);
}

}  // namespace weir::source
