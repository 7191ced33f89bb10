#pragma once
// One thread of a run: its session with the warehouse, and the transaction discipline that dbt's macros are written
// for. The session is opened when it is first needed and kept for all nodes of the thread. Belongs to one thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "build/statement_log.h"
#include "jinja/value.h"
#include "pg/session.h"
#include "project/profile.h"

namespace weir::build {

// Connects as the profile's target says, with its role and search_path.
Result<pg::Session> connect(project::Target const& target);

class Worker {
 public:
  Worker(project::Target const& target, std::stop_token stop, std::string name, EventLog& log)
      : target_(target), stop_(std::move(stop)), name_(std::move(name)), log_(log) {}

  // "Thread-1 (worker)".
  std::string const& name() const { return name_; }
  Result<pg::Session*> session();
  // Outside of a transaction one is begun first.
  Result<pg::Rows> execute(std::string_view sql);
  Status begin();
  Status commit();    // nothing where no transaction is open
  Status rollback();  // the same; closes a session that cannot even do that
  bool in_transaction() const;
  // How often something was committed: by commit(), and by the project's own text, which is told by note_commit().
  std::uint64_t commits() const { return commits_; }
  void note_commit() { ++commits_; }
  std::stop_token stop() const { return stop_; }
  // Whose its statements are from here on (query_comment.h): for the log, and as a comment in each of them.
  void name_statements(std::string const& connection, std::string comment, pg::Session::CommentPlace place);

  // A COMMIT or ROLLBACK that the project's SQL said: as with dbt, what does not ask for a transaction stands alone
  // from then on, until one begins or ends here.
  bool stands_alone = false;

  // --no-introspect: asking the warehouse is an error.
  bool is_offline = false;

  // `graph` as templates of this thread see it (kept_in_graph.h); taken by a context that works now.
  jinja::Value graph;
  bool graph_is_taken = false;

 private:
  project::Target const& target_;
  std::stop_token stop_;
  std::string name_;
  StatementLog log_;
  std::string comment_;
  pg::Session::CommentPlace comment_place_ = pg::Session::CommentPlace::Before;
  std::uint64_t commits_ = 0;
  std::optional<pg::Session> session_;
  std::optional<pg::Session::CancelOnStop> cancel_;
};

// BEGIN, COMMIT, ROLLBACK ...
bool controls_transaction(std::string_view sql);
// True for a statement that PostgreSQL refuses inside of a transaction.
bool needs_no_transaction(std::string_view sql);

}  // namespace weir::build
