#pragma once
// What runs, on standard error. On a terminal: a small area of at most six lines, redrawn ten times a second, gone at
// the end. Elsewhere: a plain line every ten seconds with the same numbers. update() may come from any thread.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "app/terminal.h"
#include "base/mutex.h"
#include "sync/sync.h"

namespace weir::app {

class ProgressView {
 public:
  ProgressView(std::string title, std::size_t streams, Terminal const& terminal);
  ~ProgressView();
  ProgressView(ProgressView const&) = delete;
  ProgressView& operator=(ProgressView const&) = delete;

  void update(sync::Progress const& progress) WEIR_EXCLUDES(mutex_);
  void close();  // takes the area away; the destructor does it too

 private:
  void tick(std::stop_token stop);
  std::vector<std::string> lines() WEIR_REQUIRES(mutex_);
  std::string plain_line() WEIR_REQUIRES(mutex_);
  void draw(std::vector<std::string> const& lines);

  std::string const title_;
  std::size_t const streams_;
  Terminal const terminal_;
  bool const live_;
  std::chrono::steady_clock::time_point const started_ = std::chrono::steady_clock::now();
  std::size_t drawn_ = 0;  // lines on the screen; only the ticking thread and the destructor after it
  Mutex mutex_;
  std::map<std::string, sync::Progress> running_ WEIR_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> rows_ WEIR_GUARDED_BY(mutex_);
  std::size_t done_ WEIR_GUARDED_BY(mutex_) = 0;
  std::jthread ticker_;
};

}  // namespace weir::app
