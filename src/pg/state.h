#pragma once
// Private to pg/: what a Session, its Transaction and its COPYs share, and how libpq's answers become Errors.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pg/canceller.h"
#include "pg/faults.h"
#include "pg/libpq.h"
#include "pg/session.h"

namespace weir::pg {

struct ClearResult {
  void operator()(pg_result* result) const noexcept { PQclear(result); }
};
using ResultPointer = std::unique_ptr<pg_result, ClearResult>;

struct CloseConnection {
  void operator()(pg_conn* connection) const noexcept { PQfinish(connection); }
};
using ConnectionPointer = std::unique_ptr<pg_conn, CloseConnection>;

struct Session::State {
  State(ConnectionPointer open, SessionOptions given);
  State(State const&) = delete;
  State& operator=(State const&) = delete;

  SessionOptions options;
  ConnectionPointer connection;
  std::shared_ptr<Canceller> canceller;
  std::vector<std::string> notices;
  std::uint64_t notices_seen = 0;
  std::set<std::string> prepared;  // names of statements that the server keeps for query_prepared()
  std::string last_words;          // a FATAL that the server sent unasked before it went
  std::string comment;
  CommentPlace comment_place = CommentPlace::Before;
  StatementListener* listener = nullptr;

  // The statement as it is sent.
  std::string with_comment(std::string_view sql) const;
  // Sends a text by the simple protocol.
  enum class Told { Listener, Nobody };
  Result<ResultPointer> run_text(std::string_view sql, Told told);

  // One statement, whose answer is taken whole; `send` hands it to libpq. A COPY answer leaves the COPY open.
  template <typename Send>
  Result<ResultPointer> run(std::string_view sql, Send&& send, Canceller::Stops stops = Canceller::Stops::Heed);
  // Back to no transaction, whatever it takes.
  Status roll_back();
  // Takes in what the server has sent unasked, so that is_broken() tells what can be known now.
  void look_for_end();

  // The end of COPY FROM STDIN, with a reason where it is to fail, and the server's answer. See copy.cc.
  ResultPointer end_copy_in(char const* failure);
  // Sends what libpq holds. False when the server has spoken meanwhile, or the connection is gone.
  enum class ServerSpeaks { Stop, GoOn };
  bool flush(ServerSpeaks speaks);
  void abort_copy_out();

  // The answers up to the end, or up to the beginning of a COPY: the last one, or the first error.
  ResultPointer take_results();
  // Steps around sending: the fault hook and the log.
  Status before(std::string_view sql, Fault const& fault);
  Result<ResultPointer> after(ResultPointer result, Fault const& fault);

  bool is_broken() const { return !last_words.empty() || PQstatus(connection.get()) != CONNECTION_OK; }
  static void keep_notice(void* state_pointer, pg_result const* result);
  // Ends the connection without a word to the server.
  void cut();
  Error lost() const;
  // The error of a statement's answer, or of the connection where there is none.
  Error error_of(pg_result const* result) const;
};

// An Error from a connection attempt that failed. `message` is libpq's, with the verbose error fields.
Error connect_error(SessionOptions const& options, std::string_view message);
// Checks the keywords and adds what weir sets unless the user did: see Session::connect.
Result<std::vector<std::pair<std::string, std::string>>> complete_parameters(SessionOptions const& options);

template <typename Send>
Result<ResultPointer> Session::State::run(std::string_view sql, Send&& send, Canceller::Stops stops) {
  if (is_broken()) return lost();
  Fault const fault = next_fault(sql);
  WEIR_DO(before(sql, fault));
  WEIR_DO(canceller->begin(stops));
  if (send() != 1) {
    canceller->end();
    return error_of(nullptr);
  }
  auto result = take_results();
  canceller->end();
  return after(std::move(result), fault);
}

}  // namespace weir::pg
