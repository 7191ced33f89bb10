// The generic ODBC source against Debian's SQLite and PostgreSQL drivers: exact values, or a clear error.

#include "source/odbc_generic.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "odbc/drivers.h"
#include "odbc/session.h"
#include "source/odbc_generic_reader.h"
#include "unit/source_test_load.h"

namespace weir::source {
namespace {

using test::differences;
using test::discover_table;
using test::load;
using test::must;
using test::request_of;

// A SQLite file, made through its own driver.
struct Sqlite {
  explicit Sqlite(std::vector<std::string> const& setup) : folder(must(TempFolder::create("weir-sqlite-"))) {
    auto session =
        must(odbc::Session::connect({.attributes = {{"Driver", "SQLite3"}, {"Database", file()}}, .place = "SQLite"}));
    for (auto const& statement : setup) must(session.execute(statement));
    source = must(open({.kind = SourceKind::Odbc, .settings = {{"driver", "SQLite3"}, {"database", file()}}}));
  }
  std::string file() const { return (folder.path() / "test.db").string(); }
  TempFolder folder;
  std::unique_ptr<Source> source;
};

std::uint64_t load_into(Source& source, ReadRequest const& request, pg::Session& session) {
  must(session.execute("SET search_path = public; DROP TABLE IF EXISTS loaded"));
  test::create_like(session, request, "public.loaded");
  return must(load(source, request, session, "public.loaded"));
}

std::string types_text(Table const& table) {
  std::string text;
  for (auto const& column : table.columns)
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", column.name, column.pg_type);
  return text;
}

TEST(SourceOdbcSqlite, discovers) {
  Sqlite database(
      {"CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE, price DECIMAL(10,2), f REAL, b BLOB, "
       "d DATE, ts DATETIME, ok BOOLEAN, any)",
       "CREATE TABLE \"odd \"\"one\" (b TEXT, a INT, PRIMARY KEY (a, b))", "CREATE TABLE a_b (x INT)",
       "CREATE TABLE aXb (y INT)", "CREATE VIEW v AS SELECT id FROM t"});
  auto const catalog = must(database.source->discover({}));
  ASSERT_EQ(catalog.tables.size(), 5U);
  EXPECT_TRUE(catalog.product.starts_with("SQLite")) << catalog.product;
  auto const t = discover_table(*database.source, "t");
  EXPECT_EQ(types_text(t),
            "id:bigint name:text price:numeric f:double precision b:bytea d:date ts:timestamp without time zone "
            "ok:boolean any:text");
  EXPECT_EQ(t.primary_key()->columns, std::vector<std::string>{"id"});
  EXPECT_FALSE(t.column("name")->nullable);
  EXPECT_TRUE(std::ranges::any_of(
      t.keys, [](Key const& key) { return !key.is_primary && key.columns == std::vector<std::string>{"name"}; }));
  // A name with a pattern's characters is only itself.
  EXPECT_EQ(types_text(discover_table(*database.source, "a_b")), "x:bigint");
  EXPECT_TRUE(discover_table(*database.source, "v").is_view);
  auto const lines = must(database.source->test());
  EXPECT_NE(lines[0].find("SQLite"), std::string::npos);
}

TEST(SourceOdbcSqlite, values_arrive_exactly) {
  Sqlite database(
      {"CREATE TABLE t (id INTEGER PRIMARY KEY, i BIGINT, f REAL, n NUMERIC, s TEXT, b BLOB, d DATE, ti TIME, ts "
       "DATETIME, ok BOOLEAN, any)",
       "INSERT INTO t VALUES (1, 9223372036854775807, 0.1, 12.34, 'äöü漢😀''\"', x'00ff10', '2026-11-24', '13:14:15.5', "
       "'2026-11-24 13:14:15.123456', 1, 0.1)",
       "INSERT INTO t VALUES (2, -9223372036854775808, 1e300, 123456789012345678, '', x'', '0001-01-01', '00:00:00', "
       "'9999-12-31T23:59:59', 0, 42)",
       "INSERT INTO t VALUES (3, 0, 0.30000000000000004, -0.5, 'line' || char(10) || 'two', NULL, NULL, NULL, NULL, "
       "NULL, 'text')",
       "INSERT INTO t (id) VALUES (4)", "INSERT INTO t (id, f, any) VALUES (5, -1.7976931348623157e308, 5e-324)"});
  auto session = test::fresh_session();
  auto const request = request_of(discover_table(*database.source, "t"));
  EXPECT_EQ(load_into(*database.source, request, session), 5U);
  must(
      session.execute("CREATE TABLE expected (LIKE loaded); INSERT INTO expected VALUES "
                      "(1, 9223372036854775807, 0.1, 12.34, 'äöü漢😀''\"', '\\x00ff10', '2026-11-24', '13:14:15.5', "
                      "'2026-11-24 13:14:15.123456', true, '0.1'), "
                      "(2, -9223372036854775808, 1e300, 123456789012345678, '', '', '0001-01-01', '00:00:00', "
                      "'9999-12-31 23:59:59', false, '42'), "
                      "(3, 0, 0.30000000000000004, -0.5, E'line\\ntwo', NULL, NULL, NULL, NULL, NULL, 'text'), "
                      "(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), "
                      "(5, NULL, -1.7976931348623157e308, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '5e-324')"));
  EXPECT_EQ(differences(session, "expected", "loaded"), 0);
}

TEST(SourceOdbcSqlite, a_value_that_is_not_what_its_column_says_is_an_error) {
  for (auto const& [type, value] :
       std::vector<std::pair<std::string, std::string>>{{"INT", "'abc'"},
                                                        {"INT", "1.5"},
                                                        {"INT", "x'00'"},
                                                        {"BIGINT", "18446744073709551615"},
                                                        {"REAL", "'1.5x'"},
                                                        {"DATE", "'24.11.2026'"},
                                                        {"DATE", "'2026-02-30'"},
                                                        {"DATE", "'2026-02-03 04:00'"},
                                                        {"DATETIME", "1600000000"},
                                                        {"BOOLEAN", "2"},
                                                        {"TEXT", "x'00ff'"},
                                                        {"BLOB", "'text'"},
                                                        {"NUMERIC", "'12,5'"},
                                                        {"TIME", "'25:00'"},
                                                        {"DATETIME", "'2026-11-24 13:14:15+02:00'"}}) {
    Sqlite database({"CREATE TABLE t (id INTEGER PRIMARY KEY, v " + type + ")", "INSERT INTO t VALUES (1, NULL)",
                     "INSERT INTO t VALUES (2, " + value + ")"});
    auto session = test::fresh_session();
    auto const request = request_of(discover_table(*database.source, "t"));
    test::create_like(session, request, "public.loaded");
    auto const failed = load(*database.source, request, session, "public.loaded");
    ASSERT_FALSE(failed.ok()) << type << " " << value;
    EXPECT_EQ(failed.error().kind(), ErrorKind::Data) << failed.error().to_text();
    EXPECT_EQ(failed.error().where(), "the row with id = 2") << failed.error().to_text();
    EXPECT_NE(failed.error().message().find("\"v\""), std::string::npos);
  }
}

TEST(SourceOdbcSqlite, chunks_windows_and_extra_columns) {
  std::string values = "INSERT INTO t VALUES ";
  for (int i = 0; i < 400; ++i)
    values += fmt::format("{}({}, 'n{}', '2026-01-{:02} 00:00:{:02}')", i == 0 ? "" : ", ", i * i - 5000, i, i % 28 + 1,
                          i % 60);
  Sqlite database({"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, at DATETIME)", values,
                   "CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b))", "INSERT INTO pair SELECT id % 7, id FROM t",
                   "INSERT INTO pair VALUES (NULL, 1)"});
  auto session = test::fresh_session();
  must(session.execute("SET search_path = public"));
  for (std::string const name : {"t", "pair"}) {
    auto request = request_of(discover_table(*database.source, name));
    EXPECT_EQ(must(database.source->plan_chunks(request.table, 100000)).size(), 1U);
    load_into(*database.source, request, session);
    must(session.execute("DROP TABLE IF EXISTS whole; ALTER TABLE loaded RENAME TO whole"));
    for (std::uint64_t const rows : {1U, 7U, 100U}) {
      auto const chunks = must(database.source->plan_chunks(request.table, rows));
      EXPECT_GT(chunks.size(), 1U);
      test::create_like(session, request, "public.loaded");
      for (auto const& chunk : chunks) {
        request.chunk = chunk;
        must(load(*database.source, request, session, "public.loaded"));
      }
      EXPECT_EQ(differences(session, "whole", "loaded"), 0) << name << " in chunks of " << rows;
      must(session.execute("DROP TABLE loaded"));
    }
  }

  auto request = request_of(discover_table(*database.source, "t"));
  request.window = CursorWindow{.column = "at",
                                .low = "2026-01-10 00:00:00",
                                .high = "2026-01-20 00:00:00",
                                .low_inclusive = true,
                                .high_inclusive = false};
  request.extra = {{.kind = ExtraColumn::Kind::RowUuid,
                    .name = "_id",
                    .pg_type = "character varying",
                    .constant_binary = "",
                    .constant_literal = ""},
                   {.kind = ExtraColumn::Kind::RowUuid,
                    .name = "_uuid",
                    .pg_type = "uuid",
                    .constant_binary = "",
                    .constant_literal = ""},
                   {.kind = ExtraColumn::Kind::Constant,
                    .name = "_c",
                    .pg_type = "text",
                    .constant_binary = "hello",
                    .constant_literal = "'hello'"}};
  load_into(*database.source, request, session);
  auto const rows =
      must(session.query("SELECT count(*), min(at)::text, max(at) < '2026-01-20', count(DISTINCT _id::uuid), "
                         "count(DISTINCT _uuid), min(_c) FROM loaded"));
  EXPECT_EQ(
      rows.integer(0, 0),
      must(session.query("SELECT count(*) FROM generate_series(0, 399) i WHERE i % 28 + 1 >= 10 AND i % 28 + 1 < 20"))
          .integer(0, 0));
  EXPECT_TRUE(rows.boolean(0, 2));
  EXPECT_EQ(rows.integer(0, 3), rows.integer(0, 0));
  EXPECT_EQ(rows.integer(0, 4), rows.integer(0, 0));
  EXPECT_EQ(rows.text(0, 5), "hello");
  EXPECT_EQ(must(database.source->high_bound(request.table, "id", {})), std::to_string(399 * 399 - 5000));
  EXPECT_EQ(must(database.source->high_bound(request.table, "at", {})),
            must(session.query("SELECT max('2026-01-01'::timestamp + i % 28 * interval '1 day' + i % 60 * interval '1 "
                               "s') FROM generate_series(0, 399) i"))
                .optional_text(0, 0));
  EXPECT_EQ(must(database.source->high_bound(request.table, "at", std::chrono::hours(24 * 366 * 30))), std::nullopt);
  EXPECT_EQ(must(database.source->count(request.table)), 400U);
}

TEST(SourceOdbcSqlite, policies_are_counted) {
  Sqlite database({"CREATE TABLE t (id INTEGER PRIMARY KEY, ti TIME)",
                   "INSERT INTO t VALUES (7, '01:02:03.1234567'), (8, '01:02:03.1234560')"});
  auto request = request_of(discover_table(*database.source, "t"));
  auto reader = must(database.source->read(request));
  Batch batch;
  while (must(reader->next(batch))) {
  }
  ASSERT_EQ(reader->report().losses.count("ti"), 1U);
  EXPECT_EQ(reader->report().losses.at("ti").truncated_times, 1U);
  EXPECT_EQ(reader->report().losses.at("ti").first_key, "id = 7");
  request.policies.fail_on_truncated_time = true;
  auto strict = must(database.source->read(request));
  EXPECT_EQ(strict->next(batch).error().kind(), ErrorKind::Data);
}

std::unique_ptr<Source> postgres_through_odbc(std::string const& database) {
  auto const& cluster = test::cluster();
  return must(open({.kind = SourceKind::Odbc,
                    .settings = {{"driver", "PostgreSQL Unicode"},
                                 {"database", database},
                                 {"user", "postgres"},
                                 {"connection", fmt::format("Servername=127.0.0.1;Port={}", cluster.port())}}}));
}

TEST(SourceOdbcPostgres, values_arrive_exactly) {
  auto const options = test::fresh_database();
  auto session = must(pg::Session::connect(options));
  must(session.execute(R"sql(SET search_path = public;
    CREATE TABLE t (id int PRIMARY KEY, b bool, i2 smallint, i8 bigint, n numeric(18,4), nn numeric, f4 real, f8 float8, c char(5), v varchar(20),
      t text, ba bytea, d date, ti time(3), ts timestamp, ts3 timestamp(3), tz timestamptz, u uuid, o oid, mo money, bi bit(5));
    INSERT INTO t VALUES (1, true, -32768, 9223372036854775807, 99999999999999.9999, 'NaN', 0.1, 0.30000000000000004, 'ab', 'äö😀', 't', '\x00ff',
      '0044-03-15 BC', '13:14:15.123', 'infinity', '2026-11-24 13:14:15.123', '2026-11-24 13:14:15.123456+02', 'ffffffff-0000-0000-0000-000000000001', 4294967295, '-5.50', '10101');
    INSERT INTO t VALUES (2, false, 32767, -9223372036854775808, -0.0001, 1e30, 'NaN', '-Infinity', '', '', '', '', '-infinity', '24:00',
      '0001-02-29 00:00:00 BC', '1999-12-31 23:59:59.999', '0001-01-01 00:00:00+00 BC', NULL, 0, '0', '00000');
    INSERT INTO t VALUES (3, NULL, NULL, NULL, NULL, '-1e-20', 'Infinity', '5e-324', NULL, NULL, repeat('äx', 100000), decode(repeat('00ff', 100000), 'hex'), '294276-12-31', NULL,
      '294276-12-31 23:59:59.999999', NULL, 'infinity', NULL, NULL, NULL, NULL);
    INSERT INTO t (id) VALUES (4);
    INSERT INTO t (id, d, ts) SELECT 1000 + i, '4713-01-01 BC'::date + i * 1009, '4713-01-01 BC'::timestamp + i * interval '1009 days 3.000007 s' FROM generate_series(1, 3000) i)sql"));
  auto source = postgres_through_odbc(options.parameters[2].second);
  auto const table = discover_table(*source, "public.t");
  EXPECT_EQ(types_text(table),
            "id:integer b:boolean i2:smallint i8:bigint n:numeric nn:numeric f4:real f8:double precision c:text v:text "
            "t:text ba:bytea d:date "
            "ti:time without time zone ts:timestamp without time zone ts3:timestamp without time zone tz:timestamp "
            "with time zone u:uuid o:bigint mo:numeric bi:text");
  EXPECT_EQ(load_into(*source, request_of(table), session), 3004U);
  EXPECT_EQ(
      differences(session,
                  "(SELECT id, b, i2, i8, n, nn, f4, f8, c::bpchar, v, t, ba, d, ti, ts, ts3, tz, u, o, mo::numeric, "
                  "bi FROM t)",
                  "(SELECT id, b, i2, i8, n, nn, f4, f8, c, v, t, ba, d, ti, ts, ts3, tz, u, o, mo, bi FROM loaded)"),
      0);
}

TEST(SourceOdbcPostgres, schemas_keys_chunks_and_windows) {
  auto const options = test::fresh_database();
  auto session = must(pg::Session::connect(options));
  must(session.execute(
      "CREATE SCHEMA \"S x\"; CREATE TABLE \"S x\".\"T y\" (k bigint, j int, at timestamptz, PRIMARY KEY (k, j)); "
      "INSERT INTO \"S x\".\"T y\" SELECT i % 50, i, '2026-01-01'::timestamptz + i * interval '1 h' FROM "
      "generate_series(1, 500) i; "
      "CREATE VIEW \"S x\".v AS SELECT 1 AS one"));
  auto source = postgres_through_odbc(options.parameters[2].second);
  EXPECT_EQ(must(source->discover({})).tables.size(), 2U);
  auto request = request_of(discover_table(*source, "S x.T y"));
  EXPECT_EQ(request.table.primary_key()->columns, (std::vector<std::string>{"k", "j"}));
  auto const chunks = must(source->plan_chunks(request.table, 60));
  EXPECT_GT(chunks.size(), 5U);
  test::create_like(session, request, "public.loaded");
  for (auto const& chunk : chunks) {
    request.chunk = chunk;
    must(load(*source, request, session, "public.loaded"));
  }
  EXPECT_EQ(differences(session, "\"S x\".\"T y\"", "public.loaded"), 0);

  request.chunk = {};
  auto const high = must(source->high_bound(request.table, "at", {}));
  ASSERT_TRUE(high);
  request.window = CursorWindow{
      .column = "at", .low = "2026-01-05 00:00:00+00", .high = *high, .low_inclusive = true, .high_inclusive = true};
  auto const expected =
      must(session.query("SELECT count(*) FROM \"S x\".\"T y\" WHERE at >= '2026-01-05Z' AND at <= now()"))
          .integer(0, 0);
  EXPECT_EQ(load_into(*source, request, session), static_cast<std::uint64_t>(expected));
  EXPECT_GT(expected, 0);
}

TEST(SourceOdbcPostgres, cancel_and_a_lost_server) {
  auto const options = test::fresh_database();
  auto session = must(pg::Session::connect(options));
  must(session.execute("CREATE VIEW public.endless AS SELECT generate_series(1, 1000000000) AS i"));
  auto source = postgres_through_odbc(options.parameters[2].second);
  auto const request = request_of(discover_table(*source, "public.endless"));
  Batch batch;
  {
    auto reader = must(source->read(request));
    must(reader->next(batch));
    reader->cancel();
    EXPECT_EQ(reader->next(batch).error().kind(), ErrorKind::Cancelled);
  }
  auto reader = must(source->read(request));
  must(reader->next(batch));
  must(
      session.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname "
                    "= current_database()"));
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

TEST(SourceOdbc, settings) {
  EXPECT_EQ(open({.kind = SourceKind::Odbc}).error().kind(), ErrorKind::Config);
  EXPECT_EQ(open({.kind = SourceKind::Odbc, .settings = {{"driver", "SQLite3"}, {"dsn", "x"}}}).error().kind(),
            ErrorKind::Config);
  EXPECT_EQ(
      open({.kind = SourceKind::Odbc, .settings = {{"driver", "SQLite3"}, {"connection", "nonsense"}}}).error().kind(),
      ErrorKind::Config);
  EXPECT_EQ(open({.kind = SourceKind::Odbc, .settings = {{"driver", "No Such Driver"}}}).error().kind(),
            ErrorKind::Config);
}

TEST(SourceOdbc, moments_as_postgres_writes_them) {
  auto days = [](std::string_view text) { return parse_postgres_moment(text)->days; };
  EXPECT_EQ(days("2000-01-01"), 0);
  EXPECT_EQ(days("0001-12-31 BC"), -730120);
  EXPECT_EQ(days("0001-02-29 BC"), -730426);
  EXPECT_EQ(days("5874897-12-31"), 2145031948);  // the last date that PostgreSQL has
  EXPECT_FALSE(parse_postgres_moment("2026-02-30"));
  EXPECT_FALSE(parse_postgres_moment("0000-01-01"));
  EXPECT_FALSE(parse_postgres_moment("26-01-01"));
  EXPECT_TRUE(parse_postgres_moment("2026-01-01 00:00:00+02")->has_offset);
}

}  // namespace
}  // namespace weir::source
