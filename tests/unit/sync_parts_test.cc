// The pure parts of the loading engine: selection, retries, digests of rows.
#include <gtest/gtest.h>

#include "sync/retry.h"
#include "sync/row_hash.h"
#include "sync/select.h"
#include "unit/memory_source.h"

namespace weir::sync {
namespace {

using std::chrono::seconds;

source::DiscoveredCatalog catalog_of(std::vector<std::string> const& names) {
  source::DiscoveredCatalog catalog;
  for (auto const& name : names) {
    source::Table table;
    table.schema = "dbo";
    table.name = name;
    catalog.tables.push_back(table);
  }
  return catalog;
}

config::Connection connection_of(std::vector<std::string> const& patterns) {
  config::Connection connection;
  connection.name = "core";
  for (auto const& pattern : patterns) connection.tables.push_back({pattern, {}, true, {"weir.yml", 3, 1}});
  return connection;
}

std::vector<std::string> names(Selected const& selected) {
  std::vector<std::string> all;
  for (auto const& one : selected.tables) all.push_back(one.table->name);
  return all;
}

TEST(SyncSelect, PatternsSelectorsAndExclusions) {
  auto const catalog = catalog_of({"Country", "Currency", "User"});
  auto const connection = connection_of({"dbo.C*", "dbo.User"});
  auto select = [&](Selection const& selection) { return names(*select_tables(connection, catalog, selection)); };
  using Names = std::vector<std::string>;
  EXPECT_EQ(select({}), (Names{"Country", "Currency", "User"}));
  EXPECT_EQ(select({{"dbo.Country"}, {}}), (Names{"Country"}));
  EXPECT_EQ(select({{"Country,User"}, {}}), (Names{"Country", "User"}));
  EXPECT_EQ(select({{"dbo.C*"}, {"Currency"}}), (Names{"Country"}));
}

TEST(SyncSelect, ASelectorWithoutAMatchNamesTheNearest) {
  auto const catalog = catalog_of({"Country", "Currency"});
  auto const selected = select_tables(connection_of({"dbo.*"}), catalog, {{"dbo.Contry"}, {}});
  ASSERT_FALSE(selected.ok());
  EXPECT_EQ(selected.error().kind(), ErrorKind::Usage);
  EXPECT_NE(selected.error().next().find("dbo.Country"), std::string::npos) << selected.error().to_text();
}

TEST(SyncSelect, EveryMissingTableIsNamed) {
  auto const selected = select_tables(connection_of({"dbo.Contry", "dbo.Gone", "dbo.X*", "dbo.User"}),
                                      catalog_of({"Country", "User"}), {});
  ASSERT_TRUE(selected.ok());
  ASSERT_EQ(selected->refusals.size(), 2U);
  EXPECT_EQ(selected->refusals[0].stream, "dbo.Contry");
  EXPECT_NE(selected->refusals[0].error.next().find("dbo.Country"), std::string::npos);
  EXPECT_EQ(selected->refusals[1].stream, "dbo.Gone");
  EXPECT_EQ(selected->warnings.size(), 1U) << "a glob that matches nothing is a warning";
}

TEST(SyncRetry, TransientFailuresBackOffThreefold) {
  RetryBudget budget(5, seconds(10));
  EXPECT_EQ(budget.after(ErrorKind::Unavailable, false, 1.0), Duration(seconds(10)));
  EXPECT_EQ(budget.after(ErrorKind::Busy, false, 1.0), Duration(seconds(30)));
  EXPECT_EQ(budget.after(ErrorKind::InDoubt, false, 0.0), Duration(seconds(45)));
  EXPECT_EQ(budget.after(ErrorKind::Unavailable, false, 1.0), Duration(seconds(270)));
  EXPECT_EQ(budget.after(ErrorKind::Unavailable, false, 1.0), std::nullopt) << "five attempts";
}

TEST(SyncRetry, PermanentFailuresAreFinalAndDataGetsOneMore) {
  for (auto kind : {ErrorKind::Config, ErrorKind::Denied, ErrorKind::Refused, ErrorKind::Internal, ErrorKind::Sql})
    EXPECT_EQ(RetryBudget(5, seconds(1)).after(kind, false, 0.5), std::nullopt);
  RetryBudget data(5, seconds(1));
  EXPECT_TRUE(data.after(ErrorKind::Data, false, 0.5).has_value());
  EXPECT_FALSE(data.after(ErrorKind::Data, false, 0.5).has_value());
}

TEST(SyncRetry, AnAttemptThatStoredChunksIsFree) {
  RetryBudget budget(2, seconds(1));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(budget.after(ErrorKind::Unavailable, true, 0.5).has_value());
  EXPECT_TRUE(budget.after(ErrorKind::Unavailable, true, 0.5).has_value()) << "the 21st uses up the first of two";
  EXPECT_FALSE(budget.after(ErrorKind::Unavailable, true, 0.5).has_value());
}

// Rows of (integer, numeric) in COPY BINARY form.
std::string encoded(std::vector<std::pair<int, std::string>> const& rows) {
  std::string bytes;
  source::RowBuilder builder(bytes);
  for (auto const& [id, number] : rows) {
    builder.begin_row(2);
    builder.int4(id);
    if (number.empty())
      builder.null();
    else
      EXPECT_TRUE(builder.numeric_text(number));
  }
  builder.finish();
  return bytes;
}

RowHash hash_of(std::string const& bytes, std::size_t piece) {
  RowHash hash({false, true});
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    EXPECT_TRUE(hash.add(std::string_view(bytes).substr(at, piece)).ok());
  EXPECT_TRUE(hash.is_complete());
  return hash;
}

TEST(SyncRowHash, OrderPiecesAndTrailingZerosDoNotMatter) {
  auto const a = hash_of(encoded({{1, "12.50"}, {2, "0"}, {3, ""}, {4, "10000"}}), 1000);
  auto const b = hash_of(encoded({{4, "10000.00"}, {3, ""}, {1, "12.5"}, {2, "0.0"}}), 1);
  EXPECT_EQ(a.rows(), 4U);
  EXPECT_EQ(a.sum(), b.sum());
  EXPECT_EQ(a.columns(), b.columns());
}

TEST(SyncRowHash, EveryKindOfDifferenceShows) {
  auto const rows = hash_of(encoded({{1, "1"}, {2, "2"}}), 1000);
  auto differs = [&](std::vector<std::pair<int, std::string>> const& other) {
    return hash_of(encoded(other), 1000).sum() != rows.sum();
  };
  EXPECT_TRUE(differs({{1, "1"}, {2, "-2"}}));
  EXPECT_TRUE(differs({{1, "1"}, {2, "20000"}})) << "weight";
  EXPECT_TRUE(differs({{1, "1"}, {2, ""}})) << "NULL";
  EXPECT_TRUE(differs({{1, "1"}, {2, "2"}, {2, "2"}})) << "doubled";
  EXPECT_TRUE(differs({{1, "2"}, {2, "1"}})) << "values swapped between rows";
  EXPECT_EQ(hash_of(encoded({{1, "2"}, {2, "1"}}), 1000).columns(), rows.columns())
      << "though each column holds the same";
}

TEST(SyncRowHash, AHalfRowIsNoticed) {
  auto const bytes = encoded({{1, "1"}});
  RowHash hash({false, true});
  ASSERT_TRUE(hash.add(std::string_view(bytes).substr(0, bytes.size() - 1)).ok());
  EXPECT_FALSE(hash.is_complete());
  EXPECT_EQ(hash.rows(), 0U);
}

}  // namespace
}  // namespace weir::sync
