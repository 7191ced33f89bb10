#include "jobs/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/secret.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::jobs {
namespace {

std::string without_controls(std::string_view text) {
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '\t' || (byte >= 0x20 && byte != 0x7f))
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

}  // namespace

std::string log_name(std::int64_t job, int attempt) {
  return fmt::format("default_workspace_job_{}_attempt_{}.txt", job, attempt);
}

std::int64_t job_of_log(std::string_view name) {
  constexpr std::string_view kBefore = "default_workspace_job_", kBehind = "_attempt_";
  auto const end = name.find(kBehind);
  if (!name.starts_with(kBefore) || end == std::string_view::npos) return 0;
  return parse_int(name.substr(kBefore.size(), end - kBefore.size())).value_or(0);
}

Result<std::unique_ptr<LogWriter>> LogWriter::create(std::filesystem::path const& file, LogBounds bounds) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  int const opened = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (opened < 0)
    return Error(ErrorKind::Config,
                 fmt::format("could not write the log \"{}\": {}", file.string(), std::strerror(errno)))
        .object(file.string())
        .next("check the path, the disk, and this user's rights on it");
  return std::unique_ptr<LogWriter>(new LogWriter(opened, bounds));
}

LogWriter::~LogWriter() {
  MutexLock lock(mutex_);
  if (left_out_ > 0) put_whole(fmt::format("... {} of the log are left out here ...\n", format_bytes(left_out_)));
  for (auto const& line : tail_) put_whole(line);
  close(file_);
}

void LogWriter::write(Instant at, std::string_view text) {
  std::string const time = utc_text_ms(at);
  auto const lines = split(redact(std::string(text)), '\n');
  MutexLock lock(mutex_);
  for (auto const& line : lines) put(fmt::format("{} {}\n", time, without_controls(line)));
}

bool LogWriter::is_cut() const {
  MutexLock lock(mutex_);
  return is_cut_;
}

void LogWriter::put(std::string line) {
  if (written_ + line.size() <= bounds_.head && tail_.empty()) return put_whole(line);
  tail_bytes_ += line.size();
  tail_.push_back(std::move(line));
  while (tail_bytes_ > bounds_.tail && tail_.size() > 1) {
    tail_bytes_ -= tail_.front().size();
    left_out_ += tail_.front().size();
    tail_.pop_front();
  }
}

void LogWriter::put_whole(std::string_view text) {
  while (!text.empty() && !is_cut_) {
    ssize_t const put = ::write(file_, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      is_cut_ = true;
      return;
    }
    written_ += static_cast<std::uint64_t>(put);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

Result<LogPage> read_log(std::filesystem::path const& file, std::uint64_t from, std::uint64_t most) {
  int const opened = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (opened < 0)
    return Error(ErrorKind::Config, fmt::format("the log \"{}\" is missing: {}", file.string(), std::strerror(errno)))
        .object(file.string())
        .next("it may have been removed, or belongs to another machine");
  LogPage page;
  page.text.resize(most);
  ssize_t const got = pread(opened, page.text.data(), page.text.size(), static_cast<off_t>(from));
  close(opened);
  page.text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (auto const end = page.text.rfind('\n'); end != std::string::npos) page.text.resize(end + 1);
  page.next = from + page.text.size();
  return page;
}

}  // namespace weir::jobs
