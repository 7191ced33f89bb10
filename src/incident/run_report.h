#pragma once
// What a command says when it has loaded tables or built models, as the state takes it: sync::report_json() with
// "type": "sync", and "type": "dbt" with a line for each node. Of a step of a job it is an attempt's; what somebody
// runs by hand makes tables fresh as well.

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "jobs/follower.h"

namespace weir::incident {

// Whether a node's line says that it failed.
bool is_failed_node(nlohmann::ordered_json const& node);
// An event for each table or model, whatever came of it.
std::vector<jobs::NewEvent> events_of(nlohmann::ordered_json const& report);

// What a sync saw beside the rows: what others have built on its tables (dependents.h), and columns that are others
// than they were. `job` 0: no job's.
Status see_around(jobs::Change& change, nlohmann::ordered_json const& report, std::int64_t job, int attempt);

// `who` ran it by hand. What came out well counts, and may end incidents; what failed was told to whoever typed it. Of
// what dbt built, relations count that jobs build, too. Returns how many tables and models it made fresh.
Result<std::int64_t> take_by_hand(jobs::Change& change, nlohmann::ordered_json const& report, std::string const& who);

}  // namespace weir::incident
