#pragma once
// A connection "core" from a source in memory into a real PostgreSQL database, for tests of the loading engine.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sync/sync.h"
#include "unit/memory_source.h"
#include "unit/test_cluster.h"

namespace weir::test {

struct SyncFixture {
  std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
  pg::SessionOptions warehouse;
  config::Connection connection;
  sync::RunOptions options;
  sync::PlanOptions plan_options;
  std::unique_ptr<sync::Endpoints> endpoints;

  explicit SyncFixture(pg::SessionOptions into = fresh_database()) : warehouse(std::move(into)) {
    connection.name = "core";
    connection.into = "sync_core";
    connection.retry_first = std::chrono::milliseconds(1);
    connection.publish_window = std::chrono::seconds(5);
    forget_sessions();
  }

  // Ends the sessions that are kept for the next run.
  void forget_sessions() {
    endpoints = std::make_unique<sync::Endpoints>(
        [db = database] { return Result<std::unique_ptr<source::Source>>(std::make_unique<MemorySource>(db)); },
        [to = warehouse] { return pg::Session::connect(to); });
  }

  // Adds a stream with the options that `set` gives it.
  config::StreamOptions& stream(std::string const& pattern) {
    connection.tables.push_back({pattern, {}, true, {"weir.yml", static_cast<int>(connection.tables.size()) + 1, 1}});
    return connection.tables.back().options;
  }
  config::StreamOptions& options_of(std::string const& pattern) {
    for (auto& one : connection.tables)
      if (one.pattern == pattern) return one.options;
    return stream(pattern);
  }

  sync::SyncPlan plan() { return must(sync::plan(connection, *endpoints, plan_options)); }
  sync::SyncReport run() {
    auto const planned = plan();
    return must(sync::run(planned, connection, *endpoints, options));
  }
  // One stream, which must do well.
  sync::StreamReport run_one(sync::Outcome expected = sync::Outcome::Published) {
    auto report = run();
    EXPECT_EQ(report.streams.size(), 1U);
    EXPECT_EQ(sync::outcome_name(report.streams.at(0).outcome), sync::outcome_name(expected))
        << sync::report_text(report);
    return std::move(report.streams.at(0));
  }

  pg::Session session() { return must(pg::Session::connect(warehouse)); }
  void execute(std::string const& sql) { must(session().execute(sql)); }
  // Rows as "a|b\nc|d", in the query's order.
  std::string ask(std::string const& sql) {
    auto one = session();
    auto rows = must(one.query(sql));
    std::string text;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (row > 0) text += '\n';
      for (std::size_t column = 0; column < rows.columns(); ++column)
        text += (column > 0 ? "|" : "") + (rows.is_null(row, column) ? "NULL" : std::string(rows.text(row, column)));
    }
    return text;
  }
};

inline MemoryTable country(std::vector<Row> rows) {
  return table_of("Country", {column("Id", "integer", false), column("Name", "text"), column("Changed", "bigint")},
                  std::move(rows));
}

inline std::vector<Row> countries(int n) {
  std::vector<Row> rows;
  for (int i = 1; i <= n; ++i) rows.push_back({std::to_string(i), "country " + std::to_string(i), std::to_string(i)});
  return rows;
}

}  // namespace weir::test
