#pragma once
// What happens to each column: pure. The table's columns and the source's columns go in; what the new leaf must have,
// the DDL on the table, and the refusals come out.

#include <set>
#include <string>
#include <vector>

#include "swap/capture.h"
#include "swap/swap.h"

namespace weir::swap {

enum class Fill {
  Copied,     // by COPY, from the request's column of that name
  Cast,       // computed from the copied column `of`: a shadow of an older type
  Empty,      // NULL: a column kept for its dependents
  Generated,  // by its own expression
  Users,      // in place: what the users of the table have there stays
};

struct LoadColumn {
  std::string name;  // after the publish
  std::string type;
  std::string collation;
  Fill fill = Fill::Copied;
  std::string of;  // Cast: the copied column; its type is `of_type`
  std::string of_type;
  std::string expression;  // Generated
  bool not_null = false;   // the table will demand it
  bool may_relax = false;  // the table demands NOT NULL, the source does not: relaxed if the rows hold NULL
  std::string storage, compression;
  std::string table_name;  // in place: the column's name in the table while rows are written
};

struct ColumnPlan {
  std::vector<LoadColumn> load;  // all columns that the table has afterwards, in its order
  std::vector<ColumnAction> actions;
  // Column DDL, each without "ALTER TABLE <table> ". Shell: all of `on_empty` runs between DETACH and ATTACH. In place:
  // `before` runs in a short transaction of its own, `after` at the end of the writing one.
  std::vector<std::string> on_empty, before, after;
  std::vector<Shadow> new_shadows;
  std::vector<std::string> gone_shadows;  // by shadow name
  // Statements that put back what a column made anew in place lost with the old one; after `after`.
  std::vector<std::string> restore;
  // Columns whose facts differ afterwards, and how: what verify() accounts for.
  std::set<std::string> added, dropped, retyped, relaxed;
  std::vector<std::string> unfinished;  // in place: columns of `before` that get their names in `after`
  // Why the rows cannot be changed in place, with column and dependents; "" = they can.
  std::string in_place_obstacle;
  bool renames = false;              // definitions that print column names may differ in text
  std::vector<Dependent> rewritten;  // upgrade: views emptied and refilled
  std::vector<std::string> warnings;

  bool changes_table() const { return !on_empty.empty() || !before.empty() || !after.empty(); }
  LoadColumn const* find(std::string_view name) const;
  // A new shadow's name in the table until the publish.
  std::string old_name(Shadow const& shadow) const;
  std::vector<std::pair<std::string, std::string>> renamed;  // name afterwards, name before
};

// `in_place`: the rows are written into the table itself, which keeps its other rows.
Result<ColumnPlan> plan_columns(Capture const& capture, Request const& request, bool in_place);

// What a plan will not do, said before anything is loaded.
Error refusal(Request const& request, std::string message, std::string cause, std::string next);

// One spelling for a type: "int8" and "bigint" are the same, and so are "varchar(10)" and "character varying(10)".
std::string normal_type(std::string_view type);

// Columns that the table's users added, and that a full refresh must not empty.
std::vector<std::string> users_columns(Capture const& capture, Request const& request);

// Dependents (of others than the column itself) that read the column.
std::vector<Dependent const*> users_of(Capture const& capture, std::string_view column);

// "view mart.v (owner bi), policy p on table t"
std::string list_objects(std::vector<Dependent const*> const& dependents, std::size_t most = 5);

}  // namespace weir::swap
