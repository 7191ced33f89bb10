// Columns come, go, and change their type: unused ones freely, used ones by policy.

#include <gtest/gtest.h>

#include "swap/capture.h"
#include "swap/columns.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::value;

sql::QualifiedName const kItem{"sync_core", "Item"};
constexpr char const* kFirst =
    "SELECT i AS id, i AS qty, 'note ' || i AS note, i::smallint AS small FROM generate_series(1, 20) i";

Result<Report> refresh_with(pg::Session& session, std::string const& select, ColumnPolicy dropped, ColumnPolicy retyped,
                            Method method = Method::Shell) {
  auto request = test::request_of(session, kItem, select, {"id"}, method);
  request.dropped = dropped;
  request.retyped = retyped;
  return test::refresh(session, request, select);
}

pg::Session world() {
  auto session = test::prepared_warehouse();
  must(refresh_with(session, kFirst, ColumnPolicy::Keep, ColumnPolicy::Shadow));
  must(
      session.execute("CREATE SCHEMA mart; CREATE VIEW mart.v AS SELECT id, qty FROM sync_core.\"Item\"; CREATE VIEW "
                      "mart.top AS SELECT sum(qty) AS s FROM mart.v"));
  return session;
}

std::string columns_of(pg::Session& session) {
  return value(
      session,
      "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attname) FROM pg_attribute "
      "WHERE attrelid = 'sync_core.\"Item\"'::regclass AND attnum > 0 AND NOT attisdropped");
}

TEST(SwapTypes, have_one_spelling) {
  EXPECT_EQ(normal_type("varchar(10)"), normal_type("character varying(10)"));
  EXPECT_EQ(normal_type("int8"), "bigint");
  EXPECT_EQ(normal_type("timestamp(3) with time zone"), normal_type("timestamptz(3)"));
  EXPECT_EQ(normal_type("timestamp(6) without time zone"), normal_type("timestamp"));
  EXPECT_EQ(normal_type("numeric(12, 2)"), normal_type("decimal(12,2)"));
  EXPECT_EQ(normal_type("int4[]"), "integer[]");
  EXPECT_NE(normal_type("timestamp(3)"), normal_type("timestamp"));
  EXPECT_NE(normal_type("varchar(10)"), normal_type("varchar(20)"));
}

TEST(SwapColumns, unused_ones_come_go_change_and_move) {
  auto session = world();
  auto report =
      refresh_with(session, "SELECT now() AS at, i::bigint AS small, i AS qty, i AS id FROM generate_series(1, 30) i",
                   ColumnPolicy::Hold, ColumnPolicy::Hold);
  ASSERT_TRUE(report.ok()) << report.error().to_text();
  EXPECT_EQ(columns_of(session), "at timestamp with time zone, id integer, qty integer, small bigint");
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "465");
  EXPECT_EQ(value(session, "SELECT sum(small) FROM sync_core.\"Item\""), "465");
}

TEST(SwapColumns, a_used_one_that_is_gone_is_kept_empty) {
  auto session = world();
  auto report = refresh_with(session, "SELECT i AS id, 'n' AS note FROM generate_series(1, 30) i", ColumnPolicy::Keep,
                             ColumnPolicy::Shadow);
  ASSERT_TRUE(report.ok()) << report.error().to_text();
  EXPECT_EQ(columns_of(session), "id integer, note text, qty integer");
  EXPECT_EQ(value(session, "SELECT count(*) || ' ' || count(qty) FROM mart.v"), "30 0");
  must(refresh_with(session, kFirst, ColumnPolicy::Keep, ColumnPolicy::Shadow));  // it comes back
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "210");
}

TEST(SwapColumns, hold_names_view_column_and_owner_before_anything_is_loaded) {
  auto session = world();
  auto request = test::request_of(session, kItem, "SELECT 1 AS id, 2::bigint AS qty", {"id"});
  request.retyped = ColumnPolicy::Hold;
  auto refused = plan(must(capture(session, kItem)), request);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
  EXPECT_NE(refused.error().cause().find(
                "column \"qty\": its type changed (integer -> bigint), and it is used by view mart.v (owner postgres)"),
            std::string::npos)
      << refused.error().cause();
}

TEST(SwapColumns, a_used_one_of_another_type_gets_a_shadow) {
  auto session = world();
  must(
      session.execute("CREATE INDEX item_qty ON sync_core.\"Item\" (qty); ALTER TABLE sync_core.\"Item\" ADD "
                      "CONSTRAINT qty_small CHECK (qty < 100)"));
  std::string const wide =
      "SELECT i AS id, CASE i WHEN 30 THEN 3000000000 ELSE i END::bigint AS qty, 'n' AS note FROM generate_series(1, "
      "30) i";
  auto report = refresh_with(session, wide, ColumnPolicy::Keep, ColumnPolicy::Shadow);
  ASSERT_TRUE(report.ok()) << report.error().to_text();
  EXPECT_EQ(columns_of(session), "id integer, note text, qty bigint, qty__int4 integer");
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "435");  // the value that does not fit is NULL there
  EXPECT_EQ(value(session, "SELECT max(qty) FROM sync_core.\"Item\""), "3000000000");
  ASSERT_FALSE(report->notes.empty());
  EXPECT_NE(report->notes[0].find("1 value of column \"qty\" did not fit"), std::string::npos) << report->notes[0];
  EXPECT_EQ(value(session, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'weir_data'::regnamespace"), "0");
  // The next refresh fills the shadow again; when nothing uses it any more, it goes.
  auto const before = must(fingerprint(session, kItem));
  must(refresh_with(session, wide, ColumnPolicy::Keep, ColumnPolicy::Shadow));
  EXPECT_EQ(must(fingerprint(session, kItem)), before);
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "435");
  must(
      session.execute("DROP VIEW mart.top; DROP VIEW mart.v; DROP INDEX sync_core.item_qty; ALTER TABLE "
                      "sync_core.\"Item\" DROP CONSTRAINT qty_small"));
  must(refresh_with(session, wide, ColumnPolicy::Keep, ColumnPolicy::Shadow));
  EXPECT_EQ(columns_of(session), "id integer, note text, qty bigint");
  EXPECT_EQ(value(session, "SELECT count(*) FROM weir.shadow"), "0");
}

TEST(SwapColumns, upgrade_rewrites_the_views_and_drops_none) {
  auto session = world();
  must(session.execute("GRANT SELECT ON mart.v TO PUBLIC; COMMENT ON VIEW mart.v IS 'kept'"));
  std::string const oid = value(session, "SELECT 'mart.v'::regclass::oid");
  auto report =
      refresh_with(session, "SELECT i AS id, (i * 1000000000::bigint) AS qty, 'n' AS note FROM generate_series(1, 3) i",
                   ColumnPolicy::Keep, ColumnPolicy::Upgrade);
  ASSERT_TRUE(report.ok()) << report.error().to_text();
  EXPECT_EQ(columns_of(session), "id integer, note text, qty bigint");
  EXPECT_EQ(value(session, "SELECT 'mart.v'::regclass::oid || obj_description('mart.v'::regclass)"), oid + "kept");
  EXPECT_EQ(value(session, "SELECT count(*) FROM weir.archive"), "1");
  // A view's column cannot change its type while another view stands on it: it is pinned.
  EXPECT_EQ(value(session,
                  "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'mart.v'::regclass AND "
                  "attname = 'qty'"),
            "integer");
}

TEST(SwapColumns, not_null_is_given_up_only_when_the_rows_hold_null) {
  auto session = test::prepared_warehouse();
  sql::QualifiedName const name{"sync_core", "Item"};
  auto strict = test::request_of(session, name, "SELECT 1 AS id, 'a' AS note", {"id"}, Method::Shell);
  strict.columns[1].not_null = true;
  must(test::refresh(session, strict, "SELECT 1 AS id, 'a' AS note"));
  auto loose = test::request_of(session, name, "SELECT 1 AS id, 'a' AS note", {"id"}, Method::Shell);
  must(test::refresh(session, loose, "SELECT 1 AS id, 'b' AS note"));
  std::string const is_strict =
      "SELECT attnotnull::text FROM pg_attribute WHERE attrelid = 'sync_core.\"Item\"'::regclass AND attname = 'note'";
  EXPECT_EQ(value(session, is_strict), "true");
  auto report = must(test::refresh(session, loose, "SELECT 1 AS id, NULL::text AS note"));
  EXPECT_EQ(value(session, is_strict), "false");
  ASSERT_EQ(report.notes.size(), 1U);
}

TEST(SwapColumns, in_place_they_change_as_well) {
  auto session = test::prepared_warehouse();
  must(
      session.execute("CREATE SCHEMA sync_core; CREATE TABLE sync_core.\"Item\" (id int PRIMARY KEY, qty int, note "
                      "text, small smallint); CREATE TABLE sync_core.child (id int REFERENCES sync_core.\"Item\"); "
                      "INSERT INTO sync_core.\"Item\" SELECT i, i, 'old', i FROM generate_series(1, 20) i; "
                      "CREATE SCHEMA mart; CREATE VIEW mart.v AS SELECT id, qty FROM sync_core.\"Item\"; CREATE VIEW "
                      "mart.top AS SELECT sum(qty) AS s FROM mart.v"));
  std::string const wide =
      "SELECT i AS id, CASE i WHEN 30 THEN 3000000000 ELSE i END::bigint AS qty, i::bigint AS small, now() AS at FROM "
      "generate_series(1, 30) i";
  auto report = refresh_with(session, wide, ColumnPolicy::Keep, ColumnPolicy::Shadow, Method::Auto);
  ASSERT_TRUE(report.ok()) << report.error().to_text();
  EXPECT_EQ(report->method, Method::Merge);
  EXPECT_EQ(columns_of(session),
            "at timestamp with time zone, id integer, qty bigint, qty__int4 integer, small bigint");
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "435");
  EXPECT_EQ(value(session, "SELECT sum(small) FROM sync_core.\"Item\""), "465");
}

TEST(SwapColumns, a_rollback_over_a_column_change_brings_the_column_back) {
  auto session = world();
  must(refresh_with(session, "SELECT i AS id, i AS qty, true AS fresh FROM generate_series(1, 5) i", ColumnPolicy::Keep,
                    ColumnPolicy::Shadow));
  EXPECT_EQ(columns_of(session), "fresh boolean, id integer, qty integer");
  auto back = rollback(session, kItem, test::publish_options());
  ASSERT_TRUE(back.ok()) << back.error().to_text();
  EXPECT_EQ(value(session, "SELECT count(*) || ' ' || max(note) FROM sync_core.\"Item\""), "20 note 9");
  EXPECT_EQ(value(session, "SELECT s FROM mart.top"), "210");
}

}  // namespace
}  // namespace weir::swap
