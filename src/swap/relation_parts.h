#pragma once
// What planning, preparing and publishing a relation share.

#include <string>
#include <vector>

#include "swap/legacy.h"
#include "swap/relation.h"

namespace weir::swap {

struct DescribedColumn {
  std::string name, type, collation;
  bool not_null = false;
};
// `relation` is quoted.
Result<std::vector<DescribedColumn>> describe_relation(pg::Session& session, std::string const& relation);

// "USING btree (a, b) INCLUDE (c) WHERE (d)", as pg_get_indexdef() says it where names are plain.
std::string index_tail(IndexDefinition const& index);
std::string create_index(IndexDefinition const& index, std::string const& name, std::string const& table);
// A name that index_name() gave.
bool is_derived_index_name(std::string_view name);
// The leaf's own copy of an index of the definition.
std::string leaf_index_name(sql::QualifiedName const& leaf, IndexDefinition const& index);

// What the shell's own machinery plans from.
Request request_for(RelationPlan const& plan, Method method);
// The plan of a table that is not there: `leaf` says the columns.
Result<Plan> plan_new_table(RelationPlan const& plan, warehouse::Relation const& leaf);

// The query, with what dependents use and it does not have as NULL behind it.
std::string query_with_kept(std::string const& query, Legacy const& legacy, std::vector<TargetColumn> const& columns);
// Columns of the relation of before that dependents use and that are not among `columns`.
std::vector<warehouse::Column const*> kept_columns(Legacy const& legacy, std::vector<TargetColumn> const& columns);

// " WITH (a, b)" or "": what the definition says, and what stood there and it does not speak of.
std::string with_options(std::string const& defined, std::string const& before);

// Rows that were not frozen by COPY are not seen by snapshots that are open now: those are waited for, for a while.
Status wait_for_snapshots(pg::Session& session, PublishLimits const& limits, std::vector<std::string>& notes,
                          std::string_view first = "");

// What prepare() would give, of a private table that the query has filled already. Nothing where more than that is
// needed to publish it by `plan`.
Result<std::optional<Prepared>> take_over(pg::Session& session, RelationPlan const& plan,
                                          sql::QualifiedName const& relation, std::uint64_t rows);

// For the rows of the client.
std::string copy_statement(sql::QualifiedName const& table, RelationDefinition const& definition);

// From so many rows on tidy_up() looks after the statistics of a shell.
inline constexpr std::uint64_t kShellStatisticsFrom = 1000;

// build() of what needs no care (plain.cc). Nothing: it is not such a case, and nothing was changed but that a
// transaction is open.
Result<std::optional<RelationReport>> build_plainly(pg::Session& session, RelationDefinition const& definition,
                                                    PublishLimits const& limits);

}  // namespace weir::swap
