// Copies of the state that weir serve makes by itself.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "jobs/copies.h"
#include "jobs/sqlite.h"
#include "test_clock.h"
#include "test_cluster.h"  // must()

namespace weir::jobs {
namespace {

using namespace std::chrono_literals;

using test::must;

std::vector<std::string> names_in(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(JobsCopies, TheNewestStayAndOneOfEachDay) {
  std::vector<std::string> names;
  Instant const begin{1'718'841'600s};  // 2024-06-20, midnight
  for (int hour = 0; hour < 20 * 24; ++hour) names.push_back(copy_name(begin + std::chrono::hours(hour)));
  auto gone = superfluous_copies(names);
  std::sort(gone.begin(), gone.end());
  std::vector<std::string> kept;
  std::set_difference(names.begin(), names.end(), gone.begin(), gone.end(), std::back_inserter(kept));
  ASSERT_EQ(kept.size(), 24U + 13);
  EXPECT_EQ(kept.front(), "hourly-20240626T230000Z.db");
  EXPECT_EQ(kept[12], "hourly-20240708T230000Z.db");
  EXPECT_EQ(kept.back(), names.back());
  EXPECT_TRUE(superfluous_copies({}).empty());
}

TEST(JobsCopies, OneAnHourWhereAnythingHappened) {
  test::TestClock clock;
  auto const folder = must(TempFolder::create("weir-copies-"));
  auto const store = must(Store::open(must(open_sqlite(folder.path() / "state.db", clock)), "test"));
  auto const there = folder.path() / "backups";
  Copies copies(*store, there);
  must(store->add_events({NewEvent{"weir.test", "one", {}, {}, "{}"}}));
  must(copies.round());
  must(copies.round());
  ASSERT_EQ(names_in(there), (std::vector<std::string>{copy_name(clock.now())}));
  auto const copy = there / copy_name(clock.now());
  clock.advance(59min);
  must(store->add_events({NewEvent{"weir.test", "two", {}, {}, "{}"}}));
  must(copies.round());
  EXPECT_EQ(names_in(there).size(), 1U);
  clock.advance(2min);
  must(copies.round());
  EXPECT_EQ(names_in(there).size(), 2U);
  clock.advance(2h);  // nothing happened
  must(copies.round());
  EXPECT_EQ(names_in(there).size(), 2U);
  // Another start goes by what is there.
  Copies again(*store, there);
  must(store->add_events({NewEvent{"weir.test", "three", {}, {}, "{}"}}));
  must(again.round());
  EXPECT_EQ(names_in(there).size(), 3U);
  Copies third(*store, there);
  must(store->add_events({NewEvent{"weir.test", "four", {}, {}, "{}"}}));
  must(third.round());
  EXPECT_EQ(names_in(there).size(), 3U);
  // As it was then.
  auto const opened = must(Store::open(must(open_sqlite(copy, clock)), "test"));
  EXPECT_EQ(must(opened->events(0, {}, 10)).back().object, "one");
}

}  // namespace
}  // namespace weir::jobs
