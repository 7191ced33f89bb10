#pragma once
// A source whose tables are in memory, for tests of the loading engine: a double for the source alone, the warehouse is
// always a real PostgreSQL. Tables may change between and during reads, and reads fail where a test says so.
// Thread-safe where clones share tables.

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "source/copy_encode.h"
#include "source/source.h"

namespace weir::test {

using Row = std::vector<std::optional<std::string>>;  // values as text; the column's pg_type says how they are encoded

struct MemoryTable {
  source::Table table;
  std::vector<Row> rows;
};

// What all sessions of one source share.
struct MemoryDatabase {
  Mutex mutex;
  std::map<std::string, MemoryTable> tables;
  std::map<std::string, int> reads;  // per table: how often a chunk was read
  std::atomic<int> connects{0};
  std::string isolation = "read committed";
  // Called before each batch: table, number of the read of this table (1, 2, ...), rows handed out so far. An error
  // ends the read. Without the mutex held.
  std::function<Status(std::string const& table, int read, std::uint64_t rows, std::function<bool()> cancelled)>
      on_batch;
  std::size_t rows_per_batch = 100;

  void put(MemoryTable table) {
    MutexLock lock(mutex);
    std::string const name = table.table.text();
    tables[name] = std::move(table);
  }
  int reads_of(std::string const& name) {
    MutexLock lock(mutex);
    return reads[name];
  }
};

inline source::Column column(std::string name, std::string pg_type, bool nullable = true) {
  source::Column made;
  made.name = std::move(name);
  made.source_type = pg_type;
  made.pg_type = std::move(pg_type);
  made.nullable = nullable;
  return made;
}

// dbo.NAME (Id integer primary key, ...).
inline MemoryTable table_of(std::string name, std::vector<source::Column> columns, std::vector<Row> rows) {
  MemoryTable made;
  made.table.schema = "dbo";
  made.table.name = std::move(name);
  int position = 0;
  for (auto& one : columns) one.position = ++position;
  made.table.columns = std::move(columns);
  made.table.keys = {{"PK", {made.table.columns.front().name}, true, true, true}};
  made.table.estimated_rows = static_cast<std::int64_t>(rows.size());
  made.rows = std::move(rows);
  return made;
}

// As numbers where both are, else as text.
inline bool less(std::string const& a, std::string const& b) {
  auto const x = parse_int(a), y = parse_int(b);
  return x && y ? *x < *y : a < b;
}

class MemoryReader final : public source::RowReader {
 public:
  MemoryReader(std::shared_ptr<MemoryDatabase> database, source::ReadRequest request, MemoryTable const& table,
               int number)
      : database_(std::move(database)), request_(std::move(request)), number_(number) {
    std::map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < table.table.columns.size(); ++i) at[table.table.columns[i].name] = i;
    for (Row const& row : table.rows) {
      if (!in_chunk(row, at) || !in_window(row, at)) continue;
      Row picked;
      for (auto const& wanted : request_.table.columns) picked.push_back(row[at[wanted.name]]);
      rows_.push_back(std::move(picked));
    }
  }

  Result<bool> next(source::Batch& batch) override {
    batch.bytes.clear();
    batch.rows = 0;
    if (database_->on_batch) {
      Status status = database_->on_batch(request_.table.text(), number_, next_, [this] { return cancelled_.load(); });
      if (!status.ok()) return std::move(status).error();
    }
    if (cancelled_) return Error(ErrorKind::Cancelled, "the read was cancelled");
    source::RowBuilder builder(batch.bytes);
    for (; next_ < rows_.size() && batch.rows < database_->rows_per_batch; ++next_, ++batch.rows)
      write(builder, rows_[next_]);
    builder.finish();
    report_.rows += batch.rows;
    report_.bytes += batch.bytes.size();
    return next_ < rows_.size();
  }
  void cancel() override { cancelled_ = true; }
  source::ReadReport const& report() const override { return report_; }

 private:
  bool in_chunk(Row const& row, std::map<std::string, std::size_t>& at) const {
    auto const& chunk = request_.chunk;
    if (chunk.column.empty()) return true;
    auto const& value = row[at[chunk.column]];
    if (chunk.null_key) return !value;
    if (!value) return !chunk.low && !chunk.high;
    return (!chunk.low || less(*chunk.low, *value)) && (!chunk.high || !less(*chunk.high, *value));
  }
  bool in_window(Row const& row, std::map<std::string, std::size_t>& at) const {
    if (!request_.window) return true;
    auto const& window = *request_.window;
    auto const& value = row[at[window.column]];
    if (!value) return false;
    if (window.low && (less(*value, *window.low) || (!window.low_inclusive && *value == *window.low))) return false;
    return !window.high || less(*value, *window.high) || (window.high_inclusive && *value == *window.high);
  }
  void write(source::RowBuilder& builder, Row const& row) {
    builder.begin_row(row.size() + request_.extra.size());
    for (std::size_t i = 0; i < row.size(); ++i) field(builder, row[i], request_.table.columns[i].pg_type);
    for (auto const& extra : request_.extra) {
      if (extra.kind == source::ExtraColumn::Kind::RowUuid)
        builder.raw("00000000-0000-4000-8000-000000000001");
      else
        builder.raw(extra.constant_binary);
    }
  }
  static void field(source::RowBuilder& builder, std::optional<std::string> const& value, std::string const& type) {
    if (!value) return builder.null();
    if (type == "integer") return builder.int4(static_cast<std::int32_t>(*parse_int(*value)));
    if (type == "bigint") return builder.int8(*parse_int(*value));
    if (type.starts_with("numeric")) return static_cast<void>(builder.numeric_text(*value));
    builder.raw(*value);
  }

  std::shared_ptr<MemoryDatabase> database_;
  source::ReadRequest request_;
  int number_;
  std::vector<Row> rows_;
  std::size_t next_ = 0;
  std::atomic<bool> cancelled_{false};
  source::ReadReport report_;
};

class MemorySource final : public source::Source {
 public:
  explicit MemorySource(std::shared_ptr<MemoryDatabase> database) : database_(std::move(database)) {
    ++database_->connects;
  }

  std::string text() const override { return "memory"; }
  Result<std::vector<std::string>> test() override { return std::vector<std::string>{"memory works"}; }
  Result<source::DiscoveredCatalog> discover(source::DiscoverRequest const& request) override {
    MutexLock lock(database_->mutex);
    source::DiscoveredCatalog catalog;
    catalog.product = "memory";
    for (auto const& entry : database_->tables) {
      bool const wanted =
          request.tables.empty() || std::ranges::any_of(request.tables, [&](std::string const& pattern) {
            return matches_glob(pattern, entry.first);
          });
      if (wanted) catalog.tables.push_back(entry.second.table);
    }
    return catalog;
  }
  // By position of the first column's values.
  Result<std::vector<source::Chunk>> plan_chunks(source::Table const& table, std::uint64_t rows_per_chunk) override {
    MutexLock lock(database_->mutex);
    std::vector<std::string> keys;
    for (Row const& row : database_->tables[table.text()].rows) keys.push_back(*row.front());
    std::ranges::sort(keys, less);
    std::vector<source::Chunk> chunks;
    std::optional<std::string> low;
    for (std::size_t i = rows_per_chunk; i < keys.size(); i += rows_per_chunk) {
      chunks.push_back({static_cast<int>(chunks.size()) + 1, table.columns.front().name, low, keys[i - 1], false, -1});
      low = keys[i - 1];
    }
    chunks.push_back({static_cast<int>(chunks.size()) + 1, table.columns.front().name, low, std::nullopt, false, -1});
    return chunks;
  }
  Result<std::unique_ptr<source::RowReader>> read(source::ReadRequest const& request) override {
    MutexLock lock(database_->mutex);
    std::string const name = request.table.text();
    auto const found = database_->tables.find(name);
    if (found == database_->tables.end()) return Error(ErrorKind::Sql, "invalid object name " + name);
    for (auto const& wanted : request.table.columns)
      if (found->second.table.column(wanted.name) == nullptr)
        return Error(ErrorKind::Sql, "invalid column name " + wanted.name);
    return std::make_unique<MemoryReader>(database_, request, found->second, ++database_->reads[name]);
  }
  Result<std::uint64_t> count(source::Table const& table) override {
    MutexLock lock(database_->mutex);
    return static_cast<std::uint64_t>(database_->tables[table.text()].rows.size());
  }
  // Values after "9" (as text or number) are in the future of this source's clock.
  Result<std::optional<std::string>> high_bound(source::Table const& table, std::string const& cursor,
                                                Duration) override {
    MutexLock lock(database_->mutex);
    MemoryTable const& found = database_->tables[table.text()];
    std::size_t at = 0;
    bool is_version = false;
    for (std::size_t i = 0; i < found.table.columns.size(); ++i)
      if (found.table.columns[i].name == cursor) at = i, is_version = found.table.columns[i].is_rowversion;
    if (is_version) return std::optional(oldest_open_version);
    std::optional<std::string> high;
    for (Row const& row : found.rows)
      if (row[at] && !less(now, *row[at]) && (!high || less(*high, *row[at]))) high = row[at];
    return high;
  }
  Result<std::string> begin_snapshot() override { return database_->isolation; }
  Status end_snapshot() override { return {}; }
  Result<std::unique_ptr<source::Source>> clone() override {
    return std::unique_ptr<source::Source>(std::make_unique<MemorySource>(database_));
  }

  static inline std::string now = "1000000";
  static inline std::string oldest_open_version = "1000000";

 private:
  std::shared_ptr<MemoryDatabase> database_;
};

}  // namespace weir::test
