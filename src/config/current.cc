#include "config/current.h"

#include <sys/stat.h>

#include <utility>

#include <fmt/format.h>

#include "config/reader.h"

namespace weir::config {

Current::Current(Config const& first) : now_(&first), taken_(stamp()), seen_(taken_) {}

std::string Current::stamp() const {
  std::string text;
  for (char const* name : {kWeirFile, kEndpointsFile}) {
    struct stat found {};
    auto const path = get().root / name;
    if (stat(path.c_str(), &found) == 0)
      text += fmt::format("{}:{}:{}:{}.{:09} ", found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec,
                          found.st_mtim.tv_nsec);
    else
      text += "none ";
  }
  return text;
}

Result<bool> Current::look(std::function<Status(Config const& read)> const& check) {
  auto const before = std::exchange(seen_, stamp());
  if (seen_ == taken_ || seen_ != before) return false;
  taken_ = seen_;
  WEIR_TRY(auto read, load(get().root));
  if (read.state_folder != get().state_folder || read.state_endpoint != get().state_endpoint ||
      read.state_schema != get().state_schema)
    return Error(ErrorKind::Refused, "`state` of weir.yml says where another state is")
        .where((read.root / kWeirFile).string())
        .state("what was read before counts on")
        .next("restart weir serve to use that one");
  WEIR_DO(check(read));
  later_.push_back(std::make_unique<Config const>(std::move(read)));
  now_ = later_.back().get();
  return true;
}

}  // namespace weir::config
