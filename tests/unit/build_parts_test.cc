// The pure parts of the engine that runs dbt projects. What dbt-core gives was asked of dbt-core.
#include <atomic>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "build/cte.h"
#include "build/results.h"
#include "build/schedule.h"
#include "build/table.h"
#include "build/worker.h"

namespace weir::build {
namespace {

std::vector<InjectedCte> two_ctes() {
  return {{"a", " __dbt__cte__a as (\nselect 1\n)"}, {"b", " __dbt__cte__b as (\nselect 2\n)"}};
}

constexpr std::string_view kBoth = " __dbt__cte__a as (\nselect 1\n),  __dbt__cte__b as (\nselect 2\n)";

std::string injected(std::string_view before, std::string_view behind) {
  return std::string(before) + std::string(kBoth) + std::string(behind);
}

TEST(BuildCte, GoesWhereDbtPutsIt) {
  auto const ctes = two_ctes();
  EXPECT_EQ(inject_ctes("select * from x", ctes), injected("with", " select * from x"));
  EXPECT_EQ(inject_ctes("\n\nselect 1", ctes), injected("\n\nwith", " select 1"));
  EXPECT_EQ(inject_ctes("-- c\nselect 1", ctes), injected("with", " -- c\nselect 1"));
  EXPECT_EQ(inject_ctes("  with a as (select 1) select 2", ctes), injected("  with ", ", a as (select 1) select 2"));
  EXPECT_EQ(inject_ctes("with\n  a as (x) s", ctes), injected("with\n  ", ", a as (x) s"));
  EXPECT_EQ(inject_ctes("WITH RECURSIVE\n t as (s)", ctes), injected("WITH RECURSIVE\n ", ", t as (s)"));
  EXPECT_EQ(inject_ctes("-- c\n\nwith a as (b) c", ctes), injected("-- c\n\nwith ", ", a as (b) c"));
  EXPECT_EQ(inject_ctes("with -- c\n a as (b) c", ctes), injected("with ", ", -- c\n a as (b) c"));
  EXPECT_EQ(inject_ctes("(with a as (b) c)", ctes), injected("with", " (with a as (b) c)"));
  EXPECT_EQ(inject_ctes("/* a */\n-- b\n with a as (b)", ctes), injected("/* a */\n-- b\n with ", ", a as (b)"));
  EXPECT_EQ(inject_ctes("withdrawn", ctes), injected("with", " withdrawn"));
  EXPECT_EQ(inject_ctes("select 1", {}), "select 1");
}

TEST(BuildCte, SqlThatSaysNothing) {
  EXPECT_TRUE(is_blank_sql(""));
  EXPECT_TRUE(is_blank_sql(" ;\n-- nothing\n/* /* nested */ */ ;"));
  EXPECT_FALSE(is_blank_sql("-- x\nselect 1"));
}

TEST(BuildCte, SemicolonsAtTheEnd) {
  EXPECT_EQ(strip_semicolon("select 1;\n"), "select 1");
  EXPECT_EQ(strip_semicolon("select ';' ; -- done;"), "select ';'");
  EXPECT_EQ(strip_semicolon("select $x$ ; $x$"), "select $x$ ; $x$");
  EXPECT_EQ(strip_semicolon("select \"a;\""), "select \"a;\"");
  EXPECT_EQ(strip_semicolon("select 'it''s;' -- ;"), "select 'it''s;'");
}

std::string types(std::string_view csv) {
  auto file = parse_csv(std::string(csv), ',', "x.csv");
  EXPECT_TRUE(file.ok());
  std::string out;
  for (auto const& column : infer_seed(std::move(*file), {}).columns) out += column.name + " " + column.sql_type + "; ";
  return out;
}

TEST(BuildSeeds, TypesAreThoseOfDbt) {
  EXPECT_EQ(types("a,b,c\n1,1.5,x\n,,\n"), "a integer; b float8; c text; ");
  EXPECT_EQ(types("a,b\n2.0,\"$1,000\"\n"), "a integer; b integer; ");
  EXPECT_EQ(types("a,b,c\n2024-1-5,2024-01-05 1:2:3,2024-01-31T10:11:12Z\n"),
            "a date; b timestamp without time zone; c timestamp without time zone; ");
  EXPECT_EQ(types("a,b\nTRUE,yes\nfalse,no\n"), "a boolean; b text; ");
  EXPECT_EQ(types("a\n"), "a integer; ");
}

TEST(BuildSeeds, NumbersAsPeopleWriteThem) {
  auto file = parse_csv("n\n\"-$1,000\"\n5%\n1e3\n", ',', "x.csv");
  ASSERT_TRUE(file.ok());
  auto const rows = infer_seed(std::move(*file), {});
  EXPECT_EQ(rows.columns[0].sql_type, "integer");
  EXPECT_EQ(rows.row(0)[0], "-1000");
  EXPECT_EQ(rows.row(1)[0], "5");
  EXPECT_EQ(rows.row(2)[0], "1000");
}

TEST(BuildSeeds, FieldsInQuotes) {
  auto const file = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\n\"x \"\"y\"\"\",\"two\nlines\"\n",
      ',', "x.csv");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file->cells, (std::vector<std::string_view>{"x \"y\"", "two\nlines"}));
}

// As Python's csv module reads it (checked against it).
TEST(BuildSeeds, QuotesInOddPlaces) {
  auto const file = parse_csv("a,b,c,d,e\n\"x\"y,a\"\"b,\"x\"\"y\"z,\"\"\"\",\"q", ',', "x.csv");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->cells, (std::vector<std::string_view>{"xy", "a\"\"b", "x\"yz", "\"", "q"}));
}

TEST(BuildSeeds, ARowThatIsTooLong) {
  auto const file = parse_csv("a\n1,2\n", ',', "seeds/x.csv");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().message(), "row 1 of seed file \"seeds/x.csv\" has 2 values, its header names 1 columns");
}

TEST(BuildScheduleConcurrent, ParentsComeFirst) {
  // 0 -> 1 -> 3, 0 -> 2 -> 3
  Schedule schedule;
  schedule.waits_for = {{}, {0}, {0}, {1, 2}};
  schedule.threads = 3;
  Mutex mutex;
  std::vector<ItemIndex> order;
  carry_out(schedule, {[&](ItemIndex item, std::size_t) {
                         MutexLock lock(mutex);
                         order.push_back(item);
                         return ItemOutcome::Done;
                       },
                       [](ItemIndex, ItemIndex) { FAIL(); }});
  ASSERT_EQ(order.size(), 4U);
  EXPECT_EQ(order.front(), 0U);
  EXPECT_EQ(order.back(), 3U);
}

TEST(BuildScheduleConcurrent, TheLongestWayFirst) {
  // 0 stands alone; 1 -> 2 -> 3.
  Schedule schedule;
  schedule.waits_for = {{}, {}, {1}, {2}};
  std::vector<ItemIndex> order;
  carry_out(schedule, {[&](ItemIndex item, std::size_t) { return order.push_back(item), ItemOutcome::Done; },
                       [](ItemIndex, ItemIndex) {}});
  EXPECT_EQ(order, (std::vector<ItemIndex>{1, 2, 0, 3}));
}

TEST(BuildScheduleConcurrent, DescendantsOfAFailureAreSkippedWithItsName) {
  Schedule schedule;
  schedule.waits_for = {{}, {0}, {1}, {}};
  schedule.threads = 2;
  std::vector<std::pair<ItemIndex, ItemIndex>> skipped;
  std::atomic<int> done = 0;
  carry_out(schedule,
            {[&](ItemIndex item, std::size_t) { return ++done, item == 0 ? ItemOutcome::Failed : ItemOutcome::Done; },
             [&](ItemIndex item, ItemIndex cause) { skipped.emplace_back(item, cause); }});
  EXPECT_EQ(done, 2);
  EXPECT_EQ(skipped, (std::vector<std::pair<ItemIndex, ItemIndex>>{{1, 0}, {2, 0}}));
}

TEST(BuildScheduleConcurrent, FailFast) {
  Schedule schedule;
  schedule.waits_for = {{}, {}, {}};
  schedule.fail_fast = true;
  std::vector<ItemIndex> skipped;
  carry_out(schedule, {[](ItemIndex, std::size_t) { return ItemOutcome::Failed; },
                       [&](ItemIndex item, ItemIndex) { skipped.push_back(item); }});
  EXPECT_EQ(skipped.size(), 2U);
}

TEST(BuildResults, WhatTheServerAnswered) {
  EXPECT_EQ(response_of("SELECT 3").code, "SELECT");
  EXPECT_EQ(response_of("SELECT 3").rows_affected, 3);
  EXPECT_EQ(response_of("INSERT 0 5").rows_affected, 5);
  EXPECT_EQ(response_of("CREATE VIEW").code, "CREATE VIEW");
  EXPECT_FALSE(response_of("CREATE VIEW").rows_affected.has_value());
}

TEST(BuildWorker, StatementsThatStandAlone) {
  EXPECT_TRUE(needs_no_transaction("-- x\nVACUUM t"));
  EXPECT_TRUE(needs_no_transaction("create index concurrently i on t (a)"));
  EXPECT_FALSE(needs_no_transaction("commit;"));
  EXPECT_TRUE(controls_transaction("/* x */ commit;"));
  EXPECT_FALSE(controls_transaction("commit_all()"));
  EXPECT_FALSE(needs_no_transaction("create index i on t (a)"));
  EXPECT_FALSE(needs_no_transaction("refresh materialized view concurrently m"));
}

}  // namespace
}  // namespace weir::build
