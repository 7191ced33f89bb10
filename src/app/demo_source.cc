#include "app/demo_source.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"

extern char** environ;

namespace weir::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExample = "examples/core/";
constexpr char const* kPasswordVariable = "WEIR_DEMO_PASSWORD";
constexpr auto kLongestStart = std::chrono::seconds(20);

// Beside this program, in the libexec folder of an installation, or on PATH.
Result<fs::path> find_program() {
  std::error_code failed;
  fs::path const self = fs::read_symlink("/proc/self/exe", failed).parent_path();
  std::vector<fs::path> places = {self / "weir-tds", self.parent_path() / "libexec/weir/weir-tds"};
  if (char const* path = std::getenv("PATH"); path != nullptr)
    for (auto const& folder : split(path, ':'))
      if (!folder.empty()) places.push_back(fs::path(folder) / "weir-tds");
  for (auto const& place : places)
    if (access(place.c_str(), X_OK) == 0) return place;
  return Error(ErrorKind::Config, "the demo's SQL Server stand-in, weir-tds, is not installed")
      .cause(fmt::format("looked beside {} and on PATH", (self / "weir").string()))
      .next("build it with ./dev build, or install the whole package");
}

Status write_example(fs::path const& folder) {
  for (auto const path : embedded_files(kExample)) {
    fs::path const target = folder / path.substr(kExample.size());
    std::error_code failed;
    fs::create_directories(target.parent_path(), failed);
    WEIR_DO(write_file(target, embedded_file(path), 0600));
  }
  return {};
}

Error system_error(std::string_view doing, int code) {
  return Error(ErrorKind::Unavailable, fmt::format("could not {}: {}", doing, std::strerror(code)));
}

// Reads the child's first line, "listening on HOST:PORT".
Result<int> read_port(int output) {
  std::string line;
  auto const deadline = system_clock().monotonic() + kLongestStart;
  while (line.find('\n') == std::string::npos) {
    auto const left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - system_clock().monotonic()).count();
    pollfd waiting{output, POLLIN, 0};
    int const ready = left > 0 ? poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    char buffer[256];
    ssize_t const got = ready > 0 ? read(output, buffer, sizeof buffer) : 0;
    if (got <= 0) return Error(ErrorKind::Unavailable, "the SQL Server stand-in did not start").cause(line);
    line.append(buffer, static_cast<std::size_t>(got));
  }
  line = trim(line.substr(0, line.find('\n')));
  auto const port = parse_int(std::string_view(line).substr(line.rfind(':') + 1));
  if (!port)
    return Error(ErrorKind::Internal, "weir-tds said where it listens in a form that is not understood").cause(line);
  return static_cast<int>(*port);
}

}  // namespace

Result<DemoSource> DemoSource::start(fs::path const& folder, std::string const& user, std::string const& password,
                                     int port) {
  WEIR_TRY(auto program, find_program());
  WEIR_DO(write_example(folder));
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) != 0) return system_error("open a pipe", errno);
  if (pipe2(output, O_CLOEXEC) != 0) return system_error("open a pipe", errno);
  DemoSource made;
  made.input_ = input[1];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder / "weir-tds.log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // a Ctrl-C at the terminal is for weir, not for it
  std::string const description = (folder / "core.yml").string();
  std::vector<std::string> words = {program.string(),
                                    "--database",
                                    description,
                                    "--listen",
                                    fmt::format("127.0.0.1:{}", port),
                                    "--tls",
                                    "off",
                                    "--user",
                                    user,
                                    "--password-env",
                                    kPasswordVariable,
                                    "--until-stdin-closes"};
  std::vector<char*> argv, env;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; ++entry) env.push_back(*entry);
  std::string secret = fmt::format("{}={}", kPasswordVariable, password);
  env.push_back(secret.data());
  env.push_back(nullptr);
  int const failed = posix_spawn(&made.pid_, program.c_str(), &actions, &attributes, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(input[0]);
  close(output[1]);
  auto bound = failed == 0 ? read_port(output[0]) : Result<int>(system_error("start weir-tds", failed));
  close(output[0]);
  if (failed != 0) made.pid_ = -1;
  if (!bound.ok()) {
    if (auto log = read_file(folder / "weir-tds.log"); log.ok() && bound.error().cause().empty())
      bound.error().cause(std::string(trim(*log)));
    return std::move(bound).error();
  }
  made.port_ = *bound;
  return made;
}

DemoSource::DemoSource(DemoSource&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), input_(std::exchange(other.input_, -1)), port_(other.port_) {}

DemoSource::~DemoSource() {
  if (input_ >= 0) close(input_);  // it ends by itself now
  if (pid_ <= 0) return;
  for (int tries = 0; tries < 300; ++tries) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    usleep(10'000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace weir::app
