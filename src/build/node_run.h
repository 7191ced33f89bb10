#pragma once
// Carrying out one node on one thread: compile, run, judge. For run.cc.

#include <chrono>

#include "build/run_context.h"

namespace weir::build {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// What the node's lines on the console call it: "sql table model dbt.orders", "test unique_orders_id".
std::string describe(project::Node const& node);
// An exposure or a saved query: a build lists it, and does nothing.
bool is_no_operation(project::Node const& node);

// The result, errors included. Nothing is printed.
NodeResult carry_out_node(RunState& run, Worker& worker, project::NodeIndex index);

// A unit test's compiled SQL and expectation put into its context; then materialize() runs it. (unit_tests.cc)
Status prepare_unit_test(RunContext& context);
// Equal rows on both sides, or the difference as a text.
std::optional<std::string> unit_test_difference(TableData const& rows);

// A microbatch model: one run a batch, unless the project has a strategy of its own by that name. (microbatch.cc)
bool is_microbatch(project::Node const& node);
bool runs_in_batches(RunState const& run, project::Node const& node);
void carry_out_batches(RunState& run, Worker& worker, project::Node const& node, NodeResult& result);

// The error as run_results.json and the summary say it, with the template's line that it points at.
std::string error_message(project::Node const& node, Error const& error);

}  // namespace weir::build
