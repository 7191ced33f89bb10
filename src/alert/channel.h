#pragma once
// A channel of endpoints.yml with its references resolved. Private to alert.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "config/config.h"
#include "http/mail.h"
#include "http/post.h"

namespace weir::alert {

struct Channel {
  config::ChannelKind kind = config::ChannelKind::Slack;
  Secret url;        // slack, webhook; pagerduty: where events go
  Secret key;        // webhook: what signs, or ""; pagerduty: routing key
  std::string chat;  // slack: "" or the channel in it
  std::string host;  // email, from here on
  int port = 0;
  http::MailTls tls = http::MailTls::StartTls;
  std::string user;
  Secret password;
  std::string from;
  std::vector<std::string> to;
  http::Allowed allowed;  // all kinds, from here on
  std::string ca_file;
  std::chrono::milliseconds time = std::chrono::seconds(30);
};

// Errors: Config, with the place of the setting that is wrong.
Result<Channel> resolved(config::Config const& config, config::Channel const& channel);

}  // namespace weir::alert
