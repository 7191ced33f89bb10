#pragma once
// The loading engine: a connection's streams, from a source into warehouse tables, each published when it is ready.
//
//   plan()     discovers the source, reads the warehouse's state, decides everything -> SyncPlan (a value; writes
//   nothing) explain    the plan as text and JSON: `weir sync --plan` run()      the only side effects: load, prove,
//   guard, publish; per stream, with retries -> SyncReport (a value) list(), verify(), reset(), release()   look at,
//   check and steer what run() left in the warehouse's schema `weir`
//
// Cursor, ledger and fence live in the warehouse and change in the transaction that publishes the rows: a run that is
// killed anywhere is finished or cleaned up by the next one, and no row is lost or doubled. Everything here may be
// called from any thread; run() itself uses `Connection::workers` threads. Rules: DESIGN 2 and 6, docs/faults.md.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "source/source.h"
#include "swap/swap.h"
#include "sync/endpoints.h"

namespace weir::sync {

// Which streams: `dbo.Country`, `dbo.*`, `Country`, and comma lists of these. No include = all streams of the
// connection. A selector that matches no stream is an error (Usage) that names the nearest ones.
struct Selection {
  std::vector<std::string> include, exclude;
};

std::string_view mode_name(config::Mode mode);  // "full refresh overwrite", "incremental append + dedup", ...

// ---- plan ----------------------------------------------------------------------------------------------------------

// How an incremental stream reads this time.
enum class ReadKind { Full, Window };

struct StreamPlan {
  std::string stream;  // "dbo.Country", as the source says it
  std::string scope;   // "core/dbo.Country": names fence, cursor and ledger in the warehouse
  config::Mode mode = config::Mode::FullRefreshOverwrite;
  config::StreamOptions options;
  source::Table table;                      // with only the columns that are read, in order
  std::vector<std::string> target_columns;  // of each of table.columns: its name in the warehouse
  sql::QualifiedName target;
  ReadKind read = ReadKind::Full;
  std::string why_read;  // "no cursor is stored yet: everything is read"
  std::string cursor;    // cursor column at the source, or ""
  bool cursor_is_rowversion = false;
  std::optional<std::string> cursor_low;   // stored value, in the source's exact text form
  std::vector<std::string> key;            // in warehouse names
  std::vector<std::string> loaded_before;  // columns of the target that earlier runs loaded; its others are its users'
  source::TypePolicies policies;
  std::int64_t generation = 1;  // what _airbyte_generation_id says
  std::vector<source::Chunk> chunks;
  bool resumable = false;          // chunks are committed one by one; else one transaction, COPY FREEZE
  std::string fingerprint;         // of what is read and how: a load of another fingerprint is not taken up
  std::string schema_fingerprint;  // of all columns that the source's table had when it was discovered
  std::int64_t rows_before = -1;   // rows that the last publish left, or -1
  swap::Plan publish;              // its request holds the columns, metadata columns last
  std::vector<std::string> warnings;
};

// A table that cannot be loaded.
struct Refusal {
  std::string stream;  // or the pattern that names none
  Error error;
  sql::QualifiedName target = {};                               // empty where it is not known
  std::optional<std::vector<swap::Dependent>> dependents = {};  // of the target, where they were read
};

struct PlanOptions {
  Selection selection;
  bool full_refresh = false;  // read everything and forget the cursors
  // A table of more chunks than this is loaded chunk by chunk, each committed, so that a failure repeats one chunk
  // only.
  std::size_t resumable_above_chunks = 20;
};

struct SyncPlan {
  PlanOptions options;      // it was made with
  bool is_prepared = true;  // false: the warehouse had no schema `weir` yet; run() plans again behind it
  std::string connection;
  std::string source;               // Source::text()
  std::vector<StreamPlan> streams;  // in the source's order
  std::vector<Refusal> refusals;    // all of them
  std::vector<std::string> warnings;
};

// Reads, never writes. Errors: what stops the whole plan (no connection to either side, a selector without a match).
// What stops one stream is a refusal in the plan, and the others go on.
Result<SyncPlan> plan(config::Connection const& connection, Endpoints& endpoints, PlanOptions const& options);
std::string explain_text(SyncPlan const& plan);
nlohmann::ordered_json explain_json(SyncPlan const& plan);

// ---- run -----------------------------------------------------------------------------------------------------------

enum class Phase { Waiting, Planning, Rehearsing, Reading, Proving, Publishing, Done };
std::string_view phase_name(Phase phase);

struct Progress {
  std::string stream;
  Phase phase = Phase::Waiting;
  int attempt = 1;
  std::uint64_t rows = 0, bytes = 0;  // of this attempt so far
  std::int64_t expected_rows = -1;
  std::string note;  // "next attempt in 12 s: ..."
};

struct RunOptions {
  std::int64_t job = 0;  // 0: the warehouse gives a number
  std::stop_token stop;
  Clock* clock = nullptr;  // null: the machine's
  // Called from worker threads, one call at a time; must be quick.
  std::function<void(Progress const&)> on_progress;
  Duration stall_limit = std::chrono::seconds(60);      // warehouse takes nothing for this long: the read is cancelled
  Duration ready_load_max_age = std::chrono::hours(1);  // an older finished load that waits is dropped, not published
  std::size_t buffer_bytes = 8 * 1024 * 1024;           // between reader and writer, per stream
};

enum class Outcome {
  Published,  // the new rows are the table
  Unchanged,  // there was nothing to change
  Held,       // loaded and proved, but the guard stopped it: release() publishes it
  Failed,
  Skipped,  // not started or given up because somebody asked to stop
};
std::string_view outcome_name(Outcome outcome);

struct StreamReport {
  std::string stream, scope;
  sql::QualifiedName target;
  config::Mode mode = config::Mode::FullRefreshOverwrite;
  ReadKind read = ReadKind::Full;
  Outcome outcome = Outcome::Skipped;
  swap::Method method = swap::Method::Auto;
  std::string method_reason;
  std::uint64_t rows_read = 0, rows_staged = 0, bytes = 0;
  std::int64_t rows_before = -1, rows_after = -1;        // of the table; -1 = not known
  std::uint64_t inserted = 0, updated = 0, deleted = 0;  // in-place ways
  std::uint64_t duplicates_removed = 0;
  std::optional<std::string> cursor_low, cursor_high;
  std::uint64_t null_cursors = 0, future_cursors = 0;
  std::map<std::string, source::ColumnLoss> losses;  // by source column
  source::TypePolicies policies;                     // that they happened by
  std::map<std::string, Duration> times;             // by phase_name()
  Duration locked{};                                 // readers could have waited this long
  int dependents_verified = 0;
  // What others have built on the table, also where it could not be loaded; nothing: not known.
  std::optional<std::vector<swap::Dependent>> dependents;
  std::vector<swap::ColumnAction> columns;  // of the table, that the publish made others than they were, or only keeps
  int attempts = 0;
  std::uint64_t rows_taken_up = 0;  // read by an earlier attempt, not again
  std::vector<std::string> notes;
  std::optional<Error> error;  // of the last attempt; Held carries one too (Refused)
};

struct SyncReport {
  std::string connection;
  std::int64_t job = 0;
  Instant started{}, finished{};
  std::vector<StreamReport> streams;  // in the plan's order; refusals of the plan come last, as Failed
  std::vector<std::string> warnings;

  std::size_t count(Outcome outcome) const;
  // The kind that decides the exit status: the gravest of the streams' errors; nothing if all is well.
  std::optional<ErrorKind> failure() const;
};
std::string report_text(SyncReport const& report);
// "2 NUL characters taken out (text.nul: strip), 1 offset dropped, the instant kept (time.keep_offset: false)"
std::string loss_text(source::ColumnLoss const& loss, source::TypePolicies const& policies);
nlohmann::ordered_json report_json(SyncReport const& report);

// Loads and publishes what the plan says. Prepares the warehouse's schema `weir` first. A stream's failure stands in
// its report. Error: only what stops everything before the first stream.
Result<SyncReport> run(SyncPlan const& plan, config::Connection const& connection, Endpoints& endpoints,
                       RunOptions const& options);

// ---- beside the run ------------------------------------------------------------------------------------------------

// What the warehouse's ledger knows of a stream.
struct StreamState {
  std::string stream, scope;
  std::string target;  // text form
  std::string mode, method;
  std::string outcome;  // of the last run: "published", "unchanged", "held", "failed", or "never run"
  std::int64_t job = 0;
  std::int64_t rows = -1;
  std::string finished_at, published_at;  // ISO 8601, UTC; "" = never
  std::string cursor_column, cursor_value;
  std::string waiting_load;  // "", "loading", "ready" or "held": a load that is not published yet
  std::string error;         // message of the last failure
};
// Streams of the connection that the warehouse knows, and those that the configuration names without a glob; by name.
Result<std::vector<StreamState>> list(config::Connection const& connection, Endpoints& endpoints);
nlohmann::ordered_json list_json(std::vector<StreamState> const& streams);

// Source against warehouse, row for row. `equal` proves: both sides hold the same rows, as often, in every compared
// column, as far as a 64-bit sum of hashes over the COPY encoding can tell; both were read now, one after the other.
struct VerifyResult {
  std::string stream;
  std::string target;
  bool compared = false;  // false: `why` says what prevents it (append modes keep history, no table yet)
  bool equal = false;
  std::uint64_t source_rows = 0, warehouse_rows = 0;
  std::vector<std::string> differing_columns;
  std::string why;
  std::optional<Error> error;
};
Result<std::vector<VerifyResult>> verify(config::Connection const& connection, Endpoints& endpoints,
                                         Selection const& selection, std::stop_token stop);
nlohmann::ordered_json verify_json(std::vector<VerifyResult> const& results);

// Forgets the cursors: the next run reads everything. Rows stay. Returns the streams. Refused while a sync of one runs.
Result<std::vector<std::string>> reset(config::Connection const& connection, Endpoints& endpoints,
                                       Selection const& selection);

// Publishes loads that the guard holds (and finished ones that wait). One report a stream; empty selection = all held
// ones.
Result<SyncReport> release(config::Connection const& connection, Endpoints& endpoints, Selection const& selection,
                           RunOptions const& options);

}  // namespace weir::sync
