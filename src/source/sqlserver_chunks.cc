#include "source/sqlserver_chunks.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/log.h"
#include "base/text.h"
#include "source/copy_encode.h"

namespace weir::source {
namespace {

// True if `bounds` rise strictly, as far as weir can tell without the server.
bool rise(std::vector<std::string> const& bounds, KeyForm const& form) {
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    if (form.is_integer) {
      auto const before = parse_int(bounds[i - 1]), after = parse_int(bounds[i]);
      if (!before || !after || *before >= *after) return false;
    } else if (bounds[i - 1] >= bounds[i]) {
      return false;
    }
  }
  return true;
}

// Bounds from the steps of the index's statistics, joined to about `rows_per_chunk` rows. Empty where there are none to
// be trusted.
std::vector<std::string> bounds_of_histogram(ServerSession& session, Table const& table, KeyForm const& form,
                                             std::uint64_t rows_per_chunk) {
  if (!session.facts.is_2016() || !(form.is_integer || form.is_date)) return {};
  auto const rows =
      session.odbc.query(embedded_file("queries/mssql/histogram.sql"), {odbc::text_parameter(quoted_table(table))});
  if (!rows.ok()) {
    log_step("no histogram of {}: {}", table.text(), rows.error().message());
    return {};
  }
  std::vector<std::string> bounds;
  std::int64_t sum = 0;
  for (std::size_t row = 0; row < rows->rows.size(); ++row) {
    if (!rows->rows[row][rows->column("high_key")]) continue;
    sum += std::max<std::int64_t>(rows->integer(row, "row_count"), 0);
    if (sum < static_cast<std::int64_t>(rows_per_chunk)) continue;
    bounds.push_back(rows->text(row, "high_key"));
    sum = 0;
  }
  // 200 steps at most: a big table's steps may each be far larger than a chunk.
  bool const too_coarse = table.estimated_rows > static_cast<std::int64_t>((bounds.size() + 1) * rows_per_chunk * 4);
  return rise(bounds, form) && !too_coarse ? bounds : std::vector<std::string>();
}

Result<std::vector<std::string>> bounds_of_range(ServerSession& session, Table const& table, std::string const& column,
                                                 std::uint64_t rows_per_chunk) {
  WEIR_TRY(odbc::TextRows const rows, session.odbc.query(range_statement(table, column).text));
  auto const low = rows.rows.empty() ? std::nullopt : parse_int(rows.text(0, "low"));
  auto const high = rows.rows.empty() ? std::nullopt : parse_int(rows.text(0, "high"));
  std::vector<std::string> bounds;
  if (!low || !high) return bounds;
  std::uint64_t const width = static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(*low);
  std::uint64_t const wanted =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(table.estimated_rows) / rows_per_chunk + 1, kMostChunks);
  for (std::uint64_t i = 1; i < wanted; ++i) {
    uint128 const step = static_cast<uint128>(width) * i / wanted;
    auto const bound = static_cast<std::int64_t>(static_cast<std::uint64_t>(*low) + static_cast<std::uint64_t>(step));
    if (bounds.empty() || bounds.back() != std::to_string(bound)) bounds.push_back(std::to_string(bound));
  }
  return bounds;
}

// Every `rows_per_chunk`-th key, by walking the index.
Result<std::vector<std::string>> bounds_of_walk(ServerSession& session, Table const& table, std::string const& column,
                                                KeyForm const& form, std::uint64_t rows_per_chunk) {
  std::vector<std::string> bounds;
  std::optional<std::string> low;
  while (bounds.size() < kMostChunks) {
    SqlStatement const statement = walk_statement(table, column, form, low, rows_per_chunk);
    WEIR_TRY(odbc::TextRows const rows, session.odbc.query(statement.text, statement.parameters));
    if (rows.rows.empty() || !rows.rows[0][rows.column("high")]) break;
    if (rows.integer(0, "n") < static_cast<std::int64_t>(rows_per_chunk)) break;  // the rest is the last chunk
    if (low == rows.text(0, "high"))
      return Error(ErrorKind::Data,
                   fmt::format("cannot cut \"{}\" into chunks: the server does not move on from {} = {}", table.text(),
                               column, *low));
    low = rows.text(0, "high");
    bounds.push_back(*low);
  }
  return bounds;
}

}  // namespace

std::vector<Chunk> chunks_of(std::string const& column, std::vector<std::string> bounds, bool has_null_chunk,
                             std::int64_t rows_per_chunk) {
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  std::vector<Chunk> chunks;
  if (has_null_chunk) chunks.push_back({.number = 1, .column = column, .low = {}, .high = {}, .null_key = true});
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    Chunk chunk;
    chunk.number = static_cast<int>(chunks.size()) + 1;
    chunk.column = column;
    if (i > 0) chunk.low = bounds[i - 1];
    if (i < bounds.size()) chunk.high = bounds[i];
    chunk.estimated_rows = rows_per_chunk;
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

Result<std::vector<Chunk>> cut_table(ServerSession& session, Table const& table, std::uint64_t rows_per_chunk) {
  std::vector<Chunk> const whole = {
      {.number = 1, .column = {}, .low = {}, .high = {}, .estimated_rows = table.estimated_rows}};
  rows_per_chunk = std::max<std::uint64_t>(rows_per_chunk, 1);
  auto const clustered = std::ranges::find_if(table.keys, &Key::is_clustered);
  bool const is_small = table.estimated_rows <= static_cast<std::int64_t>(rows_per_chunk);
  if (is_small || clustered == table.keys.end() || clustered->columns.empty()) return whole;

  std::string const& leading = clustered->columns.front();
  WEIR_TRY(auto const columns, session.shape(table));
  auto const column = std::ranges::find(columns, leading, &SqlServerColumn::name);
  if (column == columns.end()) return whole;
  auto const form = key_form(*column, session.facts.code_page);
  if (!form) return whole;

  std::vector<std::string> bounds = bounds_of_histogram(session, table, *form, rows_per_chunk);
  if (bounds.empty() && form->is_integer) {
    WEIR_TRY(bounds, bounds_of_range(session, table, leading, rows_per_chunk));
  } else if (bounds.empty()) {
    WEIR_TRY(bounds, bounds_of_walk(session, table, leading, *form, rows_per_chunk));
  }
  if (bounds.empty()) return whole;
  return chunks_of(leading, std::move(bounds), column->is_nullable, static_cast<std::int64_t>(rows_per_chunk));
}

}  // namespace weir::source
