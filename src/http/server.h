#pragma once
// The files of one folder by HTTP, for the browsers of one machine: GET and HEAD, nothing above the folder, no listing.

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace weir::http {

struct FolderServing {
  std::filesystem::path folder;
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: a free one
};

// Binds, calls `ready` with the port, and serves until `stop` is asked for; blocks. On a loopback address requests that
// name another host are refused, so that no page of another site can read what is here. Errors: Usage (a port that is
// none), Unavailable (the address cannot be had).
Status serve_folder(FolderServing const& serving, std::stop_token stop, std::function<void(int port)> const& ready);

}  // namespace weir::http
