#include "http/fetch.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "http/curl.h"

namespace weir::http {
namespace {

// What the callbacks of one transfer share.
struct Transfer {
  Request const& request;
  std::string body;
  bool too_big = false;
};

std::size_t take(char* data, std::size_t, std::size_t size, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  if (transfer.body.size() + size > transfer.request.most_bytes) {
    transfer.too_big = true;
    return 0;  // ends the transfer
  }
  transfer.body.append(data, size);
  return size;
}

std::string host_of(std::string const& url) {
  auto const begin = url.find("://");
  std::string host = begin == std::string::npos ? url : url.substr(begin + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  return host.substr(host.rfind('@') == std::string::npos ? 0 : host.rfind('@') + 1);
}

bool is_web_address(std::string const& url) {
  return starts_with_ignoring_case(url, "http://") || starts_with_ignoring_case(url, "https://");
}

void set_up(CURL* handle, Transfer& transfer, char* reason) {
  auto const& request = transfer.request;
  bool const secure = starts_with_ignoring_case(request.url, "https://");
  curl().setopt(handle, CURLOPT_URL, request.url.c_str());
  curl().setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
  curl().setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl().setopt(handle, CURLOPT_MAXREDIRS, 10L);
  curl().setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  curl().setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl().setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl().setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl().setopt(handle, CURLOPT_USERAGENT, "weir");
  curl().setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.idle.count()));
  curl().setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time.count()));
  curl().setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl().setopt(handle, CURLOPT_LOW_SPEED_TIME,
                static_cast<long>(std::chrono::ceil<std::chrono::seconds>(request.idle).count()));
  curl().setopt(handle, CURLOPT_WRITEFUNCTION, take);
  curl().setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl().setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl().setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on<Transfer>);
  curl().setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl().setopt(handle, CURLOPT_ERRORBUFFER, reason);
}

std::string doing(Request const& request) {
  return "could not fetch " + request.url;
}

Error not_fetched(ErrorKind kind, Request const& request, std::string const& why) {
  return Error(kind, doing(request) + ": " + why).object(request.url);
}

Error transfer_failed(CURLcode code, char const* reason, Transfer const& transfer) {
  auto const& request = transfer.request;
  if (transfer.too_big)
    return not_fetched(ErrorKind::Data, request, fmt::format("it is bigger than {}", format_bytes(request.most_bytes)));
  std::string const said = *reason == '\0' ? curl().strerror(code) : reason;
  return transfer_error(code, doing(request), host_of(request.url), said).object(request.url);
}

Result<Response> status_of(long status, Transfer transfer) {
  auto const& request = transfer.request;
  if ((status >= 200 && status < 300) || status == 404 || status == 410)
    return Response{static_cast<int>(status), std::move(transfer.body)};
  if (status == 401 || status == 403 || status == 407)
    return not_fetched(ErrorKind::Denied, request, fmt::format("access was refused (HTTP {})", status))
        .next("give a token in the address, from a DBT_ENV_SECRET_ variable, or in ~/.netrc");
  bool const trouble = status == 429 || status >= 500;
  return not_fetched(trouble ? ErrorKind::Unavailable : ErrorKind::Config, request,
                     fmt::format("it answered with HTTP {}", status))
      .next(trouble ? "try again later" : "correct the address");
}

Result<Response> fetch_once(Request const& request) {
  Handle const handle(curl().init());
  if (handle == nullptr) return Error(ErrorKind::Internal, "curl_easy_init failed");
  char reason[CURL_ERROR_SIZE] = "";
  Transfer transfer{request, {}, false};
  set_up(handle.get(), transfer, reason);
  CURLcode const code = curl().perform(handle.get());
  if (code != CURLE_OK) return transfer_failed(code, reason, transfer);
  long status = 0;
  curl().getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return status_of(status, std::move(transfer));
}

}  // namespace

Result<Response> fetch(Request const& request) {
  if (!curl().problem.empty()) return no_curl(doing(request)).object(request.url);
  if (!is_web_address(request.url))
    return not_fetched(ErrorKind::Config, request, "it is no http or https address").next("correct the address");
  for (int attempt = 1;; ++attempt) {
    auto response = fetch_once(request);
    if (response.ok() || response.error().kind() != ErrorKind::Unavailable || attempt >= request.attempts)
      return response;
    log_step("{}; attempt {} of {}", response.error().message(), attempt + 1, request.attempts);
    if (!system_clock().sleep(std::chrono::milliseconds(300 * attempt), request.stop)) return response;
  }
}

}  // namespace weir::http
