#pragma once
// What was promised about data, looked at from time to time: how old it may become, and that models which were built on
// old data are built again once it is fresh.

#include <string>
#include <vector>

#include "config/config.h"
#include "incident/relations.h"

namespace weir::incident {

// Tables that are older than their own `fresh`, or their connection's, allows become late, each once for each of the
// two limits: an event, from which an incident follows unless one explains it already.
Status check_promises(jobs::Change& change, config::Config const& config);

// The models of the job that have a stale table above them: a run of it now would build them on old data.
Result<std::vector<Relation>> models_on_stale(jobs::Database& database, std::string const& job);

// Models that a job built on old data, or left out, and that have nothing stale above them any more. While a job that
// loads one of their tables runs, they wait.
struct Rebuild {
  std::string job;
  std::vector<std::string> selectors;  // as dbt selects them
};
// Each once: not where the job has begun anew since its tables are fresh.
Result<std::vector<Rebuild>> to_rebuild(jobs::Database& database);

}  // namespace weir::incident
