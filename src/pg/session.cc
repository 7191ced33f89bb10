#include "pg/session.h"

#include <poll.h>
#include <sys/socket.h>

#include <cassert>
#include <chrono>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "pg/state.h"
#include "sql/name.h"

namespace weir::pg {
namespace {

constexpr std::size_t kMostNotices = 1000;
constexpr std::size_t kLongestLoggedSql = 4000;

Error nul_error(std::string_view what) {
  return Error(ErrorKind::Data, fmt::format("{} holds the character U+0000, which PostgreSQL cannot hold", what))
      .sqlstate("22021");
}

std::string parameters_text(std::span<Parameter const> parameters) {
  std::string text;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    text += fmt::format("{}${} = {}", i == 0 ? " -- " : ", ", i + 1,
                        parameters[i] ? "'" + parameters[i]->substr(0, 200) + "'" : "NULL");
  return text;
}

}  // namespace

Session::State::State(ConnectionPointer open, SessionOptions given)
    : options(std::move(given)), connection(std::move(open)), canceller(std::make_shared<Canceller>(connection.get())) {
  PQsetNoticeReceiver(connection.get(), &State::keep_notice, this);
}

void Session::State::keep_notice(void* state_pointer, pg_result const* result) {
  auto& state = *static_cast<State*>(state_pointer);
  auto field = [result](int code) {
    char const* const text = PQresultErrorField(result, code);
    return std::string_view(text == nullptr ? "" : text);
  };
  std::string line = fmt::format("{}: {}", field(PG_DIAG_SEVERITY_NONLOCALIZED), field(PG_DIAG_MESSAGE_PRIMARY));
  if (auto const detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) line += fmt::format(" ({})", detail);
  line = replace_all(std::move(line), "\n", " ");
  ++state.notices_seen;
  if (logs(LogLevel::Sql))
    write_log(LogLevel::Sql, fmt::format("pg {}: {}", PQbackendPID(state.connection.get()), line));
  if (line.starts_with("FATAL") || line.starts_with("PANIC")) state.last_words = field(PG_DIAG_MESSAGE_PRIMARY);
  if (state.notices.size() < kMostNotices) state.notices.push_back(std::move(line));
}

void Session::State::cut() {
  shutdown(PQsocket(connection.get()), SHUT_RDWR);
  // libpq learns of it by trying to read.
  while (PQconsumeInput(connection.get()) == 1 && !is_broken()) {
  }
}

ResultPointer Session::State::take_results() {
  ResultPointer kept;
  for (;;) {
    ResultPointer next(PQgetResult(connection.get()));
    if (next == nullptr) return kept;
    auto const status = PQresultStatus(next.get());
    bool const kept_error = kept != nullptr && PQresultStatus(kept.get()) == PGRES_FATAL_ERROR;
    if (!kept_error) kept = std::move(next);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) return kept;
  }
}

Status Session::State::before(std::string_view sql, Fault const& fault) {
  if (logs(LogLevel::Sql)) {
    write_log(LogLevel::Sql,
              fmt::format("pg {}: {}{}", PQbackendPID(connection.get()), sql.substr(0, kLongestLoggedSql),
                          sql.size() > kLongestLoggedSql ? " ..." : ""));
  }
  if (fault.kind == FaultKind::Disconnect) cut();
  if (fault.kind == FaultKind::Error) {
    // A real error of the server's, so that a transaction ends up as it really would.
    auto const statement =
        fmt::format("DO $weir$BEGIN RAISE EXCEPTION 'fault hook' USING ERRCODE = '{}'; END$weir$", fault.sqlstate);
    ResultPointer const result(PQexec(connection.get(), statement.c_str()));
    return error_of(result.get());
  }
  return {};
}

Result<ResultPointer> Session::State::after(ResultPointer result, Fault const& fault) {
  if (fault.kind == FaultKind::Lost) {
    cut();
    return lost();
  }
  if (result == nullptr) return lost();
  switch (PQresultStatus(result.get())) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
      break;
    default:
      return error_of(result.get());
  }
  if (logs(LogLevel::Sql))
    write_log(LogLevel::Sql, fmt::format("pg {}: {}", PQbackendPID(connection.get()), PQcmdStatus(result.get())));
  return result;
}

std::string Session::State::with_comment(std::string_view sql) const {
  if (comment.empty()) return std::string(sql);
  if (comment_place == CommentPlace::Before) return fmt::format("/* {} */\n{}", comment, sql);
  auto const end = sql.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return std::string(sql);
  bool const closed = sql[end] == ';';
  return fmt::format("{}\n/* {} */{}", sql.substr(0, closed ? end : end + 1), comment, closed ? ";" : "");
}

Result<ResultPointer> Session::State::run_text(std::string_view sql, Told told) {
  if (sql.find('\0') != std::string_view::npos) return nul_error("the statement");
  std::string const text = with_comment(sql);
  bool const heard = told == Told::Listener && listener != nullptr;
  if (heard) listener->sent(text);
  auto result = run(text, [&] { return PQsendQuery(connection.get(), text.c_str()); });
  if (heard && result.ok()) listener->answered(PQcmdStatus(result->get()), nullptr);
  if (heard && !result.ok()) listener->answered("", &result.error());
  return result;
}

Status Session::State::roll_back() {
  if (is_broken()) return {};  // the server has rolled back, or will
  auto result = run(
      "ROLLBACK", [this] { return PQsendQuery(connection.get(), "ROLLBACK"); }, Canceller::Stops::Ignore);
  if (result.ok()) return {};
  if (!is_broken()) cut();
  return std::move(result).error();
}

void Session::State::look_for_end() {
  pollfd descriptor{.fd = PQsocket(connection.get()), .events = POLLIN, .revents = 0};
  while (!is_broken() && poll(&descriptor, 1, 0) > 0 && PQconsumeInput(connection.get()) == 1)
    static_cast<void>(PQisBusy(connection.get()));  // hands on what the server says unasked
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

namespace {

bool is_copy(pg_result const* result) {
  auto const status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
}

}  // namespace

Result<Rows> Session::query(std::string_view sql, std::span<Parameter const> parameters) {
  if (sql.find('\0') != std::string_view::npos) return nul_error("the statement");
  std::vector<char const*> values;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto const& value = parameters[i];
    if (value && value->find('\0') != std::string::npos) return nul_error(fmt::format("parameter ${}", i + 1));
    values.push_back(value ? value->c_str() : nullptr);
  }
  std::string const text = state_->with_comment(sql);
  std::string const logged = logs(LogLevel::Sql) ? text + parameters_text(parameters) : text;
  WEIR_TRY(auto result, state_->run(logged, [&] {
    return PQsendQueryParams(state_->connection.get(), text.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0);
  }));
  assert(!is_copy(result.get()) && "COPY goes through copy_in() and copy_out()");
  return Rows(result.release());
}

Result<Rows> Session::query(std::string_view sql, std::initializer_list<Parameter> parameters) {
  return query(sql, std::span<Parameter const>(parameters.begin(), parameters.size()));
}

Result<Rows> Session::query_prepared(std::string const& name, std::string_view sql,
                                     std::span<Parameter const> parameters, std::string_view first) {
  if (!has_prepared(name)) {
    if (!first.empty()) {
      WEIR_DO(execute(std::exchange(first, "")));
    }
    WEIR_DO(state_->run_text(fmt::format("PREPARE {} AS {}", sql::quote_pg(name), sql), State::Told::Nobody));
    state_->prepared.insert(name);  // it outlives the transaction, also one that is rolled back
  }
  std::string values;
  for (auto const& value : parameters)
    values += (values.empty() ? "" : ", ") + (value ? sql::literal_pg(*value) : std::string("NULL"));
  WEIR_TRY(auto result, state_->run_text(fmt::format("{}{}SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE {}{}",
                                                     first, first.empty() ? "" : "; ", sql::quote_pg(name),
                                                     values.empty() ? "" : "(" + values + ")"),
                                         first.empty() ? State::Told::Nobody : State::Told::Listener));
  return Rows(result.release());
}

bool Session::has_prepared(std::string const& name) const {
  return state_->prepared.contains(name);
}

Result<Rows> Session::execute(std::string_view sql) {
  WEIR_TRY(auto result, state_->run_text(sql, State::Told::Listener));
  assert(!is_copy(result.get()) && "COPY goes through copy_in() and copy_out()");
  return Rows(result.release());
}

void Session::set_comment(std::string text, CommentPlace place) {
  state_->comment = std::move(text);
  state_->comment_place = place;
}

void Session::set_listener(StatementListener* listener) {
  state_->listener = listener;
}

void Session::cancel() {
  state_->canceller->cancel();
}

Session::CancelOnStop::CancelOnStop(Session& session, std::stop_token stop) : canceller_(session.state_->canceller) {
  callback_.emplace(std::move(stop), [canceller = canceller_.get()] { canceller->stop(); });
}

Session::CancelOnStop::~CancelOnStop() {
  callback_.reset();  // waits for a callback that is running
  canceller_->lift_stop();
}

TransactionState Session::transaction_state() const {
  switch (PQtransactionStatus(state_->connection.get())) {
    case PQTRANS_IDLE:
      return TransactionState::Idle;
    case PQTRANS_ACTIVE:
      return TransactionState::Active;
    case PQTRANS_INTRANS:
      return TransactionState::InTransaction;
    case PQTRANS_INERROR:
      return TransactionState::Failed;
    case PQTRANS_UNKNOWN:
      break;
  }
  return TransactionState::Unknown;
}

bool Session::is_broken() const {
  return state_->is_broken();
}
int Session::server_version() const {
  return PQserverVersion(state_->connection.get());
}
int Session::backend_pid() const {
  return PQbackendPID(state_->connection.get());
}
SessionOptions const& Session::options() const {
  return state_->options;
}
std::vector<std::string> Session::take_notices() {
  return std::exchange(state_->notices, {});
}

}  // namespace weir::pg
