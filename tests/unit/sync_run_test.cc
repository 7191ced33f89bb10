// The loading engine from a source in memory into a real PostgreSQL: modes, guard, proofs, retries, steering.
#include <gtest/gtest.h>

#include <thread>

#include "unit/sync_fixture.h"

namespace weir::sync {
namespace {

using test::column;
using test::countries;
using test::country;
using test::must;
using test::SyncFixture;
using test::table_of;

// ---- full refresh ---------------------------------------------------------------------------------------------------

TEST(SyncRun, FullRefreshTwiceKeepsWhatDependsOnTheTable) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(3)));
  auto first = f.run_one();
  EXPECT_EQ(first.rows_read, 3U);
  EXPECT_EQ(first.rows_after, 3);
  f.execute("CREATE VIEW public.left_behind AS SELECT \"Id\", \"Name\" FROM sync_core.\"Country\"");
  f.database->put(country(countries(4)));
  auto second = f.run_one();
  EXPECT_EQ(second.rows_before, 3);
  EXPECT_EQ(second.rows_after, 4);
  EXPECT_EQ(f.ask("SELECT count(*), max(\"Name\") FROM public.left_behind"), "4|country 4");
  EXPECT_EQ(f.ask("SELECT outcome, rows, mode FROM weir.stream"), "published|4|full refresh overwrite");
  EXPECT_EQ(f.ask("SELECT count(*) FROM weir.load"), "0");
}

TEST(SyncRun, APlanWritesNothing) {
  SyncFixture f;
  f.stream("dbo.*");
  f.database->put(country(countries(3)));
  auto const plan = f.plan();
  ASSERT_EQ(plan.streams.size(), 1U);
  EXPECT_NE(explain_text(plan).find("dbo.Country -> sync_core.\"Country\""), std::string::npos) << explain_text(plan);
  EXPECT_EQ(explain_json(plan)["streams"][0]["columns"].size(), 3U);
  EXPECT_EQ(f.ask("SELECT count(*) FROM pg_namespace WHERE nspname IN ('weir', 'weir_data', 'sync_core')"), "0");
}

TEST(SyncRun, OverwriteWithDedupKeepsTheNewestRowOfAKey) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::FullRefreshOverwriteDedup;
  options.key = {"Name"};
  options.cursor = "Changed";
  f.database->put(country({{"1", "a", "10"}, {"2", "a", "30"}, {"3", "b", "5"}, {"4", "a", "20"}}));
  auto const report = f.run_one();
  EXPECT_EQ(report.duplicates_removed, 2U);
  EXPECT_EQ(f.ask("SELECT \"Id\", \"Name\" FROM sync_core.\"Country\" ORDER BY 1"), "2|a\n3|b");
}

TEST(SyncRun, AKeyWithoutAValueIsNoKey) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::FullRefreshOverwriteDedup;
  options.key = {"Name"};
  f.database->put(country({{"1", "a", "10"}, {"2", std::nullopt, "30"}}));
  auto const report = f.run_one(Outcome::Failed);
  EXPECT_EQ(report.error->kind(), ErrorKind::Data);
  EXPECT_EQ(report.attempts, 2) << "a data failure gets one more attempt";
}

TEST(SyncRun, AppendAddsACopyEachTime) {
  SyncFixture f;
  f.stream("dbo.Country").mode = config::Mode::FullRefreshAppend;
  f.database->put(country(countries(3)));
  f.run_one();
  f.run_one();
  EXPECT_EQ(f.ask("SELECT count(*), count(DISTINCT \"Id\") FROM sync_core.\"Country\""), "6|3");
}

// ---- incremental ----------------------------------------------------------------------------------------------------

TEST(SyncRun, IncrementalDedupReadsChangesOnly) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppendDedup;
  options.cursor = "Changed";
  f.database->put(country(countries(100)));
  auto const first = f.run_one();
  EXPECT_EQ(first.read, ReadKind::Full);
  EXPECT_EQ(f.ask("SELECT value FROM weir.cursor"), "100");
  auto rows = countries(100);
  rows[4] = {"5", "renamed", "101"};
  rows.push_back({"101", "new", "102"});
  f.database->put(country(rows));
  auto const second = f.run_one();
  EXPECT_EQ(second.read, ReadKind::Window);
  EXPECT_EQ(second.rows_read, 3U) << "two changes, and the row at the old bound again";
  EXPECT_EQ(second.cursor_high, "102");
  EXPECT_EQ(f.ask("SELECT count(*), count(DISTINCT \"Id\"), max(\"Name\") FILTER (WHERE \"Id\" = 5) FROM "
                  "sync_core.\"Country\""),
            "101|101|renamed");
  EXPECT_EQ(f.ask("SELECT value FROM weir.cursor"), "102");
  f.run_one(Outcome::Unchanged);
}

TEST(SyncRun, IncrementalAppendBringsEveryRowOnce) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppend;
  options.cursor = "Changed";
  f.database->put(
      country({{"1", "a", "10"}, {"2", "b", std::nullopt}, {"3", "c", "2000000"}}));  // the last is in the future
  f.run_one();
  EXPECT_EQ(f.ask("SELECT \"Id\" FROM sync_core.\"Country\" ORDER BY 1"), "1\n2")
      << "no cursor value: taken with the first read";
  f.database->put(country({{"1", "a", "10"}, {"2", "b", std::nullopt}, {"3", "c", "2000000"}, {"4", "d", "11"}}));
  EXPECT_EQ(f.run_one().rows_read, 1U);
  f.run_one(Outcome::Unchanged);
  EXPECT_EQ(f.ask("SELECT \"Id\" FROM sync_core.\"Country\" ORDER BY 1"), "1\n2\n4");
  EXPECT_EQ(f.ask("SELECT value FROM weir.cursor"), "11") << "the future does not poison the cursor";
}

TEST(SyncRun, CursorsWithoutValueAndInTheFutureAreReported) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppendDedup;
  options.cursor = "Changed";
  f.database->put(country({{"1", "a", "10"}, {"2", "b", std::nullopt}, {"3", "c", "2000000"}}));
  auto const report = f.run_one();
  EXPECT_EQ(report.null_cursors, 1U);
  EXPECT_EQ(report.future_cursors, 1U);
  EXPECT_EQ(report.cursor_high, "10");
  EXPECT_EQ(report.rows_after, 3);
}

TEST(SyncRun, RowversionWindowsAreHalfOpen) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppend;
  auto table = country({{"1", "a", "10"}, {"2", "b", "20"}});
  table.table.columns[2].is_rowversion = true;
  f.database->put(table);
  test::MemorySource::oldest_open_version = "20";  // a transaction that has not ended holds version 20
  f.run_one();
  EXPECT_EQ(f.ask("SELECT \"Id\" FROM sync_core.\"Country\""), "1");
  test::MemorySource::oldest_open_version = "25";
  EXPECT_EQ(f.run_one().rows_read, 1U);
  f.run_one(Outcome::Unchanged);
  EXPECT_EQ(f.ask("SELECT \"Id\" FROM sync_core.\"Country\" ORDER BY 1"), "1\n2");
}

TEST(SyncRun, DeletesAreFoundByComparingKeys) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppendDedup;
  options.cursor = "Changed";
  options.detect_deletes = true;
  f.database->put(country(countries(10)));
  f.run_one();
  auto rows = countries(10);
  rows.erase(rows.begin() + 3);
  f.database->put(country(rows));
  f.run_one();
  EXPECT_EQ(f.ask("SELECT count(*), count(*) FILTER (WHERE \"Id\" = 4) FROM sync_core.\"Country\""), "9|0");
  f.database->put(country(countries(2)));
  auto const held = f.run_one(Outcome::Held);
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "9") << held.error->to_text();
}

TEST(SyncRun, AFullRefreshAndAResetReadEverything) {
  SyncFixture f;
  auto& options = f.stream("dbo.Country");
  options.mode = config::Mode::IncrementalAppendDedup;
  options.cursor = "Changed";
  f.database->put(country(countries(10)));
  f.run_one();
  f.plan_options.full_refresh = true;
  EXPECT_EQ(f.run_one(Outcome::Unchanged).read, ReadKind::Full);
  f.plan_options.full_refresh = false;
  EXPECT_EQ(must(reset(f.connection, *f.endpoints, {})), std::vector<std::string>{"dbo.Country"});
  EXPECT_EQ(f.plan().streams[0].why_read, "no cursor is stored yet");
  EXPECT_EQ(f.run_one(Outcome::Unchanged).rows_read, 10U);
  EXPECT_EQ(f.plan().streams[0].read, ReadKind::Window) << "the cursor is stored again, though no row changed";
}

// ---- guard and proofs -----------------------------------------------------------------------------------------------

TEST(SyncRun, AShrunkenTableIsHeldUntilSomebodyReleasesIt) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(10)));
  f.run_one();
  f.database->put(country(countries(4)));
  auto const held = f.run_one(Outcome::Held);
  EXPECT_EQ(held.error->kind(), ErrorKind::Refused);
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "10");
  EXPECT_EQ(must(list(f.connection, *f.endpoints)).at(0).waiting_load, "held");

  auto released = must(release(f.connection, *f.endpoints, {}, f.options));
  ASSERT_EQ(released.streams.size(), 1U);
  EXPECT_EQ(released.streams[0].outcome, Outcome::Published) << report_text(released);
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "4");
  EXPECT_EQ(must(list(f.connection, *f.endpoints)).at(0).waiting_load, "");
  EXPECT_TRUE(must(release(f.connection, *f.endpoints, {}, f.options)).streams.empty()) << "nothing is held any more";
}

TEST(SyncRun, AnEmptySourceIsHeldUnlessThatIsExpected) {
  SyncFixture f;
  f.stream("dbo.Country").shrink_guard = 1.0;
  f.database->put(country(countries(10)));
  f.run_one();
  f.database->put(country({}));
  f.run_one(Outcome::Held);
  f.options_of("dbo.Country").empty_ok = true;
  f.run_one();
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "0");
}

TEST(SyncRun, AHeldLoadSurvivesARunThatFails) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.connection.attempts = 1;
  f.database->put(country(countries(10)));
  f.run_one();
  f.database->put(country(countries(1)));
  f.run_one(Outcome::Held);
  auto const options = f.options_of("dbo.Country");
  f.database->on_batch = [](auto const&, int, std::uint64_t, auto const&) -> Status {
    return Error(ErrorKind::Unavailable, "the source went away");
  };
  f.options.ready_load_max_age = Duration::zero();
  f.run_one(Outcome::Failed);
  f.database->on_batch = {};
  f.run_one(Outcome::Held);
  auto released = must(release(f.connection, *f.endpoints, {{"Country"}, {}}, f.options));
  EXPECT_EQ(released.streams.at(0).outcome, Outcome::Published) << report_text(released);
}

TEST(SyncRun, RowsThatTheSourceCountsMustHaveBeenRead) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->isolation = "snapshot";
  f.database->put(country(countries(10)));
  f.run_one();
  // A row appears between the read and the count: under a snapshot that cannot be, so a row was lost.
  int rows = 10;
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const&) -> Status {
    f.database->put(country(countries(++rows)));
    return {};
  };
  auto const report = f.run_one(Outcome::Failed);
  EXPECT_EQ(report.error->kind(), ErrorKind::Data);
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "10");
}

TEST(SyncRun, ASchemaChangeWhileReadingIsPlannedAgain) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(3)));
  bool changed = false;
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const&) -> Status {
    if (std::exchange(changed, true)) return {};
    auto table = country(countries(3));
    table.table.columns.push_back(column("Extra", "text"));
    for (auto& row : table.rows) row.push_back("x");
    f.database->put(table);
    return {};
  };
  auto const report = f.run_one();
  EXPECT_EQ(report.attempts, 2);
  EXPECT_EQ(f.ask("SELECT count(\"Extra\") FROM sync_core.\"Country\""), "3");
}

// ---- several streams ------------------------------------------------------------------------------------------------

TEST(SyncRunConcurrent, OneBadTableStopsNobodyAndOnlyItIsReadAgain) {
  SyncFixture f;
  f.connection.attempts = 3;
  for (int i = 0; i < 10; ++i) {
    auto table = country(countries(20));
    table.table.name = "T" + std::to_string(i);
    f.database->put(table);
  }
  f.stream("dbo.*");
  f.database->on_batch = [](std::string const& table, int, std::uint64_t, auto const&) -> Status {
    if (table == "dbo.T7") return Error(ErrorKind::Unavailable, "the source went away");
    return {};
  };
  auto const report = f.run();
  EXPECT_EQ(report.count(Outcome::Published), 9U) << report_text(report);
  EXPECT_EQ(report.count(Outcome::Failed), 1U);
  EXPECT_EQ(report.failure(), ErrorKind::Unavailable);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(f.database->reads_of("dbo.T" + std::to_string(i)), i == 7 ? 3 : 1);
  EXPECT_EQ(f.ask("SELECT outcome FROM weir.stream WHERE stream = 'dbo.T7'"), "failed");
}

TEST(SyncRun, EveryStreamThatCannotBePlannedIsNamedAndTheOthersRun) {
  SyncFixture f;
  f.database->put(country(countries(3)));
  auto bad = country(countries(1));
  bad.table.name = "Shape";
  bad.table.columns[1].refusal = "geography has no equivalent";
  f.database->put(bad);
  f.stream("dbo.Country");
  f.stream("dbo.Shape");
  f.stream("dbo.Contry");
  auto const report = f.run();
  ASSERT_EQ(report.streams.size(), 3U);
  EXPECT_EQ(report.count(Outcome::Published), 1U) << report_text(report);
  EXPECT_EQ(report.count(Outcome::Failed), 2U);
  f.options_of("dbo.Shape").exclude_columns = {"Name"};
  auto const again = f.run();
  EXPECT_EQ(again.count(Outcome::Published), 1U) << report_text(again);
  EXPECT_EQ(again.count(Outcome::Unchanged), 1U);
}

TEST(SyncRun, TwoStreamsIntoOneTableAreRefusedBoth) {
  SyncFixture f;
  f.database->put(country(countries(3)));
  auto other = country(countries(1));
  other.table.name = "Other";
  f.database->put(other);
  f.stream("dbo.Country");
  f.stream("dbo.Other").target_name = "Country";
  auto const plan = f.plan();
  EXPECT_TRUE(plan.streams.empty());
  EXPECT_EQ(plan.refusals.size(), 2U);
}

TEST(SyncRunConcurrent, ASecondSyncIntoTheSameTableNamesTheFirst) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(3)));
  f.run_one();
  std::atomic<bool> reading{false}, second_done{false};
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const&) -> Status {
    if (!reading.exchange(true))
      while (!second_done) std::this_thread::yield();
    return {};
  };
  std::jthread const first([&] { f.run_one(Outcome::Unchanged); });
  while (!reading) std::this_thread::yield();
  auto const report = f.run();
  second_done = true;
  ASSERT_EQ(report.streams.size(), 1U);
  EXPECT_EQ(report.failure(), ErrorKind::Busy) << report_text(report);
  EXPECT_EQ(report.streams[0].attempts, 1) << "the first one does the work";
  EXPECT_NE(report.streams[0].error->cause().find("weir/"), std::string::npos) << report_text(report);
}

TEST(SyncRunConcurrent, AnAttemptThatWasOvertakenPublishesNothing) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(3)));
  f.run_one();
  f.database->put(country(countries(4)));
  f.options_of("dbo.Country").method = "shell";
  // While this attempt reads, a later one raises the fence, as it does where this one seemed dead.
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const&) -> Status {
    f.execute("UPDATE weir.fence SET token = nextval('weir.token') + 1000");
    return {};
  };
  auto const report = f.run_one(Outcome::Failed);
  EXPECT_EQ(report.error->kind(), ErrorKind::Refused) << report.error->to_text();
  EXPECT_EQ(f.ask("SELECT count(*) FROM sync_core.\"Country\""), "3");
  EXPECT_EQ(f.ask("SELECT outcome FROM weir.stream"), "published") << "an overtaken attempt has no say";
}

TEST(SyncRunConcurrent, AStopLeavesTheTableAsItWas) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(3)));
  f.run_one();
  std::stop_source stop;
  f.options.stop = stop.get_token();
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const& cancelled) -> Status {
    stop.request_stop();
    while (!cancelled()) std::this_thread::yield();
    return {};
  };
  auto const report = f.run_one(Outcome::Skipped);
  EXPECT_EQ(report.error->kind(), ErrorKind::Cancelled);
  f.options.stop = {};
  f.database->on_batch = {};
  f.run_one(Outcome::Unchanged);
}

// ---- chunks ---------------------------------------------------------------------------------------------------------

TEST(SyncRun, AFailureRepeatsOnlyTheUnfinishedChunks) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.connection.chunk_rows = 10;
  f.plan_options.resumable_above_chunks = 2;
  f.database->put(country(countries(95)));
  f.database->on_batch = [](auto const&, int read, std::uint64_t, auto const&) -> Status {
    if (read == 5) return Error(ErrorKind::Unavailable, "the source went away");
    return {};
  };
  auto const report = f.run_one();
  EXPECT_EQ(report.attempts, 2);
  EXPECT_EQ(report.rows_taken_up, 40U);
  EXPECT_EQ(report.rows_read, 95U);
  EXPECT_EQ(f.database->reads_of("dbo.Country"), 11) << "ten chunks, and the one that failed again";
  EXPECT_EQ(f.ask("SELECT count(*), count(DISTINCT \"Id\") FROM sync_core.\"Country\""), "95|95");
}

TEST(SyncRun, AnotherConfigurationDoesNotTakeUpAnOldLoad) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.connection.chunk_rows = 10;
  f.connection.attempts = 1;
  f.plan_options.resumable_above_chunks = 2;
  f.database->put(country(countries(95)));
  bool failing = true;
  f.database->on_batch = [&](auto const&, int, std::uint64_t, auto const&) -> Status {
    if (failing && f.database->reads_of("dbo.Country") == 3) return Error(ErrorKind::Sql, "half way");
    return {};
  };
  f.connection.attempts = 1;
  f.run_one(Outcome::Failed);
  failing = false;
  f.options_of("dbo.Country").exclude_columns = {"Name"};
  auto const report = f.run_one();
  EXPECT_EQ(report.rows_taken_up, 0U);
  EXPECT_EQ(report.rows_after, 95);
}

// ---- metadata, Airbyte's tables
// ---------------------------------------------------------------------------------------

TEST(SyncRun, MetadataColumns) {
  SyncFixture f;
  f.stream("dbo.Country").metadata = config::Metadata::Weir;
  f.database->put(country(countries(2)));
  f.run_one();
  EXPECT_EQ(
      f.ask(
          "SELECT count(*), bool_and(_weir_loaded_at BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'), "
          "bool_and(_weir_job > 0) FROM sync_core.\"Country\""),
      "2|t|t");
}

TEST(SyncRun, ATableOfAirbyteGoesOnWorking) {
  SyncFixture f;
  f.stream("dbo.Country").metadata = config::Metadata::Airbyte;
  f.execute(
      "CREATE SCHEMA sync_core; CREATE TABLE sync_core.\"Country\" (_airbyte_raw_id varchar NOT NULL, "
      "_airbyte_extracted_at timestamptz NOT NULL, _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint, "
      "\"Id\" bigint, \"Name\" varchar, \"Changed\" bigint, added_by_hand text); "
      "INSERT INTO sync_core.\"Country\" VALUES ('x', now(), '{}', 41, 1, 'old', 1, 'note'); "
      "CREATE VIEW public.staging AS SELECT \"Id\", \"Name\", _airbyte_extracted_at FROM sync_core.\"Country\"");
  f.database->put(country(countries(2)));
  f.run_one();
  EXPECT_EQ(f.ask("SELECT count(*), min(_airbyte_generation_id), bool_and(_airbyte_meta ? 'changes') FROM "
                  "sync_core.\"Country\""),
            "2|42|t");
  EXPECT_EQ(f.ask("SELECT \"Id\", \"Name\" FROM public.staging ORDER BY 1"), "1|country 1\n2|country 2");
  EXPECT_EQ(f.ask("SELECT count(*) FROM pg_attribute WHERE attrelid = 'sync_core.\"Country\"'::regclass AND attname = "
                  "'added_by_hand'"),
            "1")
      << "a column of the users stays";
  f.run_one();
  EXPECT_EQ(f.ask("SELECT min(_airbyte_generation_id) FROM sync_core.\"Country\""), "43");
}

// ---- verify ---------------------------------------------------------------------------------------------------------

TEST(SyncRun, VerifyComparesRowForRow) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(50)));
  EXPECT_FALSE(must(verify(f.connection, *f.endpoints, {}, {})).at(0).compared) << "there is no table yet";
  f.run_one();
  auto equal = must(verify(f.connection, *f.endpoints, {}, {}));
  EXPECT_TRUE(equal.at(0).equal) << equal[0].why;
  EXPECT_EQ(equal[0].source_rows, 50U);
  f.execute("UPDATE sync_core.\"Country\" SET \"Name\" = 'forged' WHERE \"Id\" = 7");
  auto differs = must(verify(f.connection, *f.endpoints, {}, {}));
  EXPECT_FALSE(differs.at(0).equal);
  EXPECT_EQ(differs[0].differing_columns, std::vector<std::string>{"Name"});
}

TEST(SyncRun, AReportIsTextAndJson) {
  SyncFixture f;
  f.stream("dbo.Country");
  f.database->put(country(countries(2)));
  auto const report = f.run();
  EXPECT_NE(report_text(report).find("published"), std::string::npos);
  auto const json = report_json(report);
  EXPECT_EQ(json["streams"][0]["rows_after"], 2);
  EXPECT_EQ(json["counts"]["published"], 1);
  EXPECT_EQ(list_json(must(list(f.connection, *f.endpoints)))[0]["outcome"], "published");
}

}  // namespace
}  // namespace weir::sync
