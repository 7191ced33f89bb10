// Quoting, parsing and fitting of names.
#include "sql/name.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/text.h"

namespace weir::sql {
namespace {

TEST(Name, Quoting) {
  EXPECT_EQ(quote_pg("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_pg_if_needed("country"), "country");
  EXPECT_EQ(quote_pg_if_needed("Country"), "\"Country\"");
  EXPECT_EQ(quote_pg_if_needed("user"), "\"user\"");
  EXPECT_EQ(quote_pg_if_needed("1st"), "\"1st\"");
  EXPECT_EQ(literal_pg("it's"), "'it''s'");
  EXPECT_EQ(literal_pg("a\\'b"), "E'a\\\\''b'");
  EXPECT_EQ(quote_mssql("a]b"), "[a]]b]");
  EXPECT_EQ(literal_mssql("o'b"), "N'o''b'");
  EXPECT_EQ(quote_odbc("a`b", "`"), "`a``b`");
  EXPECT_EQ(quote_odbc("ab", " "), "ab");
}

TEST(Name, Parsing) {
  EXPECT_EQ(parse_qualified_name("raw.orders").value(), (QualifiedName{"raw", "orders"}));
  EXPECT_EQ(parse_qualified_name("raw.\"a.b\"\"c\"").value(), (QualifiedName{"raw", "a.b\"c"}));
  EXPECT_EQ(parse_qualified_name("sync_core.Country").value().text(), "sync_core.\"Country\"");
  for (char const* wrong : {"orders", "a.b.c", "a.", ".b", "", "\"a.b", "a.\"b"})
    EXPECT_FALSE(parse_qualified_name(wrong).ok()) << wrong;
}

TEST(Name, ReadingWhatWasWrittenGivesTheSameName) {
  std::mt19937 random(20261124);
  static constexpr char kAlphabet[] = "abZ_09 .\"'\\$%;-\xC3";
  for (int round = 0; round < 2000; ++round) {
    QualifiedName name;
    for (auto* part : {&name.schema, &name.name})
      for (auto n = 1 + random() % 12; n > 0; --n) *part += kAlphabet[random() % (sizeof kAlphabet - 1)];
    EXPECT_EQ(parse_qualified_name(name.quoted()).value(), name);
    EXPECT_EQ(parse_qualified_name(name.text()).value(), name);
  }
}

TEST(Name, LongNamesFitAndStayDifferent) {
  std::set<std::string> seen;
  std::string const stem(60, 'x');
  for (int i = 0; i < 500; ++i) {
    std::string const fitted = derive_identifier(stem + "_suffix_" + std::to_string(i), "__g12");
    EXPECT_LE(fitted.size(), kMaxIdentifierBytes);
    EXPECT_TRUE(fitted.ends_with("__g12"));
    EXPECT_TRUE(seen.insert(fitted).second) << fitted;
  }
  EXPECT_EQ(fit_identifier("short"), "short");
}

TEST(Name, CutsOnACharacterBorder) {
  for (std::size_t ascii = 0; ascii < 4; ++ascii) {
    std::string name(ascii, 'a');
    while (name.size() < 90) name += "\xF0\x9F\x98\x80";
    EXPECT_TRUE(is_utf8(fit_identifier(name)));
  }
}

}  // namespace
}  // namespace weir::sql
