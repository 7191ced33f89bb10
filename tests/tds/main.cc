// weir-tds: serves a described database over TDS. Prints `listening on HOST:PORT` and serves until SIGTERM, SIGINT or,
// if asked, the end of standard input.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "tds/description.h"
#include "tds/session.h"

namespace weir::tds {
namespace {

constexpr char const* kUsage =
    "usage: weir-tds --database FILE.yml [options]\n"
    "  --listen HOST:PORT        default 127.0.0.1:0, a free port\n"
    "  --port-file FILE          writes the port there once it listens\n"
    "  --tls off|optional|required   default optional\n"
    "  --certificate FILE --key FILE  PEM; else one is made at start\n"
    "  --certificate-out FILE    writes the certificate, so that clients can trust it\n"
    "  --user NAME --password-env VAR  a login beside those of the file; may be repeated\n"
    "  --log FILE                one line a login, batch and call\n"
    "  --until-stdin-closes      ends when standard input ends\n";

struct Arguments {
  std::string database, host = "127.0.0.1", port_file, certificate, key, certificate_out, log;
  int port = 0;
  TlsMode tls = TlsMode::Optional;
  std::vector<std::pair<std::string, std::string>> users;
  bool until_stdin_closes = false;
};

Status parse_arguments(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    std::string const word = words[i];
    if (word == "--until-stdin-closes") {
      out.until_stdin_closes = true;
      continue;
    }
    if (i + 1 >= count)
      return Error(ErrorKind::Usage, fmt::format("{} needs a value, or is not known", word)).next(kUsage);
    std::string const value = words[++i];
    if (word == "--database")
      out.database = value;
    else if (word == "--port-file")
      out.port_file = value;
    else if (word == "--certificate")
      out.certificate = value;
    else if (word == "--key")
      out.key = value;
    else if (word == "--certificate-out")
      out.certificate_out = value;
    else if (word == "--log")
      out.log = value;
    else if (word == "--user")
      out.users.emplace_back(value, "");
    else if (word == "--password-env" && !out.users.empty())
      out.users.back().second = value;
    else if (word == "--tls") {
      if (value != "off" && value != "optional" && value != "required")
        return Error(ErrorKind::Usage, "--tls is off, optional or required");
      out.tls = value == "off" ? TlsMode::Off : value == "optional" ? TlsMode::Optional : TlsMode::Required;
    } else if (word == "--listen") {
      auto const colon = value.rfind(':');
      out.host = value.substr(0, colon);
      out.port = colon == std::string::npos ? 0 : static_cast<int>(parse_int(value.substr(colon + 1)).value_or(-1));
    } else {
      return Error(ErrorKind::Usage, fmt::format("{} is not an option", word)).next(kUsage);
    }
  }
  if (out.database.empty()) return Error(ErrorKind::Usage, "no database is given").next(kUsage);
  return {};
}

class LogFile {
 public:
  ~LogFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  bool open(std::string const& path) { return (file_ = std::fopen(path.c_str(), "a")) != nullptr; }
  void write(std::string const& line) {
    MutexLock lock(mutex_);
    std::fputs((line + "\n").c_str(), file_);
    std::fflush(file_);
  }

 private:
  Mutex mutex_;
  std::FILE* file_ = nullptr;
};

Result<int> listen_on(Arguments const& arguments, int& port) {
  int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int const on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(arguments.port));
  std::string const host = arguments.host == "localhost" ? "127.0.0.1" : arguments.host;
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is no IPv4 address", arguments.host));
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 64) != 0)
    return Error(ErrorKind::Unavailable, fmt::format("cannot listen on {}:{}", arguments.host, arguments.port))
        .cause(std::strerror(errno));
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return listener;
}

// A session and its thread; `done` is set by the thread as its last act.
struct Running {
  std::unique_ptr<Session> session;
  std::atomic<bool> done = false;
  std::thread thread;
};

void accept_one(int listener, ServerState& server, std::list<Running>& sessions, int& next_spid) {
  for (auto it = sessions.begin(); it != sessions.end();) {
    if (!it->done.load()) {
      ++it;
      continue;
    }
    it->thread.join();
    it = sessions.erase(it);
  }
  int const client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  int const on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Running& one = sessions.emplace_back();
  one.session = std::make_unique<Session>(server, client, next_spid++);
  one.thread = std::thread([&one] {
    one.session->run();
    one.done.store(true);
  });
}

Status serve(Arguments const& arguments) {
  Database database;
  WEIR_DO(load_description(arguments.database, database));
  for (auto const& [name, variable] : arguments.users) {
    char const* password = std::getenv(variable.c_str());
    if (password == nullptr) return Error(ErrorKind::Usage, fmt::format("the environment has no {}", variable));
    User user;
    user.name = name;
    user.password = Secret(password);
    std::erase_if(database.users, [&user](User const& other) { return equals_ignoring_case(other.name, user.name); });
    database.users.push_back(std::move(user));
  }
  ServerState server{database, arguments.tls, nullptr, false, nullptr};
  if (arguments.tls != TlsMode::Off) {
    if (arguments.certificate.empty()) {
      WEIR_TRY(server.certificate, TlsContext::self_signed());
    } else {
      WEIR_TRY(server.certificate, TlsContext::from_files(arguments.certificate, arguments.key));
    }
    if (!arguments.certificate_out.empty()) {
      WEIR_DO(write_file(arguments.certificate_out, server.certificate->certificate_pem()));
    }
  }
  LogFile log;
  if (!arguments.log.empty()) {
    if (!log.open(arguments.log)) return Error(ErrorKind::Config, fmt::format("cannot write \"{}\"", arguments.log));
    server.log = [&log](std::string const& line) { log.write(line); };
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  int const signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  int port = 0;
  WEIR_TRY(int const listener, listen_on(arguments, port));
  if (!arguments.port_file.empty()) {
    WEIR_DO(write_file(arguments.port_file, fmt::format("{}\n", port)));
  }
  fmt::print("listening on {}:{}\n", arguments.host, port);
  std::fflush(stdout);

  std::list<Running> sessions;
  int next_spid = 51;
  while (true) {
    pollfd fds[3] = {{listener, POLLIN, 0}, {signal_fd, POLLIN, 0}, {arguments.until_stdin_closes ? 0 : -1, POLLIN, 0}};
    if (::poll(fds, 3, -1) < 0) continue;
    if (fds[1].revents != 0) break;
    if (fds[2].revents != 0) {
      char ignored[256];
      if (::read(0, ignored, sizeof ignored) <= 0) break;
    }
    if (fds[0].revents != 0) accept_one(listener, server, sessions, next_spid);
  }
  ::close(listener);
  server.stopping.store(true);
  for (Running& one : sessions) one.session->stop();
  for (Running& one : sessions) one.thread.join();
  ::close(signal_fd);
  return {};
}

}  // namespace
}  // namespace weir::tds

int main(int count, char** words) {
  weir::tds::Arguments arguments;
  if (count == 2 && (std::string(words[1]) == "--help" || std::string(words[1]) == "-h")) {
    fmt::print("{}", weir::tds::kUsage);
    return 0;
  }
  weir::Status status = weir::tds::parse_arguments(count, words, arguments);
  if (status.ok()) status = weir::tds::serve(arguments);
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", status.error().to_text());
  return weir::exit_code(status.error().kind());
}
