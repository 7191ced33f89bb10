#include "source/sqlserver_catalog.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"

namespace weir::source {
namespace {

struct Found {
  Table table;
  std::map<std::string, std::string> collations;  // of text columns
};
using ById = std::map<std::int64_t, Found>;

bool is_wanted(DiscoverRequest const& request, Table const& table) {
  if (table.is_view && !request.views) return false;
  if (!request.schemas.empty() && std::ranges::find(request.schemas, table.schema) == request.schemas.end())
    return false;
  if (request.tables.empty()) return true;
  return std::ranges::any_of(request.tables,
                             [&](std::string const& pattern) { return matches_glob(pattern, table.text()); });
}

// Values or rows that the login is not shown: a read goes well and is not the truth.
void warn_of_hidden(Table& table, std::string what) {
  table.hidden.push_back(what);
  table.warnings.push_back(std::move(what));
}

Result<ById> find_tables(ServerSession& session, DiscoverRequest const& request) {
  WEIR_TRY(odbc::TextRows const rows, session.odbc.query(embedded_file("queries/mssql/tables.sql")));
  ById found;
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    Table table;
    table.schema = rows.text(row, "schema_name");
    table.name = rows.text(row, "table_name");
    table.is_view = rows.integer(row, "is_view") != 0;
    table.estimated_rows = rows.integer(row, "estimated_rows");
    table.estimated_bytes = rows.integer(row, "estimated_bytes");
    if (table.is_view) table.estimated_rows = table.estimated_bytes = -1;
    if (rows.integer(row, "may_select") == 0) table.warnings.push_back("the login has no SELECT right on it");
    if (is_wanted(request, table)) found[rows.integer(row, "object_id")].table = std::move(table);
  }
  return found;
}

Status add_columns(ServerSession& session, ById& found) {
  bool may_unmask = true;
  if (session.facts.is_2016()) {
    WEIR_TRY(odbc::TextRows const rows, session.odbc.query(embedded_file("queries/mssql/unmask.sql")));
    may_unmask = !rows.rows.empty() && rows.integer(0, "may_unmask") != 0;
  }
  WEIR_TRY(odbc::TextRows const rows,
           session.odbc.query(embedded_file(session.facts.is_2016() ? "queries/mssql/columns.sql"
                                                                    : "queries/mssql/columns_2012.sql")));
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    auto const entry = found.find(rows.integer(row, "object_id"));
    if (entry == found.end()) continue;
    Table& table = entry->second.table;
    SqlServerColumn source = column_of(rows, row);
    source.is_identity = rows.integer(row, "is_identity") != 0;
    source.is_computed = rows.integer(row, "is_computed") != 0;
    source.position = static_cast<int>(rows.integer(row, "column_id"));
    source.collation = rows.text(row, "collation_name");
    if (rows.integer(row, "is_column_set") != 0) {
      table.warnings.push_back(
          fmt::format("the column set \"{}\" is left out: its members are columns of their own", source.name));
      continue;
    }
    if (source.is_masked && !may_unmask)
      warn_of_hidden(table,
                     fmt::format("column \"{}\" is masked for this login: masked values are read, not the true ones",
                                 source.name));
    entry->second.collations[source.name] = source.collation;
    table.columns.push_back(map_column(source));
    if (auto srid = srid_column(source)) table.columns.push_back(std::move(*srid));
  }
  return {};
}

// SQL Server may call keys equal that PostgreSQL holds apart.
void warn_of_folded_keys(Found& found) {
  for (Key const& key : found.table.keys) {
    if (!key.is_primary && !key.is_unique) continue;
    for (std::string const& name : key.columns) {
      std::string const& collation = found.collations[name];
      if (collation.empty() || collation.find("_BIN") != std::string::npos) continue;
      bool const folds_case = collation.find("_CI") != std::string::npos;
      found.table.warnings.push_back(fmt::format(
          "key \"{}\" compares \"{}\" by {}, which ignores {}blanks at the end; PostgreSQL compares exactly", key.name,
          name, collation, folds_case ? "case and " : ""));
    }
  }
}

Status add_keys(ServerSession& session, ById& found) {
  WEIR_TRY(odbc::TextRows const rows, session.odbc.query(embedded_file("queries/mssql/keys.sql")));
  std::int64_t last_object = -1, last_index = -1;
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    std::int64_t const object = rows.integer(row, "object_id"), index = rows.integer(row, "index_id");
    auto const entry = found.find(object);
    if (entry == found.end()) continue;
    auto& keys = entry->second.table.keys;
    if (object != last_object || index != last_index) {
      Key& key = keys.emplace_back();
      key.name = rows.text(row, "index_name");
      key.is_primary = rows.integer(row, "is_primary") != 0;
      // A filtered unique index says nothing about the rows outside it.
      key.is_unique = rows.integer(row, "is_unique") != 0 && rows.integer(row, "has_filter") == 0;
      key.is_clustered = rows.integer(row, "is_clustered") != 0;
      last_object = object;
      last_index = index;
    }
    keys.back().columns.push_back(rows.text(row, "column_name"));
  }
  for (auto& [id, entry] : found) warn_of_folded_keys(entry);
  return {};
}

Status add_security(ServerSession& session, ById& found) {
  if (!session.facts.is_2016()) return {};
  WEIR_TRY(odbc::TextRows const rows, session.odbc.query(embedded_file("queries/mssql/security.sql")));
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    auto const entry = found.find(rows.integer(row, "object_id"));
    if (entry == found.end()) continue;
    warn_of_hidden(entry->second.table,
                   fmt::format("security policy \"{}\" filters its rows: only those that the login may see are read",
                               rows.text(row, "policy_name")));
  }
  return {};
}

}  // namespace

Result<DiscoveredCatalog> discover_tables(ServerSession& session, DiscoverRequest const& request) {
  WEIR_TRY(ById found, find_tables(session, request));
  WEIR_DO(add_columns(session, found));
  WEIR_DO(add_keys(session, found));
  WEIR_DO(add_security(session, found));
  DiscoveredCatalog catalog;
  catalog.product = "Microsoft SQL Server " + session.facts.version;
  catalog.database = session.facts.database;
  catalog.warnings = session.warnings;
  for (auto& [id, entry] : found) {
    if (entry.table.columns.empty())
      entry.table.warnings.push_back("the login sees none of its columns (VIEW DEFINITION or SELECT is missing)");
    catalog.tables.push_back(std::move(entry.table));
  }
  std::ranges::sort(catalog.tables, {}, [](Table const& table) { return std::pair(table.schema, table.name); });
  return catalog;
}

Status check_unchanged(Table const& discovered, std::vector<SqlServerColumn> const& now) {
  auto const changed = [&](Column const& column, std::string how) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("could not read \"{}\": its column \"{}\" {} since it was discovered", discovered.text(),
                             column.name, how))
        .object(discovered.text() + "." + column.name)
        .state("nothing of this table was read")
        .next("run again: the next run discovers the table anew");
  };
  for (Column const& column : discovered.columns) {
    std::string const& source = column.from.empty() ? column.name : column.from;
    auto const found = std::ranges::find(now, source, &SqlServerColumn::name);
    if (found == now.end()) return changed(column, "has gone");
    if (!column.from.empty()) continue;
    Column const mapped = map_column(*found);
    if (mapped.source_type != column.source_type)
      return changed(column, fmt::format("has changed from {} to {}", column.source_type, mapped.source_type));
    if (mapped.decode != column.decode || mapped.code_page != column.code_page ||
        mapped.max_length != column.max_length || mapped.select_expression != column.select_expression)
      return changed(column, "has changed its collation or form");
  }
  return {};
}

}  // namespace weir::source
