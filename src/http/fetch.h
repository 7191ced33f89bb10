#pragma once
// The body behind an http or https URL. TLS certificates and host names are always verified; redirects are followed,
// but never from https to http; proxies of the environment (https_proxy, no_proxy) and ~/.netrc are honoured. Blocks;
// any thread.

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace weir::http {

struct Request {
  std::string url;
  std::uint64_t most_bytes = 64U << 20;
  std::chrono::milliseconds time = std::chrono::minutes(5);   // for the whole answer
  std::chrono::milliseconds idle = std::chrono::seconds(30);  // to connect, and without a byte coming
  int attempts = 3;  // where the other side cannot be reached or says that it has trouble (429, 5xx)
  std::stop_token stop = {};
};

struct Response {
  int status = 0;  // 200 to 299, 404 or 410
  std::string body;
};

// Errors: Unavailable (not reached, or trouble there), Denied (401, 403, a certificate that is not trusted), Data (too
// big), Config (a URL that is none, any other status), Cancelled. A page that is not there is a Response: what that
// means only the caller knows.
Result<Response> fetch(Request const& request);

}  // namespace weir::http
