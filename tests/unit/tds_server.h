#pragma once
// The TDS test server (tests/tds) as a child of a test: serves a description, ends with this object.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "source/sqlserver.h"

extern char** environ;

namespace weir::source {

class TdsServer {
 public:
  // `description`: YAML as tests/tds/README.md has it. Unless it has users, the login is weir with password
  // "weir-Secret1".
  explicit TdsServer(std::string const& description, std::vector<std::string> more = {}) {
    auto folder = TempFolder::create("weir-tds-test");
    EXPECT_TRUE(folder.ok());
    folder_ = std::make_unique<TempFolder>(std::move(*folder));
    bool const has_users = description.find("users:") != std::string::npos;
    EXPECT_TRUE(write_file(path("database.yml"),
                           (has_users ? "" : "users: [{name: weir, password: weir-Secret1}]\n") + description)
                    .ok());
    std::vector<std::string> words = {
        program(),    "--database",        path("database.yml"),    "--port-file",
        path("port"), "--certificate-out", path("certificate.pem"), "--until-stdin-closes",
        "--log",      path("log")};
    words.insert(words.end(), more.begin(), more.end());
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int const failed = posix_spawn(&child_, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[0]);
    stdin_ = ends[1];
    EXPECT_EQ(failed, 0) << "cannot start " << words[0];
    wait_for_port();
  }
  ~TdsServer() { stop(); }
  TdsServer(TdsServer const&) = delete;
  TdsServer& operator=(TdsServer const&) = delete;

  void stop() {
    if (stdin_ >= 0) ::close(stdin_);
    stdin_ = -1;
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }

  int port() const { return port_; }
  std::string certificate() const { return path("certificate.pem"); }
  std::string log() const { return read_file(path("log")).ok() ? read_file(path("log")).value() : std::string(); }

  SqlServerOptions options() const {
    SqlServerOptions options;
    options.host = "127.0.0.1";
    options.port = port_;
    options.database = "Core";
    options.user = "weir";
    options.password = Secret("weir-Secret1");
    options.encrypt = Encrypt::Off;
    return options;
  }

 private:
  std::string path(char const* name) const { return (folder_->path() / name).string(); }

  static std::string program() {
    if (char const* const folder = std::getenv("WEIR_TEST_BIN")) return std::string(folder) + "/weir-tds";
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "weir-tds").string();
  }

  // The server writes the file once it listens; a child that has ended instead will never.
  void wait_for_port() {
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      auto const text = read_file(path("port"));
      if (text.ok())
        if (auto const port = parse_int(trim(*text))) return static_cast<void>(port_ = static_cast<int>(*port));
      if (::waitpid(child_, nullptr, WNOHANG) == child_) {
        child_ = -1;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "weir-tds did not start";
  }

  std::unique_ptr<TempFolder> folder_;
  pid_t child_ = -1;
  int stdin_ = -1;
  int port_ = 0;
};

}  // namespace weir::source
