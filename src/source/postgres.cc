#include "source/postgres.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/session.h"
#include "pg/settings.h"
#include "source/postgres_catalog.h"
#include "source/postgres_chunks.h"
#include "source/postgres_read.h"
#include "source/postgres_sql.h"

namespace weir::source {
namespace {

constexpr char const* kSnapshot = "snapshot";
constexpr char const* kReadCommitted = "read committed (each statement sees one moment)";

// A source waits inside of its snapshot while the warehouse works, so an idle limit may not end it. A table that is
// locked for a migration is worth another try later, not an endless wait.
constexpr char const* kSessionSettings = "SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s'";

class PostgresSource final : public Source {
 public:
  static Result<std::unique_ptr<PostgresSource>> connect(pg::SessionOptions const& options, Isolation isolation) {
    WEIR_TRY(auto session, pg::Session::connect(options));
    WEIR_DO(session.execute(kSessionSettings));
    return std::make_unique<PostgresSource>(std::move(session), isolation);
  }

  PostgresSource(pg::Session session, Isolation isolation) : session_(std::move(session)), isolation_(isolation) {}

  std::string text() const override { return "PostgreSQL " + session_.options().text(); }

  Result<std::vector<std::string>> test() override {
    WEIR_TRY(auto const facts,
             session_.query("SELECT current_setting('server_version'), current_database(), current_user, "
                            "coalesce((SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), '')"));
    std::vector<std::string> lines = {fmt::format("connected to PostgreSQL {}, database \"{}\", as \"{}\"",
                                                  facts.text(0, 0), facts.text(0, 1), facts.text(0, 2)),
                                      facts.text(0, 3).empty() ? "the connection is not encrypted"
                                                               : fmt::format("encrypted with {}", facts.text(0, 3))};
    WEIR_TRY(auto const catalog, discover({}));
    auto const readable = std::ranges::count_if(catalog.tables, [](Table const& table) {
      return std::ranges::any_of(table.columns, [](Column const& column) { return column.refusal.empty(); });
    });
    lines.push_back(fmt::format("{} of {} can be read", readable, plural(catalog.tables.size(), "table")));
    for (auto const& warning : catalog.warnings) lines.push_back("warning: " + warning);
    return lines;
  }

  Result<DiscoveredCatalog> discover(DiscoverRequest const& request) override {
    return discover_postgres(session_, request);
  }

  Result<std::vector<Chunk>> plan_chunks(Table const& table, std::uint64_t rows_per_chunk) override {
    return plan_postgres_chunks(session_, table, rows_per_chunk);
  }

  Result<std::unique_ptr<RowReader>> read(ReadRequest const& request) override {
    return read_postgres(session_, request);
  }

  Result<std::uint64_t> count(Table const& table) override {
    WEIR_TRY(auto const rows, guarded_query(session_, count_text(table)));
    return static_cast<std::uint64_t>(rows.integer(0, 0));
  }

  Result<std::optional<std::string>> high_bound(Table const& table, std::string const& cursor_column,
                                                Duration lag) override {
    Column const* const cursor = table.column(cursor_column);
    if (cursor == nullptr)
      return Error(ErrorKind::Config, fmt::format("table \"{}\" has no column \"{}\"", table.text(), cursor_column));
    WEIR_TRY(auto const rows, guarded_query(session_, high_bound_text(table, *cursor, lag)));
    return rows.size() == 0 ? std::optional<std::string>() : rows.optional_text(0, 0);
  }

  Result<std::string> begin_snapshot() override {
    if (isolation_ == Isolation::ReadCommitted || isolation_ == Isolation::ReadUncommitted)
      return std::string(kReadCommitted);
    if (snapshot_.empty()) {
      WEIR_DO(session_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
      auto exported = session_.query("SELECT pg_export_snapshot()");
      if (!exported.ok()) {
        WEIR_DO(session_.execute("ROLLBACK"));
        return std::move(exported).error();
      }
      snapshot_ = exported->text(0, 0);
    }
    return std::string(kSnapshot);
  }

  Status end_snapshot() override {
    if (snapshot_.empty()) return {};
    snapshot_.clear();
    WEIR_DO(session_.execute("COMMIT"));
    return {};
  }

  // Sees the same moment, if this one is in a snapshot now.
  Result<std::unique_ptr<Source>> clone() override {
    WEIR_TRY(auto other, connect(session_.options(), isolation_));
    if (!snapshot_.empty()) {
      WEIR_DO(other->session_.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
      WEIR_DO(other->session_.execute(fmt::format("SET TRANSACTION SNAPSHOT '{}'", snapshot_)));
      other->snapshot_ = snapshot_;
    }
    return std::unique_ptr<Source>(std::move(other));
  }

 private:
  pg::Session session_;
  Isolation const isolation_;
  std::string snapshot_;  // the exported snapshot whose transaction is open here; empty: none
};

}  // namespace

Result<std::unique_ptr<Source>> open_postgres(SourceOptions const& options) {
  WEIR_TRY(auto session_options, pg::session_options(options.settings, options.password));
  session_options.application_name = options.application_name;
  session_options.endpoint = options.endpoint;
  WEIR_TRY(auto source, PostgresSource::connect(session_options, options.isolation));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace weir::source
