#include "http/curl.h"

#include <dlfcn.h>

#include <fmt/format.h>

namespace weir::http {
namespace {

template <typename Function>
bool find(void* library, char const* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Curl::Curl() {
  void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  bool const whole = library != nullptr && find(library, "curl_global_init", global_init) &&
                     find(library, "curl_easy_init", init) && find(library, "curl_easy_setopt", setopt) &&
                     find(library, "curl_easy_perform", perform) && find(library, "curl_easy_getinfo", getinfo) &&
                     find(library, "curl_easy_strerror", strerror) && find(library, "curl_easy_cleanup", cleanup) &&
                     find(library, "curl_slist_append", append) && find(library, "curl_slist_free_all", free_list) &&
                     find(library, "curl_url", url) && find(library, "curl_url_set", url_set) &&
                     find(library, "curl_url_get", url_get) && find(library, "curl_url_cleanup", url_cleanup) &&
                     find(library, "curl_free", free);
  char const* const said = whole ? nullptr : dlerror();
  if (!whole)
    problem = said == nullptr ? "libcurl.so.4 is not whole" : said;
  else if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    problem = "curl_global_init failed";
}

Curl const& curl() {
  static Curl const loaded;
  return loaded;
}

bool append(List& list, std::string const& line) {
  curl_slist* const longer = curl().append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  static_cast<void>(list.release());
  list.reset(longer);
  return true;
}

Error no_curl(std::string const& doing) {
  return Error(ErrorKind::Config, doing + ": libcurl cannot be used")
      .cause(curl().problem)
      .next("install libcurl (Debian: libcurl4)");
}

Error transfer_error(CURLcode code, std::string const& doing, std::string const& host, std::string said) {
  auto const failed = [&](ErrorKind kind, std::string const& why) { return Error(kind, doing + ": " + why); };
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return failed(ErrorKind::Cancelled, "it was stopped");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return failed(ErrorKind::Config, "it, or where it leads to, is no address of the web")
          .cause(std::move(said))
          .next("correct the address");
    case CURLE_COULDNT_RESOLVE_HOST:
      return failed(ErrorKind::Unavailable, fmt::format("host \"{}\" could not be found", host))
          .next("check the host's name and this machine's network");
    case CURLE_COULDNT_CONNECT:
      return failed(ErrorKind::Unavailable, fmt::format("\"{}\" does not accept connections", host))
          .next("check its address and port, the firewall and https_proxy, or try again later");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return failed(ErrorKind::Denied, fmt::format("the certificate of \"{}\" cannot be trusted", host))
          .cause(std::move(said))
          .next(
              "install the certificate of who signed it into /usr/local/share/ca-certificates, then "
              "update-ca-certificates");
    case CURLE_OPERATION_TIMEDOUT:
      return failed(ErrorKind::Unavailable, fmt::format("\"{}\" did not answer in time", host))
          .cause(std::move(said))
          .next("try again later");
    default:
      return failed(ErrorKind::Unavailable, "the transfer failed").cause(std::move(said)).next("try again");
  }
}

}  // namespace weir::http
