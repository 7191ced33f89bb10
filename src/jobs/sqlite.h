#pragma once
// The state in an SQLite file of this machine: the only user of SQLite. One connection, which locks the file for itself
// as long as it lives (locking_mode EXCLUSIVE), in WAL mode, every commit forced to the disk (synchronous FULL).
// https://www.sqlite.org/pragma.html

#include <filesystem>
#include <memory>

#include "jobs/database.h"

namespace weir::jobs {

// Opens, or makes, the file: mode 0600, its folder 0700. "" is a database in memory. Errors: Busy (another program has
// it; `next` says what to do), Config (a network file system, damaged, cannot be written). `checks_all`: reads every
// page for that, which takes its time with a long history; without it, damage shows where it is met.
Result<std::unique_ptr<Database>> open_sqlite(std::filesystem::path const& file, Clock& clock, bool checks_all = true);

// A copy of the open database as it is now, checked, in `to` (which does not exist yet). Error: Usage (another kind of
// database).
Status back_up_sqlite(Database& database, std::filesystem::path const& to);

}  // namespace weir::jobs
