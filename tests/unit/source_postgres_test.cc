// PostgreSQL as a source: what is discovered, and that what arrives is what was there.

#include "source/postgres.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "pg/faults.h"
#include "unit/source_test_load.h"

namespace weir::source {
namespace {

using test::differences;
using test::discover_table;
using test::load;
using test::must;
using test::request_of;

using Place = test::PostgresPlace;

Column const& column_of(Table const& table, std::string const& name) {
  Column const* const column = table.column(name);
  EXPECT_NE(column, nullptr) << name;
  return *column;
}

TEST(SourcePostgres, discovers_tables_columns_and_keys) {
  Place place(R"(
    CREATE SCHEMA "Odd Schema";
    CREATE TABLE "Odd Schema"."T""x" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a b" varchar(20) NOT NULL UNIQUE,
      n numeric(18,4), twice int GENERATED ALWAYS AS (1 + 1) STORED, gone int);
    ALTER TABLE "Odd Schema"."T""x" DROP COLUMN gone;
    CREATE UNIQUE INDEX ON "Odd Schema"."T""x" (n) WHERE n > 0;
    CREATE UNIQUE INDEX ON "Odd Schema"."T""x" (lower("a b"));
    CREATE TABLE pair (b int, a text, c int, PRIMARY KEY (a, b) INCLUDE (c));
    CREATE VIEW v AS SELECT 1 AS one;
    CREATE MATERIALIZED VIEW m AS SELECT 1 AS one WITH NO DATA;
    CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE mother (i int); CREATE TABLE child (j int) INHERITS (mother);
    INSERT INTO pair SELECT i, 'x', i FROM generate_series(1, 1000) i; ANALYZE pair;)");
  auto const catalog = must(place.source->discover({}));
  EXPECT_TRUE(catalog.product.starts_with("PostgreSQL 1")) << catalog.product;
  std::vector<std::string> names;
  for (auto const& table : catalog.tables) names.push_back(table.text());
  EXPECT_EQ(names, (std::vector<std::string>{"Odd Schema.T\"x", "public.child", "public.m", "public.mother",
                                             "public.pair", "public.parts", "public.v"}));

  Table const& odd = catalog.tables[0];
  ASSERT_EQ(odd.columns.size(), 4U);
  EXPECT_TRUE(column_of(odd, "id").is_identity);
  EXPECT_FALSE(column_of(odd, "id").nullable);
  EXPECT_EQ(column_of(odd, "a b").pg_type, "character varying(20)");
  EXPECT_EQ(column_of(odd, "n").pg_type, "numeric(18,4)");
  EXPECT_TRUE(column_of(odd, "n").nullable);
  EXPECT_TRUE(column_of(odd, "twice").is_computed);
  ASSERT_EQ(odd.keys.size(), 2U);
  EXPECT_EQ(odd.primary_key()->columns, std::vector<std::string>{"id"});
  EXPECT_EQ(odd.keys[1].columns, std::vector<std::string>{"a b"});

  Table const& pair = catalog.tables[4];
  EXPECT_EQ(pair.primary_key()->columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(pair.estimated_rows, 1000);
  EXPECT_GT(pair.estimated_bytes, 0);
  EXPECT_TRUE(catalog.tables[6].is_view);
  ASSERT_EQ(catalog.tables[2].warnings.size(), 1U);
  EXPECT_NE(catalog.tables[2].warnings[0].find("never been refreshed"), std::string::npos);
  ASSERT_EQ(catalog.tables[3].warnings.size(), 1U);

  EXPECT_EQ(must(place.source->discover({.schemas = {"public"}, .tables = {"*.p*"}, .views = true})).tables.size(), 2U);
  EXPECT_EQ(must(place.source->discover({.schemas = {"public"}, .tables = {}, .views = false})).tables.size(), 5U);
  EXPECT_TRUE(must(place.source->discover({.schemas = {"nowhere"}, .tables = {}, .views = true})).tables.empty());
}

TEST(SourcePostgres, says_what_the_login_does_not_see) {
  Place place(R"(
    DO $$ BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    CREATE SCHEMA closed; CREATE TABLE closed.t (i int);
    CREATE TABLE denied (i int); CREATE TABLE half (seen int, hidden int); GRANT SELECT (seen) ON half TO poor;
    CREATE TABLE filtered (i int); GRANT SELECT ON filtered TO poor; ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;)");
  auto source = place.open_as("poor");
  auto const closed = discover_table(*source, "closed.t");
  ASSERT_EQ(closed.warnings.size(), 1U);
  EXPECT_NE(closed.warnings[0].find("no USAGE on the schema"), std::string::npos);
  EXPECT_FALSE(discover_table(*source, "public.denied").columns[0].refusal.empty());
  auto const half = discover_table(*source, "public.half");
  EXPECT_EQ(half.columns[0].refusal, "");
  EXPECT_NE(half.columns[1].refusal, "");
  auto const filtered = discover_table(*source, "public.filtered");
  ASSERT_EQ(filtered.warnings.size(), 1U);
  EXPECT_NE(filtered.warnings[0].find("row-level security"), std::string::npos);

  auto const refused = source->read(request_of(half));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Refused);
  auto part = half;
  part.columns.pop_back();
  must(source->read(request_of(part)));

  auto const lines = must(source->test());
  EXPECT_NE(lines[2].find("2 of 4 tables can be read"), std::string::npos) << lines[2];
}

// (But for an empty tsquery, which some versions of PostgreSQL send in binary form and refuse to receive, with an
// error.)
TEST(SourcePostgres, every_built_in_type_passes_as_it_is) {
  Place place(R"sql(
    CREATE TABLE every (
      bo bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(18,4), mo money,
      t text, vc varchar(10), ch char(5), bp bpchar, na name, qc "char", ba bytea,
      d date, ti time(3), tz timetz, ts timestamp, ts3 timestamp(3), tt timestamptz, iv interval, ivm interval day to second(2),
      u uuid, j json, jb jsonb, x xml, bi bit(5), vb varbit, ine inet, ci cidr, ma macaddr, m8 macaddr8,
      p point, l line, ls lseg, bx box, pa path, po polygon, cir circle, tv tsvector, tq tsquery, lsn pg_lsn, o oid, xi xid, xi8 xid8,
      r4 int4range, r8 int8range, rn numrange, rt tsrange, rz tstzrange, rd daterange,
      ai int[], at text[], an numeric(10,2)[], av varchar(7)[], atz timestamptz[], arn numrange[], jp jsonpath, td tid);
    INSERT INTO every DEFAULT VALUES;
    INSERT INTO every VALUES (true, -32768, -2147483648, -9223372036854775808, '-Infinity', 'NaN', 'NaN', -99999999999999.9999,
      '-92233720368547758.08', '', '', '', '', '', '', '', '-infinity', '00:00', '00:00+15:59', '-infinity', '4714-11-24 00:00:00 BC', 'infinity',
      '-178000000 years', '0', '00000000-0000-0000-0000-000000000000', '{}', '{}', '', B'00000', B'', '0.0.0.0/0', '0.0.0.0/0',
      '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '(NaN,-Infinity)', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(1,1))', '[(0,0),(1,1)]',
      '((0,0),(1,1),(2,0))', '<(0,0),0>', '', 'a', '0/0', 0, '0', '0', 'empty', '(,)', '[1.5,)', '(,2020-01-01)', '(,)', 'empty',
      '{}', '{}', '{NULL}', '{""}', '{infinity,-infinity}', '{empty}', '$', '(0,0)');
    INSERT INTO every VALUES (false, 32767, 2147483647, 9223372036854775807, 'NaN', '-0', '-0.0000000000000000000000000000001', 0.0001,
      '92233720368547758.07', E'a\\b\n\t"''ü漢😀', '漢漢漢', 'ab', 'ab   ', 'n', 'x', '\x00ff00', '0044-03-15 BC', '24:00', '24:00-15:59',
      '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999', '0001-01-01 00:00:00 BC', '1 mon -1 day 00:00:00.000001', '1 23:59:59.99',
      'ffffffff-ffff-ffff-ffff-ffffffffffff', '{"b":1, "a":[1.10,null], "a":2}', '{"b":1, "a":[1.10,null], "a":2}', '<a b="ü">&lt;</a>',
      B'11111', B'101', '::1/128', 'fe80::/10', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', '(1e-300,1e300)', '{0,1,0.5}',
      '[(-1,0),(1.5,1)]', '((3,3),(1,1))', '((0,0),(1,1))', '((0,0),(1,1),(2,0))', '<(1.5,-2),3>', 'a:1A b:2,3', '(a & b:*) <-> !c',
      'FFFFFFFF/FFFFFFFF', 4294967295, '4294967295', '18446744073709551615', '[1,10)', '[-9223372036854775808,0)', '(NaN,NaN]', '[2020-01-01,infinity)',
      '[-infinity,infinity]', '[2020-01-01,2020-01-02]', '{{1,NULL},{3,4}}', '[5:6]={a,"b,c"}', '{1.10,NaN}', '{"a b"}', '{2020-01-01 00:00+02}',
      '{"[1,2)"}', 'strict $.a[*] ? (@ > 1)', '(4294967295,65535)');
    INSERT INTO every (n, f4, f8, n2, t) SELECT ('1e' || i)::numeric, random(), random() * 10.0 ^ (i % 300), random() * 1e6, repeat('x', i)
      FROM generate_series(-1000, 1000, 7) i;
    INSERT INTO every (n) VALUES (('9' || repeat('9', 131071))::numeric), (('0.' || repeat('123', 5461))::numeric);)sql");
  auto const table = discover_table(*place.source, "public.every");
  for (auto const& column : table.columns) {
    EXPECT_EQ(column.source_type, column.pg_type) << column.name;
    EXPECT_EQ(column.refusal, "");
    EXPECT_EQ(column.loss.empty(), column.name != "mo") << column.name;
  }
  auto const rows = place.load_whole("public.every");
  EXPECT_EQ(rows, 291U);
  EXPECT_EQ(differences(place.session, "public.every", "public.loaded"), 0);
  // Byte for byte too: -0 and 0, or two spellings of one value, have the same text here and there.
  EXPECT_EQ(
      must(place.session.query(
               "SELECT count(*) FROM ((SELECT record_send(a) FROM every a EXCEPT ALL SELECT record_send(b) FROM loaded "
               "b) "
               "UNION ALL (SELECT record_send(b) FROM loaded b EXCEPT ALL SELECT record_send(a) FROM every a)) d"))
          .integer(0, 0),
      0);
}

TEST(SourcePostgres, every_type_of_the_catalog_has_a_rule) {
  // Whatever this version of PostgreSQL has as a column type passes through the source and into a table.
  Place place;
  auto const types =
      must(place.session.query("SELECT format_type(oid, NULL) FROM pg_type WHERE oid < 16384 AND typtype IN ('b', 'r', "
                               "'m', 'e', 'c') AND typname !~ '^_?(any|unknown)' "
                               "AND NOT (typtype = 'c' AND typname !~ '^pg_(class|type)$') AND typcategory <> 'P' AND "
                               "oid NOT IN (SELECT typarray FROM pg_type WHERE typtype IN ('c', 'p'))"));
  std::string columns;
  for (std::size_t i = 0; i < types.size(); ++i)
    columns += fmt::format("{}c{} {}", i == 0 ? "" : ", ", i, types.text(i, 0));
  must(place.session.execute("CREATE TABLE every (" + columns + "); INSERT INTO every DEFAULT VALUES"));
  EXPECT_EQ(place.load_whole("public.every"), 1U);
  EXPECT_GT(types.size(), 100U);
}

TEST(SourcePostgres, types_that_the_warehouse_may_not_have_become_text_or_their_base) {
  Place place(R"(
    CREATE TYPE mood AS ENUM ('sad', 'Happy one'); CREATE TYPE pair AS (a int, b text); CREATE TYPE span AS RANGE (subtype = float8);
    CREATE DOMAIN small AS int CHECK (VALUE < 100); CREATE DOMAIN smaller AS small CHECK (VALUE < 10); CREATE DOMAIN price AS numeric(10,2);
    CREATE DOMAIN moods AS mood; CREATE DOMAIN ints AS int[];
    CREATE EXTENSION citext SCHEMA public;
    CREATE TABLE own (m mood, mm mood[], p pair, pp pair[], s span, d small, dd smaller, dp price, da price[], md moods, di ints,
                      ci citext, rc regclass, rcs regtype[], ac aclitem);
    INSERT INTO own VALUES ('Happy one', '{sad,NULL}', ROW(1, 'x,"y'), ARRAY[ROW(1, 'z')::pair], '[1.5,2)', 7, 8, 1.5, '{1.25,NULL}', 'sad', '{1,2}',
                            'CiText', 'pg_class', '{int,text}', 'postgres=r/postgres');
    INSERT INTO own DEFAULT VALUES;)");
  auto const table = discover_table(*place.source, "public.own");
  std::map<std::string, std::string> types;
  for (auto const& column : table.columns) types[column.name] = column.pg_type;
  EXPECT_EQ(types, (std::map<std::string, std::string>{{"m", "text"},
                                                       {"mm", "text[]"},
                                                       {"p", "text"},
                                                       {"pp", "text[]"},
                                                       {"s", "text"},
                                                       {"d", "integer"},
                                                       {"dd", "integer"},
                                                       {"dp", "numeric(10,2)"},
                                                       {"da", "numeric(10,2)[]"},
                                                       {"md", "text"},
                                                       {"di", "integer[]"},
                                                       {"ci", "text"},
                                                       {"rc", "text"},
                                                       {"rcs", "text[]"},
                                                       {"ac", "text"}}));
  EXPECT_EQ(column_of(table, "m").source_type, "public.mood");
  EXPECT_NE(column_of(table, "m").loss, "");
  EXPECT_EQ(column_of(table, "dp").loss, "");
  EXPECT_EQ(place.load_whole("public.own"), 2U);
  EXPECT_EQ(differences(place.session, "public.own", "public.loaded"), 0);
}

TEST(SourcePostgres, views_partitions_children_and_materialized_views) {
  Place place(R"(
    CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
    INSERT INTO parts SELECT i, repeat('x', i) FROM generate_series(0, 30) i;
    CREATE VIEW v AS SELECT k, upper(v) AS v FROM parts; CREATE MATERIALIZED VIEW m AS SELECT * FROM v;
    CREATE TABLE mother (i int); CREATE TABLE child (j int) INHERITS (mother); INSERT INTO mother VALUES (1); INSERT INTO child VALUES (2, 3);
    CREATE TABLE empty (i int); CREATE TABLE nothing ();)");
  for (auto const& [name, rows] : std::vector<std::pair<std::string, std::uint64_t>>{
           {"public.parts", 31}, {"public.v", 31}, {"public.m", 31}, {"public.mother", 2}, {"public.empty", 0}}) {
    EXPECT_EQ(place.load_whole(name), rows) << name;
    EXPECT_EQ(differences(place.session, name, "public.loaded"), 0) << name;
    EXPECT_EQ(must(place.source->count(discover_table(*place.source, name))), rows);
  }
}

TEST(SourcePostgres, a_table_as_wide_as_postgres_allows_and_large_values) {
  std::string columns, values;
  for (int i = 0; i < 1600; ++i) {
    columns += fmt::format("{}c{} {}", i == 0 ? "" : ", ", i, i % 2 == 0 ? "bool" : "text");
    values += fmt::format("{}{}", i == 0 ? "" : ", ", i % 3 == 0 ? "NULL" : i % 2 == 0 ? "true" : "''");
  }
  Place place("CREATE TABLE wide (" + columns + "); INSERT INTO wide VALUES (" + values +
              "); INSERT INTO wide DEFAULT VALUES; "
              "CREATE TABLE large (i int, t text, b bytea); "
              "INSERT INTO large SELECT i, repeat('0123456789abcdef', 2097152), decode(repeat('ff00', 1048576), 'hex') "
              "FROM generate_series(1, 3) i");
  EXPECT_EQ(place.load_whole("public.wide"), 2U);
  EXPECT_EQ(must(place.session.query("SELECT count(*) FROM (SELECT record_send(a) FROM wide a EXCEPT ALL SELECT "
                                     "record_send(b) FROM loaded b) d"))
                .integer(0, 0),
            0);
  EXPECT_EQ(place.load_whole("public.large"), 3U);
  EXPECT_EQ(must(place.session.query("SELECT count(*) FROM large JOIN loaded USING (i, t, b)")).integer(0, 0), 3);
}

TEST(SourcePostgres, another_encoding_arrives_as_utf8) {
  Place place;
  must(place.session.execute("CREATE DATABASE latin1_of_test ENCODING LATIN1 TEMPLATE template0"));
  auto options = test::cluster().options("latin1_of_test");
  auto latin = must(pg::Session::connect(options));
  must(latin.execute("CREATE TABLE public.t (t text); INSERT INTO public.t VALUES ('äöü')"));
  SourceOptions as{.kind = SourceKind::Postgres};
  for (auto const& [key, value] : options.parameters) as.settings[key == "dbname" ? "database" : key] = value;
  auto source = must(open(as));
  auto const request = request_of(discover_table(*source, "public.t"));
  test::create_like(place.session, request, "public.loaded");
  must(load(*source, request, place.session, "public.loaded"));
  EXPECT_EQ(must(place.session.query("SELECT t FROM public.loaded")).text(0, 0), "äöü");
}

TEST(SourcePostgres, extra_columns_and_windows) {
  Place place(
      "CREATE TABLE t (i int, at timestamptz(3)); INSERT INTO t SELECT i, '2026-01-01'::timestamptz + i * interval '1 "
      "hour' "
      "FROM generate_series(1, 100) i; INSERT INTO t VALUES (101, NULL)");
  auto request = request_of(discover_table(*place.source, "public.t"));
  request.extra = {{.kind = ExtraColumn::Kind::RowUuid,
                    .name = "_id",
                    .pg_type = "character varying",
                    .constant_binary = "",
                    .constant_literal = ""},
                   {.kind = ExtraColumn::Kind::Constant,
                    .name = "_gen",
                    .pg_type = "bigint",
                    .constant_binary = "",
                    .constant_literal = "7"},
                   {.kind = ExtraColumn::Kind::Constant,
                    .name = "_meta",
                    .pg_type = "jsonb",
                    .constant_binary = "",
                    .constant_literal = R"('{"a":"it''s"}'::jsonb)"}};
  request.window = CursorWindow{.column = "at",
                                .low = "2026-01-01 10:00:00+00",
                                .high = "2026-01-01 20:00:00+00",
                                .low_inclusive = true,
                                .high_inclusive = false};
  test::create_like(place.session, request, "public.loaded");
  EXPECT_EQ(must(load(*place.source, request, place.session, "public.loaded")), 10U);
  auto const rows =
      must(place.session.query("SELECT min(i), max(i), count(DISTINCT _id), min(_gen), min(_meta->>'a') FROM loaded"));
  EXPECT_EQ(rows.integer(0, 0), 10);
  EXPECT_EQ(rows.integer(0, 1), 19);
  EXPECT_EQ(rows.integer(0, 2), 10);
  EXPECT_EQ(rows.integer(0, 3), 7);
  EXPECT_EQ(rows.text(0, 4), "it's");

  request.window->low_inclusive = false;
  request.window->high_inclusive = true;
  must(place.session.execute("TRUNCATE loaded"));
  EXPECT_EQ(must(load(*place.source, request, place.session, "public.loaded")), 10U);
  EXPECT_EQ(must(place.session.query("SELECT min(i), max(i) FROM loaded")).integer(0, 1), 20);
}

TEST(SourcePostgres, high_bound) {
  Place place(
      "CREATE TABLE t (i int, z timestamptz, p timestamp, d date, u uuid, e text); "
      "INSERT INTO t VALUES (1, now() - interval '1 day', (now() AT TIME ZONE 'UTC') - interval '2 day', current_date "
      "- 3, "
      "'00000000-0000-0000-0000-000000000001', NULL), (2, now() + interval '1 day', (now() AT TIME ZONE 'UTC') + "
      "interval '2 day', current_date + 3, "
      "'f0000000-0000-0000-0000-000000000001', NULL)");
  auto const table = discover_table(*place.source, "public.t");
  auto high = [&](std::string const& column, Duration lag = {}) {
    return must(place.source->high_bound(table, column, lag));
  };
  auto expected = [&](std::string const& expression) {
    return must(place.session.query("SELECT " + expression + " FROM t WHERE i = 1")).optional_text(0, 0);
  };
  EXPECT_EQ(high("i"), "2");
  EXPECT_EQ(high("z"), expected("z"));
  EXPECT_EQ(high("p"), expected("p"));
  EXPECT_EQ(high("d"), expected("d"));
  EXPECT_EQ(high("u"), "f0000000-0000-0000-0000-000000000001");
  EXPECT_EQ(high("e"), std::nullopt);
  EXPECT_EQ(high("z", std::chrono::hours(25)), std::nullopt);
  EXPECT_EQ(place.source->high_bound(table, "nowhere", {}).error().kind(), ErrorKind::Config);
}

TEST(SourcePostgres, a_snapshot_is_one_moment_for_all_its_clones) {
  Place place("CREATE TABLE t (i int); INSERT INTO t VALUES (1)");
  auto const request = request_of(discover_table(*place.source, "public.t"));
  test::create_like(place.session, request, "public.loaded");
  EXPECT_EQ(must(place.source->begin_snapshot()), "snapshot");
  must(place.session.execute("INSERT INTO t VALUES (2)"));
  auto clone = must(place.source->clone());
  EXPECT_EQ(must(clone->count(request.table)), 1U);
  EXPECT_EQ(must(place.source->count(request.table)), 1U);
  EXPECT_EQ(must(clone->begin_snapshot()), "snapshot");

  // A read that fails does not spoil the moment for the reads after it.
  auto broken = request;
  broken.table.name = "nowhere";
  EXPECT_EQ(place.source->read(broken).error().sqlstate(), "42P01");
  must(place.session.execute("CREATE TABLE breaks (i int); INSERT INTO breaks VALUES (0)"));
  must(place.session.execute("CREATE VIEW fails AS SELECT 1 / i AS i FROM breaks"));
  EXPECT_EQ(must(load(*place.source, request, place.session, "public.loaded")), 1U);
  { auto const given_up = must(place.source->read(request)); }
  EXPECT_EQ(must(place.source->count(request.table)), 1U);

  must(place.source->end_snapshot());
  EXPECT_EQ(must(place.source->count(request.table)), 2U);
  EXPECT_EQ(must(clone->count(request.table)), 1U);
  must(clone->end_snapshot());
  EXPECT_EQ(must(clone->count(request.table)), 2U);
}

TEST(SourcePostgres, a_column_that_changed_since_discovery_is_noticed) {
  Place place("CREATE TABLE t (i int4); INSERT INTO t VALUES (1)");
  auto const request = request_of(discover_table(*place.source, "public.t"));
  must(place.session.execute("ALTER TABLE t ALTER i TYPE float4"));  // as wide in binary form: nobody else would notice
  auto const changed = place.source->read(request);
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().kind(), ErrorKind::Busy);
  EXPECT_NE(changed.error().message().find("was integer and is real now"), std::string::npos)
      << changed.error().to_text();
  must(place.source->count(request.table));  // the session lives on
}

TEST(SourcePostgres, an_error_in_the_middle_of_a_read_is_no_end) {
  Place place("CREATE VIEW fails AS SELECT 1 / (50000 - i) AS i FROM generate_series(1, 100000) i");
  auto const request = request_of(discover_table(*place.source, "public.fails"));
  test::create_like(place.session, request, "public.loaded");
  auto const failed = load(*place.source, request, place.session, "public.loaded");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().sqlstate(), "22012");
  EXPECT_EQ(must(place.session.query("SELECT count(*) FROM loaded")).integer(0, 0), 0);
}

TEST(SourcePostgres, cancel_ends_a_read) {
  Place place("CREATE VIEW endless AS SELECT generate_series(1, 1000000000) AS i");
  auto reader = must(place.source->read(request_of(discover_table(*place.source, "public.endless"))));
  Batch batch;
  must(reader->next(batch));
  std::jthread canceller([&] { reader->cancel(); });
  for (;;) {
    auto const more = reader->next(batch);
    if (more.ok()) {
      ASSERT_TRUE(more.value());
      continue;
    }
    EXPECT_EQ(more.error().kind(), ErrorKind::Cancelled);
    break;
  }
  canceller.join();
  reader.reset();
  must(place.source->discover({}));  // the session lives on
}

TEST(SourcePostgres, a_source_that_goes_away_is_no_end) {
  Place place("CREATE VIEW endless AS SELECT generate_series(1, 1000000000) AS i");
  auto reader = must(place.source->read(request_of(discover_table(*place.source, "public.endless"))));
  must(
      place.session.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                          "datname = current_database()"));
  Batch batch;
  for (;;) {
    auto const more = reader->next(batch);
    if (more.ok()) {
      ASSERT_TRUE(more.value()) << "a read that was cut looks complete";
      continue;
    }
    EXPECT_EQ(more.error().kind(), ErrorKind::Unavailable) << more.error().to_text();
    break;
  }
}

}  // namespace
}  // namespace weir::source
