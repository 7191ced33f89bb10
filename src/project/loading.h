#pragma once
// The parts of load_project(), in the order in which they run, and what they hand on. For this folder only.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "project/config.h"
#include "project/context.h"
#include "project/files.h"
#include "project/load.h"
#include "project/reference.h"
#include "yaml/node.h"

namespace weir::project {

// A generic test as a properties file says it, before it is a node.
struct TestRequest {
  std::string package;  // of the file that says it
  std::string original_file_path;
  yaml::Mark mark;          // of the entry that it stands in
  std::string yaml_key;     // models, seeds, snapshots, sources
  std::string target_name;  // model, or source name for a source
  std::string table_name;   // of a source
  std::vector<std::string> source_fqn;
  Data version;     // of a versioned model
  Data definition;  // text, or mapping
  std::optional<std::string> column_name;
  std::vector<std::string> tags;
};

// A source's table before patches are applied.
struct SourceRequest {
  std::string package, original_file_path, relative_path;
  yaml::Mark mark;
  Data source, table;  // rendered entries; the source's without its tables
  std::optional<std::string> unrendered_database, unrendered_schema;
};

struct SourcePatch {
  Data entry;
  std::string path;
  yaml::Mark mark;
};

// Nodes while they change: every kind, by unique id, in the order in which they came.
class NodeTable {
 public:
  Node* find(std::string_view unique_id);
  Node& add(Node node);
  void remove(std::string_view unique_id);
  std::vector<Node*> all();
  std::vector<Node*> of_kind(NodeKind kind);

 private:
  std::deque<std::optional<Node>> nodes_;
  std::unordered_map<std::string, std::size_t> by_id_;
};

// Names of models, seeds and snapshots, and of versions ("name.v2"), by package.
class RefLookup {
 public:
  void rebuild(NodeTable& nodes);
  // All that have this name; with a package only that package's.
  std::vector<std::string> find(std::string_view name, std::string_view package, Data const& version = {}) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> by_name_;
};

struct Draft {
  LoadOptions const* options = nullptr;
  Target target;
  std::vector<ProjectFile> projects;
  ContextFacts facts;
  double now = 0;
  std::vector<SourceFile> files;
  std::vector<Macro> macros;
  std::vector<DocBlock> docs;
  std::vector<Group> groups;
  NodeTable nodes;
  std::vector<Node> disabled;
  RefLookup refs;
  std::vector<TestRequest> tests;
  std::vector<SourceRequest> sources;
  std::map<std::pair<std::string, std::string>, SourcePatch> source_patches;  // package, source
  std::map<std::string, Data> fixtures;      // "package.name": rows of a CSV file as a list, text of an SQL file
  std::map<std::string, yaml::Mark> places;  // of a node's entry, for errors
  std::vector<Warning> warnings;

  ProjectFile const& root() const { return projects.front(); }
  ProjectFile const* project(std::string_view name) const;
  // Behaviour flags of dbt_project.yml: what is said there, else dbt's default.
  bool flag(std::string_view name, bool fallback) const;
  // Enabled: into the graph. Else to the disabled ones.
  Status add_node(Node node);
};

// Each adds to the draft. Errors carry a place.
Status read_projects(Draft& draft);        // load_projects.cc: dbt_project.yml, profiles.yml, packages
Status load_macros(Draft& draft);          // load_macros.cc: macros, generic tests, docs
Status parse_nodes(Draft& draft);          // load_nodes.cc: what has SQL of its own, seeds, hooks, functions, fixtures
Status read_properties(Draft& draft);      // load_properties.cc
Status build_sources(Draft& draft);        // load_sources.cc
Status build_generic_tests(Draft& draft);  // load_tests.cc
Status resolve_references(Draft& draft);   // resolve.cc: refs, sources, metrics, docs, groups, access
Status read_semantics(Draft& draft, SourceFile const& file, yaml::Node const& root);   // load_semantics.cc
Status read_unit_tests(Draft& draft, SourceFile const& file, yaml::Node const& root);  // load_unit_tests.cc
Status resolve_unit_tests(Draft& draft);                                               // load_unit_tests.cc

// Shared by them.
// Puts the merged configuration and what follows from it (tags, meta, group, access, names of the relation) into a
// node.
Status configure(Draft const& draft, Node& node, Data::Dict const& patch, Data::Dict const& unrendered_patch);
// Renders hooks for the references and macros in them.
Status render_hooks(Draft const& draft, Node& node);
// Carries out `work(i)` for i < count on several threads; the first failure by number wins.
Status in_parallel(std::size_t count, std::function<Status(std::size_t)> const& work);

// Entries of a properties file.
struct PropertyEntry {
  Data rendered, unrendered;
  yaml::Mark mark;
};
Result<std::vector<PropertyEntry>> property_entries(Draft const& draft, SourceFile const& file, yaml::Node const& root,
                                                    std::string_view key);
std::vector<Column> columns_of(Data const& list);
std::vector<std::string> fqn_of(std::string const& package, std::string_view path);  // without the name
std::string without_extension(std::string_view path);
std::string file_stem(std::string_view path);
// "package://path" of a file.
std::string patch_path_of(SourceFile const& file);
// A text that may be {{ doc(...) }}, rendered; the doc blocks that it names.
Result<std::string> render_description(Draft& draft, std::string const& text, std::string const& package,
                                       std::vector<std::string>& blocks);

}  // namespace weir::project
