#include "source/postgres_catalog.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "sql/name.h"

namespace weir::source {
namespace {

constexpr std::uint32_t kFirstUserOid = 16384;  // PostgreSQL's FirstNormalObjectId

bool is_built_in(CatalogType const& type) {
  return type.in_catalog && type.oid < kFirstUserOid;
}

// Types of PostgreSQL itself whose binary form another server does not take, or whose values are names of its own
// objects.
bool is_bound_to_its_server(std::string_view name) {
  return name.starts_with("reg") || name == "aclitem" || name == "gtsvector" ||
         (name.starts_with("pg_") && name != "pg_lsn" && name != "pg_snapshot");
}

bool passes(CatalogType const& type) {
  return is_built_in(type) && (type.kind == 'b' || type.kind == 'r' || type.kind == 'm') &&
         !is_bound_to_its_server(type.name);
}

std::string loss_as_text(CatalogType const& type) {
  if (type.kind == 'e') return "the order of the enum's values: they arrive as text";
  if (type.kind == 'c') return "the fields' types: the row arrives as one text";
  if (type.kind == 'r' || type.kind == 'm') return "the type: the range arrives as text";
  return fmt::format("the type {}: its values arrive as text", type.text);
}

CatalogType catalog_type(pg::Rows const& rows, std::size_t row, bool of_element) {
  auto column = [&](std::string_view name) { return rows.text(row, name); };
  auto const oid = column(of_element ? "element_oid" : "type_oid");
  auto const kind = column(of_element ? "element_kind" : "type_kind");
  return {.name = std::string(column(of_element ? "element_name" : "type_name")),
          .text = std::string(column(of_element ? "element" : "type")),
          .oid = static_cast<std::uint32_t>(parse_int(oid).value_or(0)),
          .kind = kind.empty() ? 'b' : kind[0],
          .in_catalog = column(of_element ? "element_in_catalog" : "in_catalog") == "t"};
}

Column column_of_row(pg::Rows const& rows, std::size_t row) {
  auto is = [&](std::string_view name) { return rows.text(row, name) == "t"; };
  CatalogType const type = catalog_type(rows, row, false);
  std::optional<CatalogType> element;
  if (is("is_array") && !rows.text(row, "element_oid").empty()) element = catalog_type(rows, row, true);
  MappedType const mapped = map_type(type, element ? &*element : nullptr);

  Column column;
  column.name = rows.text(row, "name");
  column.position = static_cast<int>(parse_int(rows.text(row, "position")).value_or(0));
  column.source_type = rows.text(row, "declared");
  column.pg_type = mapped.pg_type;
  column.nullable = !is("not_null");
  column.is_identity = is("is_identity");
  column.is_computed = is("is_computed");
  column.loss = mapped.loss;
  column.refusal = mapped.refusal;
  if (!is("may_read")) column.refusal = "the login has no right to read it (GRANT SELECT)";
  column.select_expression = sql::quote_pg(column.name) + mapped.cast;
  // Ranges may be cut along types whose order every statement sees alike: those of PostgreSQL itself, and enums.
  column.decode = static_cast<int>(type.oid < kFirstUserOid ? type.oid : type.kind == 'e' ? 1U : 0U);
  return column;
}

std::string oid_array(std::vector<std::string> const& oids) {
  return "{" + join(oids, ",") + "}";
}

void add_warnings(Table& table, pg::Rows const& tables, std::size_t row, std::string const& user) {
  auto is = [&](std::string_view name) { return tables.text(row, name) == "t"; };
  auto& warnings = table.warnings;
  if (!is("schema_usage"))
    warnings.push_back(fmt::format("role \"{}\" has no USAGE on the schema: the table cannot be read", user));
  if (is("row_security")) {
    table.hidden.push_back(
        fmt::format("row-level security hides rows from role \"{}\": what is loaded may not be all", user));
    warnings.push_back(table.hidden.back());
  }
  if (!is("populated")) warnings.push_back("the materialized view has never been refreshed: it cannot be read");
  if (is("has_children")) warnings.push_back("tables inherit from it: their rows are read with it");
}

bool is_wanted(Table const& table, DiscoverRequest const& request) {
  if (table.is_view && !request.views) return false;
  if (!request.schemas.empty() && std::ranges::find(request.schemas, table.schema) == request.schemas.end())
    return false;
  return request.tables.empty() ||
         std::ranges::any_of(request.tables, [&](auto const& pattern) { return matches_glob(pattern, table.text()); });
}

// Facts about the database as a whole that would be silently wrong.
Result<std::vector<std::string>> database_warnings(pg::Session& session) {
  std::vector<std::string> warnings;
  WEIR_TRY(auto const rows, session.query("SELECT pg_encoding_to_char(encoding), pg_is_in_recovery() FROM pg_database "
                                          "WHERE datname = current_database()"));
  if (rows.text(0, 0) == "SQL_ASCII")
    warnings.emplace_back(
        "the database's encoding is SQL_ASCII: text that is not valid UTF-8 will be refused by the warehouse");
  if (rows.boolean(0, 1))
    warnings.emplace_back(
        "the server is a standby: long reads may be cancelled by replay (max_standby_streaming_delay)");
  return warnings;
}

}  // namespace

MappedType map_type(CatalogType const& type, CatalogType const* element) {
  if (type.kind == 'p')
    return {
        .pg_type = type.text, .cast = "", .loss = "", .refusal = "a column cannot have the pseudo-type " + type.text};
  if (element != nullptr) {
    if (passes(*element)) {
      bool const own = is_built_in(type);  // an array of a domain is a type of the user's
      std::string const text = own ? type.text : element->text + "[]";
      return {.pg_type = text, .cast = own ? "" : "::" + text, .loss = "", .refusal = ""};
    }
    return {.pg_type = "text[]", .cast = "::text[]", .loss = loss_as_text(*element), .refusal = ""};
  }
  if (!passes(type)) return {.pg_type = "text", .cast = "::text", .loss = loss_as_text(type), .refusal = ""};
  std::string loss;
  if (type.name == "money")
    loss = "nothing, if both servers have the same lc_monetary: it says how many digits are decimals";
  return {.pg_type = type.text, .cast = "", .loss = std::move(loss), .refusal = ""};
}

Result<DiscoveredCatalog> discover_postgres(pg::Session& session, DiscoverRequest const& request) {
  DiscoveredCatalog catalog;
  WEIR_TRY(auto const facts,
           session.query("SELECT current_setting('server_version'), current_database(), current_user"));
  catalog.product = fmt::format("PostgreSQL {}", facts.text(0, 0));
  catalog.database = facts.text(0, 1);
  WEIR_TRY(catalog.warnings, database_warnings(session));

  WEIR_TRY(auto const tables, session.query(embedded_file("queries/postgres/tables.sql")));
  std::vector<std::string> oids;
  std::map<std::string, std::size_t, std::less<>> place_of;
  for (std::size_t row = 0; row < tables.size(); ++row) {
    Table table;
    table.schema = tables.text(row, "schema");
    table.name = tables.text(row, "name");
    auto const kind = tables.text(row, "kind");
    table.is_view = kind == "v";
    if (!is_wanted(table, request)) continue;
    table.estimated_rows = parse_int(tables.text(row, "rows")).value_or(-1);
    table.estimated_bytes = parse_int(tables.text(row, "bytes")).value_or(-1);
    add_warnings(table, tables, row, std::string(facts.text(0, 2)));
    oids.emplace_back(tables.text(row, "oid"));
    place_of.emplace(oids.back(), catalog.tables.size());
    catalog.tables.push_back(std::move(table));
  }

  WEIR_TRY(auto const columns, session.query(embedded_file("queries/postgres/columns.sql"), {oid_array(oids)}));
  for (std::size_t row = 0; row < columns.size(); ++row)
    catalog.tables[place_of.find(columns.text(row, "relation"))->second].columns.push_back(column_of_row(columns, row));

  WEIR_TRY(auto const keys, session.query(embedded_file("queries/postgres/keys.sql"), {oid_array(oids)}));
  for (std::size_t row = 0; row < keys.size(); ++row) {
    Key key{.name = std::string(keys.text(row, "name")),
            .columns = keys.array(row, 4),
            .is_primary = keys.text(row, "is_primary") == "t",
            .is_unique = true,
            .is_clustered = keys.text(row, "is_clustered") == "t"};
    catalog.tables[place_of.find(keys.text(row, "relation"))->second].keys.push_back(std::move(key));
  }
  return catalog;
}

}  // namespace weir::source
