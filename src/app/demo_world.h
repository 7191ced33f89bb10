#pragma once
// What `weir demo` plays in, all of it in one temporary folder and on this machine only: a PostgreSQL, the SQL Server
// stand-in, a chat, and the project of examples/night that names them. It is gone with this object, also when the
// program is killed. One thread.

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/demo_source.h"
#include "base/mutex.h"
#include "base/result.h"
#include "http/server.h"
#include "pg/private_cluster.h"

namespace weir::app {

class DemoWorld {
 public:
  static Result<std::unique_ptr<DemoWorld>> start();

  std::filesystem::path const& folder() const { return cluster_.folder(); }
  std::filesystem::path const& project() const { return project_; }
  // To the warehouse, as "weir", which owns what it loads and builds, or "analyst", who reads it.
  Result<pg::Session> connect_as(std::string const& role) const;
  std::string psql() const;  // how a person gets there

  // A working day at the source, so that the night has something to load.
  Status change_source() const;
  void stop_source();
  // At the same address, with the rows that it had at first.
  Status start_source();

  // What the chat was posted, one after the other.
  std::optional<std::string> next_message() WEIR_EXCLUDES(mutex_);

 private:
  explicit DemoWorld(pg::PrivateCluster cluster);

  Status set_up();
  Status set_up_warehouse() const;
  Status write_project() const;
  std::string endpoints_yml() const;
  std::string profiles_yml() const;

  pg::PrivateCluster cluster_;
  std::filesystem::path const project_;
  std::string const password_;  // of the source
  int source_port_ = 0;         // a free one at first
  std::optional<DemoSource> source_;
  Mutex mutex_;
  std::deque<std::string> messages_ WEIR_GUARDED_BY(mutex_);
  std::unique_ptr<http::Listening> chat_;  // last: it uses the others
};

}  // namespace weir::app
