// Promise 3 in small: whichever statement fails, and wherever the process is killed, the table shows the rows of before
// or the new ones, what depends on it stays, the caller's own writes are done exactly with the rows, and the next
// attempt finishes.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>

#include "pg/faults.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::rows_of;
using test::value;

sql::QualifiedName const kOrders{"sync_core", "Orders"};
constexpr int kOld = 10, kNew = 25;

// What is interrupted: how the table is made, and what then brings it from kOld rows to kNew.
struct Work {
  std::string name;
  Method made = Method::Shell;
  Method method = Method::Shell;
  Operation operation = Operation::Replace;
  bool rolls_back = false;
  std::string amount = "numeric(12,2)";  // its type at the source; views use the column
};
Work const kShell{"shell"}, kAdoption{"adoption", Method::Merge}, kMerge{"merge", Method::Merge, Method::Merge},
    kView{"view", Method::View, Method::View}, kTruncate{"truncate", Method::Merge, Method::Truncate},
    kAppend{"append", Method::Shell, Method::Auto, Operation::Append},
    kUpsert{"upsert", Method::Shell, Method::Auto, Operation::Upsert},
    kRollback{"rollback", Method::Shell, Method::Shell, Operation::Replace, true},
    kRetype{"retype", Method::Merge, Method::Merge, Operation::Replace, false, "bigint"};

// A table with views, a grant and an index of others.
void make_table(pg::Session& session, Work const& work) {
  must(
      session.execute("DROP SCHEMA IF EXISTS mart CASCADE; DROP SCHEMA IF EXISTS sync_core CASCADE; CREATE SCHEMA "
                      "sync_core; CREATE SCHEMA mart; CREATE TABLE IF NOT EXISTS public.done (run text)"));
  must(session.execute(
      "UPDATE weir.generation SET state = 'dropped'; TRUNCATE public.done, weir.fence, weir.shadow, weir.unfinished; "
      "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relnamespace = "
      "'weir_data'::regnamespace AND relkind = 'r' LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$"));
  if (work.rolls_back) test::must_refresh(session, kOrders, rows_of(1, kNew), {"id"}, work.made);
  test::must_refresh(session, kOrders, rows_of(1, kOld), {"id"}, work.made);
  must(
      session.execute("CREATE VIEW mart.v AS SELECT id, amount FROM sync_core.\"Orders\"; CREATE VIEW mart.top AS "
                      "SELECT count(*) AS n FROM mart.v; GRANT SELECT ON sync_core.\"Orders\" TO PUBLIC"));
  if (work.made != Method::View) must(session.execute("CREATE INDEX orders_name ON sync_core.\"Orders\" (name)"));
}

Request request_for(Work const& work) {
  Request request;
  request.target = kOrders;
  request.operation = work.operation;
  request.columns = {{"id", "integer", true}, {"name", "text", false}, {"amount", work.amount, false}};
  request.key = {"id"};
  request.method = work.method;
  return request;
}

PublishOptions publishing_as(std::int64_t token) {
  auto options = test::publish_options(token);
  options.in_transaction = [](pg::Session& s) -> Status {
    WEIR_DO(s.execute("INSERT INTO public.done VALUES ('run')"));
    return {};
  };
  return options;
}

// Load and publish as a fresh attempt of its own session; takes up what an earlier one left. The fault is installed
// when all is planned: what comes before only reads.
Result<Report> attempt(pg::SessionOptions const& options, Work const& work, std::int64_t token,
                       std::function<void()> const& planned_now = {}) {
  WEIR_TRY(auto session, pg::Session::connect(options));
  if (work.rolls_back) {
    if (planned_now) planned_now();
    return rollback(session, kOrders, publishing_as(token));
  }
  auto const request = request_for(work);
  WEIR_TRY(auto now, capture(session, kOrders));
  WEIR_TRY(auto planned, plan(now, request));
  if (planned_now) planned_now();
  WEIR_TRY(auto load, Load::adopt(session, planned, "test/stream", token));
  if (!load || !load->ready()) {
    if (load) {
      WEIR_DO(load->discard());
    }
    load.reset();
    WEIR_TRY(auto fresh, Load::begin(session, planned, "test/stream", token, true));
    load.emplace(std::move(fresh));
    int const first = work.operation == Operation::Append ? kOld + 1 : 1;
    WEIR_TRY(auto rows,
             test::fill(session, load->copy_statement(),
                        fmt::format("SELECT id, name, amount::{} FROM ({}) r", work.amount, rows_of(first, kNew))));
    WEIR_DO(load->finish(rows));
  }
  return publish(session, planned, *load, publishing_as(token));
}

// An attempt after one that died: its backend may take a moment to notice.
Report next_attempt(pg::SessionOptions const& options, Work const& work, std::int64_t token) {
  for (int i = 0; i < 600; ++i) {
    auto report = attempt(options, work, token);
    if (report.ok()) return std::move(*report);
    if (report.error().kind() != ErrorKind::Busy) {
      ADD_FAILURE() << report.error().to_text();
      return {};
    }
    ::usleep(50000);
  }
  ADD_FAILURE() << "the lock of an attempt that died was never given back";
  return {};
}

std::string theirs(pg::Session& session) {
  return value(session,
               "SELECT string_agg(what, E'\\n' ORDER BY what) FROM (SELECT c.oid || ' ' || c.relname || ' ' || "
               "coalesce(c.relacl::text, '') AS what FROM pg_class c "
               "WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind = 'v' UNION ALL SELECT 'index ' || indexname "
               "FROM pg_indexes WHERE schemaname = 'sync_core' AND indexname = 'orders_name' "
               "UNION ALL SELECT 'acl ' || relacl::text FROM pg_class WHERE oid = 'sync_core.\"Orders\"'::regclass) w");
}

// What must hold at any time after a fault.
void check(pg::Session& observer, std::string const& before, bool reported, std::string const& where) {
  std::string const n = value(observer, "SELECT n FROM mart.top"),
                    done = value(observer, "SELECT count(*) FROM public.done");
  bool const is_new = n == std::to_string(kNew);
  EXPECT_TRUE(is_new || n == std::to_string(kOld)) << where << ": " << n;
  EXPECT_EQ(done, is_new ? "1" : "0") << where;
  EXPECT_TRUE(is_new || !reported) << where;
  EXPECT_EQ(theirs(observer), before) << where;
}

// Publishing again what was published already would do the caller's writes twice: the caller looks first, as sync does.
bool is_published(pg::Session& observer) {
  return value(observer, "SELECT count(*) FROM public.done") == "1";
}

void check_end(pg::Session& observer, std::string const& before, std::string const& where) {
  check(observer, before, true, where);
  must(collect_garbage(observer));
  EXPECT_EQ(value(observer,
                  "SELECT (count(*) <= 2)::text FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND "
                  "relkind IN ('r', 'p')"),
            "true")
      << where;
  EXPECT_EQ(value(observer, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'weir_data'::regnamespace"), "0")
      << where;
  EXPECT_EQ(value(observer, "SELECT count(*) FROM weir.generation WHERE state IN ('building', 'ready', 'held')"), "0")
      << where;
  EXPECT_EQ(value(observer,
                  "SELECT (SELECT count(*) FROM weir.unfinished) + (SELECT count(*) FROM pg_attribute WHERE attrelid = "
                  "'sync_core.\"Orders\"'::regclass AND attname LIKE '%\\_\\_weir%')"),
            "0")
      << where;
}

// Which statements fail, one a run: the first, and each `step` further; of those whose text has `containing` in it.
struct Which {
  std::uint64_t step = 1;
  std::string containing = {};
};

void fail_each(pg::SessionOptions const& options, Work const& work, pg::FaultKind kind, Which const& which) {
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  for (std::uint64_t n = 1;; n += which.step) {
    ASSERT_LT(n, 400U);
    static std::int64_t token = 1;
    std::string const where = fmt::format("{} statement {} {}", work.name, n, which.containing);
    make_table(observer, work);
    std::string const before = theirs(observer);
    bool fired = false, reported = false;
    {
      std::optional<pg::InstalledFault> fault;
      auto report = attempt(options, work, token += 10, [&] {
        fault.emplace(pg::FaultPlan{.at = n, .kind = kind, .containing = which.containing});
      });
      reported = report.ok();
      fired = fault && fault->fired();
    }
    check(observer, before, reported, where);
    if (!is_published(observer)) next_attempt(options, work, token + 1);
    check_end(observer, before, where);
    if (!fired || ::testing::Test::HasFailure()) break;
  }
}

// Beside the main version of the server, samples must do: which statements there are depends on weir.
bool beside() {
  return std::getenv("WEIR_TEST_PG_BIN") != nullptr;
}

void refuse_every_statement(Work const& work, std::uint64_t step = 1) {
  fail_each(test::fresh_database(), work, pg::FaultKind::Error, {.step = beside() ? 5 : step});
}

// Of works that load and publish by the statements of shell, merge and view, whose every statement is refused.
constexpr std::uint64_t kShared = 3;

void lose_every_answer(Work const& work) {
  fail_each(test::fresh_database(), work, pg::FaultKind::Lost, {.step = beside() ? 5U : 1U});
}

// A connection that ends before a statement leaves the server as the answer lost to the one before it does, and those
// are tried all; weir knows more than then, which a sample shows. Every COMMIT, for there it knows that nothing was
// done.
void end_the_connection(Work const& work) {
  auto const options = test::fresh_database();
  fail_each(options, work, pg::FaultKind::Disconnect, {.step = beside() ? 15U : 5U});
  fail_each(options, work, pg::FaultKind::Disconnect, {.containing = "COMMIT"});
}

TEST(SwapFaultsShell, any_statement_is_refused) {
  refuse_every_statement(kShell);
}
TEST(SwapFaultsShell, the_connection_ends) {
  end_the_connection(kShell);
}
TEST(SwapFaultsShell, any_answer_is_lost) {
  lose_every_answer(kShell);
}

TEST(SwapFaultsAdoption, any_statement_is_refused) {
  refuse_every_statement(kAdoption, kShared);
}
TEST(SwapFaultsAdoption, the_connection_ends) {
  end_the_connection(kAdoption);
}
TEST(SwapFaultsAdoption, any_answer_is_lost) {
  lose_every_answer(kAdoption);
}

TEST(SwapFaultsMerge, any_statement_is_refused) {
  refuse_every_statement(kMerge);
}
TEST(SwapFaultsMerge, the_connection_ends) {
  end_the_connection(kMerge);
}
TEST(SwapFaultsMerge, any_answer_is_lost) {
  lose_every_answer(kMerge);
}

TEST(SwapFaultsView, any_statement_is_refused) {
  refuse_every_statement(kView);
}
TEST(SwapFaultsView, the_connection_ends) {
  end_the_connection(kView);
}
TEST(SwapFaultsView, any_answer_is_lost) {
  lose_every_answer(kView);
}

TEST(SwapFaultsTruncate, any_statement_is_refused) {
  refuse_every_statement(kTruncate, kShared);
}
TEST(SwapFaultsTruncate, the_connection_ends) {
  end_the_connection(kTruncate);
}
TEST(SwapFaultsTruncate, any_answer_is_lost) {
  lose_every_answer(kTruncate);
}

TEST(SwapFaultsAppend, any_statement_is_refused) {
  refuse_every_statement(kAppend, kShared);
}
TEST(SwapFaultsAppend, the_connection_ends) {
  end_the_connection(kAppend);
}
TEST(SwapFaultsAppend, any_answer_is_lost) {
  lose_every_answer(kAppend);
}

TEST(SwapFaultsUpsert, any_statement_is_refused) {
  refuse_every_statement(kUpsert, kShared);
}
TEST(SwapFaultsUpsert, the_connection_ends) {
  end_the_connection(kUpsert);
}
TEST(SwapFaultsUpsert, any_answer_is_lost) {
  lose_every_answer(kUpsert);
}

TEST(SwapFaultsRollback, any_statement_is_refused) {
  refuse_every_statement(kRollback);
}
TEST(SwapFaultsRollback, the_connection_ends) {
  end_the_connection(kRollback);
}
TEST(SwapFaultsRollback, any_answer_is_lost) {
  lose_every_answer(kRollback);
}

TEST(SwapFaultsRetype, any_statement_is_refused) {
  refuse_every_statement(kRetype);
}
TEST(SwapFaultsRetype, the_connection_ends) {
  end_the_connection(kRetype);
}
TEST(SwapFaultsRetype, any_answer_is_lost) {
  lose_every_answer(kRetype);
}

TEST(SwapFaults, a_lost_commit_reply_is_looked_up) {
  auto options = test::fresh_database();
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  for (Work const& work : {kShell, kMerge}) {
    Method const method = work.method;
    make_table(observer, work);
    auto session = must(pg::Session::connect(options));
    auto planned = must(
        plan(must(capture(session, kOrders)), test::request_of(session, kOrders, rows_of(1, kNew), {"id"}, method)));
    auto load = must(Load::begin(session, planned, "test/stream", 1, true));
    must(test::fill(session, load.copy_statement(), rows_of(1, kNew)));
    must(load.finish(kNew));
    pg::InstalledFault fault({.at = 1, .kind = pg::FaultKind::Lost, .containing = "COMMIT"});
    auto report = publish(session, planned, load, test::publish_options());
    EXPECT_TRUE(fault.fired());
    ASSERT_TRUE(report.ok()) << report.error().to_text();
    ASSERT_FALSE(report->notes.empty());
    EXPECT_NE(report->notes.back().find("the answer to COMMIT was lost"), std::string::npos);
    EXPECT_EQ(value(observer, "SELECT n FROM mart.top"), std::to_string(kNew));
  }
}

// ---- kill points: the test program runs itself, and the child kills itself at the label
// -----------------------------------

TEST(SwapKill, DISABLED_child) {
  pg::SessionOptions options;
  for (char const* key : {"host", "port", "dbname", "user"})
    options.parameters.emplace_back(key, std::getenv((std::string("WEIR_TEST_") + key).c_str()));
  for (Work const& work : {kShell, kAdoption, kMerge, kRetype})
    if (work.name == std::getenv("WEIR_TEST_work")) must(attempt(options, work, 5));
}

void run_child(pg::SessionOptions const& options, std::string const& label, Work const& work) {
  std::string command = "WEIR_CRASH_AT=" + label + " WEIR_TEST_work=" + work.name;
  for (auto const& [key, text] : options.parameters)
    if (key == "host" || key == "port" || key == "dbname" || key == "user") command += " WEIR_TEST_" + key + "=" + text;
  command += fmt::format(
      " /proc/{}/exe --gtest_also_run_disabled_tests --gtest_filter=SwapKill.DISABLED_child >/dev/null 2>&1",
      ::getpid());
  int const status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGKILL) << label << ": the child did not pass there";
}

void kill_everywhere(Work const& work, std::vector<std::string> const& labels) {
  auto options = test::fresh_database();
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  for (std::string const& label : labels) {
    make_table(observer, work);
    std::string const before = theirs(observer);
    run_child(options, label, work);
    std::string const where = work.name + " killed at " + label;
    // Whether its COMMIT arrived is certain only when its backends are gone.
    while (value(observer,
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                 "AND backend_type = 'client backend'") != "0") {
    }
    check(observer, before, false, where);
    bool const committed = label == "kW8" || label == "kW9" || label == "kW10";
    EXPECT_EQ(is_published(observer), committed) << where;
    if (!is_published(observer)) next_attempt(options, work, 6);
    check_end(observer, before, where);
  }
}

TEST(SwapKill, a_shell_refresh_at_every_label) {
  kill_everywhere(kShell, {"kL5", "kL8", "kL13", "kL11", "kL12", "kW1", "kW2", "kW3", "kW4", "kW5", "kW6", "kW7", "kW8",
                           "kW9", "kW10"});
}
TEST(SwapKill, a_merge_at_every_label) {
  kill_everywhere(kMerge, {"kL5", "kL8", "kL13", "kL12", "kW2", "kW4", "kW5", "kW6", "kW7", "kW8", "kW9"});
}
TEST(SwapKill, a_column_of_another_type_in_place_at_every_label) {
  kill_everywhere(kRetype, {"kW0", "kW2", "kW3", "kW4", "kW5", "kW6", "kW7", "kW8"});
}
TEST(SwapKill, an_adoption_at_every_label) {
  kill_everywhere(kAdoption, {"kW1", "kW2", "kW3", "kW4", "kW5", "kW6", "kW7", "kW8"});
}

// ---- garbage
// ----------------------------------------------------------------------------------------------------------------

TEST(SwapGarbage, what_somebody_built_on_a_leaf_is_kept_and_reported) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"}, Method::Shell);
  must(session.execute("CREATE VIEW public.on_leaf AS SELECT count(*) AS n FROM weir_data.\"sync_core__Orders__g1\""));
  auto planned = must(
      plan(must(capture(session, kOrders)), test::request_of(session, kOrders, rows_of(1, 2), {"id"}, Method::Shell)));
  ASSERT_FALSE(planned.warnings.empty());
  EXPECT_NE(planned.warnings[0].find("public.on_leaf"), std::string::npos);
  for (int i = 0; i < 3; ++i) test::must_refresh(session, kOrders, rows_of(1, 20 + i), {"id"}, Method::Shell);
  auto const lines = must(collect_garbage(session));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("kept \"weir_data.sync_core__Orders__g1\""), std::string::npos) << lines[0];
  EXPECT_EQ(value(session, "SELECT n FROM public.on_leaf"), "10");
  must(session.execute("DROP VIEW public.on_leaf; CREATE TABLE weir_data.stranger (id int)"));
  auto const again = must(collect_garbage(session));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_NE(again[0].find("dropped"), std::string::npos);
  EXPECT_NE(again[1].find("weir did not make it"), std::string::npos);
}

}  // namespace
}  // namespace weir::swap
