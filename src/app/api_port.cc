#include "app/api_port.h"

#include <fmt/format.h>

#include "base/log.h"
#include "server/entrance.h"

namespace weir::app {

Result<ListenAddress> parse_api_address(std::string const& text, bool behind_proxy) {
  WEIR_TRY(auto address, parse_listen_address("--api", text, "127.0.0.1:7378"));
  if (behind_proxy || http::is_loopback(address.host)) return address;
  return Error(ErrorKind::Usage, fmt::format("\"{}\" is not an address of this machine alone", text))
      .object(text)
      .cause("passwords and tokens would cross the network in the clear: weir itself speaks no TLS")
      .state("nothing was started")
      .next(
          "--api 127.0.0.1:7378, with a proxy before it that does TLS; --behind-proxy where that is on another "
          "machine (docs/api.md)");
}

Result<std::unique_ptr<http::Listening>> listen_for_api(ListenAddress const& address, bool behind_proxy,
                                                        server::Api& api) {
  http::CallServing serving;
  serving.host = address.host;
  serving.port = address.port;
  serving.threads = 16;
  serving.any_host = behind_proxy;
  serving.headers = server::Entrance::headers_of_all();
  auto const entrance = std::make_shared<server::Entrance>(api, behind_proxy);
  auto listening = http::listen(serving, [entrance](http::Call const& call) {
    auto reply = entrance->answer({call.method, call.path, call.query, call.headers, call.body, call.from});
    return http::Answer{reply.status, std::move(reply.body), "application/json", std::move(reply.headers)};
  });
  if (!listening.ok()) return std::move(listening).error().next("name another address with --api");
  log_info("API at http://{}:{}/api/v1{}", address.shown, (*listening)->port(), behind_proxy ? ", behind a proxy" : "");
  WEIR_TRY(bool const knows_anybody, api.access().knows_anybody());
  if (!knows_anybody) log_info("nobody can log in yet: weir user add NAME");
  return std::move(*listening);
}

}  // namespace weir::app
