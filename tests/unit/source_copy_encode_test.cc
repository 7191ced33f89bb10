// Encoders of COPY BINARY fields, byte by byte. That PostgreSQL reads them as meant: source_copy_roundtrip_test.cc.
#include "source/copy_encode.h"

#include <gtest/gtest.h>

#include "source/code_pages.h"

namespace weir::source {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char const signed_c : bytes) {
    auto const c = static_cast<unsigned char>(signed_c);
    text += "0123456789abcdef"[c >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

template <typename Write>
std::string encoded(Write write) {
  std::string bytes;
  {
    RowBuilder row(bytes);
    write(row);
  }
  return hex(bytes);
}

std::string numeric(std::string_view text) {
  return encoded([&](RowBuilder& row) { EXPECT_TRUE(row.numeric_text(text)) << text; });
}

// A text field without its length word.
std::string text_of(std::u16string_view units, TypePolicies policies = {}, TextCounts* counts = nullptr) {
  std::string bytes;
  RowBuilder row(bytes);
  TextCounts const got = row.utf16(units.data(), units.size() * 2, policies);
  if (counts) *counts = got;
  row.finish();
  return bytes.size() < 4 ? std::string("<nothing>") : bytes.substr(4);
}

TEST(CopyEncode, FixedWidths) {
  EXPECT_EQ(encoded([](RowBuilder& r) { r.begin_row(3), r.null(), r.boolean(true), r.int2(-2); }),
            "0003"
            "ffffffff"
            "0000000101"
            "00000002fffe");
  EXPECT_EQ(encoded([](RowBuilder& r) { r.int4(1), r.int8(-1); }),
            "0000000400000001"
            "00000008ffffffffffffffff");
  EXPECT_EQ(encoded([](RowBuilder& r) { r.float4(1.0f), r.float8(-2.0); }),
            "000000043f800000"
            "00000008c000000000000000");
}

TEST(CopyEncode, NumericFromScaledIntegers) {
  auto const of = [](bool negative, uint128 magnitude, int scale) {
    return encoded([&](RowBuilder& r) { r.numeric(negative, magnitude, scale); });
  };
  EXPECT_EQ(of(false, 0, 4),
            "00000008"
            "0000"
            "0000"
            "0000"
            "0004");
  EXPECT_EQ(of(true, 0, 2),
            "00000008"
            "0000"
            "0000"
            "0000"
            "0002")
      << "there is no negative zero";
  EXPECT_EQ(of(false, 1, 4),
            "0000000a"
            "0001"
            "ffff"
            "0000"
            "0004"
            "0001");
  EXPECT_EQ(of(true, 5, 5),
            "0000000a"
            "0001"
            "fffe"
            "4000"
            "0005"
            "1388");
  EXPECT_EQ(of(false, 12345678, 2),
            "0000000e"
            "0003"
            "0001"
            "0000"
            "0002"
            "000c"
            "0d80"
            "1e78");
  EXPECT_EQ(of(false, 100000000, 0),
            "0000000a"
            "0001"
            "0002"
            "0000"
            "0000"
            "0001");
}

TEST(CopyEncode, NumericTextAgreesWithScaledIntegers) {
  std::uint64_t state = 42;
  auto const random = [&] { return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33; };
  for (int round = 0; round < 20000; ++round) {
    int const digits = 1 + static_cast<int>(random() % 38);
    int const scale = static_cast<int>(random() % static_cast<unsigned>(digits + 1));
    bool const negative = random() % 2 != 0;
    uint128 magnitude = 0;
    std::string text;
    for (int i = 0; i < digits; ++i) {
      unsigned const digit = random() % 3 == 0 ? 0 : static_cast<unsigned>(random() % 10);
      magnitude = magnitude * 10 + digit;
      if (i == digits - scale) text += '.';
      text += static_cast<char>('0' + digit);
    }
    if (negative) text.insert(0, "-");
    // "e0" takes the short way too; "0" * 39 in front takes the long way.
    std::string const by_integer = encoded([&](RowBuilder& r) { r.numeric(negative, magnitude, scale); });
    ASSERT_EQ(numeric(text), by_integer) << text;
    text.insert(negative ? 1 : 0, 39, '0');
    ASSERT_EQ(numeric(text), by_integer) << text;
  }
}

TEST(CopyEncode, NumericTextRefusesWhatIsNoNumber) {
  for (std::string_view wrong :
       {"", "-", ".", "1.2.3", "0x1", "1e", "1e+", "--1", " 1", "1 ", "inf", "1e200000", "1e-20000"}) {
    std::string bytes;
    RowBuilder row(bytes);
    EXPECT_FALSE(row.numeric_text(wrong)) << wrong;
    EXPECT_EQ(row.size(), 0u) << wrong;
  }
  EXPECT_EQ(numeric("1e3"), numeric("1000"));
  EXPECT_EQ(numeric("1.50E-3"), numeric("0.00150"));
}

TEST(CopyEncode, Uuids) {
  EXPECT_EQ(encoded([](RowBuilder& r) { EXPECT_TRUE(r.uuid_text("00112233-4455-6677-8899-AAbbccddeeff")); }),
            "0000001000112233445566778899aabbccddeeff");
  unsigned char const mixed[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  EXPECT_EQ(encoded([&](RowBuilder& r) { r.uuid_mixed_endian(mixed); }), "0000001000112233445566778899aabbccddeeff");
  EXPECT_EQ(encoded([](RowBuilder& r) { EXPECT_FALSE(r.uuid_text("00112233-4455-6677-8899-aabbccddeefg")); }), "");
}

TEST(CopyEncode, TextFromUtf16AtEveryLength) {
  // Plain text around one other character, at every place: all ways through the fast path.
  for (std::size_t length = 0; length < 70; ++length) {
    for (std::size_t place = 0; place <= length; ++place) {
      std::u16string units(length, u'a');
      std::string expected(length, 'a');
      units.insert(place, u"\u00e9\u20ac\U0001f600");
      expected.insert(place, "\u00e9\u20ac\U0001f600");
      ASSERT_EQ(text_of(units), expected);
    }
  }
}

TEST(CopyEncode, LongTextsAreGivenTheRoomTheyNeed) {
  // Every mix of widths and replacements, far beyond the size up to which the most is reserved.
  for (std::u16string const& piece :
       {std::u16string(u"a"), std::u16string(u"\u00e9"), std::u16string(u"\u20ac"), std::u16string(u"\U0001f600"),
        std::u16string(1, char16_t(0)), std::u16string(1, char16_t(0xdc00)), std::u16string(u"a\u00e9\u20ac")}) {
    std::u16string units;
    while (units.size() < 100'000) units += piece;
    std::string const text = text_of(units, {.nul = BadText::Replace});
    EXPECT_EQ(text, utf8_of_utf16(units.data(), units.size() * 2));
    std::string bytes, again;
    RowBuilder row(bytes);
    row.utf8(text, {});
    row.finish();
    EXPECT_TRUE(bytes.substr(4) == text);
    RowBuilder upper(again);
    upper.code_page(std::string(100'000, '\xe9') + std::string(100'000, '\x81'), *single_byte_code_page(1252), {});
    upper.finish();
    EXPECT_EQ(again.size(), 4u + 200'000 + 300'000);
  }
}

TEST(CopyEncode, NulsAndLoneSurrogatesFollowThePolicyAndAreCounted) {
  TextCounts counts;
  std::u16string const nul(u"a\0b", 3);
  EXPECT_EQ(text_of(nul, {}, &counts), "ab");
  EXPECT_EQ(counts.nul_characters, 1u);
  EXPECT_EQ(text_of(nul, {.nul = BadText::Replace}),
            "a\ufffd"
            "b");
  EXPECT_EQ(text_of(nul, {.nul = BadText::Fail}, &counts), "<nothing>");
  EXPECT_TRUE(counts.failed);

  std::u16string const lone = {u'x', char16_t(0xd800), u'y', char16_t(0xdc00), char16_t(0xd801)};
  EXPECT_EQ(text_of(lone, {}, &counts), "x\ufffdy\ufffd\ufffd");
  EXPECT_EQ(counts.surrogates, 3u);
  EXPECT_EQ(text_of(lone, {.surrogate = BadText::Strip}), "xy");
  EXPECT_EQ(text_of(lone, {.surrogate = BadText::Fail}), "<nothing>");
}

TEST(CopyEncode, TextFromCodePages) {
  auto const of = [](std::string_view text, int page, TextCounts& counts) {
    std::string bytes;
    RowBuilder row(bytes);
    counts = row.code_page(text, *single_byte_code_page(page), {});
    row.finish();
    return bytes.substr(4);
  };
  TextCounts counts;
  EXPECT_EQ(of("caf\xe9 \x80", 1252, counts), "caf\u00e9 \u20ac");
  EXPECT_EQ(of("\xcf\xf0\xe8\xe2\xe5\xf2", 1251, counts), "\u041f\u0440\u0438\u0432\u0435\u0442");
  EXPECT_FALSE(counts.any());
  EXPECT_EQ(of(std::string("0123456789abcdef0\x81", 18), 1252, counts), "0123456789abcdef0\ufffd");
  EXPECT_EQ(counts.code_page_bytes, 1u);
  EXPECT_EQ(single_byte_code_page(932), nullptr);
  EXPECT_EQ(single_byte_code_page(65001), nullptr);
}

TEST(CopyEncode, Utf8IsChecked) {
  auto const of = [](std::string_view text, TextCounts& counts) {
    std::string bytes;
    RowBuilder row(bytes);
    counts = row.utf8(text, {});
    row.finish();
    return bytes.substr(4);
  };
  TextCounts counts;
  EXPECT_EQ(of("0123456789abcdef\u00e9\u20ac\U0001f600", counts), "0123456789abcdef\u00e9\u20ac\U0001f600");
  EXPECT_FALSE(counts.any());
  EXPECT_EQ(of("a\xff"
               "b\xc3",
               counts),
            "a\ufffd"
            "b\ufffd");
  EXPECT_EQ(counts.code_page_bytes, 2u);
  EXPECT_EQ(of("\xed\xa0\x80!", counts), "\ufffd!");
  EXPECT_EQ(counts.surrogates, 1u);
  EXPECT_EQ(of("\xc0\x80\xe0\x80\x80\xf5", counts), "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd") << "overlong forms";
}

TEST(CopyEncode, Calendar) {
  EXPECT_EQ(days_since_2000(2000, 1, 1), 0);
  EXPECT_EQ(days_since_2000(1900, 1, 1), -36524);
  EXPECT_EQ(days_since_2000(1, 1, 1), -730119);
  EXPECT_EQ(days_since_2000(9999, 12, 31), 2921939);
  EXPECT_EQ(days_since_2000(2000, 3, 1), 60);
}

TEST(CopyEncode, MomentsFromText) {
  auto const moment = parse_moment("2026-11-24 13:14:15.1234567 -05:30");
  ASSERT_TRUE(moment);
  EXPECT_TRUE(moment->truncated);
  EXPECT_EQ(moment->offset_minutes, -330);
  EXPECT_EQ(moment->us, ((13 * 60 + 14) * 60 + 15) * 1'000'000LL + 123456);
  EXPECT_EQ(parse_moment("2026-11-24T00:00:00Z")->utc(), parse_moment("2026-11-24")->local());
  EXPECT_FALSE(parse_moment("2026-11-24 00:00:00.1234560")->truncated);
  for (std::string_view wrong : {"", "2026", "2026-13-01", "2025-02-29", "2026-11-24 25:00:00", "2026-11-24 10:60:00",
                                 "2026-11-24x", "2026-11-24 24:00:01", "2026-11-24 10:00:00 "})
    EXPECT_FALSE(parse_moment(wrong)) << wrong;
  EXPECT_EQ(parse_time_of_day("23:59:59.9999999")->us, kMicrosecondsPerDay - 1);
}

}  // namespace
}  // namespace weir::source
