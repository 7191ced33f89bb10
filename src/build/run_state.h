#pragma once
// What all threads of a run share: the project, the options, what the warehouse was seen to hold, and the results so
// far. For the files of build/ only.

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "build/build.h"
#include "build/cte.h"
#include "build/foreign_keys.h"
#include "build/kept_in_graph.h"
#include "build/results.h"
#include "build/worker.h"
#include "project/context.h"
#include "project/load.h"
#include "project/relation.h"

namespace weir::build {

class Together;

// Relations of the schemas that were asked about, and functions, which may have the same names. A schema is read when
// it is first needed, or with all others at the beginning.
class RelationCache {
 public:
  enum class Wanted : std::uint8_t { Relation, Function };
  explicit RelationCache(std::string database) : database_(std::move(database)) {}
  // What stands at the name, or nothing. Reads the schema where it is not known yet.
  Result<std::optional<project::RelationParts>> find(Worker& worker, std::string const& schema,
                                                     std::string const& identifier, Wanted wanted = Wanted::Relation);
  Status read(Worker& worker, std::vector<std::string> const& schemas);
  void add(project::RelationParts const& relation);
  void remove(project::RelationParts const& relation);
  void rename(project::RelationParts const& from, project::RelationParts const& to);
  void forget(std::string const& schema);
  std::vector<project::RelationParts> of_schema(std::string const& schema);

 private:
  using Named = std::map<std::string, project::RelationParts, std::less<>>;
  struct Schema {
    Named relations, functions;
    Named& of(project::RelationParts const& one) { return one.type == "function" ? functions : relations; }
  };
  std::string database_;
  Mutex mutex_;
  std::map<std::string, Schema, std::less<>> schemas_ WEIR_GUARDED_BY(mutex_);
};

// A node's SQL once its template was rendered.
struct CompiledNode {
  std::string code;               // with the CTEs of ephemeral models
  std::string own_code;           // without
  std::vector<InjectedCte> ctes;  // all that it needs, in order
  std::filesystem::path file;     // where it was written, or ""
};

struct RunState {
  RunState(RunOptions options_, EventLog& log_)
      : options(std::move(options_)),
        log(log_),
        manifest(*options.project->manifest),
        cache(manifest.target().database),
        foreign_keys(manifest, *options.lookup, facts().root().quoting) {}

  RunOptions options;
  EventLog& log;
  project::Manifest const& manifest;
  project::ContextFacts const& facts() const { return options.project->facts; }
  RelationCache cache;
  KeptInGraph kept_in_graph;
  ForeignKeys const foreign_keys;

  // --publish together: where relations wait; null where each is published by itself.
  Together* together = nullptr;
  // A text as it reads when all is published.
  std::string as_published(std::string text) const;

  // Compiled once, by whoever comes first; the others wait.
  std::shared_ptr<CompiledNode const> compiled(std::string const& unique_id);
  void keep(std::string const& unique_id, std::shared_ptr<CompiledNode const> code);
  std::map<std::string, project::CompiledFacts> compiled_facts();  // of all that were

  void add(NodeResult result);
  std::vector<NodeResult> take_results();
  std::vector<NodeResult> const& results() const { return results_; }  // when no thread works any more

  // Node to relation, with what --defer says.
  project::RelationParts relation(project::Node const& node) const;
  std::optional<project::RelationParts> deferred(project::Node const& node) const;

 private:
  Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<CompiledNode const>> compiled_ WEIR_GUARDED_BY(mutex_);
  std::vector<NodeResult> results_;
};

}  // namespace weir::build
