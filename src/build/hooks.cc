#include "build/hooks.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "build/cte.h"
#include "build/node_run.h"
#include "build/statements.h"
#include "build/template_objects.h"
#include "build/written_sql.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Node;
using project::NodeKind;

class ProjectHooks {
 public:
  ProjectHooks(RunState& run, Worker& worker, bool began) : run_(run), worker_(worker), began_(began) {}

  // False if one failed: those behind it are skipped.
  Result<bool> carry_out(std::string_view when) {
    std::vector<Node const*> hooks;
    for (auto const& node : run_.manifest.nodes())
      if (node.kind == NodeKind::Operation && std::find(node.tags.begin(), node.tags.end(), when) != node.tags.end())
        hooks.push_back(&node);
    if (hooks.empty()) return true;
    std::stable_sort(hooks.begin(), hooks.end(), [](auto const* a, auto const* b) {
      return a->hook_index.value_or(0) < b->hook_index.value_or(0);
    });
    bool const is_end = when == "on-run-end";
    if (is_end) run_.log.line();
    bool failed = false;
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      auto const name = fmt::format("{}.{}.{}", hooks[i]->package_name, when,
                                    hooks[i]->hook_index.value_or(static_cast<std::int64_t>(i)));
      WEIR_TRY(bool const fails, run_hook(*hooks[i], name, is_end, i + 1, hooks.size(), failed));
      failed = failed || fails;
    }
    if (!is_end) run_.log.line();
    return !failed;
  }

 private:
  Result<bool> run_hook(Node const& node, std::string const& name, bool is_end, std::size_t index, std::size_t total,
                        bool skip) {
    auto& log = run_.log;
    Stopwatch const watch;
    NodeResult result;
    result.unique_id = node.unique_id;
    result.thread = kHookThread;
    if (skip) {
      result.status = NodeStatus::Skipped;
      result.failures = 1;
      result.message = name + " skipped";
      run_.add(std::move(result));
      return false;
    }
    RunContext context(run_, worker_, node);
    if (is_end) say_what_was_done(context);
    auto done = compile(context, node, result);
    if (!done.ok() && !is_end) {
      WEIR_DO(worker_.rollback());
      return std::move(done).error().context(fmt::format("rendering hook {}", name));
    }
    log.write({"LogHookStartLine",
               "Q032",
               Level::Info,
               log.result_line("START hook: " + name, "RUN", index, total),
               {},
               false});
    if (done.ok()) done = execute(context, result);
    if (!done.ok()) {
      auto const ignored = worker_.rollback();
      static_cast<void>(ignored);
    }
    result.notes = context.notes;
    result.seconds = watch.seconds();
    result.status = done.ok() ? NodeStatus::Success : NodeStatus::Error;
    result.failures = done.ok() ? 0 : 1;
    result.message = done.ok() ? name + " passed" : fmt::format("{} failed, error:\n {}", name, done.error().message());
    log.write({"LogHookEndLine",
               "Q033",
               done.ok() ? Level::Info : Level::Error,
               log.result_line(fmt::format("{} hook: {}", done.ok() ? "OK" : "ERROR", name),
                               done.ok() ? log.green("OK") : log.red("ERROR"), index, total, result.seconds),
               {},
               false});
    for (auto const& note : result.notes) log.note(Level::Info, "  " + note);
    if (!done.ok()) result.error = done.error().clone();
    run_.add(std::move(result));
    return !done.ok();
  }

  // `results`, `schemas` and `database_schemas` of on-run-end: schemas of what was built. Of a run that did not begin
  // dbt tells its hooks nothing.
  void say_what_was_done(RunContext& context) const {
    std::set<std::string> schemas;
    for (auto const& result : run_.results()) {
      auto const* node = run_.manifest.find(result.unique_id);
      bool const is_built = !is_failure(result.status) || result.status == NodeStatus::PartialSuccess;
      if (node != nullptr && node->is_relational() && is_built && result.status != NodeStatus::Skipped)
        schemas.insert(node->schema);
    }
    std::vector<Value> names, pairs;
    for (auto const& schema : schemas) {
      names.emplace_back(schema);
      pairs.push_back(jinja::tuple_of({Value(run_.manifest.target().database), Value(schema)}));
    }
    context.set("results", began_ ? results_value(run_) : jinja::list_of({}));
    context.set("schemas", jinja::list_of(std::move(names)));
    context.set("database_schemas", jinja::list_of(std::move(pairs)));
  }

  static Status compile(RunContext& context, Node const& node, NodeResult& result) {
    Timing compiling{"compile", timestamp_now(), ""};
    WEIR_TRY(auto const text, context.render(node.original_file_path, node.raw_code));
    WEIR_DO(write_compiled_sql(context, text));
    compiling.completed_at = timestamp_now();
    result.timing.push_back(compiling);
    result.is_compiled = true;
    result.compiled_code = text;
    return {};
  }

  static Status execute(RunContext& context, NodeResult& result) {
    auto const& text = *result.compiled_code;
    Timing executing{"execute", timestamp_now(), ""};
    if (!is_blank_sql(text)) {
      WEIR_TRY(auto const ignored, run_statement(context, text, false));
    }
    auto done = commit(context);
    executing.completed_at = timestamp_now();
    result.timing.push_back(executing);
    return done;
  }

  RunState& run_;
  Worker& worker_;
  bool began_;
};

}  // namespace

Result<bool> run_project_hooks(RunState& run, Worker& worker, std::string_view when, bool began) {
  return ProjectHooks(run, worker, began).carry_out(when);
}

}  // namespace weir::build
