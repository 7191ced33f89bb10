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

// A table with a view, a grant and a policy; ordinary or a shell.
void make_table(pg::Session& session, bool ordinary) {
  must(
      session.execute("DROP SCHEMA IF EXISTS mart CASCADE; DROP SCHEMA IF EXISTS sync_core CASCADE; CREATE SCHEMA "
                      "sync_core; CREATE SCHEMA mart; CREATE TABLE IF NOT EXISTS public.done (run text)"));
  must(
      session.execute("UPDATE weir.generation SET state = 'dropped'; TRUNCATE public.done; DELETE FROM weir.fence; "
                      "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relnamespace = "
                      "'weir_data'::regnamespace AND relkind = 'r' LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$"));
  if (ordinary) {
    must(
        session.execute("CREATE TABLE sync_core.\"Orders\" (id int PRIMARY KEY, name text, amount numeric(12,2)); "
                        "INSERT INTO sync_core.\"Orders\" " +
                        rows_of(1, kOld)));
  } else {
    test::must_refresh(session, kOrders, rows_of(1, kOld), {"id"}, Method::Shell);
  }
  must(
      session.execute("CREATE VIEW mart.v AS SELECT id, amount FROM sync_core.\"Orders\"; CREATE VIEW mart.top AS "
                      "SELECT count(*) AS n FROM mart.v; GRANT SELECT ON sync_core.\"Orders\" TO PUBLIC; "
                      "CREATE INDEX orders_name ON sync_core.\"Orders\" (name)"));
}

Request request_for(Method method) {
  Request request;
  request.target = kOrders;
  request.columns = {{"id", "integer", true}, {"name", "text", false}, {"amount", "numeric(12,2)", false}};
  request.key = {"id"};
  request.method = method;
  return request;
}

// Load and publish as a fresh attempt of its own session; takes up what an earlier one left. The fault is installed
// when all is planned: what comes before only reads.
Result<Report> attempt(pg::SessionOptions const& options, Method method, std::int64_t token,
                       std::function<void()> const& planned_now = {}) {
  WEIR_TRY(auto session, pg::Session::connect(options));
  auto const request = request_for(method);
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
    WEIR_TRY(auto rows, test::fill(session, load->copy_statement(), rows_of(1, kNew)));
    WEIR_DO(load->finish(rows));
  }
  auto publishing = test::publish_options(token);
  publishing.in_transaction = [](pg::Session& s) -> Status {
    WEIR_DO(s.execute("INSERT INTO public.done VALUES ('run')"));
    return {};
  };
  return publish(session, planned, *load, publishing);
}

// An attempt after one that died: its backend may take a moment to notice.
Report next_attempt(pg::SessionOptions const& options, Method method, std::int64_t token) {
  for (int i = 0; i < 600; ++i) {
    auto report = attempt(options, method, token);
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
}

void fail_every_statement(bool ordinary, Method method, pg::FaultKind kind, std::string const& name) {
  auto options = test::fresh_database();
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  std::int64_t token = 1;
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, 400U);
    std::string const where = fmt::format("{} statement {}", name, n);
    make_table(observer, ordinary);
    std::string const before = theirs(observer);
    bool fired = false, reported = false;
    {
      std::optional<pg::InstalledFault> fault;
      auto report = attempt(options, method, token += 10, [&] { fault.emplace(pg::FaultPlan{.at = n, .kind = kind}); });
      reported = report.ok();
      fired = fault && fault->fired();
    }
    check(observer, before, reported, where);
    if (!is_published(observer)) next_attempt(options, method, token + 1);
    check_end(observer, before, where);
    if (!fired || ::testing::Test::HasFailure()) break;
  }
}

TEST(SwapFaultsRefused, any_statement_of_a_shell_refresh_is_refused) {
  fail_every_statement(false, Method::Shell, pg::FaultKind::Error, "shell, error");
}
TEST(SwapFaultsDisconnect, the_connection_ends_before_any_statement_of_a_shell_refresh) {
  fail_every_statement(false, Method::Shell, pg::FaultKind::Disconnect, "shell, disconnect");
}
TEST(SwapFaultsLost, any_answer_of_a_shell_refresh_is_lost) {
  fail_every_statement(false, Method::Shell, pg::FaultKind::Lost, "shell, lost");
}
TEST(SwapFaultsAdoption, any_answer_of_an_adoption_is_lost) {
  fail_every_statement(true, Method::Shell, pg::FaultKind::Lost, "adoption, lost");
}
TEST(SwapFaultsMerge, any_answer_of_a_merge_is_lost) {
  fail_every_statement(true, Method::Merge, pg::FaultKind::Lost, "merge, lost");
}

TEST(SwapFaults, a_lost_commit_reply_is_looked_up) {
  auto options = test::fresh_database();
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  for (Method method : {Method::Shell, Method::Merge}) {
    make_table(observer, method == Method::Merge);
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
  must(attempt(options, *method_from(std::getenv("WEIR_TEST_method")), 5));
}

void run_child(pg::SessionOptions const& options, std::string const& label, Method method) {
  std::string command = "WEIR_CRASH_AT=" + label + " WEIR_TEST_method=" + std::string(method_name(method));
  for (auto const& [key, text] : options.parameters)
    if (key == "host" || key == "port" || key == "dbname" || key == "user") command += " WEIR_TEST_" + key + "=" + text;
  command += fmt::format(
      " /proc/{}/exe --gtest_also_run_disabled_tests --gtest_filter=SwapKill.DISABLED_child >/dev/null 2>&1",
      ::getpid());
  int const status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGKILL) << label << ": the child did not pass there";
}

void kill_everywhere(bool ordinary, Method method, std::vector<std::string> const& labels) {
  auto options = test::fresh_database();
  auto observer = must(pg::Session::connect(options));
  must(prepare_warehouse(observer));
  for (std::string const& label : labels) {
    make_table(observer, ordinary);
    std::string const before = theirs(observer);
    run_child(options, label, method);
    std::string const where = std::string(method_name(method)) + " killed at " + label;
    // Whether its COMMIT arrived is certain only when its backends are gone.
    while (value(observer,
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                 "AND backend_type = 'client backend'") != "0") {
    }
    check(observer, before, false, where);
    bool const committed = label == "kW8" || label == "kW9" || label == "kW10";
    EXPECT_EQ(is_published(observer), committed) << where;
    if (!is_published(observer)) next_attempt(options, method, 6);
    check_end(observer, before, where);
  }
}

TEST(SwapKill, a_shell_refresh_at_every_label) {
  kill_everywhere(
      false, Method::Shell,
      {"kL5", "kL8", "kL13", "kL11", "kL12", "kW1", "kW2", "kW3", "kW4", "kW5", "kW6", "kW7", "kW8", "kW9", "kW10"});
}
TEST(SwapKill, a_merge_at_every_label) {
  kill_everywhere(true, Method::Merge, {"kL5", "kL8", "kL13", "kL12", "kW2", "kW4", "kW5", "kW6", "kW7", "kW8", "kW9"});
}
TEST(SwapKill, an_adoption_at_every_label) {
  kill_everywhere(true, Method::Shell, {"kW1", "kW2", "kW3", "kW4", "kW5", "kW6", "kW7", "kW8"});
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
  EXPECT_NE(lines[0].find("kept \"weir_data.\"sync_core__Orders__g1\"\""), std::string::npos) << lines[0];
  EXPECT_EQ(value(session, "SELECT n FROM public.on_leaf"), "10");
  must(session.execute("DROP VIEW public.on_leaf; CREATE TABLE weir_data.stranger (id int)"));
  auto const again = must(collect_garbage(session));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_NE(again[0].find("dropped"), std::string::npos);
  EXPECT_NE(again[1].find("weir did not make it"), std::string::npos);
}

}  // namespace
}  // namespace weir::swap
