#pragma once
// The private table: its name, its DDL, and what must be added to a leaf so that it can be attached without any work
// under the lock (matching indexes, constraints, foreign keys, defaults). Pure, but for complete_leaf().

#include <string>
#include <vector>

#include "swap/capture.h"
#include "swap/columns.h"

namespace weir::swap {

// True where the rows go into a leaf that becomes (part of) the table; false for an unlogged staging table.
bool uses_leaf(Plan const& plan);

// weir_data."schema__name__g7"
sql::QualifiedName generation_name(sql::QualifiedName const& target, std::int64_t n);
// A key of the target's writer lock: pg_advisory_lock(kWriterLock, key).
inline constexpr int kWriterLock = 1464158547;
inline constexpr int kPublishLock = 1464158546;
int writer_lock_key(sql::QualifiedName const& target);

// Digest of what is copied and how, for taking a load up again.
std::string load_digest(Plan const& plan);

// Statements that make the table rows are copied into; `empty`: for a rehearsal, without what only filling needs.
std::vector<std::string> create_load(Plan const& plan, sql::QualifiedName const& name, bool empty = false);
// Statements that take away what was only needed for filling it.
std::vector<std::string> settle_columns(Plan const& plan, sql::QualifiedName const& name);
// Drops the load with all that was made for it, at whatever stage. Never CASCADE.
std::string drop_load(sql::QualifiedName const& name);
// The keys table beside a staging table.
sql::QualifiedName keys_name(sql::QualifiedName const& staging);

// What `leaf` still lacks to be attached to the table: columns, NOT NULL, checks, keys, indexes, foreign keys,
// defaults. `relaxed`: columns whose NOT NULL is given up, since the rows hold NULL.
std::vector<std::string> complete_leaf(Plan const& plan, warehouse::Relation const& leaf,
                                       std::vector<std::string> const& relaxed);

// An index or constraint whose name was derived from the leaf's by its definition, not by complete_leaf().
bool is_defined_part(warehouse::Relation const& leaf, std::string_view name);

}  // namespace weir::swap
