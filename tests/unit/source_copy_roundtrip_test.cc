// That PostgreSQL reads the encoders' fields as they were meant: each row carries a value and the text that PostgreSQL
// must show for it.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "pg/private_cluster.h"
#include "source/copy_encode.h"

namespace weir::source {
namespace {

class CopyRoundTrip : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = pg::PrivateCluster::start();
    ASSERT_TRUE(cluster.ok()) << cluster.error().to_text();
    cluster_ = new pg::PrivateCluster(std::move(*cluster));
  }
  static void TearDownTestSuite() { delete cluster_; }

  void SetUp() override {
    auto session = pg::Session::connect(cluster_->options());
    ASSERT_TRUE(session.ok()) << session.error().to_text();
    session_ = std::make_unique<pg::Session>(std::move(*session));
  }

  // Loads rows of (value, text) and returns the rows in which PostgreSQL's text of the value is another one.
  std::string differences(std::string const& type, std::string const& rows) {
    auto created = session_->execute(fmt::format("CREATE TEMP TABLE t (v {}, shown text); TRUNCATE t", type));
    EXPECT_TRUE(created.ok()) << created.error().to_text();
    auto copy = session_->copy_in("COPY t FROM STDIN (FORMAT binary)");
    EXPECT_TRUE(copy.ok());
    EXPECT_TRUE(copy->write(copy_binary_header()).ok());
    EXPECT_TRUE(copy->write(rows).ok());
    EXPECT_TRUE(copy->write(copy_binary_trailer()).ok());
    auto count = std::move(*copy).finish();
    EXPECT_TRUE(count.ok()) << count.error().to_text();
    auto wrong = session_->query("SELECT shown, v::text FROM t WHERE v::text IS DISTINCT FROM shown LIMIT 5");
    EXPECT_TRUE(wrong.ok()) << wrong.error().to_text();
    std::string text;
    for (std::size_t i = 0; i < wrong->size(); ++i)
      text += fmt::format("meant {}, is {}; ", wrong->text(i, 0), wrong->text(i, 1));
    EXPECT_TRUE(session_->execute("DROP TABLE t").ok());
    return text;
  }

  std::uint64_t random() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u, state_ >> 11; }

  std::unique_ptr<pg::Session> session_;
  std::uint64_t state_ = 7;
  static inline pg::PrivateCluster* cluster_ = nullptr;
};

TEST_F(CopyRoundTrip, Numerics) {
  std::string bytes;
  RowBuilder row(bytes);
  auto const add = [&](std::string const& text, std::string const& shown) {
    row.begin_row(2);
    ASSERT_TRUE(row.numeric_text(text)) << text;
    row.raw(shown);
  };
  for (std::string text :
       {"0", "0.00", "1", "-1", "10000", "9999.9999", "0.0001", "0.00001", "-0.00000000000000000000000000000000000001",
        "99999999999999999999999999999999999999", "-922337203685477.5808", "12345.6789", "100000000.00000001", "NaN"})
    add(text, text);
  add("-0.0", "0.0");
  add("1e3", "1000");
  add("1.5e-3", "0.0015");
  add("12345678901234567890123456789012345678901234567890.5", "12345678901234567890123456789012345678901234567890.5");
  add("1e-50", "0." + std::string(49, '0') + "1");
  add("0e0", "0");
  for (int i = 0; i < 20000; ++i) {
    // The digits as a number, by long division of the text: independent of the encoder.
    int const scale = static_cast<int>(random() % 39);
    uint128 magnitude =
        (static_cast<uint128>(random()) << 70 | static_cast<uint128>(random()) << 20 | random()) >> (random() % 127);
    bool const negative = random() % 2 == 0 && magnitude != 0;
    row.begin_row(2);
    row.numeric(negative, magnitude, scale);
    std::string digits;
    for (uint128 rest = magnitude; rest != 0; rest /= 10)
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    while (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(digits.begin(), '0');
    std::string text = digits.substr(0, digits.size() - static_cast<std::size_t>(scale));
    if (scale != 0) text += "." + digits.substr(digits.size() - static_cast<std::size_t>(scale));
    row.raw((negative ? "-" : "") + text);
  }
  row.finish();
  EXPECT_EQ(differences("numeric", bytes), "");
}

TEST_F(CopyRoundTrip, DatesAndTimes) {
  std::string dates, stamps, times;
  RowBuilder date(dates), stamp(stamps), time(times);
  for (int i = 0; i < 20000; ++i) {
    int const year = i < 9999 ? i + 1 : 1 + static_cast<int>(random() % 9999);
    auto const month = static_cast<unsigned>(1 + random() % 12);
    auto const day = static_cast<unsigned>(1 + random() % 28);
    std::int64_t const us = static_cast<std::int64_t>(random() % kMicrosecondsPerDay);
    std::string const date_text = fmt::format("{:04}-{:02}-{:02}", year, month, day);
    std::string const clock =
        fmt::format("{:02}:{:02}:{:02}", us / 3'600'000'000, us / 60'000'000 % 60, us / 1'000'000 % 60);
    std::string fraction = fmt::format(".{:06}", us % 1'000'000);
    while (fraction.ends_with('0')) fraction.pop_back();
    if (fraction == ".") fraction.clear();
    date.begin_row(2), date.date(days_since_2000(year, month, day)), date.raw(date_text);
    stamp.begin_row(2), stamp.timestamp(days_since_2000(year, month, day) * kMicrosecondsPerDay + us);
    stamp.raw(date_text + " " + clock + fraction);
    time.begin_row(2), time.time(us), time.raw(clock + fraction);
  }
  date.finish(), stamp.finish(), time.finish();
  EXPECT_EQ(differences("date", dates), "");
  EXPECT_EQ(differences("timestamp", stamps), "");
  EXPECT_EQ(differences("time", times), "");
}

TEST_F(CopyRoundTrip, MomentsWithOffsets) {
  std::string bytes;
  RowBuilder row(bytes);
  auto const add = [&](std::string_view text, std::string_view shown) {
    auto const moment = parse_moment(text);
    ASSERT_TRUE(moment) << text;
    row.begin_row(2), row.timestamp(moment->utc()), row.raw(shown);
  };
  add("2026-11-24 13:14:15.1234567 -05:30", "2026-11-24 18:44:15.123456+00");
  add("9999-12-31 23:59:59.9999999 -14:00", "10000-01-01 13:59:59.999999+00");
  add("0001-01-01 00:00:00 +14:00", "0001-12-31 10:00:00+00 BC");
  add("2000-02-29T00:00:00Z", "2000-02-29 00:00:00+00");
  row.finish();
  EXPECT_EQ(differences("timestamptz", bytes), "");
}

TEST_F(CopyRoundTrip, Text) {
  std::string bytes;
  RowBuilder row(bytes);
  for (int i = 0; i < 5000; ++i) {
    std::u16string units;
    for (std::size_t length = random() % 40; length != 0; --length) {
      switch (random() % 4) {
        case 0:
          units += static_cast<char16_t>(1 + random() % 0xd7ff);
          break;
        case 1:
          units += static_cast<char16_t>(0xd800 + random() % 0x400),
              units += static_cast<char16_t>(0xdc00 + random() % 0x400);
          break;
        default:
          units += static_cast<char16_t>(' ' + random() % 95);
      }
    }
    row.begin_row(2);
    ASSERT_FALSE(row.utf16(units.data(), units.size() * 2, {}).any());
    row.raw(utf8_of_utf16(units.data(), units.size() * 2));
  }
  row.finish();
  EXPECT_EQ(differences("text", bytes), "");

  // Whatever bytes come, what is written is text to PostgreSQL: the COPY itself would fail.
  std::string any_bytes;
  RowBuilder any_row(any_bytes);
  for (int i = 0; i < 5000; ++i) {
    std::string any;
    for (std::size_t length = random() % 40; length != 0; --length) any += static_cast<char>(random() % 256);
    any_row.begin_row(2), any_row.utf8(any, {}), any_row.null();
    any_row.begin_row(2), any_row.utf16(any.data(), any.size(), {}), any_row.null();
  }
  any_row.finish();
  differences("text", any_bytes);
}

TEST_F(CopyRoundTrip, OtherTypes) {
  auto const one = [&](std::string const& type, std::string_view shown, auto write) {
    std::string bytes;
    RowBuilder row(bytes);
    row.begin_row(2), write(row), row.raw(shown);
    row.finish();
    EXPECT_EQ(differences(type, bytes), "") << type;
  };
  one("boolean", "true", [](RowBuilder& r) { r.boolean(true); });
  one("smallint", "-32768", [](RowBuilder& r) { r.int2(-32768); });
  one("bigint", "-9223372036854775808", [](RowBuilder& r) { r.int8(INT64_MIN); });
  one("real", "1.5", [](RowBuilder& r) { r.float4(1.5f); });
  one("double precision", "1.7976931348623157e+308", [](RowBuilder& r) { r.float8(1.7976931348623157e308); });
  one("bytea", "\\x00ff", [](RowBuilder& r) { r.raw(std::string_view("\0\xff", 2)); });
  one("json", "{\"a\": 1}", [](RowBuilder& r) { r.raw("{\"a\": 1}"); });
  one("jsonb", "{\"a\": 1}", [](RowBuilder& r) { r.jsonb("{\"a\":1}"); });
  one("uuid", "00112233-4455-6677-8899-aabbccddeeff",
      [](RowBuilder& r) { r.uuid_text("00112233-4455-6677-8899-AABBCCDDEEFF"); });
}

}  // namespace
}  // namespace weir::source
