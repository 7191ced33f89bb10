// Webhooks: what arrives, what comes back, and every way round the rule that a post goes to public addresses alone.
#include "http/post.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/text.h"
#include "tds/transport.h"

namespace weir::http {
namespace {

using namespace std::chrono_literals;

// A server on loopback that reads one request a connection and gives the same answer to each.
class Server {
 public:
  enum class Manner { Answer, Endless, Silent, Untrusted };

  explicit Server(std::string answer, Manner manner = Manner::Answer) : answer_(std::move(answer)), manner_(manner) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~Server() {
    end();
    ::close(listener_);
  }
  // Nothing is under way any more.
  void end() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

  std::string url(std::string_view host = "127.0.0.1", std::string_view path = "/hooks/canary-path") const {
    return fmt::format("http://{}:{}{}", host, port_, path);
  }
  int port() const { return port_; }
  int connections() const { return connections_; }
  int trusted() const { return trusted_; }
  std::string request() const {
    MutexLock const lock(mutex_);
    return request_;
  }

 private:
  void serve() {
    for (;;) {
      int const client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      ++connections_;
      if (manner_ == Manner::Untrusted) {
        shake_hands(client);
        continue;
      }
      std::string const request = read(client);
      {
        MutexLock const lock(mutex_);
        request_ = request;
      }
      if (manner_ != Manner::Silent) send(client, answer_);
      while (manner_ == Manner::Endless && send(client, std::string(65536, 'x'))) continue;
      char byte = 0;
      while (manner_ == Manner::Silent && ::recv(client, &byte, 1, 0) > 0) continue;  // until the other side gives up
      ::close(client);
    }
  }

  // With a certificate that nobody has signed.
  void shake_hands(int client) {
    auto const context = tds::TlsContext::self_signed();
    SSL* const tls = SSL_new(static_cast<SSL_CTX*>((*context)->handle()));
    SSL_set_fd(tls, client);
    if (SSL_accept(tls) == 1) ++trusted_;
    SSL_free(tls);
    ::close(client);
  }

  static std::string read(int client) {
    std::string request;
    for (char buffer[4096];;) {
      auto const end = request.find("\r\n\r\n");
      auto const length = request.find("Content-Length: ");
      if (end != std::string::npos && length != std::string::npos) {
        auto const digits = request.substr(length + 16, request.find('\r', length) - length - 16);
        if (request.size() >= end + 4 + static_cast<std::size_t>(parse_int(digits).value())) return request;
      }
      auto const size = ::recv(client, buffer, sizeof buffer, 0);
      if (size <= 0) return request;
      request.append(buffer, static_cast<std::size_t>(size));
    }
  }

  static bool send(int client, std::string_view text) {
    while (!text.empty()) {
      auto const size = ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  std::string const answer_;
  Manner const manner_;
  int listener_ = -1, port_ = 0;
  std::atomic<int> connections_ = 0, trusted_ = 0;
  mutable Mutex mutex_;
  std::string request_ WEIR_GUARDED_BY(mutex_);
  std::jthread thread_;
};

Allowed loopback() {
  return {.hosts = {}, .networks = {Network::parse("127.0.0.0/8").value()}, .plain_http = true};
}

std::string answer(std::string_view status, std::string_view headers = "") {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: 2\r\nConnection: close\r\n\r\nok", status, headers);
}

TEST(HttpPost, WhatArrives) {
  Server const server(answer("200 OK"));
  std::string const body = "{\"text\": \"caf\xC3\xA9\"}" + std::string(2'000'000, ' ');
  auto const posted = post({.url = server.url() + "?token=canary-token",
                            .body = body,
                            .headers = {{"Authorization", "Bearer canary-bearer"}},
                            .allowed = loopback()});
  ASSERT_TRUE(posted.ok()) << posted.error().to_text();
  EXPECT_EQ(posted->status, 200);
  EXPECT_EQ(posted->delivery, Delivery::Done);
  EXPECT_EQ(posted->retry_after, std::nullopt);
  auto const request = server.request();
  EXPECT_TRUE(request.starts_with("POST /hooks/canary-path?token=canary-token HTTP/1.1\r\n")) << request.substr(0, 500);
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nAuthorization: Bearer canary-bearer\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\n" + body));
}

TEST(HttpPost, WhatComesBack) {
  struct Row {
    std::string_view status, headers;
    Delivery delivery;
    std::optional<std::chrono::seconds> retry_after;
  };
  Row const kRows[] = {
      {"200 OK", "", Delivery::Done, std::nullopt},
      {"204 No Content", "", Delivery::Done, std::nullopt},
      {"400 Bad Request", "", Delivery::Refused, std::nullopt},
      {"404 Not Found", "", Delivery::Refused, std::nullopt},
      {"410 Gone", "", Delivery::Refused, std::nullopt},
      {"408 Request Timeout", "", Delivery::Later, std::nullopt},
      {"429 Too Many Requests", "Retry-After: 30\r\n", Delivery::Later, 30s},
      {"429 Too Many Requests", "Retry-After: 99999999\r\n", Delivery::Later, 24h},
      {"429 Too Many Requests", "Retry-After: soon\r\n", Delivery::Later, std::nullopt},
      {"500 Internal Server Error", "", Delivery::Later, std::nullopt},
      {"503 Service Unavailable", "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT\r\n", Delivery::Later, 24h},
  };
  for (auto const& row : kRows) {
    Server const server(answer(row.status, row.headers));
    auto const posted = post({.url = server.url(), .body = "{}", .allowed = loopback()});
    ASSERT_TRUE(posted.ok()) << row.status << posted.error().to_text();
    EXPECT_EQ(posted->status, parse_int(row.status.substr(0, 3)));
    EXPECT_EQ(posted->delivery, row.delivery) << row.status;
    EXPECT_EQ(posted->retry_after, row.retry_after) << row.status << " " << row.headers;
  }
}

// However this machine is spelled, nothing connects.
TEST(HttpPost, OneselfIsRefused) {
  Server const server(answer("200 OK"));
  for (auto const* host : {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST",
                           "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "0", "[::]", "%31%32%37.0.0.1",
                           "user:password@127.0.0.1", "127.0.0.1#@example.com"}) {
    auto url = server.url(host);
    if (auto const fragment = url.find('#'); fragment != std::string::npos)
      url = fmt::format("http://127.0.0.1:{}/#@example.com:443/", server.port());
    auto const posted = post({.url = url, .body = "{}", .allowed = {.plain_http = true}});
    ASSERT_FALSE(posted.ok()) << url;
    EXPECT_EQ(posted.error().kind(), ErrorKind::Refused) << url << ": " << posted.error().to_text();
    EXPECT_EQ(posted.error().state(), "nothing was sent");
    EXPECT_EQ(posted.error().to_text().find("canary"), std::string::npos);
    EXPECT_EQ(posted.error().to_text().find("password"), std::string::npos);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpPost, NetworksOfOnesOwnAreRefused) {
  std::pair<char const*, char const*> const kRows[] = {
      {"10.1.2.3", "will not post to https://10.1.2.3: 10.1.2.3 is a private address"},
      {"169.254.169.254", "will not post to https://169.254.169.254: 169.254.169.254 is a link-local address"},
      {"100.64.0.1",
       "will not post to https://100.64.0.1: 100.64.0.1 is an address between a provider and its customers"},
      {"[fd00:ec2::254]", "will not post to https://[fd00:ec2::254]: fd00:ec2::254 is a private address"},
      {"[64:ff9b::a00:1]", "will not post to https://[64:ff9b::a00:1]: 64:ff9b::a00:1 is a private address"},
      {"[2002:7f00:1::]", "will not post to https://[2002:7f00:1::]: 2002:7f00:1:: is a loopback address"},
      {"224.0.0.1", "will not post to https://224.0.0.1: 224.0.0.1 is a multicast address"},
  };
  for (auto const& [host, message] : kRows) {
    auto const posted = post({.url = fmt::format("https://{}/canary", host), .body = "{}"});
    ASSERT_FALSE(posted.ok()) << host;
    EXPECT_EQ(posted.error().message(), message);
    EXPECT_EQ(posted.error().next(), "allow this host or its network, if it is a server of your own");
  }
}

TEST(HttpPost, WhatIsAllowedIsReached) {
  Server const server(answer("200 OK"));
  EXPECT_TRUE(post({.url = server.url("localhost"), .body = "{}", .allowed = loopback()}).ok());
  EXPECT_TRUE(post({.url = server.url("LocalHost"),
                    .body = "{}",
                    .allowed = {.hosts = {"chat.corp", "localhost"}, .networks = {}, .plain_http = true}})
                  .ok());
  EXPECT_EQ(server.connections(), 2);
  // Another host is allowed, or another network; or the name stands in another part of the URL.
  EXPECT_FALSE(
      post({.url = server.url("127.0.0.1"), .body = "{}", .allowed = {.hosts = {"localhost"}, .plain_http = true}})
          .ok());
  EXPECT_FALSE(post({.url = server.url("localhost@127.0.0.1"),
                     .body = "{}",
                     .allowed = {.hosts = {"localhost"}, .plain_http = true}})
                   .ok());
  EXPECT_FALSE(post({.url = server.url(),
                     .body = "{}",
                     .allowed = {.networks = {Network::parse("127.0.0.2").value()}, .plain_http = true}})
                   .ok());
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpPost, RedirectsAreNotFollowed) {
  Server const inner(answer("200 OK"));
  for (auto const* status : {"301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"}) {
    Server const outer(answer(status, fmt::format("Location: {}\r\n", inner.url())));
    auto const posted = post({.url = outer.url(), .body = "{}", .allowed = loopback()});
    ASSERT_TRUE(posted.ok());
    EXPECT_EQ(posted->delivery, Delivery::Refused) << status;
  }
  EXPECT_EQ(inner.connections(), 0);
}

// A proxy would connect to whatever it is told to.
TEST(HttpPost, ProxiesOfTheEnvironmentAreNotUsed) {
  Server const proxy(answer("200 OK")), server(answer("202 Accepted"));
  for (auto const* name : {"no_proxy", "NO_PROXY"}) ::unsetenv(name);  // this machine's may name loopback
  for (auto const* name : {"http_proxy", "all_proxy", "ALL_PROXY"})
    ::setenv(name, proxy.url("127.0.0.1", "").c_str(), 1);
  auto const posted = post({.url = server.url(), .body = "{}", .allowed = loopback()});
  for (auto const* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  ASSERT_TRUE(posted.ok());
  EXPECT_EQ(posted->status, 202);
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(HttpPost, PlainHttpAndWhatIsNoAddress) {
  Server const server(answer("200 OK"));
  auto allowed = loopback();
  allowed.plain_http = false;
  auto const plain = post({.url = server.url(), .body = "{}", .allowed = allowed});
  ASSERT_FALSE(plain.ok());
  EXPECT_EQ(plain.error().kind(), ErrorKind::Config);
  EXPECT_EQ(plain.error().message(),
            fmt::format("cannot post to http://127.0.0.1:{}: it is not encrypted", server.port()));
  for (auto const* url :
       {"", "hooks.slack.com/services/canary", "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/",
        "https://", "https:// example.com/", "https://exa mple.com/", "https://127.0.0.1:99999/"}) {
    auto const posted = post({.url = url, .body = "{}", .allowed = loopback()});
    ASSERT_FALSE(posted.ok()) << url;
    EXPECT_EQ(posted.error().message(), "cannot post to what is no http or https address") << url;
  }
  auto const split =
      post({.url = server.url(), .body = "{}", .headers = {{"X-A", "1\r\nX-B: 2"}}, .allowed = loopback()});
  ASSERT_FALSE(split.ok());
  EXPECT_EQ(split.error().kind(), ErrorKind::Config);
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpPost, CertificatesAreVerified) {
  Server server("", Server::Manner::Untrusted);
  auto const posted =
      post({.url = fmt::format("https://127.0.0.1:{}/canary", server.port()), .body = "{}", .allowed = loopback()});
  server.end();
  ASSERT_FALSE(posted.ok());
  EXPECT_EQ(posted.error().kind(), ErrorKind::Denied) << posted.error().to_text();
  EXPECT_EQ(posted.error().message(),
            fmt::format("could not post to https://127.0.0.1:{}: the certificate of \"127.0.0.1\" cannot be trusted",
                        server.port()));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.trusted(), 0);
}

TEST(HttpPost, AnswersThatDoNotEnd) {
  Server const endless("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n", Server::Manner::Endless);
  auto const posted = post({.url = endless.url(), .body = "{}", .allowed = loopback(), .time = 60s});
  ASSERT_TRUE(posted.ok()) << posted.error().to_text();
  EXPECT_EQ(posted->delivery, Delivery::Done);

  Server const silent("", Server::Manner::Silent);
  auto const late = post({.url = silent.url(), .body = "{}", .allowed = loopback(), .time = 100ms});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind(), ErrorKind::Unavailable);
  EXPECT_EQ(late.error().message(),
            fmt::format("could not post to http://127.0.0.1:{}: \"127.0.0.1\" did not answer in time", silent.port()));

  std::stop_source stop;
  stop.request_stop();
  auto const stopped = post({.url = silent.url(), .body = "{}", .allowed = loopback(), .stop = stop.get_token()});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind(), ErrorKind::Cancelled);
}

TEST(HttpPost, NobodyListens) {
  int port = 0;
  { port = Server(answer("200 OK")).port(); }
  auto const posted =
      post({.url = fmt::format("http://127.0.0.1:{}/canary", port), .body = "{}", .allowed = loopback()});
  ASSERT_FALSE(posted.ok());
  EXPECT_EQ(posted.error().kind(), ErrorKind::Unavailable);
  EXPECT_EQ(posted.error().message(),
            fmt::format("could not post to http://127.0.0.1:{}: \"127.0.0.1\" does not accept connections", port));
  EXPECT_EQ(posted.error().to_text().find("canary"), std::string::npos);
}

}  // namespace
}  // namespace weir::http
