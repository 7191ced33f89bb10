// Method shell: made, refreshed, rolled back, collected; what hangs on the table stays.

#include <gtest/gtest.h>

#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::must_refresh;
using test::rows_of;
using test::value;

sql::QualifiedName const kOrders{"sync_core", "Orders"};

TEST(SwapPrepare, is_idempotent_and_refuses_a_newer_schema) {
  auto session = test::prepared_warehouse();
  must(prepare_warehouse(session));
  EXPECT_EQ(value(session, "SELECT value FROM weir.meta WHERE name = 'shell_key'"), "whole row");
  must(session.execute("UPDATE weir.meta SET value = '9999' WHERE name = 'schema_version'"));
  Status newer = prepare_warehouse(session);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().kind(), ErrorKind::Refused);
}

TEST(SwapPrepare, without_rights_names_the_grant) {
  auto session = test::fresh_session();
  must(session.execute("CREATE ROLE nobody_here LOGIN"));
  must(session.execute("SET ROLE nobody_here"));
  Status denied = prepare_warehouse(session);
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.error().kind(), ErrorKind::Denied);
  EXPECT_NE(denied.error().next().find("GRANT CREATE ON DATABASE"), std::string::npos);
}

TEST(SwapShell, is_made_and_refreshed_under_views) {
  auto session = test::prepared_warehouse();
  Report made = must_refresh(session, kOrders, rows_of(1, 100), {"id"});
  EXPECT_EQ(made.method, Method::Shell);
  EXPECT_EQ(made.rows_after, 100U);
  EXPECT_EQ(value(session, "SELECT relkind FROM pg_class WHERE oid = 'sync_core.\"Orders\"'::regclass"), "p");
  must(
      session.execute("CREATE SCHEMA mart; CREATE VIEW mart.v AS SELECT id, amount FROM sync_core.\"Orders\"; CREATE "
                      "VIEW mart.top AS SELECT count(*) AS n, sum(amount) AS s FROM mart.v"));
  auto const before = must(fingerprint(session, kOrders));

  Report again = must_refresh(session, kOrders, rows_of(1, 250, 2), {"id"}, Method::Shell);
  EXPECT_EQ(again.rows_before, 100U);
  EXPECT_EQ(again.rows_after, 250U);
  EXPECT_EQ(value(session, "SELECT n || ' ' || s FROM mart.top"), "250 62750.00");
  EXPECT_EQ(must(fingerprint(session, kOrders)), before);
  EXPECT_EQ(again.dependents_verified, 2);
}

TEST(SwapShell, rolls_back_and_forth_and_collects) {
  auto session = test::prepared_warehouse();
  for (int i = 1; i <= 4; ++i) must_refresh(session, kOrders, rows_of(1, i * 10), {"id"}, Method::Shell);
  EXPECT_EQ(value(session,
                  "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = "
                  "'weir_data'::regnamespace AND relkind = 'r'"),
            "sync_core__Orders__g3 sync_core__Orders__g4");
  Report back = must(rollback(session, kOrders, test::publish_options()));
  EXPECT_EQ(back.rows_after, 30U);
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "30");
  must(rollback(session, kOrders, test::publish_options()));
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "40");
  EXPECT_TRUE(must(collect_garbage(session)).empty());
  EXPECT_EQ(value(session, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0");
}

TEST(SwapShell, row_counts_that_differ_publish_nothing) {
  auto session = test::prepared_warehouse();
  must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  auto planned = must(plan(must(capture(session, kOrders)), request));
  auto load = must(Load::begin(session, planned, "test/stream", 2, true));
  EXPECT_EQ(must(test::fill(session, load.copy_statement(), rows_of(1, 20))), 20U);
  Status finished = load.finish(21);
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().kind(), ErrorKind::Data);
  must(load.discard());
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
  EXPECT_EQ(
      value(session, "SELECT count(*) FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'"),
      "1");
}

// The count that the server keeps of the transaction stands for a scan; where it keeps none, rows are counted.
TEST(SwapShell, rows_are_proved_whether_the_server_counts_or_not) {
  auto session = test::prepared_warehouse();
  for (char const* counts : {"on", "off"}) {
    must(session.execute(std::string("SET track_counts = ") + counts));
    must_refresh(session, kOrders, rows_of(1, 30), {"id"});
    auto planned = must(plan(must(capture(session, kOrders)),
                             test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell)));
    auto load = must(Load::begin(session, planned, "test/stream", 2, true));
    must(test::fill(session, load.copy_statement(), rows_of(1, 20)));
    must(session.execute("DELETE FROM " + load.relation().quoted() + " WHERE id > 18"));
    must(load.finish(18));
    EXPECT_EQ(load.rows(), 18U) << counts;
    must(load.discard());
  }
}

// The shell's own statistics, which ANALYZE of it makes: a number that changes with each one.
std::string analyzed(pg::Session& session) {
  return value(session,
               "SELECT string_agg(s.xmin::text, ' ') FROM (SELECT xmin FROM pg_statistic WHERE starelid = "
               "'sync_core.\"Orders\"'::regclass AND stainherit ORDER BY staattnum) s");
}

TEST(SwapShell, the_shell_is_analyzed_when_its_statistics_moved) {
  auto session = test::prepared_warehouse();
  auto rows = [&](int first, int last) {
    return "SELECT i AS id, i % 7 AS kind, 'name ' || i AS name, date '2020-01-01' + i / 100 AS day FROM "
           "generate_series(" +
           std::to_string(first) + ", " + std::to_string(last) + ") i";
  };
  auto refresh_with = [&](std::string const& select) {
    must_refresh(session, kOrders, select, {"id"}, Method::Shell);
    return analyzed(session);
  };
  std::string const first = refresh_with(rows(1, 9000));
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(refresh_with(rows(1, 9000)), first);  // the same rows
  EXPECT_EQ(refresh_with(rows(1, 9200)), first);  // some more
  std::string const later = refresh_with(rows(5001, 14000));
  EXPECT_NE(later, first);  // other quantiles
  auto replaced = [&](std::string const& what) {
    return "SELECT id, " + what + " AS kind, name, day FROM (" + rows(5001, 14000) + ") r";
  };
  std::string const values = refresh_with(replaced("kind + 7"));
  EXPECT_NE(values, later);  // other common values, as frequent as those before
  std::string const nulls = refresh_with(replaced("nullif(kind + 7, 9)"));
  EXPECT_NE(nulls, values);  // NULLs
  EXPECT_EQ(refresh_with(replaced("nullif(kind + 7, 9)")), nulls);
  EXPECT_NE(refresh_with("SELECT r.*, id % 2 AS more FROM (" + replaced("nullif(kind + 7, 9)") + ") r"),
            nulls);  // a column
}

TEST(SwapShell, a_second_writer_and_an_overtaken_one_are_refused) {
  auto session = test::prepared_warehouse();
  must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  auto planned = must(plan(must(capture(session, kOrders)), request));
  auto load = must(Load::begin(session, planned, "test/stream", 5, true));
  auto other = must(pg::Session::connect(session.options()));
  auto second = Load::begin(other, planned, "test/stream", 6, true);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind(), ErrorKind::Busy);
  EXPECT_NE(second.error().cause().find("pid " + std::to_string(session.backend_pid())), std::string::npos);
  must(test::fill(session, load.copy_statement(), rows_of(1, 20)));
  must(load.finish(20));
  must(other.execute("INSERT INTO weir.fence VALUES ('test/stream', 9) ON CONFLICT (scope) DO UPDATE SET token = 9"));
  auto late = publish(session, planned, load, test::publish_options(5));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind(), ErrorKind::Refused);
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
}

}  // namespace
}  // namespace weir::swap
