#include "http/mail.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "http/curl.h"
#include "http/gate.h"

namespace weir::http {
namespace {

// What the callbacks of one exchange share.
struct MailExchange {
  MailRequest const& request;
  Gate gate;
  std::size_t sent = 0;
  std::vector<int> refusals = {};  // what the server answered that was no yes, in its order
};

std::size_t next_part(char* buffer, std::size_t, std::size_t size, void* from) {
  auto& exchange = *static_cast<MailExchange*>(from);
  auto const left = std::string_view(exchange.request.message).substr(exchange.sent);
  auto const part = left.substr(0, size);
  std::memcpy(buffer, part.data(), part.size());
  exchange.sent += part.size();
  return part.size();
}

// "550 5.1.1 ..." is the end of an answer, "550-..." is not.
std::size_t take_answer(char* text, std::size_t, std::size_t size, void* to) {
  std::string_view const line(text, size);
  auto const code = parse_int(line.substr(0, 3));
  if (code && *code >= 400 && (line.size() < 4 || line[3] != '-'))
    static_cast<MailExchange*>(to)->refusals.push_back(static_cast<int>(*code));
  return size;
}

std::size_t throw_away(char*, std::size_t, std::size_t size, void*) {
  return size;
}

struct MailTarget {
  Url url;
  std::string host;   // "mail.example", "[::1]"
  std::string shown;  // "smtp://mail.example:587"
};

int port_of(MailRequest const& request) {
  if (request.port != 0) return request.port;
  return request.tls == MailTls::Off ? 25 : request.tls == MailTls::StartTls ? 587 : 465;
}

Result<MailTarget> target_of(MailRequest const& request) {
  bool const is_bare_v6 = Address::parse(request.host) && request.host.find(':') != std::string::npos;
  MailTarget target{Url(curl().url()), is_bare_v6 ? "[" + request.host + "]" : request.host, ""};
  std::string const scheme = request.tls == MailTls::Implicit ? "smtps" : "smtp";
  std::string const port = std::to_string(port_of(request));
  bool const is_one = target.url != nullptr && request.host.find('\0') == std::string::npos &&
                      curl().url_set(target.url.get(), CURLUPART_SCHEME, scheme.c_str(), 0) == CURLUE_OK &&
                      curl().url_set(target.url.get(), CURLUPART_HOST, target.host.c_str(), 0) == CURLUE_OK &&
                      curl().url_set(target.url.get(), CURLUPART_PORT, port.c_str(), 0) == CURLUE_OK;
  if (!is_one)
    return Error(ErrorKind::Config, fmt::format("cannot send mail: \"{}\" is no mail server's name", request.host))
        .next("write the name or address alone");
  target.shown = fmt::format("{}://{}:{}", scheme, target.host, port);
  return target;
}

Result<List> receivers_of(MailRequest const& request) {
  List list;
  for (auto const& one : request.to) {
    bool const is_plain = std::all_of(one.begin(), one.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!is_plain) return Error(ErrorKind::Config, "cannot send mail: a receiver's address is none");
    if (!append(list, "<" + one + ">")) return Error(ErrorKind::Internal, "curl_slist_append failed");
  }
  return list;
}

void set_up_mail(CURL* handle, MailExchange& exchange, MailTarget const& target, curl_slist* receivers, char* reason) {
  auto const& request = exchange.request;
  curl().setopt(handle, CURLOPT_CURLU, target.url.get());
  curl().setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  guard(handle, exchange.gate, request.ca_file);
  bool const encrypts = request.tls != MailTls::Off;
  curl().setopt(handle, CURLOPT_USE_SSL, static_cast<long>(encrypts ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!request.user.empty()) {
    curl().setopt(handle, CURLOPT_USERNAME, request.user.c_str());
    curl().setopt(handle, CURLOPT_PASSWORD, request.password.c_str());
  }
  curl().setopt(handle, CURLOPT_MAIL_FROM, ("<" + request.from + ">").c_str());
  curl().setopt(handle, CURLOPT_MAIL_RCPT, receivers);
  curl().setopt(handle, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl().setopt(handle, CURLOPT_UPLOAD, 1L);
  curl().setopt(handle, CURLOPT_READFUNCTION, next_part);
  curl().setopt(handle, CURLOPT_READDATA, &exchange);
  curl().setopt(handle, CURLOPT_HEADERFUNCTION, take_answer);
  curl().setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl().setopt(handle, CURLOPT_WRITEFUNCTION, throw_away);
  curl().setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_time.count()));
  curl().setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time.count()));
  curl().setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl().setopt(handle, CURLOPT_XFERINFOFUNCTION, go_on<MailExchange>);
  curl().setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  curl().setopt(handle, CURLOPT_ERRORBUFFER, reason);
}

// Receivers that were refused while others were not. (A server that knows no EHLO answers with another 5xx.)
int refused_receivers(MailExchange const& exchange) {
  return static_cast<int>(std::count_if(exchange.refusals.begin(), exchange.refusals.end(), [](int code) {
    return (code >= 450 && code < 460) || (code >= 550 && code < 560);
  }));
}

Error refused(Address const& address, MailTarget const& target) {
  return Error(ErrorKind::Refused, fmt::format("will not send mail by {}: {} is {}", target.shown, address.text(),
                                               kind_name(kind_of(address))))
      .object(target.host)
      .state("nothing was sent")
      .next("allow this host or its network, if it is a server of your own");
}

Error not_sent(CURLcode code, MailExchange const& exchange, MailTarget const& target, std::string said) {
  std::string const doing = fmt::format("could not send mail by {}", target.shown);
  if (code == CURLE_COULDNT_CONNECT && exchange.gate.refused()) return refused(*exchange.gate.refused(), target);
  if (code == CURLE_USE_SSL_FAILED)
    return Error(ErrorKind::Config, doing + ": it does not encrypt")
        .object(target.host)
        .state("neither login nor message were sent")
        .next("tls: implicit, if it encrypts from the first byte; tls: off, if it is a server of your own network");
  return guarded_error(code, doing, target.host, std::move(said));
}

}  // namespace

Result<Mailed> send_mail(MailRequest const& request) {
  if (!curl().problem.empty()) return no_curl("could not send mail");
  WEIR_TRY(auto const target, target_of(request));
  WEIR_TRY(auto const receivers, receivers_of(request));
  Handle const handle(curl().init());
  if (handle == nullptr) return Error(ErrorKind::Internal, "curl_easy_init failed");
  MailExchange exchange{request, Gate(request.allowed, target.host, Gate::Own::Reached)};
  char reason[CURL_ERROR_SIZE] = "";
  set_up_mail(handle.get(), exchange, target, receivers.get(), reason);
  CURLcode const code = curl().perform(handle.get());
  if (code == CURLE_OK)
    return Mailed{.to = target.shown, .delivery = Delivery::Done, .refused_receivers = refused_receivers(exchange)};
  bool const is_answer = !exchange.refusals.empty() && code != CURLE_USE_SSL_FAILED &&
                         code != CURLE_OPERATION_TIMEDOUT && code != CURLE_ABORTED_BY_CALLBACK;
  if (!is_answer) return not_sent(code, exchange, target, *reason == '\0' ? curl().strerror(code) : reason);
  int const status = exchange.refusals.back();
  return Mailed{.to = target.shown,
                .status = status,
                .delivery = status < 500 ? Delivery::Later : Delivery::Refused,
                .at_login = code == CURLE_LOGIN_DENIED};
}

}  // namespace weir::http
