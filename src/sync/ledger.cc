// Looking at what the warehouse remembers, and steering it: list, reset, release.

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sync/plan_stream.h"
#include "sync/publish_load.h"
#include "sync/select.h"
#include "sync/state.h"
#include "sync/stream_run.h"
#include "sync/sync.h"

namespace weir::sync {
namespace {

using Json = nlohmann::ordered_json;

StreamState state_of(pg::Rows const& rows, std::size_t row, std::string const& connection) {
  StreamState state;
  state.scope = rows.text(row, 0);
  state.stream = rows.is_null(row, 1) ? state.scope.substr(connection.size() + 1) : std::string(rows.text(row, 1));
  if (!rows.is_null(row, 3))
    state.target = sql::QualifiedName{std::string(rows.text(row, 2)), std::string(rows.text(row, 3))}.text();
  state.mode = rows.text(row, 4);
  state.method = rows.text(row, 5);
  state.outcome = rows.is_null(row, 6) ? "never run" : std::string(rows.text(row, 6));
  state.job = rows.integer(row, 7);
  state.rows = rows.is_null(row, 8) ? -1 : rows.integer(row, 8);
  state.finished_at = rows.text(row, 9);
  state.published_at = rows.text(row, 10);
  state.cursor_column = rows.text(row, 11);
  state.cursor_value = rows.text(row, 12);
  state.waiting_load = rows.text(row, 13);
  state.error = rows.text(row, 14);
  return state;
}

bool knows(std::vector<StreamState> const& streams, std::string const& stream) {
  return std::ranges::any_of(streams, [&](StreamState const& state) { return state.stream == stream; });
}

void add_configured(config::Connection const& connection, std::vector<StreamState>& streams) {
  for (auto const& pattern : connection.tables) {
    bool const is_name = pattern.pattern.find_first_of("*?") == std::string::npos;
    if (!pattern.enabled || !is_name || knows(streams, pattern.pattern)) continue;
    StreamState state;
    state.stream = pattern.pattern;
    state.scope = connection.name + "/" + pattern.pattern;
    state.mode = mode_name(pattern.options.mode);
    state.outcome = "never run";
    streams.push_back(std::move(state));
  }
}

Result<std::vector<StreamState>> list_with(config::Connection const& connection, pg::Session& session) {
  std::vector<StreamState> streams;
  WEIR_TRY(bool const there, has_state(session));
  if (there) {
    WEIR_TRY(auto rows, read_streams(session, connection.name));
    for (std::size_t row = 0; row < rows.size(); ++row) streams.push_back(state_of(rows, row, connection.name));
  }
  add_configured(connection, streams);
  std::ranges::sort(streams, {}, &StreamState::stream);
  return streams;
}

std::vector<std::string> names_of(std::vector<StreamState> const& streams) {
  std::vector<std::string> names;
  for (auto const& state : streams) names.push_back(state.stream);
  return names;
}

// The target that the stream was last loaded into, so that nobody loads it meanwhile.
Result<sql::QualifiedName> target_of(StreamState const& state) {
  if (state.target.empty()) return sql::QualifiedName{"", state.scope};
  return sql::parse_qualified_name(state.target);
}

Result<std::vector<std::string>> reset_with(config::Connection const& connection, pg::Session& session,
                                            Selection const& selection) {
  WEIR_TRY(auto streams, list_with(connection, session));
  WEIR_DO(check_selectors(selection, names_of(streams), connection.name));
  std::vector<std::string> forgotten;
  for (StreamState const& state : streams) {
    if (!wanted(selection, state.stream) || state.cursor_value.empty()) continue;
    WEIR_TRY(auto target, target_of(state));
    WEIR_TRY(auto token, lock_target(session, target, state.scope, "reset", 0));
    WEIR_DO(raise_fence(session, state.scope, token));
    WEIR_DO(forget_cursor(session, state.scope));
    WEIR_DO(unlock_targets(session));
    forgotten.push_back(state.stream);
  }
  return forgotten;
}

// ---- release --------------------------------------------------------------------------------------------------------

Error nothing_waits(std::string const& stream) {
  return Error(ErrorKind::Usage, fmt::format("no load of \"{}\" waits to be published", stream)).object(stream);
}

Status release_one(RunContext& context, Worker& worker, std::string const& scope, StreamReport& report) {
  WEIR_TRY(auto before, read_facts_of(*worker.session, scope));
  if (!before.load) return nothing_waits(report.stream);
  report.target = before.load->request.target;
  WEIR_TRY(auto token, lock_target(*worker.session, report.target, scope, context.instance, context.job));
  WEIR_DO(raise_fence(*worker.session, scope, token));
  WEIR_TRY(auto facts, read_facts_of(*worker.session, scope));
  if (!facts.load || facts.load->state == "loading") return nothing_waits(report.stream);
  LoadRecord record = std::move(*facts.load);
  record.token = token;
  record.job = context.job;
  WEIR_TRY(auto capture, swap::capture(*worker.session, report.target));
  WEIR_TRY(auto plan, swap::plan(capture, record.request));
  WEIR_TRY(auto load, swap::Load::adopt(*worker.session, plan, scope, token));
  if (!load || !load->ready() || load->rows() != record.rows) {
    if (load) {
      WEIR_DO(load->discard());
    }
    WEIR_DO(forget_load(*worker.session, scope));
    return Error(ErrorKind::Data, fmt::format("the load of \"{}\" that waited is not whole any more", report.stream))
        .object(report.stream)
        .cause("the table was changed meanwhile, or the server crashed: a load for a merge does not outlive that")
        .state("the load was dropped; the old rows are served")
        .next(fmt::format("load it again: weir sync {} -s {}", context.connection.name, report.stream));
  }
  report.rows_staged = load->rows();
  report.method = plan.method;
  report.method_reason = plan.reason;
  return publish_load(context, worker, plan, load, record, facts.rows, report);
}

StreamReport release_stream(RunContext& context, Worker& worker, StreamState const& state) {
  StreamReport report;
  report.stream = state.stream;
  report.scope = state.scope;
  report.attempts = 1;
  auto const begun = context.clock.monotonic();
  Status status = release_one(context, worker, state.scope, report);
  worker.tidy(status.ok() ? std::nullopt : std::optional(status.error().kind()));
  report.times[std::string(phase_name(Phase::Publishing))] = context.clock.monotonic() - begun;
  if (status.ok()) return report;
  report.outcome = Outcome::Failed;
  report.error = std::move(status).error().context("releasing stream \"" + state.stream + "\"");
  return report;
}

}  // namespace

Result<std::vector<StreamState>> list(config::Connection const& connection, Endpoints& endpoints) {
  WEIR_TRY(auto session, endpoints.take_warehouse());
  auto streams = list_with(connection, *session);
  endpoints.give_back(std::move(session));
  return streams;
}

nlohmann::ordered_json list_json(std::vector<StreamState> const& streams) {
  auto text = [](std::string const& value) { return value.empty() ? Json() : Json(value); };
  Json all = Json::array();
  for (auto const& state : streams)
    all.push_back({{"stream", state.stream},
                   {"target", text(state.target)},
                   {"mode", text(state.mode)},
                   {"method", text(state.method)},
                   {"outcome", state.outcome},
                   {"job", state.job == 0 ? Json() : Json(state.job)},
                   {"rows", state.rows < 0 ? Json() : Json(state.rows)},
                   {"finished_at", text(state.finished_at)},
                   {"published_at", text(state.published_at)},
                   {"cursor_column", text(state.cursor_column)},
                   {"cursor", text(state.cursor_value)},
                   {"waiting_load", text(state.waiting_load)},
                   {"error", text(state.error)}});
  return all;
}

Result<std::vector<std::string>> reset(config::Connection const& connection, Endpoints& endpoints,
                                       Selection const& selection) {
  WEIR_TRY(auto session, endpoints.take_warehouse());
  auto forgotten = reset_with(connection, *session, selection);
  if (unlock_targets(*session).ok()) endpoints.give_back(std::move(session));
  return forgotten;
}

Result<SyncReport> release(config::Connection const& connection, Endpoints& endpoints, Selection const& selection,
                           RunOptions const& options) {
  Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
  SyncReport report;
  report.connection = connection.name;
  report.started = clock.now();
  Worker worker;
  WEIR_TRY(worker.session, endpoints.take_warehouse());
  WEIR_DO(swap::prepare_warehouse(*worker.session));
  WEIR_TRY(auto streams, list_with(connection, *worker.session));
  WEIR_DO(check_selectors(selection, names_of(streams), connection.name));
  report.job = options.job;
  if (report.job == 0) {
    WEIR_TRY(report.job, next_job(*worker.session));
  }
  RunContext context{connection, endpoints, options, nullptr, clock, fmt::format("release-{}", report.job), report.job};
  for (StreamState const& state : streams) {
    bool const asked = !selection.include.empty() && wanted(selection, state.stream);
    bool const held = state.waiting_load == "held" && wanted(selection, state.stream);
    if (!asked && !held) continue;
    if (!worker.session) {
      WEIR_TRY(worker.session, endpoints.take_warehouse());
    }
    report.streams.push_back(release_stream(context, worker, state));
  }
  worker.give_back(endpoints);
  report.finished = clock.now();
  return report;
}

}  // namespace weir::sync
