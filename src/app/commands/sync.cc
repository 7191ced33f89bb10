// weir sync, sync ls, sync verify, sync reset, and release.
#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/progress.h"
#include "app/run_history.h"
#include "app/step_channel.h"
#include "app/sync_view.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/text.h"
#include "sync/sync.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

sync::Selection selection_of(Arguments const& arguments) {
  return sync::Selection{arguments.list("select"), arguments.list("exclude")};
}

// Statuses of several connections: the one they agree on, else 1.
void add_status(std::optional<int>& all, int one) {
  if (one == 0) return;
  all = all && *all != one ? 1 : one;
}

// Events of a run on standard output, one JSON object a line. At most two a second for each stream while it reads.
class EventLines {
 public:
  void write(sync::Progress const& progress) {
    auto const now = std::chrono::steady_clock::now();
    auto& last = last_[progress.stream];
    if (last.phase == progress.phase && last.attempt == progress.attempt &&
        now - last.at < std::chrono::milliseconds(500))
      return;
    last = Last{progress.phase, progress.attempt, now};
    Json event{{"type", "progress"},          {"stream", progress.stream}, {"phase", sync::phase_name(progress.phase)},
               {"attempt", progress.attempt}, {"rows", progress.rows},     {"bytes", progress.bytes}};
    if (progress.expected_rows >= 0) event["expected_rows"] = progress.expected_rows;
    if (!progress.note.empty()) event["note"] = progress.note;
    write_json(event, -1);
  }

 private:
  struct Last {
    sync::Phase phase = sync::Phase::Done;
    int attempt = 0;
    std::chrono::steady_clock::time_point at{};
  };
  std::map<std::string, Last> last_;
};

Result<int> attempts_of(Arguments const& arguments, int configured) {
  if (!arguments.has("attempts")) return configured;
  auto const number = parse_int(arguments.value("attempts"));
  if (!number || *number < 1 || *number > 1000)
    return Error(ErrorKind::Usage,
                 fmt::format("\"--attempts\" is a number from 1 to 1000, not \"{}\"", arguments.value("attempts")))
        .state("nothing was changed");
  return static_cast<int>(*number);
}

// One connection: plan, and carry out unless only the plan is asked for. `json` gets plan or report.
Result<int> sync_connection(Context& context, config::Connection connection, Json& json) {
  auto const& arguments = context.arguments();
  WEIR_TRY(connection.attempts, attempts_of(arguments, connection.attempts));
  Format const format = context.format();
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto endpoints, wire(*config, connection));
  sync::PlanOptions options;
  options.selection = selection_of(arguments);
  options.full_refresh = arguments.has("full-refresh");
  log_step("planning connection \"{}\"", connection.name);
  auto planned = sync::plan(connection, *endpoints, options);
  if (!planned.ok()) {
    auto& error = planned.error();
    if (error.kind() != ErrorKind::Usage && error.state().empty())
      error.state("nothing was loaded and nothing was changed");
    return std::move(planned).error();
  }
  sync::SyncPlan const plan = std::move(planned).value();
  if (arguments.has("plan")) {
    if (format == Format::Text) {
      write_out(logs(LogLevel::Step) ? sync::explain_text(plan) : plan_view(plan, context.terminal()));
    } else {
      json = sync::explain_json(plan);
    }
    if (!plan.refusals.empty()) return exit_code(plan.refusals.front().error.kind());
    return arguments.has("exit-code") && !plan.streams.empty() ? 3 : 0;
  }
  if (context.interrupt().asked()) return Error(ErrorKind::Cancelled, "stopped").state("nothing was changed");

  ProgressView view(connection.name, plan.streams.size(), context.terminal());
  EventLines events;
  sync::RunOptions run;
  run.job = step_job();
  run.stop = context.interrupt().token();
  run.on_progress = [&](sync::Progress const& progress) {
    view.update(progress);
    if (format == Format::NdJson) events.write(progress);
  };
  auto report = sync::run(plan, connection, *endpoints, run);
  view.close();
  if (!report.ok()) return std::move(report).error();
  json = sync::report_json(*report);
  tell_sync(context, json);
  if (format == Format::Text)
    write_out(logs(LogLevel::Step) ? sync::report_text(*report) : report_view(*report, context.terminal()));
  auto const failure = report->failure();
  return failure ? exit_code(*failure) : 0;
}

std::vector<std::string> held_streams(std::vector<sync::StreamState> const& states) {
  std::vector<std::string> names;
  for (auto const& state : states)
    if (state.waiting_load == "held") names.push_back(state.stream);
  return names;
}

}  // namespace

Result<int> run_sync(Context& context) {
  WEIR_TRY(auto connections, context.connections());
  Format const format = context.format();
  bool const plans = context.arguments().has("plan");
  if (format == Format::NdJson) write_json(Json{{"type", "version"}, {"format", "1.0"}}, -1);
  Json all = Json::array();
  std::optional<int> status;
  for (auto const* connection : connections) {
    Json json;
    auto done = sync_connection(context, *connection, json);
    if (!done.ok() && connections.size() == 1) return std::move(done).error();
    if (!done.ok()) {
      auto& error = done.error();
      error.context(fmt::format("syncing connection \"{}\"", connection->name));
      json = Json{{"connection", connection->name}, {"error", error.to_json()}};
      if (format == Format::Text) write_err(error.to_text() + "\n");
      add_status(status, exit_code(error.kind()));
    } else {
      add_status(status, *done);
    }
    if (format == Format::NdJson) {
      json["type"] = plans ? "plan" : "report";
      write_json(json, -1);
    }
    all.push_back(std::move(json));
    if (context.interrupt().asked()) break;
  }
  if (format == Format::Json) write_json(Json{{plans ? "plans" : "reports", std::move(all)}});
  return status.value_or(0);
}

Result<int> run_sync_ls(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto connections, context.connections());
  TextTable table({"table", "state", "rows", "published", "method", "waits", "last error"});
  Json json = Json::array();
  for (auto const* connection : connections) {
    WEIR_TRY(auto endpoints, wire(*config, *connection));
    WEIR_TRY(auto states, sync::list(*connection, *endpoints));
    json.push_back(Json{{"connection", connection->name}, {"streams", sync::list_json(states)}});
    for (auto const& state : states)
      table.add({connection->name + "/" + state.stream, state.outcome,
                 state.rows < 0 ? "" : format_count(static_cast<std::uint64_t>(state.rows)),
                 state.published_at.empty() ? "never" : state.published_at, state.method, state.waiting_load,
                 split(state.error, '\n').front()});
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else if (!table.empty()) {
    write_out(table.text(context.terminal()));
  } else {
    log_info("nothing was loaded yet");
  }
  return 0;
}

Result<int> run_sync_verify(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto connections, context.connections());
  TextTable table({"", "table", "source", "warehouse", "result"});
  Json json = Json::array();
  int status = 0;
  std::size_t compared = 0;
  Terminal const& terminal = context.terminal();
  for (auto const* connection : connections) {
    WEIR_TRY(auto endpoints, wire(*config, *connection));
    WEIR_TRY(auto results,
             sync::verify(*connection, *endpoints, selection_of(context.arguments()), context.interrupt().token()));
    json.push_back(Json{{"connection", connection->name}, {"streams", sync::verify_json(results)}});
    for (auto const& result : results) {
      std::string found = !result.compared ? "not compared: " + (result.error ? result.error->message() : result.why)
                          : result.equal   ? "equal"
                          : result.differing_columns.empty() ? "rows differ"
                                                             : "differs in " + join(result.differing_columns, ", ");
      bool const failed = (result.compared && !result.equal) || result.error.has_value();
      if (failed) status = 1;
      if (result.compared) ++compared;
      table.add({failed            ? terminal.paint(Colour::Red, "fail")
                 : result.compared ? terminal.paint(Colour::Green, "ok")
                                   : terminal.paint(Colour::Dim, "skip"),
                 connection->name + "/" + result.stream, format_count(result.source_rows),
                 format_count(result.warehouse_rows), std::move(found)});
    }
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else {
    write_out(table.text(terminal));
  }
  if (compared == 0) {
    log_info("nothing was compared");
    status = 1;  // who asks whether the tables are equal must not read a yes
  }
  return status;
}

Result<int> run_sync_reset(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const* connection, context.connection(context.arguments().positionals[0]));
  auto const selection = selection_of(context.arguments());
  WEIR_DO(context.confirm(
      fmt::format("forget the cursors of connection \"{}\"{}, so that the next run reads everything?", connection->name,
                  selection.include.empty() ? "" : fmt::format(" ({})", join(selection.include, ", "))),
      config->endpoints.at(connection->to)));
  WEIR_TRY(auto endpoints, wire(*config, *connection));
  WEIR_TRY(auto streams, sync::reset(*connection, *endpoints, selection));
  if (context.format() == Format::Json) {
    write_json(Json{{"connection", connection->name}, {"reset", streams}});
    return 0;
  }
  for (auto const& stream : streams) write_out(fmt::format("reset {}/{}\n", connection->name, stream));
  if (streams.empty()) log_info("no cursor was stored");
  return 0;
}

Result<int> run_release(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const* connection, context.connection(context.arguments().positionals[0]));
  WEIR_TRY(auto endpoints, wire(*config, *connection));
  WEIR_TRY(auto states, sync::list(*connection, *endpoints));
  auto const held = held_streams(states);
  auto const selection = selection_of(context.arguments());
  if (held.empty() && selection.include.empty()) {
    if (context.format() == Format::Json) write_json(Json{{"reports", Json::array()}});
    log_info("nothing of connection \"{}\" is held", connection->name);
    return 0;
  }
  WEIR_DO(context.confirm(fmt::format("publish what is held of connection \"{}\" ({})?", connection->name,
                                      join(selection.include.empty() ? held : selection.include, ", ")),
                          config->endpoints.at(connection->to)));
  sync::RunOptions run;
  run.stop = context.interrupt().token();
  WEIR_TRY(auto report, sync::release(*connection, *endpoints, selection, run));
  auto const json = sync::report_json(report);
  tell_sync(context, json);
  if (context.format() == Format::Json) {
    write_json(Json{{"reports", Json::array({json})}});
  } else {
    write_out(report_view(report, context.terminal()));
  }
  auto const failure = report.failure();
  return failure ? exit_code(*failure) : 0;
}

}  // namespace weir::app
