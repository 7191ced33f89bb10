#include "base/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>

namespace weir {
namespace {

// What exec does, before a signal can come: a handler of ours would speak for this program in the child (a pipe that
// both have). What is ignored stays so.
void forget_handlers() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    sigaction(number, &action, nullptr);
  }
}

[[noreturn]] void become(char* const* arguments, char* const* environment, ChildOptions const& options, int output,
                         int input) {
  setsid();
  forget_handlers();
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL);  // also where it is ignored here
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  if (options.extra == 3) {
    fcntl(3, F_SETFD, 0);  // dup2() onto itself would leave it as it is: closed by exec
  } else if (options.extra >= 0) {
    dup2(options.extra, 3);
  }
  if (options.run_as &&
      (setgroups(0, nullptr) != 0 || setgid(options.run_as->group) != 0 || setuid(options.run_as->user) != 0))
    _exit(126);
  if (chdir(options.folder.c_str()) != 0) _exit(126);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

}  // namespace

bool is_shortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM || error_number == EAGAIN;
}

Result<pid_t> start_child(std::vector<std::string> const& arguments, ChildOptions const& options) {
  std::vector<char*> pointers;
  for (auto const& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  std::vector<char*> environment;
  for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);
  for (auto const& one : options.environment) environment.insert(environment.begin(), const_cast<char*>(one.c_str()));
  environment.push_back(nullptr);
  int const output = options.output_to >= 0
                         ? options.output_to
                         : open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int const input = options.input >= 0 ? options.input : open("/dev/null", O_RDONLY | O_CLOEXEC);
  signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take every exit status away
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // until the child has forgotten the handlers
  pid_t const child = output < 0 || input < 0 ? -1 : fork();
  if (child == 0) become(pointers.data(), environment.data(), options, output, input);
  int const code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (output >= 0 && output != options.output_to) close(output);
  if (input >= 0 && input != options.input) close(input);
  if (child < 0)
    return Error(is_shortage(code) ? ErrorKind::Busy : ErrorKind::Config,
                 fmt::format("could not start \"{}\": {}", arguments[0], std::strerror(code)));
  return child;
}

std::optional<int> child_ended(pid_t child) {
  int status = 0;
  pid_t const got = waitpid(child, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
  if (got < 0) return 0;  // waited for before
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::optional<int> wait_for_child(pid_t child, std::chrono::milliseconds time) {
  auto const until = std::chrono::steady_clock::now() + time;
  for (;;) {
    if (auto const status = child_ended(child)) return status;
    if (std::chrono::steady_clock::now() > until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<int> run_child(std::vector<std::string> const& arguments, ChildOptions const& options,
                      std::chrono::milliseconds time, std::stop_token stop) {
  WEIR_TRY(pid_t const child, start_child(arguments, options));
  auto const until = std::chrono::steady_clock::now() + time;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until)
    if (auto const status = wait_for_child(child, std::chrono::milliseconds(100))) return *status;
  kill(-child, SIGTERM);
  if (!wait_for_child(child, std::chrono::seconds(5))) {
    kill(-child, SIGKILL);
    wait_for_child(child, std::chrono::seconds(5));
  }
  if (stop.stop_requested()) return Error(ErrorKind::Cancelled, fmt::format("\"{}\" was stopped", arguments[0]));
  return Error(ErrorKind::Unavailable, fmt::format("\"{}\" took longer than {} s and was ended", arguments[0],
                                                   std::chrono::duration_cast<std::chrono::seconds>(time).count()));
}

}  // namespace weir
