#include <gtest/gtest.h>

#include <string>

#include "yaml/node.h"

namespace weir::yaml {
namespace {

NodePtr must(std::string text, Options const& options = {}) {
  auto parsed = parse("t.yml", std::move(text), options);
  EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().to_text());
  return parsed.ok() ? *parsed : nullptr;
}

std::string must_fail(std::string text, Options const& options = {}) {
  auto parsed = parse("t.yml", std::move(text), options);
  EXPECT_FALSE(parsed.ok());
  if (parsed.ok()) return {};
  EXPECT_EQ(parsed.error().kind(), ErrorKind::Config);
  return parsed.error().to_text();
}

TEST(YamlScalars, KindsAreThoseOfSafeLoader) {
  // Each line was checked against PyYAML 6.0: its type, and its value where that is not the text.
  struct Row {
    char const* text;
    Kind kind;
  };
  for (auto const& row : {Row{"", Kind::Null},
                          Row{"~", Kind::Null},
                          Row{"null", Kind::Null},
                          Row{"NULL", Kind::Null},
                          Row{"nUll", Kind::String},
                          Row{"yes", Kind::Bool},
                          Row{"No", Kind::Bool},
                          Row{"OFF", Kind::Bool},
                          Row{"oN", Kind::String},
                          Row{"y", Kind::String},
                          Row{"TRUE", Kind::Bool},
                          Row{"tRue", Kind::String},
                          Row{"0", Kind::Int},
                          Row{"-0", Kind::Int},
                          Row{"+12", Kind::Int},
                          Row{"1_000", Kind::Int},
                          Row{"0x1F", Kind::Int},
                          Row{"0b101", Kind::Int},
                          Row{"017", Kind::Int},
                          Row{"08", Kind::String},
                          Row{"0o7", Kind::String},
                          Row{"1:30", Kind::Int},
                          Row{"1:60", Kind::String},
                          Row{"1:30.5", Kind::Float},
                          Row{"-", Kind::String},
                          Row{"1.", Kind::Float},
                          Row{".5", Kind::Float},
                          Row{"-.5", Kind::String},
                          Row{"1e3", Kind::String},
                          Row{"1.0e3", Kind::String},
                          Row{"1.0e+3", Kind::Float},
                          Row{"-.inf", Kind::Float},
                          Row{".nan", Kind::Float},
                          Row{"+.nan", Kind::String},
                          Row{".", Kind::String},
                          Row{"2026-11-24", Kind::Timestamp},
                          Row{"2026-1-4", Kind::String},
                          Row{"2026-11-24 03:00:00", Kind::Timestamp},
                          Row{"2026-1-4T03:00:00Z", Kind::Timestamp},
                          Row{"2026-11-24 03:00:00 +05:30", Kind::Timestamp},
                          Row{"2026-11-24 03:00", Kind::String},
                          Row{"6h", Kind::String},
                          Row{"50%", Kind::String},
                          Row{"0x", Kind::String},
                          Row{"1__0", Kind::Int},
                          Row{"_1", Kind::String}})
    EXPECT_EQ(resolve_plain(row.text), row.kind) << row.text;
}

TEST(YamlScalars, ValuesOfNumbersAndBools) {
  auto tree =
      must("[1_000, 0x1F, 0b101, 017, 1:30, -5, 9223372036854775807, -9223372036854775808, 9223372036854775808]");
  EXPECT_EQ(tree->items[0]->integer(), 1000);
  EXPECT_EQ(tree->items[1]->integer(), 31);
  EXPECT_EQ(tree->items[2]->integer(), 5);
  EXPECT_EQ(tree->items[3]->integer(), 15);
  EXPECT_EQ(tree->items[4]->integer(), 90);
  EXPECT_EQ(tree->items[5]->integer(), -5);
  EXPECT_EQ(tree->items[6]->integer(), INT64_MAX);
  EXPECT_EQ(tree->items[7]->integer(), INT64_MIN);
  EXPECT_EQ(tree->items[8]->integer(), std::nullopt);
  auto more = must("[1.5e+2, 1:30.5, yes, 'yes', OFF]");
  EXPECT_EQ(more->items[0]->number(), 150.0);
  EXPECT_EQ(more->items[1]->number(), 90.5);
  EXPECT_TRUE(more->items[2]->boolean());
  EXPECT_EQ(more->items[3]->kind, Kind::String);
  EXPECT_FALSE(more->items[4]->boolean());
}

TEST(YamlTree, KnowsPlaces) {
  auto tree = must("a: 1\nb:\n  - x\n  - \xC3\xA9t\xC3\xA9: z\n");
  Node const* b = tree->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->items[0]->mark.text(), "t.yml:3:5");
  EXPECT_EQ(b->items[1]->entries[0].value->mark.text(), "t.yml:4:10");  // characters, not bytes
  EXPECT_EQ(b->items[1]->entries[0].value->mark.excerpt(), "4 |   - \xC3\xA9t\xC3\xA9: z\n  |          ^");
}

TEST(YamlTree, EmptyAndCommentOnlyFilesAreNothing) {
  EXPECT_EQ(must("")->kind, Kind::Null);
  EXPECT_EQ(must("# only a comment\n")->kind, Kind::Null);
  EXPECT_EQ(must("\xEF\xBB\xBF"
                 "a: 1")
                ->find("a")
                ->integer(),
            1);
}

TEST(YamlTree, MergeKeysYieldToOwnKeysAndEarlierMerges) {
  auto tree = must("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 9\n");
  Node const* z = tree->find("z");
  EXPECT_EQ(z->find("a")->integer(), 9);
  EXPECT_EQ(z->find("b")->integer(), 2);
  EXPECT_EQ(z->find("c")->integer(), 4);
  EXPECT_EQ(z->entries.size(), 3U);
  EXPECT_EQ(z->find("c")->mark.line, 2);  // the place is where it was written
}

TEST(YamlErrors, DuplicateKeyNamesBothLines) {
  EXPECT_EQ(must_fail("a: 1\nb: 2\na: 3\n"),
            "error: key \"a\" stands here a second time: the first is on line 1\n"
            "  where: t.yml:3:1\n"
            "         3 | a: 3\n"
            "           | ^\n"
            "  next: remove one of the two");
  Options last_wins;
  last_wins.allow_duplicate_keys = true;
  EXPECT_EQ(must("a: 1\na: 3\n", last_wins)->find("a")->integer(), 3);
}

TEST(YamlErrors, SyntaxErrorsShowTheLine) {
  std::string const text = must_fail("a:\n  b: [1, 2\nc: 3\n");
  EXPECT_NE(text.find("where: t.yml:3:2"), std::string::npos) << text;
  EXPECT_NE(text.find("3 | c: 3"), std::string::npos) << text;
  EXPECT_NE(must_fail("a:\n\tb: 1\n").find("indent with spaces"), std::string::npos);
  EXPECT_NE(must_fail("a: \xFF\n").find("is not UTF-8"), std::string::npos);
  EXPECT_NE(must_fail("a: 1\n---\nb: 2\n").find("a second document"), std::string::npos);
}

TEST(YamlErrors, AliasesMustExistAndCannotHoldThemselves) {
  EXPECT_NE(must_fail("base: &base 1\nb: *bse\n").find("did you mean \"base\"?"), std::string::npos);
  EXPECT_NE(must_fail("a: &a [1, *a]\n").find("stands inside the value"), std::string::npos);
}

TEST(YamlErrors, TagsThatSafeLoaderHasAreTakenOthersAreNot) {
  EXPECT_EQ(must("!!str 12")->kind, Kind::String);
  EXPECT_EQ(must("! 12")->kind, Kind::String);
  EXPECT_EQ(must("!!int '12'")->integer(), 12);
  EXPECT_NE(must_fail("!!int twelve").find("is tagged !!int"), std::string::npos);
  EXPECT_NE(must_fail("!!python/object:os.system {}").find("is not supported"), std::string::npos);
  EXPECT_NE(must_fail("? [a]\n: 1\n").find("must be a single value"), std::string::npos);
}

TEST(YamlBudgets, AnAliasBombIsRefusedAndCostsNothing) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    std::string const before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) bomb += "," + before;
    bomb += "]\n";
  }
  EXPECT_NE(must_fail(bomb).find("more than 1,000,000 values"), std::string::npos);
}

TEST(YamlBudgets, DepthIsBoundedAlsoThroughAliases) {
  EXPECT_NE(must_fail(std::string(101, '[') + std::string(101, ']')).find("deeper than 100"), std::string::npos);
  must(std::string(100, '[') + std::string(100, ']'));
  std::string chain = "- &a0 [x]\n";
  for (int i = 1; i < 120; ++i) chain += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_NE(must_fail(chain).find("deeper than 100"), std::string::npos);
  Options small;
  small.max_bytes = 3;
  EXPECT_NE(must_fail("a: 1", small).find("the limit is 3 B"), std::string::npos);
}

}  // namespace
}  // namespace weir::yaml
