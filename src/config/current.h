#pragma once
// The configuration of a program that runs for long: read again when its files have changed. What was read before stays
// as long as this lives, so that whoever holds a part of it may finish with it.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace weir::config {

class Current {
 public:
  // `first` outlives it.
  explicit Current(Config const& first);
  Current(Current const&) = delete;
  Current& operator=(Current const&) = delete;

  // As it counts now. Any thread.
  Config const& get() const { return *now_; }

  // Looks whether weir.yml or endpoints.yml is another file than when they were read, and has been the same one since
  // the look before (an editor may be writing it); returns whether get() gives something new. `check` may refuse it.
  // Errors, once for each state of the files: Config, as load(); Refused where the state of jobs is to be another one;
  // those of `check`. What counted before counts on then. One thread.
  Result<bool> look(std::function<Status(Config const& read)> const& check);

 private:
  std::string stamp() const;  // of the files: which they are, their sizes and times

  std::atomic<Config const*> now_;
  std::vector<std::unique_ptr<Config const>> later_;
  std::string taken_, seen_;  // stamps
};

}  // namespace weir::config
