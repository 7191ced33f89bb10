#include "http/fetch.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <memory>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::http {
namespace {

// libcurl, loaded when something is fetched: with the libraries that it needs it would cost every command 3 ms at its
// start. Never unloaded.
struct Curl {
  decltype(::curl_global_init)* global_init = nullptr;
  decltype(::curl_easy_init)* init = nullptr;
  decltype(::curl_easy_setopt)* setopt = nullptr;
  decltype(::curl_easy_perform)* perform = nullptr;
  decltype(::curl_easy_getinfo)* getinfo = nullptr;
  decltype(::curl_easy_strerror)* strerror = nullptr;
  decltype(::curl_easy_cleanup)* cleanup = nullptr;
  std::string problem;  // why it cannot be used; "" = it can

  Curl() {
    void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    bool const whole = library != nullptr && find(library, "curl_global_init", global_init) &&
                       find(library, "curl_easy_init", init) && find(library, "curl_easy_setopt", setopt) &&
                       find(library, "curl_easy_perform", perform) && find(library, "curl_easy_getinfo", getinfo) &&
                       find(library, "curl_easy_strerror", strerror) && find(library, "curl_easy_cleanup", cleanup);
    char const* const said = whole ? nullptr : dlerror();
    if (!whole)
      problem = said == nullptr ? "libcurl.so.4 is not whole" : said;
    else if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      problem = "curl_global_init failed";
  }
  template <typename Function>
  static bool find(void* library, char const* name, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(library, name));
    return function != nullptr;
  }
};

Curl const& curl() {
  static Curl const loaded;
  return loaded;
}

struct HandleEnd {
  void operator()(CURL* handle) const { curl().cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleEnd>;

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

int go_on(void* from, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(from)->request.stop.stop_requested() ? 1 : 0;
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
  curl().setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on);
  curl().setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl().setopt(handle, CURLOPT_ERRORBUFFER, reason);
}

Error not_fetched(ErrorKind kind, Request const& request, std::string why) {
  return Error(kind, fmt::format("could not fetch {}: {}", request.url, std::move(why))).object(request.url);
}

Error transfer_failed(CURLcode code, char const* reason, Transfer const& transfer) {
  auto const& request = transfer.request;
  std::string const said = *reason == '\0' ? curl().strerror(code) : reason;
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return not_fetched(ErrorKind::Cancelled, request, "it was stopped");
    case CURLE_WRITE_ERROR:
      if (transfer.too_big)
        return not_fetched(ErrorKind::Data, request,
                           fmt::format("it is bigger than {}", format_bytes(request.most_bytes)));
      break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return not_fetched(ErrorKind::Config, request, "it, or where it leads to, is no address of the web")
          .cause(said)
          .next("correct the address");
    case CURLE_COULDNT_RESOLVE_HOST:
      return not_fetched(ErrorKind::Unavailable, request,
                         fmt::format("host \"{}\" could not be found", host_of(request.url)))
          .next("check the host's name and this machine's network");
    case CURLE_COULDNT_CONNECT:
      return not_fetched(ErrorKind::Unavailable, request,
                         fmt::format("\"{}\" does not accept connections", host_of(request.url)))
          .next("check its address and port, the firewall and https_proxy, or try again later");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return not_fetched(ErrorKind::Denied, request,
                         fmt::format("the certificate of \"{}\" cannot be trusted", host_of(request.url)))
          .cause(said)
          .next(
              "install the certificate of who signed it into /usr/local/share/ca-certificates, then "
              "update-ca-certificates");
    case CURLE_OPERATION_TIMEDOUT:
      return not_fetched(ErrorKind::Unavailable, request,
                         fmt::format("\"{}\" did not answer in time", host_of(request.url)))
          .cause(said)
          .next("try again later");
    default:
      break;
  }
  return not_fetched(ErrorKind::Unavailable, request, "the transfer failed").cause(said).next("try again");
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
  if (!curl().problem.empty())
    return not_fetched(ErrorKind::Config, request, "libcurl cannot be used")
        .cause(curl().problem)
        .next("install libcurl (Debian: libcurl4)");
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
