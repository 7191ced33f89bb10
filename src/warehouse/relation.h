#pragma once
// One relation of the warehouse with what it is made of, as values read from the catalog by queries/*.sql. Reading
// takes no lock beyond ACCESS SHARE on catalogs. The session's search_path must be pg_catalog, as Session::connect()
// leaves it, so that every name in a definition comes out qualified.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"

namespace weir::warehouse {

struct Column {
  int number = 0;
  std::string name;
  std::string type;  // as format_type() says it
  bool not_null = false;
  std::optional<std::string> default_expression;  // also a generated column's expression
  bool generated = false;
  std::string identity;     // "", "a" (always), "d" (by default)
  std::string storage;      // "" = the type's own, else PLAIN, EXTERNAL, MAIN, EXTENDED
  std::string compression;  // "", pglz, lz4
  std::string collation;    // "" = the type's own, else quoted
  std::string options;
  int statistics_target = -1;
  bool has_grants = false;
  std::string comment;
};

struct Index {
  std::uint32_t oid = 0;
  sql::QualifiedName name;
  bool unique = false, primary = false, valid = true, clustered = false, replica_identity = false;
  bool attached = false;        // belongs to an index of the partitioned table above
  bool plain = false;           // valid, immediate, without expressions and predicate
  std::string tail;             // the definition from USING on
  std::string constraint_name;  // of the constraint that owns it, or ""
  std::string constraint_type;  // p, u, x or ""
  std::string comment;
  std::string tablespace;
  std::vector<std::string> columns;
};

struct Constraint {
  std::string name;
  std::string type;  // p, u, x, c, f
  bool own = true;   // false: a foreign key of another table that points here
  std::string definition;
  bool validated = true;
  bool inherited = false;
  std::string other_table;  // of a foreign key
  std::string comment;
  std::vector<std::string> columns;
};

struct Trigger {
  std::string name;
  std::string enabled;  // O, D, R, A
  bool row = false;
  std::string definition;
  bool transition_tables = false;
  std::vector<std::string> columns;
};

struct Relation {
  sql::QualifiedName name;
  std::uint32_t oid = 0;
  char kind = 'r';  // as pg_class.relkind
  char persistence = 'p';
  bool is_partition = false, has_parent = false, has_children = false, typed = false, has_rules = false;
  std::string owner;
  bool can_alter = false;  // the session's role may ALTER it
  bool row_security = false, force_row_security = false;
  std::string replica_identity;
  std::int64_t estimated_rows = -1;  // -1 = never analysed
  std::int64_t bytes = 0;
  std::string access_method, tablespace, options, extension;
  std::vector<std::string> publications;
  std::string partition_key;
  std::string view_definition;
  int highest_column = 0;  // attribute numbers are never given back: 1,600 is the end

  std::vector<Column> columns;
  std::vector<Index> indexes;
  std::vector<Constraint> constraints;
  std::vector<Trigger> triggers;

  Column const* find_column(std::string_view column) const;
};

// "view", "foreign table", ... of pg_class.relkind.
std::string_view relkind_name(char kind);

// Nothing where there is no relation of that name.
Result<std::optional<Relation>> load_relation(pg::Session& session, sql::QualifiedName const& name);

struct Leaf {
  sql::QualifiedName name;
  bool is_default = false;
};
// The partitions of a partitioned table, the DEFAULT one first.
Result<std::vector<Leaf>> load_leaves(pg::Session& session, sql::QualifiedName const& shell);

// A session that holds a lock on a relation.
struct Blocker {
  int pid = 0;
  std::string role, application, state, mode, query, backend_type;
  std::int64_t seconds = 0;  // how old its transaction is
  // "pid 4211, role "bi", idle in transaction for 12 min, holds AccessShareLock: SELECT ..."
  std::string text() const;
};
// On the relation, on its leaf, and on `extra` (quoted, or "").
Result<std::vector<Blocker>> load_blockers(pg::Session& session, sql::QualifiedName const& relation,
                                           std::string const& extra = "");

}  // namespace weir::warehouse
