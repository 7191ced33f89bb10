// A whole run: hooks, schemas, the graph of nodes on several threads, what the console says, artifacts.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/artifact.h"
#include "base/file.h"
#include "base/text.h"
#include "build/compile.h"
#include "build/hooks.h"
#include "build/materialize.h"
#include "build/node_run.h"
#include "build/query_comment.h"
#include "build/schedule.h"
#include "build/show.h"
#include "build/statements.h"
#include "build/together.h"
#include "project/templates.h"
#include "sql/name.h"
#include "swap/fence.h"
#include "swap/swap.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Data;
using project::Node;
using project::NodeKind;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

bool builds(Command command) {
  return command == Command::Run || command == Command::Build || command == Command::Test || command == Command::Seed ||
         command == Command::Snapshot || command == Command::Clone;
}

bool has_hooks(Command command) {
  return builds(command) && command != Command::Clone;
}

std::string kind_phrase(Node const& node) {
  if (node.kind == NodeKind::Model) return node.materialized() + " model";
  return std::string(kind_name(node.kind));
}

// 1 test, 2 data tests, 3 unit tests, 4 materialized view models.
std::string counted(std::map<std::string, std::size_t> const& counts) {
  std::vector<std::string> parts;
  for (auto const& [name, count] : counts) {
    std::string const many = name == "test" ? "data tests" : name == "saved_query" ? "saved_queries" : name + "s";
    std::string part = fmt::format("{} {}", count, count == 1 ? name : many);
    std::replace(part.begin(), part.end(), '_', ' ');
    parts.push_back(std::move(part));
  }
  return join(parts, ", ");
}

std::string duration_text(double seconds) {
  auto const whole = static_cast<std::int64_t>(seconds);
  return fmt::format(" in {} hours {} minutes and {:.2f} seconds", whole / 3600, whole / 60 % 60,
                     seconds - static_cast<double>(whole / 60 * 60));
}

// ------------------------------------------------------------------------------------------------- console lines

struct Line {
  std::string text, status;
  Level level = Level::Info;
};

Line result_text(Node const& node, NodeResult const& result, EventLog const& log) {
  std::string const what = describe(node);
  std::string const message = result.message.value_or("");
  std::string const relation = fmt::format("{}.{}", node.schema, node.alias);
  bool const failed = result.status == NodeStatus::Error || result.status == NodeStatus::RuntimeError;
  switch (node.kind) {
    case NodeKind::Test:
      if (failed) return {"ERROR " + node.name, log.red("ERROR"), Level::Error};
      if (result.status == NodeStatus::Pass) return {"PASS " + node.name, log.green("PASS"), Level::Info};
      if (result.status == NodeStatus::Warn)
        return {fmt::format("WARN {} {}", result.failures.value_or(0), node.name),
                log.yellow(fmt::format("WARN {}", result.failures.value_or(0))), Level::Warn};
      return {fmt::format("FAIL {} {}", result.failures.value_or(0), node.name),
              log.red(fmt::format("FAIL {}", result.failures.value_or(0))), Level::Error};
    case NodeKind::UnitTest: {
      auto const name = fmt::format("{}::{}", node.unit_test->model, node.name);
      if (failed) return {"ERROR " + name, log.red("ERROR"), Level::Error};
      return result.status == NodeStatus::Pass
                 ? Line{"PASS " + name, log.green("PASS"), Level::Info}
                 : Line{fmt::format("FAIL {} {}", result.failures.value_or(0), name),
                        log.red(fmt::format("FAIL {}", result.failures.value_or(0))), Level::Error};
    }
    case NodeKind::Exposure:
    case NodeKind::SavedQuery:
      return {"NO-OP " + what, log.yellow("NO-OP"), Level::Info};
    case NodeKind::Seed:
      return failed ? Line{"ERROR loading seed file " + relation, log.red("ERROR"), Level::Error}
                    : Line{"OK loaded seed file " + relation, log.green(message), Level::Info};
    case NodeKind::Snapshot:
      return failed ? Line{"ERROR snapshotting " + relation, log.red("ERROR"), Level::Error}
                    : Line{"OK snapshotted " + relation, log.green(message), Level::Info};
    default:
      if (result.status == NodeStatus::PartialSuccess)
        return {"PARTIAL SUCCESS creating " + what, log.yellow(message), Level::Warn};
      return failed ? Line{"ERROR creating " + what, log.red("ERROR"), Level::Error}
                    : Line{"OK created " + what, log.green(message), Level::Info};
  }
}

Data::Dict node_info(Node const& node, std::string_view status) {
  return {{"materialized", Data(node.materialized())},
          {"node_name", Data(node.name)},
          {"node_path", Data(node.path)},
          {"node_relation", Data(Data::Dict{{"alias", Data(node.alias)},
                                            {"database", Data(node.database)},
                                            {"relation_name", Data(node.relation_name.value_or(""))},
                                            {"schema", Data(node.schema)}})},
          {"node_status", Data(status)},
          {"resource_type", Data(std::string(kind_name(node.kind)))},
          {"unique_id", Data(node.unique_id)}};
}

std::string_view result_event(Node const& node) {
  switch (node.kind) {
    case NodeKind::Test:
    case NodeKind::UnitTest:
      return "LogTestResult";
    case NodeKind::Seed:
      return "LogSeedResult";
    case NodeKind::Snapshot:
      return "LogSnapshotResult";
    case NodeKind::Exposure:
    case NodeKind::SavedQuery:
      return "LogNodeNoOpResult";
    default:
      return "LogModelResult";
  }
}
std::string_view result_code(Node const& node) {
  switch (node.kind) {
    case NodeKind::Test:
    case NodeKind::UnitTest:
      return "Q007";
    case NodeKind::Seed:
      return "Q016";
    case NodeKind::Snapshot:
      return "Q015";
    case NodeKind::Exposure:
    case NodeKind::SavedQuery:
      return "Q019";
    default:
      return "Q012";
  }
}

// -------------------------------------------------------------------------------------------------------- the run

class Runner {
 public:
  Runner(RunState& run, BuildPlan plan) : run_(run), plan_(std::move(plan)) {
    for (ItemIndex item = 0; item < plan_.nodes.size(); ++item) total_ += node_of(item).is_ephemeral() ? 0U : 1U;
  }

  Result<RunReport> go() {
    auto const begin = std::chrono::steady_clock::now();
    std::error_code failure;
    std::filesystem::create_directories(run_.options.target_folder, failure);
    if (plan_.nodes.empty()) return nothing_to_do();
    Worker main(run_.manifest.target(), run_.options.stop, "MainThread", run_.log);
    WEIR_DO(name_statements(run_, main, "master", nullptr));
    WEIR_DO(arrange_together(main));
    say_beginning();
    if (builds(run_.options.command)) {
      WEIR_DO(prepare(main));
    }
    WEIR_TRY(bool const started, run_start_hooks(main));
    bool const began = started || !run_.options.skip_behind_failed_start;
    if (began) {
      carry_out_nodes();
    } else {
      for (ItemIndex item = 0; item < plan_.nodes.size(); ++item) skip(item, item);
    }
    if (together_) publish_together(main);
    if (has_hooks(run_.options.command)) {
      WEIR_DO(run_project_hooks(run_, main, "on-run-end", began));
    }
    RunReport report;
    report.seconds = seconds_since(begin);
    report.results = run_.take_results();
    report.args = run_.options.args;
    report.invocation_id = run_.options.invocation_id;
    report.started_at = run_.options.started_at;
    report.cancelled = run_.options.stop.stop_requested();
    if (run_.options.show_seeds) {
      WEIR_DO(show_seeds(main, report));
    }
    say_end(report);
    WEIR_DO(write_results(report));
    return report;
  }

 private:
  // False if one failed. Where a template fails nothing is built.
  Result<bool> run_start_hooks(Worker& main) {
    if (!has_hooks(run_.options.command)) return true;
    auto started = run_project_hooks(run_, main, "on-run-start");
    if (started.ok()) return started;
    if (together_) discard_together();
    return std::move(started).error().state("nothing was built");
  }

  Result<RunReport> nothing_to_do() {
    run_.log.write({"NothingToDo",
                    "Q035",
                    Level::Warn,
                    "Nothing to do. Try checking your model configs and model specification args",
                    {},
                    false});
    RunReport report;
    report.args = run_.options.args;
    report.invocation_id = run_.options.invocation_id;
    report.started_at = run_.options.started_at;
    WEIR_DO(write_results(report));
    return report;
  }

  Status write_results(RunReport const& report) {
    if (!run_.options.write_json) return {};
    if (auto const compiled = run_.compiled_facts();
        !compiled.empty() || run_.options.command == Command::DocsGenerate) {
      WEIR_DO(write_artifact(run_.options.target_folder / "manifest.json",
                             project::manifest_json(run_.manifest, compiled)));
    }
    return write_file(run_.options.target_folder / "run_results.json", run_results_json(report));
  }

  Node const& node_of(ItemIndex item) const { return run_.manifest.nodes()[plan_.nodes[item].node]; }

  void say_beginning() {
    auto& log = run_.log;
    log.line();
    log.write({"ConcurrencyLine",
               "Q027",
               Level::Info,
               fmt::format("Concurrency: {} threads (target='{}')", run_.options.threads, run_.manifest.target().name),
               {{"node_count", Data(static_cast<std::int64_t>(total_))},
                {"num_threads", Data(static_cast<std::int64_t>(run_.options.threads))},
                {"target_name", Data(run_.manifest.target().name)}},
               false});
    log.line();
  }

  // Schemas that are missing, weir's own, and what the warehouse holds.
  Status prepare(Worker& worker) {
    WEIR_TRY(auto* session, worker.session());
    WEIR_DO(swap::prepare_warehouse(*session));
    WEIR_DO(swap::raise_job_fence(*session));
    std::set<std::string> wanted;
    for (auto const& one : plan_.nodes) {
      auto const& node = run_.manifest.nodes()[one.node];
      if (node.is_ephemeral()) continue;
      if (node.is_relational() || node.kind == NodeKind::Function || stores_failures(node)) wanted.insert(node.schema);
    }
    std::vector<std::string> schemas(wanted.begin(), wanted.end());
    WEIR_TRY(auto const rows, worker.execute("select nspname from pg_catalog.pg_namespace"));
    std::vector<std::string> present;
    for (std::size_t i = 0; i < rows.size(); ++i) wanted.erase(present.emplace_back(rows.text(i, 0)));
    for (auto const& schema : wanted) {
      WEIR_DO(worker.execute("create schema if not exists " + sql::quote_pg(schema)));
    }
    WEIR_DO(worker.commit());
    WEIR_TRY(auto const abandoned, swap::remove_abandoned_stages(*session, present));
    for (auto const& line : abandoned) run_.log.note(Level::Info, line);
    if (together_) {
      WEIR_DO(together_->begin(worker));
    }
    WEIR_DO(run_.cache.read(worker, schemas));
    return worker.rollback();
  }

  bool stores_failures(Node const& node) const {
    if (node.kind != NodeKind::Test) return false;
    auto const& own = node.config["store_failures"];
    return own.is_none() ? run_.options.store_failures : own.truth();
  }

  // ---- nodes

  void carry_out_nodes() {
    Schedule schedule;
    schedule.threads = std::min(run_.options.threads, std::max<std::size_t>(plan_.nodes.size(), 1));
    schedule.fail_fast = run_.options.fail_fast;
    schedule.stop = run_.options.stop;
    for (auto const& node : plan_.nodes) schedule.waits_for.push_back(node.waits_for);
    for (std::size_t i = 0; i < schedule.threads; ++i)
      workers_.push_back(std::make_unique<Worker>(run_.manifest.target(), run_.options.stop,
                                                  fmt::format("Thread-{} (worker)", i + 1), run_.log));
    for (auto& worker : workers_) worker->is_offline = !run_.options.introspect && !builds(run_.options.command);
    carry_out(schedule, {[this](ItemIndex item, std::size_t worker) { return one(item, *workers_[worker]); },
                         [this](ItemIndex item, ItemIndex cause) { skip(item, cause); }});
  }

  ItemOutcome one(ItemIndex item, Worker& worker) {
    set_thread_name(worker.name());
    auto const& node = node_of(item);
    auto& log = run_.log;
    if (has_no_result(node)) return compile_ephemeral(item, worker);
    bool const quiet = !builds(run_.options.command);
    auto const index = ++begun_;
    if (!quiet && !is_no_operation(node))
      log.write({"LogStartLine",
                 "Q011",
                 Level::Info,
                 log.result_line("START " + describe(node), "RUN", index, total_),
                 {{"description", Data(describe(node))},
                  {"index", Data(static_cast<std::int64_t>(index))},
                  {"node_info", Data(node_info(node, "started"))},
                  {"total", Data(static_cast<std::int64_t>(total_))}},
                 false});
    auto result = carry_out_node(run_, worker, plan_.nodes[item].node);
    auto const status = result.status;
    if (run_.options.stop.stop_requested() && is_failure(status))
      log.write({"LogCancelLine",
                 "Q022",
                 Level::Error,
                 log.plain_line("CANCEL query " + node.unique_id, log.red("CANCEL")),
                 {{"conn_name", Data(node.unique_id)}},
                 false});
    auto line = result_text(node, result, log);
    if (quiet) line.text = "ERROR compiling " + describe(node);
    if (!quiet || is_failure(status))
      log.write({std::string(result_event(node)),
                 std::string(result_code(node)),
                 line.level,
                 log.result_line(line.text, line.status, index, total_, result.seconds),
                 {{"description", Data(describe(node))},
                  {"execution_time", Data(result.seconds)},
                  {"index", Data(static_cast<std::int64_t>(index))},
                  {"node_info", Data(node_info(node, status_text(status)))},
                  {"status", Data(result.message.value_or(std::string(status_text(status))))},
                  {"total", Data(static_cast<std::int64_t>(total_))}},
                 false});
    for (auto const& note : result.notes) log.note(Level::Info, "  " + note);
    run_.add(std::move(result));
    return is_failure(status) ? ItemOutcome::Failed : ItemOutcome::Done;
  }

  // As in dbt: an ephemeral model has one where it was asked for to be compiled or shown.
  bool has_no_result(Node const& node) const {
    auto const command = run_.options.command;
    bool const asked_for =
        (command == Command::Compile || command == Command::Show) && run_.options.args["select"].truth();
    return node.is_ephemeral() && !asked_for;
  }

  // Has no result of its own: what is built on it is skipped, and says why.
  ItemOutcome compile_ephemeral(ItemIndex item, Worker& worker) {
    auto const result = carry_out_node(run_, worker, plan_.nodes[item].node);
    if (result.status != NodeStatus::Error) return ItemOutcome::Done;
    auto& log = run_.log;
    log.write({"LogModelResult", "Q012", Level::Error, "ERROR compiling " + describe(node_of(item)), {}, false});
    log.note(Level::Error, "  " + result.message.value_or(""));
    return ItemOutcome::Failed;
  }

  // An ephemeral model has no result that says what is wrong with it.
  std::string why_skipped(Node const& node, Node const& cause) const {
    if (has_no_result(cause))
      return fmt::format("Compilation Error in {}: the ephemeral model {} cannot be compiled", node.unique_id,
                         cause.unique_id);
    return fmt::format("Skipping because \"{}\" failed", cause.unique_id);
  }

  void skip(ItemIndex item, ItemIndex cause) {
    auto const& node = node_of(item);
    auto& log = run_.log;
    if (has_no_result(node)) return;
    auto const index = ++begun_;
    std::string const what = node.kind == NodeKind::Test ? "test " + node.name
                             : is_no_operation(node)     ? describe(node)
                             : node.kind == NodeKind::UnitTest
                                 ? fmt::format("unit_test {}::{}", node.unit_test->model, node.name)
                                 : fmt::format("relation {}.{}", node.schema, node.alias);
    log.write({"SkippingDetails",
               "Q034",
               Level::Info,
               log.result_line("SKIP " + what, log.yellow("SKIP"), index, total_),
               {{"index", Data(static_cast<std::int64_t>(index))},
                {"node_info", Data(node_info(node, "skipped"))},
                {"total", Data(static_cast<std::int64_t>(total_))}},
               false});
    NodeResult result;
    result.node = plan_.nodes[item].node;
    result.unique_id = node.unique_id;
    result.status = NodeStatus::Skipped;
    result.thread = thread_name();
    result.relation_name = node.relation_name;
    if (cause != item) result.message = why_skipped(node, node_of(cause));
    run_.add(std::move(result));
  }

  // ---- --publish together

  Status arrange_together(Worker& main) {
    if (!run_.options.publish_together || !builds(run_.options.command)) return {};
    std::vector<project::NodeIndex> nodes;
    for (auto const& one : plan_.nodes) nodes.push_back(one.node);
    together_ = std::make_unique<Together>(run_, std::move(nodes));
    run_.together = together_.get();
    return together_->check(main);
  }

  // Why nothing may be published, or nothing.
  std::optional<std::string> why_not_published() const {
    if (run_.options.stop.stop_requested()) return "the run was ended";
    std::string first;
    std::size_t failed = 0, skipped = 0;
    for (auto const& result : run_.results()) {
      if (result.status == NodeStatus::Skipped) ++skipped;
      if (is_failure(result.status) && ++failed == 1) first = result.unique_id;
    }
    if (failed > 1) return fmt::format("{} failed, {} the first", plural(failed, "node"), first);
    if (failed == 1) return first + " failed";
    return skipped > 0 ? std::optional(plural(skipped, "node") + " did not run") : std::nullopt;
  }

  void publish_together(Worker& main) {
    auto const count = together_->size();
    auto why = why_not_published();
    Together::Outcome outcome;
    if (!why && count > 0) {
      outcome = together_->publish(main);
      if (outcome.failed && outcome.failed->kind() == ErrorKind::Cancelled) {
        outcome.failed.reset();
        why = "the run was ended";
      }
      if (outcome.failed)
        why = fmt::format("{}: {}", outcome.failed_at.empty() ? "publishing failed" : outcome.failed_at + " failed",
                          outcome.failed->message());
    }
    run_.log.line();
    if (!why) {
      note_published(outcome);
      if (count > 0)
        run_.log.note(Level::Info, fmt::format("Published {} in one transaction", plural(count, "relation")));
      // A run without relations of its own leaves its schemas.
      if (count == 0) discard_together();
      return;
    }
    withdraw(outcome, *why);
    discard_together();
    run_.log.note(Level::Error, fmt::format("Nothing was published: {}", *why));
    if (outcome.failed) run_.log.note(Level::Error, indent(outcome.failed->to_text(), 2));
  }

  // On a session of its own: it must be done also where the run was ended.
  void discard_together() {
    Worker worker(run_.manifest.target(), {}, "MainThread", run_.log);
    auto const discarded = together_->discard(worker);
    if (!discarded.ok())
      run_.log.note(Level::Warn, "what was built stays until the next run removes it: " + discarded.error().message());
  }

  void note_published(Together::Outcome& outcome) {
    auto results = run_.take_results();
    for (auto& result : results) {
      for (auto& note : outcome.notes[result.unique_id]) {
        run_.log.note(Level::Info, fmt::format("  {}: {}", result.unique_id, note));
        result.notes.push_back(std::move(note));
      }
      auto const failed = outcome.behind.find(result.unique_id);
      if (failed != outcome.behind.end()) set_error(result, std::move(failed->second));
      run_.add(std::move(result));
    }
  }

  // What was built is not there: `retry` builds it again.
  void withdraw(Together::Outcome& outcome, std::string const& why) {
    bool const is_known = !outcome.failed || outcome.failed->kind() != ErrorKind::InDoubt;
    auto results = run_.take_results();
    bool is_blamed = !outcome.failed;
    for (auto& result : results) {
      auto const* node = run_.manifest.find(result.unique_id);
      if (node != nullptr && together_->holds(*node) && result.status == NodeStatus::Success) {
        result.status = NodeStatus::Skipped;
        result.message =
            fmt::format("{}: {}", is_known ? "built, and not published" : "not known whether it was published", why);
        bool const is_the_one = outcome.failed && (outcome.failed_at.empty() || outcome.failed_at == result.unique_id);
        if (is_the_one && !is_blamed) {
          set_error(result, outcome.failed->clone());
          is_blamed = true;
        }
      }
      run_.add(std::move(result));
    }
  }

  void set_error(NodeResult& result, Error error) {
    result.status = NodeStatus::Error;
    if (auto const* node = run_.manifest.find(result.unique_id))
      result.message = run_.as_published(error_message(*node, error));
    result.error = std::move(error);
  }

  // ---- the end

  // --show: the first rows of what was loaded.
  Status show_seeds(Worker& worker, RunReport const& report) {
    constexpr std::size_t kShown = 10;
    for (auto const& result : report.results) {
      auto const* node = run_.manifest.find(result.unique_id);
      if (node == nullptr || node->kind != NodeKind::Seed || result.status != NodeStatus::Success) continue;
      WEIR_TRY(auto const rows,
               worker.execute(fmt::format("select * from {} limit {}", node->relation_name.value_or(""), kShown)));
      auto const heading = fmt::format("First rows of table: {}.{}", node->schema, node->alias);
      run_.log.line();
      run_.log.write({"SeedHeader", "Q004", Level::Info, heading, {{"header", Data(heading)}}, false});
      run_.log.line(std::string(heading.size(), '-'));
      run_.log.line(grid_text(table_from(rows)));
    }
    return worker.rollback();
  }

  void say_end(RunReport const& report) {
    auto& log = run_.log;
    if (!builds(run_.options.command)) return say_failures(report);
    std::map<std::string, std::size_t> kinds;
    for (auto const& result : report.results) {
      auto const* node = run_.manifest.find(result.unique_id);
      ++kinds[node == nullptr || node->kind == NodeKind::Operation ? "project hook" : kind_phrase(*node)];
    }
    log.line();
    log.write(
        {"FinishedRunningStats",
         "E047",
         Level::Info,
         fmt::format("Finished running {}{} ({:.2f}s).", counted(kinds), duration_text(report.seconds), report.seconds),
         {{"execution", Data(duration_text(report.seconds))},
          {"execution_time", Data(report.seconds)},
          {"stat_line", Data(counted(kinds))}},
         false});
    log.line();
    std::int64_t pass = 0, warn = 0, error = 0, skipped = 0, partial = 0, idle = 0;
    for (auto const& result : report.results) {
      switch (result.status) {
        case NodeStatus::Warn:
          ++warn;
          break;
        case NodeStatus::Skipped:
          ++skipped;
          break;
        case NodeStatus::NoOp:
          ++idle;
          break;
        case NodeStatus::PartialSuccess:
          ++partial;
          ++error;
          break;
        default:
          is_failure(result.status) ? ++error : ++pass;
      }
    }
    std::string const ending =
        report.cancelled          ? log.yellow("Exited because of keyboard interrupt")
        : error == 0 && warn == 0 ? log.green("Completed successfully")
        : error == 0              ? log.yellow(fmt::format("Completed with {} warning{}:", warn, warn == 1 ? "" : "s"))
                     : log.red(fmt::format("Completed with {} error{}, {} partial success{}, and {} warning{}:", error,
                                           error == 1 ? "" : "s", partial, partial == 1 ? "" : "es", warn,
                                           warn == 1 ? "" : "s"));
    log.write({"EndOfRunSummary",
               "Z030",
               Level::Info,
               ending,
               {{"keyboard_interrupt", Data(report.cancelled)},
                {"num_errors", Data(error)},
                {"num_partial_success", Data(partial)},
                {"num_warnings", Data(warn)}},
               false});
    say_failures(report);
    log.line();
    log.write({"StatsLine",
               "Z023",
               Level::Info,
               fmt::format("Done. PASS={} WARN={} ERROR={} SKIP={} NO-OP={} TOTAL={}", pass, warn, error, skipped, idle,
                           report.results.size()),
               {{"stats", Data(Data::Dict{{"error", Data(error)},
                                          {"noop", Data(idle)},
                                          {"pass", Data(pass)},
                                          {"skip", Data(skipped)},
                                          {"total", Data(static_cast<std::int64_t>(report.results.size()))},
                                          {"warn", Data(warn)}})}},
               false});
  }

  void say_failures(RunReport const& report) {
    auto& log = run_.log;
    for (auto const& result : report.results) {
      auto const* node = run_.manifest.find(result.unique_id);
      if (!is_failure(result.status) && result.status != NodeStatus::Warn) continue;
      log.line();
      bool const is_warning = result.status == NodeStatus::Warn;
      auto const level = is_warning ? Level::Warn : Level::Error;
      if (node != nullptr && (result.status == NodeStatus::Fail || is_warning)) {
        auto const heading = fmt::format("{} in {} {} ({})", is_warning ? "Warning" : "Failure", kind_name(node->kind),
                                         node->name, node->original_file_path);
        log.write({"RunResultFailure", "Z024", level, is_warning ? log.yellow(heading) : log.red(heading), {}, false});
      }
      log.write({"RunResultError",
                 "Z024",
                 level,
                 "  " + result.message.value_or(""),
                 {{"msg", Data(result.message.value_or(""))}},
                 false});
      if (node != nullptr && result.is_compiled && node->kind != NodeKind::Operation) {
        log.line();
        std::string path = node->original_file_path;
        if (node->generic_test)
          path += "/" + node->path.substr(node->path.rfind('/') == std::string::npos ? 0 : node->path.rfind('/') + 1);
        log.write({"SQLCompiledPath",
                   "Z026",
                   Level::Info,
                   fmt::format("  compiled code at {}/compiled/{}/{}", run_.options.target_folder.filename().string(),
                               node->package_name, path),
                   {},
                   false});
      }
      if (node != nullptr && stores_failures(*node) && node->relation_name && !is_warning) {
        std::string const query = "select * from " + *node->relation_name;
        std::string const rule(query.size(), '-');
        log.line();
        log.write({"CheckNodeTestFailure",
                   "Z027",
                   Level::Info,
                   fmt::format("  See test failures:\n  {}\n  {}\n  {}", rule, query, rule),
                   {},
                   false});
      }
    }
  }

  RunState& run_;
  BuildPlan plan_;
  std::unique_ptr<Together> together_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t total_ = 0;  // nodes that have a result: not ephemeral ones
  std::atomic<std::size_t> begun_{0};
};

project::MacroCode const* macro_of(RunContext const& context, std::string const& name) {
  auto const dot = name.find('.');
  auto const& library = *context.facts().library;
  return dot == std::string::npos ? library.find(context.package(), name)
                                  : library.find_in(name.substr(0, dot), name.substr(dot + 1));
}

Status carry_out_operation(RunContext& context, OperationOptions const& operation) {
  if (!operation.sql.empty()) {
    WEIR_TRY(auto const text, context.render("--sql", operation.sql));
    WEIR_TRY(auto const ignored, run_statement(context, text, true));
  } else {
    auto const* code = macro_of(context, operation.macro);
    auto const& library = *context.facts().library;
    if (code == nullptr)
      return Error(ErrorKind::Usage, fmt::format("there is no macro \"{}\"", operation.macro))
          .object(operation.macro)
          .state("nothing was run")
          .next(did_you_mean(operation.macro, library.names()));
    std::vector<jinja::Named> arguments;
    for (auto const& [name, value] : operation.arguments.pairs())
      arguments.push_back({Value(name), project::to_value(value)});
    auto result = code->code->call(*code->definition, context, {{}, arguments});
    if (!result.ok()) return std::move(result).error().to_error();
  }
  return {};
}

}  // namespace

Project::Project(project::ManifestPtr manifest_, Data::Dict flags, std::int64_t run_started_us)
    : manifest(std::move(manifest_)), projects(manifest->projects().begin(), manifest->projects().end()) {
  facts.target = manifest->target();
  facts.projects = &projects;
  facts.library = manifest->library();
  facts.cli_vars = manifest->vars();
  facts.flags = Data(std::move(flags));
  facts.invocation_id = manifest->invocation_id();
  facts.run_started_us = run_started_us;
}

Result<RunReport> run(RunOptions options, EventLog& log) {
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState state(std::move(options), log);
  return Runner(state, plan(state.manifest, state.options.command, state.options.selected)).go();
}

Result<RunReport> run_operation(RunOptions options, OperationOptions const& operation, EventLog& log) {
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState state(std::move(options), log);
  auto const begin = std::chrono::steady_clock::now();
  Worker worker(state.manifest.target(), state.options.stop, "MainThread", log);
  auto const node = made_up_node(state, operation.macro.empty() ? "inline" : operation.macro);
  WEIR_DO(name_statements(state, worker, "macro_" + node.name, nullptr));
  RunContext context(state, worker, node);
  // As in dbt, where nothing begins a transaction here unless the macro says so: what it did is kept.
  worker.stands_alone = true;
  auto done = carry_out_operation(context, operation);
  auto ended = done.ok() && worker.in_transaction() ? commit(context) : finish_operation(context);
  if (done.ok()) done = std::move(ended);
  for (auto const& note : context.notes) log.note(Level::Info, note);
  NodeResult result;
  auto const* macro = macro_of(context, operation.macro);
  result.unique_id = fmt::format("macro.{}.{}", macro == nullptr ? node.package_name : macro->package_name,
                                 operation.macro.substr(operation.macro.rfind('.') + 1));
  if (operation.macro.empty()) result.unique_id += node.name;
  result.status = done.ok() ? NodeStatus::Success : NodeStatus::Error;
  result.failures = done.ok() ? 0 : 1;
  result.seconds = seconds_since(begin);
  if (!done.ok()) {
    result.message = done.error().to_text();
    log.write({"RunningOperationCaughtError",
               "Q001",
               Level::Error,
               "Encountered an error while running operation: " + done.error().to_text(),
               {},
               false});
  }
  RunReport report;
  report.results.push_back(std::move(result));
  report.seconds = seconds_since(begin);
  report.args = state.options.args;
  report.invocation_id = state.options.invocation_id;
  report.started_at = state.options.started_at;
  if (state.options.write_json) {
    WEIR_DO(write_file(state.options.target_folder / "run_results.json", run_results_json(report)));
  }
  return report;
}

Status try_connection(project::Target const& target) {
  WEIR_TRY(auto session, connect(target));
  WEIR_DO(session.execute("select 1"));
  return {};
}

}  // namespace weir::build
