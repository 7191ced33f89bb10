#include "app/progress.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::size_t kMostLines = 6;
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlain = std::chrono::seconds(10);

std::string row_progress(sync::Progress const& progress) {
  if (progress.rows == 0) return {};
  std::string text = format_count(progress.rows);
  if (progress.expected_rows > 0)
    text += fmt::format(" of ~{}", format_count(static_cast<std::uint64_t>(progress.expected_rows)));
  return text + " rows";
}

}  // namespace

ProgressView::ProgressView(std::string title, std::size_t streams, Terminal const& terminal)
    : title_(std::move(title)),
      streams_(streams),
      terminal_(terminal),
      live_(terminal.err_is_tty && terminal.colour_err && logs(LogLevel::Info) && !logs(LogLevel::Step)) {
  if (logs(LogLevel::Info)) ticker_ = std::jthread([this](std::stop_token stop) { tick(stop); });
}

ProgressView::~ProgressView() {
  close();
}

void ProgressView::close() {
  ticker_.request_stop();
  if (ticker_.joinable()) ticker_.join();
  if (drawn_ > 0) draw({});
}

void ProgressView::update(sync::Progress const& progress) {
  MutexLock lock(mutex_);
  rows_[progress.stream] = std::max(rows_[progress.stream], progress.rows);
  if (progress.phase == sync::Phase::Done) {
    done_ += running_.erase(progress.stream);
  } else {
    running_[progress.stream] = progress;
  }
}

void ProgressView::tick(std::stop_token stop) {
  auto next_plain = started_ + kPlain;
  for (;;) {
    if (!system_clock().sleep(kRedraw, stop)) return;
    if (live_) {
      std::vector<std::string> shown;
      {
        MutexLock lock(mutex_);
        shown = lines();
      }
      draw(shown);
    } else if (std::chrono::steady_clock::now() >= next_plain) {
      next_plain += kPlain;
      std::string line;
      {
        MutexLock lock(mutex_);
        line = plain_line();
      }
      write_log(LogLevel::Info, line);
    }
  }
}

std::vector<std::string> ProgressView::lines() {
  std::vector<std::string> shown = {plain_line()};
  std::size_t name = 0;
  for (auto const& [stream, progress] : running_) name = std::max(name, characters(stream));
  for (auto const& [stream, progress] : running_) {
    if (progress.phase == sync::Phase::Waiting && progress.note.empty()) continue;
    if (shown.size() == kMostLines) break;
    shown.push_back(fmt::format("  {}  {:<10}  {}{}{}", pad(stream, name), sync::phase_name(progress.phase),
                                row_progress(progress),
                                progress.attempt > 1 ? fmt::format("  attempt {}", progress.attempt) : "",
                                progress.note.empty() ? "" : "  " + progress.note));
  }
  return shown;
}

std::string ProgressView::plain_line() {
  std::uint64_t rows = 0;
  for (auto const& [stream, count] : rows_) rows += count;
  auto const time = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  auto const busy = static_cast<std::size_t>(std::count_if(
      running_.begin(), running_.end(), [](auto const& entry) { return entry.second.phase != sync::Phase::Waiting; }));
  return fmt::format("{}: {} of {} done, {} running, {}, {}", title_, done_, plural(streams_, "table"), busy,
                     plural(rows, "row"), format_duration(time));
}

void ProgressView::draw(std::vector<std::string> const& lines) {
  std::string out;
  if (drawn_ > 0) out += fmt::format("\x1b[{}A\r", drawn_);
  out += "\x1b[J";
  for (auto const& line : lines) out += cut(harmless(line), static_cast<std::size_t>(terminal_.width) - 1) + "\n";
  drawn_ = lines.size();
  write_screen(out);
}

}  // namespace weir::app
