// Freshness of sources, and the catalog of `docs generate`.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "build/compile.h"
#include "build/hooks.h"
#include "build/query_comment.h"
#include "build/run_context.h"
#include "build/schedule.h"
#include "jinja/times.h"
#include "project/templates.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Data;
using project::Node;
using project::NodeKind;

constexpr std::int64_t kMicroseconds = 1'000'000;

// Microseconds since 0001-01-01 UTC; a time without zone is taken for UTC, as dbt does.
std::optional<std::int64_t> instant(Value const& value) {
  if (value.kind() != jinja::Kind::DateTime) return std::nullopt;
  return jinja::date_time_of(value).local_microseconds() - jinja::utc_offset_us(value).value_or(0);
}

std::string iso_text(std::int64_t instant) {
  auto const utc = jinja::make_date_time(instant, Value());
  return replace_all(utc.ok() ? jinja::to_text(*utc) : "0001-01-01 00:00:00", " ", "T") + "+00:00";
}

std::optional<double> threshold_s(Data const& rule) {
  if (!rule.is_dict() || rule["count"].is_none() || rule["period"].is_none()) return std::nullopt;
  std::string const period = rule["period"].str();
  double const unit = period == "minute" ? 60 : period == "hour" ? 3600 : 86400;
  return static_cast<double>(rule["count"].integer()) * unit;
}

Result<Value> ask(RunContext& context, Node const& node) {
  auto const relation = project::make_relation(project::relation_of(node, context.facts().root().quoting));
  if (node.source->loaded_at_query && !node.source->loaded_at_query->empty()) {
    WEIR_TRY(auto const query, context.render(node.original_file_path, *node.source->loaded_at_query));
    return context.call("collect_freshness_custom_sql", {relation, Value(query)});
  }
  auto const& filter = node.source->freshness["filter"];
  return context.call("collect_freshness", {relation, Value(node.source->loaded_at_field.value_or("")),
                                            filter.is_string() ? Value(filter.text()) : Value()});
}

Status judge(RunContext& context, Node const& node, FreshnessResult& result) {
  WEIR_TRY(auto const answer, ask(context, node));
  auto const* table = answer.is_dict() ? answer.dict().find(std::string_view("table")) : nullptr;
  auto const* rows = table == nullptr ? nullptr : table_of(*table);
  if (rows == nullptr || rows->rows.size() != 1 || rows->rows[0].size() < 2)
    return Error(ErrorKind::Template,
                 "the macro collect_freshness did not answer with one row of max_loaded_at and snapshotted_at");
  auto const& loaded = rows->rows[0][0];
  auto const& now = rows->rows[0][1];
  auto const loaded_at = instant(loaded), now_at = instant(now);
  if (!now_at)
    return Error(ErrorKind::Template, "the macro collect_freshness did not answer with a time as snapshotted_at");
  if (!loaded.is_none() && !loaded_at)
    return Error(ErrorKind::Data, fmt::format("\"{}\" of source \"{}.{}\" is no time",
                                              node.source->loaded_at_field.value_or("loaded_at_query"),
                                              node.source->source_name, node.name))
        .next("cast it to a timestamp: loaded_at_field: \"loaded::timestamp\"");
  // An empty source is as old as can be.
  result.max_loaded_at = iso_text(loaded_at.value_or(0));
  result.snapshotted_at = iso_text(*now_at);
  result.age_s = static_cast<double>(*now_at - loaded_at.value_or(0)) / kMicroseconds;
  auto const warn = threshold_s(node.source->freshness["warn_after"]),
             error = threshold_s(node.source->freshness["error_after"]);
  result.status = error && result.age_s > *error ? "error" : warn && result.age_s > *warn ? "warn" : "pass";
  return {};
}

// As on-run-end is told of it.
NodeResult result_of(FreshnessResult const& one) {
  NodeResult result;
  result.unique_id = one.unique_id;
  result.status = one.status == "pass"    ? NodeStatus::Pass
                  : one.status == "warn"  ? NodeStatus::Warn
                  : one.status == "error" ? NodeStatus::Error
                                          : NodeStatus::RuntimeError;
  result.timing = one.timing;
  result.thread = one.thread;
  result.seconds = one.seconds;
  if (!one.error.empty()) result.message = one.error;
  return result;
}

Value information_schema(RunState const& run) {
  project::RelationParts parts;
  parts.database = run.manifest.target().database;
  parts.schema = "information_schema";
  parts.include = {false, true, false};
  return project::make_relation(std::move(parts));
}

std::string text_of(Value const& value) {
  return value.is_none() ? "" : jinja::to_text(value);
}
Data text_or_none(Value const& value) {
  return value.is_none() ? Data() : Data(jinja::to_text(value));
}

Data stats() {
  return Data(Data::Dict{
      {"has_stats", Data(Data::Dict{{"id", Data("has_stats")},
                                    {"label", Data("Has Stats?")},
                                    {"value", Data(false)},
                                    {"include", Data(false)},
                                    {"description", Data("Indicates whether there are statistics for this table")}})}});
}

// Rows of the catalog query, a table each: in the order database, schema, name, type, comment, column, index, type,
// comment, owner.
Data::Dict tables_of(TableData const& rows, std::vector<std::string>& names) {
  Data::Dict tables;
  for (auto const& row : rows.rows) {
    auto const key = to_lower(text_of(row[1])) + "." + to_lower(text_of(row[2]));
    if (names.empty() || names.back() != key) {
      names.push_back(key);
      tables.emplace_back(key, Data(Data::Dict{{"metadata", Data(Data::Dict{{"type", Data(text_of(row[3]))},
                                                                            {"schema", Data(text_of(row[1]))},
                                                                            {"name", Data(text_of(row[2]))},
                                                                            {"database", Data(text_of(row[0]))},
                                                                            {"comment", text_or_none(row[4])},
                                                                            {"owner", Data(text_of(row[9]))}})},
                                               {"columns", Data(Data::Dict{})},
                                               {"stats", stats()}}));
    }
    Data::Dict table = tables.back().second.pairs();
    Data::Dict columns = project::find(static_cast<Data::Dict const&>(table), "columns")->pairs();
    project::set(columns, text_of(row[5]),
                 Data(Data::Dict{{"type", Data(text_of(row[7]))},
                                 {"index", Data(parse_int(text_of(row[6])).value_or(0))},
                                 {"name", Data(text_of(row[5]))},
                                 {"comment", text_or_none(row[8])}}));
    project::set(table, "columns", Data(std::move(columns)));
    tables.back().second = Data(std::move(table));
  }
  return tables;
}

Node stand_in(RunState const& run) {
  Node node;
  node.kind = NodeKind::Operation;
  node.package_name = run.facts().root().name;
  node.name = "catalog";
  node.unique_id = fmt::format("operation.{}.catalog", node.package_name);
  node.original_file_path = node.path = "catalog.sql";
  return node;
}

}  // namespace

int FreshnessReport::exit_code() const {
  bool const failed = hook_failed || std::any_of(results.begin(), results.end(), [](auto const& one) {
                        return one.status == "error" || one.status == "runtime error";
                      });
  return failed ? 1 : 0;
}

Result<FreshnessReport> run_freshness(RunOptions options, std::filesystem::path const& output, EventLog& log) {
  auto const begin = std::chrono::steady_clock::now();
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState run(std::move(options), log);
  std::vector<project::NodeIndex> checked;
  for (auto const index : run.options.selected) {
    auto const& node = run.manifest.nodes()[index];
    if (!node.source || !node.source->freshness.is_dict()) continue;
    if (node.source->loaded_at_field || node.source->loaded_at_query) checked.push_back(index);
  }
  Worker main(run.manifest.target(), run.options.stop, "MainThread", log);
  WEIR_DO(name_statements(run, main, "master", nullptr));
  auto const& with_hooks = run.facts().root().flags["source_freshness_run_project_hooks"];
  bool const has_hooks = with_hooks.is_none() || with_hooks.truth();
  bool start_passed = true, end_passed = true;
  if (has_hooks) {
    WEIR_TRY(start_passed, run_project_hooks(run, main, "on-run-start"));
  }
  if (!start_passed && run.options.skip_behind_failed_start) checked.clear();
  std::vector<FreshnessResult> results(checked.size());
  std::vector<std::unique_ptr<Worker>> workers;
  Schedule schedule;
  schedule.threads = std::max<std::size_t>(1, std::min(run.options.threads, checked.size()));
  schedule.stop = run.options.stop;
  schedule.waits_for.resize(checked.size());
  for (std::size_t i = 0; i < schedule.threads; ++i)
    workers.push_back(std::make_unique<Worker>(run.manifest.target(), run.options.stop,
                                               fmt::format("Thread-{} (worker)", i + 1), log));
  carry_out(schedule,
            {[&](ItemIndex item, std::size_t worker) {
               auto const& node = run.manifest.nodes()[checked[item]];
               set_thread_name(workers[worker]->name());
               std::string const name = fmt::format("freshness of {}.{}", node.source->source_name, node.name);
               log.write({"LogStartLine",
                          "Q011",
                          Level::Info,
                          log.result_line("START " + name, "RUN", item + 1, checked.size()),
                          {},
                          false});
               auto& result = results[item];
               auto const started = std::chrono::steady_clock::now();
               result.unique_id = node.unique_id;
               result.criteria = Data(Data::Dict{{"warn_after", node.source->freshness["warn_after"]},
                                                 {"error_after", node.source->freshness["error_after"]},
                                                 {"filter", node.source->freshness["filter"]}});
               result.thread = thread_name();
               Timing executing{"execute", timestamp_now(), ""};
               result.timing.push_back({"compile", executing.started_at, executing.started_at});
               RunContext context(run, *workers[worker], node);
               auto done = name_statements(run, *workers[worker], node.unique_id, &node);
               if (done.ok()) done = judge(context, node, result);
               auto const ended = workers[worker]->rollback();
               static_cast<void>(ended);
               executing.completed_at = timestamp_now();
               result.timing.push_back(std::move(executing));
               result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
               if (!done.ok()) {
                 result.status = "runtime error";
                 result.error = done.error().to_text();
               }
               std::string const word = result.status == "pass"    ? "PASS"
                                        : result.status == "warn"  ? "WARN"
                                        : result.status == "error" ? "ERROR STALE"
                                                                   : "ERROR";
               log.write({"LogFreshnessResult",
                          "Q018",
                          result.status == "pass"   ? Level::Info
                          : result.status == "warn" ? Level::Warn
                                                    : Level::Error,
                          log.result_line(word + " " + name, word, item + 1, checked.size(), result.seconds),
                          {},
                          false});
               if (!result.error.empty()) log.note(Level::Error, result.error);
               return ItemOutcome::Done;
             },
             [](ItemIndex, ItemIndex) {}});
  std::erase_if(results, [](auto const& one) { return one.unique_id.empty(); });
  for (auto const& one : results) run.add(result_of(one));
  if (has_hooks) {
    WEIR_TRY(end_passed, run_project_hooks(run, main, "on-run-end", start_passed || !checked.empty()));
  }
  WEIR_DO(write_file(output,
                     sources_json(results, run.options.invocation_id, run.options.started_at,
                                  std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count())));
  return FreshnessReport{std::move(results), !start_passed || !end_passed};
}

Status write_catalog(RunOptions options, EventLog& log) {
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState run(std::move(options), log);
  Worker worker(run.manifest.target(), run.options.stop, "MainThread", log);
  WEIR_DO(name_statements(run, worker, "generate_catalog", nullptr));
  auto const node = stand_in(run);
  RunContext context(run, worker, node);
  std::vector<Node const*> catalogued;
  std::vector<Value> relations;
  for (auto const index : run.options.selected) {
    auto const& one = run.manifest.nodes()[index];
    if (!one.is_relational() || one.is_ephemeral()) continue;
    catalogued.push_back(&one);
    relations.push_back(project::make_relation(run.relation(one)));
  }
  Data::Dict nodes, sources;
  if (!relations.empty()) {
    WEIR_TRY(auto const answer,
             context.call("get_catalog_relations", {information_schema(run), jinja::list_of(std::move(relations))}));
    auto const* rows = table_of(answer);
    if (rows == nullptr) return Error(ErrorKind::Template, "the macro get_catalog_relations did not return a table");
    std::vector<std::string> names;
    auto const tables = tables_of(*rows, names);
    for (auto const* one : catalogued) {
      auto const* found = project::find(tables, to_lower(one->schema) + "." + to_lower(one->identifier()));
      if (found == nullptr) continue;
      Data::Dict table = found->pairs();
      project::set(table, "unique_id", Data(one->unique_id));
      (one->source ? sources : nodes).emplace_back(one->unique_id, Data(std::move(table)));
    }
  }
  auto const ended = worker.rollback();
  static_cast<void>(ended);
  std::string text;
  project::append_json(
      text,
      Data(Data::Dict{{"metadata", artifact_metadata("catalog/v1", run.options.invocation_id, run.options.started_at)},
                      {"nodes", Data(std::move(nodes))},
                      {"sources", Data(std::move(sources))},
                      {"errors", Data()}}));
  return write_file(run.options.target_folder / "catalog.json", text);
}

}  // namespace weir::build
