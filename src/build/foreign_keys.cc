#include "build/foreign_keys.h"

#include "base/text.h"
#include "project/reference.h"

namespace weir::build {

using project::Data;
using project::Node;
using project::NodeKind;
using project::RelationParts;

ForeignKeys::ForeignKeys(project::Manifest const& manifest, Lookup const& lookup, Data const& quoting) {
  for (auto const& node : manifest.nodes()) {
    if (node.kind != NodeKind::Model || !node.contract.enforced) continue;
    add(node, node.constraints, lookup, quoting);
    for (auto const& column : node.columns) add(node, column.constraints, lookup, quoting);
  }
}

bool ForeignKeys::lead_to(RelationParts const& relation) const {
  return hold(all_, name_of(relation));
}

bool ForeignKeys::lead_to(RelationParts const& relation, Node const& from) const {
  auto const found = by_node_.find(from.unique_id);
  return found != by_node_.end() && hold(found->second, name_of(relation));
}

void ForeignKeys::add(Node const& node, Data const& constraints, Lookup const& lookup, Data const& quoting) {
  for (auto const& one : constraints.items()) {
    if (one["type"].str() != "foreign_key") continue;
    bool const is_relation = one["to"].truth() && one["to_columns"].truth();
    std::string const text = one[is_relation ? "to" : "expression"].str();
    auto const reference = project::parse_reference(text, {});
    Name name;
    if (!is_relation || !reference.ok()) {
      name = name_in(text);
    } else {
      auto const* target = reference->ref ? lookup.ref(*reference->ref, node.package_name)
                           : reference->source.size() == 2
                               ? lookup.source(reference->source[0], reference->source[1], node.package_name)
                               : nullptr;
      if (target == nullptr) continue;
      name = name_of(project::relation_of(*target, target->source ? Data() : quoting));
    }
    by_node_[node.unique_id].insert(name);
    all_.insert(std::move(name));
  }
}

bool ForeignKeys::hold(Names const& names, Name const& name) {
  return names.contains(name) || names.contains({"", name.name});
}

ForeignKeys::Name ForeignKeys::name_of(RelationParts const& relation) {
  auto const part = [](std::optional<std::string> const& said, bool is_quoted) {
    std::string const text = said.value_or("");
    return is_quoted ? text : to_lower(text);
  };
  return {part(relation.schema, relation.quote[1]), part(relation.identifier, relation.quote[2])};
}

// The last two parts of the name that an expression begins with: other."Table" of `other."Table" (id) on delete ...`.
ForeignKeys::Name ForeignKeys::name_in(std::string_view sql) {
  Name name;
  bool is_quoted = false;
  for (char const c : trim(sql)) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (is_quoted) {
      name.name += c;
    } else if (c == '.') {
      name = {std::move(name.name), ""};
    } else if (c == '(' || c == ' ' || c == '\n' || c == '\t') {
      break;
    } else {
      name.name += to_lower(std::string_view(&c, 1));
    }
  }
  return name;
}

}  // namespace weir::build
