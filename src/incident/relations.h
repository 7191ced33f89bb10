#pragma once
// How new the data of each relation is, and what it is made from: kept up to date by events. A relation is stale when
// it was to be newer and is not: it was not refreshed, or it was built from something that is stale. It then names the
// event that says why, and through which relation that came. The next good run clears it.
// What is between two runs as it has to be is not stale.

#include <optional>
#include <string>
#include <vector>

#include "jobs/follower.h"

namespace weir::incident {

struct Relation {
  std::string name = {};     // schema.table, quoted where needed
  std::string kind = {};     // table (a sync loads it), model, view (dbt builds them)
  std::string made_by = {};  // the connection, or dbt's unique id
  std::string source = {};   // the table's name at the source; what dbt selects the model by
  std::string step = {};     // the job that made it last
  std::optional<Instant> data_at = {}, made_at = {}, stale_since = {}, late_since = {};
  std::optional<std::int64_t> stale_cause = {};  // an event
  std::string stale_by = {};
  std::string late_level = {};  // warn, error: the promise that its age broke
};

// What an event of a table or a model says about it.
Status take_table(jobs::Change& change, jobs::Event const& event);
Status take_model(jobs::Change& change, jobs::Event const& event);
// The job ended badly: what it makes, and has not made since `began`, is stale.
Status take_failed_job(jobs::Change& change, jobs::Event const& event, Instant began);
// The job did all that it does: what it made once, and has said nothing of since `began`, it makes no more.
Status take_whole_job(jobs::Change& change, jobs::Event const& event, Instant began);

Result<std::optional<Relation>> find_relation(jobs::Database& database, std::string const& name);
Result<std::vector<Relation>> all_relations(jobs::Database& database);

// A relation and how it was reached from another one.
struct Reached {
  Relation relation;
  std::string through;  // the neighbour nearer to where it began; "" at the beginning
  int distance = 0;
};
// The relation itself first, then what is built from it (`down`) or what it is built from, nearest first, each once.
Result<std::vector<Reached>> reach(jobs::Database& database, std::vector<std::string> const& from, bool down);

// The relations that are stale: by themselves, or because what they show or are built from next is.
Result<std::vector<Relation>> stale_relations(jobs::Database& database);

// When the data was read: a view's is as old as the oldest of what it shows.
Result<std::optional<Instant>> data_time(jobs::Database& database, Relation const& relation);

}  // namespace weir::incident
