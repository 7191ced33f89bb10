#include "config/alerts.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/keys.h"
#include "config/reader.h"
#include "config/references.h"

namespace weir::config {
namespace {

using yaml::Kind;
using yaml::Node;

constexpr std::string_view kNoAlert = "none", kDefaultAlert = "default";

void check_addresses(Node const* value, Checker& checker) {
  if (value == nullptr) return;
  for (auto const& item : value->items) check_addresses(item.get(), checker);
  if (value->is_scalar() && value->kind != Kind::Null && !has_reference(value->text) && !is_mail_address(value->text))
    checker.add(value->mark, fmt::format("\"{}\" is no mail address", value->text), "write it as name@host");
}

Channel read_channel(std::string name, Node const& node) {
  Reader const from{node};
  Channel to;
  to.name = std::move(name);
  to.place = place_of(node.mark);
  choice(from, "kind",
         {{"slack", ChannelKind::Slack},
          {"webhook", ChannelKind::Webhook},
          {"email", ChannelKind::Email},
          {"pagerduty", ChannelKind::PagerDuty},
          {"heartbeat", ChannelKind::Heartbeat}},
         to.kind);
  for (auto const& entry : node.entries) {
    Key const* key = find_channel_key(entry.key->text);
    if (key == nullptr || key->name == "kind") continue;
    std::string const known(key->name);
    to.places[known] = place_of(entry.value->mark);
    if (key->type == Type::Names)
      from.names(known, to.lists[known]);
    else
      from.text(known, to.settings[known]);
  }
  return to;
}

void check_channel(Node const& node, Channel const& made, Checker& checker) {
  if (made.kind != ChannelKind::Email) return;
  check_addresses(node.find("from"), checker);
  check_addresses(node.find("to"), checker);
  Node const* user = node.find("user");
  Node const* password = node.find("password");
  Node const* tls = node.find("tls");
  if ((user == nullptr) != (password == nullptr))
    checker.add((user == nullptr ? password : user)->mark, "\"user\" and \"password\" belong together",
                "give both, or neither");
  if (tls != nullptr && tls->text == "off" && password != nullptr)
    checker.add(tls->mark, "a password would go over the network in the clear",
                "tls: starttls or tls: implicit; a server without encryption takes mail without a login");
}

Alert read_alert(std::string name, Node const& node) {
  Reader const from{node};
  Alert to;
  to.name = std::move(name);
  to.place = place_of(node.mark);
  from.names("to", to.to);
  std::vector<std::string> on;
  from.names("on", on);
  for (auto const occasion : {Occasion::Failed, Occasion::Held, Occasion::Late, Occasion::Missed, Occasion::Recovered})
    if (from.at("on") == nullptr || std::find(on.begin(), on.end(), occasion_name(occasion)) != on.end())
      to.on.push_back(occasion);
  return to;
}

void check_alert(Node const& node, Node const& name, Config const& config, Checker& checker) {
  std::vector<std::string> channels;
  for (auto const& [known, channel] : config.channels) channels.push_back(known);
  auto const check_one = [&](Node const& value) {
    if (!value.is_scalar() || value.kind == Kind::Null) return;
    auto const found = config.channels.find(value.text);
    if (found == config.channels.end())
      checker.add_missing(value.mark, "channel", value.text, channels, "add it under channels: in endpoints.yml");
    else if (found->second.kind == ChannelKind::Heartbeat)
      checker.add(value.mark, fmt::format("channel \"{}\" takes signs of life, and no alerts", value.text),
                  "name it in heartbeat:, and another channel here");
  };
  if (Node const* to = node.find("to"); to != nullptr) {
    check_one(*to);
    for (auto const& item : to->items) check_one(*item);
    if (to->kind == Kind::Sequence && to->items.empty())
      checker.add(to->mark, fmt::format("alert \"{}\" has no channel", name.text));
  }
  if (name.text == kNoAlert)
    checker.add(name.mark, "\"none\" cannot be the name of an alert: alert: none means that nobody is told",
                "give it another name");
}

}  // namespace

bool is_mail_address(std::string_view text) {
  auto const at = text.find('@');
  bool const plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("()<>[]:;,\\\"").find(c) == std::string_view::npos;
  });
  return plain && at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
         text.find('@', at + 1) == std::string_view::npos;
}

std::string_view channel_kind_name(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::Slack:
      return "slack";
    case ChannelKind::Webhook:
      return "webhook";
    case ChannelKind::Email:
      return "email";
    case ChannelKind::PagerDuty:
      return "pagerduty";
    case ChannelKind::Heartbeat:
      return "heartbeat";
  }
  return "";
}

std::string_view occasion_name(Occasion occasion) {
  switch (occasion) {
    case Occasion::Failed:
      return "failed";
    case Occasion::Held:
      return "held";
    case Occasion::Late:
      return "late";
    case Occasion::Missed:
      return "missed";
    case Occasion::Recovered:
      return "recovered";
  }
  return "";
}

bool Alert::tells(Occasion occasion) const {
  return std::find(on.begin(), on.end(), occasion) != on.end();
}

void read_channels(Node const& endpoints_file, Config& config, Checker& checker) {
  Node const* list = endpoints_file.find("channels");
  if (list == nullptr) return;
  for (auto const& entry : list->entries) {
    if (entry.value->kind != Kind::Mapping) continue;
    auto made = read_channel(entry.key->text, *entry.value);
    check_channel(*entry.value, made, checker);
    config.channels.emplace(entry.key->text, std::move(made));
  }
}

void read_alerts(Node const& weir_file, Config& config, Checker& checker) {
  Node const* list = weir_file.find("alerts");
  if (list == nullptr) return;
  for (auto const& entry : list->entries) {
    if (entry.value->kind != Kind::Mapping) continue;
    check_alert(*entry.value, *entry.key, config, checker);
    config.alerts.emplace(entry.key->text, read_alert(entry.key->text, *entry.value));
  }
}

void read_heartbeat(Node const& weir_file, Config& config, Checker& checker) {
  Node const* node = weir_file.find("heartbeat");
  if (node == nullptr || node->kind != Kind::Mapping) return;
  Reader const from{*node};
  from.text("to", config.heartbeat.to);
  from.duration("every", config.heartbeat.every);
  Node const* to = node->find("to");
  if (to == nullptr) return;
  std::vector<std::string> channels;
  for (auto const& [name, channel] : config.channels)
    if (channel.kind == ChannelKind::Heartbeat) channels.push_back(name);
  auto const found = config.channels.find(config.heartbeat.to);
  if (found == config.channels.end())
    checker.add_missing(to->mark, "channel", config.heartbeat.to, channels,
                        "add it under channels: in endpoints.yml, with kind: heartbeat");
  else if (found->second.kind != ChannelKind::Heartbeat)
    checker.add(to->mark,
                fmt::format("channel \"{}\" is of kind {}, and does not wait for signs of life", config.heartbeat.to,
                            channel_kind_name(found->second.kind)),
                "a channel of kind heartbeat does");
}

std::string alert_of_job(Node const& job, Config const& config, Checker& checker) {
  Node const* named = job.find("alert");
  if (named == nullptr) return config.alerts.contains(std::string(kDefaultAlert)) ? std::string(kDefaultAlert) : "";
  if (!named->is_scalar() || named->kind == Kind::Null || named->text == kNoAlert) return "";
  if (config.alerts.contains(named->text)) return named->text;
  std::vector<std::string> known;
  for (auto const& [name, alert] : config.alerts) known.push_back(name);
  checker.add_missing(named->mark, "alert", named->text, known, "add it under alerts:");
  return "";
}

}  // namespace weir::config
