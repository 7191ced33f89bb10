#pragma once
// For tests of publishing: refresh a table with the rows of a query, in one call.

#include <string>
#include <vector>

#include "swap/swap.h"
#include "unit/test_cluster.h"

namespace weir::test {

// A request whose columns are those of `select`, as the server describes them.
inline swap::Request request_of(pg::Session& session, sql::QualifiedName target, std::string const& select,
                                std::vector<std::string> key = {}, swap::Method method = swap::Method::Auto) {
  swap::Request request;
  request.target = std::move(target);
  request.key = std::move(key);
  request.method = method;
  must(session.execute("DROP VIEW IF EXISTS pg_temp.weir_shape; CREATE TEMP VIEW weir_shape AS " + select));
  auto rows =
      must(session.query("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                         "'pg_temp.weir_shape'::regclass AND attnum > 0 ORDER BY attnum"));
  for (std::size_t i = 0; i < rows.size(); ++i)
    request.columns.push_back(
        {.name = std::string(rows.text(i, 0)), .type = std::string(rows.text(i, 1)), .not_null = false});
  must(session.execute("DROP VIEW pg_temp.weir_shape"));
  for (auto& column : request.columns)
    for (auto const& name : request.key) column.not_null = column.not_null || column.name == name;
  return request;
}

// Copies the rows of `select` (run by a session of its own) into the load; the number of rows.
inline Result<std::uint64_t> fill(pg::Session& session, std::string const& copy_statement, std::string const& select) {
  WEIR_TRY(auto reader, pg::Session::connect(session.options()));
  WEIR_TRY(auto out, reader.copy_out("COPY (" + select + ") TO STDOUT (FORMAT binary)"));
  WEIR_TRY(auto in, session.copy_in(copy_statement));
  for (;;) {
    WEIR_TRY(auto piece, out.read());
    if (!piece) break;
    WEIR_DO(in.write(*piece));
  }
  return std::move(in).finish();
}

inline swap::PublishOptions publish_options(std::int64_t token = 1) {
  swap::PublishOptions options;
  options.scope = "test/stream";
  options.token = token;
  options.window = std::chrono::seconds(20);
  return options;
}

// capture, plan, rehearse, load, publish.
inline Result<swap::Report> refresh(pg::Session& session, swap::Request const& request, std::string const& select,
                                    swap::PublishOptions options = publish_options()) {
  WEIR_TRY(auto before, swap::capture(session, request.target));
  WEIR_TRY(auto plan, swap::plan(before, request));
  WEIR_TRY(auto rehearsal, swap::rehearse(session, plan));
  WEIR_TRY(auto load, swap::Load::begin(session, plan, options.scope, options.token, true));
  WEIR_TRY(std::uint64_t rows, fill(session, load.copy_statement(), select));
  WEIR_DO(load.finish(rows));
  return swap::publish(session, plan, load, options);
}

inline swap::Report must_refresh(pg::Session& session, sql::QualifiedName const& target, std::string const& select,
                                 std::vector<std::string> key = {}, swap::Method method = swap::Method::Auto) {
  return must(refresh(session, request_of(session, target, select, std::move(key), method), select));
}

inline std::string value(pg::Session& session, std::string const& sql) {
  auto rows = must(session.query(sql));
  return rows.size() == 0 ? "" : std::string(rows.text(0, 0));
}

inline pg::Session prepared_warehouse() {
  auto session = fresh_session();
  must(swap::prepare_warehouse(session));
  return session;
}

inline std::string rows_of(int first, int last, int version = 1) {
  return "SELECT i AS id, 'name ' || i AS name, (i * " + std::to_string(version) +
         ")::numeric(12,2) AS amount FROM generate_series(" + std::to_string(first) + ", " + std::to_string(last) +
         ") i";
}

}  // namespace weir::test
