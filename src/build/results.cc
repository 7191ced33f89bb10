#include "build/results.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "build/events.h"
#include "project/context.h"
#include "project/context_functions.h"

namespace weir::build {
namespace {

using project::Data;

Data text_or_none(std::optional<std::string> const& text) {
  return text ? Data(*text) : Data();
}

// Times as artifacts have them: 2024-01-31T00:00:00+00:00.
Data pairs(std::vector<std::pair<std::string, std::string>> const& batches) {
  auto const time = [](std::string const& text) { return Data(replace_all(text, " ", "T")); };
  Data::List out;
  for (auto const& [start, end] : batches) out.push_back(Data(Data::List{time(start), time(end)}));
  return Data(std::move(out));
}

Data timing_data(std::vector<Timing> const& timing) {
  Data::List out;
  for (auto const& one : timing)
    out.push_back(Data(Data::Dict{
        {"name", Data(one.name)}, {"started_at", Data(one.started_at)}, {"completed_at", Data(one.completed_at)}}));
  return Data(std::move(out));
}

std::string json(Data const& data) {
  std::string out;
  project::append_json(out, data);
  return out;
}

}  // namespace

std::string_view status_text(NodeStatus status) {
  switch (status) {
    case NodeStatus::Success:
      return "success";
    case NodeStatus::Error:
      return "error";
    case NodeStatus::Skipped:
      return "skipped";
    case NodeStatus::PartialSuccess:
      return "partial success";
    case NodeStatus::Pass:
      return "pass";
    case NodeStatus::Fail:
      return "fail";
    case NodeStatus::Warn:
      return "warn";
    case NodeStatus::RuntimeError:
      return "runtime error";
    case NodeStatus::NoOp:
      return "no-op";
  }
  return "";
}

bool is_failure(NodeStatus status) {
  return status == NodeStatus::Error || status == NodeStatus::Fail || status == NodeStatus::RuntimeError ||
         status == NodeStatus::PartialSuccess;
}

AdapterResponse response_of(std::string_view command_tag) {
  AdapterResponse out;
  out.message = command_tag;
  std::vector<std::string> words;
  for (auto const& word : split(command_tag, ' ')) {
    auto const number = parse_int(word);
    if (!number) words.push_back(word);
    if (number) out.rows_affected = *number;
  }
  out.code = join(words, " ");
  return out;
}

Data AdapterResponse::data() const {
  Data::Dict out{{"_message", Data(message)}};
  if (!code.empty()) out.emplace_back("code", Data(code));
  out.emplace_back("rows_affected", rows_affected ? Data(*rows_affected) : Data(-1));
  return Data(std::move(out));
}

Data NodeResult::data() const {
  Data batch_results;
  if (batches)
    batch_results = Data(Data::Dict{{"successful", pairs(batches->successful)}, {"failed", pairs(batches->failed)}});
  bool const is_seed = unique_id.starts_with("seed.");  // dbt says nothing of what it does not compile
  return Data(Data::Dict{{"status", Data(std::string(status_text(status)))},
                         {"timing", timing_data(timing)},
                         {"thread_id", Data(thread)},
                         {"execution_time", Data(seconds)},
                         {"adapter_response", adapter_response},
                         {"message", text_or_none(message)},
                         {"failures", failures ? Data(*failures) : Data()},
                         {"unique_id", Data(unique_id)},
                         {"compiled", is_seed ? Data() : Data(is_compiled)},
                         {"compiled_code", text_or_none(compiled_code)},
                         {"relation_name", is_seed ? Data() : text_or_none(relation_name)},
                         {"batch_results", batch_results}});
}

int RunReport::exit_code() const {
  auto const fails = [](NodeResult const& one) {
    return is_failure(one.status) || (one.status == NodeStatus::Skipped && !one.unique_id.starts_with("exposure."));
  };
  return std::any_of(results.begin(), results.end(), fails) ? 1 : 0;
}

Data artifact_metadata(std::string_view schema, std::string_view invocation_id, std::string_view started_at) {
  return Data(Data::Dict{{"dbt_schema_version", Data(fmt::format("https://schemas.getdbt.com/dbt/{}.json", schema))},
                         {"dbt_version", Data(project::kDbtVersion)},
                         {"generated_at", Data(timestamp_now())},
                         {"invocation_id", Data(invocation_id)},
                         {"invocation_started_at", Data(started_at)},
                         {"env", project::custom_environment()}});
}

std::string run_results_json(RunReport const& report) {
  Data::List results;
  for (auto const& one : report.results) results.push_back(one.data());
  return json(
      Data(Data::Dict{{"metadata", artifact_metadata("run-results/v6", report.invocation_id, report.started_at)},
                      {"results", Data(std::move(results))},
                      {"elapsed_time", Data(report.seconds)},
                      {"args", report.args}}));
}

std::string sources_json(std::vector<FreshnessResult> const& results, std::string const& invocation_id,
                         std::string const& started_at, double elapsed_s) {
  Data::List out;
  for (auto const& one : results) {
    if (one.status == "runtime error") {
      out.push_back(Data(
          Data::Dict{{"unique_id", Data(one.unique_id)}, {"error", Data(one.error)}, {"status", Data(one.status)}}));
      continue;
    }
    out.push_back(Data(Data::Dict{{"unique_id", Data(one.unique_id)},
                                  {"max_loaded_at", Data(one.max_loaded_at)},
                                  {"snapshotted_at", Data(one.snapshotted_at)},
                                  {"max_loaded_at_time_ago_in_s", Data(one.age_s)},
                                  {"status", Data(one.status)},
                                  {"criteria", one.criteria},
                                  {"adapter_response", Data(Data::Dict{})},
                                  {"timing", timing_data(one.timing)},
                                  {"thread_id", Data(one.thread)},
                                  {"execution_time", Data(one.seconds)}}));
  }
  return json(Data(Data::Dict{{"metadata", artifact_metadata("sources/v3", invocation_id, started_at)},
                              {"results", Data(std::move(out))},
                              {"elapsed_time", Data(elapsed_s)}}));
}

}  // namespace weir::build
