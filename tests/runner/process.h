#pragma once
// A program under test: started with exactly the environment that it is given, no standard input, in a process group of
// its own; its output goes to two files. Belongs to one thread. Destroying a running one kills its group.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::cases {

struct Command {
  std::vector<std::string> words;  // the program is looked up in the PATH of `environment`
  std::map<std::string, std::string> environment;
  std::filesystem::path folder;  // where it runs
  std::filesystem::path output;  // output.out and output.err are written
};

struct Finished {
  int exit_code = 0;  // where signal is 0
  int signal = 0;
  bool timed_out = false;  // it was killed for it
  std::string out, err;

  // It ended in a way that no expectation may accept: time-out, a signal nobody asked for, a sanitizer's report.
  bool is_broken() const;
};

class Process {
 public:
  static Result<Process> start(Command const& command);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  // Waits for the end; kills the group when the time is over.
  Finished wait(std::chrono::seconds limit);
  void signal(int number) const;
  bool has_ended() const;
  // It sent itself SIGSTOP (WEIR_STOP_AT), and nobody SIGCONT since.
  bool has_stopped() const;
  // What it wrote to standard output so far.
  std::string output_so_far() const;

 private:
  Process(pid_t pid, std::filesystem::path output);
  pid_t pid_;
  std::filesystem::path output_;
};

}  // namespace weir::cases
