// What becomes of an endpoint that attempts do not reach: as a value, and in both kinds of state.
#include "jobs/circuit.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "jobs/store.h"
#include "state_database.h"
#include "test_clock.h"

namespace weir::jobs {
namespace {

using namespace std::chrono_literals;

// ------------------------------------------------------------ value

constexpr CircuitRules kRules;

struct Line {
  Circuit circuit{.endpoint = "core"};
  Instant now = std::chrono::sys_days(std::chrono::year(2024) / 6 / 21);

  CircuitChange meet(Met met, std::int64_t token = 0, Duration took = 0s) {
    return after_attempt(circuit, met, token, now - took, now, kRules);
  }
  void open() {
    for (int i = 0; i < 5; ++i) meet(Met::Nothing);
  }
  // The attempt of that token is let through.
  void try_as(std::int64_t token) { circuit.probe = token, circuit.job = 7; }
};

TEST(JobsCircuit, FiveFailuresWithinAMinuteOpenIt) {
  Line line;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(line.meet(Met::Nothing), CircuitChange::None);
    line.now += 15s;  // four in a minute
  }
  line.now -= 14s;
  EXPECT_EQ(line.meet(Met::Nothing), CircuitChange::Opened);
  EXPECT_EQ(
      why_wait(line.circuit, line.now),
      "endpoint \"core\" does not answer since 2024-06-21 00:02:00 UTC; the next try is at 2024-06-21 00:03:16 UTC");
  line.now += 30s;
  EXPECT_EQ(why_wait(line.circuit, line.now), "");
  EXPECT_EQ(circuit_text(line.circuit, line.now),
            "endpoint \"core\" does not answer since 2024-06-21 00:02:00 UTC; the next job that needs it tries it");
}

TEST(JobsCircuit, AnAttemptThatReachedItBeginsTheCountAnew) {
  Line line;
  for (int i = 0; i < 4; ++i) line.meet(Met::Nothing);
  line.now += 2s;
  line.meet(Met::Endpoint, 0, 5s);  // it began before the latest failure, and may have met it before that
  EXPECT_EQ(line.circuit.failures.size(), 4U);
  line.meet(Met::Endpoint, 0, 1s);
  EXPECT_EQ(line.meet(Met::Nothing), CircuitChange::None);
}

TEST(JobsCircuit, PausesBecomeLongerAndEndWithWhatTheTryMeets) {
  Line line;
  line.open();
  for (auto const pause : {30s, 60s, 120s, 240s, 300s, 300s}) {
    EXPECT_FALSE(why_wait(line.circuit, line.now + pause - 1s).empty());
    line.now += pause;
    EXPECT_EQ(why_wait(line.circuit, line.now), "");
    line.try_as(3);
    EXPECT_NE(why_wait(line.circuit, line.now).find("job 7 tries it now"), std::string::npos);
    EXPECT_EQ(line.meet(Met::Nothing, 3), CircuitChange::None);
  }
  line.now += 300s;
  line.try_as(4);
  EXPECT_EQ(line.meet(Met::Unknown, 4), CircuitChange::None);  // it never got there: another one, after the same pause
  EXPECT_EQ(line.circuit.next_try - line.now, 300s);
  line.try_as(5);
  EXPECT_EQ(line.meet(Met::Endpoint, 5), CircuitChange::Closed);
  EXPECT_FALSE(line.circuit.is_open());
  EXPECT_TRUE(line.circuit.failures.empty());
}

TEST(JobsCircuit, WhoeverBeganBeforeItOpenedSaysNothing) {
  Line line;
  line.open();
  line.now += 10s;
  EXPECT_EQ(line.meet(Met::Endpoint, 9, 20s), CircuitChange::None);
  EXPECT_TRUE(line.circuit.is_open());
  EXPECT_EQ(line.meet(Met::Endpoint, 9, 5s), CircuitChange::Closed);  // begun since: a person let it through
}

TEST(JobsCircuit, AClockThatIsSetBackHoldsNobodyUp) {
  Line line;
  line.open();
  line.now -= 1h;
  EXPECT_EQ(why_wait(line.circuit, line.now), "");
  line.try_as(3);
  line.meet(Met::Nothing, 3);
  EXPECT_EQ(line.circuit.next_try - line.now, 60s);
}

// ------------------------------------------------------------ store

struct World {
  test::TestClock clock;
  std::unique_ptr<Store> store;

  explicit World(test::StateKind kind) : store(std::move(*Store::open(test::new_state(kind, clock), "weir"))) {}

  std::int64_t enqueue(std::string const& name, std::vector<std::string> endpoints, Cause cause = Cause::Schedule) {
    NewJob made;
    made.definition.name = name;
    made.definition.steps = {{config::JobStep::Kind::Sync, name, {}, std::move(endpoints)}};
    made.cause = cause;
    made.actor = "ada";
    return store->enqueue(std::move(made))->job;
  }
  // 0: there was none.
  std::optional<Claim> claim() {
    auto claimed = store->claim("a", 30s);
    EXPECT_TRUE(claimed.ok()) << claimed.error().to_text();
    return claimed.ok() ? std::move(*claimed) : std::nullopt;
  }
  void fail(Claim const& claim, std::string const& endpoint) {
    AttemptEnd end;
    end.failure = FailureClass::Transient;
    end.unreachable = {endpoint};
    EXPECT_TRUE(store->finish(claim, end, 0.999999).ok());
  }
  void succeed(Claim const& claim) {
    AttemptEnd end;
    end.reached = endpoints_of(claim.job);
    EXPECT_TRUE(store->finish(claim, end, 0).ok());
  }
  // So many jobs fail to reach the source: the circuit is open.
  std::vector<std::int64_t> open(int jobs) {
    std::vector<std::int64_t> ids;
    for (int i = 0; i < jobs; ++i) ids.push_back(enqueue("core" + std::to_string(i), {"core", "dwh"}));
    for (int i = 0; i < 5; ++i) fail(*claim(), "core");
    return ids;
  }
  std::string waiting(std::int64_t job) { return store->job(job)->waiting; }
  std::vector<std::string> circuit_events() {
    std::vector<std::string> kinds;
    auto const events = *store->events(0, {}, 10'000);
    for (auto const& event : events)
      if (event.kind.starts_with("weir.endpoint.")) kinds.push_back(event.kind + " " + event.object);
    return kinds;
  }
};

class JobsCircuitStore : public testing::TestWithParam<test::StateKind> {};
INSTANTIATE_TEST_SUITE_P(Both, JobsCircuitStore, test::kBothStates, test::state_kind_name);

TEST_P(JobsCircuitStore, OneJobAtATimeTriesAnEndpointThatDoesNotAnswer) {
  World world(GetParam());
  auto const jobs = world.open(105);  // more than are looked at at once
  auto const other = world.enqueue("shop", {"shop", "dwh"});
  EXPECT_EQ(world.circuit_events(), std::vector<std::string>{"weir.endpoint.circuit.opened core"});
  EXPECT_EQ(world.claim()->job.id, other);
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.waiting(jobs[104]), circuit_text(world.store->circuits()->at(0), world.clock.now()));
  EXPECT_EQ(world.store->job(jobs[104])->attempts, 0);

  world.clock.advance(30s);
  auto const first = world.claim();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->attempt, 2) << "who has tried most is the next";
  EXPECT_FALSE(world.claim());
  EXPECT_NE(world.waiting(jobs[60]).find("tries it now"), std::string::npos);
  world.fail(*first, "core");
  world.clock.advance(59s);
  EXPECT_FALSE(world.claim());
  world.clock.advance(1s);
  auto const second = world.claim();
  EXPECT_EQ(second->job.id, first->job.id);
  world.succeed(*second);
  EXPECT_EQ(world.circuit_events().back(), "weir.endpoint.circuit.closed core");
  EXPECT_EQ(world.waiting(jobs[104]), "");
  for (int begun = 0; begun < 4; ++begun) EXPECT_TRUE(world.claim());
}

TEST_P(JobsCircuitStore, AJobThatTriesAndIsLostLeavesItToAnother) {
  World world(GetParam());
  world.open(6);
  world.clock.advance(30s);
  auto const lost = world.claim();
  world.clock.advance(31s);
  ASSERT_EQ(world.store->expire(0)->size(), 1U);
  EXPECT_FALSE(world.claim());
  world.clock.advance(30s);
  auto const next = world.claim();
  ASSERT_TRUE(next);
  EXPECT_EQ(world.store->circuits()->at(0).probe, next->job.token);
  EXPECT_FALSE(world.claim());
}

TEST_P(JobsCircuitStore, WhatAPersonAsksForIsLetThrough) {
  World world(GetParam());
  auto const jobs = world.open(6);
  EXPECT_FALSE(world.claim());
  auto const by_hand = world.enqueue("by hand", {"core", "dwh"}, Cause::Manual);
  for (int i = 0; i < 2; ++i) {  // with its own pauses; the others have theirs
    world.clock.set(std::max(world.clock.now(), world.store->job(by_hand)->run_at));
    auto const asked = world.claim();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->job.id, by_hand);
    if (i == 0) world.fail(*asked, "core");
  }
  EXPECT_EQ(world.store->circuits()->at(0).pause, 30s);
  EXPECT_EQ(world.store->circuits()->at(0).probe, 0);
  ASSERT_TRUE(world.store->retry_now(jobs[0], "ada").ok());  // its attempt failed
  ASSERT_TRUE(world.store->retry_now(jobs[5], "ada").ok());  // it waits for its first
  EXPECT_FALSE(world.store->retry_now(jobs[5], "ada").ok());
  auto const one = world.claim(), two = world.claim();
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(world.claim());
  world.clock.advance(1s);
  world.fail(*one, "core");
  world.succeed(*two);
  EXPECT_TRUE(world.store->circuits()->at(0).is_open()) << "it began before the other one failed";
  EXPECT_FALSE(world.store->job(one->job.id)->is_hurried) << "once";
}

TEST_P(JobsCircuitStore, JobsThatAPersonMadeOpenNothing) {
  World world(GetParam());
  for (int i = 0; i < 6; ++i) {
    world.enqueue("by hand " + std::to_string(i), {"core", "dwh"}, Cause::Manual);
    world.fail(*world.claim(), "core");
  }
  EXPECT_TRUE(world.circuit_events().empty());
}

TEST_P(JobsCircuitStore, NobodyWaitsForEver) {
  World world(GetParam());
  auto const jobs = world.open(6);
  EXPECT_FALSE(world.claim());
  world.clock.advance(24h + 1s);  // the queue's limit
  EXPECT_EQ(*world.store->expire_queue(), std::vector<std::int64_t>{jobs[5]});
  EXPECT_EQ(world.store->job(jobs[5])->state, JobState::Failed);
  auto const tries = world.claim();
  ASSERT_TRUE(tries);
  EXPECT_FALSE(world.claim());
  world.clock.advance(48h);  // and that of jobs that have begun
  EXPECT_EQ(world.store->expire_queue()->size(), 4U);
  auto const events = *world.store->events(0, {}, 10'000);
  EXPECT_NE(events.back().data.find("could not begin within 3 d 0 h of the first: endpoint"), std::string::npos)
      << events.back().data;
}

TEST_P(JobsCircuitStore, WhatIsLeftOfAJobDecidesWhatItNeeds) {
  World world(GetParam());
  world.open(6);
  NewJob made;
  made.definition.name = "both";
  made.definition.steps = {{config::JobStep::Kind::Sync, "core", {}, {"core", "dwh"}},
                           {config::JobStep::Kind::Dbt, "build", {}, {"dwh"}}};
  made.cause = Cause::Recovery;
  made.resume = R"({"step": 1})";
  auto const rest = world.store->enqueue(std::move(made))->job;
  auto const claim = world.claim();
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->job.id, rest);
  EXPECT_EQ(endpoints_of(claim->job), std::vector<std::string>{"dwh"});
}

}  // namespace
}  // namespace weir::jobs
