// Microbatch models: the time from `begin` (or the last `lookback` batches) up to now, cut at hours, days, months or
// years; one build of the model a batch, in order. What one batch loses, the others keep. Batches of PostgreSQL never
// run side by side: dbt's adapter does not either, whatever `concurrent_batches` says.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "build/compile.h"
#include "build/event_time.h"
#include "build/materialize.h"
#include "build/node_run.h"

namespace weir::build {
namespace {

using project::Data;

constexpr std::string_view kStrategyMacro = "get_incremental_microbatch_sql";

Error bad_setting(project::Node const& node, std::string_view key, std::string_view next) {
  return Error(ErrorKind::Template, fmt::format("microbatch model \"{}\" has no usable \"{}\"", node.name, key))
      .where(node.original_file_path)
      .state("nothing of it was built")
      .next(std::string(next));
}

Batch batch_of(EventTime start, EventTime end, BatchSize size) {
  std::string const label = label_of(start, size);
  return {replace_all(label, "-", ""), text_of(start), text_of(end), label};
}

// What an earlier run of the model did: the batches that failed are carried out now.
BatchResult const* earlier_batches(RunState const& run, project::Node const& node) {
  for (auto const& [unique_id, batches] : run.options.earlier_batches)
    if (unique_id == node.unique_id) return &batches;
  return nullptr;
}

// A batch goes into the table that is there; else the first one makes it anew. A run that takes up an earlier one
// always adds to it: the earlier one's batches are in it.
bool adds_to_table(RunState const& run, project::Node const& node,
                   std::optional<project::RelationParts> const& existing) {
  if (!existing || existing->type != "table") return false;
  if (earlier_batches(run, node) != nullptr) return true;
  auto const& own = node.config["full_refresh"];
  return !(own.is_none() ? run.options.full_refresh : own.truth());
}

std::vector<Batch> failed_batches(BatchResult const& earlier, BatchSize size) {
  std::vector<Batch> out;
  for (auto const& [start, end] : earlier.failed) {
    auto const from = event_time_from(start), to = event_time_from(end);
    if (from && to) out.push_back(batch_of(*from, *to, size));
  }
  return out;
}

// Where the last batch ends.
EventTime end_of(RunState const& run, BatchSize size) {
  auto const& options = run.options;
  if (options.sample) return round_up(options.sample->end, size);
  if (options.event_time_end) return round_up(*options.event_time_end, size);
  if (options.batches_until) return round_up(*options.batches_until, size);
  return round_up(EventTime(std::chrono::microseconds(run.facts().run_started_us)), size);
}

Result<EventTime> begin_of(RunState const& run, project::Node const& node, BatchSize size, EventTime end,
                           bool adds_to_it) {
  auto const& options = run.options;
  if (options.sample) return truncate(options.sample->start, size);
  if (options.event_time_start) return truncate(*options.event_time_start, size);
  if (adds_to_it) {
    auto const& lookback = node.config["lookback"];
    return next_batch(end, size, -1 - (lookback.is_none() ? 1 : static_cast<int>(lookback.integer())));
  }
  auto const said = event_time_from(node.config["begin"].str());
  if (!said) return bad_setting(node, "begin", "set begin to the time of the first event: 2024-01-31");
  return truncate(*said, size);
}

// At least one, as in dbt: where nothing lies between the two times it is an empty one, and there is a table.
Result<std::vector<Batch>> batches_of(RunState const& run, project::Node const& node, bool adds_to_it) {
  auto const size = batch_size_from(node.config["batch_size"].str());
  if (!size) return bad_setting(node, "batch_size", "set batch_size to hour, day, month or year");
  if (auto const* earlier = earlier_batches(run, node)) return failed_batches(*earlier, *size);
  auto const end = end_of(run, *size);
  WEIR_TRY(auto start, begin_of(run, node, *size, end, adds_to_it));
  std::vector<Batch> out;
  for (; next_batch(start, *size) < end; start = next_batch(start, *size))
    out.push_back(batch_of(start, next_batch(start, *size), *size));
  out.push_back(batch_of(start, end, *size));
  return out;
}

class Batches {
 public:
  Batches(RunState& run, Worker& worker, project::Node const& node, std::vector<Batch> batches, NodeResult& result)
      : run_(run), worker_(worker), node_(node), batches_(std::move(batches)), result_(result) {}

  void carry_out(bool adds_to_it) {
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      if (run_.options.stop.stop_requested()) {
        fail(i);
      } else if (i > 0 && !first_succeeded_) {
        skip(i);  // without the first one there is no table to add to
      } else {
        carry_out(i, i > 0 || adds_to_it);
      }
    }
    conclude();
  }

 private:
  std::string describe(std::size_t i) const {
    return fmt::format("batch {} of {}.{}", batches_[i].label, node_.schema, node_.alias);
  }

  void say(std::string_view event, std::string_view code, Level level, std::string_view what, std::string_view status,
           std::size_t i, std::optional<double> seconds) {
    run_.log.write({std::string(event),
                    std::string(code),
                    level,
                    "Batch " + run_.log.result_line(fmt::format("{} {}", what, describe(i)), status, i + 1,
                                                    batches_.size(), seconds),
                    {{"description", Data(describe(i))},
                     {"batch_index", Data(static_cast<std::int64_t>(i + 1))},
                     {"total_batches", Data(static_cast<std::int64_t>(batches_.size()))}},
                    false});
  }

  void carry_out(std::size_t i, bool adds_to_it) {
    say("LogStartBatch", "Q045", Level::Info, "START", "RUN", i, std::nullopt);
    Stopwatch const watch;
    RunContext context(run_, worker_, node_);
    context.batch = batches_[i];
    if (i > 0) context.pre_hooks.clear();
    if (i + 1 < batches_.size()) context.post_hooks.clear();
    auto const made = make(context, adds_to_it);
    auto const ended = worker_.rollback();
    static_cast<void>(ended);
    result_.notes.insert(result_.notes.end(), context.notes.begin(), context.notes.end());
    if (made.ok()) {
      outcome_.successful.emplace_back(batches_[i].start, batches_[i].end);
      first_succeeded_ = first_succeeded_ || i == 0;
      say("LogBatchResult", "Q046", Level::Info, "OK created", run_.log.green(made->response.message), i,
          watch.seconds());
      return;
    }
    fail(i);
    auto const text = error_message(node_, made.error());
    if (!first_failure_) first_failure_ = text;
    run_.log.write({"GenericExceptionOnRun", "W004", Level::Error, text, {}, false});
    say("LogBatchResult", "Q046", Level::Error, "ERROR creating", run_.log.red("ERROR"), i, watch.seconds());
  }

  Result<Materialized> make(RunContext& context, bool adds_to_it) {
    WEIR_DO(compile(context));
    // is_incremental() in the template answers for the run, as in dbt; from here on for the batch.
    if (adds_to_it) project::set(context.config(), "full_refresh", Data(false));
    return materialize(context);
  }

  void fail(std::size_t i) { outcome_.failed.emplace_back(batches_[i].start, batches_[i].end); }

  void skip(std::size_t i) {
    fail(i);
    say("LogBatchResult", "Q046", Level::Info, "SKIP", run_.log.yellow("SKIPPED"), i, 0.0);
  }

  void conclude() {
    auto const successes = outcome_.successful.size(), all = successes + outcome_.failed.size();
    result_.failures = 0;
    if (outcome_.failed.empty()) {
      result_.status = NodeStatus::Success;
      result_.message = "SUCCESS";
    } else if (successes == 0) {
      result_.status = NodeStatus::Error;
      result_.message = first_failure_.value_or("ERROR");
    } else {
      result_.status = NodeStatus::PartialSuccess;
      result_.message = fmt::format("PARTIAL SUCCESS ({}/{})", successes, all);
    }
    if (auto const* earlier = earlier_batches(run_, node_))
      outcome_.successful.insert(outcome_.successful.end(), earlier->successful.begin(), earlier->successful.end());
    result_.batches = std::move(outcome_);
  }

  RunState& run_;
  Worker& worker_;
  project::Node const& node_;
  std::vector<Batch> const batches_;
  NodeResult& result_;
  BatchResult outcome_;
  bool first_succeeded_ = false;
  std::optional<std::string> first_failure_;
};

}  // namespace

bool is_microbatch(project::Node const& node) {
  return node.materialized() == "incremental" && node.config["incremental_strategy"].str() == "microbatch";
}

bool runs_in_batches(RunState const& run, project::Node const& node) {
  if (!is_microbatch(node)) return false;
  if (run.facts().root().flags["require_batched_execution_for_custom_microbatch_strategy"].truth()) return true;
  auto const* strategy = run.facts().library->find(run.facts().root().name, kStrategyMacro);
  return strategy == nullptr || project::is_internal_package(strategy->package_name);
}

void carry_out_batches(RunState& run, Worker& worker, project::Node const& node, NodeResult& result) {
  auto const target = run.relation(node);
  auto existing = run.cache.find(worker, target.schema.value_or(""), target.identifier.value_or(""));
  bool const adds_to_it = existing.ok() && adds_to_table(run, node, *existing);
  auto batches =
      existing.ok() ? batches_of(run, node, adds_to_it) : Result<std::vector<Batch>>(std::move(existing).error());
  if (!batches.ok()) {
    result.status = NodeStatus::Error;
    result.message = error_message(node, batches.error());
    result.error = std::move(batches).error();
    return;
  }
  Batches(run, worker, node, std::move(*batches), result).carry_out(adds_to_it);
}

}  // namespace weir::build
