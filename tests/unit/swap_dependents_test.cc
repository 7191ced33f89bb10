// Promise 1: one of each kind of dependent, three levels deep, owned by others, and fifty refreshes change nothing of
// it.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <regex>
#include <set>

#include "base/text.h"
#include "swap/capture.h"
#include "unit/swap_world.h"

namespace weir::swap {
namespace {

using test::must;
using test::rows_of;
using test::value;

sql::QualifiedName const kOrders{"sync_core", "Orders"};

// Roles belong to the whole server, so they are made once a test program.
void make_roles(pg::Session& admin) {
  for (char const* role : {"weir_owner NOLOGIN", "weir_loader LOGIN", "bi NOLOGIN", "dbt NOLOGIN", "analyst NOLOGIN"}) {
    std::string const name = std::string(role).substr(0, std::string(role).find(' '));
    if (value(admin, "SELECT count(*) FROM pg_roles WHERE rolname = '" + name + "'") == "0")
      must(admin.execute(std::string("CREATE ROLE ") + role));
  }
  must(admin.execute("GRANT weir_owner TO weir_loader; ALTER ROLE weir_loader SET role = 'weir_owner'"));
}

// Two sessions: an administrator, and the loader as it should be: no superuser, not the owner of what others made.
struct World {
  pg::Session admin;
  pg::Session loader;
};

World make_world() {
  auto options = test::fresh_database();
  auto admin = must(pg::Session::connect(options));
  make_roles(admin);
  must(
      admin.execute("CREATE SCHEMA sync_core AUTHORIZATION weir_owner; CREATE SCHEMA mart; GRANT USAGE, CREATE ON "
                    "SCHEMA mart TO bi, dbt, weir_owner"));
  must(admin.execute("GRANT USAGE ON SCHEMA sync_core TO bi, dbt, analyst; GRANT CREATE ON DATABASE " +
                     value(admin, "SELECT current_database()") + " TO weir_owner"));
  for (auto& [name, text] : options.parameters)
    if (name == "user") text = "weir_loader";
  auto loader = must(pg::Session::connect(options));
  must(prepare_warehouse(loader));
  return {std::move(admin), std::move(loader)};
}

// What stays when the table is an ordinary one, and may stay ordinary or be adopted.
constexpr std::string_view kAdoptable = R"(
SET ROLE weir_owner;
GRANT SELECT ON sync_core."Orders" TO dbt WITH GRANT OPTION;
GRANT SELECT (id, name) ON sync_core."Orders" TO bi;
GRANT REFERENCES (id) ON sync_core."Orders" TO analyst WITH GRANT OPTION;
SET ROLE dbt; GRANT SELECT ON sync_core."Orders" TO analyst; GRANT SELECT (amount) ON sync_core."Orders" TO bi;
SET ROLE weir_owner;
ALTER TABLE sync_core."Orders" ADD CONSTRAINT amount_positive CHECK (amount >= 0);
ALTER TABLE sync_core."Orders" ALTER COLUMN name SET DEFAULT 'none';
ALTER TABLE sync_core."Orders" ALTER COLUMN name SET STATISTICS 77;
CREATE INDEX orders_name ON sync_core."Orders" (lower(name)) WHERE amount > 3;
CREATE INDEX orders_amount ON sync_core."Orders" (amount, id);
COMMENT ON INDEX sync_core.orders_amount IS 'for the report';
CREATE STATISTICS sync_core.orders_stats (dependencies, mcv) ON name, amount FROM sync_core."Orders";
ALTER STATISTICS sync_core.orders_stats SET STATISTICS 55;
CREATE POLICY bi_only ON sync_core."Orders" FOR SELECT TO bi USING (amount > 10);
CREATE POLICY all_of_it ON sync_core."Orders" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (id > 0);
ALTER TABLE sync_core."Orders" ENABLE ROW LEVEL SECURITY;
COMMENT ON STATISTICS sync_core.orders_stats IS 'name and amount';
COMMENT ON POLICY bi_only ON sync_core."Orders" IS 'big orders only';
COMMENT ON TABLE sync_core."Orders" IS 'orders, as at the source';
COMMENT ON COLUMN sync_core."Orders".amount IS 'in euro';
COMMENT ON CONSTRAINT amount_positive ON sync_core."Orders" IS 'never negative';
RESET ROLE;
)";

// Views of others on views of others.
constexpr std::string_view kViews = R"(
SET ROLE dbt;
CREATE VIEW mart.stg_orders AS SELECT id, name, amount FROM sync_core."Orders";
CREATE VIEW mart.safe WITH (security_barrier) AS SELECT id, amount FROM mart.stg_orders WHERE amount > 1;
CREATE VIEW mart.editable AS SELECT id, name FROM sync_core."Orders" WHERE id > 0 WITH LOCAL CHECK OPTION;
ALTER VIEW mart.editable ALTER COLUMN name SET DEFAULT 'new';
CREATE MATERIALIZED VIEW mart.totals AS SELECT count(*) AS n, sum(amount) AS s FROM mart.safe;
CREATE UNIQUE INDEX totals_n ON mart.totals (n);
GRANT SELECT (n) ON mart.totals TO bi;
GRANT SELECT ON mart.safe TO bi WITH GRANT OPTION;
COMMENT ON VIEW mart.stg_orders IS 'staging';
COMMENT ON COLUMN mart.safe.amount IS 'over one';
SET ROLE bi;
CREATE VIEW mart.report AS SELECT s.id, t.n FROM mart.safe s, mart.totals t;
RESET ROLE;
CREATE VIEW mart.countdown AS WITH RECURSIVE r(i) AS (SELECT max(id) FROM mart.stg_orders UNION ALL SELECT i - 1 FROM r WHERE i > 1) SELECT i FROM r;
CREATE FUNCTION mart.write_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER instead INSTEAD OF INSERT ON mart.report FOR EACH ROW EXECUTE FUNCTION mart.write_nothing();
CREATE RULE nothing AS ON DELETE TO mart.report DO INSTEAD NOTHING;
)";

// What binds to the table itself: a shell keeps it, an adoption could not.
constexpr std::string_view kBound = R"(
CREATE FUNCTION mart.label(o sync_core."Orders") RETURNS text LANGUAGE sql AS $$ SELECT o.name || ' ' || o.id $$;
CREATE FUNCTION mart.all_orders() RETURNS SETOF sync_core."Orders" LANGUAGE sql AS $$ SELECT * FROM sync_core."Orders" $$;
CREATE FUNCTION mart.late() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM sync_core."Orders"); END $$;
CREATE TABLE mart.audit (at timestamptz, before sync_core."Orders", many sync_core."Orders"[]);
CREATE DOMAIN mart.order_domain AS sync_core."Orders" CHECK ((VALUE).id > 0);
CREATE VIEW mart.whole AS SELECT o FROM sync_core."Orders" o;
CREATE MATERIALIZED VIEW mart.direct AS SELECT name, count(*) AS n FROM sync_core."Orders" GROUP BY name;
CREATE TABLE mart.log (id int);
CREATE RULE copy_to_orders AS ON INSERT TO mart.log DO ALSO INSERT INTO sync_core."Orders" (id) VALUES (-1);
ALTER TABLE mart.log ENABLE ROW LEVEL SECURITY;
CREATE POLICY known_orders ON mart.log USING (id IN (SELECT id FROM sync_core."Orders"));
CREATE FUNCTION mart.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON sync_core."Orders" REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION mart.noted();
CREATE TRIGGER checked BEFORE UPDATE OF amount ON sync_core."Orders" FOR EACH ROW EXECUTE FUNCTION mart.noted();
CREATE TRIGGER sleeping BEFORE DELETE ON sync_core."Orders" FOR EACH ROW EXECUTE FUNCTION mart.noted();
ALTER TABLE sync_core."Orders" DISABLE TRIGGER sleeping;
COMMENT ON TRIGGER noted ON sync_core."Orders" IS 'counts';
CREATE TABLE mart.names (name text PRIMARY KEY);
INSERT INTO mart.names SELECT 'name ' || i FROM generate_series(1, 400) i;
GRANT REFERENCES ON mart.names TO weir_owner;
ALTER TABLE sync_core."Orders" ADD CONSTRAINT known_name FOREIGN KEY (name) REFERENCES mart.names;
SET client_min_messages = error;
CREATE PUBLICATION feed FOR TABLE sync_core."Orders";
RESET client_min_messages;
)";

// What only a shell can have, or only an ordinary table.
constexpr std::string_view kShellOnly = R"(
ALTER TABLE sync_core."Orders" REPLICA IDENTITY FULL;
ALTER TABLE sync_core."Orders" ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 2) STORED;
)";
constexpr std::string_view kOrdinaryOnly = R"(
SET ROLE weir_owner;
ALTER TABLE sync_core."Orders" ADD CONSTRAINT one_of_each EXCLUDE USING btree (id WITH =);
ALTER TABLE sync_core."Orders" REPLICA IDENTITY USING INDEX "Orders_pkey";
COMMENT ON CONSTRAINT one_of_each ON sync_core."Orders" IS 'as the key';
GRANT REFERENCES (id) ON sync_core."Orders" TO bi;
RESET ROLE;
GRANT USAGE, CREATE ON SCHEMA mart TO bi;
SET ROLE bi;
CREATE TABLE mart.lines (id int PRIMARY KEY, order_id int REFERENCES sync_core."Orders" DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE mart.parts (line int REFERENCES mart.lines);
CREATE VIEW mart.line_report AS SELECT l.id, p.line FROM mart.lines l LEFT JOIN mart.parts p ON p.line = l.id;
RESET ROLE;
)";

void run_sql(pg::Session& session, std::string_view sql) {
  must(session.execute(sql));
}

// A pg_dump that knows this server: WEIR_TEST_PG_DUMP, the server's own, or Debian's; "" where there is none.
std::string pg_dump_program(pg::Session& session) {
  if (char const* program = std::getenv("WEIR_TEST_PG_DUMP")) return program;
  std::filesystem::path const own = test::cluster().bin() / "pg_dump", debian = "/usr/lib/postgresql/15/bin/pg_dump";
  if (std::filesystem::exists(own)) return own;
  return session.server_version() < 160000 && std::filesystem::exists(debian) ? debian.string() : "";
}

// pg_dump --schema-only, leaf names without their number.
std::string schema_dump(pg::Session& admin, std::string const& what) {
  std::string const program = pg_dump_program(admin);
  if (program.empty()) return "";  // SwapDump says so
  std::string const command =
      fmt::format("{} --schema-only {} -h {} -p {} -U postgres {}", program, what, test::cluster().folder().string(),
                  test::cluster().port(), value(admin, "SELECT current_database()"));
  std::string text;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::array<char, 65536> buffer{};
  while (std::size_t const n = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
  EXPECT_EQ(::pclose(pipe), 0);
  text = std::regex_replace(text, std::regex("__g[0-9]+"), "__gN");
  // Each dump has restrict tokens of its own.
  return std::regex_replace(text, std::regex("\\\\(un)?restrict [A-Za-z0-9]+"), "");
}

std::string lines(std::vector<std::string> const& facts) {
  return join(facts, "\n");
}

std::string const kTheirs = "--exclude-schema=weir --exclude-schema=weir_data", kLeaves = "--schema=weir_data";

void refresh_and_compare(World& world, Method method, int times) {
  auto const before = lines(must(fingerprint(world.admin, kOrders)));
  std::string const dump = schema_dump(world.admin, kTheirs);
  std::string leaves;
  EXPECT_GT(before.size(), 2000U);
  for (int i = 1; i <= times; ++i) {
    std::string const rows = rows_of(1, 100 + i, i);
    auto request = test::request_of(world.loader, kOrders, rows, {"id"}, method);
    auto report = test::refresh(world.loader, request, rows);
    ASSERT_TRUE(report.ok()) << i << ": " << report.error().to_text();
    ASSERT_EQ(report->method, method);
    if (i == 2) leaves = schema_dump(world.admin, kLeaves);  // from now on there is a previous leaf as well
    ASSERT_EQ(value(world.admin, "SELECT count(*) FROM sync_core.\"Orders\""), std::to_string(100 + i));
  }
  EXPECT_EQ(lines(must(fingerprint(world.admin, kOrders))), before);
  EXPECT_EQ(schema_dump(world.admin, kTheirs), dump);
  EXPECT_EQ(schema_dump(world.admin, kLeaves), leaves);
  EXPECT_EQ(value(world.admin,
                  "SELECT (count(*) <= 2)::text FROM pg_class WHERE relnamespace = 'weir_data'::regnamespace AND "
                  "relkind = 'r'"),
            "true");
}

TEST(SwapDump, is_compared_on_this_server) {
  auto session = test::fresh_session();
  if (pg_dump_program(session).empty())
    GTEST_SKIP() << "no pg_dump for PostgreSQL " << session.server_version() / 10000 << ": dumps are not compared";
  EXPECT_NE(schema_dump(session, "").find("PostgreSQL database dump complete"), std::string::npos);
}

TEST(SwapDependents, a_shell_keeps_one_of_each_kind_through_fifty_refreshes) {
  World world = make_world();
  test::must_refresh(world.loader, kOrders, rows_of(1, 100), {"id"});
  run_sql(world.admin, kAdoptable);
  run_sql(world.admin, kViews);
  run_sql(world.admin, kBound);
  if (world.admin.server_version() >= 140000)
    run_sql(
        world.admin,
        R"(CREATE FUNCTION mart.atomic() RETURNS numeric LANGUAGE sql BEGIN ATOMIC SELECT sum(amount) FROM sync_core."Orders"; END)");
  run_sql(world.admin, kShellOnly);
  run_sql(world.admin, R"(CREATE RULE told AS ON UPDATE TO sync_core."Orders" DO ALSO NOTIFY orders)");
  refresh_and_compare(world, Method::Shell, 50);
}

TEST(SwapDependents, a_merge_keeps_one_of_each_kind) {
  World world = make_world();
  run_sql(world.loader, R"(CREATE TABLE sync_core."Orders" (id int PRIMARY KEY, name text, amount numeric(12,2));
    COMMENT ON CONSTRAINT "Orders_pkey" ON sync_core."Orders" IS 'the key';
    INSERT INTO sync_core."Orders" SELECT i, 'name ' || i, i FROM generate_series(1, 90) i)");
  run_sql(world.admin, kAdoptable);
  run_sql(world.admin, kViews);
  run_sql(world.admin, kBound);
  run_sql(world.admin, "DROP TRIGGER checked ON sync_core.\"Orders\"");  // it suppresses updates
  run_sql(world.admin, kOrdinaryOnly);
  if (world.admin.server_version() >= 150000)
    run_sql(world.admin, R"(SET client_min_messages = error;
      CREATE PUBLICATION part FOR TABLE sync_core."Orders" (id, name) WHERE (id > 5); RESET client_min_messages)");
  refresh_and_compare(world, Method::Merge, 5);
  auto request = test::request_of(world.loader, kOrders, rows_of(1, 10), {"id"});
  auto automatic = must(plan(must(capture(world.loader, kOrders)), request));
  EXPECT_EQ(automatic.method, Method::Merge);
  EXPECT_NE(automatic.reason.find("ordinary"), std::string::npos) << automatic.reason;
}

TEST(SwapDependents, adoption_replays_everything_and_views_keep_their_oids) {
  World world = make_world();
  run_sql(
      world.loader,
      R"(CREATE TABLE sync_core."Orders" (id int PRIMARY KEY, gone int, name text, amount numeric(12,2), UNIQUE (name, id));
    ALTER TABLE sync_core."Orders" DROP COLUMN gone;
    INSERT INTO sync_core."Orders" SELECT i, 'name ' || i, i FROM generate_series(1, 9000) i; ANALYZE sync_core."Orders")");
  run_sql(world.admin, kAdoptable);
  // Only views that the loader may alter can be pointed at the shell.
  auto foreign = test::request_of(world.loader, kOrders, rows_of(1, 7000), {"id"});
  run_sql(world.admin, "SET ROLE dbt; CREATE VIEW mart.theirs AS SELECT id FROM sync_core.\"Orders\"; RESET ROLE");
  auto kept = must(plan(must(capture(world.loader, kOrders)), foreign));
  EXPECT_EQ(kept.method, Method::Merge);
  EXPECT_NE(kept.reason.find("view mart.theirs belongs to \"dbt\""), std::string::npos) << kept.reason;
  run_sql(world.admin, "DROP VIEW mart.theirs; CREATE VIEW mart.whole AS SELECT o FROM sync_core.\"Orders\" o");
  auto const with_whole = must(capture(world.loader, kOrders));
  for (auto const& dependent : with_whole->dependents)
    EXPECT_EQ(dependent.has_row_value, dependent.object.ends_with("view mart.whole")) << dependent.object;
  run_sql(world.admin, "DROP VIEW mart.whole; GRANT dbt TO weir_owner");
  run_sql(world.admin, kViews);
  std::string const oids =
      "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class WHERE relnamespace = 'mart'::regnamespace";
  std::string const views = value(world.admin, oids);
  auto const before = must(fingerprint(world.admin, kOrders));

  auto planned = must(plan(must(capture(world.loader, kOrders)), foreign));
  EXPECT_TRUE(planned.adopts_table) << planned.reason;
  auto adopted = test::refresh(world.loader, foreign, rows_of(1, 7000));
  ASSERT_TRUE(adopted.ok()) << adopted.error().to_text();
  EXPECT_EQ(value(world.admin, oids), views);
  EXPECT_EQ(value(world.admin, "SELECT count(*) FROM mart.stg_orders"), "7000");
  EXPECT_EQ(value(world.admin, "SELECT relkind FROM pg_class WHERE oid = 'sync_core.\"Orders\"'::regclass"), "p");
  // All that is new or lost is what a shell is: its OID and kind, keys on the leaf, the views' stored form.
  std::string different;
  std::set<std::string> const old(before.begin(), before.end());
  auto const now = must(fingerprint(world.admin, kOrders));
  std::set<std::string> const fresh(now.begin(), now.end());
  for (auto const& fact : old)
    if (!fresh.contains(fact) && fact.find("stored rule") == std::string::npos &&
        fact.find(": oid =") == std::string::npos && fact.find("number =") == std::string::npos &&
        fact.find("_pkey") == std::string::npos && fact.find("_name_id_key") == std::string::npos)
      different += fact + "\n";
  EXPECT_EQ(different,
            "index sync_core.orders_amount: kind = ip\nindex sync_core.orders_name: kind = ip\nrelation: kind = rp\n");
  EXPECT_TRUE(fresh.contains("leaf: constraint = PRIMARY KEY (id)"));
  EXPECT_TRUE(fresh.contains("leaf: constraint = UNIQUE (name, id)"));
  // And from now on it is a shell like any other.
  refresh_and_compare(world, Method::Shell, 3);
  run_sql(world.admin, "REVOKE dbt FROM weir_owner");
  refresh_and_compare(world, Method::Shell, 2);
}

TEST(SwapDependents, a_rollback_of_an_adoption_brings_the_old_rows_back) {
  auto session = test::prepared_warehouse();
  must(
      session.execute("CREATE SCHEMA sync_core; CREATE TABLE sync_core.\"Orders\" (id int PRIMARY KEY, name text, "
                      "amount numeric(12,2)); "
                      "INSERT INTO sync_core.\"Orders\" SELECT i, 'old', i FROM generate_series(1, 6000) i; ANALYZE "
                      "sync_core.\"Orders\"; "
                      "CREATE VIEW sync_core.v AS SELECT name, count(*) AS n FROM sync_core.\"Orders\" GROUP BY name"));
  test::must_refresh(session, kOrders, rows_of(1, 10), {"id"}, Method::Shell);
  EXPECT_EQ(value(session, "SELECT count(*) FROM sync_core.v"), "10");
  must(rollback(session, kOrders, test::publish_options()));
  EXPECT_EQ(value(session, "SELECT name || n FROM sync_core.v"), "old6000");
}

}  // namespace
}  // namespace weir::swap
