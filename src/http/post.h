#pragma once
// Posts a text to a webhook. The URL may come from anybody who may write the configuration, and must not lead weir into
// the network that it stands in: https only, and only to public addresses, unless the options allow it. The name is
// resolved once, and each address is judged at the moment at which its socket is opened, so that a name that points
// elsewhere a moment later changes nothing. Redirects are not followed; proxies of the environment and ~/.netrc are not
// used; certificates are always verified. What the other side answers is never shown, nor is the URL's path, which is
// the secret of most webhooks. Blocks; any thread.

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/address.h"

namespace weir::http {

// What a post may reach besides public addresses by https: chat servers of one's own, and tests.
struct Allowed {
  std::vector<std::string> hosts = {};  // names or addresses as URLs have them, case ignored: whatever they resolve to
  std::vector<Network> networks = {};
  bool plain_http = false;
};

struct PostRequest {
  std::string url;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  Allowed allowed = {};
  std::string ca_file = {};                                   // PEM; "": the system's authorities
  std::chrono::milliseconds time = std::chrono::seconds(30);  // for the whole exchange
  std::chrono::milliseconds connect_time = std::chrono::seconds(10);
  std::stop_token stop = {};
};

enum class Delivery {
  Done,     // 2xx
  Later,    // 408, 425, 429, 5xx: worth another try
  Refused,  // anything else, redirects too: will not be better next time
};

struct Posted {
  std::string to;  // "https://example.com:8443": what may be shown
  int status = 0;
  Delivery delivery = Delivery::Refused;
  std::optional<std::chrono::seconds> retry_after;  // what a Retry-After says, at most a day
};

// Errors: Config (a URL that is none, http where that is not allowed, a header with a line end), Refused (an address
// that is not allowed), Unavailable, Denied (a certificate that cannot be trusted), Cancelled. Any answer is a Posted.
Result<Posted> post(PostRequest const& request);

}  // namespace weir::http
