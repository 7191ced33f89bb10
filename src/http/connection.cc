#include "http/connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>

#include "base/text.h"

namespace weir::http {
namespace {

using std::chrono::steady_clock;

// How long somebody who goes on sending behind a limit is listened to, so that he gets to read the answer.
constexpr std::chrono::seconds kLinger{1};
constexpr std::chrono::seconds kWaitForNext{1};
constexpr int kMostRequests = 1000;  // on one connection

// Set while a connection is taken only to be closed: httplib's queue cannot refuse one.
thread_local bool t_is_full = false;

class Queue final : public httplib::TaskQueue {
 public:
  explicit Queue(Limits const& limits) : most_waiting_(limits.most_waiting), pool_(limits.threads) {}
  void enqueue(std::function<void()> work) override {
    if (waiting_ >= most_waiting_) {
      t_is_full = true;
      work();
      t_is_full = false;
      return;
    }
    ++waiting_;
    pool_.enqueue([this, work = std::move(work)] {
      --waiting_;
      work();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::size_t const most_waiting_;
  std::atomic<std::size_t> waiting_ = 0;
  httplib::ThreadPool pool_;
};

void name_of(int (*ask)(int, sockaddr*, socklen_t*), socket_t socket, std::string& ip, int& port) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
  auto* const known = reinterpret_cast<sockaddr*>(&address);
  if (ask(socket, known, &size) != 0 ||
      getnameinfo(known, size, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return;
  ip = host;
  port = static_cast<int>(parse_int(service).value_or(0));
}

}  // namespace

Connection::~Connection() {
  ::shutdown(socket_, SHUT_WR);
  // Closed with something unread, the answer would be lost on the way.
  auto const end = steady_clock::now() + kLinger;
  char unread[4096];
  while (is_cut_ && waits_for(POLLIN, end) && recv(socket_, unread, sizeof unread, MSG_DONTWAIT) > 0) {
  }
  close(socket_);
}

bool Connection::begins(std::chrono::milliseconds time) {
  taken_ = line_ = 0;
  is_head_ = true;
  is_after_return_ = false;
  if (at_ == buffer_.size() && !waits_for(POLLIN, steady_clock::now() + time)) return false;
  begun_ = steady_clock::now();
  return true;
}

bool Connection::waits_for(short events, Time until) const {
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd wait{.fd = socket_, .events = events, .revents = 0};
    int const ready = poll(&wait, 1, static_cast<int>(std::min<decltype(left)>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool Connection::is_readable() const {
  return at_ < buffer_.size() || (!is_cut_ && waits_for(POLLIN, begun_ + limits_.time));
}

bool Connection::is_writable() const {
  return waits_for(POLLOUT, steady_clock::now() + limits_.time);
}

bool Connection::fill() {
  buffer_.resize(4096);
  at_ = 0;
  ssize_t got = -1;
  if (waits_for(POLLIN, begun_ + (is_head_ ? limits_.head_time : limits_.time))) {
    do got = recv(socket_, buffer_.data(), buffer_.size(), 0);
    while (got < 0 && errno == EINTR);
  }
  buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return got > 0;
}

ssize_t Connection::read(char* to, std::size_t size) {
  // A body in pieces takes more than its bytes; how long it is in the end is for whoever takes it.
  std::size_t const most = limits_.head_bytes + (is_head_ ? 0 : 2 * limits_.body_bytes);
  is_cut_ = is_cut_ || taken_ >= most || (at_ == buffer_.size() && !fill());
  if (is_cut_) return -1;
  std::size_t taken = 0;
  for (std::size_t const end = std::min({size, buffer_.size() - at_, most - taken_}); taken < end;) {
    char const byte = buffer_[at_++];
    to[taken++] = byte;
    if (!is_head_) continue;
    // The head ends with an empty line, as httplib knows one.
    if (byte == '\n' && line_ == 1 && is_after_return_) {
      is_head_ = false;
      break;
    }
    is_after_return_ = byte == '\r';
    line_ = byte == '\n' ? 0 : line_ + 1;
  }
  taken_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t Connection::write(char const* from, std::size_t size) {
  ssize_t put = -1;
  if (!is_writable()) return -1;
  do put = send(socket_, from, size, MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  return put;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  name_of(getpeername, socket_, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  name_of(getsockname, socket_, ip, port);
}

LimitedServer::LimitedServer(Limits limits) : limits_(limits) {
  new_task_queue = [this] { return new Queue(limits_); };
  set_payload_max_length(limits_.body_bytes);
  set_keep_alive_timeout(kWaitForNext.count());
  set_keep_alive_max_count(kMostRequests);
}

bool LimitedServer::process_and_close_socket(socket_t socket) {
  Connection connection(socket, limits_);
  if (t_is_full) return false;
  bool is_over = false;
  for (int n = 1; !is_over && n <= kMostRequests && svr_sock_ != INVALID_SOCKET; ++n) {
    if (!connection.begins(kWaitForNext)) break;
    bool is_last = n == kMostRequests, is_closed = false, is_request = false;
    bool const is_well = process_request(connection, is_last, is_closed, [&](httplib::Request& request) {
      is_request = true;
      bool const has_body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
      bool const is_ambiguous =
          request.get_header_value_count("Content-Length") + request.get_header_value_count("Transfer-Encoding") > 1;
      is_last = is_last || is_ambiguous || (has_body && request.method != "POST");
    });
    is_over = !is_well || !is_request || is_closed || is_last || connection.is_cut();
  }
  return !is_over;
}

}  // namespace weir::http
