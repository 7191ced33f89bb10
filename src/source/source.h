#pragma once
// Where rows come from. A Source lists its tables (discover), cuts one into chunks, and reads a chunk as batches that
// are already encoded as PostgreSQL COPY BINARY rows (docs, COPY "Binary Format"; without file header and trailer). A
// new kind of source is a new class here and one line in source/open.cc; sync/ knows only this header.
//
// Threads: a Source belongs to one thread at a time, and so does each RowReader; cancel() may come from any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace weir::source {

// Into so many chunks a table is cut at most.
inline constexpr std::uint64_t kMostChunks = 10'000;

// How a value that PostgreSQL cannot hold as it is is treated. Every treatment is counted and reported per column.
enum class BadText { Replace, Strip, Fail };  // U+FFFD; drop the character; error naming the key

struct TypePolicies {
  BadText nul = BadText::Strip;                   // U+0000 in text
  BadText surrogate = BadText::Replace;           // a lone UTF-16 surrogate
  BadText code_page = BadText::Replace;           // a byte that the column's code page does not define
  bool trim_char = false;                         // blanks at the end of char(n)/nchar(n)
  bool keep_offset = false;                       // datetimeoffset: a companion column <col>__offset_min
  bool fail_on_truncated_time = false;            // 100 ns digits that do not fit: error instead of counted truncation
  std::uint64_t max_value_bytes = 1'000'000'000;  // a longer value is an error that names its key
};

struct Column {
  std::string name;         // as the source says it
  int position = 0;         // 1, 2, ...
  std::string source_type;  // as the source says it: "nvarchar(200)", "decimal(18,4)"
  std::string pg_type;      // as format_type() says it: "text", "numeric(18,4)", "timestamp(3) without time zone"
  bool nullable = true;
  bool is_computed = false;
  bool is_identity = false;
  bool is_rowversion = false;
  std::string loss;  // empty = exact; else what the declared policy loses: "100 ns digits are cut to microseconds"
  // Why the column cannot be loaded, if so: weir stops unless the configuration leaves the column out.
  std::string refusal;
  // The source's column that this one is made from, where it is not one itself (an offset, an SRID); else empty.
  std::string from;
  // For the source's own use: how the value is selected and decoded. Opaque to others.
  std::string select_expression;
  std::string offset_expression;  // of a datetimeoffset: its minutes, for the companion column
  int decode = 0, offset_decode = 0;
  int code_page = 0;
  int precision = 0, scale = 0, max_length = 0;
};

struct Key {
  std::string name;
  std::vector<std::string> columns;
  bool is_primary = false;
  bool is_unique = false;
  bool is_clustered = false;
};

struct Table {
  std::string schema;
  std::string name;
  bool is_view = false;
  std::vector<Column> columns;
  std::vector<Key> keys;             // primary key, unique and clustered indexes
  std::int64_t estimated_rows = -1;  // -1 = not known
  std::int64_t estimated_bytes = -1;
  std::vector<std::string>
      warnings;                     // masked columns, row-level security, missing rights: what would be silently wrong
  std::vector<std::string> hidden;  // those of them that say what a read leaves out without an error

  std::string text() const { return schema.empty() ? name : schema + "." + name; }
  Key const* primary_key() const;
  Column const* column(std::string_view name) const;
};

// The table with the companion columns that the policies ask for: `<col>__offset_min` behind each datetimeoffset with
// keep_offset. Call it once on a discovered table, before columns are chosen.
Table with_companions(Table table, TypePolicies const& policies);

struct DiscoveredCatalog {
  std::string product;  // "Microsoft SQL Server 15.0.2000", "PostgreSQL 15.20"
  std::string database;
  std::vector<Table> tables;          // ordered by schema, name
  std::vector<std::string> warnings;  // about the database as a whole
};

// Extra columns that every row ends with (metadata columns): the same bytes in each row, or a new UUID per row.
struct ExtraColumn {
  enum class Kind { Constant, RowUuid } kind = Kind::Constant;
  std::string name;
  std::string pg_type;
  std::string constant_binary;   // the COPY BINARY field without its length; for a Constant
  std::string constant_literal;  // the same as an SQL literal with its type: '2026-11-24 ...'::timestamptz
};

// A half-open range (low, high] of one key column, in the source's own typed text form; nothing = unbounded on that
// side. A chunk with `null_key` holds the rows whose key column is NULL.
struct Chunk {
  int number = 0;
  std::string column;  // empty: the whole table
  std::optional<std::string> low, high;
  bool null_key = false;
  std::int64_t estimated_rows = -1;

  std::string text() const;  // for the ledger and people: "Id in (100, 200]"
};

// An incremental read's window on the cursor column: low <= cursor < high or, with `high_inclusive`, <= high. Values in
// the source's exact text form (a datetime2(7) cursor keeps its seven digits).
struct CursorWindow {
  std::string column;
  std::optional<std::string> low, high;
  bool low_inclusive = true;
  bool high_inclusive = false;
};

struct ReadRequest {
  Table table;  // with only the columns to read, in order
  Chunk chunk;
  std::optional<CursorWindow> window;
  std::vector<ExtraColumn> extra;
  TypePolicies policies;
  std::size_t batch_bytes = 64 * 1024;  // a batch is handed on once it has this many bytes
};

struct Batch {
  std::string bytes;  // whole COPY BINARY rows
  std::uint64_t rows = 0;
};

// What happened to values, per column name.
struct ColumnLoss {
  std::uint64_t nul_characters = 0, surrogates = 0, code_page_bytes = 0, truncated_times = 0, dropped_offsets = 0;
  std::string first_key;  // of the first row concerned, as text
  bool any() const;
};

struct ReadReport {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // encoded
  std::map<std::string, ColumnLoss> losses;
};

class RowReader {
 public:
  virtual ~RowReader() = default;
  // Fills `batch` (its old contents are thrown away; its memory is reused). False at the end, which is only reported
  // once the source has confirmed that the result is complete. Errors: Unavailable (dropped, stalled), Data, Sql,
  // Denied, Busy (deadlock victim, lock timeout).
  virtual Result<bool> next(Batch& batch) = 0;
  // Any thread: next() returns Cancelled soon.
  virtual void cancel() = 0;
  virtual ReadReport const& report() const = 0;
};

struct DiscoverRequest {
  std::vector<std::string> schemas;  // empty: all that hold user tables
  std::vector<std::string> tables;   // "schema.table" or globs of it; empty: all
  bool views = true;
};

enum class Isolation { Auto, Snapshot, ReadCommitted, ReadUncommitted };

class Source {
 public:
  virtual ~Source() = default;
  // "SQL Server Core at 127.0.0.1:1433 as weir", for people.
  virtual std::string text() const = 0;
  // Checks what can be checked without reading a table: login, rights, driver, its self-test. One line a check.
  virtual Result<std::vector<std::string>> test() = 0;
  virtual Result<DiscoveredCatalog> discover(DiscoverRequest const& request) = 0;
  // Cuts a table into chunks of about `rows_per_chunk` rows along its clustered index; one chunk where that is not
  // possible.
  virtual Result<std::vector<Chunk>> plan_chunks(Table const& table, std::uint64_t rows_per_chunk) = 0;
  virtual Result<std::unique_ptr<RowReader>> read(ReadRequest const& request) = 0;
  // Rows in the table now (COUNT_BIG), under the same isolation.
  virtual Result<std::uint64_t> count(Table const& table) = 0;
  // The upper bound of an incremental window, fixed before reading: MIN_ACTIVE_ROWVERSION() for a rowversion column,
  // else the column's greatest value at or before the source's clock minus `lag`. Nothing for an empty table.
  virtual Result<std::optional<std::string>> high_bound(Table const& table, std::string const& cursor_column,
                                                        Duration lag) = 0;
  // Begins / ends one consistent view for the reads that follow, as far as the isolation setting and the source allow;
  // says what it got: "snapshot", "read committed (row versions)", ...
  virtual Result<std::string> begin_snapshot() = 0;
  virtual Status end_snapshot() = 0;
  // A second session with the same settings, for reading beside this one.
  virtual Result<std::unique_ptr<Source>> clone() = 0;
};

}  // namespace weir::source
