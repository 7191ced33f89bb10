// Whatever the method, the same refreshes leave the same table: rows, columns, what views show. A method that cannot do
// it refuses before anything is loaded, and names column and dependent.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "swap/capture.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::value;

constexpr char const* kFirst =
    "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS small, 'set' AS strict FROM "
    "generate_series(1, "
    "20) i";

// What the source has at the second refresh. Rows 1 to 4 are gone, 21 to 30 are new, every third one differs.
struct Change {
  char const* name;
  char const* select;
  bool by_policy = false;  // something uses the column: the policy decides
};
constexpr std::array kChanges{
    Change{"nothing",
           "SELECT i AS id, i * (10 + i % 3) AS qty, 'note ' || i AS note, i::smallint AS small, 'set' AS "
           "strict FROM generate_series(5, 30) i"},
    Change{"a column more",
           "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS small, 'set' AS strict, "
           "i % 2 = 0 AS even FROM generate_series(5, 30) i"},
    Change{"another order",
           "SELECT 'set' AS strict, i::smallint AS small, 'note ' || i AS note, i * 10 AS qty, i AS id "
           "FROM generate_series(5, 30) i"},
    Change{"a used column gone",
           "SELECT i AS id, 'note ' || i AS note, i::smallint AS small, 'set' AS strict FROM "
           "generate_series(5, 30) i",
           true},
    Change{"an unused column gone",
           "SELECT i AS id, i * 10 AS qty, i::smallint AS small, 'set' AS strict FROM "
           "generate_series(5, 30) i"},
    Change{"a used column wider",
           "SELECT i AS id, CASE i WHEN 30 THEN 3000000000 ELSE i END::bigint AS qty, 'note ' || i "
           "AS note, i::smallint AS small, 'set' AS strict FROM generate_series(5, 30) i",
           true},
    Change{"an unused column wider",
           "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::bigint AS small, 'set' AS "
           "strict FROM generate_series(5, 30) i"},
    Change{"a used column renamed",
           "SELECT i AS id, i * 10 AS amount, 'note ' || i AS note, i::smallint AS small, 'set' "
           "AS strict FROM generate_series(5, 30) i",
           true},
    Change{"a wider key",
           "SELECT (i * 1000000000)::bigint AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS "
           "small, 'set' AS strict FROM (SELECT i::bigint FROM generate_series(5, 30) i) g",
           true},
    Change{"NULL where none was",
           "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS small, nullif('set', "
           "CASE i WHEN 7 THEN 'set' ELSE '' END) AS strict FROM generate_series(5, 30) i"},
    Change{"a NOT NULL column gone",
           "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS small FROM "
           "generate_series(5, 30) i",
           true},
    Change{"a NOT NULL column of another type",
           "SELECT i AS id, i * 10 AS qty, 'note ' || i AS note, i::smallint AS "
           "small, i AS strict FROM generate_series(5, 30) i",
           true},
};

// How the table is made, and how it is refreshed then.
struct Way {
  char const* name;
  Method made, refreshed;
};
constexpr std::array kWays{
    Way{"shell", Method::Shell, Method::Shell},        Way{"merge into a shell", Method::Shell, Method::Merge},
    Way{"auto, a shell", Method::Shell, Method::Auto}, Way{"merge", Method::Merge, Method::Merge},
    Way{"truncate", Method::Merge, Method::Truncate},  Way{"auto, an ordinary table", Method::Merge, Method::Auto}};

// One world: a table of its own, with the views that use its columns id and qty.
struct World {
  sql::QualifiedName table;
  std::string views;  // schema
};

World make_world(pg::Session& session, Way const& way, bool used) {
  static int number = 0;
  World world{{fmt::format("raw{}", ++number), "Item"}, fmt::format("mart{}", number)};
  auto request = test::request_of(session, world.table, kFirst, {"id"}, way.made);
  request.columns.back().not_null = true;
  must(test::refresh(session, request, kFirst));
  std::string const table = world.table.quoted(), s = world.views;
  must(
      session.execute(fmt::format("CREATE SCHEMA {}; ALTER TABLE {} ALTER COLUMN note SET DEFAULT 'none'; COMMENT ON "
                                  "COLUMN {}.small IS 'kept'",
                                  s, table, table)));
  if (used)
    must(session.execute(
        fmt::format("CREATE VIEW {0}.v AS SELECT id, qty, strict FROM {1}; CREATE VIEW {0}.top AS SELECT "
                    "id, qty + 1 AS more FROM {0}.v",
                    s, table)));
  return world;
}

// All that somebody who looks at the table can see: columns, rows, what the views on it show.
std::string sight(pg::Session& session, World const& world, bool used) {
  std::string const table = world.table.quoted();
  auto columns = must(session.query(
      "SELECT quote_ident(a.attname), format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE "
      "'' "
      "END || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || coalesce(' -- ' || "
      "col_description(attrelid, attnum), '') FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND "
      "d.adnum = a.attnum WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname",
      {table}));
  std::string seen, list;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    seen += fmt::format("{} {}\n", columns.text(i, 0), columns.text(i, 1));
    list += fmt::format("{}{}", i == 0 ? "" : ", ", columns.text(i, 0));
  }
  auto const rows = [&](std::string const& from, std::string const& what) {
    return value(session,
                 fmt::format("SELECT string_agg(r, E'\\n' ORDER BY r COLLATE \"C\") FROM (SELECT ROW({})::text AS "
                             "r FROM {}) q",
                             what, from)) +
           "\n";
  };
  seen += rows(table, list);
  if (used) seen += rows(world.views + ".v", "id, qty, strict") + rows(world.views + ".top", "id, more");
  return seen;
}

// The source's rows, in all the columns that it has, must be what the table holds.
void expect_rows(pg::Session& session, World const& world, Request const& request, std::string const& select,
                 std::string const& where) {
  std::string list;
  for (auto const& column : request.columns) list += (list.empty() ? "" : ", ") + sql::quote_pg(column.name);
  EXPECT_EQ(value(session, fmt::format("SELECT count(*) FROM ((SELECT {0} FROM {1} EXCEPT ALL ({2})) UNION ALL (({2}) "
                                       "EXCEPT ALL SELECT {0} FROM {1})) d",
                                       list, world.table.quoted(), select)),
            "0")
      << where;
}

struct Outcome {
  std::string sight;
  std::optional<Error> refused;
  bool adopted = false;  // an ordinary table became a shell
};

Outcome refresh_twice(pg::Session& session, Way const& way, Change const& change, ColumnPolicy policy, bool used,
                      std::string const& where) {
  World const world = make_world(session, way, used);
  // A view that was upgraded under another one goes on in the old type, and its readers meet what does not fit there.
  std::string select = change.select;
  if (policy == ColumnPolicy::Upgrade) select = replace_all(replace_all(select, "3000000000", "30"), "1000000000", "1");
  auto request = test::request_of(session, world.table, select, {"id"}, way.refreshed);
  request.dropped = request.retyped = policy;
  auto const before = must(fingerprint(session, world.table));
  auto planned = plan(must(capture(session, world.table)), request);
  if (!planned.ok()) {
    EXPECT_EQ(must(fingerprint(session, world.table)), before) << where;
    return {"", std::move(planned).error(), false};
  }
  for (int i = 1; i <= 2; ++i) {
    auto done = test::refresh(session, request, select);
    if (!done.ok()) {
      ADD_FAILURE() << where << ", refresh " << i << ": " << done.error().to_text();
      return {};
    }
    expect_rows(session, world, request, select, where);
  }
  return {sight(session, world, used), std::nullopt, planned->adopts_table};
}

void all_ways_agree(ColumnPolicy policy, std::string_view policy_name, bool used) {
  auto session = test::prepared_warehouse();
  bool const all = !used || policy == ColumnPolicy::Keep;
  for (Change const& change : kChanges) {
    if (!all && !change.by_policy) continue;
    std::string shell;
    bool shell_refused = false;
    for (Way const& way : kWays) {
      std::string const where =
          fmt::format("{}, {}{}, by {}", change.name, policy_name, used ? ", used" : "", way.name);
      Outcome const outcome = refresh_twice(session, way, change, policy, used, where);
      if (&way == &kWays.front()) {
        shell = outcome.sight;
        shell_refused = outcome.refused.has_value();
      }
      if (outcome.refused) {
        EXPECT_EQ(outcome.refused->kind(), ErrorKind::Refused) << where;
        EXPECT_TRUE(shell_refused || way.refreshed != Method::Auto) << where << ": " << outcome.refused->to_text();
        EXPECT_NE(outcome.refused->cause().find("column \""), std::string::npos) << where << outcome.refused->to_text();
        continue;
      }
      EXPECT_FALSE(shell_refused) << where;
      // Views are pointed at the new shell as they are: an upgrade in the same publish is a shadow.
      if (policy == ColumnPolicy::Upgrade && outcome.adopted) continue;
      EXPECT_EQ(outcome.sight, shell) << where;
    }
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(SwapMethodsUnused, leave_the_same_table) {
  all_ways_agree(ColumnPolicy::Hold, "hold", false);
}
TEST(SwapMethodsKeep, leave_the_same_table) {
  all_ways_agree(ColumnPolicy::Keep, "keep", true);
}
TEST(SwapMethodsShadow, leave_the_same_table) {
  all_ways_agree(ColumnPolicy::Shadow, "shadow", true);
}
TEST(SwapMethodsUpgrade, leave_the_same_table) {
  all_ways_agree(ColumnPolicy::Upgrade, "upgrade", true);
}
TEST(SwapMethodsHold, leave_the_same_table) {
  all_ways_agree(ColumnPolicy::Hold, "hold", true);
}

TEST(SwapMethods, a_stable_view_shows_the_same_rows) {
  auto session = test::prepared_warehouse();
  for (Change const& change : {kChanges[0], kChanges[1], kChanges[2], kChanges[3], kChanges[4]}) {
    World const world{{"raw", fmt::format("Item {}", change.name)}, ""};
    auto first = test::request_of(session, world.table, kFirst, {"id"}, Method::View);
    must(test::refresh(session, first, kFirst));
    auto second = test::request_of(session, world.table, change.select, {"id"});
    must(test::refresh(session, second, change.select));
    expect_rows(session, world, second, change.select, change.name);
  }
}

TEST(SwapMethods, a_key_of_another_type_is_left_to_the_shell) {
  auto session = test::prepared_warehouse();
  World const world = make_world(session, kWays[0], true);
  auto request = test::request_of(session, world.table, kChanges[8].select, {"id"});
  auto const automatic = must(plan(must(capture(session, world.table)), request));
  EXPECT_EQ(automatic.method, Method::Shell);
  EXPECT_NE(automatic.reason.find("column \"id\" stands in the primary key"), std::string::npos) << automatic.reason;
  request.method = Method::Merge;
  auto const forced = plan(must(capture(session, world.table)), request);
  ASSERT_FALSE(forced.ok());
  EXPECT_NE(forced.error().cause().find("column \"id\" stands in the primary key"), std::string::npos);
  EXPECT_NE(forced.error().cause().find(world.views + ".v (owner postgres)"), std::string::npos);
}

TEST(SwapMethods, what_users_wrote_into_a_column_of_their_own_decides_the_method) {
  auto session = test::prepared_warehouse();
  World const world = make_world(session, kWays[0], true);
  must(session.execute(fmt::format("ALTER TABLE {} ADD mine text", world.table.quoted())));
  auto const planned = [&](char const* select, Method method) {
    auto request = test::request_of(session, world.table, select, {"id"}, method);
    request.loaded_before = {{"id", "qty", "note", "small", "strict"}};
    request.merge_below_rows = 0;
    return plan(must(capture(session, world.table)), request);
  };
  std::string const theirs = "column \"mine\" was added by the table's users";
  auto const automatic = must(planned(kChanges[0].select, Method::Auto));
  EXPECT_EQ(automatic.method, Method::Merge);
  EXPECT_NE(automatic.reason.find(theirs), std::string::npos) << automatic.reason;
  auto const refused = planned(kChanges[8].select, Method::Auto);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
  EXPECT_NE(refused.error().cause().find(theirs), std::string::npos) << refused.error().to_text();
  auto const forced = must(planned(kChanges[8].select, Method::Shell));
  ASSERT_FALSE(forced.warnings.empty());
  EXPECT_NE(forced.warnings[0].find(theirs), std::string::npos) << forced.warnings[0];
}

TEST(SwapMethods, a_merge_counts_the_values_that_policy_keep_takes_away) {
  auto session = test::prepared_warehouse();
  World const world = make_world(session, kWays[3], true);
  auto request = test::request_of(session, world.table, kChanges[3].select, {"id"}, Method::Merge);
  Report const report = must(test::refresh(session, request, kChanges[3].select));
  EXPECT_EQ(report.rows_before, 20U);
  EXPECT_EQ(report.rows_after, 26U);
  EXPECT_EQ(report.dependents_verified, 3);  // two views and a default; the table's own key is none
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_EQ(report.notes[0], "column \"qty\": 20 values replaced by NULL, since the source has no such column");
}

TEST(SwapMethods, a_column_that_a_cut_off_publish_left_is_dropped) {
  for (Method method : {Method::Merge, Method::Shell}) {
    auto session = test::prepared_warehouse();
    World const world = make_world(session, kWays[1], true);
    must(
        session.execute(fmt::format("ALTER TABLE {} ADD qty__weir bigint; INSERT INTO weir.unfinished VALUES ('{}', "
                                    "'Item', 'qty__weir')",
                                    world.table.quoted(), world.table.schema)));
    auto request = test::request_of(session, world.table, kChanges[5].select, {"id"}, method);
    request.loaded_before = {{"id", "qty", "note", "small", "strict"}};
    auto done = test::refresh(session, request, kChanges[5].select);
    ASSERT_TRUE(done.ok()) << done.error().to_text();
    EXPECT_EQ(value(session, "SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = '" +
                                 world.table.quoted() + "'::regclass AND attnum > 0 AND NOT attisdropped"),
              "id note qty qty__int4 small strict");
    EXPECT_EQ(value(session, "SELECT count(*) FROM weir.unfinished"), "0");
  }
}

}  // namespace
}  // namespace weir::swap
