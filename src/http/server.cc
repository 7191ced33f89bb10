#include "http/server.h"

#include <sys/socket.h>

#include <atomic>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>

namespace weir::http {
namespace {

// "localhost" of "localhost:8080", "::1" of "[::1]:8080".
std::string_view name_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_loopback(std::string_view name) {
  return name == "localhost" || name == "::1" || name.starts_with("127.");
}

}  // namespace

Status serve_folder(FolderServing const& serving, std::stop_token stop, std::function<void(int port)> const& ready) {
  if (serving.port < 0 || serving.port > 65535)
    return Error(ErrorKind::Usage, fmt::format("{} is no port", serving.port)).next("name one from 1 to 65535");
  httplib::Server server;
  server.set_mount_point("/", serving.folder.string());
  // Without httplib's SO_REUSEPORT: a second server on the same port must be told so.
  server.set_socket_options([](socket_t socket) {
    int const yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_pre_routing_handler([&](httplib::Request const& request, httplib::Response& response) {
    bool const foreign =
        is_loopback(serving.host) && !is_loopback(name_of(std::string(request.get_header_value("Host"))));
    if (!foreign && (request.method == "GET" || request.method == "HEAD"))
      return httplib::Server::HandlerResponse::Unhandled;
    response.status = foreign ? 403 : 405;
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_default_headers({{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-cache"}});
  int const port = serving.port == 0                                 ? server.bind_to_any_port(serving.host)
                   : server.bind_to_port(serving.host, serving.port) ? serving.port
                                                                     : -1;
  if (port < 0)
    return Error(ErrorKind::Unavailable, fmt::format("cannot listen on {}:{}", serving.host, serving.port))
        .cause("another program listens there, or the address is not this machine's")
        .state("nothing is served")
        .next("name another port with --port, 0 for a free one");
  std::atomic<bool> over = false;
  std::jthread listener([&] {
    server.listen_after_bind();
    over = true;
  });
  ready(port);
  // stop() before the listener is at work would be forgotten.
  std::stop_callback const ending(stop, [&] {
    while (!over && !server.is_running()) std::this_thread::yield();
    server.stop();
  });
  listener.join();
  return {};
}

}  // namespace weir::http
