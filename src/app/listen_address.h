#pragma once
// Where a port is opened, as options of the command line say it. Pure; any thread.

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::app {

struct ListenAddress {
  std::string host;   // without brackets
  std::string shown;  // as it was said, without the port
  int port = 0;       // 0: a free one
};

// "127.0.0.1:9464", "[::1]:9464", "localhost:0". `option`: "--listen"; `example` stands in the error. Error: Usage.
Result<ListenAddress> parse_listen_address(std::string_view option, std::string const& text, std::string_view example);

}  // namespace weir::app
