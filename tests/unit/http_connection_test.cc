// What a connection may take of a server: time, however slowly somebody sends, and a place, however many come. Sizes
// are in tests/cases/jobs/api_login.case.
#include "http/connection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <latch>
#include <string_view>
#include <thread>

namespace weir::http {
namespace {

using namespace std::chrono_literals;

class HttpConnection : public testing::Test {
 protected:
  void serve(Limits limits) {
    server_ = std::make_unique<LimitedServer>(limits);
    server_->Get("/", [this](httplib::Request const&, httplib::Response& response) {
      if (entered_ != nullptr) entered_->count_down();
      if (leave_ != nullptr) leave_->wait();
      response.set_content("here", "text/plain");
    });
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_->listen_after_bind(); });
  }
  void TearDown() override {
    while (!server_->is_running()) std::this_thread::yield();
    server_->stop();
  }

  int connect() const {
    int const line = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    EXPECT_EQ(::connect(line, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return line;
  }
  static bool say(int line, std::string_view text) {
    return ::send(line, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // All that comes until the other side ends.
  static std::string heard(int line) {
    std::string all;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(line, part, sizeof part, 0)) > 0;)
      all.append(part, static_cast<std::size_t>(got));
    ::close(line);
    return all;
  }

  std::latch* entered_ = nullptr;
  std::latch* leave_ = nullptr;
  std::unique_ptr<LimitedServer> server_;
  int port_ = 0;
  std::jthread thread_;
};

constexpr char kRequest[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST_F(HttpConnection, AHeadThatComesByteByByteEndsWithItsTime) {
  Limits limits;
  limits.head_bytes = 1U << 30U;
  limits.head_time = 1s;
  serve(limits);
  int const line = connect();
  ASSERT_TRUE(say(line, "GET / HTTP/1.1\r\nX: "));
  // No pause is longer than what a single read may take.
  pollfd answer{.fd = line, .events = POLLIN, .revents = 0};
  while (poll(&answer, 1, 5) == 0 && say(line, "x")) {
  }
  EXPECT_TRUE(heard(line).starts_with("HTTP/1.1 400 "));
  int const next = connect();
  ASSERT_TRUE(say(next, kRequest));
  EXPECT_TRUE(heard(next).ends_with("here"));
}

TEST_F(HttpConnection, WhoComesWhereTooManyWaitIsSentAway) {
  std::latch entered(1), leave(1);
  entered_ = &entered;
  leave_ = &leave;
  Limits limits;
  limits.threads = 1;
  limits.most_waiting = 1;
  serve(limits);
  int const first = connect();
  ASSERT_TRUE(say(first, kRequest));
  entered.wait();
  entered_ = nullptr;
  int const second = connect(), third = connect();
  say(second, kRequest);
  EXPECT_EQ(heard(third), "");
  leave.count_down();
  EXPECT_TRUE(heard(first).ends_with("here"));
  EXPECT_TRUE(heard(second).ends_with("here"));
}

}  // namespace
}  // namespace weir::http
