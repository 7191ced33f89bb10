// The state's schema is brought up to date in one transaction: weir that is killed at any statement of it leaves the
// state as it was, and the next start finishes, with all that was in it.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/embedded.h"
#include "base/file.h"
#include "jobs/store.h"
#include "state_database.h"
#include "test_clock.h"

namespace weir::jobs {
namespace {

constexpr std::string_view kMigrations = "migrations/state/";

// Goes away at the n-th thing that it is told, as a program that is killed there does: what it had open is undone.
class Mortal final : public Database {
 public:
  Mortal(std::unique_ptr<Database> inner, int left) : inner_(std::move(inner)), left_(left) {}

  Result<Rows> query(std::string_view sql, std::vector<Value> const& values) override {
    WEIR_DO(live());
    return inner_->query(sql, values);
  }
  Status script(std::string_view sql) override {
    WEIR_DO(live());
    return inner_->script(sql);
  }
  Status begin() override {
    WEIR_DO(live());
    return inner_->begin();
  }
  Status commit() override {
    WEIR_DO(live());
    return inner_->commit();
  }
  void rollback() override {
    if (inner_) inner_->rollback();
  }
  Result<std::int64_t> now_us() override { return inner_->now_us(); }

 private:
  Status live() {
    if (left_-- > 0) return {};
    inner_.reset();
    left_ = 0;
    return Error(ErrorKind::Unavailable, "killed");
  }
  std::unique_ptr<Database> inner_;
  int left_;
};

class JobsMigration : public testing::TestWithParam<test::StateKind> {
 protected:
  // A state that stays when its Database goes.
  std::unique_ptr<Database> open() {
    if (GetParam() == test::StateKind::Sqlite) return test::must(open_sqlite(folder_.path() / "state.db", clock_));
    if (!options_) options_ = test::fresh_database();
    return test::must(open_postgres({*options_, "weir_state", &clock_}));
  }
  // As the first weir of all wrote it, with a job.
  void make_old() {
    auto const database = open();
    test::must(database->script("CREATE TABLE schema_version (version bigint PRIMARY KEY)"));
    test::must(database->script(embedded_file(embedded_files(kMigrations)[0])));
    test::must(database->script("INSERT INTO schema_version VALUES (1)"));
    test::must(database->script(
        "INSERT INTO job (id, name, state, cause, actor, definition, resources, created_at, run_at) VALUES "
        "(7, 'nightly', 'pending', 'manual', 'ada', '{\"name\":\"nightly\"}', '', 1, 1);"
        "UPDATE counter SET value = 7 WHERE name = 'job'"));
  }
  static std::int64_t version(Database& database) {
    return test::must(database.query("SELECT coalesce(max(version), 0) FROM schema_version", {})).number(0, 0);
  }

 private:
  test::TestClock clock_;
  TempFolder folder_ = test::must(TempFolder::create("weir-state-"));
  std::optional<pg::SessionOptions> options_;
};
INSTANTIATE_TEST_SUITE_P(Both, JobsMigration, test::kBothStates, test::state_kind_name);

TEST_P(JobsMigration, KilledAtAnyStatementItIsDoneWholeByTheNextStart) {
  make_old();
  auto const newest = static_cast<std::int64_t>(embedded_files(kMigrations).size());
  int kills = 0;
  for (bool done = false; !done; ++kills) {
    ASSERT_LT(kills, 100);
    done = Store::open(std::make_unique<Mortal>(open(), kills), "weir").ok();
    EXPECT_EQ(version(*open()), done ? newest : 1) << "killed at statement " << kills + 1;
  }
  EXPECT_GT(kills, 2 * static_cast<int>(newest));
  auto const store = test::must(Store::open(open(), "weir"));
  EXPECT_EQ(test::must(store->job(7)).name, "nightly");
  auto const claim = test::must(store->claim("a", std::chrono::seconds(30)));
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->job.id, 7);
}

}  // namespace
}  // namespace weir::jobs
