// state: what is different from an earlier manifest. Compared as dbt compares: what was written, not what came of it.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "project/macro_library.h"
#include "project/select_spec.h"

namespace weir::project {
namespace {

bool is_same_key(Data const& a, Data const& b, std::string_view key) {
  auto const* x = a.find(key);
  auto const* y = b.find(key);
  if (x == nullptr || y == nullptr) return x == y;
  return *x == *y;
}

bool is_same_config(Node const& node, Node const& old) {
  auto const& a = node.unrendered_config;
  auto const& b = old.unrendered_config;
  if (node.kind == NodeKind::Test) {
    for (std::string_view const key :
         {"severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures", "store_failures_as"})
      if (!is_same_key(a, b, key)) return false;
    return true;
  }
  bool const is_node = node.kind <= NodeKind::Function;
  std::set<std::string_view> keys;
  for (auto const* said : {&a, &b})
    for (auto const& [key, value] : said->pairs()) keys.insert(key);
  for (auto const key : keys) {
    bool const is_left_out =
        is_node && (key == "alias" || key == "schema" || key == "database" || key == "tags" || key == "group");
    if (!is_left_out && !is_same_key(a, b, key)) return false;
  }
  return true;
}

bool is_same_body(Node const& node, Node const& old) {
  if (node.kind != NodeKind::Seed) return node.raw_code == old.raw_code;
  return node.checksum.name == old.checksum.name && node.checksum.value == old.checksum.value;
}

bool is_same_relation(Node const& node, Node const& old) {
  if (node.source)
    return old.source && node.database == old.database && node.schema == old.schema &&
           node.source->identifier == old.source->identifier;
  for (std::string_view const key : {"database", "schema", "alias"})
    if (!(node.unrendered_config[key] == old.unrendered_config[key])) return false;
  return true;
}

bool is_same_persisted_description(Node const& node, Node const& old) {
  auto const& persist = node.config["persist_docs"];
  if (persist["relation"].truth() && node.description != old.description) return false;
  if (!persist["columns"].truth()) return true;
  std::map<std::string, std::string> ours, theirs;
  for (auto const& column : node.columns) ours[column.name] = column.description;
  for (auto const& column : old.columns) theirs[column.name] = column.description;
  return ours == theirs;
}

bool is_same_contract(Node const& node, Node const& old) {
  if (node.kind != NodeKind::Model || old.kind != NodeKind::Model) return true;
  if (!old.contract.enforced && !node.contract.enforced) return true;
  return old.contract.enforced == node.contract.enforced && old.contract.checksum == node.contract.checksum;
}

// The same whatever the order of the keys, and whether what is not said is null or missing: manifests of dbt's and of
// weir's differ in both.
bool says_the_same(Data const& a, Data const& b) {
  if (a.is_dict() && b.is_dict()) {
    for (auto const* said : {&a, &b})
      for (auto const& [key, value] : said->pairs())
        if (!says_the_same(a[key], b[key])) return false;
    return true;
  }
  if (!a.is_list() || !b.is_list()) return a == b;
  auto const& x = a.items();
  auto const& y = b.items();
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), says_the_same);
}

bool is_same_content(Node const& node, Node const& old) {
  switch (node.kind) {
    case NodeKind::Source:
      return is_same_relation(node, old) && node.fqn == old.fqn && is_same_config(node, old) &&
             node.source->quoting == old.source->quoting && node.source->freshness == old.source->freshness &&
             node.source->loaded_at_field == old.source->loaded_at_field &&
             node.source->external == old.source->external;
    case NodeKind::Exposure:
      return node.fqn == old.fqn && node.exposure && old.exposure && node.exposure->type == old.exposure->type &&
             node.exposure->owner == old.exposure->owner && node.exposure->maturity == old.exposure->maturity &&
             node.exposure->url == old.exposure->url && node.description == old.description &&
             node.exposure->label == old.exposure->label && node.depends_on.nodes == old.depends_on.nodes &&
             is_same_config(node, old);
    case NodeKind::UnitTest:
      return node.checksum.value == old.checksum.value;
    case NodeKind::Metric:
    case NodeKind::SemanticModel:
    case NodeKind::SavedQuery:
      return says_the_same(node.body, old.body) && node.description == old.description && is_same_config(node, old);
    case NodeKind::Test:
      if (node.generic_test) return is_same_config(node, old) && node.fqn == old.fqn;
      [[fallthrough]];
    default:
      break;
  }
  bool const same = is_same_body(node, old) && is_same_config(node, old) && is_same_persisted_description(node, old) &&
                    node.fqn == old.fqn && is_same_relation(node, old) && is_same_contract(node, old);
  if (node.kind != NodeKind::Model) return same;
  return same && node.latest_version == old.latest_version && node.access == old.access &&
         node.deprecation_date == old.deprecation_date;
}

// Macros that the program ships are none of the project's, and read otherwise in a manifest that dbt wrote.
class Macros {
 public:
  Macros(Manifest const& now, Manifest const& before) : now_(now) {
    for (auto const& macro : now.macros()) {
      if (is_internal_package(macro.package_name)) continue;
      auto const* old = before.find_macro(macro.unique_id);
      if (old == nullptr || old->macro_sql != macro.macro_sql) changed_.insert(macro.unique_id);
    }
    for (auto const& old : before.macros())
      if (!is_internal_package(old.package_name) && now.find_macro(old.unique_id) == nullptr)
        changed_.insert(old.unique_id);
  }

  bool has_changed_for(Node const& node) const {
    std::set<std::string_view> seen;
    return any_changed(node.depends_on.macros, seen);
  }

 private:
  bool any_changed(std::vector<std::string> const& ids, std::set<std::string_view>& seen) const {
    for (auto const& id : ids) {
      if (!seen.insert(id).second) continue;
      if (changed_.count(id) > 0) return true;
      if (auto const* macro = now_.find_macro(id); macro != nullptr && any_changed(macro->depends_on, seen))
        return true;
    }
    return false;
  }

  Manifest const& now_;
  std::set<std::string, std::less<>> changed_;
};

}  // namespace

Result<std::vector<char>> find_by_state(Manifest const& manifest, std::string const& value,
                                        PreviousState const* state) {
  static std::vector<std::string> const known{"new",
                                              "old",
                                              "modified",
                                              "unmodified",
                                              "modified.body",
                                              "modified.configs",
                                              "modified.persisted_descriptions",
                                              "modified.relation",
                                              "modified.macros",
                                              "modified.contract"};
  if (std::find(known.begin(), known.end(), value) == known.end())
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is no value of method \"state\"", value))
        .next(
            "it is new, old, modified, unmodified, or modified.body, .configs, .relation, .macros, .contract, "
            ".persisted_descriptions");
  if (state == nullptr || state->manifest == nullptr)
    return Error(ErrorKind::Usage, "method \"state\" needs the manifest.json of an earlier run")
        .next("name its folder with --state");
  Manifest const& before = *state->manifest;
  Macros const macros(manifest, before);
  auto const modified = [&](Node const& node, Node const* old) {
    if (old == nullptr || !is_same_content(node, *old)) return true;
    return macros.has_changed_for(node);
  };
  auto const matches = [&](Node const& node) {
    Node const* old = before.find(node.unique_id);
    if (value == "new") return old == nullptr;
    if (value == "old") return old != nullptr;
    if (value == "modified") return modified(node, old);
    if (value == "unmodified") return !modified(node, old);
    if (value == "modified.macros") return macros.has_changed_for(node);
    if (old == nullptr)
      return node.kind <= NodeKind::Function || value == "modified.configs" || value == "modified.relation";
    if (value == "modified.body") return node.kind <= NodeKind::Function && !is_same_body(node, *old);
    if (value == "modified.configs") return !is_same_config(node, *old);
    if (value == "modified.relation") return !is_same_relation(node, *old);
    if (value == "modified.contract") return !is_same_contract(node, *old);
    return node.kind <= NodeKind::Function && !is_same_persisted_description(node, *old);
  };
  std::vector<char> marks(manifest.nodes().size(), 0);
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = matches(manifest.nodes()[i]) ? 1 : 0;
  return marks;
}

}  // namespace weir::project
