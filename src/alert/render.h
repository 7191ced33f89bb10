#pragma once
// A notice in the language of each kind of channel. Each takes it through presentable() (text.h) first, so that any
// text may stand in it. Private to alert. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alert/notice.h"

namespace weir::alert {

// JSON for an incoming webhook of Slack, Mattermost or Rocket.Chat: `text` for notifications and servers that know no
// blocks, `blocks` (docs.slack.dev: at most 50, a section's text 3,000 characters, & < > escaped), and the notice's
// object as `data` beside them, where Airbyte's webhooks have theirs. `chat`: "" or the channel in it.
std::string slack_message(Notice const& notice, std::string_view chat);

// A CloudEvent (version 1.0, structured JSON: application/cloudevents+json).
std::string cloud_event(Notice const& notice);
// webhook-id, webhook-timestamp and, with a key, webhook-signature: "v1," and the base64 of the HMAC-SHA256 of
// id.timestamp.body, as Standard Webhooks have it. Keys that begin with whsec_ are base64 behind it. Nothing if such a
// key is none.
using Headers = std::vector<std::pair<std::string, std::string>>;
std::optional<Headers> signed_headers(Notice const& notice, std::string_view body, std::string_view key, Instant now);

// An event of PagerDuty's Events API v2: opened and changed trigger, acknowledged acknowledges, recovered resolves, a
// test triggers. Summary 1,024 characters, dedup_key 255.
std::string pagerduty_event(Notice const& notice, std::string_view routing_key);
// What ends a test, so that it leaves nothing open.
std::string pagerduty_end(Notice const& notice, std::string_view routing_key);

// A whole message of mail (RFC 5322, MIME: plain text and HTML), lines ended by CRLF. Messages of one incident stand in
// one thread.
std::string mail_message(Notice const& notice, std::string_view from, std::vector<std::string> const& to);

}  // namespace weir::alert
