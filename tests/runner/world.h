#pragma once
// What a case runs in: a database of its own, a folder of its own, and the programs and sessions that it started. A
// World belongs to one thread; the Site is shared by all and never changes.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/case_file.h"
#include "runner/normalize.h"
#include "runner/process.h"
#include "runner/sql_session.h"

namespace weir::cases {

// What all cases of a process share.
struct Site {
  std::string host;  // of the PostgreSQL cluster: the folder of its socket
  std::string tcp_host = "127.0.0.1";
  int port = 0;
  std::string superuser;
  int server_version = 0;                          // 15
  std::filesystem::path root;                      // of the project
  std::filesystem::path bin;                       // weir, weir-tds
  std::filesystem::path temp;                      // every case has a folder in it
  std::map<std::string, std::string> environment;  // passed on as it is: sanitizer options
  bool all_faults = false;                         // also those that fault loops leave out to save time

  std::string conninfo(std::string const& database, std::string const& user) const;
};

class World {
 public:
  // A database from `template_database`, a new folder, nothing running.
  static Result<std::unique_ptr<World>> create(Site const& site, std::string const& template_database = "template1");
  // The same database contents, files and variables again; sources go on serving both. No session may be open here.
  Result<std::unique_ptr<World>> copy() const;
  ~World();

  Site const& site() const { return site_; }
  std::filesystem::path work() const { return folder_ / "work"; }
  std::string const& database() const { return database_; }
  Replacements replacements() const;
  std::map<std::string, std::string>& environment() { return environment_; }

  Result<SqlSession> connect(std::string const& user) const;
  Result<Process> start(std::vector<std::string> words, std::map<std::string, std::string> const& more = {});
  // Starts weir-tds with a database description; <NAME>_PORT in the environment says where it listens.
  Status start_source(std::string const& name, std::filesystem::path const& description);

  std::map<std::string, Process> processes;    // started, by name; sources too
  std::map<std::string, SqlSession> sessions;  // by name

 private:
  World(Site const& site, int number);
  Status create_database(std::string const& template_database) const;

  Site const& site_;
  int number_;
  std::string database_;
  std::filesystem::path folder_;
  std::map<std::string, std::string> environment_;
  int outputs_ = 0;
};

}  // namespace weir::cases
