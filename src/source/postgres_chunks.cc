#include "source/postgres_chunks.h"

#include <algorithm>
#include <cmath>

#include "source/postgres_read.h"
#include "source/postgres_sql.h"
#include "sql/name.h"

namespace weir::source {
namespace {

// The leading column of the primary key, or of a unique index; nothing where ranges of it cannot be compared safely.
Column const* leading_column(Table const& table) {
  Key const* key = table.primary_key();
  if (key == nullptr && !table.keys.empty()) key = &table.keys.front();
  if (key == nullptr || key->columns.empty()) return nullptr;
  Column const* const column = table.column(key->columns.front());
  return column != nullptr && column->decode != 0 && column->refusal.empty() ? column : nullptr;
}

// Every n-th bound of the statistics' histogram, whose buckets hold about the same number of rows. They may be old:
// that makes chunks uneven, never wrong. Empty where there are none.
Result<std::vector<std::string>> histogram_bounds(pg::Session& session, Table const& table, Column const& key,
                                                  std::uint64_t chunks) {
  WEIR_TRY(
      auto const rows,
      guarded_query(session, "SELECT histogram_bounds::text::text[] FROM pg_stats WHERE schemaname = " +
                                 sql::literal_pg(table.schema) + " AND tablename = " + sql::literal_pg(table.name) +
                                 " AND attname = " + sql::literal_pg(key.name) + " AND n_distinct = -1"));
  std::vector<std::string> bounds;
  if (rows.size() != 1 || rows.is_null(0, 0)) return bounds;
  auto const all = rows.array(0, 0);
  if (all.size() < 2 || chunks > all.size() - 1) return bounds;  // too coarse for chunks of this size
  for (std::uint64_t i = 1; i < chunks; ++i) bounds.push_back(all[i * (all.size() - 1) / chunks]);
  return bounds;
}

// Walks along the index and notes every n-th value.
Result<std::vector<std::string>> walked_bounds(pg::Session& session, Table const& table, Column const& key,
                                               std::uint64_t rows_per_chunk) {
  std::vector<std::string> bounds;
  while (bounds.size() < kMostChunks) {
    auto const low = bounds.empty() ? std::nullopt : std::optional(bounds.back());
    WEIR_TRY(auto const rows, guarded_query(session, walk_text(table, key, low, rows_per_chunk)));
    if (rows.size() == 0) break;
    bounds.emplace_back(rows.text(0, 0));
  }
  return bounds;
}

}  // namespace

std::vector<Chunk> chunks_between(Column const& key, std::vector<std::string> const& bounds,
                                  std::int64_t rows_per_chunk) {
  std::vector<Chunk> chunks;
  std::optional<std::string> low;
  auto add = [&](std::optional<std::string> high) {
    chunks.push_back({.number = static_cast<int>(chunks.size()),
                      .column = key.name,
                      .low = low,
                      .high = std::move(high),
                      .null_key = false,
                      .estimated_rows = rows_per_chunk});
    low = chunks.back().high;
  };
  for (auto const& bound : bounds)
    if (!low || *low != bound) add(bound);
  add(std::nullopt);
  if (!key.nullable) return chunks;
  chunks.push_back({.number = static_cast<int>(chunks.size()),
                    .column = key.name,
                    .low = {},
                    .high = {},
                    .null_key = true,
                    .estimated_rows = -1});
  return chunks;
}

Result<std::vector<Chunk>> plan_postgres_chunks(pg::Session& session, Table const& table,
                                                std::uint64_t rows_per_chunk) {
  std::vector<Chunk> const whole = {Chunk{
      .number = 0, .column = "", .low = {}, .high = {}, .null_key = false, .estimated_rows = table.estimated_rows}};
  Column const* const key = leading_column(table);
  rows_per_chunk = std::max<std::uint64_t>(rows_per_chunk, 1);
  auto const estimated = static_cast<std::uint64_t>(std::max<std::int64_t>(table.estimated_rows, 0));
  bool const is_known = table.estimated_rows > 0;
  if (key == nullptr || (is_known && estimated <= rows_per_chunk)) return whole;

  std::vector<std::string> bounds;
  if (is_known) {
    WEIR_TRY(bounds, histogram_bounds(session, table, *key, (estimated + rows_per_chunk - 1) / rows_per_chunk));
  }
  if (bounds.empty()) {
    WEIR_TRY(bounds, walked_bounds(session, table, *key, rows_per_chunk));
  }
  if (bounds.empty()) return whole;
  return chunks_between(*key, bounds, static_cast<std::int64_t>(rows_per_chunk));
}

}  // namespace weir::source
