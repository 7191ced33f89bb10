#pragma once
// Everything that a dbt project's files say, resolved: the value that all commands work on. Made by load_project(),
// immutable from then on, shared by all threads.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "project/graph.h"
#include "project/node.h"
#include "project/profile.h"
#include "project/project_file.h"

namespace weir::project {

class MacroLibrary;

// Something that was found while parsing and is no mistake for certain.
struct Warning {
  std::string event;  // dbt's name for it, by which people silence it
  std::string text;   // a line
};

class Manifest {
 public:
  // What load_project() puts together.
  struct Parts {
    Target target;
    std::vector<ProjectFile> projects;  // the root project first, then packages in the order they were found
    std::vector<Node> nodes;            // enabled ones, of every kind, in dbt's order within a kind
    std::vector<Node> disabled;
    std::vector<Macro> macros;
    std::vector<DocBlock> docs;
    std::vector<Group> groups;
    Data selectors = Data::Dict{};                // of selectors.yml, in dbt's canonical form
    Data selector_definitions = Data::List{};     // the same as written, rendered
    std::shared_ptr<MacroLibrary const> library;  // null for one that was read from manifest.json
    Data::Dict vars;                              // of --vars
    std::string invocation_id, generated_at;      // generated_at: 2026-11-24T03:00:00.000000Z
    std::vector<Warning> warnings;
  };
  explicit Manifest(Parts parts);

  Target const& target() const { return parts_.target; }
  ProjectFile const& root() const { return parts_.projects.front(); }
  std::span<ProjectFile const> projects() const { return parts_.projects; }
  ProjectFile const* project(std::string_view name) const;

  std::span<Node const> nodes() const { return parts_.nodes; }
  std::span<Node const> disabled() const { return parts_.disabled; }
  std::span<Macro const> macros() const { return parts_.macros; }
  std::span<DocBlock const> docs() const { return parts_.docs; }
  std::span<Group const> groups() const { return parts_.groups; }
  Data const& selectors() const { return parts_.selectors; }
  Data const& selector_definitions() const { return parts_.selector_definitions; }
  std::shared_ptr<MacroLibrary const> const& library() const { return parts_.library; }
  Data::Dict const& vars() const { return parts_.vars; }
  std::string const& invocation_id() const { return parts_.invocation_id; }
  std::string const& generated_at() const { return parts_.generated_at; }
  std::span<Warning const> warnings() const { return parts_.warnings; }

  Node const* find(std::string_view unique_id) const;
  std::optional<NodeIndex> index_of(std::string_view unique_id) const;
  Macro const* find_macro(std::string_view unique_id) const;
  Graph const& graph() const { return graph_; }

 private:
  Parts parts_;
  std::unordered_map<std::string_view, NodeIndex> by_id_;
  std::unordered_map<std::string_view, std::size_t> macros_by_id_;
  Graph graph_;
};

using ManifestPtr = std::shared_ptr<Manifest const>;

}  // namespace weir::project
