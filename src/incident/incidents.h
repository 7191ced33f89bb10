#pragma once
// Incidents: what went wrong for one cause, from its beginning until everything is well again. Failures of the same
// cause are one incident; people are told when it opens and when it is over. It is over by itself: when each job that
// failed has succeeded since, and each relation that it made stale is fresh. What people do with it (acknowledge, note,
// resolve, reopen) is an event like everything else.

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "incident/relations.h"
#include "jobs/store.h"

namespace weir::incident {

struct Incident {
  std::int64_t id = 0;
  std::string fingerprint;
  std::string kind;      // failed, held, late, missed
  std::string state;     // open, acknowledged, resolved
  std::string severity;  // critical, error, warning
  std::string title;
  Instant started_at{}, detected_at{};
  std::optional<Instant> mitigated_at, resolved_at;
  std::string managed_by;
  std::int64_t failures = 1;
};

// What its events name as their object: incident #7.
std::string object_of(std::int64_t id);

struct ConcernedJob {
  std::int64_t job = 0;
  std::string name;
};
struct ConcernedRelation {
  std::string name;
  std::optional<Instant> data_at;  // how old its data was
  std::string through;
};

// ---- what follows from events, in their transaction

// A failure, to be opened as an incident or joined to the one of its cause.
struct Failure {
  std::string fingerprint, kind, severity, title;
  std::optional<std::int64_t> incident;  // the open one that it is known to belong to, whatever its fingerprint
  Instant started_at{};
  std::optional<jobs::Job> job;
  std::vector<Reached> relations;  // those that it concerns
};
struct Opened {
  Incident incident;
  bool is_new = false;
  bool is_graver = false;  // it was open already, and is graver now
};
Result<Opened> open_or_join(jobs::Change& change, Failure const& failure);
// The open incidents that are over now, as they were; they are resolved.
Result<std::vector<Incident>> settle(jobs::Change& change);

// What identifies the cause of a job's failure: its error without what differs from one time to the next.
std::string fingerprint_of(std::string const& job, std::string const& error_json);

// ---- for people. Errors: Usage (there is no such incident), Refused (its state does not allow that).
Result<Incident> find(jobs::Database& database, std::int64_t id);
Result<std::vector<Incident>> list(jobs::Database& database, bool open_only, int most);  // newest first
Result<std::vector<ConcernedJob>> jobs_of(jobs::Database& database, std::int64_t id);
Result<std::vector<ConcernedRelation>> relations_of(jobs::Database& database, std::int64_t id);
// The open incidents that concern a relation or a job.
Result<std::vector<Incident>> open_of(jobs::Database& database, std::string const& relation,
                                      std::optional<std::int64_t> job);

Status acknowledge(jobs::Change& change, std::int64_t id, std::string const& who);
Status note(jobs::Change& change, std::int64_t id, std::string const& who, std::string const& text);
Status resolve(jobs::Change& change, std::int64_t id, std::string const& who, std::string const& text);
Status reopen(jobs::Change& change, std::int64_t id, std::string const& who, std::string const& text);

}  // namespace weir::incident
