#pragma once
// Running dbt projects: `weir dbt run`, `build`, `test`, `seed`, `snapshot`, `compile`, `show`, `clone`, `source
// freshness`, `run-operation` and `docs generate`.
//
//   plan()     which nodes, what each waits for                 -> BuildPlan (a value; pure)
//   explain    the plan as text and JSON
//   run()      the only side effects: sessions, relations, files below target/ -> RunReport (a value)
//
// Models are made by dbt's materialization macros. Where no project or package overrides a macro on the way, weir goes
// a way of its own through swap/: what depends on a relation is never lost. Any thread may call; run() uses
// RunOptions::threads threads more.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "build/event_time.h"
#include "build/events.h"
#include "build/results.h"
#include "project/context.h"
#include "project/manifest.h"
#include "project/select.h"

namespace weir::build {

// A project that was read, with what templates share while it runs. Immutable.
struct Project {
  // `flags`: what templates see as `flags`, by upper-case name.
  Project(project::ManifestPtr manifest, project::Data::Dict flags, std::int64_t run_started_us);
  Project(Project const&) = delete;
  Project& operator=(Project const&) = delete;

  project::ManifestPtr manifest;
  std::vector<project::ProjectFile> projects;
  project::ContextFacts facts;
};

enum class Command : std::uint8_t { Run, Build, Test, Seed, Snapshot, Compile, Show, Clone, Freshness, DocsGenerate };
std::string_view command_name(Command command);

// Finds nodes as ref(), source() and function() name them. Immutable.
class Lookup {
 public:
  explicit Lookup(project::Manifest const& manifest);
  project::Node const* ref(project::Ref const& ref, std::string_view package) const;
  project::Node const* source(std::string_view source, std::string_view table, std::string_view package) const;
  project::Node const* function(std::string_view name) const;
  std::vector<std::string> const& names() const { return names_; }

 private:
  std::unordered_multimap<std::string, project::Node const*> refs_, sources_;
  std::vector<std::string> names_;
};

struct RunOptions {
  Command command = Command::Run;
  std::shared_ptr<Project const> project;
  std::shared_ptr<Lookup const> lookup;  // made by run() where it is null
  std::vector<project::NodeIndex> selected;
  std::size_t threads = 1;
  bool full_refresh = false, fail_fast = false, store_failures = false, empty = false;
  bool introspect = true, inject_ephemeral_ctes = true, write_json = true, show_seeds = false;
  bool publish_together = false;          // --publish together: all relations in one transaction, or none
  bool test_warnings_fail = false;        // --warn-error and what is like it
  bool skip_behind_failed_start = false;  // a hook of on-run-start that fails keeps the nodes from running
  std::optional<EventTime> event_time_start, event_time_end;  // both, or neither
  std::optional<TimeWindow> sample;  // --sample: rows of this time only, of what has an event_time
  project::ManifestPtr deferred;     // --defer: where relations are taken from that this run does not build
  bool favor_state = false;
  std::filesystem::path target_folder;
  project::Data args = project::Data::Dict{};  // of the command line, for run_results.json
  std::string invocation_id, started_at;
  std::stop_token stop;
  // compile, show: what is printed of the nodes.
  std::vector<std::string> print_nodes;  // by name; show: every one where none is named
  bool print_as_json = false;
  std::int64_t show_limit = 5;  // rows; negative: all
  // Retry of microbatch models, by unique id: batches that failed are carried out, those that succeeded stand in the
  // result again. Other models' batches end when the run that is taken up began.
  std::vector<std::pair<std::string, BatchResult>> earlier_batches;
  std::optional<EventTime> batches_until;
};

// ---- plan

struct PlannedNode {
  project::NodeIndex node = 0;
  std::vector<std::uint32_t> waits_for;  // indexes of BuildPlan::nodes
};

struct BuildPlan {
  Command command = Command::Run;
  std::vector<PlannedNode> nodes;  // in an order in which one thread could do them
  std::vector<std::string> empty_criteria;
};

// Pure. What is selected and can be run by the command; an ephemeral model is compiled only, sources carry the order.
BuildPlan plan(project::Manifest const& manifest, Command command, std::vector<project::NodeIndex> const& selected);
std::string explain_text(BuildPlan const& plan, project::Manifest const& manifest);
nlohmann::ordered_json explain_json(BuildPlan const& plan, project::Manifest const& manifest);

// ---- run

// Errors: what keeps the run from beginning (no connection, a hook that fails). What fails within it stands in the
// report.
Result<RunReport> run(RunOptions options, EventLog& log);

// ---- what run() would do

// One node's relation: how it would be made, and what of others depends on it.
struct Outlook {
  struct Dependent {
    std::string kind, object, owner;
    bool is_outside = false;  // no node of the project makes it
    bool moves = false;       // it is pointed at a new relation; else nothing happens to it
  };
  std::string unique_id, relation, materialized;
  std::string way, reason;  // as swap/ names them; "macros" where the project's macros make it
  std::vector<Dependent> dependents;
  std::vector<std::string> warnings;
  std::optional<Error> error;  // why it cannot be planned: its parents are not there yet, something would be lost
};
struct RunOutlook {
  std::vector<Outlook> nodes;
  // Relations in the project's schemas that belong to this role and that no node makes: schema.name and kind.
  std::vector<std::pair<std::string, std::string>> orphans;
};
// Reads only: what the plan's nodes would do to the warehouse as it stands now.
Result<RunOutlook> look_ahead(RunOptions options, EventLog& log);
std::string explain_text(RunOutlook const& outlook);
nlohmann::ordered_json explain_json(RunOutlook const& outlook);

struct OperationOptions {
  std::string macro;  // name or package.name
  project::Data arguments = project::Data::Dict{};
  std::string sql;  // instead of a macro
};
Result<RunReport> run_operation(RunOptions options, OperationOptions const& operation, EventLog& log);

// A text that is no node: `compile --inline`, `show --inline`, `show --inline-direct`. Printed as dbt prints it.
enum class InlineText : std::uint8_t { Template, Sql };
Status run_inline(RunOptions options, std::string const& text, InlineText kind, EventLog& log);

// `source freshness`: how old the newest row of each selected source is, between the project's hooks; written to
// `output`. A source that cannot be asked is a result.
struct FreshnessReport {
  std::vector<FreshnessResult> results;
  bool hook_failed = false;
  int exit_code() const;  // 0, or 1 where a source is too old or cannot be asked, or a hook failed
};
Result<FreshnessReport> run_freshness(RunOptions options, std::filesystem::path const& output, EventLog& log);
// `docs generate`: target/catalog.json of the relations among `selected`.
Status write_catalog(RunOptions options, EventLog& log);

// Tries to connect: `weir dbt debug`.
Status try_connection(project::Target const& target);

}  // namespace weir::build
