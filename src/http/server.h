#pragma once
// What this machine serves by HTTP: the files of one folder, for browsers, and calls of programs. On a loopback address
// requests that name another host are refused, so that no page of another site can read what is here.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::http {

// GET and HEAD, nothing above the folder, no listing.
struct FolderServing {
  std::filesystem::path folder;
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: a free one
};

// Binds, calls `ready` with the port, and serves until `stop` is asked for; blocks. Errors: Usage (a port that is
// none), Unavailable (the address cannot be had).
Status serve_folder(FolderServing const& serving, std::stop_token stop, std::function<void(int port)> const& ready);

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Call {
  std::string method, path;
  std::map<std::string, std::string> query, headers;  // names of headers in lower case
  std::string body;
  std::string from = {};  // the address that it came from
};

struct Answer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  Headers headers = {};
};

// A request's head may have 16 kB and 30 s, and all of it a minute.
struct CallServing {
  std::string host = "127.0.0.1";
  int port = 0;             // 0: a free one
  std::size_t threads = 8;  // calls at once; 200 more wait
  std::size_t most_body_bytes = 1U << 20;
  bool any_host = false;  // a proxy stands before it: requests name its host
  // Of every answer, also where a request is none. Those of one answer come beside, under other names.
  Headers headers = {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-cache"}};
};

// As serve_folder(); `answer` is called by several threads at once.
Status serve_calls(CallServing const& serving, std::function<Answer(Call const&)> const& answer, std::stop_token stop,
                   std::function<void(int port)> const& ready);

// "localhost" or an address of 127.0.0.0/8 or ::1, as a host is named; what only looks like one is a name of anybody's.
bool is_loopback(std::string_view name);

// serve_calls() beside the caller: until the object goes.
class Listening {
 public:
  int port() const { return port_; }

 private:
  friend Result<std::unique_ptr<Listening>> listen(CallServing serving, std::function<Answer(Call const&)> answer);
  int port_ = 0;
  std::jthread thread_;
};
Result<std::unique_ptr<Listening>> listen(CallServing serving, std::function<Answer(Call const&)> answer);

// A GET (with its query) or POST (with its body) to a server on this machine, 127.0.0.1. Errors: Unavailable (nobody
// listens, or no answer within `time`).
Result<Answer> call_local(int port, Call const& call, std::chrono::milliseconds time = std::chrono::seconds(30));

}  // namespace weir::http
