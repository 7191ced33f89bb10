#pragma once
// libcurl for this folder, loaded when something is fetched or posted: with the libraries that it needs it would cost
// every command 3 ms at its start. Never unloaded. Any thread; a handle belongs to one.

#include <curl/curl.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace weir::http {

struct Curl {
  decltype(::curl_global_init)* global_init = nullptr;
  decltype(::curl_easy_init)* init = nullptr;
  decltype(::curl_easy_setopt)* setopt = nullptr;
  decltype(::curl_easy_perform)* perform = nullptr;
  decltype(::curl_easy_getinfo)* getinfo = nullptr;
  decltype(::curl_easy_strerror)* strerror = nullptr;
  decltype(::curl_easy_cleanup)* cleanup = nullptr;
  decltype(::curl_slist_append)* append = nullptr;
  decltype(::curl_slist_free_all)* free_list = nullptr;
  decltype(::curl_url)* url = nullptr;
  decltype(::curl_url_set)* url_set = nullptr;
  decltype(::curl_url_get)* url_get = nullptr;
  decltype(::curl_url_cleanup)* url_cleanup = nullptr;
  decltype(::curl_free)* free = nullptr;
  std::string problem;  // why it cannot be used; "" = it can

  Curl();
};

Curl const& curl();

struct HandleEnd {
  void operator()(CURL* handle) const { curl().cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleEnd>;

struct UrlEnd {
  void operator()(CURLU* url) const { curl().url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlEnd>;

struct ListEnd {
  void operator()(curl_slist* list) const { curl().free_list(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;
bool append(List& list, std::string const& line);

// CURLOPT_XFERINFOFUNCTION of a transfer whose callbacks get an Exchange: ends it when its request's `stop` says so.
template <typename Exchange>
int go_on(void* from, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(from)->request.stop.stop_requested() ? 1 : 0;
}

// Why a transfer that ended with `code` did not come about, for "could not fetch <URL>" or the like: the kind, what is
// wrong with `host` ("example.com:8080"), the next step. `said`: libcurl's own words.
Error transfer_error(CURLcode code, std::string const& doing, std::string const& host, std::string said);
// libcurl cannot be loaded.
Error no_curl(std::string const& doing);

}  // namespace weir::http
