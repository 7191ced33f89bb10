// Promise 2: readers never wait long, never fail, and see one generation or the other. Threads: this file runs under
// TSan.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::rows_of;
using test::value;

sql::QualifiedName const kOrders{"sync_core", "Orders"};

struct Seen {
  std::set<std::string> counts;
  std::vector<std::string> errors;
  int reads = 0;
};

// Reads until it is told to stop, each time with a new statement.
Seen read_on(pg::SessionOptions const& options, std::string const& sql, std::stop_token stop) {
  Seen seen;
  auto session = must(pg::Session::connect(options));
  while (!stop.stop_requested()) {
    auto rows = session.query(sql);
    ++seen.reads;
    if (!rows.ok()) {
      seen.errors.push_back(rows.error().to_text());
      if (session.is_broken()) break;
      continue;
    }
    seen.counts.insert(std::string(rows->text(0, 0)));
  }
  return seen;
}

TEST(SwapReaders, see_old_or_new_and_never_an_error) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 100), {"id"});
  must(
      session.execute("CREATE SCHEMA mart; CREATE VIEW mart.v AS SELECT id FROM sync_core.\"Orders\"; CREATE VIEW "
                      "mart.top AS SELECT count(*) AS n FROM mart.v"));
  constexpr int kReaders = 4, kPublishes = 12;
  std::vector<Seen> seen(kReaders);
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i)
      readers.emplace_back([&, i](std::stop_token stop) {
        seen[static_cast<std::size_t>(i)] =
            read_on(session.options(),
                    i % 2 == 0 ? "SELECT n FROM mart.top" : "SELECT count(*) FROM sync_core.\"Orders\"", stop);
      });
    for (int i = 1; i <= kPublishes; ++i) {
      auto request =
          test::request_of(session, kOrders, rows_of(1, 1), {"id"}, i % 4 == 3 ? Method::Merge : Method::Shell);
      std::string const rows = rows_of(1, 100 + i);
      auto report = test::refresh(session, request, rows);
      ASSERT_TRUE(report.ok()) << report.error().to_text();
    }
  }
  std::set<std::string> allowed;
  for (int i = 0; i <= kPublishes; ++i) allowed.insert(std::to_string(100 + i));
  for (Seen const& one : seen) {
    EXPECT_TRUE(one.errors.empty()) << one.errors.front();
    EXPECT_GT(one.reads, 0);
    for (std::string const& count : one.counts) EXPECT_TRUE(allowed.contains(count)) << count;
  }
}

TEST(SwapReaders, an_older_snapshot_never_sees_an_empty_table) {
  auto session = test::prepared_warehouse();
  for (Method method : {Method::Shell, Method::View}) {
    sql::QualifiedName const name{"sync_core", std::string(method_name(method))};
    test::must_refresh(session, name, rows_of(1, 10), {"id"}, method);
    auto reader = must(pg::Session::connect(session.options()));
    must(reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
    test::must_refresh(session, name, rows_of(1, 20), {"id"}, method);
    EXPECT_EQ(value(reader, "SELECT count(*) FROM " + name.quoted()), "20") << name.text();
  }
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto reader = must(pg::Session::connect(session.options()));
  must(reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
  test::must_refresh(session, kOrders, rows_of(1, 20), {"id"}, Method::Merge);
  EXPECT_EQ(value(reader, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
}

TEST(SwapReaders, a_load_in_chunks_waits_for_older_snapshots_and_names_who_outlasts_it) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  auto reader = must(pg::Session::connect(session.options()));
  for (bool open : {true, false}) {
    if (open) {
      must(reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
    }
    auto planned = must(plan(must(capture(session, kOrders)), request));
    auto load = must(Load::begin(session, planned, "test/stream", 1, false));
    EXPECT_FALSE(load.frozen());
    must(test::fill(session, load.copy_statement(), rows_of(1, 9)));
    must(test::fill(session, load.copy_statement(), rows_of(10, 20)));
    must(load.finish(20));
    auto options = test::publish_options();
    options.window = open ? Duration(std::chrono::milliseconds(300)) : Duration(std::chrono::minutes(1));
    if (!open) {
      must(reader.execute("COMMIT"));
    }
    auto report = must(publish(session, planned, load, options));
    bool const named = !report.notes.empty() &&
                       report.notes[0].find("pid " + std::to_string(reader.backend_pid())) != std::string::npos;
    EXPECT_EQ(named, open);
    EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "20");
  }
}

TEST(SwapReaders, a_report_that_holds_the_table_is_named_and_the_load_waits) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  auto planned = must(plan(must(capture(session, kOrders)), request));
  auto report = must(pg::Session::connect(session.options()));
  must(report.execute("BEGIN; SELECT count(*) FROM sync_core.\"Orders\""));
  auto rehearsed = must(rehearse(session, planned));
  EXPECT_FALSE(rehearsed.complete);
  {
    auto load = must(Load::begin(session, planned, "test/stream", 1, true));
    must(test::fill(session, load.copy_statement(), rows_of(1, 20)));
    must(load.finish(20));
    auto options = test::publish_options();
    options.window = std::chrono::milliseconds(200);
    auto busy = publish(session, planned, load, options);
    ASSERT_FALSE(busy.ok());
    EXPECT_EQ(busy.error().kind(), ErrorKind::Busy);
    EXPECT_NE(busy.error().cause().find("pid " + std::to_string(report.backend_pid())), std::string::npos)
        << busy.error().to_text();
    EXPECT_NE(busy.error().cause().find("idle in transaction"), std::string::npos);
    EXPECT_EQ(value(report, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
  }
  must(report.execute("COMMIT"));
  // The next attempt takes the finished load up.
  auto again = must(plan(must(capture(session, kOrders)), request));
  auto waiting = must(Load::adopt(session, again, "test/stream", 2));
  ASSERT_TRUE(waiting.has_value());
  EXPECT_TRUE(waiting->ready());
  EXPECT_EQ(waiting->rows(), 20U);
  must(publish(session, again, *waiting, test::publish_options(2)));
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "20");
}

TEST(SwapReaders, a_publish_gets_through_when_the_reader_lets_go) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto reader = must(pg::Session::connect(session.options()));
  must(reader.execute("BEGIN; SELECT count(*) FROM sync_core.\"Orders\""));
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  std::atomic<bool> published = false;
  std::jthread publisher([&] {
    auto own = must(pg::Session::connect(session.options()));
    auto report = test::refresh(own, request, rows_of(1, 20));
    EXPECT_TRUE(report.ok()) << report.error().to_text();
    if (report.ok()) {
      EXPECT_GT(report->lock_tries, 1);
    }
    published = true;
  });
  // The reader lets go only after a publisher has tried, which shows in the server's list of its statements.
  auto watcher = must(pg::Session::connect(session.options()));
  while (value(watcher,
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%ROLLBACK TO SAVEPOINT weir_lock%' AND pid <> "
               "pg_backend_pid() AND backend_xid IS NOT NULL "
               "AND EXISTS (SELECT FROM weir.generation WHERE state = 'ready')") == "0" &&
         !published) {
  }
  EXPECT_EQ(value(reader, "SELECT count(*) FROM sync_core.\"Orders\""), "10");  // and others are not shut out behind it
  EXPECT_EQ(value(watcher, "SELECT count(*) FROM sync_core.\"Orders\""), "10");
  must(reader.execute("COMMIT"));
  publisher.join();
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.\"Orders\""), "20");
}

TEST(SwapReaders, views_made_beside_publishes_are_kept) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  std::atomic<int> made = 0;
  {
    std::jthread maker([&](std::stop_token stop) {
      auto own = must(pg::Session::connect(session.options()));
      must(own.execute("CREATE SCHEMA mart"));
      while (!stop.stop_requested() && made < 400) {
        auto done =
            own.execute(fmt::format("CREATE VIEW mart.v{} AS SELECT id FROM sync_core.\"Orders\"", made.load()));
        EXPECT_TRUE(done.ok()) << done.error().to_text();
        ++made;
      }
    });
    for (int i = 1; i <= 4; ++i) test::must_refresh(session, kOrders, rows_of(1, 10 + i), {"id"}, Method::Shell);
  }
  EXPECT_GT(made, 0);
  EXPECT_EQ(value(session, "SELECT count(*) FROM pg_views WHERE schemaname = 'mart'"), std::to_string(made));
  EXPECT_EQ(value(session, "SELECT count(*) FROM mart.v0"), "14");
}

TEST(SwapReaders, two_publishers_at_once_finish_one_after_the_other) {
  auto session = test::prepared_warehouse();
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"});
  auto request = test::request_of(session, kOrders, rows_of(1, 20), {"id"}, Method::Shell);
  std::atomic<int> done = 0, busy = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 2; ++i)
      writers.emplace_back([&, i] {
        auto own = must(pg::Session::connect(session.options()));
        for (int n = 0; n < 4; ++n) {
          auto options = test::publish_options();
          options.scope = "writer/" + std::to_string(i);
          auto report = test::refresh(own, request, rows_of(1, 20 + n), options);
          if (report.ok())
            ++done;
          else if (report.error().kind() == ErrorKind::Busy)
            ++busy;
          else
            ADD_FAILURE() << report.error().to_text();
        }
      });
  }
  EXPECT_EQ(done + busy, 8);
  EXPECT_GE(done, 1);  // whoever finds the other one loading gets Busy, and nobody anything else
  must(collect_garbage(session));
  EXPECT_EQ(
      value(session, "SELECT count(*) FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'"),
      "2");
}

}  // namespace
}  // namespace weir::swap
