#pragma once
// What others have built on the tables that syncs load, as each sync finds it: what is new since it was looked at last,
// and what is gone, is an event, which says between which two looks that happened. So a view that stands in the way of
// a refresh has an owner and a time. What dbt builds by weir's own jobs is no news.

#include <optional>
#include <string>
#include <vector>

#include "jobs/follower.h"

namespace weir::incident {

struct Dependent {
  std::string kind;    // view, foreign key (incoming), ...
  std::string object;  // view sandbox.stg_country, as PostgreSQL describes it
  std::string owner;
  std::string name;  // schema.name, where it is a relation
};

struct Look {
  std::string table;  // schema.table, as relations are called here
  std::vector<Dependent> found;
  std::int64_t job = 0;  // 0: somebody loaded it by hand
  int attempt = 0;
};

// At the first look at a table all is known; nothing is told.
Status see_dependents(jobs::Change& change, Look const& look);

// The events of dependents that appeared on the table since it was loaded last before event `first`, and had not gone
// before that; up to event `last`.
Result<std::vector<jobs::Event>> appeared(jobs::Database& database, std::string const& table, std::int64_t first,
                                          std::int64_t last);

}  // namespace weir::incident
