#include "source/sqlserver.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "source/sqlserver_catalog.h"
#include "source/sqlserver_chunks.h"
#include "source/sqlserver_session.h"

namespace weir::source {
namespace {

// What the clock of an incremental window is, for a cursor of this type; empty for types that are no time.
std::string clock_of(std::string const& base_type, CursorClock clock) {
  if (base_type == "datetimeoffset") return "SYSDATETIMEOFFSET()";
  bool const is_time =
      base_type == "datetime" || base_type == "datetime2" || base_type == "smalldatetime" || base_type == "date";
  if (!is_time) return "";
  return clock == CursorClock::Utc ? "SYSUTCDATETIME()" : "SYSDATETIME()";
}

class SqlServerSource final : public Source {
 public:
  SqlServerSource(SqlServerOptions options, ServerSession session)
      : options_(std::move(options)), session_(std::move(session)) {}

  std::string text() const override { return options_.text(); }
  Result<std::vector<std::string>> test() override;
  Result<DiscoveredCatalog> discover(DiscoverRequest const& request) override {
    WEIR_DO(ensure_session());
    return discover_tables(session_, request);
  }
  Result<std::vector<Chunk>> plan_chunks(Table const& table, std::uint64_t rows_per_chunk) override {
    WEIR_DO(ensure_session());
    return cut_table(session_, table, rows_per_chunk);
  }
  Result<std::unique_ptr<RowReader>> read(ReadRequest const& request) override;
  Result<std::uint64_t> count(Table const& table) override;
  Result<std::optional<std::string>> high_bound(Table const& table, std::string const& cursor_column,
                                                Duration lag) override;
  Result<std::string> begin_snapshot() override;
  Status end_snapshot() override;
  Result<std::unique_ptr<Source>> clone() override { return open_sqlserver(options_); }

 private:
  // A session that died between two uses is replaced; inside a snapshot that would be another view, so it is an error.
  Status ensure_session();
  Result<KeyForm> form_of(Table const& table, std::vector<SqlServerColumn> const& columns, std::string const& name);

  SqlServerOptions const options_;
  ServerSession session_;
  bool in_transaction_ = false;
  bool isolation_is_set_ = false;
};

Status SqlServerSource::ensure_session() {
  if (!session_.odbc.is_dead()) return {};
  if (in_transaction_)
    return Error(ErrorKind::Unavailable,
                 fmt::format("could not go on reading {}: the connection with its snapshot was lost", text()))
        .next("run again: the next attempt takes a new snapshot");
  WEIR_TRY(session_, ServerSession::connect(options_));
  isolation_is_set_ = false;
  return {};
}

Result<std::vector<std::string>> SqlServerSource::test() {
  WEIR_DO(ensure_session());
  ServerFacts const& facts = session_.facts;
  odbc::DriverInfo const& driver = session_.odbc.driver();
  std::vector<std::string> lines;
  lines.push_back(fmt::format("connected to {}: SQL Server {} ({}), database \"{}\", login \"{}\"", text(),
                              facts.version, facts.edition, facts.database, facts.login));
  lines.push_back(fmt::format("driver {} {}, {} values; self-test passed", driver.driver_name, driver.driver_version,
                              session_.binding == Binding::Raw ? "raw" : "typed"));
  lines.push_back(fmt::format("collation {}, code page {}", facts.collation, facts.code_page));
  lines.push_back(fmt::format("snapshot isolation {}, row versions for READ COMMITTED {}",
                              facts.allows_snapshot ? "allowed" : "not allowed",
                              facts.has_row_versions ? "on" : "off"));
  for (auto const& warning : session_.warnings) lines.push_back("warning: " + warning);
  return lines;
}

Result<KeyForm> SqlServerSource::form_of(Table const& table, std::vector<SqlServerColumn> const& columns,
                                         std::string const& name) {
  auto const column = std::ranges::find(columns, name, &SqlServerColumn::name);
  if (column == columns.end()) {
    std::vector<std::string> names;
    for (auto const& known : columns) names.push_back(known.name);
    return Error(ErrorKind::Config, fmt::format("\"{}\" has no column \"{}\"", table.text(), name))
        .object(table.text())
        .next(did_you_mean(name, names));
  }
  auto const form = key_form(*column, session_.facts.code_page);
  if (!form)
    return Error(ErrorKind::Config,
                 fmt::format("column \"{}\" of \"{}\" ({}) cannot be a cursor: its values have no exact order as text",
                             name, table.text(), type_text(*column)))
        .object(table.text())
        .next("choose a number, a date or a rowversion column");
  return *form;
}

Result<std::unique_ptr<RowReader>> SqlServerSource::read(ReadRequest const& request) {
  WEIR_DO(ensure_session());
  for (Column const& column : request.table.columns) {
    if (!column.refusal.empty())
      return Error(ErrorKind::Refused, column.refusal)
          .object(request.table.text())
          .next("leave the column out: exclude_columns");
  }
  WEIR_TRY(auto const columns, session_.shape(request.table));
  WEIR_DO(check_unchanged(request.table, columns));
  std::optional<KeyForm> chunk_form, window_form;
  if (request.chunk.low || request.chunk.high) {
    WEIR_TRY(chunk_form, form_of(request.table, columns, request.chunk.column));
  }
  if (request.window && (request.window->low || request.window->high)) {
    WEIR_TRY(window_form, form_of(request.table, columns, request.window->column));
  }
  SelectList const list = select_list(request.table.columns, session_.binding);
  SqlStatement const statement =
      read_statement(request.table, list.expressions(), request.chunk, chunk_form, request.window, window_form);
  return read_rows(session_.odbc, request, list, session_.binding, statement);
}

Result<std::uint64_t> SqlServerSource::count(Table const& table) {
  WEIR_DO(ensure_session());
  WEIR_TRY(odbc::TextRows const rows, session_.odbc.query(count_statement(table).text));
  return rows.rows.empty() ? std::uint64_t{0} : static_cast<std::uint64_t>(rows.integer(0, "n"));
}

Result<std::optional<std::string>> SqlServerSource::high_bound(Table const& table, std::string const& cursor_column,
                                                               Duration lag) {
  WEIR_DO(ensure_session());
  WEIR_TRY(auto const columns, session_.shape(table));
  WEIR_TRY(KeyForm const form, form_of(table, columns, cursor_column));
  std::string const& base_type = std::ranges::find(columns, cursor_column, &SqlServerColumn::name)->base_type;
  if (base_type == "timestamp") {
    WEIR_TRY(odbc::TextRows const rows, session_.odbc.query(embedded_file("queries/mssql/rowversion.sql")));
    return rows.rows.empty() ? std::nullopt : rows.rows[0][0];
  }
  std::int64_t seconds = -std::chrono::ceil<std::chrono::seconds>(lag).count();
  if (base_type == "smalldatetime") seconds -= 60;  // the server rounds to the next minute
  SqlStatement const statement =
      high_statement(table, cursor_column, form, clock_of(base_type, options_.cursor_clock), seconds);
  WEIR_TRY(odbc::TextRows const rows, session_.odbc.query(statement.text, statement.parameters));
  return rows.rows.empty() ? std::nullopt : rows.rows[0][0];
}

Result<std::string> SqlServerSource::begin_snapshot() {
  WEIR_DO(ensure_session());
  if (in_transaction_) {
    WEIR_DO(end_snapshot());
  }
  ServerFacts const& facts = session_.facts;
  Isolation const wanted = options_.isolation;
  if (wanted == Isolation::Snapshot && !facts.allows_snapshot)
    return Error(ErrorKind::Config,
                 fmt::format("the database \"{}\" does not allow snapshot isolation", facts.database))
        .next(fmt::format("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION ON, or choose isolation: auto",
                          facts.database));
  if (wanted == Isolation::Snapshot || (wanted == Isolation::Auto && facts.allows_snapshot)) {
    WEIR_DO(session_.odbc.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION"));
    in_transaction_ = isolation_is_set_ = true;
    return "snapshot";
  }
  if (wanted == Isolation::ReadUncommitted) {
    WEIR_DO(session_.odbc.execute("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"));
    isolation_is_set_ = true;
    return "read uncommitted";
  }
  WEIR_DO(session_.odbc.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"));
  return facts.has_row_versions ? "read committed (row versions)" : "read committed (locks)";
}

Status SqlServerSource::end_snapshot() {
  bool const was_in_transaction = std::exchange(in_transaction_, false);
  bool const was_set = std::exchange(isolation_is_set_, false);
  if (session_.odbc.is_dead()) return {};  // the server ended it
  if (was_in_transaction) {
    WEIR_DO(session_.odbc.execute("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"));
  }
  if (was_set) {
    WEIR_DO(session_.odbc.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Source>> open_sqlserver(SqlServerOptions const& options) {
  WEIR_TRY(ServerSession session, ServerSession::connect(options));
  return std::unique_ptr<Source>(std::make_unique<SqlServerSource>(options, std::move(session)));
}

}  // namespace weir::source
