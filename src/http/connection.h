#pragma once
// Private to http/: what comes in on one connection, handed to cpp-httplib within limits that it does not keep by
// itself: the size of a request's head and of all of it, and the time that each may take as a whole, however slowly it
// is sent. A connection belongs to one thread.

#include <chrono>
#include <memory>
#include <string>

#include <httplib.h>

namespace weir::http {

struct Limits {
  std::size_t head_bytes = 16U << 10U;
  std::size_t body_bytes = 1U << 20U;
  std::chrono::seconds head_time{30}, time{60};  // of the head, of the whole request; an answer has `time` anew
  std::size_t threads = 8;                       // requests at once
  std::size_t most_waiting = 200;                // connections that wait for a thread; more are closed
};

class Connection final : public httplib::Stream {
 public:
  // Closes the socket at its end.
  Connection(socket_t socket, Limits const& limits) : socket_(socket), limits_(limits) {}
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  ~Connection() override;

  // Whether another request begins within `time`. Its limits count from there.
  bool begins(std::chrono::milliseconds time);
  // A limit was met, or nobody sends any more: nothing is read any more.
  bool is_cut() const { return is_cut_; }

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(char const* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  bool fill();
  bool waits_for(short events, Time until) const;

  socket_t const socket_;
  Limits const& limits_;
  std::string buffer_;
  std::size_t at_ = 0;     // in the buffer
  std::size_t taken_ = 0;  // bytes of this request
  std::size_t line_ = 0;   // bytes of the head's line that is being read
  bool is_head_ = true, is_after_return_ = false;
  bool is_cut_ = false;
  Time begun_{};
};

// httplib's server over such connections. A request that may have sent more than was read is the last one of its
// connection: what is left must not be taken for the next request, which behind a proxy is another person's.
class LimitedServer final : public httplib::Server {
 public:
  explicit LimitedServer(Limits limits);

 private:
  bool process_and_close_socket(socket_t socket) override;

  Limits const limits_;
};

}  // namespace weir::http
