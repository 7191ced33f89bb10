#pragma once
// What came of a run, as values: one result a node, and the artifacts that dbt writes of them (run_results.json v6,
// sources.json v3, catalog.json v1). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/manifest.h"

namespace weir::build {

enum class NodeStatus : std::uint8_t { Success, Error, Skipped, PartialSuccess, Pass, Fail, Warn, RuntimeError, NoOp };
std::string_view status_text(NodeStatus status);  // "success", "partial success", "runtime error", "no-op", ...
// Counts as a failure of the run, and keeps descendants from being built.
bool is_failure(NodeStatus status);

struct Timing {
  std::string name;  // compile, execute
  std::string started_at, completed_at;
};

// What the server answered to the statement that mattered: {_message: "SELECT 3", code: "SELECT", rows_affected: 3}.
struct AdapterResponse {
  std::string message, code;
  std::optional<std::int64_t> rows_affected;
  project::Data data() const;
};
AdapterResponse response_of(std::string_view command_tag);

struct BatchResult {
  std::vector<std::pair<std::string, std::string>> successful, failed;  // [start, end) of each batch
};

// The thread that dbt names in results of on-run-start and on-run-end.
inline constexpr std::string_view kHookThread = "main";

struct NodeResult {
  project::NodeIndex node = 0;
  std::string unique_id;  // also of what is no node of the manifest: hooks, run-operation
  NodeStatus status = NodeStatus::Success;
  std::vector<Timing> timing;
  std::string thread = "MainThread";
  double seconds = 0;
  project::Data adapter_response = project::Data::Dict{};
  std::optional<std::string> message;
  std::optional<std::int64_t> failures;
  bool is_compiled = false;
  std::optional<std::string> compiled_code, relation_name;
  std::optional<BatchResult> batches;
  std::optional<Error> error;      // the whole of it, for people
  std::vector<std::string> notes;  // what weir kept, moved, left

  project::Data data() const;  // as run_results.json says it
};

struct RunReport {
  std::vector<NodeResult> results;  // in the order in which they were finished
  double seconds = 0;
  project::Data args = project::Data::Dict{};
  std::string invocation_id, started_at;
  bool cancelled = false;
  int exit_code() const;  // 0, or 1 where something failed or was skipped
};

std::string run_results_json(RunReport const& report);

// One source's answer of `source freshness`.
struct FreshnessResult {
  std::string unique_id;
  std::string status;  // pass, warn, error, runtime error
  std::string max_loaded_at, snapshotted_at;
  double age_s = 0;
  project::Data criteria;
  std::string error;  // runtime error: why
  std::vector<Timing> timing;
  std::string thread = "MainThread";
  double seconds = 0;
};
std::string sources_json(std::vector<FreshnessResult> const& results, std::string const& invocation_id,
                         std::string const& started_at, double elapsed_s);

// {"metadata": ...} of every artifact.
project::Data artifact_metadata(std::string_view schema, std::string_view invocation_id, std::string_view started_at);

}  // namespace weir::build
