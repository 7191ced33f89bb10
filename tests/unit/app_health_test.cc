// Alive, ready, and neither: by a clock of the test's own. What is asked over HTTP is in tests/cases/jobs/health.case.
#include <gtest/gtest.h>

#include "app/health.h"
#include "base/file.h"
#include "jobs/sqlite.h"
#include "test_clock.h"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

class HealthOfService : public testing::Test {
 protected:
  TempFolder folder_ = std::move(*TempFolder::create("weir-health-"));
  test::TestClock clock_;
  std::unique_ptr<jobs::Store> store_ =
      std::move(*jobs::Store::open(std::move(*jobs::open_sqlite(folder_.path() / "state.db", clock_)), "weir"));
  Health health_{*store_, clock_};

  int status(std::string const& path) const { return health_.answer({"GET", path, {}, {}, {}}).status; }
  std::string body(std::string const& path) const { return health_.answer({"GET", path, {}, {}, {}}).body; }
};

TEST_F(HealthOfService, IsAliveAndReadyWhileTheLoopGoesRound) {
  for (int round = 0; round < 300; ++round) {
    clock_.advance(1s);
    health_.beat(true);
  }
  EXPECT_EQ(status("/livez"), 200);
  EXPECT_EQ(status("/readyz"), 200);
  EXPECT_NE(body("/metrics").find("\nweir_ready 1\n"), std::string::npos);
}

TEST_F(HealthOfService, AStateThatDoesNotAnswerMakesItNotReady) {
  for (int round = 0; round < 31; ++round) {
    clock_.advance(1s);
    health_.beat(false);
  }
  EXPECT_EQ(status("/livez"), 200);
  EXPECT_EQ(status("/readyz"), 503);
  EXPECT_NE(body("/readyz").find("the state does not answer"), std::string::npos);
  health_.beat(true);
  EXPECT_EQ(status("/readyz"), 200);
}

TEST_F(HealthOfService, ALoopThatStandsStillIsNotAlive) {
  clock_.advance(119s);
  EXPECT_EQ(status("/livez"), 200);
  clock_.advance(1s);
  EXPECT_EQ(status("/livez"), 503);
  EXPECT_EQ(status("/readyz"), 503);
  EXPECT_NE(body("/livez").find("has not gone round for 120 s"), std::string::npos);
}

TEST_F(HealthOfService, IsAliveAndNotReadyWhileItStops) {
  health_.drain();
  health_.beat(true);
  EXPECT_EQ(status("/livez"), 200);
  EXPECT_EQ(status("/readyz"), 503);
  EXPECT_NE(body("/readyz").find("weir is stopping"), std::string::npos);
}

}  // namespace
}  // namespace weir::app
