#include "server/entrance.h"

#include <arpa/inet.h>

#include <chrono>

#include <fmt/format.h>

#include "base/text.h"
#include "server/accounts.h"

namespace weir::server {
namespace {

constexpr std::string_view kBearer = "bearer ";

std::string header(Visit const& visit, char const* name) {
  auto const found = visit.headers.find(name);
  return found == visit.headers.end() ? std::string() : found->second;
}

// What stands last in a list: that was said by who is nearest.
std::string last_of(std::string const& list) {
  return std::string(trim(std::string_view(list).substr(list.rfind(',') + 1)));
}

// A browser takes a cookie with that prefix only from this host itself, by TLS.
std::string_view cookie_name(bool is_secure) {
  return is_secure ? "__Host-weir_login" : "weir_login";
}

std::string cookie_in(Visit const& visit, bool is_secure) {
  for (auto const& one : split(header(visit, "cookie"), ';')) {
    auto const equals = one.find('=');
    if (equals != std::string::npos && trim(std::string_view(one).substr(0, equals)) == cookie_name(is_secure))
      return std::string(trim(std::string_view(one).substr(equals + 1)));
  }
  return {};
}

std::string cookie_text(std::string const& value, bool is_secure) {
  auto const life = value.empty() ? 0 : std::chrono::duration_cast<std::chrono::seconds>(kLoginLife).count();
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", cookie_name(is_secure), value, life,
                     is_secure ? "; Secure" : "");
}

// What is counted where logins fail: an IPv4 address, or the 64 bits of an IPv6 network, for one house has all of
// those. "" for a text that is no address.
std::string network_of(std::string const& address) {
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return address;
  in6_addr six{};
  if (inet_pton(AF_INET6, address.c_str(), &six) != 1) return {};
  auto const* bytes = six.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six)) return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  return fmt::format("{:02x}{:02x}:{:02x}{:02x}:{:02x}{:02x}:{:02x}{:02x}::/64", bytes[0], bytes[1], bytes[2], bytes[3],
                     bytes[4], bytes[5], bytes[6], bytes[7]);
}

bool changes_something(Visit const& visit) {
  return visit.method != "GET" && visit.method != "HEAD";
}

bool has_token(Visit const& visit) {
  return visit.headers.find("authorization") != visit.headers.end();
}

// Why a page of another site may have made a browser send this; "" = it cannot have. A form cannot send JSON or a
// header of its own, a script must ask first (and is not answered), and no page can say another origin than its own.
std::string what_is_missing(Visit const& visit) {
  auto const type = header(visit, "content-type");
  if (!equals_ignoring_case(trim(std::string_view(type).substr(0, type.find(';'))), "application/json"))
    return "it has no Content-Type: application/json";
  if (header(visit, "x-weir-request") != "1") return "it has no header X-Weir-Request: 1";
  auto const origin = visit.headers.find("origin");
  if (origin == visit.headers.end()) return {};
  auto const scheme = origin->second.find("://");
  bool const is_ours = scheme != std::string::npos && !header(visit, "host").empty() &&
                       equals_ignoring_case(std::string_view(origin->second).substr(scheme + 3), header(visit, "host"));
  return is_ours ? std::string() : fmt::format("its Origin is \"{}\", not this host", origin->second);
}

Error foreign_request(std::string why) {
  return Error(ErrorKind::Denied, "a page of another site may have sent this")
      .cause(std::move(why))
      .state("nothing was done")
      .next(
          "send Content-Type: application/json and X-Weir-Request: 1, from a page of this host or from none; a "
          "program takes a token instead");
}

Error wrong_token() {
  return Error(ErrorKind::Denied, "the token is none, or no longer one")
      .state("nothing was done")
      .next("weir token ls, on weir's machine, lists those that there are; weir token create makes one");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Entrance::headers_of_all() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
           "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cache-Control", "no-store"}};
}

// A token that is wrong is an error, whatever cookie comes with it; a cookie that is none any more is nobody's.
Result<Caller> Entrance::caller_of(Visit const& visit, bool is_secure) {
  if (has_token(visit)) {
    auto const said = header(visit, "authorization");
    if (!starts_with_ignoring_case(said, kBearer)) return wrong_token();
    WEIR_TRY(auto const caller, api_.access().by_token(std::string(trim(said.substr(kBearer.size())))));
    if (!caller) return wrong_token();
    return *caller;
  }
  auto const cookie = cookie_in(visit, is_secure);
  if (cookie.empty()) return Caller{};
  WEIR_TRY(auto const caller, api_.access().by_login(cookie));
  return caller.value_or(Caller{});
}

Response Entrance::respond(Visit const& visit, bool is_secure) {
  auto caller = caller_of(visit, is_secure);
  if (!caller.ok()) {
    auto const kind = caller.error().kind();
    return failed(caller.error(), kind == ErrorKind::Denied ? 401 : http_status(kind));
  }
  // Whoever is nobody is told that first, but where he may be made somebody.
  bool const counts = caller->role != Role::Nobody || Api::is_for_everybody(visit.method, visit.path);
  if (counts && changes_something(visit) && !has_token(visit))
    if (auto why = what_is_missing(visit); !why.empty()) return failed(foreign_request(std::move(why)), 403);
  auto const forwarded = behind_proxy_ ? network_of(last_of(header(visit, "x-forwarded-for"))) : std::string();
  return api_.handle({visit.method, visit.path, visit.query, visit.body, std::move(*caller),
                      forwarded.empty() ? network_of(visit.from) : forwarded});
}

Reply Entrance::answer(Visit const& visit) {
  bool const is_secure = behind_proxy_ && equals_ignoring_case(last_of(header(visit, "x-forwarded-proto")), "https");
  auto response = respond(visit, is_secure);
  Reply reply{response.status, std::move(response.body), {}};
  if (response.cookie) reply.headers.emplace_back("Set-Cookie", cookie_text(*response.cookie, is_secure));
  if (response.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.retry_after_s > 0) reply.headers.emplace_back("Retry-After", std::to_string(response.retry_after_s));
  return reply;
}

}  // namespace weir::server
