#include "app/demo_chat.h"

#include <future>

#include <fmt/format.h>

#include "http/server.h"

namespace weir::app {

Result<DemoChat> DemoChat::start(std::function<void(std::string_view body)> posted) {
  auto begun = std::make_shared<std::promise<Result<int>>>();
  auto ready = begun->get_future();
  std::jthread server([begun, posted = std::move(posted)](std::stop_token stop) {
    bool is_ready = false;
    auto const ended = http::serve_calls(
        {},
        [&](http::Call const& call) {
          posted(call.body);
          return http::Answer{200, "ok", "text/plain"};
        },
        stop,
        [&](int port) {
          is_ready = true;
          begun->set_value(port);
        });
    if (!ended.ok() && !is_ready) begun->set_value(ended.error().clone());
  });
  WEIR_TRY(int const port, ready.get());
  return DemoChat(port, std::move(server));
}

std::string DemoChat::url() const {
  return fmt::format("http://127.0.0.1:{}/services/demo", port_);
}

}  // namespace weir::app
