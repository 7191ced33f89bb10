#pragma once
// What the engine remembers in the warehouse: the only file that reads and writes weir.token, weir.stream, weir.load,
// weir.cursor and the ledger's rows (migrations/warehouse). Every function runs on the caller's session, and inside the
// caller's transaction where it has one.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "pg/session.h"
#include "source/source.h"
#include "swap/swap.h"

namespace weir::sync {

// Everything that publishing a load needs to know besides the rows: what publish writes beside them, and what a release
// without the source is made from.
struct LoadRecord {
  std::string scope, connection, stream;
  std::string relation;  // of the private table, quoted
  std::int64_t token = 0, job = 0;
  std::string state;  // "loading", "ready", "held"
  std::string fingerprint;
  std::optional<std::uint64_t> rows;  // proved; nothing while loading
  std::string mode;
  bool reads_all = true;  // not a window
  bool frozen = true;
  std::int64_t generation = 0;
  std::string cursor_column;
  std::optional<std::string> cursor_low, cursor_high;  // the window; high becomes the cursor when it is published
  std::string reason;                                  // why it is held
  std::vector<source::Chunk> chunks;
  swap::Request request;
  Duration age{};  // since it was finished, or begun while loading; by the warehouse's clock
};

struct StreamFacts {
  bool known = false;  // a run has written about it
  std::string outcome;
  std::int64_t generation = 0;
  std::int64_t rows = -1;             // that the last publish left
  sql::QualifiedName target;          // of the last run
  std::vector<std::string> columns;   // that weir loaded there
  std::optional<std::string> cursor;  // value
  std::string cursor_column;
  std::optional<LoadRecord> load;
};

// By scope; scopes that nobody wrote about are absent. Only where has_state().
Result<std::map<std::string, StreamFacts>> read_facts(pg::Session& session, std::string const& connection);
Result<StreamFacts> read_facts_of(pg::Session& session, std::string const& scope);

// ---- one writer per table, and the fence ---------------------------------------------------------------------------

// Takes the advisory lock on the target for this session, names the session for people, and draws a token for the
// attempt. Busy, naming the holder, if somebody else has the lock; a session that this run (`instance`) lost is ended
// and its lock taken over.
Result<std::int64_t> lock_target(pg::Session& session, sql::QualifiedName const& target, std::string const& scope,
                                 std::string const& instance, std::int64_t job);
// Gives back all advisory locks of the session.
Status unlock_targets(pg::Session& session);

Result<std::int64_t> next_job(pg::Session& session);
// Raises the scope's fence to `token`. Waits for whoever is inside a writing transaction of the scope: afterwards, what
// earlier attempts did is decided. Busy after a while; Refused if the scope has seen a higher token.
Status raise_fence(pg::Session& session, std::string const& scope, std::int64_t token);
// For the rest of the transaction: refused if the scope was taken over by a higher token.
Status hold_fence(pg::Session& session, std::string const& scope, std::int64_t token);

// ---- loads and chunks ----------------------------------------------------------------------------------------------

Status write_load(pg::Session& session, LoadRecord const& load);  // inserts or replaces
Status forget_load(pg::Session& session, std::string const& scope);
// The waiting load belongs to this attempt from now on, so that collect_garbage() does not take it for overtaken.
Status keep_load(pg::Session& session, LoadRecord const& load, std::int64_t token);
// In the transaction of the chunk's rows.
Status write_chunk(pg::Session& session, LoadRecord const& load, source::Chunk const& chunk, std::uint64_t rows,
                   std::uint64_t bytes);
struct DoneChunk {
  std::uint64_t rows = 0, bytes = 0;
};
// Finished chunks of the load, by number.
Result<std::map<int, DoneChunk>> done_chunks(pg::Session& session, LoadRecord const& load);

// ---- publishing ----------------------------------------------------------------------------------------------------

// In the publishing transaction: ledger row, cursor, stream row, and the load is no longer waiting.
// `columns`: those of the target that weir has loaded, now or earlier; its others are its users'.
Status write_publish(pg::Session& session, LoadRecord const& load, std::string const& method, std::int64_t rows_after,
                     std::vector<std::string> const& columns);
// Whether the publish of this load is in the ledger. Waits for a transaction of the scope that is still open.
Result<bool> was_published(pg::Session& session, LoadRecord const& load);

// The private table waits for a person: collect_garbage() leaves it alone.
Status hold_generation(pg::Session& session, std::string const& scope, std::int64_t token);
// The stream's last state where nothing is published: "unchanged", "held", "failed". Nothing is written by an attempt
// that was overtaken.
Status write_outcome(pg::Session& session, LoadRecord const& load, std::string const& outcome,
                     std::string const& error);
Status write_rows(pg::Session& session, std::string const& scope, std::int64_t rows);

Status forget_cursor(pg::Session& session, std::string const& scope);

// Rows of `weir.stream` with cursor and load, for list().
Result<pg::Rows> read_streams(pg::Session& session, std::string const& connection);
// True once migrations/warehouse/0002_sync.sql is there.
Result<bool> has_state(pg::Session& session);

}  // namespace weir::sync
