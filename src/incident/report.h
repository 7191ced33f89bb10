#pragma once
// The post-mortem of an incident, in the form that teams write it in, from what was recorded: the same events and logs
// give the same bytes. What only people can say (lessons, actions) is left to them, with the facts at hand.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "incident/document.h"
#include "incident/incidents.h"
#include "jobs/zone.h"

namespace weir::incident {

// A relation that was not as new as it was to be, as the incident's events say it.
struct Impact {
  std::string relation, kind, source, made_by, through;
  std::optional<Instant> data_at;  // what its data was stale to
};

struct ReportFacts {
  std::string source;  // the project's name
  Incident incident;
  std::vector<Impact> impact;
  std::vector<std::int64_t> failed;  // the jobs that failed for its cause
  std::vector<jobs::Job> jobs;       // those, and the ones that made it well again
  std::map<std::int64_t, std::vector<jobs::Attempt>> attempts;
  std::vector<jobs::Event> events;    // all that belongs to it, in their order
  std::vector<jobs::Event> appeared;  // what others built on its tables since those were loaded last; among the events
};

// Error: Usage (there is no such incident).
Result<ReportFacts> collect(jobs::Database& database, std::int64_t id, std::string source);

// The end of an attempt's log; "" where there is none.
using LogTail = std::function<std::string(std::int64_t job, int attempt)>;

Document report_document(ReportFacts const& facts, jobs::Zone const& zone, LogTail const& log);
std::string report_title(ReportFacts const& facts, jobs::Zone const& zone);
// The same facts for programs; times in UTC.
nlohmann::ordered_json report_json(ReportFacts const& facts);
// The zone that the first failed job is scheduled in, or UTC.
std::string zone_of(ReportFacts const& facts);

}  // namespace weir::incident
