#pragma once
// A plain libpq session for the cases' own SQL. It shares no code with src/pg on purpose: it is the witness. One
// thread.

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir::cases {

struct Answer {
  std::string text;  // rows as `a | b`, NULL as NULL; an error as `ERROR 42P01: message` and DETAIL and HINT lines
  bool failed = false;
};

class SqlSession {
 public:
  static Result<SqlSession> connect(std::string const& conninfo);

  // Sends statements and waits for all answers. Error: Unavailable when `limit` is over (the statement is cancelled).
  Result<Answer> run(std::string const& sql, std::chrono::seconds limit);
  // Sends statements without waiting.
  Status send(std::string const& sql);
  // The answers, if they have all come after at most `time`.
  Result<bool> poll(Answer& answer, std::chrono::milliseconds time);
  bool is_waiting() const { return waiting_; }
  int backend_pid() const;
  int server_version() const { return PQserverVersion(connection_.get()) / 10000; }

 private:
  struct Close {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  explicit SqlSession(PGconn* connection) : connection_(connection) {}
  std::unique_ptr<PGconn, Close> connection_;
  Answer partial_;
  bool waiting_ = false;
};

}  // namespace weir::cases
