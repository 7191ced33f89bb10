#pragma once
// Which relations the contracts of models refer to by foreign keys: read off the manifest once a run. Immutable; any
// thread. For the files of build/ only.

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "build/build.h"
#include "project/manifest.h"
#include "project/relation.h"

namespace weir::build {

class ForeignKeys {
 public:
  ForeignKeys(project::Manifest const& manifest, Lookup const& lookup, project::Data const& quoting);
  // Whether any model refers to it.
  bool lead_to(project::RelationParts const& relation) const;
  // Whether this model does.
  bool lead_to(project::RelationParts const& relation, project::Node const& from) const;

 private:
  struct Name {
    std::string schema, name;  // schema: empty where SQL says none, and any will do
    auto operator<=>(Name const&) const = default;
  };
  using Names = std::set<Name>;

  static Name name_of(project::RelationParts const& relation);
  static Name name_in(std::string_view sql);
  static bool hold(Names const& names, Name const& name);
  void add(project::Node const& node, project::Data const& constraints, Lookup const& lookup,
           project::Data const& quoting);

  Names all_;
  std::map<std::string, Names, std::less<>> by_node_;
};

}  // namespace weir::build
