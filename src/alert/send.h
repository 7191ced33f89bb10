#pragma once
// Tells a notice through one channel, once. Trying again, and giving up, is the caller's affair; so is the order. What
// comes back never holds a secret, a webhook's path, or what the other side wrote.

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "alert/notice.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"
#include "config/config.h"
#include "http/post.h"

namespace weir::alert {

struct Delivered {
  // Later: worth another try (the other side is away, busy, in trouble, or its certificate is). Refused: not before
  // somebody has changed something here.
  http::Delivery delivery = http::Delivery::Refused;
  std::optional<std::chrono::seconds> retry_after = {};  // Later: what the other side asked for, at most a day
  std::string to = {};                                   // "https://hooks.slack.com", once that is known
  std::string note = {};                                 // Done: what people should know nevertheless
  std::optional<Error> error = {};                       // why not; set unless Done
};

struct SendOptions {
  Clock& clock;  // for what is signed
  std::stop_token stop = {};
};

// Resolves the channel's references (config.h), so that a changed secret counts from the next notice on. Blocks, at
// most for the channel's timeout; any thread.
// A channel of kind heartbeat gets an empty post, whatever the notice says.
Delivered send(config::Config const& config, config::Channel const& channel, Notice const& notice,
               SendOptions const& options);

// Whether its references resolve and its settings are right, without sending anything. Error: Config.
Status check(config::Config const& config, config::Channel const& channel);

}  // namespace weir::alert
