#pragma once
// Relations that are made by a query: tables, views, materialized views. They are built in private and published so
// that whatever depends on the relation of before (views, functions, policies of other tables ...) and whatever others
// hung on it (grants, comments, indexes, policies, triggers) survives, also when its columns or its kind change.
//
//   plan_relation()  reads what stands at the name, describes the query, decides -> RelationPlan (a value)
//   prepare()        runs the query into a private table            -> Prepared     (a value; nothing of it is visible)
//   publish()        makes one or many Prepared the relations of their names, proves that nothing was lost -> reports
//   complete()       behind the caller's own last statements: gives back what those did not make anew
//
// Transactions: every function here needs an open transaction on `session`, works inside of it and leaves it open, so
// that hooks before and behind are committed together with the relation, or not at all. prepare() and publish() may
// stand in one transaction, or prepare() in one that was committed long before (write, audit, publish: swap/stage.h),
// on other sessions of the same role. The settings search_path, lock_timeout, row_security and client_min_messages are
// as they were when a function returns; the query runs with the caller's. Errors: after any error but Refused of
// plan_relation() the transaction must be rolled back; then nothing was changed. Refused: something could not be kept,
// named with its owner and column. Busy: locks were not granted in the window (readers are never made to wait for them:
// NOWAIT, again and again). Sql, Data: what the server said of the query. Threads: a session belongs to one thread;
// values may go anywhere. Evidence: DESIGN 5; ADR 0003.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "swap/swap.h"

namespace weir::swap {

enum class RelationKind { Table, View, MaterializedView };

// How a table is stored.
enum class Shape {
  Auto,      // a shell; an ordinary table that cannot become one stays and is changed in place
  Shell,     // a shell or an error
  Ordinary,  // an ordinary table: a new one takes the name, and what depended on the old one is moved
};

struct IndexDefinition {
  std::vector<std::string> columns = {};  // SQL: names, quoted where needed, or expressions in parentheses
  bool unique = false;
  std::string method = {};  // "" = btree
  std::string name = {};    // "" = derived from table and definition: the same on every build
  std::string where = {};   // partial index
  std::vector<std::string> include = {};
};
// "orders__1f0c22ab_weir": never changes as long as table name and definition do not.
std::string index_name(sql::QualifiedName const& table, IndexDefinition const& index);

struct RelationDefinition {
  sql::QualifiedName target;
  RelationKind kind = RelationKind::Table;
  std::string query;        // one SELECT (or VALUES, TABLE, WITH), as it stands in the published relation
  std::string build_query;  // the same, but reading relations that are not published yet; "" = query
  // The table's own DDL, as it stands between the parentheses of CREATE TABLE ("id integer NOT NULL, PRIMARY KEY
  // (id)"): the query's columns are then inserted by name. "" = the query's own columns and types.
  std::string columns_ddl;
  std::vector<IndexDefinition> indexes;  // tables and materialized views
  bool unlogged = false;
  Shape shape = Shape::Auto;
  std::string options;  // WITH (...) of a view or materialized view: "security_invoker=true". What is set there stays
  // A column that the query has no more while a dependent uses it: Keep (it stays, holding NULL) or Hold (refuse).
  ColumnPolicy dropped = ColumnPolicy::Keep;
  // A column of another type while a dependent uses it: Upgrade (dependents are rewritten in place where they are ours,
  // else as Shadow), Shadow (tables only), Hold.
  ColumnPolicy retyped = ColumnPolicy::Upgrade;
  // Indexes and statistics cannot stand on a view: Keep = their statements go to weir.archive and the report says so,
  // Hold = refuse. Policies, triggers that need a table, and foreign keys to it are always a refusal.
  ColumnPolicy unfit = ColumnPolicy::Keep;
  bool keep_previous = false;  // shells: the leaf of before stays for swap::rollback()
  std::uint64_t analyze_above_rows = 1000;
  // Tables whose rows come from the client (seeds): `query` is empty, `columns_ddl` says the columns, `row_columns`
  // their names as stored. Carries out the COPY that it is given, and says how many rows the server took. It is called
  // again where the first way turned out not to be one.
  std::function<Result<std::uint64_t>(std::string const& copy)> rows = {};
  std::vector<std::string> row_columns = {};
};

enum class Way {
  Create,   // nothing of that name is there
  Leaf,     // the leaf of a shell is exchanged
  Adopt,    // an ordinary table becomes a shell
  Merge,    // an ordinary table is changed in place, row by row
  Replace,  // CREATE OR REPLACE VIEW: identity and dependents stay by themselves
  Succeed,  // a new relation takes the name, everything that hung on the old one moves
  Refresh,  // a materialized view of the same query
};
std::string_view way_name(Way way);

struct Legacy;  // swap/legacy.h

struct RelationPlan {
  RelationDefinition definition;
  Way way = Way::Create;
  std::string reason;
  Shape shape = Shape::Shell;              // tables: what it will be
  bool same_query = false;                 // a materialized view's query is the one of before
  std::vector<TargetColumn> columns;       // what it will have; empty where nothing is there yet and the query says it
  std::vector<std::string> query_columns;  // of the query, where `columns_ddl` says the table's
  std::vector<Dependent> dependents;       // of what stands there now
  std::vector<std::string> moved;          // Succeed: what is pointed at the new relation
  std::vector<std::string> warnings;
  std::shared_ptr<Capture const> capture;  // what stands there
  std::shared_ptr<Legacy const> legacy;    // what hangs on it; null where the way did not need to know
};

// Reads only. Refused where something would be lost that cannot be kept.
Result<RelationPlan> plan_relation(pg::Session& session, RelationDefinition const& definition);
std::string explain_text(RelationPlan const& plan);
nlohmann::ordered_json explain_json(RelationPlan const& plan);

struct Prepared {
  RelationPlan plan;
  // What can be read before the publish: a private table, or materialized view, in schema weir_data; of a view nothing.
  sql::QualifiedName relation;
  std::int64_t generation = 0;  // weir.generation.id; 0 = none
  std::uint64_t rows = 0;
  std::vector<std::string> relaxed;  // columns that hold NULL though the table said NOT NULL
  std::vector<std::string> notes;
};

Result<Prepared> prepare(pg::Session& session, RelationPlan const& plan);

// Drops what prepare() made and nobody published. Idempotent.
Status discard(pg::Session& session, Prepared const& prepared);

struct RelationReport {
  sql::QualifiedName target;
  RelationKind kind = RelationKind::Table;
  Way way = Way::Create;
  std::uint64_t rows = 0;
  std::string generation;          // the leaf that holds the rows, or ""
  std::vector<std::string> moved;  // dependents that were pointed at the new relation
  std::vector<std::string> notes;
  int facts_verified = 0;  // catalog facts that were compared
  Duration locked{};       // from the exclusive lock to the end of publish()
  int lock_tries = 0;
  bool has_old_leaves = true;  // tidy_up() looks for them
  // For complete(): statements that give back what hung on the relation of before, each with what it makes.
  std::vector<std::string> to_complete;
};

struct PublishLimits {
  Duration window = std::chrono::minutes(15);         // for the locks
  Duration snapshot_wait = std::chrono::seconds(30);  // for open snapshots that would see the table empty
  std::stop_token stop;
};

// All of them, or none, in the order given: what reads another one of them stands behind it. Locks are taken before,
// NOWAIT and in one order for all publishers, all again when one is not to be had.
Result<std::vector<RelationReport>> publish(pg::Session& session, std::span<Prepared const> prepared,
                                            PublishLimits const& limits = {});

// The last step before COMMIT, behind the caller's own statements: indexes, constraints, statistics, triggers, rules
// and policies that stood on the relation of before and were not made anew meanwhile.
Status complete(pg::Session& session, RelationReport& report);

// plan_relation(), prepare() (which fills it with the client's rows, where they are those) and publish() of one
// relation. Begins a transaction where none is open.
Result<RelationReport> build(pg::Session& session, RelationDefinition const& definition,
                             PublishLimits const& limits = {});

// After COMMIT, without a transaction: ANALYZE of a shell (autovacuum never does it), old leaves. What fails is a note.
void tidy_up(pg::Session& session, RelationReport& report);

// Columns of a table that keeps its rows (incremental loads).
struct ColumnChange {
  enum class What { Add, Drop, Retype };
  What what = What::Add;
  std::string column;
  std::string type;    // Add, Retype
  std::string using_;  // Retype: expression; "" = a plain cast
};
// In place: no column moves, rows are rewritten only where the type asks for it. Views that use a column which is
// retyped are rewritten in place and keep identity, grants, comments. A dropped column that a dependent uses stays
// (Keep; new rows hold NULL) or is a refusal (Hold).
Result<RelationReport> change_columns(pg::Session& session, sql::QualifiedName const& table,
                                      std::span<ColumnChange const> changes, ColumnPolicy dropped = ColumnPolicy::Keep,
                                      PublishLimits const& limits = {});

}  // namespace weir::swap
