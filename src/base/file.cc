#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/artifact.h"

namespace weir {
namespace {

Error system_error(std::string_view doing, std::filesystem::path const& path, int code) {
  return Error(ErrorKind::Config, fmt::format("could not {} \"{}\": {}", doing, path.string(), std::strerror(code)))
      .object(path.string())
      .next("check the path, and this user's rights on it");
}

enum class Forced { Yes, No };

Status replace_file(std::filesystem::path const& path, std::string_view text, unsigned mode, Forced forced) {
  std::string beside = path.string() + ".XXXXXX";
  int const fd = mkstemp(beside.data());
  if (fd < 0) return system_error("write", path, errno);
  auto fail = [&](int code) {
    close(fd);
    unlink(beside.c_str());
    return system_error("write", path, code);
  };
  while (!text.empty()) {
    ssize_t const put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(errno);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (fchmod(fd, static_cast<mode_t>(mode)) != 0) return fail(errno);
  if (forced == Forced::Yes && fsync(fd) != 0) return fail(errno);
  if (close(fd) != 0 || rename(beside.c_str(), path.c_str()) != 0) {
    int const code = errno;
    unlink(beside.c_str());
    return system_error("write", path, code);
  }
  return {};
}

}  // namespace

Result<std::string> read_file(std::filesystem::path const& path) {
  int const fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("read", path, errno);
  std::string text;
  char buffer[65536];
  for (;;) {
    ssize_t const got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      int const code = errno;
      close(fd);
      return system_error("read", path, code);
    }
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  return text;
}

Status write_file(std::filesystem::path const& path, std::string_view text, unsigned mode) {
  return replace_file(path, text, mode, Forced::Yes);
}

Status write_artifact(std::filesystem::path const& path, std::string_view text) {
  return replace_file(path, text, 0644, Forced::No);
}

Result<TempFolder> TempFolder::create(std::string_view prefix) {
  std::error_code ignored;
  auto const root = std::filesystem::temp_directory_path(ignored);
  std::string path = (ignored ? std::filesystem::path("/tmp") : root) / (std::string(prefix) + "XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return system_error("create folder", path, errno);
  return TempFolder(path);
}

TempFolder::TempFolder(std::filesystem::path path) : path_(std::move(path)) {}
TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}
std::filesystem::path TempFolder::keep() {
  return std::exchange(path_, {});
}

}  // namespace weir
