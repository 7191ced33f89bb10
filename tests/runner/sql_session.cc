#include "runner/sql_session.h"

#include <poll.h>

#include <string_view>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::cases {
namespace {

void ignore_notices(void*, PGresult const*) {}

void add_line(std::string& text, std::string_view label, char const* value) {
  if (value != nullptr && *value != '\0') text += fmt::format("{}: {}\n", label, value);
}

void add_result(Answer& answer, PGresult const* result) {
  auto const status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK) {
    for (int row = 0; row < PQntuples(result); ++row) {
      for (int column = 0; column < PQnfields(result); ++column) {
        if (column > 0) answer.text += " | ";
        answer.text += PQgetisnull(result, row, column) != 0 ? "NULL" : PQgetvalue(result, row, column);
      }
      answer.text += '\n';
    }
  } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    answer.failed = true;
    char const* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char const* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    answer.text += fmt::format("ERROR {}: {}\n", code == nullptr ? "-----" : code,
                               message == nullptr ? trim(PQresultErrorMessage(result)) : std::string_view(message));
    add_line(answer.text, "DETAIL", PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    add_line(answer.text, "HINT", PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
  }
}

}  // namespace

Result<SqlSession> SqlSession::connect(std::string const& conninfo) {
  SqlSession session(PQconnectdb(conninfo.c_str()));
  PGconn* const connection = session.connection_.get();
  if (PQstatus(connection) != CONNECTION_OK)
    return Error(ErrorKind::Unavailable, fmt::format("could not connect: {}", trim(PQerrorMessage(connection))));
  PQsetNoticeReceiver(connection, ignore_notices, nullptr);
  return session;
}

Status SqlSession::send(std::string const& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0)
    return Error(ErrorKind::Unavailable, fmt::format("could not send: {}", trim(PQerrorMessage(connection_.get()))));
  partial_ = {};
  waiting_ = true;
  return {};
}

Result<bool> SqlSession::poll(Answer& answer, std::chrono::milliseconds time) {
  PGconn* const connection = connection_.get();
  auto const deadline = std::chrono::steady_clock::now() + time;
  while (waiting_) {
    if (PQconsumeInput(connection) == 0) {
      partial_.failed = true;
      partial_.text += "the connection is gone\n";
      waiting_ = false;
      break;
    }
    if (PQisBusy(connection) != 0) {
      auto const left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd input{.fd = PQsocket(connection), .events = POLLIN, .revents = 0};
      ::poll(&input, 1, static_cast<int>(left.count()));
      continue;
    }
    PGresult* const result = PQgetResult(connection);
    waiting_ = result != nullptr;
    if (waiting_) add_result(partial_, result);
    PQclear(result);
  }
  answer = partial_;
  return true;
}

Result<Answer> SqlSession::run(std::string const& sql, std::chrono::seconds limit) {
  WEIR_DO(send(sql));
  Answer answer;
  WEIR_TRY(bool const done, poll(answer, limit));
  if (done) return answer;
  std::unique_ptr<PGcancel, void (*)(PGcancel*)> cancel(PQgetCancel(connection_.get()), PQfreeCancel);
  std::string reason(256, '\0');
  PQcancel(cancel.get(), reason.data(), static_cast<int>(reason.size()));
  return Error(ErrorKind::Unavailable, fmt::format("no answer after {} s to: {}", limit.count(), trim(sql)));
}

int SqlSession::backend_pid() const {
  return PQbackendPID(connection_.get());
}

}  // namespace weir::cases
