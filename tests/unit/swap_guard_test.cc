// The places where a project's own statements destroy what others made, each turned around: after the statements that
// dbt's and custom materializations send, every bystander is there and shows the new rows.

#include "swap/guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "swap/relation.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::value;

pg::Session make_world() {
  auto session = test::prepared_warehouse();
  if (value(session, "SELECT count(*) FROM pg_roles WHERE rolname = 'bi'") == "0") {
    must(session.execute("CREATE ROLE bi"));
  }
  must(session.execute("CREATE SCHEMA dw; CREATE SCHEMA mart; SET search_path = public"));
  return session;
}

constexpr std::string_view kRows = "SELECT i AS id, 'n' || i AS name, i * 2 AS qty FROM generate_series(1, 20) i";
constexpr std::string_view kMoreRows = "SELECT i AS id, 'n' || i AS name, i * 2 AS qty FROM generate_series(1, 30) i";

void add_bystanders(pg::Session& session, std::string_view kind) {
  must(session.execute(fmt::format(R"(
CREATE VIEW dw.same_schema AS SELECT id, qty FROM dw.model;
CREATE VIEW mart.far WITH (security_barrier) AS SELECT id, name, qty FROM dw.model WHERE id > 0;
CREATE VIEW mart.farther AS SELECT count(*) AS n, sum(qty) AS s FROM mart.far;
GRANT SELECT ON dw.model TO bi;
GRANT SELECT ON mart.far TO bi;
COMMENT ON {} dw.model IS 'the model';
COMMENT ON VIEW mart.far IS 'theirs';
CREATE TABLE mart.other (id int);
CREATE POLICY known ON mart.other USING (id IN (SELECT id FROM dw.model));
)",
                                   kind)));
  if (kind == "TABLE") {
    must(session.execute(
        "CREATE INDEX by_hand ON dw.model (qty); COMMENT ON INDEX dw.by_hand IS 'needed'; CREATE "
        "POLICY mine ON dw.model FOR SELECT TO bi USING (qty > 0); ALTER TABLE dw.model ENABLE ROW LEVEL SECURITY"));
  }
}

std::string theirs(pg::Session& session) {
  return value(session, R"(
SELECT string_agg(what, E'\n' ORDER BY what) FROM (
  SELECT format('view %s %s %s %s %s', c.oid, c.relname, c.relacl, array_to_string(c.reloptions, ','), pg_get_viewdef(c.oid)) AS what
    FROM pg_class c WHERE relkind = 'v' AND relnamespace IN ('mart'::regnamespace, 'dw'::regnamespace) AND relname <> 'model'
  UNION ALL SELECT format('model %s %s %s', obj_description('dw.model'::regclass, 'pg_class'), relacl, relrowsecurity) FROM pg_class WHERE oid = 'dw.model'::regclass
  UNION ALL SELECT format('comment %s', obj_description('mart.far'::regclass, 'pg_class'))
  UNION ALL SELECT format('policy %s %s', polname, pg_get_expr(polqual, polrelid)) FROM pg_policy
  UNION ALL SELECT format('index %s %s', indexdef, obj_description(format('%I.%I', schemaname, indexname)::regclass)) FROM pg_indexes WHERE schemaname = 'dw' AND tablename = 'model'
) w)");
}

std::string nothing_left(pg::Session& session) {
  return value(session,
               "SELECT string_agg(relname, ',') FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'm', 'p') "
               "AND (relname LIKE "
               "'%tmp' OR relname LIKE "
               "'%backup' OR relname LIKE 'parked%')");
}

// create aside, rename the old away, rename the new in, drop the old with CASCADE in a transaction of its own.
void swap_by_rename(Guard& guard, std::string_view old_kind, std::string_view new_kind, std::string_view rows) {
  for (std::string const& text :
       {std::string("drop table if exists \"dw\".\"model__tmp\" cascade"),
        std::string("drop view if exists dw.model__backup cascade"), std::string("BEGIN"),
        fmt::format("create {} dw.model__tmp as ({})", new_kind, rows),
        fmt::format("alter {} dw.model rename to \"model__backup\"", old_kind),
        fmt::format("alter {} dw.model__tmp rename to model", new_kind), std::string("COMMIT"),
        fmt::format("drop {} if exists dw.\"model__backup\" cascade", old_kind)}) {
    auto done = guard.execute(text);
    ASSERT_TRUE(done.ok()) << text << "\n" << done.error().to_text();
  }
  auto finished = guard.finish();
  ASSERT_TRUE(finished.ok()) << finished.error().to_text();
}

TEST(SwapGuard, a_swap_by_renames_leaves_every_bystander) {
  for (std::string const old_kind : {"TABLE", "VIEW", "MATERIALIZED VIEW"})
    for (std::string const new_kind : {"TABLE", "VIEW", "MATERIALIZED VIEW"}) {
      if (old_kind == "TABLE" && new_kind != "TABLE") continue;  // its policy has no place there: below
      auto session = make_world();
      must(session.execute(fmt::format("CREATE {} dw.model AS {}", old_kind, kRows)));
      add_bystanders(session, old_kind);
      std::string const before = theirs(session);
      Guard guard(session);
      swap_by_rename(guard, old_kind, new_kind, kMoreRows);
      std::string const where = old_kind + " to " + new_kind;
      ASSERT_FALSE(::testing::Test::HasFailure()) << where;
      EXPECT_EQ(theirs(session), before) << where;
      EXPECT_EQ(value(session, "SELECT n || ' ' || s FROM mart.farther"), "30 930") << where;
      EXPECT_EQ(nothing_left(session), "") << where;
      EXPECT_FALSE(guard.take_report().moved.empty());
    }
}

TEST(SwapGuard, a_policy_that_has_no_place_is_a_refusal) {
  auto session = make_world();
  must(session.execute(fmt::format("CREATE TABLE dw.model AS {}", kRows)));
  add_bystanders(session, "TABLE");
  Guard guard(session);
  must(guard.execute(
      fmt::format("BEGIN; CREATE VIEW dw.model__tmp AS {}; ALTER TABLE dw.model RENAME TO model__backup", kRows)));
  auto refused = guard.execute("ALTER VIEW dw.model__tmp RENAME TO model");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
  EXPECT_NE(refused.error().cause().find("CREATE POLICY mine"), std::string::npos) << refused.error().to_text();
  must(session.execute("ROLLBACK"));
  // The guard notices the rollback: the next try works.
  must(session.execute("DROP POLICY mine ON dw.model; ALTER TABLE dw.model DISABLE ROW LEVEL SECURITY"));
  swap_by_rename(guard, "TABLE", "VIEW", kMoreRows);
  EXPECT_EQ(value(session, "SELECT n FROM mart.farther"), "30");
  EXPECT_EQ(value(session, "SELECT count(*) FROM weir.archive WHERE definition LIKE '%by_hand%'"), "2");
}

TEST(SwapGuard, a_drop_with_cascade_and_a_create_of_the_same_name_keep_bystanders) {
  for (bool one_transaction : {true, false})
    for (std::string const kind : {"TABLE", "VIEW"}) {
      auto session = make_world();
      must(session.execute(fmt::format("CREATE {} dw.model AS {}", kind, kRows)));
      add_bystanders(session, kind);
      std::string const before = theirs(session);
      Guard guard(session);
      if (one_transaction) must(session.execute("BEGIN"));
      must(guard.execute(fmt::format("drop {} if exists \"{}\".\"dw\".\"model\" cascade", kind,
                                     value(session, "SELECT current_database()"))));
      EXPECT_EQ(value(session, "SELECT to_regclass('dw.model') IS NULL"), "t");
      EXPECT_EQ(value(session, "SELECT n FROM mart.farther"), "20");  // nobody misses anything meanwhile
      must(guard.execute(fmt::format("create {} dw.model as {}", kind, kMoreRows)));
      must(guard.finish());
      if (one_transaction) must(session.execute("COMMIT"));
      EXPECT_EQ(theirs(session), before);
      EXPECT_EQ(value(session, "SELECT n FROM mart.farther"), "30");
      EXPECT_EQ(nothing_left(session), "");
    }
}

TEST(SwapGuard, what_is_dropped_and_never_comes_back_stays_for_those_who_use_it) {
  auto session = make_world();
  must(session.execute(fmt::format("CREATE TABLE dw.model AS {}", kRows)));
  add_bystanders(session, "TABLE");
  std::string const before = theirs(session);
  Guard guard(session);
  must(guard.drop({"dw", "model"}));
  must(guard.finish());
  auto report = guard.take_report();
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_NE(report.kept[0].find("mart.far"), std::string::npos) << report.kept[0];
  EXPECT_EQ(theirs(session), before);
  // Without dependents it goes.
  must(session.execute("CREATE TABLE dw.lonely AS SELECT 1 AS a"));
  must(guard.execute("DROP TABLE dw.lonely CASCADE"));
  must(guard.finish());
  EXPECT_EQ(value(session, "SELECT to_regclass('dw.lonely') IS NULL"), "t");
}

TEST(SwapGuard, cascade_that_is_allowed_says_what_it_took) {
  auto session = make_world();
  must(session.execute(fmt::format("CREATE TABLE dw.model AS {}", kRows)));
  add_bystanders(session, "TABLE");
  Guard guard(session, {.policy = CascadePolicy::Allow});
  must(guard.execute("DROP TABLE dw.model CASCADE"));
  must(guard.finish());
  EXPECT_EQ(value(session, "SELECT to_regclass('mart.farther') IS NULL"), "t");
  std::string taken;
  for (std::string const& one : guard.take_report().taken) taken += one + "\n";
  for (std::string const name : {"view mart.far ", "view mart.farther ", "view dw.same_schema ", "policy known"})
    EXPECT_NE(taken.find(name), std::string::npos) << name << " in " << taken;
}

TEST(SwapGuard, a_column_gets_another_type_by_add_copy_drop_rename) {
  auto session = make_world();
  must(session.execute(fmt::format("CREATE TABLE dw.model AS {}", kRows)));
  must(
      session.execute("CREATE VIEW mart.far AS SELECT id, qty FROM dw.model; CREATE VIEW mart.farther AS SELECT "
                      "sum(qty) AS s FROM mart.far; "
                      "GRANT SELECT (qty) ON dw.model TO bi; COMMENT ON COLUMN dw.model.qty IS 'pieces'"));
  std::string const identity =
      "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('far', 'farther')";
  std::string const before = value(session, identity);
  Guard guard(session);
  must(guard.execute(
      "alter table dw.model add column \"qty__alter\" bigint; update dw.model set \"qty__alter\" = qty; "
      "alter table dw.model drop column qty cascade; alter table dw.model rename column \"qty__alter\" to qty"));
  must(guard.finish());
  EXPECT_EQ(value(session, identity), before);
  EXPECT_EQ(value(session, "SELECT s FROM mart.farther"), "420");
  EXPECT_EQ(value(session,
                  "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM "
                  "pg_attribute WHERE "
                  "attrelid = 'dw.model'::regclass AND attnum > 0 AND NOT attisdropped"),
            "id integer, name text, qty bigint");
  EXPECT_EQ(value(session,
                  "SELECT has_column_privilege('bi', 'dw.model', 'qty', 'SELECT')::text || "
                  "col_description('dw.model'::regclass, "
                  "(SELECT attnum FROM pg_attribute WHERE attrelid = 'dw.model'::regclass AND attname = 'qty'))"),
            "truepieces");
  // A column that a view uses is not dropped at all; another one is.
  must(guard.execute("alter table dw.model drop column qty, drop column name"));
  must(guard.finish());
  EXPECT_EQ(value(session, "SELECT s FROM mart.farther"), "420");
  EXPECT_EQ(guard.take_report().kept.size(), 2U);
  EXPECT_EQ(
      value(session, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'dw.model'::regclass AND attname = 'name'"),
      "0");
}

TEST(SwapGuard, alter_type_goes_through_where_views_stand_in_the_way) {
  auto session = make_world();
  must(session.execute(fmt::format("CREATE TABLE dw.model AS {}", kRows)));
  must(session.execute("CREATE VIEW mart.far AS SELECT id, qty FROM dw.model"));
  must(session.execute("GRANT SELECT ON mart.far TO bi"));
  Guard guard(session);
  must(guard.execute("ALTER TABLE dw.model ALTER COLUMN qty TYPE numeric(12,2)"));
  EXPECT_EQ(value(session,
                  "SELECT has_table_privilege('bi', 'mart.far', 'SELECT')::text || pg_typeof(qty) FROM "
                  "mart.far LIMIT 1"),
            "truenumeric");
  EXPECT_EQ(value(session, "SELECT sum(qty) FROM mart.far"), "420.00");
  EXPECT_EQ(value(session,
                  "SELECT attnum || format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                  "'dw.model'::regclass AND attname = 'qty'"),
            "3numeric(12,2)");
}

TEST(SwapGuard, a_schema_that_others_use_is_not_dropped) {
  auto session = make_world();
  must(session.execute(
      fmt::format("CREATE TABLE dw.model AS {}; CREATE VIEW dw.inner_view AS SELECT id FROM dw.model", kRows)));
  must(session.execute("CREATE VIEW mart.far AS SELECT id FROM dw.inner_view"));
  Guard guard(session);
  auto refused = guard.execute("DROP SCHEMA dw CASCADE");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().cause().find("mart.far"), std::string::npos) << refused.error().to_text();
  must(session.execute("DROP VIEW mart.far"));
  must(guard.drop_schema("dw"));
  EXPECT_EQ(value(session, "SELECT to_regnamespace('dw') IS NULL"), "t");
}

TEST(SwapGuard, statements_of_hooks_work_on_a_shell_again_and_again) {
  auto session = make_world();
  for (int i = 0; i < 3; ++i) {
    must(session.execute("BEGIN"));
    RelationDefinition d;
    d.target = {"dw", "model"};
    d.query = kRows;
    PublishLimits limits;
    limits.snapshot_wait = {};
    auto report = build(session, d, limits);
    ASSERT_TRUE(report.ok()) << report.error().to_text();
    Guard guard(session);
    for (std::string const hook :
         {"alter table dw.model add primary key (id)", "create index on dw.model (qty)",
          "create index if not exists n on dw.model using btree (name)", "create unique index u on dw.model (name)",
          "alter table dw.model add constraint positive check (qty > 0) not valid", "analyze dw.model",
          "comment on table dw.model is 'x'", "grant select on dw.model to bi"}) {
      if (i > 0 && hook.find("constraint") != std::string::npos) continue;
      auto done = guard.execute(hook);
      ASSERT_TRUE(done.ok()) << i << " " << hook << "\n" << done.error().to_text();
    }
    must(guard.finish());
    must(complete(session, *report));
    must(session.execute("COMMIT"));
    EXPECT_EQ(value(session, "SELECT count(*) FROM pg_index WHERE indrelid = 'dw.model'::regclass"), "2") << i;
    EXPECT_EQ(value(session,
                    "SELECT string_agg(indisprimary::text || indisunique::text, ',' ORDER BY 1) FROM (SELECT i.* FROM "
                    "pg_index i JOIN pg_inherits h ON "
                    "h.inhrelid = i.indrelid WHERE h.inhparent = 'dw.model'::regclass AND indisunique ORDER BY "
                    "indisprimary) i"),
              "falsetrue,truetrue")
        << i;
  }
}

TEST(SwapGuard, what_a_block_drops_in_its_own_code_is_noticed) {
  auto session = make_world();
  must(session.execute(
      fmt::format("CREATE TABLE dw.model AS {}; CREATE VIEW mart.far AS SELECT id FROM dw.model", kRows)));
  Guard guard(session);
  must(session.execute("BEGIN"));
  auto refused = guard.execute("DO $$ BEGIN EXECUTE 'DROP TABLE dw.model CASCADE'; END $$");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().cause().find("mart.far"), std::string::npos) << refused.error().to_text();
  must(session.execute("ROLLBACK"));
  EXPECT_EQ(value(session, "SELECT count(*) FROM mart.far"), "20");
}

}  // namespace
}  // namespace weir::swap
