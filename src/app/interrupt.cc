#include "app/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "app/terminal.h"
#include "base/mutex.h"

namespace weir::app {
namespace {

// A signal handler may do little: it writes the signal's number into a pipe, and a thread does the rest.
int g_pipe[2] = {-1, -1};
std::atomic<int> g_first_signal = 0;

struct CleanupSlot {
  Mutex mutex;
  void (*function)(void*) WEIR_GUARDED_BY(mutex) = nullptr;
  void* data WEIR_GUARDED_BY(mutex) = nullptr;
};
CleanupSlot g_cleanup;

void on_signal(int number) {
  int const kept = errno;
  char const byte = static_cast<char>(number);
  [[maybe_unused]] ssize_t const put = write(g_pipe[1], &byte, 1);
  errno = kept;
}

// A closed pipe, a file-size limit: the write fails and says so, that is enough.
void on_failed_write(int) {}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

int status_of(int number) {
  return 128 + number;
}

}  // namespace

Interrupt::Interrupt() {
  if (pipe2(g_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old {};
    sigaction(number, nullptr, &old);
    if (old.sa_handler != SIG_IGN) handle(number, on_signal);  // nohup stays nohup
  }
  // A handler, not SIG_IGN: programs that weir starts get the default back.
  for (int number : {SIGPIPE, SIGXFSZ}) handle(number, on_failed_write);
  watcher_ = std::jthread([this](std::stop_token end) { watch(end); });
}

Interrupt::~Interrupt() {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) handle(number, SIG_DFL);
  watcher_.request_stop();
  on_signal(0);  // wakes the watcher
  if (watcher_.joinable()) watcher_.join();
  close(g_pipe[0]);
  close(g_pipe[1]);
}

int Interrupt::exit_status() const {
  int const number = g_first_signal;
  return number == 0 ? 0 : status_of(number);
}

void Interrupt::watch(std::stop_token end) {
  int signals = 0;
  while (!end.stop_requested()) {
    pollfd waiting{g_pipe[0], POLLIN, 0};
    if (poll(&waiting, 1, -1) < 0 && errno != EINTR) return;
    char byte = 0;
    if (read(g_pipe[0], &byte, 1) != 1 || byte == 0) continue;
    int const number = byte;
    ++signals;
    if (signals == 1) {
      g_first_signal = number;
      write_err("\nstopping: what runs is cancelled and rolled back (again: end now)\n");
      stopper_ = std::jthread([this] { stop_.request_stop(); });
      continue;
    }
    if (signals == 2) {
      MutexLock lock(g_cleanup.mutex);
      if (g_cleanup.function != nullptr) g_cleanup.function(g_cleanup.data);
    }
    _exit(status_of(g_first_signal));
  }
}

Interrupt::Cleanup::Cleanup(void (*function)(void*), void* data) {
  MutexLock lock(g_cleanup.mutex);
  g_cleanup.function = function;
  g_cleanup.data = data;
}

Interrupt::Cleanup::~Cleanup() {
  MutexLock lock(g_cleanup.mutex);
  g_cleanup.function = nullptr;
}

}  // namespace weir::app
