// A notice as an outbox keeps it.
#include "alert/notice.h"

#include <gtest/gtest.h>

namespace weir::alert {
namespace {

Notice notice() {
  return {.id = "weir-night-i37-2",
          .incident = "weir-night-i37",
          .moment = Moment::Recovered,
          .severity = Severity::Warning,
          .source = "night",
          .title = "orders is fresh again",
          .cause = "a \"quote\",\na line and \xF0\x9F\x8C\x8A",
          .impact = "7 models",
          .heals = "yes",
          .next = "",
          .links = {{.text = "job 1842", .url = "https://weir.corp/jobs/1842"},
                    {.text = "its log", .command = "weir logs 1842"}},
          .at = Instant(std::chrono::microseconds(1'711'695'600'123'456)),
          .data = R"({"jobId":1842})"};
}

TEST(AlertNotice, IsKeptWhole) {
  auto const kept = to_json(notice());
  EXPECT_EQ(kept.find('\n'), std::string::npos);
  auto const read = from_json(kept);
  ASSERT_TRUE(read.ok()) << read.error().to_text();
  EXPECT_EQ(to_json(*read), kept);
  EXPECT_EQ(read->moment, Moment::Recovered);
  EXPECT_EQ(read->severity, Severity::Warning);
  EXPECT_EQ(read->cause, notice().cause);
  EXPECT_EQ(read->at, notice().at);
  ASSERT_EQ(read->links.size(), 2U);
  EXPECT_EQ(read->links[0].url, "https://weir.corp/jobs/1842");
  EXPECT_EQ(read->links[1].command, "weir logs 1842");
  EXPECT_EQ(read->data, notice().data);
}

TEST(AlertNotice, TextThatIsNoUtf8IsMended) {
  auto odd = notice();
  odd.title = "caf\xE9";
  auto const read = from_json(to_json(odd));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->title, "caf\xEF\xBF\xBD");
}

TEST(AlertNotice, WhatIsNoneIsNamed) {
  for (auto const* text :
       {"", "[]", "7", "{", "{}", R"({"moment":"opened","severity":"error"})",
        R"({"moment":"opened","severity":"fatal","at":1})", R"({"moment":7,"severity":"error","at":1})",
        R"({"moment":"opened","severity":"error","at":"now"})"}) {
    auto const read = from_json(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().kind(), ErrorKind::Data);
    EXPECT_EQ(read.error().message(), "cannot read a notice that was kept");
  }
  EXPECT_TRUE(from_json(R"({"moment":"opened","severity":"error","at":1,"links":[7,{"text":1}]})").ok());
}

}  // namespace
}  // namespace weir::alert
