// The ways that change rows in the table: merge, append, upsert, truncate; and the stable view.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::must_refresh;
using test::rows_of;
using test::value;

sql::QualifiedName const kTable{"sync_core", "Country"};

pg::Session with_table(std::string const& ddl) {
  auto session = test::prepared_warehouse();
  must(session.execute("CREATE SCHEMA sync_core; " + ddl));
  return session;
}

TEST(SwapMerge, changes_only_what_differs) {
  auto session = with_table("CREATE TABLE sync_core.\"Country\" (id int PRIMARY KEY, name text, amount numeric)");
  must(session.execute(
      "INSERT INTO sync_core.\"Country\" SELECT i, 'name ' || i, i::numeric(12,2) FROM generate_series(1, 100) i"));
  std::string const rows =
      "SELECT i AS id, 'name ' || i AS name, CASE i WHEN 50 THEN 50.000 ELSE i::numeric(12,2) END AS amount FROM "
      "generate_series(11, 105) i";
  Report report = must_refresh(session, kTable, rows, {"id"});
  EXPECT_EQ(report.method, Method::Merge);
  EXPECT_EQ(report.deleted, 10U);
  EXPECT_EQ(report.inserted, 5U);
  EXPECT_EQ(report.updated, 1U);  // 50.00 and 50.000 are equal, and not the same
  EXPECT_EQ(value(session, "SELECT amount::text FROM sync_core.\"Country\" WHERE id = 50"), "50.000");
  std::string const before =
      value(session, "SELECT string_agg(ctid::text || xmin::text, ' ' ORDER BY id) FROM sync_core.\"Country\"");
  Report unchanged = must_refresh(session, kTable, rows, {"id"});
  EXPECT_EQ(unchanged.deleted + unchanged.inserted + unchanged.updated, 0U);
  EXPECT_EQ(value(session, "SELECT string_agg(ctid::text || xmin::text, ' ' ORDER BY id) FROM sync_core.\"Country\""),
            before);
}

TEST(SwapMerge, without_a_key_counts_copies_of_a_row) {
  auto session = with_table("CREATE TABLE sync_core.\"Country\" (a int, j json, p point)");
  must(
      session.execute("INSERT INTO sync_core.\"Country\" VALUES (1, '{}', '(1,2)'), (1, '{}', '(1,2)'), (2, NULL, "
                      "NULL), (3, '[1]', NULL)"));
  Report report = must_refresh(session, kTable,
                               "SELECT * FROM (VALUES (1, '{}'::json, '(1,2)'::point), (2, NULL, NULL), (2, NULL, "
                               "NULL), (3, '[1]', '(0,0)')) v(a, j, p)");
  EXPECT_EQ(report.deleted, 2U);
  EXPECT_EQ(report.inserted, 2U);
  EXPECT_EQ(
      value(session, "SELECT string_agg(concat_ws(' ', a, j, p), ',' ORDER BY a, p::text) FROM sync_core.\"Country\""),
      "1 {} (1,2),2,2,3 [1] (0,0)");
}

TEST(SwapMerge, does_not_trust_a_key_that_is_not_unique_in_the_table) {
  auto session = with_table("CREATE TABLE sync_core.\"Country\" (id int, name text, amount numeric)");
  must(session.execute("INSERT INTO sync_core.\"Country\" SELECT 1, 'twice', NULL FROM generate_series(1, 2)"));
  Report report = must_refresh(session, kTable, rows_of(1, 3), {"id"});
  EXPECT_EQ(report.rows_after, 3U);
  EXPECT_EQ(value(session, "SELECT string_agg(id || name, ' ' ORDER BY id) FROM sync_core.\"Country\""),
            "1name 1 2name 2 3name 3");
}

TEST(SwapMerge, writes_identity_columns_and_types_without_equality) {
  auto session = with_table(
      "CREATE TABLE sync_core.\"Country\" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, j json, x xml, p point)");
  must(session.execute(
      "INSERT INTO sync_core.\"Country\" (j, x, p) VALUES ('{}', '<a/>', '(1,1)'), ('[]', NULL, NULL)"));
  Report report = must_refresh(
      session, kTable,
      "SELECT * FROM (VALUES (2, '[ ]'::json, NULL::xml, NULL::point), (7, NULL, '<b/>', '(2,2)')) v(id, j, x, p)",
      {"id"});
  EXPECT_EQ(report.deleted, 1U);
  EXPECT_EQ(report.updated, 1U);
  EXPECT_EQ(report.inserted, 1U);
  EXPECT_EQ(
      value(session, "SELECT string_agg(concat_ws(' ', id, j, x, p), ',' ORDER BY id) FROM sync_core.\"Country\""),
      "2 [ ],7 <b/> (2,2)");
}

TEST(SwapMerge, a_trigger_that_swallows_rows_is_found_out) {
  auto session = with_table("CREATE TABLE sync_core.\"Country\" (id int PRIMARY KEY, name text, amount numeric)");
  must(session.execute(
      "CREATE FUNCTION sync_core.none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; "
      "CREATE TRIGGER none BEFORE INSERT ON sync_core.\"Country\" FOR EACH ROW EXECUTE FUNCTION sync_core.none()"));
  auto request = test::request_of(session, kTable, rows_of(1, 3), {"id"}, Method::Merge);
  auto report = test::refresh(session, request, rows_of(1, 3));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind(), ErrorKind::Data);
}

TEST(SwapMerge, is_chosen_for_small_shells_and_the_leaf_gets_autovacuum_back) {
  auto session = test::prepared_warehouse();
  EXPECT_EQ(must_refresh(session, kTable, rows_of(1, 50), {"id"}).method, Method::Shell);
  std::string const options =
      "SELECT coalesce(array_to_string(reloptions, ','), '') FROM pg_class WHERE relnamespace = "
      "'weir_data'::regnamespace AND relkind = 'r'";
  EXPECT_EQ(value(session, options), "autovacuum_enabled=false");
  Report report = must_refresh(session, kTable, rows_of(1, 51), {"id"});
  EXPECT_EQ(report.method, Method::Merge);
  EXPECT_EQ(report.inserted, 1U);
  EXPECT_EQ(value(session, options), "");
  EXPECT_EQ(
      value(session, "SELECT count(*) FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND relkind = 'r'"),
      "1");  // no staging left
}

Result<Report> add(pg::Session& session, Request const& request, std::string const& select,
                   std::string const& keys = "") {
  WEIR_TRY(auto planned, plan(must(capture(session, request.target)), request));
  WEIR_TRY(auto rehearsed, rehearse(session, planned));
  WEIR_TRY(auto load, Load::begin(session, planned, "test/stream", 1, true));
  WEIR_TRY(auto rows, test::fill(session, load.copy_statement(), select));
  std::optional<std::uint64_t> key_rows;
  if (!keys.empty()) {
    WEIR_TRY(key_rows, test::fill(session, load.copy_keys_statement(), keys));
  }
  WEIR_DO(load.finish(rows, key_rows));
  return publish(session, planned, load, test::publish_options());
}

TEST(SwapUpsert, the_newest_row_of_a_key_wins_and_missing_keys_go) {
  auto session = test::prepared_warehouse();
  auto request = test::request_of(session, kTable, "SELECT 1 AS id, 'a' AS name, 1 AS version", {"id"});
  request.operation = Operation::Upsert;
  request.dedup_order = "version";
  auto first =
      add(session, request,
          "SELECT * FROM (VALUES (1, 'one', 1), (1, 'newer', 2), (2, 'two', 1), (3, 'three', 1)) v(id, name, version)");
  ASSERT_TRUE(first.ok()) << first.error().to_text();
  EXPECT_EQ(first->method, Method::Shell);
  EXPECT_EQ(first->rows_after, 3U);
  request.delete_missing = true;
  auto second = add(
      session, request,
      "SELECT * FROM (VALUES (2, 'older', 0), (3, 'first', 2), (3, 'last', 3), (4, 'four', 1)) v(id, name, version)",
      "SELECT i FROM generate_series(2, 4) i");
  ASSERT_TRUE(second.ok()) << second.error().to_text();
  EXPECT_EQ(second->method, Method::Merge);
  EXPECT_EQ(second->deleted, 1U);
  EXPECT_EQ(second->updated, 1U);
  EXPECT_EQ(second->inserted, 1U);
  EXPECT_EQ(second->rows_after, 3U);
  EXPECT_EQ(value(session, "SELECT string_agg(id || name, ' ' ORDER BY id) FROM sync_core.\"Country\""),
            "2two 3last 4four");
}

TEST(SwapAppend, adds_and_refuses_a_new_type) {
  auto session = test::prepared_warehouse();
  auto request = test::request_of(session, kTable, "SELECT 1 AS id, 'a' AS name");
  request.operation = Operation::Append;
  must(add(session, request, "SELECT 1 AS id, 'a' AS name"));
  auto wider = test::request_of(session, kTable, "SELECT 1 AS id, 'a' AS name, true AS added");
  wider.operation = Operation::Append;
  Report report = must(add(session, wider, "SELECT 1 AS id, 'b' AS name, true AS added"));
  EXPECT_EQ(report.rows_after, 2U);
  EXPECT_EQ(value(session,
                  "SELECT string_agg(concat_ws(' ', id, name, added), ',' ORDER BY name) FROM sync_core.\"Country\""),
            "1 a,1 b t");
  auto retyped = test::request_of(session, kTable, "SELECT 1::bigint AS id, 'a' AS name, true AS added");
  retyped.operation = Operation::Append;
  auto refused = plan(must(capture(session, kTable)), retyped);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().cause().find("full refresh"), std::string::npos);
}

TEST(SwapTruncate, fills_frozen_and_old_snapshots_see_rows) {
  auto session = with_table("CREATE TABLE sync_core.\"Country\" (id int PRIMARY KEY, name text, amount numeric(12,2))");
  must(session.execute("INSERT INTO sync_core.\"Country\" " + rows_of(1, 10) +
                       "; CREATE VIEW sync_core.v AS SELECT count(*) AS n FROM sync_core.\"Country\""));
  auto reader = must(pg::Session::connect(session.options()));
  must(reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
  Report report = must_refresh(session, kTable, rows_of(1, 30), {"id"}, Method::Truncate);
  EXPECT_EQ(report.rows_after, 30U);
  EXPECT_EQ(value(reader, "SELECT n FROM sync_core.v"), "30");
  EXPECT_EQ(value(session, "SELECT n FROM sync_core.v"), "30");
  must(session.execute("CREATE TABLE sync_core.child (id int REFERENCES sync_core.\"Country\")"));
  auto refused =
      plan(must(capture(session, kTable)), test::request_of(session, kTable, rows_of(1, 3), {"id"}, Method::Truncate));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
}

TEST(SwapView, is_pointed_at_numbered_tables) {
  auto session = test::prepared_warehouse();
  EXPECT_EQ(must_refresh(session, kTable, rows_of(1, 10), {"id"}, Method::View).method, Method::View);
  must(session.execute(
      "CREATE VIEW sync_core.v AS SELECT count(*) AS n FROM sync_core.\"Country\"; ALTER VIEW sync_core.\"Country\" "
      "SET (security_barrier = true); GRANT SELECT ON sync_core.\"Country\" TO PUBLIC"));
  auto const before = must(fingerprint(session, kTable));
  std::string const wider = "SELECT i AS id, 'n' AS name, true AS added FROM generate_series(1, 20) i";
  Report report = must_refresh(session, kTable, wider, {"id"});
  EXPECT_EQ(report.method, Method::View);
  EXPECT_EQ(value(session, "SELECT n FROM sync_core.v"), "20");
  EXPECT_EQ(value(session, "SELECT count(amount) || ' ' || count(added) FROM sync_core.\"Country\""), "0 20");
  EXPECT_EQ(
      value(session,
            "SELECT array_to_string(reloptions, ',') FROM pg_class WHERE oid = 'sync_core.\"Country\"'::regclass"),
      "security_barrier=true");
  must(rollback(session, kTable, test::publish_options()));
  EXPECT_EQ(value(session, "SELECT n FROM sync_core.v"), "10");
  auto refused =
      plan(must(capture(session, kTable)), test::request_of(session, kTable, "SELECT 1::bigint AS id", {"id"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
}

TEST(SwapPlan, reads_well) {
  auto session = test::prepared_warehouse();
  must_refresh(session, kTable, rows_of(1, 100), {"id"});
  must(
      session.execute("CREATE VIEW sync_core.v AS SELECT id, amount FROM sync_core.\"Country\"; CREATE VIEW "
                      "sync_core.w AS SELECT id FROM sync_core.v"));
  auto made = must(plan(
      must(capture(session, kTable)),
      test::request_of(session, kTable, "SELECT 1 AS id, 1::bigint AS amount, true AS added", {"id"}, Method::Shell)));
  EXPECT_EQ(explain_text(made), R"(sync_core."Country"  (shell, about 100 rows)
  method   shell: asked for: the leaf of the shell is exchanged
  columns  3 from the source, 3 changes
    drop         name: not at the source any more, and nothing uses it
    shadow       amount: numeric(12,2) -> bigint; used by view sync_core.v (owner postgres); kept as "amount__numeric"
    add          added: boolean
  keeps    2 views
  locks
    SHARE UPDATE EXCLUSIVE (readers and writers go on): queue politely, behind autovacuum and other DDL only
    ACCESS EXCLUSIVE, NOWAIT, about 2 ms: exchange the leaf
  drops    0 dependents, 1 unused column
)");
  auto const json = explain_json(made);
  EXPECT_EQ(json["method"], "shell");
  EXPECT_EQ(json["dependents"].size(), 2U);
  EXPECT_EQ(json["columns"][1]["action"], "shadow");
}

TEST(SwapPlan, refuses_what_it_does_not_own_or_know) {
  auto session = with_table("CREATE VIEW sync_core.\"Country\" AS SELECT 1 AS id");
  auto view = plan(must(capture(session, kTable)), test::request_of(session, kTable, "SELECT 1 AS id"));
  ASSERT_FALSE(view.ok());
  EXPECT_NE(view.error().message().find("it is a view"), std::string::npos);
  must(session.execute(
      "CREATE TABLE sync_core.mine (id int); CREATE ROLE stranger; GRANT ALL ON SCHEMA sync_core TO stranger; GRANT "
      "ALL ON ALL TABLES IN SCHEMA weir TO stranger; GRANT USAGE ON SCHEMA weir TO stranger"));
  sql::QualifiedName const mine{"sync_core", "mine"};
  auto request = test::request_of(session, mine, "SELECT 1 AS id");
  must(session.execute("SET ROLE stranger"));
  auto denied = plan(must(capture(session, mine)), request);
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.error().kind(), ErrorKind::Denied);
  EXPECT_EQ(denied.error().next(), "GRANT postgres TO stranger");
}

}  // namespace
}  // namespace weir::swap
