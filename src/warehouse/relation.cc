#include "warehouse/relation.h"

#include <fmt/format.h>

#include "base/text.h"
#include "warehouse/query.h"

namespace weir::warehouse {
namespace {

std::string text(pg::Rows const& rows, std::size_t row, std::string_view column) {
  return std::string(rows.text(row, column));
}
bool flag(pg::Rows const& rows, std::size_t row, std::string_view column) {
  return rows.text(row, column) == "t";
}
std::int64_t number(pg::Rows const& rows, std::size_t row, std::string_view column) {
  return parse_int(rows.text(row, column)).value_or(0);
}
std::size_t index_of(pg::Rows const& rows, std::string_view column) {
  std::size_t i = 0;
  while (i < rows.columns() && rows.column_name(i) != column) ++i;
  return i;
}
std::vector<std::string> list(pg::Rows const& rows, std::size_t row, std::string_view column) {
  return rows.array(row, index_of(rows, column));
}

Result<std::vector<Column>> load_columns(pg::Session& session, std::string const& root) {
  WEIR_TRY(auto rows, catalog_rows(session, "columns", {{"root", root}}));
  std::vector<Column> columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Column c;
    c.number = static_cast<int>(number(rows, i, "number"));
    c.name = text(rows, i, "name");
    c.type = text(rows, i, "type");
    c.not_null = flag(rows, i, "not_null");
    c.default_expression = rows.optional_text(i, index_of(rows, "default_expression"));
    c.generated = !rows.text(i, "generated").empty();
    c.identity = text(rows, i, "identity");
    c.storage = text(rows, i, "storage");
    c.compression = text(rows, i, "compression");
    c.collation = text(rows, i, "collation");
    c.options = text(rows, i, "options");
    c.statistics_target = static_cast<int>(number(rows, i, "statistics_target"));
    c.has_grants = flag(rows, i, "has_grants");
    c.comment = text(rows, i, "comment");
    columns.push_back(std::move(c));
  }
  return columns;
}

Result<std::vector<Index>> load_indexes(pg::Session& session, std::string const& root) {
  WEIR_TRY(auto rows, catalog_rows(session, "indexes", {{"root", root}}));
  std::vector<Index> indexes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Index x;
    x.oid = static_cast<std::uint32_t>(number(rows, i, "oid"));
    x.name = {text(rows, i, "schema"), text(rows, i, "name")};
    x.unique = flag(rows, i, "is_unique");
    x.primary = flag(rows, i, "is_primary");
    x.valid = flag(rows, i, "is_valid");
    x.clustered = flag(rows, i, "is_clustered");
    x.replica_identity = flag(rows, i, "is_replica_identity");
    x.attached = flag(rows, i, "is_attached");
    x.plain = flag(rows, i, "is_plain");
    x.tail = text(rows, i, "tail");
    x.constraint_name = text(rows, i, "constraint_name");
    x.constraint_type = text(rows, i, "constraint_type");
    x.comment = text(rows, i, "comment");
    x.tablespace = text(rows, i, "tablespace");
    x.columns = list(rows, i, "columns");
    indexes.push_back(std::move(x));
  }
  return indexes;
}

Result<std::vector<Constraint>> load_constraints(pg::Session& session, std::string const& root) {
  WEIR_TRY(auto rows, catalog_rows(session, "constraints", {{"root", root}}));
  std::vector<Constraint> constraints;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Constraint k;
    k.name = text(rows, i, "name");
    k.type = text(rows, i, "type");
    k.own = flag(rows, i, "is_own");
    k.definition = text(rows, i, "definition");
    k.validated = flag(rows, i, "is_validated");
    k.inherited = flag(rows, i, "is_inherited");
    k.other_table = text(rows, i, "other_table");
    k.comment = text(rows, i, "comment");
    k.columns = list(rows, i, "columns");
    constraints.push_back(std::move(k));
  }
  return constraints;
}

Result<std::vector<Trigger>> load_triggers(pg::Session& session, std::string const& root) {
  WEIR_TRY(auto rows, catalog_rows(session, "triggers", {{"root", root}}));
  std::vector<Trigger> triggers;
  for (std::size_t i = 0; i < rows.size(); ++i)
    triggers.push_back({.name = text(rows, i, "name"),
                        .enabled = text(rows, i, "enabled"),
                        .row = flag(rows, i, "is_row"),
                        .definition = text(rows, i, "definition"),
                        .transition_tables = flag(rows, i, "has_transition_tables"),
                        .columns = list(rows, i, "columns")});
  return triggers;
}

Relation relation_of(pg::Rows const& rows) {
  Relation r;
  r.name = {text(rows, 0, "schema"), text(rows, 0, "name")};
  r.oid = static_cast<std::uint32_t>(number(rows, 0, "oid"));
  r.kind = rows.text(0, "kind")[0];
  r.persistence = rows.text(0, "persistence")[0];
  r.is_partition = flag(rows, 0, "is_partition");
  r.has_parent = flag(rows, 0, "has_parent");
  r.has_children = flag(rows, 0, "has_children");
  r.typed = flag(rows, 0, "typed");
  r.has_rules = flag(rows, 0, "has_rules");
  r.owner = text(rows, 0, "owner");
  r.can_alter = flag(rows, 0, "can_alter");
  r.row_security = flag(rows, 0, "row_security");
  r.force_row_security = flag(rows, 0, "force_row_security");
  r.replica_identity = text(rows, 0, "replica_identity");
  r.estimated_rows = number(rows, 0, "estimated_rows");
  r.bytes = number(rows, 0, "bytes");
  r.access_method = text(rows, 0, "access_method");
  r.tablespace = text(rows, 0, "tablespace");
  r.options = text(rows, 0, "options");
  r.extension = text(rows, 0, "extension");
  r.publications = list(rows, 0, "publications");
  r.partition_key = text(rows, 0, "partition_key");
  r.view_definition = text(rows, 0, "view_definition");
  r.highest_column = static_cast<int>(number(rows, 0, "highest_column"));
  return r;
}

}  // namespace

Column const* Relation::find_column(std::string_view column) const {
  for (Column const& c : columns)
    if (c.name == column) return &c;
  return nullptr;
}

Result<std::optional<Relation>> load_relation(pg::Session& session, sql::QualifiedName const& name) {
  std::string const root = name.quoted();
  WEIR_TRY(auto rows, catalog_rows(session, "relation", {{"root", root}}));
  if (rows.size() == 0) return std::optional<Relation>();
  Relation relation = relation_of(rows);
  WEIR_TRY(relation.columns, load_columns(session, root));
  WEIR_TRY(relation.indexes, load_indexes(session, root));
  WEIR_TRY(relation.constraints, load_constraints(session, root));
  WEIR_TRY(relation.triggers, load_triggers(session, root));
  return std::optional<Relation>(std::move(relation));
}

Result<std::vector<Leaf>> load_leaves(pg::Session& session, sql::QualifiedName const& shell) {
  WEIR_TRY(auto rows, catalog_rows(session, "leaf", {{"root", shell.quoted()}}));
  std::vector<Leaf> leaves;
  for (std::size_t i = 0; i < rows.size(); ++i)
    leaves.push_back(
        {.name = {text(rows, i, "schema"), text(rows, i, "name")}, .is_default = flag(rows, i, "is_default")});
  return leaves;
}

std::string Blocker::text() const {
  std::string const who =
      backend_type == "autovacuum worker" ? std::string("autovacuum") : fmt::format("role \"{}\"", role);
  std::string const age = format_duration(std::chrono::seconds(seconds));
  return fmt::format("pid {}, {}, {} for {}, holds {}{}", pid, who, state.empty() ? "working" : state, age, mode,
                     query.empty() ? "" : ": " + query);
}

Result<std::vector<Blocker>> load_blockers(pg::Session& session, sql::QualifiedName const& relation,
                                           std::string const& extra) {
  WEIR_TRY(auto rows, session.query(catalog_query("blockers", {{"root", relation.quoted()}, {"extra", extra}})));
  std::vector<Blocker> blockers;
  for (std::size_t i = 0; i < rows.size(); ++i)
    blockers.push_back({.pid = static_cast<int>(number(rows, i, "pid")),
                        .role = text(rows, i, "role"),
                        .application = text(rows, i, "application"),
                        .state = text(rows, i, "state"),
                        .mode = text(rows, i, "mode"),
                        .query = text(rows, i, "query"),
                        .backend_type = text(rows, i, "backend_type"),
                        .seconds = number(rows, i, "seconds")});
  return blockers;
}

std::string_view relkind_name(char kind) {
  switch (kind) {
    case 'r':
      return "table";
    case 'p':
      return "partitioned table";
    case 'v':
      return "view";
    case 'm':
      return "materialized view";
    case 'f':
      return "foreign table";
    case 'S':
      return "sequence";
    case 'c':
      return "composite type";
    case 'i':
    case 'I':
      return "index";
    default:
      return "relation";
  }
}

}  // namespace weir::warehouse
