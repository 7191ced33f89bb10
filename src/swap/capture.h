#pragma once
// What stands at the target before a publish: the relation, its leaf, what depends on it, and what weir remembers of
// it. A value; plan() decides from it alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/name.h"
#include "swap/swap.h"
#include "warehouse/dependents.h"
#include "warehouse/relation.h"

namespace weir::swap {

inline constexpr std::string_view kDataSchema = "weir_data";

enum class TargetKind {
  Missing,
  Shell,  // a partitioned table with the whole-row key and one leaf in weir_data
  Table,  // an ordinary table, or a partitioned one that is not ours
  View,   // a stable view over numbered tables, made by method view
  Other,  // anything else: a view of somebody, a foreign table, a sequence ...
};

// A row of weir.generation.
struct Generation {
  std::int64_t id = 0, n = 0, token = 0;
  std::int64_t rows = -1;
  sql::QualifiedName relation;
  std::string method, state, columns;
  bool frozen = true;
};

// A row of weir.shadow.
struct Shadow {
  std::string column, shadow, old_type, reason;
};

struct Capture {
  sql::QualifiedName target;
  int server_version = 0;
  std::string database;
  std::string role;       // current_user
  bool prepared = false;  // schema weir is there
  bool schema_exists = false;
  bool can_create = false;  // in the schema, or the schema itself
  std::string shell_key;    // weir.meta: "whole row", or why shells cannot be made on this server
  TargetKind kind = TargetKind::Missing;
  std::optional<warehouse::Relation> relation;
  std::optional<warehouse::Relation> leaf;
  std::vector<Dependent> dependents;
  std::vector<warehouse::LateBound> late_bound;
  std::vector<Dependent> on_leaf;  // what somebody built on the leaf itself
  std::vector<Shadow> shadows;
  std::vector<std::string> unfinished;  // columns that a publish in place left under their name for the time being
  std::optional<Generation> published, previous;

  // Rows now, as well as it is known without counting; -1 = not known.
  std::int64_t known_rows() const;
};

// capture() with a choice about the definitions of the dependents.
Result<std::shared_ptr<Capture const>> capture(pg::Session& session, sql::QualifiedName const& target,
                                               warehouse::Definitions definitions);

using warehouse::relkind_name;

// A table's name as messages say it: "sync_core.Country".
std::string in_quotes(sql::QualifiedName const& name);

// weir.generation: the newest row of the target in one of the states, or nothing.
Result<std::optional<Generation>> find_generation(pg::Session& session, sql::QualifiedName const& target,
                                                  std::string_view states);

}  // namespace weir::swap
