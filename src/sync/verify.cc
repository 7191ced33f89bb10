#include <algorithm>
#include <stop_token>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "source/copy_encode.h"
#include "sync/plan_stream.h"
#include "sync/row_hash.h"
#include "sync/select.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

using Json = nlohmann::ordered_json;

RowHash empty_hash(StreamPlan const& plan) {
  std::vector<bool> is_numeric;
  for (auto const& column : plan.table.columns) is_numeric.push_back(column.pg_type.starts_with("numeric"));
  return RowHash(std::move(is_numeric));
}

Status complete(RowHash const& hash) {
  if (hash.is_complete()) return {};
  return Error(ErrorKind::Internal, "a table's rows ended in the middle of one");
}

Result<RowHash> hash_source(StreamPlan const& plan, source::Source& source, std::stop_token const& stop) {
  source::ReadRequest request;
  request.table = plan.table;
  request.policies = plan.policies;
  WEIR_TRY(auto reader, source.read(request));
  std::stop_callback const on_stop(stop, [&] { reader->cancel(); });
  RowHash hash = empty_hash(plan);
  source::Batch batch;
  for (bool more = true; more;) {
    batch.rows = 0;
    batch.bytes.clear();
    WEIR_TRY(more, reader->next(batch));
    if (batch.rows > 0) {
      WEIR_DO(hash.add(batch.bytes));
    }
  }
  WEIR_DO(complete(hash));
  return hash;
}

// Cast to the planned types, so that both sides write the same bytes for the same value.
std::string warehouse_query(StreamPlan const& plan) {
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < plan.target_columns.size(); ++i)
    columns.push_back(fmt::format("{}::{}", sql::quote_pg(plan.target_columns[i]), plan.table.columns[i].pg_type));
  return fmt::format("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)", join(columns, ", "), plan.target.quoted());
}

Result<RowHash> hash_warehouse(StreamPlan const& plan, pg::Session& session, std::stop_token const& stop) {
  pg::Session::CancelOnStop const cancel(session, stop);
  RowHash hash = empty_hash(plan);
  WEIR_TRY(auto copy, session.copy_out(warehouse_query(plan)));
  std::size_t header = source::copy_binary_header().size();
  while (true) {
    WEIR_TRY(auto piece, copy.read());
    if (!piece) break;
    auto bytes = *piece;
    std::size_t const skipped = std::min(header, bytes.size());
    bytes.remove_prefix(skipped);
    header -= skipped;
    WEIR_DO(hash.add(bytes));
  }
  WEIR_DO(complete(hash));
  return hash;
}

std::string why_not_comparable(StreamPlan const& plan) {
  if (plan.mode == config::Mode::FullRefreshAppend || plan.mode == config::Mode::IncrementalAppend)
    return fmt::format("mode {} keeps rows that the source no longer has", mode_name(plan.mode));
  return "";
}

Result<bool> is_there(pg::Session& session, sql::QualifiedName const& target) {
  WEIR_TRY(auto rows, session.query("SELECT to_regclass($1) IS NOT NULL", {target.quoted()}));
  return rows.boolean(0, 0);
}

Status compare(StreamPlan const& plan, source::Source& source, pg::Session& session, std::stop_token const& stop,
               VerifyResult& result) {
  result.why = why_not_comparable(plan);
  WEIR_TRY(bool const there, is_there(session, plan.target));
  if (!there) result.why = "the table is not in the warehouse yet";
  if (!result.why.empty()) return {};
  WEIR_TRY(auto const theirs, hash_source(plan, source, stop));
  WEIR_TRY(auto const ours, hash_warehouse(plan, session, stop));
  result.compared = true;
  result.source_rows = theirs.rows();
  result.warehouse_rows = ours.rows();
  result.equal = theirs.rows() == ours.rows() && theirs.sum() == ours.sum();
  for (std::size_t i = 0; i < plan.target_columns.size(); ++i)
    if (theirs.columns()[i] != ours.columns()[i]) result.differing_columns.push_back(plan.target_columns[i]);
  if (result.equal) return {};
  result.why = result.source_rows != result.warehouse_rows ? "the number of rows differs"
               : result.differing_columns.empty()          ? "the same values stand in other rows"
                                                           : "values differ";
  if (is_deduped(plan.mode)) result.why += "; rows of one key are one row in the warehouse";
  return {};
}

VerifyResult failed(std::string stream, Error error) {
  VerifyResult result;
  result.stream = std::move(stream);
  result.why = error.message();
  result.error = std::move(error);
  return result;
}

Result<std::vector<VerifyResult>> verify_with(config::Connection const& connection, source::Source& source,
                                              pg::Session& session, Selection const& selection, std::stop_token stop) {
  WEIR_TRY(auto catalog, source.discover(discover_request(connection)));
  WEIR_TRY(auto selected, select_tables(connection, catalog, selection));
  std::vector<VerifyResult> results;
  for (SelectedTable const& one : selected.tables) {
    auto plan = plan_stream(connection, one, {}, false);
    if (!plan.ok()) {
      results.push_back(failed(one.table->text(), std::move(plan).error()));
      continue;
    }
    VerifyResult result;
    result.stream = plan->stream;
    result.target = plan->target.text();
    if (Status done = compare(*plan, source, session, stop, result); !done.ok()) {
      bool const ends_all = session.is_broken() || stop.stop_requested();
      if (ends_all) return std::move(done).error().context("verifying stream \"" + plan->stream + "\"");
      result.why = done.error().message();
      result.error = std::move(done).error();
    }
    results.push_back(std::move(result));
  }
  for (auto& refusal : selected.refusals) results.push_back(failed(refusal.stream, std::move(refusal.error)));
  return results;
}

}  // namespace

Result<std::vector<VerifyResult>> verify(config::Connection const& connection, Endpoints& endpoints,
                                         Selection const& selection, std::stop_token stop) {
  WEIR_TRY(auto source, endpoints.take_source());
  WEIR_TRY(auto session, endpoints.take_warehouse());
  auto results = verify_with(connection, *source, *session, selection, std::move(stop));
  if (results.ok()) endpoints.give_back(std::move(source));
  endpoints.give_back(std::move(session));
  return results;
}

nlohmann::ordered_json verify_json(std::vector<VerifyResult> const& results) {
  Json all = Json::array();
  for (auto const& result : results)
    all.push_back({{"stream", result.stream},
                   {"target", result.target.empty() ? Json() : Json(result.target)},
                   {"compared", result.compared},
                   {"equal", result.compared ? Json(result.equal) : Json()},
                   {"source_rows", result.compared ? Json(result.source_rows) : Json()},
                   {"warehouse_rows", result.compared ? Json(result.warehouse_rows) : Json()},
                   {"differing_columns", result.differing_columns},
                   {"why", result.why.empty() ? Json() : Json(result.why)},
                   {"error", result.error ? result.error->to_json() : Json()}});
  return all;
}

}  // namespace weir::sync
