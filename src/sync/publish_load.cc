#include "sync/publish_load.h"

#include <algorithm>
#include <iterator>

#include "swap/columns.h"

namespace weir::sync {
namespace {

// Rows that the table holds afterwards, where that is known without counting; else -1.
std::int64_t rows_to_come(LoadRecord const& record, std::int64_t rows_now) {
  auto const rows = static_cast<std::int64_t>(record.rows.value_or(0));
  if (record.request.operation == swap::Operation::Replace) return rows;
  if (record.request.operation == swap::Operation::Append && rows_now >= 0) return rows_now + rows;
  return -1;
}

bool changed_nothing(swap::Report const& published, LoadRecord const& record, bool creates) {
  if (creates || published.inserted + published.updated + published.deleted > 0) return false;
  if (record.request.operation == swap::Operation::Append) return record.rows == 0;
  return record.request.operation == swap::Operation::Upsert || published.method == swap::Method::Merge;
}

void fill_report(StreamReport& report, swap::Report const& published, LoadRecord const& record, std::int64_t rows_now,
                 bool creates) {
  report.method = published.method;
  report.inserted = published.inserted;
  report.updated = published.updated;
  report.deleted = published.deleted;
  report.locked = published.locked;
  report.dependents_verified = published.dependents_verified;
  if (report.rows_before < 0) report.rows_before = static_cast<std::int64_t>(published.rows_before);
  std::int64_t const expected = rows_to_come(record, rows_now);
  report.rows_after = expected >= 0 ? expected : static_cast<std::int64_t>(published.rows_after);
  report.notes.insert(report.notes.end(), published.notes.begin(), published.notes.end());
  report.outcome = changed_nothing(published, record, creates) ? Outcome::Unchanged : Outcome::Published;
}

// The columns that are others than before, and those that the source has no more while the table keeps them.
std::vector<swap::ColumnAction> changes_of(swap::Plan const& plan) {
  std::vector<swap::ColumnAction> changes;
  if (plan.creates_table) return changes;
  std::ranges::copy_if(plan.columns, std::back_inserter(changes),
                       [](auto const& one) { return !one.is_users && one.action != "fill shadow"; });
  return changes;
}

// The ledger row stands in the publishing transaction: with it, the publish is done; without it, nothing happened.
Status find_out(RunContext& context, Worker& worker, LoadRecord const& record, std::int64_t rows_now,
                StreamReport& report, Error in_doubt) {
  worker.session.reset();
  for (int tries = 0; tries < 30 && !context.options.stop.stop_requested(); ++tries) {
    if (tries > 0) context.clock.sleep(std::chrono::seconds(1), context.options.stop);
    if (!worker.open_warehouse(context.endpoints).ok()) continue;
    auto const published = was_published(*worker.session, record);
    if (!published.ok()) continue;
    if (!*published)
      return Error(ErrorKind::Unavailable, "the connection was lost at COMMIT, and nothing was committed")
          .state("the finished load is kept and is published by the next attempt");
    report.outcome = Outcome::Published;
    report.rows_after = rows_to_come(record, rows_now);
    report.notes.emplace_back("the answer to COMMIT was lost; the warehouse's ledger says that it was done");
    return {};
  }
  return in_doubt;
}

// What this load brings, and what the source dropped while the table keeps it for its dependents: that is no column of
// its users.
std::vector<std::string> columns_of_ours(swap::Plan const& plan, LoadRecord const& record) {
  std::vector<std::string> names;
  for (auto const& column : record.request.columns) names.push_back(column.name);
  if (!plan.column_plan || !plan.request.loaded_before) return names;
  for (auto const& column : *plan.request.loaded_before)
    if (plan.column_plan->find(column) != nullptr && std::ranges::find(names, column) == names.end())
      names.push_back(column);
  return names;
}

}  // namespace

Status publish_load(RunContext& context, Worker& worker, swap::Plan const& plan, std::optional<swap::Load>& load,
                    LoadRecord const& record, std::int64_t rows_now, StreamReport& report) {
  swap::PublishOptions options;
  options.scope = record.scope;
  options.token = record.token;
  options.window = context.connection.publish_window;
  options.stop = context.options.stop;
  auto const method = std::string(swap::method_name(plan.method));
  options.in_transaction = [&](pg::Session& session) {
    return write_publish(session, record, method, rows_to_come(record, rows_now), columns_of_ours(plan, record));
  };
  auto published = swap::publish(*worker.session, plan, *load, options);
  if (published.ok() || published.error().kind() == ErrorKind::InDoubt) report.columns = changes_of(plan);
  if (published.ok()) {
    fill_report(report, *published, record, rows_now, plan.creates_table);
    if (rows_to_come(record, rows_now) >= 0 || published->rows_after == 0) return {};
    Status noted = write_rows(*worker.session, record.scope, static_cast<std::int64_t>(published->rows_after));
    if (!noted.ok()) report.notes.push_back("the number of rows is not in the ledger: " + noted.error().message());
    return {};  // the rows are published, whatever happens to the session now
  }
  ErrorKind const kind = published.error().kind();
  if (kind == ErrorKind::InDoubt) {
    load.reset();
    return find_out(context, worker, record, rows_now, report, std::move(published).error());
  }
  bool const waits = kind == ErrorKind::Busy || kind == ErrorKind::Unavailable || kind == ErrorKind::Cancelled;
  if (!waits && !worker.session->is_broken() && load->discard().ok()) {
    WEIR_DO(forget_load(*worker.session, record.scope));
  }
  return std::move(published).error();
}

}  // namespace weir::sync
