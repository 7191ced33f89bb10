#include "http/post.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/curl.h"
#include "http/gate.h"

namespace weir::http {
namespace {

constexpr std::size_t kMostOfAnswer = 64U << 10;  // what is read of a body, to be thrown away
constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24);

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl().url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl().free(text);
  return copy;
}

// Where a post goes, read by the code that will also connect, so that the two cannot understand a URL differently.
struct PostTarget {
  Url url;
  std::string host;   // "example.com", "[::1]"
  std::string shown;  // "https://example.com:8443": what errors may say
};

std::string doing(std::string_view shown) {
  return fmt::format("could not post to {}", shown);
}

Result<PostTarget> target_of(PostRequest const& request) {
  PostTarget target{Url(curl().url()), "", ""};
  bool const is_one = target.url != nullptr &&
                      curl().url_set(target.url.get(), CURLUPART_URL, request.url.c_str(), 0) == CURLUE_OK &&
                      request.url.find('\0') == std::string::npos;
  std::string const scheme = is_one ? part_of(target.url.get(), CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https")
    return Error(ErrorKind::Config, "cannot post to what is no http or https address")
        .next("write the whole address, with https://");
  target.host = part_of(target.url.get(), CURLUPART_HOST);
  std::string const port = part_of(target.url.get(), CURLUPART_PORT);
  target.shown = scheme + "://" + target.host + (port.empty() ? "" : ":" + port);
  if (scheme == "http" && !request.allowed.plain_http)
    return Error(ErrorKind::Config, fmt::format("cannot post to {}: it is not encrypted", target.shown))
        .next("use its https address, or allow plain http for this channel");
  return target;
}

// What the callbacks of one exchange share.
struct PostExchange {
  PostRequest const& request;
  Gate gate;
  std::size_t answered = 0;
};

std::size_t count(char*, std::size_t, std::size_t size, void* to) {
  auto& exchange = *static_cast<PostExchange*>(to);
  exchange.answered += size;
  return exchange.answered > kMostOfAnswer ? 0 : size;  // 0 ends it; the status is known by then
}

Result<List> headers_of(PostRequest const& request, std::string const& shown) {
  std::vector<std::string> lines = {"Content-Type: " + request.content_type, "Expect:"};
  for (auto const& [name, value] : request.headers) lines.push_back(fmt::format("{}: {}", name, value));
  List list;
  for (auto const& line : lines) {
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return Error(ErrorKind::Config, fmt::format("cannot post to {}: a header has a line end in it", shown))
          .next("write each header in one line");
    if (!append(list, line)) return Error(ErrorKind::Internal, "curl_slist_append failed");
  }
  return list;
}

void set_up_post(CURL* handle, PostExchange& exchange, PostTarget const& target, curl_slist* headers, char* reason) {
  auto const& request = exchange.request;
  curl().setopt(handle, CURLOPT_CURLU, target.url.get());
  curl().setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  guard(handle, exchange.gate, request.ca_file);
  curl().setopt(handle, CURLOPT_USERAGENT, "weir");
  curl().setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl().setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl().setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  curl().setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_time.count()));
  curl().setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time.count()));
  curl().setopt(handle, CURLOPT_WRITEFUNCTION, count);
  curl().setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl().setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl().setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on<PostExchange>);
  curl().setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  curl().setopt(handle, CURLOPT_ERRORBUFFER, reason);
}

Delivery delivery_of(int status) {
  if (status >= 200 && status < 300) return Delivery::Done;
  return status == 408 || status == 425 || status == 429 || status >= 500 ? Delivery::Later : Delivery::Refused;
}

Posted answer_of(CURL* handle, PostTarget const& target) {
  long status = 0;
  curl_off_t seconds = 0;
  curl().getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl().getinfo(handle, CURLINFO_RETRY_AFTER, &seconds);  // of a date, too
  Posted posted{target.shown, static_cast<int>(status), delivery_of(static_cast<int>(status)), std::nullopt};
  if (seconds > 0) posted.retry_after = std::min(std::chrono::seconds(seconds), kLongestWait);
  return posted;
}

Error refused(Address const& address, PostTarget const& target) {
  return Error(ErrorKind::Refused,
               fmt::format("will not post to {}: {} is {}", target.shown, address.text(), kind_name(kind_of(address))))
      .object(target.host)
      .state("nothing was sent")
      .next("allow this host or its network, if it is a server of your own");
}

}  // namespace

Result<Posted> post(PostRequest const& request) {
  if (!curl().problem.empty()) return no_curl(doing("the webhook"));
  WEIR_TRY(auto const target, target_of(request));
  WEIR_TRY(auto const headers, headers_of(request, target.shown));
  Handle const handle(curl().init());
  if (handle == nullptr) return Error(ErrorKind::Internal, "curl_easy_init failed");
  PostExchange exchange{request, Gate(request.allowed, target.host)};
  char reason[CURL_ERROR_SIZE] = "";
  set_up_post(handle.get(), exchange, target, headers.get(), reason);
  CURLcode const code = curl().perform(handle.get());
  bool const is_enough = code == CURLE_WRITE_ERROR && exchange.answered > kMostOfAnswer;
  if (code == CURLE_OK || is_enough) return answer_of(handle.get(), target);
  if (code == CURLE_COULDNT_CONNECT && exchange.gate.refused()) return refused(*exchange.gate.refused(), target);
  std::string const said = *reason == '\0' ? curl().strerror(code) : reason;
  return guarded_error(code, doing(target.shown), target.host, said);
}

}  // namespace weir::http
