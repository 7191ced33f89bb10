#pragma once
// The chat of `weir demo`: takes what is posted to it, on this machine only, as long as it lives.

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace weir::app {

class DemoChat {
 public:
  // `posted` gets each body, on another thread. Error: Unavailable.
  static Result<DemoChat> start(std::function<void(std::string_view body)> posted);

  std::string url() const;

 private:
  DemoChat(int port, std::jthread server) : port_(port), server_(std::move(server)) {}

  int port_;
  std::jthread server_;
};

}  // namespace weir::app
