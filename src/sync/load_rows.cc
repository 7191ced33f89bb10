#include "sync/load_rows.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/text.h"

namespace weir::sync {
namespace {

void add(std::map<std::string, source::ColumnLoss>& all, std::map<std::string, source::ColumnLoss> const& more) {
  for (auto const& [column, loss] : more) {
    auto& sum = all[column];
    sum.nul_characters += loss.nul_characters;
    sum.surrogates += loss.surrogates;
    sum.code_page_bytes += loss.code_page_bytes;
    sum.truncated_times += loss.truncated_times;
    sum.dropped_offsets += loss.dropped_offsets;
    if (sum.first_key.empty()) sum.first_key = loss.first_key;
  }
}

// The window of a read up to `high`. A rowversion below the bound is settled, the bound itself is not; a cursor's bound
// is a value that was seen. Rows of the old bound are read again where the key makes that harmless.
std::optional<source::CursorWindow> window_of(StreamPlan const& plan, std::optional<std::string> const& high) {
  bool const bounded = plan.read == ReadKind::Window || plan.mode == config::Mode::IncrementalAppend;
  if (!bounded || !high) return std::nullopt;
  source::CursorWindow window;
  window.column = plan.cursor;
  window.low = plan.cursor_low;
  window.high = high;
  window.low_inclusive = plan.cursor_is_rowversion || plan.mode == config::Mode::IncrementalAppendDedup;
  window.high_inclusive = !plan.cursor_is_rowversion;
  return window;
}

source::ReadRequest read_request(StreamPlan const& plan, source::Chunk const& chunk,
                                 std::optional<std::string> const& high,
                                 std::vector<source::ExtraColumn> const& extra) {
  source::ReadRequest request;
  request.table = plan.table;
  request.chunk = chunk;
  request.extra = extra;
  request.policies = plan.policies;
  bool const rows_without_cursor = chunk.null_key && chunk.column == plan.cursor;
  if (!rows_without_cursor) request.window = window_of(plan, high);
  return request;
}

// Without a bound one pass reads all rows, also those without a cursor: their own chunk would read them twice.
bool is_superfluous(StreamPlan const& plan, LoadRecord const& record, source::Chunk const& chunk) {
  return chunk.null_key && chunk.column == plan.cursor && !record.cursor_high &&
         plan.mode == config::Mode::IncrementalAppend;
}

Status load_chunk(LoadRecord const& record, source::RowReader& reader, source::Chunk const& chunk, pg::Session& session,
                  swap::Load const& load, CopyOptions const& options, Loaded& loaded) {
  WEIR_TRY(auto copied, copy_rows(reader, session, load.copy_statement(), options));
  crash_point("kL8");
  if (!load.frozen()) {
    WEIR_DO(write_chunk(session, record, chunk, copied.rows_read, copied.bytes));
    crash_point("kL10");
  }
  loaded.rows_read += copied.rows_read;
  loaded.bytes += copied.bytes;
  add(loaded.losses, reader.report().losses);
  return {};
}

// A chunk and its line in the ledger: both or none.
Status commit_chunk(LoadRecord const& record, source::RowReader& reader, source::Chunk const& chunk,
                    pg::Session& session, swap::Load const& load, CopyOptions const& options, Loaded& loaded) {
  WEIR_TRY(auto transaction, pg::Transaction::begin(session));
  WEIR_DO(hold_fence(session, record.scope, record.token));
  WEIR_DO(load_chunk(record, reader, chunk, session, load, options, loaded));
  WEIR_DO(std::move(transaction).commit());
  crash_point("kL9");
  loaded.moved = true;
  return {};
}

std::string target_of(StreamPlan const& plan, std::string const& source_column) {
  auto const at = std::ranges::find(plan.table.columns, source_column, &source::Column::name);
  return plan.target_columns[static_cast<std::size_t>(at - plan.table.columns.begin())];
}

// The key's columns at the source, in the key's order.
std::vector<source::Column> key_columns(StreamPlan const& plan) {
  std::vector<source::Column> columns;
  for (auto const& name : plan.key) {
    auto const at = std::ranges::find(plan.target_columns, name);
    columns.push_back(plan.table.columns[static_cast<std::size_t>(at - plan.target_columns.begin())]);
  }
  return columns;
}

std::string quoted_columns(std::vector<std::string> const& names) {
  std::vector<std::string> quoted;
  for (auto const& name : names) quoted.push_back(sql::quote_pg(name));
  return join(quoted, ", ");
}

// A failed statement would lose a load's whole transaction, so that only casts that cannot fail are tried.
bool can_compare(std::string const& pg_type) {
  constexpr std::array kTypes = {"smallint", "integer", "bigint", "date"};
  return std::ranges::find(kTypes, pg_type) != kTypes.end() || pg_type.starts_with("numeric") ||
         pg_type.starts_with("timestamp");
}

}  // namespace

Result<std::optional<std::string>> fix_bound(StreamPlan const& plan, source::Source& source) {
  if (!is_incremental(plan.mode)) return std::optional<std::string>();
  return source.high_bound(plan.table, plan.cursor, plan.options.lag);
}

bool has_window(StreamPlan const& plan, std::optional<std::string> const& high) {
  if (plan.read == ReadKind::Full) return true;
  if (!high) return false;
  bool const ties_are_read_again = !plan.cursor_is_rowversion && plan.mode == config::Mode::IncrementalAppendDedup;
  return high != plan.cursor_low || ties_are_read_again;
}

Status load_chunks(StreamPlan const& plan, LoadRecord const& record, std::map<int, DoneChunk> const& done,
                   std::vector<source::ExtraColumn> const& extra, source::Source& source, pg::Session& session,
                   swap::Load const& load, CopyOptions const& options, Loaded& loaded) {
  for (source::Chunk const& chunk : record.chunks) {
    if (auto const found = done.find(chunk.number); found != done.end()) {
      loaded.rows_read += found->second.rows;
      loaded.rows_taken_up += found->second.rows;
      continue;
    }
    if (is_superfluous(plan, record, chunk)) continue;
    CopyOptions here = options;
    if (options.on_progress)
      here.on_progress = [&, rows = loaded.rows_read, bytes = loaded.bytes](std::uint64_t r, std::uint64_t b) {
        options.on_progress(rows + r, bytes + b);
      };
    WEIR_TRY(auto reader, source.read(read_request(plan, chunk, record.cursor_high, extra)));
    Status status = load.frozen() ? load_chunk(record, *reader, chunk, session, load, here, loaded)
                                  : commit_chunk(record, *reader, chunk, session, load, here, loaded);
    if (!status.ok()) return std::move(status).error().context("loading " + chunk.text());
  }
  return {};
}

Status check_schema(StreamPlan const& plan, source::Source& source) {
  source::DiscoverRequest request;
  request.tables = {plan.stream};
  WEIR_TRY(auto catalog, source.discover(request));
  for (source::Table const& table : catalog.tables)
    if (table.text() == plan.stream && schema_fingerprint(table) == plan.schema_fingerprint) return {};
  return Error(ErrorKind::Data,
               fmt::format("the columns of \"{}\" changed at the source while it was read", plan.stream))
      .object(plan.stream)
      .state("nothing of this read is published")
      .next(
          "nothing to do: the stream is planned and read again; if it fails once more, run it when the change is done");
}

Status count_cursors(StreamPlan const& plan, LoadRecord const& record, pg::Session& session, swap::Load const& load,
                     StreamReport& report) {
  if (!is_incremental(plan.mode) || plan.read != ReadKind::Full || plan.cursor_is_rowversion) return {};
  auto const* column = plan.table.column(plan.cursor);
  bool const compares = record.cursor_high && can_compare(column->pg_type);
  auto const cursor = sql::quote_pg(target_of(plan, plan.cursor));
  auto const later = compares
                         ? fmt::format("{} > {}::{}", cursor, sql::literal_pg(*record.cursor_high), column->pg_type)
                         : std::string("false");
  WEIR_TRY(auto rows,
           session.query(fmt::format("SELECT count(*) FILTER (WHERE {} IS NULL), count(*) FILTER (WHERE {}) FROM {}",
                                     cursor, later, load.relation().quoted())));
  report.null_cursors = static_cast<std::uint64_t>(rows.integer(0, 0));
  report.future_cursors = static_cast<std::uint64_t>(rows.integer(0, 1));
  if (report.null_cursors > 0)
    report.notes.push_back(fmt::format("{} without a value in cursor \"{}\": only a full refresh sees changes of these",
                                       plural(report.null_cursors, "row"), plan.cursor));
  if (report.future_cursors > 0)
    report.notes.push_back(fmt::format("{} with a \"{}\" after the bound {}: the cursor stays at the bound",
                                       plural(report.future_cursors, "row"), plan.cursor, *record.cursor_high));
  return {};
}

Status check_keys(StreamPlan const& plan, pg::Session& session, swap::Load const& load) {
  std::vector<std::string> nullable;
  auto const columns = key_columns(plan);
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].nullable) nullable.push_back(sql::quote_pg(plan.key[i]) + " IS NULL");
  if (!is_deduped(plan.mode) || nullable.empty()) return {};
  WEIR_TRY(auto rows,
           session.query("SELECT count(*) FROM " + load.relation().quoted() + " WHERE " + join(nullable, " OR ")));
  if (rows.integer(0, 0) == 0) return {};
  return Error(ErrorKind::Data, fmt::format("{} of \"{}\" without a value in the key ({})",
                                            plural(static_cast<std::uint64_t>(rows.integer(0, 0)), "row"), plan.stream,
                                            join(plan.key, ", ")))
      .object(plan.stream)
      .state("nothing of this read is published")
      .next("set a `key` that is never NULL, or choose a mode without dedup");
}

Result<std::uint64_t> remove_duplicates(StreamPlan const& plan, pg::Session& session, swap::Load const& load) {
  auto const table = load.relation().quoted();
  auto const newest =
      plan.cursor.empty() ? std::string() : sql::quote_pg(target_of(plan, plan.cursor)) + " DESC NULLS LAST, ";
  WEIR_TRY(auto rows,
           session.query(fmt::format(
               "DELETE FROM {0} a USING (SELECT ctid AS at, row_number() OVER (PARTITION BY {1} ORDER BY {2}ctid "
               "DESC) AS n FROM {0}) d WHERE a.ctid = d.at AND d.n > 1",
               table, quoted_columns(plan.key), newest)));
  return rows.affected();
}

Result<std::uint64_t> load_keys(StreamPlan const& plan, source::Source& source, pg::Session& session,
                                swap::Load const& load, CopyOptions const& options) {
  source::ReadRequest request;
  request.table = plan.table;
  request.table.columns = key_columns(plan);
  request.policies = plan.policies;
  WEIR_TRY(auto reader, source.read(request));
  WEIR_TRY(auto copied, copy_rows(*reader, session, load.copy_keys_statement(), options));
  return copied.rows_read;
}

}  // namespace weir::sync
