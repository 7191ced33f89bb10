#pragma once
// The API as it stands before everybody, not before this machine's commands alone: who asks is found out by cookie or
// token, what a page of another site may have made a browser send is refused, and answers tell browsers to let nothing
// else in. Knows headers, and no sockets. Any thread.
//
// Sources: RFC 6265bis (cookies, "__Host-"), RFC 6750 (bearer tokens), OWASP's cheat sheets on CSRF and HTTP headers.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/api.h"

namespace weir::server {

struct Visit {
  std::string method, path;
  std::map<std::string, std::string> query, headers;  // names of headers in lower case
  std::string body;
  std::string from;  // the address that the connection comes from
};

struct Reply {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside those of every answer
};

class Entrance {
 public:
  // `behind_proxy`: what X-Forwarded-For and -Proto say is believed. `api` outlives it.
  Entrance(Api& api, bool behind_proxy) : api_(api), behind_proxy_(behind_proxy) {}

  Reply answer(Visit const& visit);
  static std::vector<std::pair<std::string, std::string>> headers_of_all();

 private:
  Response respond(Visit const& visit, bool is_secure);
  Result<Caller> caller_of(Visit const& visit, bool is_secure);

  Api& api_;
  bool const behind_proxy_;
};

}  // namespace weir::server
