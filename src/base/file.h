#pragma once
// Files and folders. Any thread.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// The whole file. Error: Config with the system's reason.
Result<std::string> read_file(std::filesystem::path const& path);
// Writes beside the file and renames over it, so that a reader sees the old or the new file, whole. Mode as given.
Status write_file(std::filesystem::path const& path, std::string_view text, unsigned mode = 0644);

// A new folder, mode 0700, removed with all that is in it when this goes.
class TempFolder {
 public:
  static Result<TempFolder> create(std::string_view prefix);
  // A folder that exists already, from now on removed in the same way.
  static TempFolder adopt(std::filesystem::path path) { return TempFolder(std::move(path)); }
  TempFolder(TempFolder&&) noexcept;
  TempFolder& operator=(TempFolder&&) noexcept;
  ~TempFolder();
  std::filesystem::path const& path() const { return path_; }
  // Leaves the folder where it is.
  std::filesystem::path keep();

 private:
  explicit TempFolder(std::filesystem::path path);
  std::filesystem::path path_;
};

}  // namespace weir
