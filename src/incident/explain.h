#pragma once
// Questions about the state of the data, answered from what was recorded: as JSON, for people's commands and for the
// API alike.

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "incident/incidents.h"

namespace weir::incident {

nlohmann::ordered_json incident_json(Incident const& incident);

// The open incidents, and what of each maker (connection, dbt project) is fresh, stale or late: {"incidents": [...],
// "makers": [{name, kind, relations, stale, late, oldest_data_at}]}.
Result<nlohmann::ordered_json> overview(jobs::Database& database);

// Why the data of a relation is as old as it is: {"relation", "state": fresh | stale | late, "data_at", "since",
// "chain": [{relation, kind, data_at, by}], "cause": {kind, event, at, job, attempt, error}, "incidents": [...]}; the
// chain goes from the relation to what the cause is about. Error: Usage (none of that name, with the nearest).
Result<nlohmann::ordered_json> why_relation(jobs::Database& database, std::string const& name);
// Why a job ended as it did: {"job", "name", "state", "attempts": [{n, state, failure, error}], "stale": [...],
// "incidents": [...]}. Error: Usage.
Result<nlohmann::ordered_json> why_job(jobs::Database& database, std::int64_t id);
// What is built from a relation: {"relation", "data_at", "below": [{relation, kind, made_by, distance, through,
// data_at, state}]}. Error: Usage.
Result<nlohmann::ordered_json> impact(jobs::Database& database, std::string const& name);

// A relation by its name, or by a part of it that only one has: `orders` for mart.orders, dbt's unique id. Error:
// Usage.
Result<Relation> named(jobs::Database& database, std::string const& name);

}  // namespace weir::incident
