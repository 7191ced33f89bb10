#pragma once
// Starts programs without a shell, also with another user's rights. Safe in a program with threads: between fork and
// exec only async-signal-safe calls are made. Arguments begin with the program's full path.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// The rights a server runs with: nothing = one's own.
struct RunAs {
  uid_t user;
  gid_t group;
};

struct ChildOptions {
  std::optional<RunAs> run_as = {};
  std::filesystem::path folder = {};          // the working folder
  std::filesystem::path output = {};          // standard output and error are appended to it; or
  int output_to = -1;                         // go there
  int input = -1;                             // standard input; -1: nothing to read
  int extra = -1;                             // becomes the child's descriptor 3
  std::vector<std::string> environment = {};  // NAME=VALUE, beside one's own
};

// Of an errno: there is too little of something (descriptors, processes, memory), which a later try may have.
bool is_shortage(int error_number);

// A process group of its own, so that a Ctrl-C at the terminal does not reach it. Errors: Config, Busy (a shortage).
Result<pid_t> start_child(std::vector<std::string> const& arguments, ChildOptions const& options);

// The exit status once it has ended (128 + signal where a signal ended it), or nothing yet / after `time`.
std::optional<int> child_ended(pid_t child);
std::optional<int> wait_for_child(pid_t child, std::chrono::milliseconds time);

// Starts it and waits until it has ended: its exit status. What runs longer than `time`, or beyond a stop, is ended
// with all that it started. Errors: Config (cannot be started), Unavailable (took too long), Cancelled.
Result<int> run_child(std::vector<std::string> const& arguments, ChildOptions const& options,
                      std::chrono::milliseconds time, std::stop_token stop);

}  // namespace weir
