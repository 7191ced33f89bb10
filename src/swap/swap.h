#pragma once
// Publishing: make new rows the contents of a warehouse table while everything that depends on the table survives.
//
//   capture()  reads what is there           -> Capture (a value)
//   plan()     pure: decides method and steps -> Plan   (a value; explain() shows it, refusals come out here)
//   rehearse() the real DDL on an empty leaf, rolled back: a preflight that cannot lie, before anything is loaded
//   Load       creates the private table that rows are copied into, then finishes it (indexes, constraints, ANALYZE)
//   publish()  one short transaction: fence, locks, the method, verify (fingerprint before = after), the caller's own
//              writes (cursor, ledger), COMMIT
//   rollback() the same swap backwards, to the previous leaf
//
// weir never writes CASCADE. Sessions passed in belong to the calling thread. Research: DESIGN 5; PostgreSQL docs,
// "ALTER TABLE" (ATTACH/DETACH PARTITION), "Explicit Locking", "Caveats" (MVCC), "COPY" (FREEZE).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "pg/session.h"
#include "sql/name.h"
#include "warehouse/dependents.h"

namespace weir::swap {

enum class Method { Auto, Shell, Merge, View, Truncate };
std::optional<Method> method_from(std::string_view text);  // "auto", "shell", ...
std::string_view method_name(Method method);

// What the new rows are to the table.
enum class Operation {
  Replace,  // they are the table (full refresh)
  Append,   // they are added
  Upsert,   // they are added, and replace rows of the same key (append + dedup)
};

// What happens to a column that is no longer at the source, or has another type there, while a dependent uses it.
enum class ColumnPolicy {
  Keep,     // the column stays; new rows hold NULL
  Shadow,   // the old column is renamed and kept for its dependents; a new one takes the name
  Upgrade,  // dependents that weir owns are rewritten in place, never dropped
  Hold,     // stop before loading, name dependent and column
};

struct TargetColumn {
  std::string name;
  std::string type;  // as format_type() says it
  bool not_null = false;
};

struct Request {
  sql::QualifiedName target;
  Operation operation = Operation::Replace;
  std::vector<TargetColumn> columns;  // in the order in which the rows will be copied
  std::vector<std::string> key;       // unique and not null at the source; empty = none known
  // Columns that earlier loads brought. What else the table has is its users' and stays, with NULL or its default in
  // new rows. Nothing = every column is ours.
  std::optional<std::vector<std::string>> loaded_before = std::nullopt;
  std::string dedup_order;  // Upsert: column by which the newest row of a key wins; "" = arrival
  Method method = Method::Auto;
  ColumnPolicy dropped = ColumnPolicy::Keep;
  ColumnPolicy retyped = ColumnPolicy::Shadow;
  bool delete_missing = false;  // Upsert: Load's keys table gets all source keys; other rows are deleted
  std::int64_t expected_rows = -1;
  std::uint64_t merge_below_rows = 5000;  // auto: lookup tables up to this size are merged in place
  // Indexes and keys that bear the leaf's name come from the caller's definition: the next leaf gets them from there.
  bool defines_parts = false;
  std::string read_fingerprint;  // of what is read and how; Load::adopt takes up only a load of the same one
};

// One thing that depends on the table, from the dependents query.
using Dependent = warehouse::Dependent;

struct Capture;     // swap/capture.h
struct ColumnPlan;  // swap/columns.h

struct ColumnAction {
  std::string column;
  std::string action;     // "add", "drop", "retype", "keep", "shadow", "upgrade", "not null off", "fill shadow"
  std::string detail;     // "int4 -> bigint; used by view mart.v (column qty)"
  bool is_users = false;  // of a column that no load brought
};

struct Step {
  std::string phase;  // "load", "rehearse", "publish", "after"
  std::string what;   // for people
  std::string lock;   // "" or the strongest lock it takes on what readers see
  std::string sql;    // "" where the text is only known later
};

struct Plan {
  Request request;
  Method method = Method::Shell;
  std::string reason;  // why this method
  bool creates_table = false;
  bool adopts_table = false;  // an ordinary table becomes a shell
  std::vector<ColumnAction> columns;
  std::vector<Dependent> dependents;
  std::vector<Step> steps;
  std::vector<std::string> warnings;
  std::shared_ptr<Capture const> capture;
  std::shared_ptr<ColumnPlan const> column_plan;
};

// Reads the table (or that there is none) and all that depends on it. Takes no lock beyond ACCESS SHARE on catalogs.
Result<std::shared_ptr<Capture const>> capture(pg::Session& session, sql::QualifiedName const& target);
std::vector<Dependent> const& dependents(Capture const& capture);

// Pure. Refused (with the names of dependents and columns) where no method keeps everything.
Result<Plan> plan(std::shared_ptr<Capture const> capture, Request const& request);
std::string explain_text(Plan const& plan);
nlohmann::ordered_json explain_json(Plan const& plan);
nlohmann::ordered_json explain_json(std::vector<ColumnAction> const& columns);

struct Rehearsal {
  std::vector<std::string> notes;  // what was proved; who holds the lock where it could not be had
  bool complete = true;            // false: the locks could not be had within a second; publish() will tell
  Duration lock_time{};            // how long the locks were held
};
// Runs the publish with an empty leaf and rolls back. Errors: Refused, Denied or Sql with what would break.
Result<Rehearsal> rehearse(pg::Session& session, Plan const& plan);

// The private table that new rows are copied into: a leaf (shell, view), or an unlogged staging table (the in-place
// ways). Holds the target's writer lock (an advisory lock of the session) from begin() or adopt() until it goes: a
// second writer gets Busy with the first one's pid. The session outlives the Load; publish() may use the same session
// or another one.
class Load {
 public:
  // `token` makes the name unique per attempt and is written to weir.generation (state "building"). With `frozen`,
  // creation and every COPY happen in one transaction that finish() commits (COPY ... FREEZE: a correctness rule for
  // readers with older snapshots); without it each chunk may be committed by itself, and publish() waits for old
  // snapshots.
  static Result<Load> begin(pg::Session& session, Plan const& plan, std::string const& scope, std::int64_t token,
                            bool frozen);
  // Takes up a load that an earlier attempt left behind, if its columns are those of the plan; else drops it. Nothing
  // if there is none.
  static Result<std::optional<Load>> adopt(pg::Session& session, Plan const& plan, std::string const& scope,
                                           std::int64_t token);
  Load(Load&&) noexcept;
  Load& operator=(Load&&) noexcept;
  ~Load();

  sql::QualifiedName const& relation() const;
  // True once finish() was done, here or by the attempt that this load was taken up from: the rows are all in.
  bool ready() const;
  // Rows in it: of the proof once ready, else (a load taken up) those that are committed now.
  std::uint64_t rows() const;
  // COPY "weir_data"."..." (columns) FROM STDIN (FORMAT binary[, FREEZE]).
  std::string copy_statement() const;
  // For Request::delete_missing: COPY of all the source's keys, columns as in Request::key.
  std::string copy_keys_statement() const;
  bool frozen() const;
  // Row proof (rows_expected = rows in the table, or Data), then indexes and constraints that match, ANALYZE,
  // generation state "ready". Commits a frozen load. `keys_expected`: the same proof for the keys table.
  Status finish(std::uint64_t rows_expected, std::optional<std::uint64_t> keys_expected = std::nullopt);
  // Drops it.
  Status discard();

 private:
  struct State;
  explicit Load(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  friend struct LoadAccess;
};

struct PublishOptions {
  std::string scope;                           // the fence's name: "connection/stream"
  std::int64_t token = 0;                      // refused if the warehouse has seen a higher one
  Duration window = std::chrono::minutes(15);  // how long to wait for the locks before giving up with Busy
  std::stop_token stop;
  // Runs in the publishing transaction before the method: cursor, ledger. May be empty.
  std::function<Status(pg::Session&)> in_transaction;
};

struct Report {
  Method method = Method::Shell;
  std::string generation;  // relation that now holds the rows
  std::uint64_t rows_before = 0, rows_after = 0;
  std::uint64_t inserted = 0, updated = 0, deleted = 0;  // in-place ways
  Duration locked{};                                     // readers could have waited this long
  Duration waited{};                                     // for the locks
  int lock_tries = 0;
  int dependents_verified = 0;
  std::vector<std::string> notes;
};

// Errors: Busy (locks not granted in the window: names the holders; the load stays, ready), InDoubt, Refused (fence,
// fingerprint differs: rolled back), Sql. A lost COMMIT reply is resolved here with a fresh session, which then takes
// the place of `session`; InDoubt comes out only if that could not be done either.
Result<Report> publish(pg::Session& session, Plan const& plan, Load const& load, PublishOptions const& options);

// Back to the previous leaf. Refused if there is none.
Result<Report> rollback(pg::Session& session, sql::QualifiedName const& target, PublishOptions const& options);

// Drops generations that are neither current nor previous and loads of tokens that are stale. Never CASCADE: what
// somebody built on a leaf is kept and reported. Gives one line for each thing dropped or kept.
Result<std::vector<std::string>> collect_garbage(pg::Session& session);

// A catalog fingerprint of the table and everything that hangs on it, one fact a line, sorted. Equal before and after.
Result<std::vector<std::string>> fingerprint(pg::Session& session, sql::QualifiedName const& target);

// Creates or migrates schema `weir` (migrations/warehouse) and schema `weir_data`; idempotent; advisory-locked.
Status prepare_warehouse(pg::Session& session);

// What DROP TABLE would say, tried and rolled back: SQLSTATE, message and detail. For `weir demo` and the docs.
Result<std::string> what_drop_would_say(pg::Session& session, sql::QualifiedName const& target);

}  // namespace weir::swap
