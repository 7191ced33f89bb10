#include "odbc/freetds_conf.h"

#include <cstdlib>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "base/file.h"
#include "base/mutex.h"

namespace weir::odbc {
namespace {

class PrivateConf {
 public:
  Status prepare() WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return prepare_locked();
  }

  Result<std::string> add(VerifiedServer const& server) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    WEIR_DO(prepare_locked());
    if (auto const known = sections_.find(server); known != sections_.end()) return known->second;
    std::string const name = fmt::format("weir_{}", sections_.size() + 1);
    text_ += fmt::format(
        "\n[{}]\n\thost = {}\n\t{}\n\ttds version = 7.4\n\tencryption = require\n\tca file = {}\n"
        "\tcheck certificate hostname = yes\n",
        name, server.host,
        server.instance.empty() ? fmt::format("port = {}", server.port) : fmt::format("instance = {}", server.instance),
        server.ca_file);
    WEIR_DO(write_file(path(), text_, 0600));
    sections_.emplace(server, name);
    return name;
  }

 private:
  std::string path() WEIR_REQUIRES(mutex_) { return (folder_->path() / "freetds.conf").string(); }

  Status prepare_locked() WEIR_REQUIRES(mutex_) {
    if (folder_) return {};
    WEIR_TRY(TempFolder folder, TempFolder::create("weir-freetds"));
    if (char const* const own = std::getenv("FREETDSCONF")) {
      auto text = read_file(own);
      if (text.ok()) text_ = std::move(*text);
    }
    folder_ = std::make_unique<TempFolder>(std::move(folder));
    WEIR_DO(write_file(path(), text_, 0600));
    ::setenv("FREETDSCONF", path().c_str(), 1);
    return {};
  }

  Mutex mutex_;
  std::unique_ptr<TempFolder> folder_ WEIR_GUARDED_BY(mutex_);
  std::string text_ WEIR_GUARDED_BY(mutex_);
  std::map<VerifiedServer, std::string> sections_ WEIR_GUARDED_BY(mutex_);
};

PrivateConf& private_conf() {
  static PrivateConf conf;
  return conf;
}

}  // namespace

Status prepare_freetds_conf() {
  return private_conf().prepare();
}

Result<std::string> add_verified_server(VerifiedServer const& server) {
  for (std::string const* text : {&server.host, &server.ca_file, &server.instance}) {
    if (text->find_first_of("\n\r[]") != std::string::npos || (text->empty() && text != &server.instance))
      return Error(ErrorKind::Config, fmt::format("\"{}\" cannot stand in freetds.conf", *text))
          .next("correct the endpoint's `host` or `ca_file`");
  }
  return private_conf().add(server);
}

}  // namespace weir::odbc
