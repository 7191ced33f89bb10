#pragma once
// `--publish together` (write, audit, publish): what the run builds waits in a stage (swap/stage.h), where only this
// run reads it, until every node is done. Then all of it is published in one transaction; or, where anything failed,
// none. For the files of build/ only. Evidence: DESIGN 5; ADR 0018.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "build/run_context.h"
#include "swap/stage.h"

namespace weir::build {

class Together {
 public:
  // `nodes`: those of the run, in an order in which one could be built after the other.
  Together(RunState& run, std::vector<project::NodeIndex> nodes);

  // Refused: something cannot wait, with the node and the reason. Asks nothing of the warehouse.
  Status check(Worker& main);
  // The stage, which lives as long as the session of `main`.
  Status begin(Worker& main);

  // True for a node whose relation waits: it is read where it waits.
  bool holds(project::Node const& node) const { return ids_.contains(node.unique_id); }
  project::RelationParts where_it_waits(project::RelationParts published) const;
  std::string as_published(std::string text) const;
  std::string with_published_strings(std::string query) const;

  // On the node's thread, in the transaction in which it was prepared, which is committed. `existed`: something stood
  // at the name before.
  Status hold(RunContext& context, swap::Prepared prepared, bool existed);
  // For what is changed in place: a copy of what stands at the name, where it waits.
  Status copy_published(RunContext& context, project::RelationParts const& published);
  // What the node's macros made where it waits.
  Status hold_made(RunContext& context, project::RelationParts const& published, bool existed);

  std::size_t size() const;  // what waits now

  // When no node runs any more.
  struct Outcome {
    std::optional<Error> failed;          // nothing was published, or (InDoubt) nobody knows
    std::string failed_at;                // unique id of the node whose hook or grant it was, or ""
    std::map<std::string, Error> behind;  // by unique id: it was published, and a hook behind that failed
    std::map<std::string, std::vector<std::string>> notes;
  };
  Outcome publish(Worker& main);
  Status discard(Worker& worker);

 private:
  struct Held {
    project::NodeIndex node = 0;
    swap::Prepared prepared;
    bool existed = false;
  };
  Status publish_held(Worker& main, std::vector<Held> const& held, Outcome& outcome);

  RunState& run_;
  std::vector<project::NodeIndex> nodes_;
  std::unordered_set<std::string> ids_;
  std::optional<swap::Stage> stage_;
  mutable Mutex mutex_;
  std::map<project::NodeIndex, Held> held_ WEIR_GUARDED_BY(mutex_);
};

}  // namespace weir::build
