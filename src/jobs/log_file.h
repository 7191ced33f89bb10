#pragma once
// The log of one attempt: a text file, one line a message, each with its time (UTC). Bounded: of a log that grows
// beyond `head` bytes the last `tail` bytes are kept too, and a line between says how much is missing. A disk that is
// full stops the log, never the work.

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace weir::jobs {

// default_workspace_job_4552_attempt_5.txt: the name that people know such files by.
std::string log_name(std::int64_t job, int attempt);
// The job that a file of such a name belongs to; 0: it is none.
std::int64_t job_of_log(std::string_view name);

struct LogBounds {
  std::uint64_t head = 48U << 20, tail = 2U << 20;
};

// Any thread; lines of several threads do not mix.
class LogWriter {
 public:
  static Result<std::unique_ptr<LogWriter>> create(std::filesystem::path const& file, LogBounds bounds = {});
  ~LogWriter();  // writes the tail
  LogWriter(LogWriter const&) = delete;
  LogWriter& operator=(LogWriter const&) = delete;

  // One message; line ends within it begin further lines, other control characters are escaped, secrets masked.
  void write(Instant at, std::string_view text);
  bool is_cut() const;  // the disk did not take everything

 private:
  LogWriter(int file, LogBounds bounds) : file_(file), bounds_(bounds) {}
  void put(std::string line) WEIR_REQUIRES(mutex_);
  void put_whole(std::string_view text) WEIR_REQUIRES(mutex_);

  mutable Mutex mutex_;
  int const file_;
  LogBounds const bounds_;
  std::uint64_t written_ WEIR_GUARDED_BY(mutex_) = 0;
  std::deque<std::string> tail_ WEIR_GUARDED_BY(mutex_);
  std::uint64_t tail_bytes_ WEIR_GUARDED_BY(mutex_) = 0, left_out_ WEIR_GUARDED_BY(mutex_) = 0;
  bool is_cut_ WEIR_GUARDED_BY(mutex_) = false;
};

struct LogPage {
  std::string text;
  std::uint64_t next = 0;  // where the following page begins
};

// Up to `most` bytes from byte `from`, whole lines only (but never nothing where there is something and it is one long
// line). Error: Config.
Result<LogPage> read_log(std::filesystem::path const& file, std::uint64_t from, std::uint64_t most);

}  // namespace weir::jobs
