#pragma once
// A PostgreSQL server of one's own: made with initdb in a temporary folder, gone without a trace with this object, also
// when the process is killed. For tests, benchmarks and `weir demo`. One thread at a time.

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pg/session.h"

namespace weir::pg {

struct ClusterOptions {
  std::filesystem::path bin = {};  // the folder of initdb and postgres; empty: the newest on this machine
  bool tcp = false;                // listens on a free port of 127.0.0.1 as well as on a unix socket
  bool durable = false;            // fsync and full_page_writes on, as in production
  std::vector<std::pair<std::string, std::string>> settings = {};  // as in postgresql.conf
  std::vector<std::string> hba = {};  // lines of pg_hba.conf before "everybody here is trusted"
};

class PrivateCluster {
 public:
  // Makes a cluster, starts it and waits until it answers. As root the server runs as user postgres, or nobody.
  // Errors: Config where no server is installed or it does not start.
  static Result<PrivateCluster> start(ClusterOptions const& options = {});
  PrivateCluster(PrivateCluster&&) noexcept;
  PrivateCluster& operator=(PrivateCluster&&) noexcept;
  ~PrivateCluster();

  // The superuser postgres, over the unix socket, database "postgres" or the one given.
  SessionOptions options(std::string_view database = "postgres") const;
  // The same over 127.0.0.1; only with ClusterOptions::tcp.
  SessionOptions tcp_options(std::string_view database = "postgres") const;
  std::filesystem::path const& folder() const;  // holds the socket, the data and the log "server.log"
  std::filesystem::path const& bin() const;
  int port() const;
  pid_t pid() const;

  // Ends the server: fast shutdown, then immediate. The destructor does this too; then it removes the folder.
  Status stop();
  // Ends it as a crash would (SIGQUIT: no checkpoint), and starts it again on the same data.
  Status crash();
  Status start_again();

 private:
  struct State;
  explicit PrivateCluster(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Folders with PostgreSQL server programs on this machine, newest version first.
std::vector<std::filesystem::path> find_server_programs();

}  // namespace weir::pg
