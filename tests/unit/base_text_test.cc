// Text, numbers with units, nearest names, UTF-8, globs, and the secret filter.
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/secret.h"

namespace weir {
namespace {

TEST(Text, Units) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("15min"), 15min);
  EXPECT_EQ(parse_duration(" 2 d "), 48h);
  EXPECT_EQ(parse_duration("10"), std::nullopt);
  EXPECT_EQ(parse_duration("-1s"), std::nullopt);
  EXPECT_EQ(parse_duration("1 parsec"), std::nullopt);
  EXPECT_EQ(parse_size("64MiB"), 67108864U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("1e400"), std::nullopt);
  EXPECT_DOUBLE_EQ(parse_percent("50%").value(), 0.5);
  EXPECT_EQ(parse_percent("50"), std::nullopt);
}

TEST(Text, ForPeople) {
  using namespace std::chrono_literals;
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_duration(1200us), "1.2 ms");
  EXPECT_EQ(format_duration(340ms), "340 ms");
  EXPECT_EQ(format_duration(372s), "6 min 12 s");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1500000), "1.5 MB");
  EXPECT_EQ(plural(1, "table"), "1 table");
  EXPECT_EQ(plural(2, "index"), "2 indexes");
  EXPECT_EQ(plural(3, "policy"), "3 policies");
  EXPECT_EQ(plural(3, "key"), "3 keys");
}

TEST(Text, NearestNames) {
  std::vector<std::string> const known{"warehouse", "connections", "tables", "guard"};
  EXPECT_EQ(did_you_mean("conections", known), "did you mean \"connections\"?");
  EXPECT_EQ(did_you_mean("talbes", known), "did you mean \"tables\"?");
  EXPECT_EQ(did_you_mean("zebra", known), "");
}

TEST(Text, Utf8) {
  EXPECT_TRUE(is_utf8("a\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_utf8("\xE2\x82"));          // cut
}

TEST(Text, Globs) {
  EXPECT_TRUE(matches_glob("dbo.*", "dbo.Country"));
  EXPECT_TRUE(matches_glob("*.User*Status", "dbo.UserVerificationStatus"));
  EXPECT_FALSE(matches_glob("dbo.?", "dbo.ab"));
  EXPECT_TRUE(matches_glob("a*b*c", "aXbXbXc"));
  EXPECT_FALSE(matches_glob("a*b*c", "aXcXb"));
}

TEST(Secret, EveryFormIsMasked) {
  Secret const secret("p\"ss w/rd1");
  EXPECT_EQ(redact("x p\"ss w/rd1 y"), "x *** y");
  EXPECT_EQ(redact("x p\\\"ss w/rd1 y"), "x *** y");
  EXPECT_EQ(redact("x p%22ss%20w%2Frd1 y"), "x *** y");
  EXPECT_EQ(redact("x cCJzcyB3L3JkMQ== y"), "x *** y");
  EXPECT_EQ(redact("postgresql://bob:hunter2@db/x?a=b@c"), "postgresql://bob:***@db/x?a=b@c");
  EXPECT_EQ(redact("http://host:80/a@b"), "http://host:80/a@b");
}

TEST(Secret, AMovedSecretLeavesNothingBehind) {
  Secret first("some-long-secret-value-beyond-sso");
  Secret const second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT: what a moved-from secret holds is the point
  EXPECT_EQ(second.reveal(), "some-long-secret-value-beyond-sso");
}

}  // namespace
}  // namespace weir
