#include "http/server.h"

#include <sys/socket.h>

#include <atomic>
#include <future>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>

#include "base/text.h"
#include "http/address.h"
#include "http/connection.h"

namespace weir::http {
namespace {

// "localhost" of "localhost:8080", "::1" of "[::1]:8080".
std::string_view name_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

// Names another host than the loopback address that it came to.
bool is_foreign(std::string const& host, httplib::Request const& request) {
  return is_loopback(host) && !is_loopback(name_of(std::string(request.get_header_value("Host"))));
}

Status serve(httplib::Server& server, std::string const& host, int wanted_port, Headers const& headers,
             std::stop_token const& stop, std::function<void(int port)> const& ready) {
  if (wanted_port < 0 || wanted_port > 65535)
    return Error(ErrorKind::Usage, fmt::format("{} is no port", wanted_port)).next("name one from 1 to 65535");
  // Without httplib's SO_REUSEPORT: a second server on the same port must be told so.
  server.set_socket_options([](socket_t socket) {
    int const yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_default_headers({headers.begin(), headers.end()});
  int const port = wanted_port == 0                         ? server.bind_to_any_port(host)
                   : server.bind_to_port(host, wanted_port) ? wanted_port
                                                            : -1;
  if (port < 0)
    return Error(ErrorKind::Unavailable, fmt::format("cannot listen on {}:{}", host, wanted_port))
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

Call call_of(httplib::Request const& request) {
  Call call{request.method, request.path, {}, {}, request.body, request.remote_addr};
  for (auto const& [name, value] : request.params) call.query.emplace(name, value);
  for (auto const& [name, value] : request.headers) call.headers.emplace(to_lower(name), value);
  return call;
}

}  // namespace

Status serve_folder(FolderServing const& serving, std::stop_token stop, std::function<void(int port)> const& ready) {
  LimitedServer server{Limits{}};
  server.set_mount_point("/", serving.folder.string());
  server.set_pre_routing_handler([&](httplib::Request const& request, httplib::Response& response) {
    bool const foreign = is_foreign(serving.host, request);
    if (!foreign && (request.method == "GET" || request.method == "HEAD"))
      return httplib::Server::HandlerResponse::Unhandled;
    response.status = foreign ? 403 : 405;
    return httplib::Server::HandlerResponse::Handled;
  });
  return serve(server, serving.host, serving.port, CallServing().headers, stop, ready);
}

bool is_loopback(std::string_view name) {
  auto const address = Address::parse(name);
  return name == "localhost" || (address && kind_of(*address) == AddressKind::Loopback);
}

Status serve_calls(CallServing const& serving, std::function<Answer(Call const&)> const& answer, std::stop_token stop,
                   std::function<void(int port)> const& ready) {
  Limits limits;
  limits.threads = serving.threads;
  limits.body_bytes = serving.most_body_bytes;
  LimitedServer server(limits);
  auto const handler = [&](httplib::Request const& request, httplib::Response& response) {
    // In pieces it may have come to more than is said to be taken.
    bool const is_long = request.body.size() > limits.body_bytes;
    auto const made = is_long                                                  ? Answer{413, "{}"}
                      : !serving.any_host && is_foreign(serving.host, request) ? Answer{403, "{}"}
                                                                               : answer(call_of(request));
    response.status = made.status;
    for (auto const& [name, value] : made.headers) response.set_header(name, value);
    response.set_content(made.body, made.type);
  };
  server.Get(".*", handler);
  server.Post(".*", handler);
  server.Put(".*", handler);
  server.Patch(".*", handler);
  server.Delete(".*", handler);
  server.Options(".*", handler);
  server.set_error_handler([](httplib::Request const&, httplib::Response& response) {
    if (response.body.empty()) response.set_content("{}", "application/json");
  });
  return serve(server, serving.host, serving.port, serving.headers, stop, ready);
}

Result<std::unique_ptr<Listening>> listen(CallServing serving, std::function<Answer(Call const&)> answer) {
  auto begun = std::make_shared<std::promise<Result<int>>>();
  auto future = begun->get_future();
  auto listening = std::make_unique<Listening>();
  listening->thread_ =
      std::jthread([begun, serving = std::move(serving), answer = std::move(answer)](std::stop_token stop) {
        bool is_ready = false;
        auto const ended = serve_calls(serving, answer, stop, [&](int port) {
          is_ready = true;
          begun->set_value(port);
        });
        if (!ended.ok() && !is_ready) begun->set_value(ended.error().clone());
      });
  WEIR_TRY(listening->port_, future.get());
  return listening;
}

Result<Answer> call_local(int port, Call const& call, std::chrono::milliseconds time) {
  httplib::Client client("127.0.0.1", port);
  client.set_connection_timeout(std::chrono::seconds(5));
  client.set_read_timeout(time);
  client.set_write_timeout(time);
  httplib::Headers const headers(call.headers.begin(), call.headers.end());
  auto const answer = call.method == "GET"
                          ? client.Get(call.path, httplib::Params(call.query.begin(), call.query.end()), headers)
                          : client.Post(call.path, headers, call.body, "application/json");
  if (!answer)
    return Error(ErrorKind::Unavailable,
                 fmt::format("127.0.0.1:{} does not answer: {}", port, httplib::to_string(answer.error())));
  return Answer{answer->status, answer->body, std::string(answer->get_header_value("Content-Type")), {}};
}

}  // namespace weir::http
