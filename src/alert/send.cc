#include "alert/send.h"

#include <algorithm>

#include <fmt/format.h>

#include "alert/channel.h"
#include "alert/render.h"
#include "alert/text.h"
#include "base/text.h"

namespace weir::alert {
namespace {

using config::ChannelKind;
using http::Delivery;

// What did not arrive is told as an error of the channel, with the state and, where it has none, the next step.
Delivered failed(config::Channel const& channel, Error error) {
  bool const later = error.kind() == ErrorKind::Unavailable || error.kind() == ErrorKind::Cancelled ||
                     error.kind() == ErrorKind::Denied;  // a certificate
  if (error.kind() == ErrorKind::Refused)
    error.next(fmt::format("if \"{0}\" is a server of your own, add allow: [\"{0}\"] to the channel", error.object()));
  if (error.where().empty()) error.where(channel.place.text());
  if (error.state().empty()) error.state("the message was not delivered");
  error.context(fmt::format("telling channel \"{}\"", channel.name));
  Delivered delivered{.delivery = later ? Delivery::Later : Delivery::Refused};
  delivered.error.emplace(std::move(error));
  return delivered;
}

std::string next_step(ChannelKind kind, int status, std::optional<std::chrono::seconds> wait) {
  if (status == 429 && wait) return fmt::format("try again in {}", format_duration(*wait));
  if (status == 408 || status == 425 || status == 429 || status >= 500) return "try again later";
  if (status >= 300 && status < 400) return "redirects are not followed: give the address that it leads to";
  if (kind == ChannelKind::PagerDuty)
    return "check the routing key: it is that of an integration of kind Events API v2";
  if (status == 401 || status == 403 || status == 404 || status == 410)
    return "the webhook was removed, or may not post there: make a new one, and put its address where the reference "
           "leads";
  return fmt::format("check that the address is one of kind {}", config::channel_kind_name(kind));
}

// An answer other than yes.
Error not_taken(ChannelKind kind, http::Posted const& posted) {
  auto const what = posted.status == 429 ? "answered that it has too many messages" : "answered";
  auto const error_kind = posted.delivery == Delivery::Later             ? ErrorKind::Unavailable
                          : posted.status == 401 || posted.status == 403 ? ErrorKind::Denied
                                                                         : ErrorKind::Config;
  return Error(error_kind, posted.status == 429 ? fmt::format("{} {} (429)", posted.to, what)
                                                : fmt::format("{} {} {}", posted.to, what, posted.status))
      .next(next_step(kind, posted.status, posted.retry_after));
}

Error not_taken(http::Mailed const& mailed) {
  bool const later = mailed.delivery == Delivery::Later;
  auto const kind = later ? ErrorKind::Unavailable : mailed.at_login ? ErrorKind::Denied : ErrorKind::Config;
  Error error(kind, fmt::format("{} did not take the {} ({})", mailed.to, mailed.at_login ? "login" : "message",
                                mailed.status));
  if (later) return std::move(error).next("try again later");
  if (mailed.at_login) return std::move(error).next("correct \"user\" and \"password\" of the channel");
  return std::move(error).next("check \"from\" and \"to\", and whether the server wants a login");
}

// One exchange by HTTP.
Delivered posted(config::Channel const& named, Channel const& channel, http::PostRequest request,
                 SendOptions const& options) {
  request.url = channel.url.reveal();
  request.allowed = channel.allowed;
  request.ca_file = channel.ca_file;
  request.time = channel.time;
  request.connect_time = std::min(request.connect_time, channel.time);
  request.stop = options.stop;
  auto answer = http::post(request);
  if (!answer.ok()) return failed(named, std::move(answer).error());
  auto delivered = answer->delivery == Delivery::Done ? Delivered{} : failed(named, not_taken(channel.kind, *answer));
  delivered.delivery = answer->delivery;
  delivered.retry_after = answer->retry_after;
  delivered.to = answer->to;
  return delivered;
}

Error no_key(config::Channel const& channel) {
  return Error(ErrorKind::Config, "\"secret\" begins with whsec_, and what follows is no base64")
      .where(channel.places.at("secret").text())
      .next("take the secret as the receiver gave it, or one that begins otherwise");
}

Delivered tell_webhook(config::Channel const& named, Channel const& channel, Notice const& notice,
                       SendOptions const& options) {
  http::PostRequest request{
      .url = {}, .body = cloud_event(notice), .content_type = "application/cloudevents+json; charset=UTF-8"};
  auto headers = signed_headers(notice, request.body, channel.key.reveal(), options.clock.now());
  if (!headers) return failed(named, no_key(named));
  request.headers = std::move(*headers);
  return posted(named, channel, std::move(request), options);
}

Delivered tell_pager(config::Channel const& named, Channel const& channel, Notice const& notice,
                     SendOptions const& options) {
  auto delivered = posted(named, channel, {.url = {}, .body = pagerduty_event(notice, channel.key.reveal())}, options);
  if (notice.moment != Moment::Test || delivered.delivery != Delivery::Done) return delivered;
  return posted(named, channel, {.url = {}, .body = pagerduty_end(notice, channel.key.reveal())}, options);
}

Delivered tell_by_mail(config::Channel const& named, Channel const& channel, Notice const& notice,
                       SendOptions const& options) {
  auto const answer = http::send_mail({.host = channel.host,
                                       .port = channel.port,
                                       .tls = channel.tls,
                                       .user = channel.user,
                                       .password = channel.password.reveal(),
                                       .from = channel.from,
                                       .to = channel.to,
                                       .message = mail_message(notice, channel.from, channel.to),
                                       .allowed = channel.allowed,
                                       .ca_file = channel.ca_file,
                                       .time = channel.time,
                                       .connect_time = std::min(channel.time, std::chrono::milliseconds(10'000)),
                                       .stop = options.stop});
  if (!answer.ok()) return failed(named, answer.error().clone());
  if (answer->delivery != Delivery::Done) {
    auto delivered = failed(named, not_taken(*answer));
    delivered.delivery = answer->delivery;
    delivered.to = answer->to;
    return delivered;
  }
  Delivered delivered{.delivery = Delivery::Done, .to = answer->to};
  if (answer->refused_receivers > 0)
    delivered.note = fmt::format("{} of {} was refused by the server", answer->refused_receivers,
                                 plural(channel.to.size(), "receiver"));
  return delivered;
}

}  // namespace

Delivered send(config::Config const& config, config::Channel const& channel, Notice const& notice,
               SendOptions const& options) {
  auto made = resolved(config, channel);
  if (!made.ok()) return failed(channel, std::move(made).error());
  switch (channel.kind) {
    case ChannelKind::Heartbeat:
      return posted(channel, *made, {.url = {}, .body = "", .content_type = "text/plain"}, options);
    case ChannelKind::Slack:
      return posted(channel, *made, {.url = {}, .body = slack_message(notice, made->chat)}, options);
    case ChannelKind::Webhook:
      return tell_webhook(channel, *made, notice, options);
    case ChannelKind::PagerDuty:
      return tell_pager(channel, *made, notice, options);
    case ChannelKind::Email:
      break;
  }
  return tell_by_mail(channel, *made, notice, options);
}

Status check(config::Config const& config, config::Channel const& channel) {
  WEIR_TRY(auto const made, resolved(config, channel));
  if (channel.kind == ChannelKind::Webhook && !signed_headers({}, "", made.key.reveal(), {})) return no_key(channel);
  return {};
}

}  // namespace weir::alert
