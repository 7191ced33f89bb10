// The loading engine killed at every labelled point, and with every statement failing: the next run finishes the work
// exactly once, and until then the old rows are served whole.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "pg/faults.h"
#include "unit/sync_fixture.h"

namespace weir::sync {
namespace {

using test::countries;
using test::country;
using test::must;
using test::SyncFixture;

// One kind of load each: a leaf in one transaction, a leaf in committed chunks, a merge in place, an incremental
// upsert.
enum class Scenario { Leaf, Chunks, Merge, Incremental };
constexpr Scenario kScenarios[] = {Scenario::Leaf, Scenario::Chunks, Scenario::Merge, Scenario::Incremental};

void configure(SyncFixture& f, Scenario scenario) {
  auto& options = f.stream("dbo.Country");
  options.method = scenario == Scenario::Merge ? "merge" : "shell";
  if (scenario == Scenario::Incremental) {
    options.mode = config::Mode::IncrementalAppendDedup;
    options.cursor = "Changed";
  }
  if (scenario != Scenario::Chunks) return;
  f.connection.chunk_rows = 100;
  f.plan_options.resumable_above_chunks = 2;
}

constexpr int kOldRows = 400, kNewRows = 600;

void old_rows(SyncFixture& f) {
  f.database->put(country(countries(kOldRows)));
}
void new_rows(SyncFixture& f) {
  auto rows = countries(kNewRows);
  rows[9] = {"10", "renamed", "601"};
  f.database->put(country(rows));
}

// rows | distinct keys | renamed rows
std::string contents(SyncFixture& f) {
  return f.ask(
      "SELECT count(*), count(DISTINCT \"Id\"), count(*) FILTER (WHERE \"Name\" = 'renamed') FROM public.report");
}
constexpr char kOld[] = "400|400|0";
constexpr char kNew[] = "600|600|1";

// The state before the fault: the old rows are published, and somebody's view depends on them.
void prepare(SyncFixture& f) {
  old_rows(f);
  f.run_one();
  f.execute(
      "CREATE VIEW public.report AS SELECT * FROM sync_core.\"Country\"; GRANT SELECT ON public.report TO PUBLIC; "
      "COMMENT ON TABLE sync_core.\"Country\" IS 'known to many'");
  new_rows(f);
}

// Old or new rows, never others, and nothing that is recorded is ahead of them.
void expect_whole(SyncFixture& f, std::string const& when) {
  auto const now = contents(f);
  EXPECT_TRUE(now == kOld || now == kNew) << when << ": " << now;
  auto const rows = f.ask("SELECT rows FROM weir.stream");  // an upsert's are counted after it
  EXPECT_TRUE(rows == "NULL" || rows == (now == kOld ? "400" : "600")) << when << ": " << rows;
  auto const cursor = f.ask("SELECT coalesce(max(value), '') FROM weir.cursor");
  if (!cursor.empty()) {
    EXPECT_EQ(cursor, now == kOld ? "400" : "601") << when;
  }
}

void expect_done_and_clean(SyncFixture& f, std::string const& when) {
  EXPECT_EQ(contents(f), kNew) << when;
  EXPECT_EQ(f.ask("SELECT count(*) FROM weir.load"), "0") << when;
  EXPECT_EQ(f.ask("SELECT count(*) FROM weir.ledger WHERE kind = 'chunk'"), "0") << when;
  EXPECT_EQ(f.ask("SELECT count(*) FROM weir.ledger WHERE kind = 'publish' AND rows > 0"), "2")
      << when << ": published once";
  EXPECT_EQ(f.ask("SELECT count(*) FROM weir.generation WHERE state IN ('building', 'ready', 'held')"), "0") << when;
  EXPECT_EQ(
      f.ask("SELECT count(*) <= 2 FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'"), "t")
      << when << ": "
      << f.ask("SELECT relname FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'");
  EXPECT_EQ(f.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0") << when;
  EXPECT_EQ(
      f.ask("SELECT obj_description('sync_core.\"Country\"'::regclass), relacl IS NOT NULL FROM pg_class WHERE oid = "
            "'public.report'::regclass"),
      "known to many|t")
      << when;
}

// Sessions of a process that is gone end by themselves; waits for that.
void wait_for_sessions_to_end(SyncFixture& f) {
  for (int i = 0; i < 3000; ++i) {
    if (f.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
            "backend_type = 'client backend'") == "0")
      return;
    ::usleep(10'000);
  }
  ADD_FAILURE() << "a session of a killed process does not end";
}

// ---- kill points ----------------------------------------------------------------------------------------------------

// The other half of the test: run by itself as a process of its own, on the database that the environment names.
TEST(SyncFaultChild, Run) {
  char const* const database = std::getenv("WEIR_SYNC_CHILD_DATABASE");
  if (database == nullptr) GTEST_SKIP() << "only as a child of SyncFaults";
  pg::SessionOptions options;
  options.parameters = {{"host", std::getenv("WEIR_SYNC_CHILD_HOST")},
                        {"port", std::getenv("WEIR_SYNC_CHILD_PORT")},
                        {"user", "postgres"},
                        {"dbname", database}};
  SyncFixture f(options);
  configure(f, static_cast<Scenario>(*parse_int(std::getenv("WEIR_SYNC_CHILD_SCENARIO"))));
  new_rows(f);
  f.run_one();
}

std::string parameter(pg::SessionOptions const& options, std::string const& name) {
  for (auto const& [key, value] : options.parameters)
    if (key == name) return value;
  return "";
}

// True if it was killed at the label, false if it never came there.
bool run_child(SyncFixture& f, Scenario scenario, std::string const& label) {
  std::string const host = parameter(f.warehouse, "host"), port = parameter(f.warehouse, "port");
  std::string const database = parameter(f.warehouse, "dbname"), number = std::to_string(static_cast<int>(scenario));
  pid_t const child = fork();
  if (child == 0) {
    setenv("WEIR_SYNC_CHILD_DATABASE", database.c_str(), 1);
    setenv("WEIR_SYNC_CHILD_HOST", host.c_str(), 1);
    setenv("WEIR_SYNC_CHILD_PORT", port.c_str(), 1);
    setenv("WEIR_SYNC_CHILD_SCENARIO", number.c_str(), 1);
    setenv("WEIR_CRASH_AT", label.c_str(), 1);
    execl("/proc/self/exe", "weir_unit", "--gtest_filter=SyncFaultChild.Run", "--gtest_brief=1", nullptr);
    _exit(127);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL) << label;
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << label;
  return false;
}

TEST(SyncFaults, KilledAnywhereTheNextRunFinishesTheWorkOnce) {
  std::set<std::string> passed;
  std::vector<std::string> const labels = {"kL3",  "kL4",  "kL5",  "kL6",  "kL7:3", "kL8", "kL9",
                                           "kL10", "kL11", "kL12", "kL13", "kW1",   "kW2", "kW3",
                                           "kW4",  "kW5",  "kW6",  "kW7",  "kW8",   "kW9", "kW10"};
  for (Scenario const scenario : kScenarios) {
    for (std::string const& label : labels) {
      std::string const when = label + " in scenario " + std::to_string(static_cast<int>(scenario));
      SyncFixture f;
      configure(f, scenario);
      prepare(f);
      if (!run_child(f, scenario, label)) continue;
      passed.insert(label);
      f.forget_sessions();
      wait_for_sessions_to_end(f);
      expect_whole(f, when);
      auto const report = f.run();
      EXPECT_FALSE(report.failure()) << when << "\n" << report_text(report);
      f.run();  // a run with nothing to do leaves all as it is
      EXPECT_EQ(contents(f), kNew) << when;
      EXPECT_EQ(f.ask("SELECT count(*) FROM weir.load"), "0") << when;
      EXPECT_EQ(f.ask("SELECT count(*) FROM weir.generation WHERE state IN ('building', 'ready', 'held')"), "0")
          << when;
      EXPECT_EQ(
          f.ask("SELECT count(*) <= 2 FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'"),
          "t")
          << when << ": "
          << f.ask("SELECT relname FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'");
    }
  }
  for (std::string const& label : labels) EXPECT_TRUE(passed.contains(label)) << label << " was never passed";
}

// ---- statements that fail -------------------------------------------------------------------------------------------

// Runs with the N-th statement failing, for N = 1, 2, ... until none fails any more.
void fail_every(Scenario scenario, pg::FaultKind kind, std::string const& containing, std::uint64_t step) {
  for (std::uint64_t at = 1;; at += step) {
    std::string const when = "statement " + std::to_string(at) + " (" + containing + ") in scenario " +
                             std::to_string(static_cast<int>(scenario));
    SyncFixture f;
    configure(f, scenario);
    prepare(f);
    auto const planned = f.plan();
    bool hit = false;
    {
      pg::InstalledFault const fault({.at = at, .kind = kind, .sqlstate = "57P01", .containing = containing});
      auto const report = run(planned, f.connection, *f.endpoints, f.options);
      hit = fault.fired();
      if (report.ok()) {
        EXPECT_FALSE(report->failure()) << when << "\n" << report_text(*report);
      } else {
        EXPECT_EQ(report.error().kind(), ErrorKind::Unavailable) << when << "\n" << report.error().to_text();
      }
    }
    expect_whole(f, when);
    if (contents(f) == kOld) {
      EXPECT_FALSE(f.run().failure()) << when;
    }
    f.forget_sessions();
    wait_for_sessions_to_end(f);
    expect_done_and_clean(f, when);
    if (!hit || testing::Test::HasFailure()) return;
  }
}

TEST(SyncFaults, ALostAnswerToAnyCommitIsFoundOut) {
  for (Scenario const scenario : kScenarios) fail_every(scenario, pg::FaultKind::Lost, "COMMIT", 1);
}

TEST(SyncFaults, AConnectionLostAtAnyStatementIsMended) {
  fail_every(Scenario::Leaf, pg::FaultKind::Disconnect, "", 3);
  fail_every(Scenario::Chunks, pg::FaultKind::Disconnect, "", 7);
  fail_every(Scenario::Incremental, pg::FaultKind::Disconnect, "", 7);
}

TEST(SyncFaults, AnAnswerLostToAnyStatementIsMended) {
  fail_every(Scenario::Leaf, pg::FaultKind::Lost, "", 5);
  fail_every(Scenario::Merge, pg::FaultKind::Lost, "", 7);
}

}  // namespace
}  // namespace weir::sync
