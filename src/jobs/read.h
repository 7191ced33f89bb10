#pragma once
// Jobs, attempts, circuits and events read from the state's database: within a transaction of the store, or by the
// store itself.

#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "jobs/circuit.h"
#include "jobs/database.h"
#include "jobs/event.h"
#include "jobs/job.h"

namespace weir::jobs {

extern std::string_view const kJobColumns, kEventColumns;  // of a SELECT whose rows job_of() and event_of() read
Job job_of(Rows const& rows, std::size_t row);
Event event_of(Rows const& rows, std::size_t row);

Result<Job> read_job(Database& database, std::int64_t id);  // Usage: there is none, and what the numbers are
Result<std::vector<Attempt>> read_attempts(Database& database, std::int64_t job);
// In their order, after `after`; of a job, or all.
Result<std::vector<Event>> read_events(Database& database, std::int64_t after, std::optional<std::int64_t> job,
                                       int most);

// Of all endpoints that an attempt ever failed to reach, in the order of their names; open or not.
Result<std::vector<Circuit>> read_circuits(Database& database);

// This state's own name, by which receivers of messages and the warehouse tell several of them apart: made from its
// first event, kept with it. Within a transaction.
Result<std::string> instance_of(Database& database);

// As people's commands and the API say it; its time in UTC.
nlohmann::ordered_json event_json(Event const& event);

}  // namespace weir::jobs
