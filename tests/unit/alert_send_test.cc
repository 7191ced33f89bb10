// What an outbox learns of a delivery: done, later and when, or refused.
#include "alert/send.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/mutex.h"
#include "http/server.h"

namespace weir::alert {
namespace {

using http::Delivery;

// A webhook on loopback that gives one answer, as cpp-httplib has it: no headers of ours.
class Hook {
 public:
  explicit Hook(int status) {
    thread_ = std::jthread([this, status](std::stop_token const& stop) {
      auto const answer = [this, status](http::Call const& call) {
        MutexLock const lock(mutex_);
        bodies_.push_back(call.body);
        return http::Answer{.status = status, .body = "canary-answer", .type = "text/plain"};
      };
      EXPECT_TRUE(http::serve_calls({}, answer, stop, [this](int port) {
                    port_ = port;
                    port_.notify_all();
                  }).ok());
    });
    port_.wait(0);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/hooks/canary-path", port_.load()); }
  std::vector<std::string> bodies() const {
    MutexLock const lock(mutex_);
    return bodies_;
  }

 private:
  std::atomic<int> port_ = 0;
  mutable Mutex mutex_;
  std::vector<std::string> bodies_ WEIR_GUARDED_BY(mutex_);
  std::jthread thread_;
};

config::Channel channel(config::ChannelKind kind, std::string const& url) {
  setenv("WEIR_TEST_HOOK", url.c_str(), 1);
  config::Channel made;
  made.name = "chat";
  made.kind = kind;
  made.settings["url"] = made.settings["events_url"] = "${env:WEIR_TEST_HOOK}";
  made.lists["allow"] = {"127.0.0.1", "http"};
  made.place = {"endpoints.yml", 4, 3};
  return made;
}

Notice notice(Moment moment = Moment::Opened) {
  return {.id = "weir-x-i1-1", .incident = "weir-x-i1", .moment = moment, .source = "x", .title = "a table is late"};
}

Delivered told(config::Channel const& to, Notice const& what = notice(), std::stop_token stop = {}) {
  return send(config::Config{}, to, what, {system_clock(), std::move(stop)});
}

TEST(AlertSend, WhatAnAnswerMeans) {
  std::pair<int, Delivery> const kRows[] = {
      {200, Delivery::Done},    {204, Delivery::Done},  {400, Delivery::Refused}, {404, Delivery::Refused},
      {410, Delivery::Refused}, {429, Delivery::Later}, {500, Delivery::Later},   {503, Delivery::Later}};
  for (auto const& [status, delivery] : kRows) {
    Hook const hook(status);
    auto const delivered = told(channel(config::ChannelKind::Slack, hook.url()));
    EXPECT_EQ(delivered.delivery, delivery) << status;
    EXPECT_EQ(delivered.error.has_value(), delivery != Delivery::Done) << status;
    EXPECT_EQ(delivered.to + "/hooks/canary-path", hook.url());
    EXPECT_EQ(delivered.retry_after, std::nullopt);
    EXPECT_EQ(hook.bodies().size(), 1U);
    if (delivered.error) {
      EXPECT_EQ(delivered.error->where(), "endpoints.yml:4:3");
      EXPECT_EQ(delivered.error->to_text().find("canary"), std::string::npos) << delivered.error->to_text();
    }
  }
}

TEST(AlertSend, NobodyThere) {
  std::string url;
  { url = Hook(200).url(); }
  auto const gone = told(channel(config::ChannelKind::Webhook, url));
  EXPECT_EQ(gone.delivery, Delivery::Later);
  EXPECT_EQ(gone.error->kind(), ErrorKind::Unavailable);

  std::stop_source stop;
  stop.request_stop();
  Hook const hook(200);
  auto const stopped = told(channel(config::ChannelKind::Webhook, hook.url()), notice(), stop.get_token());
  EXPECT_EQ(stopped.delivery, Delivery::Later);
  EXPECT_EQ(stopped.error->kind(), ErrorKind::Cancelled);
  EXPECT_TRUE(hook.bodies().empty());
}

TEST(AlertSend, WhatIsNotAllowedIsRefused) {
  Hook const hook(200);
  auto own = channel(config::ChannelKind::Slack, hook.url());
  own.lists["allow"] = {"http"};
  auto const delivered = told(own);
  EXPECT_EQ(delivered.delivery, Delivery::Refused);
  EXPECT_EQ(delivered.error->kind(), ErrorKind::Refused);
  EXPECT_TRUE(hook.bodies().empty());
}

// The same notice makes the same message each time, so that receivers can tell that they have it.
TEST(AlertSend, ARepeatIsTheSame) {
  Hook const hook(500);
  auto const to = channel(config::ChannelKind::Webhook, hook.url());
  EXPECT_EQ(told(to).delivery, Delivery::Later);
  EXPECT_EQ(told(to).delivery, Delivery::Later);
  ASSERT_EQ(hook.bodies().size(), 2U);
  EXPECT_EQ(hook.bodies()[0], hook.bodies()[1]);
}

// A test of a pager leaves nothing open; anything else stays.
TEST(AlertSend, ATestOfAPagerIsEnded) {
  Hook const hook(202);
  auto to = channel(config::ChannelKind::PagerDuty, hook.url());
  EXPECT_EQ(told(to, notice(Moment::Test)).delivery, Delivery::Done);
  EXPECT_EQ(hook.bodies().size(), 2U);
  EXPECT_EQ(told(to).delivery, Delivery::Done);
  EXPECT_EQ(hook.bodies().size(), 3U);
}

}  // namespace
}  // namespace weir::alert
