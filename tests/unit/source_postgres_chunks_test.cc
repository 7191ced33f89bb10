// Chunks of a PostgreSQL table: whatever the key, the rows and the size of a chunk, every row is in exactly one.

#include "source/postgres_chunks.h"

#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>

#include "unit/source_test_load.h"

namespace weir::source {
namespace {

using test::differences;
using test::discover_table;
using test::load;
using test::must;
using test::request_of;

struct Place : test::PostgresPlace {
  Place() : PostgresPlace("CREATE TYPE mood AS ENUM ('c', 'a', 'b'); CREATE DOMAIN code AS varchar(8)") {}
};

// Reads the table chunk by chunk into public.loaded and compares.
void expect_every_row_once(Place& place, std::string const& name, std::uint64_t rows_per_chunk,
                           std::string const& story) {
  auto const table = discover_table(*place.source, name);
  auto const chunks = must(place.source->plan_chunks(table, rows_per_chunk));
  auto request = request_of(table);
  must(place.session.execute("DROP TABLE IF EXISTS public.loaded"));
  test::create_like(place.session, request, "public.loaded");
  std::uint64_t rows = 0;
  for (auto const& chunk : chunks) {
    request.chunk = chunk;
    rows += must(load(*place.source, request, place.session, "public.loaded"));
  }
  EXPECT_EQ(rows, must(place.source->count(table))) << story;
  EXPECT_EQ(differences(place.session, name, "public.loaded"), 0) << story;
}

TEST(SourcePostgresChunks, between_bounds) {
  Column key;
  key.name = "k";
  key.nullable = false;
  auto texts = [&](std::vector<std::string> const& bounds) {
    std::vector<std::string> all;
    for (auto const& chunk : chunks_between(key, bounds, 10)) all.push_back(chunk.text());
    return all;
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(texts({}), Strings{"every k"});
  EXPECT_EQ(texts({"5"}), (Strings{"k <= 5", "k > 5"}));
  EXPECT_EQ(texts({"5", "5", "9"}), (Strings{"k <= 5", "k in (5, 9]", "k > 9"}));
  key.nullable = true;
  EXPECT_EQ(texts({"5"}), (Strings{"k <= 5", "k > 5", "k is null"}));
}

TEST(SourcePostgresChunks, follow_the_key_and_the_size) {
  Place place;
  must(place.session.execute(
      "CREATE TABLE t (id bigint PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 10000) i; "
      "ANALYZE t; "
      "CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 2500); "
      "CREATE TABLE keyless (v int); INSERT INTO keyless SELECT generate_series(1, 5000); ANALYZE keyless; "
      "CREATE TABLE empty (id int PRIMARY KEY)"));
  auto chunks = [&](std::string const& name, std::uint64_t rows) {
    return must(place.source->plan_chunks(discover_table(*place.source, name), rows));
  };
  EXPECT_EQ(chunks("public.t", 1000).size(), 10U);  // from the histogram
  EXPECT_EQ(chunks("public.t", 10000).size(), 1U);
  EXPECT_EQ(chunks("public.t", 10000)[0].column, "");
  EXPECT_EQ(chunks("public.t", 50).size(),
            200U + 1U);  // finer than the histogram: from the index; the last one is empty
  EXPECT_EQ(chunks("public.fresh", 1000).size(), 3U);
  EXPECT_EQ(chunks("public.keyless", 100).size(), 1U);
  EXPECT_EQ(chunks("public.empty", 100).size(), 1U);
}

TEST(SourcePostgresChunks, every_row_is_in_exactly_one) {
  // Values with ties, extremes and NULLs, as PostgreSQL's own types order them.
  struct KeyType {
    char const* type;
    char const* value;  // of the random integer n
  };
  constexpr KeyType kTypes[] = {
      {"int", "n"},
      {"bigint", "n * 1000000000000000"},
      {"smallint", "n % 300"},
      {"numeric(12,3)", "n / 7.0"},
      {"numeric", "CASE WHEN n % 50 = 0 THEN 'NaN'::numeric ELSE n * 1e30 END"},
      {"float8",
       "CASE n % 40 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN '-Infinity' WHEN 2 THEN '-0' WHEN 3 THEN 0 ELSE n / 3.0 END"},
      {"text",
       "CASE n % 10 WHEN 0 THEN '' WHEN 1 THEN 'ä' || n WHEN 2 THEN E'\\\\''\\n' || n ELSE chr(65 + abs(n) % 60) || n "
       "END"},
      {"varchar(6)", "left('k' || n, 6)"},
      {"char(6)", "left('k' || n, 6)"},
      {"code", "left('k' || n, 8)"},
      {"date", "CASE n % 30 WHEN 0 THEN 'infinity'::date WHEN 1 THEN '-infinity' ELSE '0044-03-15 BC'::date + n END"},
      {"timestamptz",
       "CASE n % 30 WHEN 0 THEN 'infinity'::timestamptz ELSE '2026-01-01'::timestamptz + n * interval '1.000001 s' "
       "END"},
      {"timestamp(0)", "'2026-01-01'::timestamp + n * interval '7 s'"},
      {"time", "'00:00'::time + n * interval '13 s'"},
      {"interval", "n * interval '1 day 3 s'"},
      {"uuid", "md5(n::text)::uuid"},
      {"bytea", "decode(md5(n::text), 'hex')"},
      {"boolean", "n % 2 = 0"},
      {"mood", "(enum_range(NULL::mood))[1 + abs(n) % 3]"},
      {"inet", "'10.0.0.0'::inet + abs(n)"},
      {"int4range", "int4range(n, n + 5)"},
      {"int[]", "ARRAY[n % 7, n]"},
      {"oid", "abs(n)::oid"},
      {"money", "n::money"},
      {"\"char\"", "chr(65 + abs(n) % 50)::\"char\""},
      {"macaddr", "('08002b' || lpad(to_hex(abs(n)), 6, '0'))::macaddr"},
      {"bit(12)", "(n::bit(12))"},
      {"pg_lsn", "('0/' || to_hex(abs(n)))::pg_lsn"}};
  std::mt19937 random(20261124);
  auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Place place;
  int number = 0;
  for (KeyType const& key : kTypes) {
    int const rows = pick(0, 3) == 0 ? pick(0, 3) : pick(50, 900);
    int const spread = pick(0, 1) == 0 ? pick(1, 12) : 5000;  // few values, many ties
    int const shape = pick(0, 2);  // key alone, key with a second column, nullable unique key
    std::string const name = fmt::format("t{}", ++number);
    must(
        place.session.execute(fmt::format("SELECT setseed({}); CREATE TABLE {} (k {} , second int{}, payload text); "
                                          "INSERT INTO {} SELECT {}, row_number() OVER (), md5(i::text) FROM (SELECT "
                                          "i, (random() * {} - {})::int AS n FROM generate_series(1, {}) i) r",
                                          pick(0, 999) / 1000.0, name, key.type, shape == 1 ? " NOT NULL" : "", name,
                                          key.value, spread, spread / 2, rows)));
    if (shape == 1) {
      must(place.session.execute(fmt::format("ALTER TABLE {} ADD PRIMARY KEY (k, second)", name)));
    } else {
      must(place.session.execute(
          fmt::format("DELETE FROM {0} a USING {0} b WHERE a.k = b.k AND a.second > b.second", name)));
      if (shape == 2)
        must(place.session.execute(fmt::format("INSERT INTO {} VALUES (NULL, -1, 'a'), (NULL, -2, 'a')", name)));
      must(place.session.execute(shape == 0 ? fmt::format("ALTER TABLE {} ADD PRIMARY KEY (k)", name)
                                            : fmt::format("CREATE UNIQUE INDEX ON {} (k)", name)));
    }
    if (pick(0, 1) == 0) must(place.session.execute("ANALYZE " + name));
    if (pick(0, 2) == 0)
      must(place.session.execute(fmt::format("DELETE FROM {} WHERE random() < 0.3", name)));  // old statistics
    for (int const rows_per_chunk : {1 + pick(0, 20), 30 + pick(0, 300)}) {
      expect_every_row_once(place, "public." + name, static_cast<std::uint64_t>(rows_per_chunk),
                            fmt::format("{} of {}, {} rows, spread {}, shape {}, chunks of {}", name, key.type, rows,
                                        spread, shape, rows_per_chunk));
    }
  }
}

}  // namespace
}  // namespace weir::source
