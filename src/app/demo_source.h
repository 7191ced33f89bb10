#pragma once
// The SQL Server stand-in of `weir demo`: weir-tds, serving examples/core from the program itself. It ends with this
// object, and also when this process is killed (its standard input closes). One thread.

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/result.h"

namespace weir::app {

class DemoSource {
 public:
  // `folder`: where the description is written to. `user` and `password` are a login that it accepts. `port`: 0 for a
  // free one.
  static Result<DemoSource> start(std::filesystem::path const& folder, std::string const& user,
                                  std::string const& password, int port);
  DemoSource(DemoSource&& other) noexcept;
  DemoSource& operator=(DemoSource&&) = delete;
  ~DemoSource();

  int port() const { return port_; }

 private:
  DemoSource() = default;
  pid_t pid_ = -1;
  int input_ = -1;  // its standard input, held open
  int port_ = 0;
};

}  // namespace weir::app
