// Incidents, freshness and the outbox, over either database with a clock of the test's own: what follows from events.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"
#include "incident/explain.h"
#include "incident/outbox.h"
#include "incident/promise.h"
#include "incident/recorder.h"
#include "incident/report.h"
#include "jobs/store.h"
#include "state_database.h"
#include "test_clock.h"

namespace weir::incident {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

using test::TestClock;

class Incidents : public testing::TestWithParam<test::StateKind> {
 protected:
  TestClock clock_;
  Recorder recorder_{"shop", [](std::string const& job, std::string_view topic) {
                       return job == "quiet" || topic == "held" ? std::vector<std::string>()
                                                                : std::vector<std::string>{"chat"};
                     }};
  std::unique_ptr<jobs::Store> store_;

  void SetUp() override {
    auto made = jobs::Store::open(test::new_state(GetParam(), clock_), "weir", &recorder_);
    ASSERT_TRUE(made.ok()) << made.error().to_text();
    store_ = std::move(*made);
  }

  static config::Job definition(std::string const& name) {
    config::Job job;
    job.name = name;
    job.attempts = 1;
    job.steps = {{config::JobStep::Kind::Sync, name, {}}};
    return job;
  }

  void event(std::int64_t job, std::string kind, std::string object, Json const& data) {
    ASSERT_TRUE(store_->add_events({{std::move(kind), std::move(object), job, 1, json_line(data)}}).ok());
  }
  void published(std::int64_t job, std::string const& table) {
    event(job, "weir.table.published", table,
          {{"outcome", "published"},
           {"stream", "dbo." + table},
           {"connection", "core"},
           {"read_at", iso_text(clock_.now())}});
  }
  void built(std::int64_t job, std::string const& model, std::vector<std::string> const& parents,
             std::string const& kind = "table", std::string const& status = "passed") {
    event(job, "weir.model." + status, "model.shop." + model,
          {{"relation", model}, {"materialized", kind}, {"selector", "fqn:" + model}, {"parents", parents}});
  }

  // A job from its claim to its end; `work` tells what it did.
  template <typename Work>
  std::int64_t run(std::string const& name, Work work, std::string const& error = "") {
    jobs::NewJob wanted;
    wanted.definition = definition(name);
    wanted.actor = "ana";
    auto const made = store_->enqueue(std::move(wanted));
    EXPECT_TRUE(made.ok());
    auto const claim = store_->claim("w", 30s, made->job);
    EXPECT_TRUE(claim.ok() && claim->has_value());
    clock_.advance(1min);
    work(made->job);
    jobs::AttemptEnd end;
    if (!error.empty()) {
      end.failure = jobs::FailureClass::Config;
      end.error = json_line({{"kind", "config"}, {"message", error}, {"where", "endpoints.yml:5:9"}});
    }
    EXPECT_TRUE(store_->finish(**claim, end, 0).ok());
    clock_.advance(1min);
    return made->job;
  }
  static void nothing(std::int64_t) {}

  template <typename Read>
  auto read(Read reader) {
    decltype(reader(std::declval<jobs::Database&>())) answer{Error(ErrorKind::Internal, "not asked")};
    auto const done = store_->transact([&](jobs::Change& change) -> Status {
      answer = reader(change.database);
      return {};
    });
    EXPECT_TRUE(done.ok());
    EXPECT_TRUE(answer.ok()) << answer.error().to_text();
    return std::move(*answer);
  }
  std::vector<Incident> incidents(bool open_only = false) {
    return read([&](jobs::Database& database) { return list(database, open_only, 100); });
  }
  std::string state_of(std::string const& name) {
    return text_at(read([&](jobs::Database& database) { return why_relation(database, name); }), "state");
  }
  std::vector<Message> messages() {
    std::vector<Message> due;
    auto const done = store_->transact([&](jobs::Change& change) -> Status {
      WEIR_TRY(due, take_due(change, 100, 1min));
      return {};
    });
    EXPECT_TRUE(done.ok());
    return due;
  }

  void good_night() {
    run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
    run("dbt", [&](auto job) {
      built(job, "m.view", {"s.a"}, "view");
      built(job, "m.sum", {"m.view", "s.b"});
      built(job, "m.other", {});
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Both, Incidents, test::kBothStates, test::state_kind_name);

TEST_P(Incidents, WhatIsBetweenTwoRunsIsFresh) {
  good_night();
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  for (auto const* name : {"s.a", "s.b", "m.view", "m.sum", "m.other"}) EXPECT_EQ(state_of(name), "fresh") << name;
  EXPECT_TRUE(incidents().empty());
  EXPECT_TRUE(messages().empty());
}

TEST_P(Incidents, AFailedSyncMakesStaleWhatItDidNotLoadAndWhatIsBuiltOnIt) {
  good_night();
  run(
      "core", [&](auto job) { published(job, "s.b"); }, "no route to host");
  EXPECT_EQ(state_of("s.a"), "stale");
  EXPECT_EQ(state_of("s.b"), "fresh");
  EXPECT_EQ(state_of("m.view"), "stale");
  EXPECT_EQ(state_of("m.sum"), "stale");
  EXPECT_EQ(state_of("m.other"), "fresh");
  auto const why = read([](jobs::Database& database) { return why_relation(database, "m.sum"); });
  ASSERT_EQ(why["chain"].size(), 3U);
  EXPECT_EQ(text_at(why["chain"][2], "relation"), "s.a");
  EXPECT_EQ(text_at(why["cause"]["error"], "message"), "no route to host");
  ASSERT_EQ(why["incidents"].size(), 1U);
}

TEST_P(Incidents, AHealedSyncLeavesNothingBehindUnlessModelsWereBuiltMeanwhile) {
  good_night();
  run("core", nothing, "no route to host");
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  EXPECT_EQ(state_of("m.sum"), "fresh");
  EXPECT_TRUE(incidents(true).empty());

  run("core", nothing, "no route to host");
  run("dbt", [&](auto job) {
    built(job, "m.view", {"s.a"}, "view");
    built(job, "m.sum", {"m.view", "s.b"});
    built(job, "m.other", {});
  });
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  EXPECT_EQ(state_of("s.a"), "fresh");
  EXPECT_EQ(state_of("m.view"), "fresh");
  EXPECT_EQ(state_of("m.sum"), "stale");
  EXPECT_EQ(incidents(true).size(), 1U);
  auto const rebuild = read([](jobs::Database& database) { return to_rebuild(database); });
  ASSERT_EQ(rebuild.size(), 1U);
  EXPECT_EQ(rebuild[0].job, "dbt");
  EXPECT_EQ(rebuild[0].selectors, std::vector<std::string>{"fqn:m.sum"});

  run("dbt", [&](auto job) {
    built(job, "m.view", {"s.a"}, "view");
    built(job, "m.sum", {"m.view", "s.b"});
    built(job, "m.other", {});
  });
  EXPECT_EQ(state_of("m.sum"), "fresh");
  EXPECT_TRUE(incidents(true).empty());
  EXPECT_TRUE(read([](jobs::Database& database) { return to_rebuild(database); }).empty());
}

TEST_P(Incidents, ARebuildThatFailsIsNotBegunAgainAndAgain) {
  good_night();
  run("core", nothing, "no route to host");
  run("dbt", [&](auto job) {
    built(job, "m.sum", {"s.a"}), built(job, "m.view", {"s.a"}, "view"), built(job, "m.other", {});
  });
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  EXPECT_EQ(read([](jobs::Database& database) { return to_rebuild(database); }).size(), 1U);
  run("dbt", nothing, "the server is away");
  EXPECT_TRUE(read([](jobs::Database& database) { return to_rebuild(database); }).empty());
  EXPECT_EQ(state_of("m.sum"), "stale");
}

TEST_P(Incidents, FailuresOfOneCauseAreOneIncidentAndOneMessage) {
  run("core", nothing, "port 5432: no route to host");
  run("early", nothing, "port 5433: no route to host");
  run("other", nothing, "disk full");
  auto const all = incidents();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].failures, 2);
  auto const told = messages();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].notice.moment, alert::Moment::Opened);
  for (auto const& message : told)
    ASSERT_TRUE(store_->transact([&](auto& change) { return record(change, message, Outcome::Sent, "", {}); }).ok());
  // Each of its jobs must succeed.
  run("core", nothing);
  EXPECT_EQ(incidents(true).size(), 2U);
  run("early", nothing);
  EXPECT_EQ(incidents(true).size(), 1U);
  auto const well = messages();
  ASSERT_EQ(well.size(), 1U);
  EXPECT_EQ(well[0].notice.moment, alert::Moment::Recovered);
}

TEST_P(Incidents, WhoIsNotToBeToldIsNot) {
  run("quiet", nothing, "x");
  EXPECT_EQ(incidents().size(), 1U);
  EXPECT_TRUE(messages().empty());
}

TEST_P(Incidents, ReopenedItWaitsForAnotherSuccess) {
  run("core", nothing, "x");
  run("core", nothing);
  ASSERT_TRUE(incidents(true).empty());
  ASSERT_TRUE(store_->transact([](auto& change) { return reopen(change, 1, "ana", "no"); }).ok());
  run("other", nothing);
  EXPECT_EQ(incidents(true).size(), 1U);
  run("core", nothing);
  EXPECT_TRUE(incidents(true).empty());
}

// Connection "core", whose tables may become so old.
config::Config promising(Duration warn, Duration error) {
  config::Config config;
  auto& connection = config.connections["core"];
  connection.name = "core";
  connection.tables.resize(1);
  connection.tables[0].pattern = "*";
  connection.tables[0].options.fresh_warn = warn;
  connection.tables[0].options.fresh_error = error;
  return config;
}

TEST_P(Incidents, LateDataIsToldOncePerLimitAndOverWithTheNextLoad) {
  good_night();
  auto const config = promising(1h, 3h);
  auto look = [&] { ASSERT_TRUE(store_->transact([&](auto& change) { return check_promises(change, config); }).ok()); };
  look();
  EXPECT_TRUE(incidents().empty());
  clock_.advance(2h);
  look(), look();
  ASSERT_EQ(incidents(true).size(), 1U);
  EXPECT_EQ(incidents()[0].severity, "warning");
  EXPECT_EQ(messages().size(), 1U);
  EXPECT_EQ(state_of("s.a"), "late");
  clock_.advance(2h);
  look(), look();
  ASSERT_EQ(incidents().size(), 1U);
  EXPECT_EQ(incidents()[0].severity, "error");
  EXPECT_EQ(messages().size(), 1U + 1U);  // the first one's lease is over: nobody said that it was sent
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  EXPECT_TRUE(incidents(true).empty());
  EXPECT_EQ(state_of("s.a"), "fresh");
}

TEST_P(Incidents, ATableMayHaveAPromiseOfItsOwn) {
  good_night();
  auto config = promising(1h, {});
  auto& tables = config.connections["core"].tables;
  tables.push_back(tables[0]);
  tables[1].pattern = "dbo.s.a";
  tables[1].options.fresh_warn = 3h;
  auto look = [&] { ASSERT_TRUE(store_->transact([&](auto& change) { return check_promises(change, config); }).ok()); };
  clock_.advance(2h);
  look();
  EXPECT_EQ(state_of("s.a"), "fresh");
  EXPECT_EQ(state_of("s.b"), "late");
  clock_.advance(2h);
  look();
  EXPECT_EQ(state_of("s.a"), "late");
}

TEST_P(Incidents, LatenessThatAnIncidentExplainsIsNotToldAgain) {
  good_night();
  run("core", nothing, "x");
  EXPECT_EQ(messages().size(), 1U);
  auto const config = promising(1h, {});
  clock_.advance(30s);
  ASSERT_TRUE(store_->transact([&](auto& change) { return check_promises(change, config); }).ok());
  EXPECT_EQ(incidents().size(), 1U);
}

TEST_P(Incidents, MissedRunsAreToldAndOverWithTheNextGoodOne) {
  ASSERT_TRUE(store_->meet_schedule("core", "rule").ok());
  clock_.advance(3h);
  std::vector<jobs::DueSlot> slots(2);
  slots[0].slot.local = "2024-06-21 01:00";
  slots[0].slot.at = clock_.now() - 2h;
  slots[0].outcome = jobs::Outcome::Coalesced;
  slots[1].slot.local = "2024-06-21 02:00";
  slots[1].slot.at = clock_.now() - 1h;
  auto const made = store_->record_slots("core", slots, clock_.now(), definition("core"));
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(incidents(true).size(), 1U);
  EXPECT_EQ(incidents()[0].title, "core missed 2 runs");
  EXPECT_EQ(messages().size(), 1U);
  auto const claim = store_->claim("w", 30s);
  ASSERT_TRUE(claim.ok() && claim->has_value());
  ASSERT_TRUE(store_->finish(**claim, {}, 0).ok());
  EXPECT_TRUE(incidents(true).empty());
}

TEST_P(Incidents, AMessageIsTriedUntilItGetsThroughAndNeverTwice) {
  run("core", nothing, "x");
  auto due = messages();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_TRUE(messages().empty());  // it is being sent
  auto record_as = [&](Outcome outcome, std::optional<Duration> wait = {}) {
    ASSERT_TRUE(store_->transact([&](auto& change) { return record(change, due[0], outcome, "busy", wait); }).ok());
  };
  record_as(Outcome::Later, 10min);
  clock_.advance(9min);
  EXPECT_TRUE(messages().empty());
  clock_.advance(2min);
  due = messages();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].tries, 1);
  record_as(Outcome::Sent);
  clock_.advance(48h);
  EXPECT_TRUE(messages().empty());
}

TEST_P(Incidents, AMessageExpires) {
  run("core", nothing, "x");
  int tries = 0;
  for (int hour = 0; hour < 40; ++hour) {
    for (auto const& message : messages()) {
      ++tries;
      ASSERT_TRUE(
          store_->transact([&](auto& change) { return record(change, message, Outcome::Later, "away", {}); }).ok());
    }
    clock_.advance(1h);
  }
  EXPECT_EQ(tries, 25);
  auto const left = read([](jobs::Database& database) { return messages_of(database, 1); });
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].state, "expired");
}

TEST_P(Incidents, TheSameEventsGiveTheSameReport) {
  good_night();
  run("core", nothing, "a | b <c> `d`");
  run("core", [&](auto job) { published(job, "s.a"), published(job, "s.b"); });
  auto const facts = read([](jobs::Database& database) { return collect(database, 1, "shop"); });
  auto const zone = jobs::Zone::named("Europe/Berlin");
  ASSERT_TRUE(zone.ok());
  auto const log = [](std::int64_t, int) { return std::string("```\n| x <b>\n"); };
  auto const text = to_markdown(report_document(facts, *zone, log));
  clock_.advance(100h);
  run("other", nothing, "something else");
  auto const again = read([](jobs::Database& database) { return collect(database, 1, "shop"); });
  EXPECT_EQ(to_markdown(report_document(again, *zone, log)), text);
  EXPECT_NE(text.find("a \\| b &lt;c> \\`d\\`"), std::string::npos) << text;
  EXPECT_NE(text.find("````\n```\n| x <b>\n````"), std::string::npos) << text;
  auto const page = to_html(report_document(facts, *zone, log), "x");
  EXPECT_EQ(page.find("<c>"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
}

}  // namespace
}  // namespace weir::incident
