#include "runner/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"

namespace weir::cases {
namespace {

std::filesystem::path with_ending(std::filesystem::path path, char const* ending) {
  return path += ending;
}

// posix_spawnp would search this process's own PATH, not the program's.
std::string find_program(std::string const& word, std::string const& search) {
  if (word.find('/') != std::string::npos) return word;
  for (auto const& folder : split(search, ':'))
    if (auto path = folder + "/" + word; access(path.c_str(), X_OK) == 0) return path;
  return "";
}

std::string text_of(std::filesystem::path const& path) {
  auto text = read_file(path);
  return text.ok() ? std::move(text).value() : std::string();
}

}  // namespace

bool Finished::is_broken() const {
  constexpr int kSanitizerExit =
      99;  // set in tests/CMakeLists.txt, so that no golden file can take a report for an answer
  return timed_out || signal != 0 || exit_code == kSanitizerExit;
}

Result<Process> Process::start(Command const& command) {
  auto const path = command.environment.find("PATH");
  auto const program = find_program(command.words.at(0), path == command.environment.end() ? "" : path->second);
  if (program.empty()) return Error(ErrorKind::Config, fmt::format("there is no program \"{}\"", command.words[0]));

  std::vector<std::string> environment;
  for (auto const& [name, value] : command.environment) environment.push_back(name + "=" + value);
  auto pointers = [](std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (auto& string : strings) out.push_back(string.data());
    out.push_back(nullptr);
    return out;
  };
  auto words = command.words;
  auto const arguments = pointers(words), variables = pointers(environment);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addchdir_np(&files, command.folder.c_str());
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, 1, with_ending(command.output, ".out").c_str(), kWrite, 0600);
  posix_spawn_file_actions_addopen(&files, 2, with_ending(command.output, ".err").c_str(), kWrite, 0600);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  pid_t pid = 0;
  int const code = posix_spawn(&pid, program.c_str(), &files, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (code != 0)
    return Error(ErrorKind::Config, fmt::format("could not start \"{}\": {}", program, std::strerror(code)));
  return Process(pid, command.output);
}

Process::Process(pid_t pid, std::filesystem::path output) : pid_(pid), output_(std::move(output)) {}
Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, 0)), output_(std::move(other.output_)) {}

Process::~Process() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Finished Process::wait(std::chrono::seconds limit) {
  Finished out;
  if (pid_ <= 0) return out;
  int const handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd ended{.fd = handle, .events = POLLIN, .revents = 0};
  auto const deadline = std::chrono::steady_clock::now() + limit;
  int ready = 0;
  do {
    auto const left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    ready = poll(&ended, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
  } while (ready < 0 && errno == EINTR);
  close(handle);
  out.timed_out = ready == 0;
  if (out.timed_out) signal(SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  kill(-pid_, SIGKILL);  // whatever it left behind in its group
  pid_ = 0;
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  if (WIFEXITED(status)) out.exit_code = WEXITSTATUS(status);
  out.out = output_so_far();
  out.err = text_of(with_ending(output_, ".err"));
  return out;
}

void Process::signal(int number) const {
  if (pid_ > 0) kill(-pid_, number);
}

bool Process::has_ended() const {
  siginfo_t info{};
  return pid_ <= 0 ||
         (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_);
}

bool Process::has_stopped() const {
  siginfo_t info{};
  return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

std::string Process::output_so_far() const {
  return text_of(with_ending(output_, ".out"));
}

}  // namespace weir::cases
