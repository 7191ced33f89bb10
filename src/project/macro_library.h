#pragma once
// All macros of a project, its packages and weir's own library, parsed, and the rules by which a name finds one. Never
// changes once it is made; any thread may use it.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/environment.h"
#include "project/node.h"
#include "project/project_file.h"

namespace weir::project {

struct MacroCode {
  std::string unique_id, name, package_name;
  std::shared_ptr<jinja::Template const> code;
  jinja::Definition const* definition = nullptr;  // of `code`
};

// Packages that belong to dbt itself, the one that wins first.
inline constexpr std::string_view kInternalPackages[] = {"dbt_postgres", "dbt"};
bool is_internal_package(std::string_view package);

class MacroLibrary {
 public:
  MacroLibrary(std::vector<MacroCode> macros, std::string root_package, std::vector<DispatchRule> dispatch,
               std::vector<std::string> packages);

  // What `name` is for a node of package `local`: the package's own macro, else the root project's, else dbt's.
  MacroCode const* find(std::string_view local, std::string_view name) const;
  // package.name, also dbt.name.
  MacroCode const* find_in(std::string_view package, std::string_view name) const;
  bool has_package(std::string_view package) const;
  // The name as generic tests and static dependencies find it: the package's own macro, else the last of all that have
  // it, root last.
  MacroCode const* find_anywhere(std::string_view local, std::string_view name) const;
  MacroCode const* by_id(std::string_view unique_id) const;
  // Macros of `package` (dbt: of both internal packages) by name.
  std::map<std::string, MacroCode const*, std::less<>> const& of_package(std::string_view package) const;

  // adapter.dispatch(name, namespace): the macro that it stands for, or null and the names that were tried.
  MacroCode const* dispatch(std::string_view local, std::string_view name, std::string_view macro_namespace,
                            std::vector<std::string>* tried = nullptr) const;
  // generate_schema_name and its kin: the root project's, else dbt's; with `package`, only that package's own.
  MacroCode const* find_generator(std::string_view name, std::string_view package = {}) const;

  std::string const& root_package() const { return root_; }
  std::vector<MacroCode> const& macros() const { return macros_; }
  std::vector<std::string> names() const;

 private:
  using Names = std::map<std::string, MacroCode const*, std::less<>>;
  std::vector<MacroCode> macros_;
  std::string root_;
  std::vector<DispatchRule> dispatch_;
  std::vector<std::string> packages_;
  std::map<std::string, Names, std::less<>> by_package_;
  Names internal_, any_, by_id_;
};

}  // namespace weir::project
