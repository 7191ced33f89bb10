// What each kind of channel gets, and what hostile texts become in it.
#include "alert/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/text.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"

namespace weir::alert {
namespace {

using Json = nlohmann::ordered_json;

Notice notice() {
  return {.id = "weir-night-i37-1",
          .incident = "weir-night-i37",
          .moment = Moment::Opened,
          .severity = Severity::Error,
          .source = "night",
          .title = "orders is 3 h 10 m late: nightly #1842 failed on attempt 3 of 5",
          .cause = "column \"custmer_id\" does not exist (models/marts/orders.sql:18)",
          .impact = "7 models, 3 dashboards at 06:10 data",
          .heals = "no: an error in a model",
          .next = "correct the model, then weir retry 1842",
          .links = {{.text = "job 1842", .url = "https://weir.corp/jobs/1842?a=1&b=2"},
                    {.text = "its log", .command = "weir logs 1842"}},
          .at = Instant(std::chrono::seconds(1'711'695'600)),
          .data = R"({"jobId":1842,"connection":{"name":"core"},"success":false,"errorMessage":"column"})"};
}

// What a reader of the code should look at: tests/unit/NAME.golden.
std::string golden(std::string_view name) {
  char const* root = getenv("WEIR_TEST_ROOT");
  auto const path = fmt::format("{}/tests/unit/{}.golden", root == nullptr ? "." : root, name);
  return read_file(path).value();
}

// How many characters as Slack and PagerDuty count them.
std::size_t units(std::string_view text) {
  std::size_t count = 0;
  for (char const one : text) {
    auto const c = static_cast<unsigned char>(one);
    count += c < 0x80 || c >= 0xC0 ? (c >= 0xF0 ? 2U : 1U) : 0U;
  }
  return count;
}

Notice hostile(std::string const& text) {
  return {.id = text,
          .incident = text,
          .source = text,
          .title = text,
          .cause = text,
          .impact = text,
          .heals = text,
          .next = text,
          .links = {{.text = text, .url = text}, {.text = text, .command = text}},
          .data = text};
}

std::vector<std::string> hostile_texts() {
  std::vector<std::string> texts = {"",
                                    " ",
                                    "\n",
                                    std::string(1, '\0'),
                                    "<!channel>",
                                    "<!everyone> <@U123> <https://evil.example|here>",
                                    "@channel @here,@all \xF0\x9F\x8C\x8A@all ![x](https://evil.example)",
                                    "data@corp.example",
                                    "```",
                                    "a\r\nBcc: evil@evil.example\r\n\r\nbody",
                                    "\xF0\x9F\x8C\x8A\xF0\x9F\x8C\x8A",
                                    "caf\xE9",
                                    "\xED\xA0\x80",
                                    "\xF4\x90\x80\x80",
                                    "\xC0\xAF",
                                    "\xE2\x80\xAEgnp.exe",
                                    "&amp; <b> \"x\" ' | \\",
                                    "</td><script>alert(1)</script>",
                                    "{\"a\":",
                                    "{\"a\": \"\xE9\"}",
                                    "=?UTF-8?B?AAAA?=",
                                    "\x1B[31m\x07",
                                    ".\r\n.\r\nMAIL FROM:<x>"};
  for (auto const* one : {"x", "<", "&", "\n", "\xF0\x9F\x8C\x8A", "\xE9", "\xC3\xA9 ", "line\n"}) {
    std::string many;
    while (many.size() < 100'000) many += one;
    texts.push_back(std::move(many));
  }
  return texts;
}

// Texts of pieces that mean something to one of the languages.
std::vector<std::string> random_texts() {
  std::vector<std::string> const pieces = {"<",
                                           ">",
                                           "&",
                                           "&lt;",
                                           "!channel",
                                           "`",
                                           "*",
                                           "\n",
                                           "\r\n",
                                           "\t",
                                           " ",
                                           "|",
                                           "\"",
                                           "\\",
                                           "=",
                                           "=?",
                                           "?=",
                                           ".",
                                           "\xF0\x9F\x8C\x8A",
                                           "\xC3\xA9",
                                           "\xE2\x80\xAE",
                                           "\xC2\x85",
                                           "\xE9",
                                           "\xF0",
                                           "\x80",
                                           "a",
                                           "word ",
                                           "{",
                                           "}",
                                           ":",
                                           "From: ",
                                           "--weir",
                                           std::string(1, '\0')};
  std::mt19937 random(7261);  // NOLINT: the same texts each time
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (auto n = random() % 200; n > 0; --n) text += pieces[random() % pieces.size()];
    texts.push_back(std::move(text));
  }
  return texts;
}

template <typename Look>
void look_at_all(Look look) {
  auto texts = hostile_texts();
  for (auto& text : random_texts()) texts.push_back(std::move(text));
  for (auto const& text : texts) {
    SCOPED_TRACE(Json(text.substr(0, 60)).dump(-1, ' ', true, Json::error_handler_t::replace));
    look(hostile(text));
  }
}

TEST(AlertText, IsMadePresentable) {
  EXPECT_EQ(presentable(hostile("a\r\nb\tc")).title, "a b c");
  EXPECT_EQ(presentable(hostile("a\r\nb\tc")).cause, "a\nb\tc");
  EXPECT_EQ(presentable(hostile("caf\xE9 \xED\xA0\x80.")).cause,
            "caf\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD.");
  EXPECT_EQ(presentable(hostile("\xE2\x80\xAEgnp.exe\x1B[31m\x7F")).cause, "gnp.exe[31m");
  EXPECT_EQ(presentable(hostile("javascript:alert(1)")).links[0].url, "");
  EXPECT_EQ(presentable(hostile("https://a.example/x|y")).links[0].url, "");
  EXPECT_EQ(presentable(hostile("https://a.example/x?y=1")).links[0].url, "https://a.example/x?y=1");
  EXPECT_EQ(presentable(hostile("[1]")).data, "");
  register_secret("canary-in-a-notice");
  EXPECT_EQ(presentable(hostile("login canary-in-a-notice refused")).cause, "login *** refused");
  EXPECT_EQ(presentable(hostile(R"({"a":"canary-in-a-notice"})")).data, R"({"a":"***"})");
}

TEST(AlertText, IsCutBetweenCharacters) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abcd", 3), "ab\xE2\x80\xA6");
  EXPECT_EQ(cut("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xE2\x80\xA6");
  EXPECT_EQ(cut("\xF0\x9F\x8C\x8A\xF0\x9F\x8C\x8A", 4), "\xF0\x9F\x8C\x8A\xF0\x9F\x8C\x8A");
  EXPECT_EQ(cut("\xF0\x9F\x8C\x8A\xF0\x9F\x8C\x8A", 3), "\xF0\x9F\x8C\x8A\xE2\x80\xA6");
  EXPECT_EQ(cut("\xF0\x9F\x8C\x8A\xF0\x9F\x8C\x8A", 2), "\xE2\x80\xA6");
  EXPECT_EQ(cut("abc", 0), "");
  EXPECT_EQ(cut("", 0), "");
}

TEST(AlertSlack, Message) {
  auto const json = Json::parse(slack_message(notice(), "#data"));
  EXPECT_EQ(json.dump(1) + "\n", golden("alert_slack"));
  auto recovered = notice();
  recovered.moment = Moment::Recovered;
  recovered.cause = recovered.impact = recovered.heals = recovered.next = recovered.data = "";
  recovered.links.clear();
  auto const well = Json::parse(slack_message(recovered, ""));
  EXPECT_FALSE(well.contains("channel"));
  EXPECT_FALSE(well.contains("data"));
  EXPECT_EQ(well["text"], "✔ " + notice().title);
  recovered.cause = "write to data@corp.example";
  EXPECT_EQ(Json::parse(slack_message(recovered, ""))["blocks"][1]["text"]["text"],
            "*Cause*\nwrite to data@corp.example");
  EXPECT_EQ(well["blocks"].size(), 2U);
}

// Slack's limits hold, and no text of anybody's becomes a mention, a link or half a character.
TEST(AlertSlack, WhateverTheText) {
  look_at_all([](Notice const& odd) {
    auto const text = slack_message(odd, "");
    ASSERT_TRUE(is_utf8(text));
    auto const json = Json::parse(text);
    ASSERT_LE(json["blocks"].size(), 50U);
    std::vector<std::string> texts = {json["text"]};
    for (auto const& block : json["blocks"])
      texts.push_back(block["type"] == "context" ? block["elements"][0]["text"] : block["text"]["text"]);
    for (auto& one : texts) {
      EXPECT_GE(one.size(), 1U);
      EXPECT_LE(units(one), 3'000U);
      if (auto const date = one.find("<!date^0^"); date != std::string::npos) one = one.substr(0, date);
      EXPECT_EQ(one.find('<'), std::string::npos) << one.substr(0, 200);
      for (auto const* call : {"@channel", "@all", "@here", "!["})
        EXPECT_EQ(one.find(call), std::string::npos) << one.substr(0, 200);
      for (auto at = one.find('&'); at != std::string::npos; at = one.find('&', at + 1)) {
        auto const rest = one.substr(at, 5);
        EXPECT_TRUE(rest.starts_with("&amp;") || rest.starts_with("&lt;") || rest.starts_with("&gt;")) << rest;
      }
    }
  });
}

TEST(AlertCloudEvent, Message) {
  EXPECT_EQ(Json::parse(cloud_event(notice())).dump(1) + "\n", golden("alert_cloud_event"));
  look_at_all([](Notice const& odd) {
    auto const text = cloud_event(odd);
    ASSERT_TRUE(is_utf8(text));
    auto const json = Json::parse(text);
    auto const source = json["source"].get<std::string>();
    for (char const c : source) EXPECT_TRUE(c > 0x20 && c < 0x7f);
    auto const headers = signed_headers(odd, text, "key", Instant()).value();
    for (auto const& [name, value] : headers)
      for (char const c : value) EXPECT_TRUE(c > 0x20 && c < 0x7f) << name;
  });
}

// The example of the specification of Standard Webhooks' libraries: secret, id, time, body and signature.
TEST(AlertCloudEvent, IsSigned) {
  Notice test;
  test.id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  auto const headers = signed_headers(test, R"({"test": 2432232314})", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      Instant(std::chrono::seconds(1'614'265'330)));
  ASSERT_TRUE(headers);
  EXPECT_EQ((*headers)[0], (std::pair<std::string, std::string>("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")));
  EXPECT_EQ((*headers)[1].second, "1614265330");
  EXPECT_EQ((*headers)[2].second, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(signed_headers(test, "", "", Instant())->size(), 2U);
  EXPECT_FALSE(signed_headers(test, "", "whsec_?", Instant()));
  EXPECT_FALSE(signed_headers(test, "", "whsec_", Instant()));
}

TEST(AlertPagerDuty, Events) {
  EXPECT_EQ(Json::parse(pagerduty_event(notice(), "key")).dump(1) + "\n", golden("alert_pagerduty"));
  auto later = notice();
  later.moment = Moment::Recovered;
  EXPECT_EQ(pagerduty_event(later, "key"),
            R"({"routing_key":"key","event_action":"resolve","dedup_key":"weir-night-i37"})");
  EXPECT_EQ(pagerduty_end(notice(), "key"), pagerduty_event(later, "key"));
  later.moment = Moment::Acknowledged;
  EXPECT_EQ(Json::parse(pagerduty_event(later, "key"))["event_action"], "acknowledge");
  later.moment = Moment::Changed;
  EXPECT_EQ(Json::parse(pagerduty_event(later, "key"))["event_action"], "trigger");
  look_at_all([](Notice const& odd) {
    auto const text = pagerduty_event(odd, "key");
    ASSERT_TRUE(is_utf8(text));
    EXPECT_LE(text.size(), 512U << 10);
    auto const json = Json::parse(text);
    EXPECT_LE(units(json["dedup_key"].get<std::string>()), 255U);
    EXPECT_LE(units(json["payload"]["summary"].get<std::string>()), 1'024U);
    EXPECT_FALSE(json["payload"]["source"].get<std::string>().empty());
  });
}

TEST(AlertMail, Message) {
  auto const text = mail_message(notice(), "weir@corp.example", {"data@corp.example", "ops@corp.example"});
  EXPECT_EQ(replace_all(text, "\r\n", "\n"), golden("alert_mail"));
}

// No text makes a header, ends a part, breaks a line's length, or becomes HTML.
TEST(AlertMail, WhateverTheText) {
  look_at_all([](Notice const& odd) {
    auto const text = mail_message(odd, "weir@corp.example", {"data@corp.example"});
    std::vector<std::string> names;
    bool in_head = true;
    for (auto const& line : split(replace_all(text, "\r\n", "\n"), '\n')) {
      ASSERT_LE(line.size(), 77U) << line;
      ASSERT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; })) << line;
      in_head = in_head && !line.empty();
      if (in_head && line[0] != ' ') names.push_back(line.substr(0, line.find(':')));
    }
    EXPECT_EQ(names, (std::vector<std::string>{"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To",
                                               "References", "Auto-Submitted", "MIME-Version", "Content-Type"}));
    EXPECT_EQ(split(text, '\n').size(), split(replace_all(text, "\r\n", "\n"), '\n').size());
    EXPECT_EQ(split(replace_all(text, "\r\n--", "\1"), '\1').size(), 4U);
    EXPECT_EQ(text.find("<script", text.find("text/html")), std::string::npos);
  });
}

TEST(BaseBase64, ThereAndBack) {
  for (std::size_t size = 0; size < 20; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(251 * i + 255);
    EXPECT_EQ(from_base64(base64(bytes)), bytes);
    EXPECT_EQ(from_base64(base64(bytes).substr(0, base64(bytes).find('='))), bytes);
  }
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  for (auto const* text : {"A", "A===", "Zm9v YmE=", "Zm9vYm=E", "Zm-v"}) EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace weir::alert
