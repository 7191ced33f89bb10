// What publishing needs of the warehouse: the probe for shells and its fallback, schemas that several programs make at
// once.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <latch>
#include <optional>
#include <thread>

#include "swap/capture.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::must_refresh;
using test::rows_of;
using test::value;

sql::QualifiedName const kOrders{"sync_core", "Orders"};

std::string kind_of(pg::Session& session, sql::QualifiedName const& table) {
  return value(session, "SELECT relkind FROM pg_class WHERE oid = '" + table.quoted() + "'::regclass");
}

TEST(SwapProbe, where_no_shell_can_be_made_rows_are_merged) {
  auto session = test::fresh_session();
  must(session.execute(R"(
CREATE FUNCTION public.no_partitions() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_query() ~ 'PARTITION BY' THEN RAISE EXCEPTION 'no partitioned tables here'; END IF;
END $$;
CREATE EVENT TRIGGER no_partitions ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.no_partitions())"));
  must(prepare_warehouse(session));
  auto const request = test::request_of(session, kOrders, rows_of(1, 10), {"id"});
  auto const first = must(plan(must(capture(session, kOrders)), request));
  EXPECT_EQ(first.method, Method::Merge);
  EXPECT_EQ(first.reason, "shells cannot be made on this server: no partitioned tables here");
  for (int rows : {10, 7000, 6500})
    EXPECT_EQ(must_refresh(session, kOrders, rows_of(1, rows), {"id"}).rows_after, rows);
  EXPECT_EQ(kind_of(session, kOrders), "r");
  auto forced = request;
  forced.target.name = "Other";
  forced.method = Method::Shell;
  auto const refused = plan(must(capture(session, forced.target)), forced);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
}

TEST(SwapProbe, a_shell_of_better_days_is_changed_in_place) {
  auto session = test::prepared_warehouse();
  must_refresh(session, kOrders, rows_of(1, 6000), {"id"});
  must(session.execute("UPDATE weir.meta SET value = 'not here' WHERE name = 'shell_key'"));
  EXPECT_EQ(must_refresh(session, kOrders, rows_of(1, 6100), {"id"}).method, Method::Merge);
  EXPECT_EQ(kind_of(session, kOrders), "p");
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "6100");
}

TEST(SwapProbe, a_lock_in_its_way_is_no_verdict) {
  auto session = test::prepared_warehouse();
  must(session.execute("DELETE FROM weir.meta WHERE name LIKE 'shell_key%'; SET lock_timeout = '50ms'"));
  auto other = must(pg::Session::connect(session.options()));
  must(other.execute("BEGIN; CREATE TABLE weir_data.weir_probe (id int)"));
  EXPECT_FALSE(prepare_warehouse(session).ok());
  EXPECT_EQ(value(session, "SELECT count(*) FROM weir.meta WHERE name LIKE 'shell_key%'"), "0");
  must(other.execute("ROLLBACK"));
  must(prepare_warehouse(session));
  EXPECT_EQ(value(session, "SELECT value FROM weir.meta WHERE name = 'shell_key'"), "whole row");
}

TEST(SwapSchemas, somebody_makes_the_same_one_meanwhile) {
  auto session = test::prepared_warehouse();
  auto other = must(pg::Session::connect(session.options()));
  must(other.execute("BEGIN; CREATE SCHEMA sync_core"));
  auto observer = must(pg::Session::connect(session.options()));
  auto const request = test::request_of(session, kOrders, rows_of(1, 10), {"id"});
  std::optional<Result<Report>> report;
  std::jthread worker([&] { report = test::refresh(session, request, rows_of(1, 10)); });
  // The load stands, so the rehearsal has given up: what waits now is the publish.
  while (value(observer,
               "SELECT count(*) FROM pg_stat_activity a, weir.generation g WHERE g.state = 'ready' AND "
               "a.wait_event_type = 'Lock' AND a.query LIKE '%CREATE SCHEMA%'") == "0") {
  }
  must(other.execute("COMMIT"));
  worker.join();
  ASSERT_TRUE(report->ok()) << report->error().to_text();
  EXPECT_EQ(value(observer, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
}

TEST(SwapConcurrentSchemas, programs_that_start_at_once_all_succeed) {
  constexpr int kPrograms = 4;
  for (int round = 0; round < 3; ++round) {
    auto const options = test::fresh_database();
    std::latch start(kPrograms);
    std::vector<std::optional<Result<Report>>> reports(kPrograms);
    {
      std::vector<std::jthread> programs;
      for (int i = 0; i < kPrograms; ++i)
        programs.emplace_back([&, i] {
          auto session = must(pg::Session::connect(options));
          sql::QualifiedName const table{"landing", fmt::format("t{}", i)};
          auto const request = test::request_of(session, table, rows_of(1, 5), {"id"});
          auto publishing = test::publish_options();
          publishing.scope = table.text();
          start.arrive_and_wait();
          must(prepare_warehouse(session));
          reports[static_cast<std::size_t>(i)] = test::refresh(session, request, rows_of(1, 5), publishing);
        });
    }
    for (auto const& report : reports) ASSERT_TRUE(report->ok()) << report->error().to_text();
    auto session = must(pg::Session::connect(options));
    EXPECT_EQ(value(session, "SELECT count(*) FROM pg_tables WHERE schemaname = 'landing'"), std::to_string(kPrograms));
  }
}

}  // namespace
}  // namespace weir::swap
