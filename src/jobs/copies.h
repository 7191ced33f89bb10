#pragma once
// Copies of the state's file that weir serve makes by itself: one an hour, where anything has happened since the last
// one. The newest 24 stay, and the newest of each of 14 days. A state in PostgreSQL is copied by its users' own means.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jobs/store.h"

namespace weir::jobs {

class Copies {
 public:
  // The store outlives it, and is in SQLite. `folder` need not exist yet.
  Copies(Store& store, std::filesystem::path folder) : store_(store), folder_(std::move(folder)) {}

  // Makes one if it is time, and removes those that need not stay. To be called now and then, by one thread. Errors:
  // the store's, Config (the folder or the disk); it is tried again an hour later.
  Status round();

 private:
  Store& store_;
  std::filesystem::path const folder_;
  std::optional<Instant> last_;    // made, or tried
  std::int64_t copied_until_ = 0;  // the last event that a copy has
};

std::string copy_name(Instant at);  // hourly-20261127T030004Z.db
// Of names that copy_name() gave: those that need not stay.
std::vector<std::string> superfluous_copies(std::vector<std::string> names);

}  // namespace weir::jobs
