#include "alert/channel.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::alert {
namespace {

constexpr std::string_view kPlainHttp = "http";

config::Place place_of(config::Channel const& channel, std::string const& key) {
  auto const found = channel.places.find(key);
  return found == channel.places.end() ? channel.place : found->second;
}

Error wrong(config::Channel const& channel, std::string const& key, std::string message) {
  return Error(ErrorKind::Config, std::move(message)).object(channel.name).where(place_of(channel, key).text());
}

// "http", "10.0.0.0/8", "10.1.2.3" or a host's name. An address is a network of one.
Result<http::Allowed> allowed(config::Config const& config, config::Channel const& channel) {
  http::Allowed allowed;
  WEIR_TRY(auto const items, config.list(channel, "allow"));
  for (auto const& item : items) {
    bool const is_address = item.find('/') != std::string::npos || item.find(':') != std::string::npos;
    if (item == kPlainHttp)
      allowed.plain_http = true;
    else if (auto const network = http::Network::parse(item); network)
      allowed.networks.push_back(*network);
    else if (is_address || item.empty())
      return wrong(channel, "allow", fmt::format("\"{}\" is neither a host nor a network", item))
          .next("write a host's name, an address, a network such as 10.0.0.0/8, or http");
    else
      allowed.hosts.push_back(item);
  }
  return allowed;
}

Status read_mail_server(config::Config const& config, config::Channel const& channel, Channel& to) {
  WEIR_TRY(to.host, config.setting(channel, "host"));
  WEIR_TRY(auto const port, config.setting(channel, "port"));
  WEIR_TRY(auto const tls, config.setting(channel, "tls"));
  WEIR_TRY(to.user, config.setting(channel, "user"));
  WEIR_TRY(auto const password, config.setting(channel, "password"));
  WEIR_TRY(to.from, config.setting(channel, "from"));
  WEIR_TRY(to.to, config.list(channel, "to"));
  auto const number = parse_int(port);
  if (!port.empty() && (!number || *number < 1 || *number > 65'535))
    return wrong(channel, "port", fmt::format("\"port\" is a number from 1 to 65535, not \"{}\"", port));
  to.port = static_cast<int>(number.value_or(0));
  to.password = Secret(password);
  if (tls == "off") to.tls = http::MailTls::Off;
  if (tls == "implicit") to.tls = http::MailTls::Implicit;
  if (!tls.empty() && tls != "off" && tls != "implicit" && tls != "starttls")
    return wrong(channel, "tls", fmt::format("\"tls\" is off, starttls or implicit, not \"{}\"", tls));
  if (!config::is_mail_address(to.from))
    return wrong(channel, "from", fmt::format("\"{}\" is no mail address", to.from)).next("write it as name@host");
  for (auto const& one : to.to)
    if (!config::is_mail_address(one))
      return wrong(channel, "to", fmt::format("\"{}\" is no mail address", one)).next("write it as name@host");
  return {};
}

}  // namespace

Result<Channel> resolved(config::Config const& config, config::Channel const& channel) {
  Channel to;
  to.kind = channel.kind;
  WEIR_TRY(auto const time, config.setting(channel, "timeout"));
  WEIR_TRY(to.ca_file, config.setting(channel, "ca_file"));
  WEIR_TRY(to.allowed, allowed(config, channel));
  if (auto const parsed = parse_duration(time))
    to.time = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
  if (!to.ca_file.empty() && std::filesystem::path(to.ca_file).is_relative())
    to.ca_file = (config.root / to.ca_file).string();
  if (std::error_code ignored; !to.ca_file.empty() && !std::filesystem::exists(to.ca_file, ignored))
    return wrong(channel, "ca_file", fmt::format("\"{}\" does not exist", to.ca_file))
        .next("a relative path starts at the project");
  if (channel.kind == config::ChannelKind::Email) {
    WEIR_DO(read_mail_server(config, channel, to));
    return to;
  }
  bool const is_pager = channel.kind == config::ChannelKind::PagerDuty;
  WEIR_TRY(auto url, config.setting(channel, is_pager ? "events_url" : "url"));
  if (is_pager && url.empty()) url = "https://events.pagerduty.com/v2/enqueue";
  WEIR_TRY(auto key, config.setting(channel, is_pager ? "routing_key" : "secret"));
  WEIR_TRY(to.chat, config.setting(channel, "channel"));
  to.url = Secret(std::move(url));
  to.key = Secret(std::move(key));
  return to;
}

}  // namespace weir::alert
