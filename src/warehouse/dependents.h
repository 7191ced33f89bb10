#pragma once
// What depends on a relation, as values. Read by queries/dependents.sql and queries/late_bound.sql.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"

namespace weir::warehouse {

// One thing that depends on a relation, directly or through others.
struct Dependent {
  int depth = 0;
  std::string kind;    // "view", "materialized view", "foreign key (incoming)", ...
  std::string object;  // as pg_describe_object() says it
  std::string owner;
  bool can_alter = false;
  bool direct = false;
  std::vector<std::string> uses_columns;  // of the relation itself
  bool uses_whole_row = false;            // has an edge to the relation as a whole, not only to columns
  std::string definition;                 // the statement that makes it
  std::string catalog;                    // "pg_class", "pg_proc", ...
  std::uint32_t oid = 0;
  std::string schema, name;    // where it is a relation
  bool has_row_value = false;  // a view in which a whole row stands as a value
  std::string options;         // a view's WITH (...)
};

// Code that names the relation only in its text; a guess by name.
struct LateBound {
  std::string function;
  std::string language;
  std::string owner;
};

// Printing a definition locks what it names (ACCESS SHARE) until the transaction ends.
enum class Definitions { Print, Omit };

// Ordered by depth: a valid order of creation.
Result<std::vector<Dependent>> load_dependents(pg::Session& session, sql::QualifiedName const& relation,
                                               Definitions definitions = Definitions::Print);
// What people call dependents: the table's own primary key is none.
int count_dependents(std::vector<Dependent> const& dependents);
// What others have built on it: views, functions, foreign keys that point to it, tables that inherit. The table's own
// indexes, constraints and the like are left out.
std::vector<Dependent> built_by_others(std::vector<Dependent> const& dependents);
Result<std::vector<LateBound>> load_late_bound(pg::Session& session, sql::QualifiedName const& relation);

}  // namespace weir::warehouse
