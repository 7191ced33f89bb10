#pragma once
// What people are told, in their words: one line each of what happened, why, what it means, whether it heals by itself,
// and what to do. Pure.

#include <string>
#include <vector>

#include "alert/notice.h"
#include "incident/incidents.h"

namespace weir::incident {

struct FailureFacts {
  std::string source, instance;  // the project's name; this weir's
  Incident incident;
  jobs::Job job;
  std::vector<jobs::Attempt> attempts;
  std::vector<Reached> relations;  // with the time of their data
};
alert::Notice failure_notice(FailureFacts const& facts, Instant now);

struct IncidentFacts {
  std::string source, instance;
  Incident incident;
  std::vector<ConcernedJob> jobs;
  std::vector<ConcernedRelation> relations;
};
// A table is older than promised, or a schedule's runs did not take place. `cause`, `next`: a line each.
alert::Notice other_notice(IncidentFacts const& facts, std::string cause, std::string heals, std::string next,
                           Instant now);
alert::Notice recovery_notice(IncidentFacts const& facts, Instant now);

// "10 tables and 14 models"; "" for none.
std::string count_text(std::vector<Reached> const& relations);
// "a, b, c and 7 more"
std::string names_text(std::vector<std::string> const& names, std::size_t most);

}  // namespace weir::incident
