#include "pg/private_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/child_process.h"
#include "base/file.h"
#include "base/text.h"

namespace weir::pg {
namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

constexpr auto kLongestStart = std::chrono::seconds(60);
constexpr auto kLongestStop = std::chrono::seconds(20);
constexpr std::size_t kLongestSocketFolder = 80;  // a unix socket's path has at most 107 bytes

// Runs beside the server, with a pipe from this process as its standard input. A line means that all is cleared away;
// the pipe's end without one, that this process is gone: then it ends the server and removes the folder.
constexpr std::string_view kWatchdog =
    "read line && exit 0; n=0; "
    "while [ -e \"$1\" ] && [ $n -lt 100 ]; do "
    "pid=$(head -n 1 \"$1/data/postmaster.pid\" 2>/dev/null); [ -n \"$pid\" ] && kill -QUIT \"$pid\" && sleep 0.2; "
    "rm -rf \"$1\"; n=$((n+1)); sleep 0.1; done 2>/dev/null";

bool is_server_folder(fs::path const& folder) {
  return access((folder / "initdb").c_str(), X_OK) == 0 && access((folder / "postgres").c_str(), X_OK) == 0;
}

std::string output_of(char const* command) {
  std::string text;
  FILE* const pipe = popen(command, "re");
  if (pipe == nullptr) return text;
  char buffer[512];
  while (fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  pclose(pipe);
  return std::string(trim(text));
}

int free_loopback_port() {
  int const listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bool const ok = bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(listener);
  return ok ? ntohs(address.sin_port) : 0;
}

std::optional<RunAs> server_user() {
  if (geteuid() != 0) return std::nullopt;
  for (char const* name : {"postgres", "nobody"})
    if (passwd const* user = getpwnam(name)) return RunAs{.user = user->pw_uid, .group = user->pw_gid};
  return RunAs{.user = 65534, .group = 65534};
}

// A new folder that the server's user owns and reaches, short enough for a socket in it.
Result<TempFolder> make_folder(std::optional<RunAs> const& run_as) {
  std::error_code ignored;
  bool const usual = run_as || fs::temp_directory_path(ignored).string().size() > kLongestSocketFolder;
  std::string path = "/tmp/weir-pg-XXXXXX";
  if (!usual) return TempFolder::create("weir-pg-");
  if (mkdtemp(path.data()) == nullptr)
    return Error(ErrorKind::Config, fmt::format("could not create a folder in /tmp: {}", std::strerror(errno)));
  return TempFolder::adopt(path);
}

}  // namespace

std::vector<fs::path> find_server_programs() {
  std::vector<std::pair<std::int64_t, fs::path>> versions;
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    auto const version = parse_int(entry.path().filename().string());
    if (version && is_server_folder(entry.path() / "bin")) versions.emplace_back(*version, entry.path() / "bin");
  }
  std::sort(versions.rbegin(), versions.rend());
  std::vector<fs::path> found;
  for (auto& [version, folder] : versions) found.push_back(std::move(folder));
  if (!found.empty()) return found;
  if (fs::path const folder = output_of("pg_config --bindir 2>/dev/null"); !folder.empty() && is_server_folder(folder))
    return {folder};
  char const* const path = std::getenv("PATH");
  for (std::string const& folder : split(path == nullptr ? "" : path, ':'))
    if (!folder.empty() && is_server_folder(folder)) return {fs::path(folder)};
  return {};
}

struct PrivateCluster::State {
  ClusterOptions options;
  std::optional<RunAs> run_as;
  std::optional<TempFolder> folder;
  fs::path bin;
  int port = 0;
  pid_t server = -1;
  pid_t watchdog = -1;
  int watchdog_pipe = -1;

  ~State();
  Status make();
  Status start();
  Status start_watchdog();
  void end_watchdog();
  Status wait_until_it_answers();
  Status end_server(int signal_first);
  Status write_configuration() const;
  fs::path data() const { return folder->path() / "data"; }
  fs::path log() const { return folder->path() / "server.log"; }
  Error error(std::string message) const;
};

Error PrivateCluster::State::error(std::string message) const {
  auto const text = read_file(log());
  std::string last;
  if (text.ok()) {
    auto lines = split(trim(text.value()), '\n');
    if (lines.size() > 8) lines.erase(lines.begin(), lines.end() - 8);
    last = join(lines, "\n");
  }
  return Error(ErrorKind::Config, std::move(message))
      .object(bin.string())
      .cause(last)
      .state("nothing is left of the cluster")
      .next("look at the reason above; `weir doctor` checks this machine");
}

Status PrivateCluster::State::make() {
  run_as = server_user();
  WEIR_TRY(folder, make_folder(run_as));
  if (run_as && chown(folder->path().c_str(), run_as->user, run_as->group) != 0)
    return error(fmt::format("could not hand \"{}\" to the server's user", folder->path().string()));
  WEIR_DO(start_watchdog());
  std::vector<std::string> const arguments = {
      (bin / "initdb").string(), "--pgdata",        data().string(), "--no-sync", "--auth=trust",
      "--username=postgres",     "--encoding=UTF8", "--locale=C"};
  WEIR_TRY(pid_t const initdb, start_child(arguments, {.run_as = run_as, .folder = folder->path(), .output = log()}));
  auto const status = wait_for_child(initdb, kLongestStart);
  if (!status) kill(initdb, SIGKILL), wait_for_child(initdb, kLongestStop);
  if (!status || *status != 0) return error("initdb could not make a PostgreSQL cluster");
  return write_configuration();
}

Status PrivateCluster::State::write_configuration() const {
  std::vector<std::pair<std::string, std::string>> settings = {{"unix_socket_directories", folder->path().string()},
                                                               {"max_connections", "100"},
                                                               {"shared_buffers", "64MB"},
                                                               {"logging_collector", "off"},
                                                               {"log_timezone", "UTC"},
                                                               {"timezone", "UTC"}};
  if (!options.durable) {
    for (char const* name : {"fsync", "full_page_writes"}) settings.emplace_back(name, "off");
    settings.emplace_back("max_wal_size", "4GB");
  }
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  std::string text;
  for (auto const& [name, value] : settings) text += fmt::format("{} = '{}'\n", name, replace_all(value, "'", "''"));
  std::string hba = join(options.hba, "\n");
  hba += "\nlocal all all trust\nhost all all 127.0.0.1/32 trust\nlocal replication all trust\n";
  // Written as the folder's owner would: postgresql.auto.conf and pg_hba.conf exist already and keep their owner.
  for (auto const& [name, content] : {std::pair("postgresql.auto.conf", text), std::pair("pg_hba.conf", hba)}) {
    fs::path const path = data() / name;
    WEIR_DO(write_file(path, content, 0600));
    if (run_as && chown(path.c_str(), run_as->user, run_as->group) != 0)
      return error(fmt::format("could not hand \"{}\" to the server's user", path.string()));
  }
  return {};
}

Status PrivateCluster::State::start() {
  constexpr int kMostPorts = 5;  // somebody else may take the free port first
  for (int attempt = 1;; ++attempt) {
    port = free_loopback_port();
    std::vector<std::string> const arguments = {(bin / "postgres").string(),
                                                "-D",
                                                data().string(),
                                                "-p",
                                                std::to_string(port),
                                                "-c",
                                                options.tcp ? "listen_addresses=127.0.0.1" : "listen_addresses="};
    WEIR_TRY(server, start_child(arguments, {.run_as = run_as, .folder = folder->path(), .output = log()}));
    auto answers = wait_until_it_answers();
    if (answers.ok()) return {};
    auto const ignored = end_server(SIGQUIT);
    if (attempt == kMostPorts || !options.tcp) return answers;
  }
}

Status PrivateCluster::State::start_watchdog() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return error("could not make a pipe");
  std::vector<std::string> const arguments = {"/bin/sh", "-c", std::string(kWatchdog), "weir-pg-watchdog",
                                              folder->path().string()};
  auto started = start_child(arguments, {.run_as = {}, .folder = "/", .output = "/dev/null", .input = ends[0]});
  close(ends[0]);
  watchdog_pipe = ends[1];
  WEIR_TRY(watchdog, std::move(started));
  return {};
}

void PrivateCluster::State::end_watchdog() {
  if (watchdog_pipe >= 0) {
    auto const ignored = write(watchdog_pipe, "done\n", 5);
    static_cast<void>(ignored);
    close(std::exchange(watchdog_pipe, -1));
  }
  if (watchdog > 0) wait_for_child(std::exchange(watchdog, -1), kLongestStop);
}

Status PrivateCluster::State::wait_until_it_answers() {
  auto const until = std::chrono::steady_clock::now() + kLongestStart;
  fs::path const pid_file = data() / "postmaster.pid";
  for (;;) {
    if (child_ended(server)) {
      server = -1;
      return error("the PostgreSQL server ended while it started");
    }
    // The server writes "ready" into the file's eighth line once it takes connections.
    auto const text = read_file(pid_file);
    auto const lines = split(text.ok() ? text.value() : "", '\n');
    if (lines.size() >= 8 && trim(lines[7]) == "ready") return {};
    if (std::chrono::steady_clock::now() > until) return error("the PostgreSQL server did not start within a minute");
    std::this_thread::sleep_for(milliseconds(5));
  }
}

Status PrivateCluster::State::end_server(int signal_first) {
  if (server <= 0) return {};
  for (int const signal : {signal_first, SIGQUIT, SIGKILL}) {
    kill(server, signal);
    if (!wait_for_child(server, kLongestStop)) continue;
    server = -1;
    return {};
  }
  return error("the PostgreSQL server does not end");
}

PrivateCluster::State::~State() {
  auto const ignored = end_server(SIGINT);
  folder.reset();
  end_watchdog();
}

PrivateCluster::PrivateCluster(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateCluster::PrivateCluster(PrivateCluster&&) noexcept = default;
PrivateCluster& PrivateCluster::operator=(PrivateCluster&&) noexcept = default;
PrivateCluster::~PrivateCluster() = default;

Result<PrivateCluster> PrivateCluster::start(ClusterOptions const& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  state->bin = options.bin;
  if (state->bin.empty()) {
    auto const found = find_server_programs();
    if (!found.empty()) state->bin = found.front();
  }
  if (!is_server_folder(state->bin)) {
    std::string const place = state->bin.empty() ? "on this machine" : fmt::format("in \"{}\"", state->bin.string());
    return Error(ErrorKind::Config, fmt::format("there are no PostgreSQL server programs {}", place))
        .cause("initdb and postgres are looked for in /usr/lib/postgresql/*/bin, in `pg_config --bindir` and in PATH")
        .state("nothing was started")
        .next("install the Debian package postgresql (apt-get install postgresql)");
  }
  WEIR_DO(state->make());
  WEIR_DO(state->start());
  return PrivateCluster(std::move(state));
}

SessionOptions PrivateCluster::options(std::string_view database) const {
  SessionOptions options;
  options.parameters = {{"host", state_->folder->path().string()},
                        {"port", std::to_string(state_->port)},
                        {"dbname", std::string(database)},
                        {"user", "postgres"}};
  return options;
}

SessionOptions PrivateCluster::tcp_options(std::string_view database) const {
  SessionOptions options = this->options(database);
  options.parameters[0].second = "127.0.0.1";
  return options;
}

fs::path const& PrivateCluster::folder() const {
  return state_->folder->path();
}
fs::path const& PrivateCluster::bin() const {
  return state_->bin;
}
int PrivateCluster::port() const {
  return state_->port;
}
pid_t PrivateCluster::pid() const {
  return state_->server;
}

Status PrivateCluster::stop() {
  return state_->end_server(SIGINT);
}

Status PrivateCluster::crash() {
  WEIR_DO(state_->end_server(SIGQUIT));
  return start_again();
}

Status PrivateCluster::start_again() {
  return state_->start();
}

}  // namespace weir::pg
