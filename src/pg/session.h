#pragma once
// A session with PostgreSQL, over libpq. The only folder that sees PGconn. A Session, and everything made from it,
// belongs to one thread at a time; cancel() alone may be called from any thread. Results are text format unless said
// otherwise.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

struct pg_conn;
struct pg_result;

namespace weir::pg {

// How to reach a database: libpq's own keywords (docs, 34.1.2 "Parameter Key Words"), so that everything psql can do
// (service files, ssl*, target_session_attrs, several hosts) works. The password stands apart, as a Secret.
struct SessionOptions {
  std::vector<std::pair<std::string, std::string>> parameters = {};  // host, port, dbname, user, sslmode, ...
  Secret password = {};
  std::string application_name = "weir";
  int connect_timeout_s = 15;
  std::string endpoint = {};  // its name in the configuration, for errors; "": it has none

  // "host/dbname as user", for people; never the password.
  std::string text() const;
};

// One row-returning statement's answer. Views live as long as the Rows.
class Rows {
 public:
  explicit Rows(pg_result* result);  // owns it from here on
  std::size_t size() const;
  std::size_t columns() const;
  std::string_view column_name(std::size_t column) const;
  std::uint32_t column_type(std::size_t column) const;  // type OID; a domain's is its base type's
  int column_modifier(std::size_t column) const;        // atttypmod, or -1
  bool is_null(std::size_t row, std::size_t column) const;
  // "" for NULL.
  std::string_view text(std::size_t row, std::size_t column) const;
  std::string_view text(std::size_t row,
                        std::string_view column) const;  // asking for a column that is not there is a bug
  std::optional<std::string> optional_text(std::size_t row, std::size_t column) const;
  std::int64_t integer(std::size_t row, std::size_t column) const;  // 0 for NULL
  bool boolean(std::size_t row, std::size_t column) const;
  std::uint64_t affected() const;    // rows that the command tag counts
  std::string_view command() const;  // the command tag: "INSERT 0 5", "COMMIT"
  // An array of text, as PostgreSQL writes it: {a,"b c",NULL}; NULL elements come as "".
  std::vector<std::string> array(std::size_t row, std::size_t column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// A statement parameter: text, or NULL.
using Parameter = std::optional<std::string>;

// Is told of statements by the thread that works on their session.
class StatementListener {
 public:
  virtual ~StatementListener() = default;
  virtual void sent(std::string_view sql) = 0;
  // "INSERT 0 5", or why there was no answer. Of a COPY: that it began.
  virtual void answered(std::string_view tag, Error const* error) = 0;
};

// Where a session stands (docs, 34.2 PQtransactionStatus).
enum class TransactionState { Idle, Active, InTransaction, Failed, Unknown };

class CopyIn;
class CopyOut;
class Canceller;

class Session {
 public:
  // Connects, with keepalives and tcp_user_timeout on the client's and on the server's side of a TCP connection (either
  // may vanish), client_encoding UTF8, DateStyle ISO, IntervalStyle postgres, TimeZone UTC, extra_float_digits 3,
  // bytea_output hex, search_path pg_catalog. sslmode is verify-full unless the server is on this machine (unix socket,
  // loopback) or `parameters`, PGSSLMODE or the service file say otherwise. Errors: Denied (28xxx), Config (3D000,
  // wrong host name, bad parameter, certificate), Unavailable.
  static Result<Session> connect(SessionOptions const& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // One statement with parameters $1..$n, extended protocol.
  Result<Rows> query(std::string_view sql, std::span<Parameter const> parameters = {});
  Result<Rows> query(std::string_view sql, std::initializer_list<Parameter> parameters);
  // The same, for a statement whose planning costs more than its work: prepared under `name` at its first use in this
  // session, and planned once, without regard to the parameters (plan_cache_mode, until the end of the transaction).
  // One name, one text: it is not looked at where has_prepared(name). `first`: statements that are carried out before,
  // in the same round trip.
  Result<Rows> query_prepared(std::string const& name, std::string_view sql, std::span<Parameter const> parameters,
                              std::string_view first = "");
  bool has_prepared(std::string const& name) const;
  // One or more statements, simple protocol, one round trip, no parameters. The answer is that of the last statement.
  // Only for text that weir itself wrote.
  Result<Rows> execute(std::string_view sql);

  // COPY ... FROM STDIN / TO STDOUT. The statement is given whole. The CopyIn/CopyOut must be finished or destroyed
  // (which aborts it) before the session is used again.
  Result<CopyIn> copy_in(std::string_view sql);
  Result<CopyOut> copy_out(std::string_view sql);

  // A comment that goes with each statement from here on: whoever looks at pg_stat_activity or at the server's log sees
  // whose it is. The text holds no comment's end; empty: none.
  enum class CommentPlace : std::uint8_t { Before, Behind };
  void set_comment(std::string text, CommentPlace place);
  // Is told of what execute() and copy_in() send. Not owned; null: nobody.
  void set_listener(StatementListener* listener);

  // Asks the server to cancel the statement or COPY that this session is doing, until it has ended. Any thread; does
  // not wait; never reaches a later statement.
  void cancel();
  // For as long as it lives: once `stop` is asked for, what the session is doing is cancelled, and what it is told to
  // do next fails with Cancelled without being sent.
  class CancelOnStop {
   public:
    CancelOnStop(Session& session, std::stop_token stop);
    CancelOnStop(CancelOnStop const&) = delete;
    CancelOnStop& operator=(CancelOnStop const&) = delete;
    ~CancelOnStop();

   private:
    std::shared_ptr<Canceller> canceller_;
    std::optional<std::stop_callback<std::function<void()>>> callback_;
  };

  TransactionState transaction_state() const;
  bool is_broken() const;      // the connection is gone
  int server_version() const;  // 150020
  int backend_pid() const;
  SessionOptions const& options() const;
  // NOTICEs and WARNINGs since the last call, each as one line.
  std::vector<std::string> take_notices();

 private:
  friend class CopyIn;
  friend class CopyOut;
  friend class Transaction;
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Rolls back when it goes unless it was committed, also while a stop is in force. The Session outlives it, and stays
// where it is meanwhile. A session whose ROLLBACK fails is closed: the server then rolls back.
class Transaction {
 public:
  // `begin`: the whole statement, "BEGIN" or "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".
  // Another one is still open: a bug, Internal.
  static Result<Transaction> begin(Session& session, std::string_view begin = "BEGIN");
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Session& session() { return *session_; }
  // Errors: InDoubt when COMMIT was sent and its answer was lost (the error's object is the transaction id where
  // transaction_id() was asked for before); else the server's reason, and nothing was committed.
  Status commit() &&;
  Status rollback() &&;
  // The current transaction's id (pg_current_xact_id), assigned if need be, as pg_xact_status() takes it.
  Result<std::string> transaction_id();

 private:
  explicit Transaction(Session& session);
  Session* session_;
  std::string transaction_id_;
};

// The receiving end of COPY FROM STDIN. Not finished = aborted.
class CopyIn {
 public:
  CopyIn(CopyIn&&) noexcept;
  CopyIn& operator=(CopyIn&&) = delete;
  ~CopyIn();
  // Any bytes; needs not be whole rows. Blocks while the server is slow. An error that the server has by then is
  // reported here as a rule, and by finish() in any case; after an error the COPY is over.
  Status write(std::string_view bytes);
  // Ends the COPY: the number of rows the server took.
  Result<std::uint64_t> finish() &&;

 private:
  friend class Session;
  explicit CopyIn(Session::State& state);
  Error fail();  // ends the COPY: why it went wrong
  Session::State* state_;
};

// The sending end of COPY TO STDOUT.
class CopyOut {
 public:
  CopyOut(CopyOut&&) noexcept;
  CopyOut& operator=(CopyOut&&) = delete;
  ~CopyOut();
  // The next message (one row, in PostgreSQL's implementation), or nothing at the end. The view lives until the next
  // call.
  Result<std::optional<std::string_view>> read();
  // After the end: how many rows the server says it sent.
  std::uint64_t rows() const { return rows_; }

 private:
  friend class Session;
  explicit CopyOut(Session::State& state);
  void free_message();
  Session::State* state_;
  char* message_ = nullptr;
  bool complete_ = false;
  std::uint64_t rows_ = 0;
};

// 28xxx, 42501 Denied; 3D000 Config; 08xxx, 53xxx, 57P0x, 25P03, 25P04 Unavailable; 08007, 40003 InDoubt; other 40xxx,
// 55P03, 55006, 72000 Busy; 57014 Cancelled; 22xxx, 23xxx Data; else Sql. A session reports 57014 that it did not ask
// for itself (a statement_timeout, an administrator) as Busy. Fault hooks for tests are in pg/faults.h.
ErrorKind kind_of_sqlstate(std::string_view sqlstate);

}  // namespace weir::pg
