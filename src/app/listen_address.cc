#include "app/listen_address.h"

#include <fmt/format.h>

#include "base/text.h"

namespace weir::app {

Result<ListenAddress> parse_listen_address(std::string_view option, std::string const& text, std::string_view example) {
  ListenAddress address;
  auto const colon = text.rfind(':');
  address.shown = colon == std::string::npos ? "" : text.substr(0, colon);
  address.host = address.shown;
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  auto const port = colon == std::string::npos ? std::nullopt : parse_int(text.substr(colon + 1));
  if (address.host.empty() || !port || *port < 0 || *port > 65535)
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is an address and a port, not \"{}\"", option, text))
        .state("nothing was started")
        .next(fmt::format("name one, like {}", example));
  address.port = static_cast<int>(*port);
  return address;
}

}  // namespace weir::app
