#pragma once
// What templates keep in `graph` (graph.setdefault("mine", {})): packages carry things that way from on-run-start to
// the nodes, and from the nodes to on-run-end. In dbt all threads have one `graph`. Here each has its own, and what a
// node changed in it is there for whoever begins behind it.

#include <array>
#include <string_view>

#include "base/mutex.h"
#include "jinja/value.h"

namespace weir::build {

// The manifest's own keys of `graph`.
inline constexpr std::array<std::string_view, 8> kGraphSections{
    "nodes", "sources", "exposures", "metrics", "groups", "semantic_models", "saved_queries", "functions"};

// Any thread.
class KeptInGraph {
 public:
  // Puts into a thread's graph what was kept so far. The answer is for give().
  jinja::Value take(jinja::Dict& graph);
  // Keeps what was changed in it since. Of two who changed the same, dicts and lists hold what both added; else the
  // later one counts.
  void give(jinja::Dict const& graph, jinja::Value const& taken);

 private:
  Mutex mutex_;
  jinja::Value kept_ WEIR_GUARDED_BY(mutex_) = jinja::dict_of({});
};

}  // namespace weir::build
