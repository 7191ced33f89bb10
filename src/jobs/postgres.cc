#include "jobs/postgres.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/doubt.h"
#include "sql/name.h"

namespace weir::jobs {
namespace {

// Of the state's lock, with the schema's OID below: one lock a state.
constexpr std::int64_t kStateLock = std::int64_t{0x77656972} << 32;

// A worker that is frozen, or cut off, in the middle of a transaction holds the others up until the server ends it:
// well before their leases end. What waits for a lock longer than that is told so.
constexpr std::string_view kSettings =
    "SET synchronous_commit = on; SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '15s'; "
    "SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning";

// The ends of a connection notice within seconds that the other one is gone: leases are shorter than TCP's patience.
void set_unless_given(pg::SessionOptions& options, std::string const& keyword, std::string const& value) {
  for (auto const& [known, text] : options.parameters)
    if (known == keyword) return;
  options.parameters.emplace_back(keyword, value);
}

pg::SessionOptions impatient(pg::SessionOptions options) {
  set_unless_given(options, "keepalives_idle", "5");
  set_unless_given(options, "keepalives_interval", "2");
  set_unless_given(options, "keepalives_count", "3");
  set_unless_given(options, "tcp_user_timeout", "10000");
  options.connect_timeout_s = std::min(options.connect_timeout_s, 5);
  return options;
}

// Each $n with the type of its value: PostgreSQL takes "$1 = 0" for a number of four bytes otherwise.
std::string typed(std::string_view sql, std::vector<Value> const& values) {
  std::string text;
  text.reserve(sql.size() + 8 * values.size());
  for (std::size_t i = 0; i < sql.size();) {
    text += sql[i++];
    if (text.back() != '$') continue;
    std::size_t number = 0;
    for (; i < sql.size() && sql[i] >= '0' && sql[i] <= '9'; ++i) {
      number = number * 10 + static_cast<std::size_t>(sql[i] - '0');
      text += sql[i];
    }
    if (number == 0 || number > values.size()) continue;
    auto const& value = values[number - 1];
    text += value.number() != nullptr ? "::bigint" : value.text() != nullptr ? "::text" : "";
  }
  return text;
}

// PostgreSQL holds neither U+0000 nor bytes that are no UTF-8.
std::string storable(std::string text) {
  if (text.find('\0') == std::string::npos && is_utf8(text)) return text;
  for (char& c : text)
    if (c == '\0' || static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

pg::Parameter parameter(Value const& value) {
  if (value.number() != nullptr) return std::to_string(*value.number());
  if (value.text() != nullptr) return storable(*value.text());
  return std::nullopt;
}

Value cell(pg::Rows const& rows, std::size_t row, std::size_t column) {
  constexpr std::uint32_t kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23;
  if (rows.is_null(row, column)) return {};
  switch (rows.column_type(column)) {
    case kInt8:
    case kInt4:
    case kInt2:
      return Value(rows.integer(row, column));
    case kBool:
      return Value(std::int64_t{rows.boolean(row, column)});
    default:
      return Value(std::string(rows.text(row, column)));
  }
}

class Postgres final : public Database {
 public:
  explicit Postgres(PostgresOptions options) : options_(std::move(options)) {
    options_.session = impatient(std::move(options_.session));
  }

  Status connect() {
    session_.reset();
    auto session = pg::Session::connect(options_.session);
    if (!session.ok()) return told(std::move(session).error());
    if (auto const ready = make_ready(*session); !ready.ok()) return told(ready.error().clone());
    session_.emplace(std::move(*session));
    return {};
  }

  Result<Rows> query(std::string_view sql, std::vector<Value> const& values) override {
    if (!transaction_) {
      WEIR_DO(reconnect());
    }
    std::vector<pg::Parameter> parameters;
    for (auto const& value : values) parameters.push_back(parameter(value));
    auto answer = session_->query(typed(sql, values), parameters);
    if (!answer.ok()) return told(std::move(answer).error());
    Rows rows;
    for (std::size_t i = 0; i < answer->size(); ++i) {
      std::vector<Value> row;
      for (std::size_t k = 0; k < answer->columns(); ++k) row.push_back(cell(*answer, i, k));
      rows.add(std::move(row));
    }
    return rows;
  }

  Status script(std::string_view sql) override {
    auto const done = session_->execute(sql);
    return done.ok() ? Status() : Status(told(done.error().clone()));
  }

  Status begin() override { return begin(Purpose::Change); }
  Status begin_look() override { return begin(Purpose::Look); }

  Status commit() override {
    // Nothing where nothing was written: then there is nothing to be in doubt of.
    auto const id = session_->query("SELECT pg_current_xact_id_if_assigned()::text");
    auto done = std::move(*std::exchange(transaction_, std::nullopt)).commit();
    if (done.ok()) return {};
    if (done.error().kind() == ErrorKind::InDoubt && id.ok() && !id->is_null(0, 0)) {
      done = pg::settle_doubt(*session_, std::string(id->text(0, 0)), done.error().clone());
      // Its session is new, and knows nothing of the schema yet.
      auto const ready = done.ok() ? make_ready(*session_) : Status();
      if (!ready.ok() || !done.ok()) session_.reset();
      if (done.ok()) return {};
    } else if (done.error().kind() == ErrorKind::InDoubt && id.ok()) {
      return {};  // there was nothing to commit
    }
    return told(done.error().clone());
  }

  void rollback() override { transaction_.reset(); }

  Result<std::int64_t> now_us() override {
    if (options_.clock != nullptr) return options_.clock->now().time_since_epoch().count();
    WEIR_TRY(auto const rows, query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", {}));
    return rows.number(0, 0);
  }

 private:
  Status reconnect() { return session_ && !session_->is_broken() ? Status() : connect(); }

  enum class Purpose { Change, Look };

  Status begin(Purpose purpose) {
    bool const was_open = session_.has_value();
    WEIR_DO(reconnect());
    auto begun = start(purpose);
    // What broke while nothing went on is found out by this statement only.
    if (!begun.ok() && was_open && session_->is_broken()) {
      WEIR_DO(connect());
      begun = start(purpose);
    }
    return begun.ok() ? Status() : Status(told(begun.error().clone()));
  }

  Status start(Purpose purpose) {
    auto begun = pg::Transaction::begin(
        *session_, purpose == Purpose::Change ? "BEGIN; " + lock_ : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (begun.ok()) {
      transaction_.emplace(std::move(*begun));
      return {};
    }
    // The lock could not be had: what was begun for it ends.
    if (session_->transaction_state() == pg::TransactionState::Failed) {
      WEIR_DO(session_->execute("ROLLBACK"));
    }
    return std::move(begun).error();
  }

  // The schema, found or made, and the settings that hold for all of the session.
  Status make_ready(pg::Session& session) {
    WEIR_TRY(auto const server, session.query("SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = "
                                              "'on', pg_backend_pid()"));
    if (server.boolean(0, 0))
      return Error(ErrorKind::Unavailable, "the server is a standby: it takes no writes")
          .state("nothing was changed")
          .next("name the primary, or all of them with target_session_attrs=read-write");
    if (server.boolean(0, 1))
      return Error(ErrorKind::Unavailable, "the database takes no writes: default_transaction_read_only is on")
          .state("nothing was changed")
          .next(
              "find out who set it (ALTER SYSTEM, ALTER DATABASE, ALTER ROLE), and name a database that takes writes");
    if (server.integer(0, 2) != session.backend_pid()) {
      WEIR_DO(refuse_shared_server_session(session, options_.session));
    }
    WEIR_DO(session.execute(kSettings));
    auto const schema = sql::quote_pg(options_.schema);
    WEIR_TRY(auto found, session.query("SELECT oid FROM pg_namespace WHERE nspname = $1", {options_.schema}));
    if (found.size() == 0) {
      auto made = session.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
      if (!made.ok() && made.error().kind() == ErrorKind::Denied)
        made.error()
            .state("nothing was changed")
            .next("GRANT CREATE ON DATABASE to that role, or make the schema: CREATE SCHEMA " + schema +
                  " AUTHORIZATION the role");
      // IF NOT EXISTS does not wait for another session that makes the same one.
      bool const is_there = !made.ok() && (made.error().sqlstate() == "23505" || made.error().sqlstate() == "42P06");
      if (!made.ok() && !is_there) return std::move(made).error();
      WEIR_TRY(found, session.query("SELECT oid FROM pg_namespace WHERE nspname = $1", {options_.schema}));
    }
    lock_ = fmt::format("SELECT pg_advisory_xact_lock({})", kStateLock | found.integer(0, 0));
    WEIR_DO(session.execute(fmt::format("SET search_path = {}, pg_catalog", schema)));
    return {};
  }

  Error told(Error error) const {
    if (error.kind() == ErrorKind::Sql) error.kind(ErrorKind::Internal);
    return std::move(error).context(fmt::format("asking the state in {}", options_.session.text()));
  }

  PostgresOptions options_;
  std::string lock_;
  std::optional<pg::Session> session_;
  std::optional<pg::Transaction> transaction_;
};

}  // namespace

Status refuse_shared_server_session(pg::Session& session, pg::SessionOptions const& options) {
  constexpr std::string_view kWhich = "SELECT pg_backend_pid()";
  constexpr int kTries = 5;  // others may take it in between
  auto other = std::optional<pg::Session>();
  for (int i = 0; i < kTries; ++i) {
    WEIR_TRY(auto const own, session.query(kWhich));
    if (own.integer(0, 0) == session.backend_pid()) return {};
    if (!other) {
      WEIR_TRY(auto made, pg::Session::connect(options));
      other.emplace(std::move(made));
    }
    WEIR_TRY(auto const its, other->query(kWhich));
    if (own.integer(0, 0) == its.integer(0, 0))
      return Error(ErrorKind::Config, "a pooler in transaction mode stands before the state's database")
          .cause("what is set for a session there holds for other programs' transactions too, and not for weir's own")
          .state("nothing was changed")
          .next("name the server itself in endpoints.yml, or a pool in session mode (PgBouncer: pool_mode=session)");
  }
  return {};
}

Result<std::unique_ptr<Database>> open_postgres(PostgresOptions options) {
  auto database = std::make_unique<Postgres>(std::move(options));
  WEIR_DO(database->connect());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace weir::jobs
