#pragma once
// Ctrl-C and SIGTERM as stop tokens. The first signal asks for a clean stop: what runs is cancelled at the server,
// nothing is left half done. The second ends the program as soon as its sessions are closed; the third at once. One
// object in main.

#include <stop_token>
#include <thread>

namespace weir::app {

class Interrupt {
 public:
  Interrupt();  // takes over SIGINT, SIGTERM, SIGHUP; makes SIGPIPE and SIGXFSZ harmless
  ~Interrupt();
  Interrupt(Interrupt const&) = delete;
  Interrupt& operator=(Interrupt const&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  bool asked() const { return stop_.stop_requested(); }
  // 130 or 143, by the signal that came first; 0 if none came.
  int exit_status() const;
  // Runs before a second signal ends the program: for what must not be left behind (child processes, folders). Kept
  // until the returned object goes.
  class Cleanup {
   public:
    Cleanup(void (*function)(void*), void* data);
    ~Cleanup();
  };

 private:
  void watch(std::stop_token end);
  std::stop_source stop_;
  std::jthread stopper_;  // runs what hangs on the token: cancelling may wait for a server, the watcher never does
  std::jthread watcher_;
};

}  // namespace weir::app
