#pragma once
// For tests of sources: reads a table (or some of its chunks) and loads it into a PostgreSQL table, as the engine
// would.

#include <memory>
#include <string>
#include <utility>

#include "pg/session.h"
#include "source/copy_encode.h"
#include "source/open.h"
#include "source/source.h"
#include "sql/name.h"
#include "unit/test_cluster.h"

namespace weir::test {

inline source::Table discover_table(source::Source& source, std::string const& name) {
  auto catalog = must(source.discover({.schemas = {}, .tables = {name}, .views = true}));
  if (catalog.tables.size() != 1) {
    ADD_FAILURE() << name << ": " << catalog.tables.size() << " tables of that name";
    std::abort();
  }
  return std::move(catalog.tables[0]);
}

inline source::ReadRequest request_of(source::Table table) {
  return {.table = std::move(table), .chunk = {}, .window = {}, .extra = {}, .policies = {}, .batch_bytes = 4096};
}

inline void create_like(pg::Session& session, source::ReadRequest const& request, std::string const& target) {
  std::string columns;
  for (auto const& column : request.table.columns)
    columns += (columns.empty() ? "" : ", ") + sql::quote_pg(column.name) + " " + column.pg_type;
  for (auto const& extra : request.extra) columns += ", " + sql::quote_pg(extra.name) + " " + extra.pg_type;
  must(session.execute("CREATE TABLE " + target + " (" + columns + ")"));
}

// Reads the request to its end into `target`. The number of rows that arrived, or the source's error.
inline Result<std::uint64_t> load(source::Source& source, source::ReadRequest const& request, pg::Session& session,
                                  std::string const& target) {
  WEIR_TRY(auto reader, source.read(request));
  WEIR_TRY(auto copy, session.copy_in("COPY " + target + " FROM STDIN (FORMAT binary)"));
  WEIR_DO(copy.write(source::copy_binary_header()));
  source::Batch batch;
  std::uint64_t rows = 0;
  for (;;) {
    WEIR_TRY(bool const more, reader->next(batch));
    if (!more) break;
    rows += batch.rows;
    WEIR_DO(copy.write(batch.bytes));
  }
  EXPECT_EQ(reader->report().rows, rows);
  WEIR_DO(copy.write(source::copy_binary_trailer()));
  WEIR_TRY(std::uint64_t const loaded, std::move(copy).finish());
  EXPECT_EQ(loaded, rows);
  return rows;
}

// Rows that one of the tables (or queries in parentheses) has more often than the other, by their text.
inline std::int64_t differences(pg::Session& session, std::string const& one, std::string const& other) {
  std::string const left = "SELECT one_row::text FROM " + one + " one_row";
  std::string const right = "SELECT other_row::text FROM " + other + " other_row";
  auto const rows = must(session.query("SELECT count(*) FROM ((" + left + " EXCEPT ALL " + right + ") UNION ALL (" +
                                       right + " EXCEPT ALL " + left + ")) d"));
  return rows.integer(0, 0);
}

// A PostgreSQL database that is source and warehouse at once: the test looks at it through `session`.
struct PostgresPlace {
  explicit PostgresPlace(std::string const& setup = "")
      : options(fresh_database()), session(must(pg::Session::connect(options))) {
    must(session.execute("SET search_path = public; " + setup));
    source = open_as("postgres");
  }
  std::unique_ptr<source::Source> open_as(std::string const& user) {
    source::SourceOptions as{.kind = source::SourceKind::Postgres};
    for (auto const& [key, value] : options.parameters) as.settings[key == "dbname" ? "database" : key] = value;
    as.settings["user"] = user;
    return must(source::open(as));
  }
  // Loads the whole table into public.loaded.
  std::uint64_t load_whole(std::string const& name) {
    auto const request = request_of(discover_table(*source, name));
    must(session.execute("DROP TABLE IF EXISTS public.loaded"));
    create_like(session, request, "public.loaded");
    return must(load(*source, request, session, "public.loaded"));
  }

  pg::SessionOptions options;
  pg::Session session;
  std::unique_ptr<source::Source> source;
};

}  // namespace weir::test
