// The store and the rules of jobs, over either database with a clock of the test's own; and a simulator that does all
// of it in random order, with workers that crash between any two calls, whose requests or replies are lost, and clocks
// that jump. WEIR_SEED=N runs one seed, WEIR_SEEDS=N so many.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "jobs/scheduler.h"
#include "jobs/store.h"
#include "pg/faults.h"
#include "pg/session.h"
#include "state_database.h"
#include "test_clock.h"

namespace weir::jobs {
namespace {

using namespace std::chrono_literals;

using test::TestClock;

config::Job definition(std::string name, std::string connection = "core") {
  config::Job job;
  job.name = std::move(name);
  job.steps = {{config::JobStep::Kind::Sync, std::move(connection), {}}};
  return job;
}

AttemptEnd failed(FailureClass failure, std::int64_t published = 0) {
  AttemptEnd end;
  end.failure = failure;
  end.published = published;
  return end;
}

struct World {
  TestClock clock;
  std::unique_ptr<Store> store;

  explicit World(test::StateKind kind) {
    auto made = Store::open(test::new_state(kind, clock), "weir");
    EXPECT_TRUE(made.ok()) << made.error().to_text();
    store = std::move(*made);
  }
  std::int64_t enqueue(config::Job job) {
    NewJob made;
    made.definition = std::move(job);
    made.actor = "ada";
    return store->enqueue(std::move(made))->job;
  }
  Claim claim(char const* worker = "a") {
    auto claimed = store->claim(worker, 30s);
    EXPECT_TRUE(claimed.ok() && *claimed);
    return std::move(**claimed);
  }
  JobState state(std::int64_t job) { return store->job(job)->state; }
};

class JobsStore : public testing::TestWithParam<test::StateKind> {};
INSTANTIATE_TEST_SUITE_P(Both, JobsStore, test::kBothStates, test::state_kind_name);
class JobsScheduler : public testing::TestWithParam<test::StateKind> {};
INSTANTIATE_TEST_SUITE_P(Both, JobsScheduler, test::kBothStates, test::state_kind_name);

TEST_P(JobsStore, JobsKeepTheirNumbersAndOneOfANameLives) {
  World world(GetParam());
  auto const first = world.enqueue(definition("nightly"));
  EXPECT_EQ(first, 1);
  NewJob again;
  again.definition = definition("nightly");
  auto const second = world.store->enqueue(std::move(again));
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(second->job, first);
  auto const claim = world.claim();
  ASSERT_TRUE(world.store->finish(claim, {}, 0).ok());
  EXPECT_EQ(world.state(first), JobState::Succeeded);
  EXPECT_EQ(world.enqueue(definition("nightly")), 2);
}

TEST_P(JobsStore, FiveAttemptsWithLongerPauses) {
  World world(GetParam());
  auto const id = world.enqueue(definition("nightly"));
  std::vector<Duration> pauses;
  for (int n = 1; n <= 5; ++n) {
    auto const claim = world.claim();
    EXPECT_EQ(claim.attempt, n);
    auto const after = world.store->finish(claim, failed(FailureClass::Transient), 0.999999);
    ASSERT_TRUE(after.ok());
    if (after->state == JobState::Incomplete) pauses.push_back(after->run_at - world.clock.now());
    world.clock.set(std::max(world.clock.now(), world.store->job(id)->run_at));
  }
  EXPECT_EQ(world.state(id), JobState::Failed);
  ASSERT_EQ(pauses.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(static_cast<double>(pauses[i].count()), 1e7 * std::pow(3, static_cast<double>(i)), 1000);
}

TEST_P(JobsStore, AnAttemptThatPublishedIsNoneOfTheFive) {
  World world(GetParam());
  auto const id = world.enqueue(definition("nightly"));
  int attempts = 0;
  while (!is_final(world.state(id))) {
    world.clock.set(std::max(world.clock.now(), world.store->job(id)->run_at));
    auto const claim = world.claim();
    ++attempts;
    ASSERT_TRUE(world.store->finish(claim, failed(FailureClass::Transient, attempts % 2), 0).ok());
  }
  EXPECT_EQ(world.state(id), JobState::Failed);
  EXPECT_EQ(attempts, 10);  // five that published, five that did not
}

TEST_P(JobsStore, WhatNoTryChangesIsNotTriedAgain) {
  for (auto const failure : {FailureClass::Config, FailureClass::Held, FailureClass::Bug}) {
    World world(GetParam());
    auto const id = world.enqueue(definition("nightly"));
    ASSERT_TRUE(world.store->finish(world.claim(), failed(failure), 0).ok());
    EXPECT_EQ(world.state(id), JobState::Failed) << class_name(failure);
  }
  World world(GetParam());  // data: once more
  auto const id = world.enqueue(definition("nightly"));
  ASSERT_TRUE(world.store->finish(world.claim(), failed(FailureClass::Data), 0).ok());
  EXPECT_EQ(world.state(id), JobState::Incomplete);
  world.clock.advance(1h);
  ASSERT_TRUE(world.store->finish(world.claim(), failed(FailureClass::Data), 0).ok());
  EXPECT_EQ(world.state(id), JobState::Failed);
}

TEST(JobsFailure, EachSqlstateHasItsClass) {
  struct Known {
    FailureClass failure;
    std::vector<std::string_view> sqlstates;
  };
  for (auto const& [failure, sqlstates] :
       {Known{FailureClass::Transient, {"08000", "08001", "08003", "08004", "08006", "08007", "08P01", "57P01",
                                        "57P02", "57P03", "57P04", "57P05", "53000", "53100", "53200", "53300",
                                        "53400", "40000", "40001", "40003", "40P01", "55P03", "55006", "25P03"}},
        Known{FailureClass::Data, {"22001", "22003", "22021", "22P02", "22P05", "23502", "23503", "23505", "23514"}},
        Known{FailureClass::Config, {"28000", "28P01", "3D000", "42501", "42P01", "42703", "0A000", "54011"}},
        Known{FailureClass::Bug, {"XX000", "XX001", "XX002"}}})
    for (auto const sqlstate : sqlstates)
      EXPECT_EQ(class_name(class_of(pg::kind_of_sqlstate(sqlstate), sqlstate)), class_name(failure)) << sqlstate;
}

TEST_P(JobsStore, JobsOfOneConnectionWaitForEachOther) {
  World world(GetParam());
  auto const first = world.enqueue(definition("nightly"));
  auto const second = world.enqueue(definition("hourly"));
  auto const third = world.enqueue(definition("other", "shop"));
  auto const claim = world.claim();
  EXPECT_EQ(claim.job.id, first);
  EXPECT_EQ(world.claim().job.id, third);
  EXPECT_FALSE(*world.store->claim("a", 30s));
  EXPECT_EQ(world.store->job(second)->waiting, "job 1 (nightly) has connection \"core\"");
  // Between its attempts too.
  ASSERT_TRUE(world.store->finish(claim, failed(FailureClass::Transient), 0).ok());
  EXPECT_FALSE(*world.store->claim("a", 30s, second));
  world.clock.advance(1h);
  ASSERT_TRUE(world.store->finish(world.claim(), {}, 0).ok());
  EXPECT_EQ(world.claim().job.id, second);
}

TEST_P(JobsStore, ALeaseThatEndedGivesTheJobToAnotherWorker) {
  World world(GetParam());
  auto const id = world.enqueue(definition("nightly"));
  auto const lost = world.claim("a");
  world.clock.advance(20s);
  EXPECT_EQ(world.store->renew("a", 30s)->held, std::vector{lost.job.token});
  world.clock.advance(31s);
  EXPECT_EQ(*world.store->expire(0), std::vector{id});
  world.clock.advance(1min);
  auto const next = world.claim("b");
  EXPECT_EQ(next.attempt, 2);
  EXPECT_GT(next.job.token, lost.job.token);
  EXPECT_TRUE(world.store->renew("a", 30s)->held.empty());
  auto const late = world.store->finish(lost, {}, 0);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind(), ErrorKind::Refused);
  EXPECT_EQ(world.state(id), JobState::Running);
  ASSERT_TRUE(world.store->finish(next, {}, 0).ok());
  EXPECT_EQ(world.store->attempts(id)->front().failure, "worker lost");
}

TEST_P(JobsStore, AJobThatKillsWeirEachTimeEndsAndOthersGoOn) {
  World world(GetParam());
  auto const poison = world.enqueue(definition("poison", "a"));
  auto const other = world.enqueue(definition("other", "b"));
  for (int start = 1; !is_final(world.state(poison)); ++start) {
    ASSERT_LE(start, 5);
    auto const worker = "start " + std::to_string(start);
    ASSERT_TRUE(world.store->expire(0.999999, worker).ok());  // as the next start of the program does
    world.clock.set(std::max(world.clock.now(), world.store->job(poison)->run_at));
    auto const claim = world.store->claim(worker, 30s, poison);
    ASSERT_TRUE(claim.ok() && *claim);
    if (start == 1) {
      // It was beside the other one, which is lost with it and then goes on while that waits.
      ASSERT_EQ(world.claim(worker.c_str()).job.id, other);
      ASSERT_EQ(world.store->expire(0.999999, "start 2")->size(), 2U);
      world.clock.set(world.store->job(other)->run_at);
      auto const again = world.store->claim("start 2", 30s, other);
      ASSERT_TRUE(again.ok() && *again);
      ASSERT_TRUE(world.store->finish(**again, {}, 0).ok());
    }
    if (start == 5) {
      ASSERT_TRUE(world.store->expire(0, "start 6").ok());
    }
  }
  EXPECT_EQ(world.state(poison), JobState::Failed);
  EXPECT_EQ(world.store->attempts(poison)->size(), 5U);
  EXPECT_EQ(world.state(other), JobState::Succeeded);
}

TEST_P(JobsStore, ACancelIsDoneAtOnceOrByWhoeverRunsIt) {
  World world(GetParam());
  auto const waiting = world.enqueue(definition("nightly"));
  EXPECT_EQ(*world.store->cancel(waiting, "ada"), JobState::Cancelled);
  EXPECT_FALSE(world.store->cancel(waiting, "ada").ok());
  auto const running = world.enqueue(definition("nightly"));
  auto const claim = world.claim();
  EXPECT_EQ(*world.store->cancel(running, "ada"), JobState::Running);
  EXPECT_EQ(world.store->renew("a", 30s)->to_cancel, std::vector{claim.job.token});
  ASSERT_TRUE(world.store->finish(claim, failed(FailureClass::Cancelled), 0).ok());
  EXPECT_EQ(world.state(running), JobState::Cancelled);
  EXPECT_EQ(world.store->cancel(99, "ada").error().kind(), ErrorKind::Usage);
}

TEST_P(JobsStore, StoppingUsesUpNoAttempt) {
  World world(GetParam());
  auto const id = world.enqueue(definition("nightly"));
  for (int n = 0; n < 7; ++n) ASSERT_TRUE(world.store->finish(world.claim(), failed(FailureClass::Stopping), 0).ok());
  auto const job = *world.store->job(id);
  EXPECT_EQ(job.state, JobState::Incomplete);
  EXPECT_EQ(job.uncounted, 7);
  EXPECT_EQ(job.run_at, world.clock.now());
}

TEST(JobsStoreFile, EventsAreAChain) {
  TestClock clock;
  auto folder = TempFolder::create("weir-state-");
  ASSERT_TRUE(folder.ok());
  auto const file = folder->path() / "state.db";
  {
    auto store = Store::open(std::move(*open_sqlite(file, clock)), "weir");
    NewJob job;
    job.definition = definition("nightly");
    ASSERT_TRUE((*store)->enqueue(std::move(job)).ok());
    ASSERT_TRUE((*store)->finish(**(*store)->claim("a", 30s), {}, 0).ok());
    EXPECT_EQ(*(*store)->broken_link(), std::nullopt);
    EXPECT_EQ((*store)->events(0, 1, 100)->size(), 5U);
  }
  {
    auto database = std::move(*open_sqlite(file, clock));
    ASSERT_TRUE(database->query("UPDATE event SET data = '{\"why\":\"nothing\"}' WHERE seq = 3").ok());
  }
  auto store = Store::open(std::move(*open_sqlite(file, clock)), "weir");
  EXPECT_EQ(*(*store)->broken_link(), 3);
}

TEST(JobsStoreFile, OneProgramHasTheFile) {
  TestClock clock;
  auto folder = TempFolder::create("weir-state-");
  ASSERT_TRUE(folder.ok());
  auto const file = folder->path() / "sub" / "state.db";
  auto const first = open_sqlite(file, clock);
  ASSERT_TRUE(first.ok()) << first.error().to_text();
  auto const second = open_sqlite(file, clock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind(), ErrorKind::Busy);
  EXPECT_TRUE(back_up_sqlite(**first, folder->path() / "copy.db").ok());
  EXPECT_TRUE(open_sqlite(folder->path() / "copy.db", clock).ok());
}

TEST(JobsStoreFile, ADamagedFileIsRefused) {
  TestClock clock;
  auto folder = TempFolder::create("weir-state-");
  ASSERT_TRUE(folder.ok());
  auto const file = folder->path() / "state.db";
  ASSERT_TRUE(write_file(file, std::string(8192, 'x')).ok());
  auto const opened = open_sqlite(file, clock);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind(), ErrorKind::Config);
}

TEST(JobsStoreFile, ANewerStateIsRefused) {
  TestClock clock;
  auto folder = TempFolder::create("weir-state-");
  ASSERT_TRUE(folder.ok());
  auto const file = folder->path() / "state.db";
  ASSERT_TRUE(Store::open(std::move(*open_sqlite(file, clock)), "weir").ok());
  {
    auto database = std::move(*open_sqlite(file, clock));
    ASSERT_TRUE(database->query("INSERT INTO schema_version VALUES (1000)").ok());
  }
  auto const opened = Store::open(std::move(*open_sqlite(file, clock)), "weir");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind(), ErrorKind::Config);
}

// ------------------------------------------------------------------------------------------------------------
// schedules

TEST_P(JobsScheduler, ASlotMakesOneJobWhateverTheClockDoes) {
  World world(GetParam());
  auto job = definition("nightly");
  job.when.cron = "0 3 * * *";
  job.when.zone = "Europe/Berlin";
  auto made = Scheduler::make({{"nightly", job}});
  ASSERT_TRUE(made.ok()) << made.error().to_text();
  auto& scheduler = *made;
  EXPECT_TRUE(scheduler.tick(*world.store)->empty());  // begins now: what was before does not count
  auto const start = world.clock.now();
  world.clock.set(*scheduler.next());
  EXPECT_EQ(scheduler.tick(*world.store)->size(), 1U);
  world.clock.set(start);  // the clock goes back, and the night comes again
  EXPECT_TRUE(scheduler.tick(*world.store)->empty());
  auto again = Scheduler::make({{"nightly", job}});
  world.clock.advance(12h);
  EXPECT_TRUE(again->tick(*world.store)->empty());
  EXPECT_EQ(world.store->slots("nightly", 10)->size(), 1U);
}

TEST_P(JobsScheduler, ASlotThatATimeZoneMovesIsTheSameSlot) {
  World world(GetParam());
  auto const job = definition("nightly");
  DueSlot due;
  due.slot.local = "2026-11-27T03:00";
  due.outcome = Outcome::Fire;
  due.slot.at = world.clock.now();
  ASSERT_TRUE(world.store->meet_schedule("nightly", "0 3 * * * Europe/Berlin").ok());
  ASSERT_EQ(world.store->record_slots("nightly", {due}, due.slot.at, job)->size(), 1U);
  ASSERT_TRUE(world.store->finish(world.claim(), {}, 0).ok());
  due.slot.at += 2h;  // the rules of the zone are others now
  world.clock.advance(2h);
  EXPECT_EQ(world.store->record_slots("nightly", {due}, due.slot.at, job)->size(), 0U);
  auto const slots = *world.store->slots("nightly", 10);
  ASSERT_EQ(slots.size(), 1U);
  EXPECT_EQ(slots[0].job, 1);
}

TEST_P(JobsScheduler, WhatWasMissedIsMadeUpForOnce) {
  World world(GetParam());
  auto job = definition("hourly");
  job.when.cron = "0 * * * *";
  auto scheduler = Scheduler::make({{"hourly", job}});
  EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  world.clock.advance(5h + 10min);
  EXPECT_EQ(scheduler->tick(*world.store)->size(), 1U);
  auto const slots = *world.store->slots("hourly", 10);
  ASSERT_EQ(slots.size(), 5U);
  EXPECT_EQ(slots[0].outcome, "fired");
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(slots[i].outcome, "coalesced");
  // The next one comes while the job has not ended: it is told, and makes none.
  world.clock.advance(1h);
  EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  EXPECT_EQ(world.store->slots("hourly", 1)->front().outcome, "coalesced");
}

TEST_P(JobsScheduler, WhatAnotherOneHasSeenToWasNotMissed) {
  World world(GetParam());
  auto job = definition("hourly");
  job.when.cron = "0 * * * *";
  auto here = Scheduler::make({{"hourly", job}}), elsewhere = Scheduler::make({{"hourly", job}});
  EXPECT_TRUE(here->tick(*world.store)->empty());
  EXPECT_TRUE(elsewhere->tick(*world.store)->empty());
  world.clock.set(*here->next());
  EXPECT_EQ(here->tick(*world.store)->size(), 1U);
  // Elsewhere the schedule is read again before its slots are looked at, or they are found to be there.
  world.clock.advance(2h + 30min);
  EXPECT_TRUE(here->tick(*world.store)->empty());  // its job goes on
  EXPECT_TRUE(elsewhere->tick(*world.store)->empty());
  auto const handled = world.clock.now();
  ASSERT_TRUE(
      world.store
          ->record_slots("hourly", due(*schedule_of(job), handled - 3h, handled, MisfirePolicy{}).slots, handled, job)
          .ok());
  int missed = 0;
  auto const events = *world.store->events(0, std::nullopt, 100);
  for (auto const& event : events) missed += event.kind == "weir.schedule.missed";
  EXPECT_EQ(missed, 1);
}

TEST_P(JobsScheduler, SlotsThatComeWhileTheirJobRunsHaveOneThatFollowsIt) {
  World world(GetParam());
  auto job = definition("hourly");
  job.when.cron = "0 * * * *";
  auto scheduler = Scheduler::make({{"hourly", job}});
  EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  auto slot_comes = [&] {
    world.clock.set(*scheduler->next());
    return scheduler->tick(*world.store)->size();
  };
  ASSERT_EQ(slot_comes(), 1U);
  auto const first = world.claim();
  EXPECT_EQ(slot_comes(), 0U);
  EXPECT_EQ(slot_comes(), 0U);
  ASSERT_TRUE(world.store->finish(first, {}, 0).ok());
  auto const second = world.claim();
  EXPECT_EQ(second.job.id, first.job.id + 1);
  EXPECT_EQ(second.job.cause, "schedule");
  auto const slots = *world.store->slots("hourly", 3);
  EXPECT_EQ(slots[0].outcome, "fired");
  EXPECT_EQ(slots[0].job, second.job.id);
  EXPECT_EQ(slots[0].local, second.job.slot_local);
  EXPECT_EQ(slots[1].outcome, "coalesced");
  // Not behind one that failed, nor where the schedule is off by then, nor where the next attempt begins later anyway.
  EXPECT_EQ(slot_comes(), 0U);
  ASSERT_TRUE(world.store->finish(second, failed(FailureClass::Config), 0).ok());
  EXPECT_EQ(*world.store->next_due(), std::nullopt);
  ASSERT_EQ(slot_comes(), 1U);
  auto const third = world.claim();
  ASSERT_TRUE(world.store->finish(third, failed(FailureClass::Transient), 0).ok());
  EXPECT_EQ(slot_comes(), 0U);
  auto const again = world.claim();
  EXPECT_EQ(again.job.id, third.job.id);
  EXPECT_EQ(slot_comes(), 0U);
  ASSERT_TRUE(world.store->enable_schedule("hourly", false, "ada").ok());
  ASSERT_TRUE(world.store->finish(again, {}, 0).ok());
  EXPECT_EQ(*world.store->next_due(), std::nullopt);
}

TEST_P(JobsScheduler, ADisabledScheduleMakesNothingAndMissesNothing) {
  World world(GetParam());
  auto job = definition("hourly");
  job.when.cron = "0 * * * *";
  auto scheduler = Scheduler::make({{"hourly", job}});
  EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  ASSERT_TRUE(world.store->enable_schedule("hourly", false, "ada").ok());
  auto const now = world.clock.now();
  auto const seen_before =
      due(*schedule_of(job), now - 1h, now, MisfirePolicy{});  // by one who has not heard of it yet
  ASSERT_EQ(seen_before.slots.size(), 1U);
  EXPECT_TRUE(world.store->record_slots("hourly", seen_before.slots, now, job)->empty());
  EXPECT_TRUE(world.store->slots("hourly", 10)->empty());
  for (int i = 0; i < 10; ++i) {
    world.clock.advance(30min);
    EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  }
  ASSERT_TRUE(world.store->enable_schedule("hourly", true, "ada").ok());
  world.clock.advance(1min);
  EXPECT_TRUE(scheduler->tick(*world.store)->empty());
  world.clock.advance(1h);
  EXPECT_EQ(scheduler->tick(*world.store)->size(), 1U);
}

// ------------------------------------------------------------------------------------------------------------
// simulator

// A worker as Runner is one, one call at a time.
struct SimulatedWorker {
  std::string name;
  std::optional<Claim> claim;
  bool frozen = false;
};

class Simulation {
 public:
  Simulation(test::StateKind kind, std::uint64_t seed) : random_(seed), world_(kind) {
    for (int i = 0; i < 6; ++i) {
      auto job = definition("job" + std::to_string(i), i < 2 ? "c" : "c" + std::to_string(i));
      job.steps[0].endpoints = {i == 2 ? "shop" : "core", "dwh"};
      job.when.cron = i == 0 ? "*/10 * * * *" : "30 * * * *";
      jobs_[job.name] = job;
    }
    for (int i = 0; i < 3; ++i) workers_.push_back(SimulatedWorker{"w" + std::to_string(i), {}, false});
    schedulers_.push_back(std::move(*Scheduler::make(jobs_)));
    schedulers_.push_back(std::move(*Scheduler::make(jobs_)));
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      check();
    }
    quiesce();
  }
  int tried() const { return tried_; }  // endpoints that did not answer, by how many attempts

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  Store& store() { return *world_.store; }

  void step() {
    auto& worker = workers_[pick(workers_.size())];
    switch (pick(14)) {
      case 0:
        world_.clock.advance(std::chrono::seconds(pick(40)));
        break;
      case 1:
        world_.clock.advance(std::chrono::minutes(pick(30)));
        break;
      case 2:  // the clock is set back
        if (pick(5) == 0) world_.clock.advance(-std::chrono::minutes(pick(90)));
        break;
      case 3:
      case 4: {
        auto const made = schedulers_[pick(2)].tick(store());
        ASSERT_TRUE(made.ok()) << made.error().to_text();
        break;
      }
      case 5:
        ASSERT_TRUE(store().expire(0.5).ok());
        break;
      case 6:
        worker.frozen = pick(3) == 0;
        break;
      case 7:  // it dies; its name never comes again
        if (pick(3) == 0) worker = SimulatedWorker{"w" + std::to_string(++deaths_ + 100), {}, false};
        break;
      case 8:
        if (pick(4) == 0 && highest_ > 0)
          (void)store().cancel(1 + static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(highest_))), "ada").ok();
        break;
      case 9:
        if (pick(2) == 0) down_ = std::array{"", "core", "shop", "dwh"}[pick(4)];
        break;
      case 10:  // much is due at once
        if (pick(2) != 0) break;
        for (std::uint64_t i = pick(12); i > 0; --i) {
          world_.clock.advance(std::chrono::seconds(pick(6)));
          auto const claim = this->claim("storm" + std::to_string(i));
          if (claim) finish(*claim);
        }
        break;
      default:
        work(worker);
    }
  }

  // An attempt that needs an endpoint whose circuit is open begins as the one that tries it.
  std::optional<Claim> claim(std::string const& worker) {
    auto const before = *store().circuits();
    auto claimed = store().claim(worker, 30s);
    EXPECT_TRUE(claimed.ok()) << claimed.error().to_text();
    if (!claimed.ok() || !*claimed) return {};
    auto const needs = endpoints_of((*claimed)->job);
    auto const behind = *store().circuits();
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!before[i].is_open() || std::find(needs.begin(), needs.end(), before[i].endpoint) == needs.end()) continue;
      EXPECT_EQ(before[i].probe, 0) << "two try " << before[i].endpoint;
      EXPECT_EQ(behind[i].probe, (*claimed)->job.token);
      ++tried_;
    }
    return std::move(*claimed);
  }

  void work(SimulatedWorker& worker) {
    if (worker.frozen) return;
    if (!worker.claim) {
      auto claimed = claim(worker.name);
      if (pick(8) == 0) return;  // the reply is lost: the lease will end
      worker.claim = std::move(claimed);
      return;
    }
    if (pick(3) != 0) {
      auto const renewed = store().renew(worker.name, 30s);
      ASSERT_TRUE(renewed.ok());
      bool const held =
          std::find(renewed->held.begin(), renewed->held.end(), worker.claim->job.token) != renewed->held.end();
      if (!held) worker.claim.reset();
      return;
    }
    finish(*worker.claim);
    worker.claim.reset();
  }

  void finish(Claim const& claim) {
    AttemptEnd end;
    constexpr FailureClass kEnds[] = {FailureClass::None,     FailureClass::None,   FailureClass::Transient,
                                      FailureClass::Data,     FailureClass::Config, FailureClass::Stopping,
                                      FailureClass::Transient};
    end.failure = kEnds[pick(7)];
    end.published = pick(4) == 0 ? 1 : 0;
    auto const needs = endpoints_of(claim.job);
    if (std::find(needs.begin(), needs.end(), down_) != needs.end()) {
      end.failure = pick(10) == 0 ? FailureClass::Stopping : FailureClass::Transient;
      if (end.failure == FailureClass::Transient) end.unreachable = {down_};
    } else if (end.failure != FailureClass::Stopping) {
      end.reached = needs;
    }
    for (std::uint64_t sent = 0; sent <= pick(2); ++sent) {  // the reply may be lost, and it says it again
      auto const done = store().finish(claim, end, 0.5);
      ASSERT_TRUE(done.ok() || done.error().kind() == ErrorKind::Refused) << done.error().to_text();
      bool const once = !done.ok() || tokens_.insert(claim.job.token).second;
      EXPECT_TRUE(once) << "an attempt ended twice";
    }
  }

  // What must hold at every moment (O7, O8).
  void check() {
    auto const all = *store().jobs(JobFilter{"", {}, {}, 20});
    std::map<std::string, int> live, connections;
    for (auto const& job : all) {
      highest_ = std::max(highest_, job.id);
      if (is_final(job.state)) {
        auto const [known, is_new] = ended_.emplace(job.id, job.state);
        EXPECT_EQ(known->second, job.state) << "job " << job.id << " left a final state";
        continue;
      }
      EXPECT_EQ(++live[job.name], 1) << job.name;
      int const holders = job.state == JobState::Pending ? 1 : ++connections[job.definition.steps[0].text];
      EXPECT_EQ(holders, 1);
    }
  }

  // Everybody is well again and has time: all that was begun ends, and every slot has its row.
  void quiesce() {
    if (::testing::Test::HasFailure()) return;
    down_.clear();
    bool is_quiet = false;
    for (int i = 0; i < 500 && !is_quiet; ++i) {
      world_.clock.advance(31min);
      ASSERT_TRUE(store().expire(0.5).ok());
      auto const claimed = claim("last");
      AttemptEnd end;
      if (claimed) end.reached = endpoints_of(claimed->job);
      bool const done = !claimed || store().finish(*claimed, end, 0.5).ok();
      ASSERT_TRUE(done);
      is_quiet = !claimed && !*store().next_due() && store().jobs(JobFilter{"", JobState::Running, {}, 1})->empty();
    }
    EXPECT_TRUE(is_quiet);
    auto const all = *store().jobs(JobFilter{"", {}, {}, 10'000});
    for (auto const& job : all) {
      EXPECT_TRUE(is_final(job.state)) << job.id << " is " << state_name(job.state);
      auto const attempts = *store().attempts(job.id);
      EXPECT_EQ(static_cast<int>(attempts.size()), job.attempts);
      for (std::size_t i = 0; i < attempts.size(); ++i) {
        EXPECT_EQ(attempts[i].n, static_cast<int>(i) + 1);
        EXPECT_NE(attempts[i].state, "running");
      }
    }
    std::set<std::int64_t> fired;
    for (auto const& [name, job] : jobs_) {
      auto const slots = *store().slots(name, 10'000);
      for (auto const& slot : slots)
        EXPECT_TRUE(slot.outcome != "fired" || (slot.job && fired.insert(*slot.job).second)) << "two slots, one job";
    }
    EXPECT_EQ(*store().broken_link(), std::nullopt);
    close_circuits();
  }

  // What answers again is found out by the first job that needs it.
  void close_circuits() {
    NewJob job;
    job.definition = definition("needs all", "all");
    job.definition.steps[0].endpoints = {"core", "shop", "dwh"};
    job.cause = Cause::Schedule;
    ASSERT_TRUE(store().enqueue(std::move(job)).ok());
    world_.clock.advance(31min);
    auto const claimed = claim("last");
    ASSERT_TRUE(claimed);
    AttemptEnd end;
    end.reached = endpoints_of(claimed->job);
    ASSERT_TRUE(store().finish(*claimed, end, 0.5).ok());
    auto const circuits = *store().circuits();
    for (auto const& one : circuits) EXPECT_FALSE(one.is_open()) << one.endpoint;
  }

  std::mt19937_64 random_;
  World world_;
  std::map<std::string, config::Job> jobs_;
  std::vector<Scheduler> schedulers_;
  std::vector<SimulatedWorker> workers_;
  std::map<std::int64_t, JobState> ended_;
  std::set<std::int64_t> tokens_;
  std::int64_t highest_ = 0;
  int deaths_ = 0, tried_ = 0;
  std::string down_;  // the endpoint that does not answer
};

std::int64_t from_environment(char const* name, std::int64_t fallback) {
  char const* const text = std::getenv(name);
  return text == nullptr ? fallback : parse_int(text).value_or(fallback);
}

class JobsSimulation : public testing::TestWithParam<test::StateKind> {};
INSTANTIATE_TEST_SUITE_P(Both, JobsSimulation, test::kBothStates, test::state_kind_name);

TEST_P(JobsSimulation, AnyOrderOfCrashesLosesAndDoublesNothing) {
  bool const is_fast = GetParam() == test::StateKind::Sqlite;
  auto const only = from_environment("WEIR_SEED", 0), seeds = from_environment("WEIR_SEEDS", is_fast ? 25 : 3);
  std::int64_t tried = 0;
  for (std::int64_t seed = only > 0 ? only : 1; seed <= (only > 0 ? only : seeds); ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    Simulation simulation(GetParam(), static_cast<std::uint64_t>(seed));
    simulation.run(300);
    tried += simulation.tried();
    if (HasFailure()) break;
  }
  EXPECT_TRUE(only > 0 || !is_fast || tried > seeds) << tried << ": the endpoints were hardly ever away";
}

}  // namespace
}  // namespace weir::jobs
