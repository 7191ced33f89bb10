#include "packages/unpack.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <memory>

#include <fmt/format.h>

#include "base/child_process.h"
#include "base/file.h"
#include "base/text.h"

namespace weir::packages {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t{1} << 30;

Error not_unpacked(ErrorKind kind, std::string const& label, std::string why) {
  return Error(kind, fmt::format("cannot unpack {}: {}", label, std::move(why)))
      .object(label)
      .state("installed packages are as they were");
}

// The tar inside a tar.gz; what is not compressed comes as it is. Counted on the way, since a small file can hold a
// huge one.
Status inflate_to(fs::path const& compressed, fs::path const& plain, std::string const& label) {
  gzFile const in = gzopen(compressed.c_str(), "rbe");
  int const out = open(plain.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  std::size_t total = 0;
  char buffer[1U << 16];
  int got = in == nullptr || out < 0 ? -1 : 1;
  bool failed = got < 0;
  while (!failed && total <= kMostBytes && (got = gzread(in, buffer, sizeof buffer)) > 0) {
    total += static_cast<std::size_t>(got);
    failed = write(out, buffer, static_cast<std::size_t>(got)) != got;
  }
  bool const whole = in != nullptr && gzclose_r(in) == Z_OK && got == 0;
  if (out >= 0) failed = close(out) != 0 || failed;
  if (total > kMostBytes)
    return not_unpacked(ErrorKind::Refused, label, fmt::format("it holds more than {}", format_bytes(kMostBytes)));
  if (failed)
    return not_unpacked(ErrorKind::Config, label, "its contents could not be written to the temporary folder");
  if (!whole) return not_unpacked(ErrorKind::Data, label, "it is no whole gzip file").next("fetch it again");
  return {};
}

// Nothing but folders, files, and links that stay inside.
Status check_contents(fs::path const& root, std::string const& label) {
  std::error_code failed;
  std::uintmax_t total = 0;  // as the files say: a sparse one is written out when it is copied
  for (fs::recursive_directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    auto const status = at->symlink_status(failed);
    std::string const inside = at->path().lexically_relative(root).string();
    if (fs::is_symlink(status)) {
      fs::path const target = fs::read_symlink(at->path(), failed);
      auto const leads = (at->path().parent_path() / target).lexically_normal().lexically_relative(root);
      if (target.is_absolute() || leads.empty() || *leads.begin() == "..")
        return not_unpacked(ErrorKind::Refused, label,
                            fmt::format("link \"{}\" leads out of it, to \"{}\"", inside, target.string()))
            .next("ask who made the package");
      // Link by link: a chain of them may lead elsewhere than its text says.
      auto const really = fs::canonical(at->path(), failed).lexically_relative(fs::canonical(root, failed));
      if (failed || really.empty() || *really.begin() == "..")
        return not_unpacked(ErrorKind::Refused, label,
                            fmt::format("link \"{}\" leads {}", inside, failed ? "nowhere" : "out of it"))
            .next("ask who made the package");
    } else if (!fs::is_directory(status) && !fs::is_regular_file(status)) {
      return not_unpacked(ErrorKind::Refused, label, fmt::format("\"{}\" is neither a file nor a folder", inside))
          .next("ask who made the package");
    } else if (fs::is_regular_file(status)) {
      total += at->file_size(failed);
      if (total > kMostBytes)
        return not_unpacked(ErrorKind::Refused, label, fmt::format("it holds more than {}", format_bytes(kMostBytes)));
    }
  }
  if (failed) return not_unpacked(ErrorKind::Config, label, failed.message());
  return {};
}

}  // namespace

Status unpack(std::string const& archive, fs::path const& into, std::string const& label, std::stop_token stop) {
  WEIR_TRY(auto const work, TempFolder::create("weir-unpack-"));
  WEIR_DO(write_file(work.path() / "archive", archive, 0600));
  WEIR_DO(inflate_to(work.path() / "archive", work.path() / "plain.tar", label));
  // GNU tar takes away leading slashes, skips members with "..", and makes links only after all files. From standard
  // input it inflates nothing itself, so the limit above holds.
  int const plain = open((work.path() / "plain.tar").c_str(), O_RDONLY | O_CLOEXEC);
  auto const ended = run_child({"/usr/bin/env", "LC_ALL=C", "TAR_OPTIONS=", "tar", "--extract", "--no-same-owner",
                                "--no-same-permissions", "--file", "-", "--directory", into.string()},
                               {.folder = work.path(), .output = work.path() / "output", .input = plain},
                               std::chrono::minutes(10), stop);
  if (plain >= 0) close(plain);
  if (!ended.ok()) return ended.error().clone();
  int const status = *ended;
  if (status == 127)
    return not_unpacked(ErrorKind::Config, label, "the program \"tar\" is not installed").next("install tar");
  WEIR_TRY(std::string const said, read_file(work.path() / "output"));
  if (status != 0) {
    auto const says = [&](std::string_view words) { return said.find(words) != std::string::npos; };
    std::string const cause(trim(said.substr(0, said.find('\n'))));
    if (says("does not look like a tar archive"))
      return not_unpacked(ErrorKind::Data, label, "it is no tar archive")
          .cause(cause)
          .next("check what the address leads to");
    return not_unpacked(ErrorKind::Refused, label,
                        says("Member name contains '..'") ? "it holds a name that leads out of its folder"
                                                          : "tar refuses what it holds")
        .cause(cause)
        .next("ask who made the package");
  }
  return check_contents(into, label);
}

}  // namespace weir::packages
