#pragma once
// The names that templates see while a node is run: ref() and source() give relations of the warehouse, the adapter
// works on the thread's session, results of statements are kept. One context serves one node on one thread.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "build/run_state.h"
#include "build/table.h"
#include "jinja/object.h"
#include "swap/guard.h"

namespace weir::build {

// A microbatch model's batch.
struct Batch {
  std::string id, start, end;  // 20240101; 2024-01-01 00:00:00+00:00
  std::string label;           // 2024-01-01: of its files
};

class RunContext : public project::DbtContext {
 public:
  RunContext(RunState& run, Worker& worker, project::Node const& node);
  ~RunContext() override;

  RunState& run() const { return run_; }
  Worker& worker() { return worker_; }
  project::Node const& node() const { return node_; }

  // Ephemeral models that ref() met, in order.
  std::vector<project::NodeIndex> const& ephemeral() const { return ephemeral_; }
  // What config.get() answers from: the node's config, as macros changed it.
  project::Data::Dict& config() { return config_; }
  project::Data const& config(std::string_view key) const;
  // What weir alone knows of: `meta: {weir: {drop_dependents: allow, shape: ordinary}}`.
  std::string weir_setting(std::string_view key) const;
  project::RelationParts const& target() const { return target_; }
  // `this`, `schema` and the schema of `model`: elsewhere than the node says.
  void make_it_at(project::RelationParts target);
  void set_compiled(std::shared_ptr<CompiledNode const> code);
  std::string const& sql() const;

  // Results of statements.
  struct StoredResult {
    AdapterResponse response;
    jinja::Value table;
  };
  void store(std::string name, AdapterResponse response, jinja::Value table);
  StoredResult const* stored(std::string_view name) const;

  // Rendering: a text, or a macro by name (found as the node's package finds it).
  Result<std::string> render(std::string name, std::string_view text, int first_line = 1);
  Result<jinja::Value> call(std::string_view macro, std::vector<jinja::Value> arguments,
                            std::vector<std::pair<std::string, jinja::Value>> named = {});

  // Through it go the statements of the project's own text (statements.h).
  Result<swap::Guard*> guard();
  bool is_guarded() const { return guard_.has_value(); }
  void forget_guard() { guard_.reset(); }

  // What `write` wrote last.
  std::string const& written() const { return written_; }
  std::filesystem::path target_folder() const;
  jinja::Value adapter_dispatch() { return dispatch_function(); }

  // unit tests: relations by the name that ref() and source() were asked for
  std::unordered_map<std::string, std::string> fixtures;
  std::vector<std::string> used_fixtures;  // by unique id, as the template met them
  std::unordered_map<std::string, jinja::Value> overrides;
  std::optional<Batch> batch;
  std::vector<project::Hook> pre_hooks,
      post_hooks;  // the node's; of a batch: what stands before the first, behind the last
  std::optional<project::RelationParts> this_instead;  // of a unit test: the tested model's
  bool is_incremental_build = false;

  // What weir kept, moved or left, for the report.
  std::vector<std::string> notes;

  std::vector<std::string> member_names() const override;

 protected:
  jinja::Value member(std::string_view name) override;

 private:
  friend class RunAdapter;
  jinja::Outcome<jinja::Value> call_ref(jinja::Arguments const& arguments);
  jinja::Outcome<jinja::Value> call_source(jinja::Arguments const& arguments);
  jinja::Outcome<jinja::Value> call_function(jinja::Arguments const& arguments);
  jinja::Outcome<jinja::Value> relation_to(project::Node const& node);
  void filter_by_time(project::RelationParts& parts, project::Node const& node) const;
  jinja::Value model();
  jinja::Value graph();
  jinja::Value make_graph() const;

  RunState& run_;
  Worker& worker_;
  project::Node const& node_;
  project::RelationParts target_;
  project::Data::Dict config_;
  std::vector<project::NodeIndex> ephemeral_;
  std::shared_ptr<CompiledNode const> compiled_;
  std::unordered_map<std::string, StoredResult> stored_;
  std::string written_;
  std::optional<swap::Guard> guard_;
  jinja::Value model_;
  std::optional<jinja::Value> graph_as_taken_;  // where this context took it
};

// A seed's file, with its types. Error: Data, Config.
Result<SeedRows> read_seed(RunContext& context);

// The adapter of a context.
jinja::Value make_run_adapter(RunContext& context);
// The macro of an incremental strategy, as the node sees it. Error: Template.
Result<jinja::Value> incremental_strategy(RunContext& context, std::string const& strategy);

}  // namespace weir::build
