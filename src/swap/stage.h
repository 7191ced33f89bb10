#pragma once
// A stage: where relations that were prepared wait until all of them are published together. Each can be read meanwhile
// by its own name in a schema of the stage, one for each schema of the warehouse: a view of what waits. Nothing of it
// is in anybody's way, and the names say whose it is: weir_stage_<id>_<n>_.
//
//   open()     schemas, and a lock by which others see that the stage has an owner
//   show()     behind each prepare(): the view by which the relation is read
//   clear()    in publish()'s transaction, before it: views and schemas go
//   discard()  instead of publishing: what waits goes with them
//
// A stage whose owner has ended (its session is gone) is removed by the next one who looks: remove_abandoned_stages().
// Transactions: open(), show(), clear() and discard() work inside of the caller's and leave it open. A Stage is a value
// that never changes: any thread may read it, each with a session of its own role.

#include <span>
#include <string>
#include <vector>

#include "swap/relation.h"

namespace weir::swap {

class Stage {
 public:
  // `schemas`: those of the relations that will wait. The stage lives as long as `session`. Denied: the role may not
  // create schemas in the database.
  static Result<Stage> open(pg::Session& session, std::span<std::string const> schemas);

  // Where a relation of that name is read while it waits.
  sql::QualifiedName name(sql::QualifiedName const& target) const;
  // A text that reads what waits, as it reads once that is published.
  std::string as_published(std::string text) const;
  // A query that reads what waits, whose rows tell nothing of the stage: within strings names are those of what is
  // published, but for those that are a relation ('...'::regclass).
  std::string with_published_strings(std::string query) const;

  // A table is read from where it waits, a view by its `build_query`. Whatever stood at the stage's name must be gone.
  Status show(pg::Session& session, Prepared const& prepared) const;
  Status clear(pg::Session& session) const;
  Status discard(pg::Session& session) const;

 private:
  struct Schema {
    std::string published, staged;
  };
  std::string prefix_;  // of the stage's schemas
  std::vector<Schema> schemas_;
};

// `schemas`: the warehouse's, seen before. One stage after the other, each in a transaction of its own: `session` has
// none open. A line for each stage that was removed, or could not be.
Result<std::vector<std::string>> remove_abandoned_stages(pg::Session& session, std::span<std::string const> schemas);

}  // namespace weir::swap
