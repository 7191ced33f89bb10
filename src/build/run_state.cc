#include "build/run_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "build/constraints.h"
#include "build/together.h"

namespace weir::build {
namespace {

using project::NodeKind;
using project::RelationParts;

// What a schema holds: a partitioned table is a table, its partitions are no relations of their own.
std::string relations_query(std::vector<std::string> const& schemas) {
  std::vector<std::string> names;
  for (auto const& schema : schemas) names.push_back(quote_literal(schema));
  return fmt::format(
      "select n.nspname, c.relname, case c.relkind when 'v' then 'view' when 'm' then 'materialized_view' when 'f' "
      "then 'external' else 'table' end "
      "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
      "where n.nspname in ({0}) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition "
      "union all select distinct n.nspname, p.proname, 'function' from pg_catalog.pg_proc p "
      "join pg_catalog.pg_namespace n on n.oid = p.pronamespace where n.nspname in ({0})",
      join(names, ", "));
}

}  // namespace

Status RelationCache::read(Worker& worker, std::vector<std::string> const& schemas) {
  if (schemas.empty()) return {};
  WEIR_TRY(auto const rows, worker.execute(relations_query(schemas)));
  MutexLock lock(mutex_);
  for (auto const& schema : schemas) schemas_[schema];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RelationParts parts;
    parts.schema = rows.text(i, 0);
    parts.identifier = rows.text(i, 1);
    parts.type = rows.text(i, 2);
    auto& named = schemas_[*parts.schema].of(parts);
    named.insert_or_assign(*parts.identifier, std::move(parts));
  }
  return {};
}

Result<std::optional<RelationParts>> RelationCache::find(Worker& worker, std::string const& schema,
                                                         std::string const& identifier, Wanted wanted) {
  bool known = false;
  {
    MutexLock lock(mutex_);
    known = schemas_.contains(schema);
  }
  if (!known) {
    WEIR_DO(read(worker, {schema}));
  }
  MutexLock lock(mutex_);
  auto const& here = schemas_[schema];
  auto const& named = wanted == Wanted::Function ? here.functions : here.relations;
  auto const found = named.find(identifier);
  if (found == named.end()) return std::optional<RelationParts>();
  auto parts = found->second;
  parts.database = database_;
  return std::optional<RelationParts>(std::move(parts));
}

void RelationCache::add(RelationParts const& relation) {
  if (!relation.schema || !relation.identifier) return;
  MutexLock lock(mutex_);
  if (auto const schema = schemas_.find(*relation.schema); schema != schemas_.end())
    schema->second.of(relation).insert_or_assign(*relation.identifier, relation);
}

void RelationCache::remove(RelationParts const& relation) {
  if (!relation.schema || !relation.identifier) return;
  MutexLock lock(mutex_);
  if (auto const schema = schemas_.find(*relation.schema); schema != schemas_.end())
    schema->second.of(relation).erase(*relation.identifier);
}

void RelationCache::rename(RelationParts const& from, RelationParts const& to) {
  auto renamed = to;
  {
    MutexLock lock(mutex_);
    auto const schema = schemas_.find(from.schema.value_or(""));
    if (schema != schemas_.end()) {
      auto const& named = schema->second.of(from);
      if (auto const old = named.find(from.identifier.value_or("")); old != named.end())
        renamed.type = old->second.type;
    }
  }
  remove(from);
  add(renamed);
}

void RelationCache::forget(std::string const& schema) {
  MutexLock lock(mutex_);
  schemas_.erase(schema);
}

std::vector<RelationParts> RelationCache::of_schema(std::string const& schema) {
  MutexLock lock(mutex_);
  std::vector<RelationParts> out;
  auto const& here = schemas_[schema];
  for (auto const* named : {&here.relations, &here.functions})
    for (auto const& [name, parts] : *named) {
      out.push_back(parts);
      out.back().database = database_;
    }
  return out;
}

std::string RunState::as_published(std::string text) const {
  return together == nullptr ? text : together->as_published(std::move(text));
}

std::shared_ptr<CompiledNode const> RunState::compiled(std::string const& unique_id) {
  MutexLock lock(mutex_);
  auto const found = compiled_.find(unique_id);
  return found == compiled_.end() ? nullptr : found->second;
}

void RunState::keep(std::string const& unique_id, std::shared_ptr<CompiledNode const> code) {
  MutexLock lock(mutex_);
  compiled_.insert_or_assign(unique_id, std::move(code));
}

std::map<std::string, project::CompiledFacts> RunState::compiled_facts() {
  auto const root = manifest.root().root;
  std::map<std::string, project::CompiledFacts> all;
  MutexLock lock(mutex_);
  for (auto const& [id, node] : compiled_) {
    auto& facts = all[id];
    facts.code = as_published(node->code);
    if (!node->file.empty()) facts.path = node->file.lexically_proximate(root).string();
    for (auto const& cte : node->ctes) facts.ctes.emplace_back(cte.id, as_published(cte.sql));
  }
  return all;
}

void RunState::add(NodeResult result) {
  MutexLock lock(mutex_);
  results_.push_back(std::move(result));
}

std::vector<NodeResult> RunState::take_results() {
  MutexLock lock(mutex_);
  return std::exchange(results_, {});
}

RelationParts RunState::relation(project::Node const& node) const {
  // As in dbt, a source goes by its own `quoting` alone: not by what the project says of its own relations.
  return project::relation_of(node, node.source ? project::Data() : facts().root().quoting);
}

std::optional<RelationParts> RunState::deferred(project::Node const& node) const {
  if (options.deferred == nullptr) return std::nullopt;
  auto const* other = options.deferred->find(node.unique_id);
  if (other == nullptr || other->is_ephemeral()) return std::nullopt;
  if (options.command != Command::Clone)
    if (auto const index = manifest.index_of(node.unique_id);
        index && std::find(options.selected.begin(), options.selected.end(), *index) != options.selected.end())
      return std::nullopt;
  return project::relation_of(*other, facts().root().quoting);
}

// ---------------------------------------------------------------------------------------------------------- lookup

Lookup::Lookup(project::Manifest const& manifest) {
  for (auto const& node : manifest.nodes()) {
    if (node.kind == NodeKind::Model || node.kind == NodeKind::Seed || node.kind == NodeKind::Snapshot ||
        node.kind == NodeKind::Function) {
      refs_.emplace(node.name, &node);
      names_.push_back(node.name);
    } else if (node.source) {
      sources_.emplace(node.source->source_name + "." + node.name, &node);
    }
  }
}

namespace {

// Of several of one name: that of the package, else the first.
project::Node const* nearest_package(project::Node const* best, project::Node const& node, std::string_view package) {
  return best == nullptr || (node.package_name == package && best->package_name != package) ? &node : best;
}

}  // namespace

project::Node const* Lookup::ref(project::Ref const& ref, std::string_view package) const {
  project::Node const* best = nullptr;
  auto const [begin, end] = refs_.equal_range(ref.name);
  for (auto at = begin; at != end; ++at) {
    auto const& node = *at->second;
    if (node.kind == NodeKind::Function || (!ref.package.empty() && node.package_name != ref.package)) continue;
    auto const& wanted = ref.version.is_none() ? node.latest_version : ref.version;
    if (!node.version.is_none() && node.version.str() != wanted.str()) continue;
    best = nearest_package(best, node, package);
  }
  return best;
}

project::Node const* Lookup::source(std::string_view source, std::string_view table, std::string_view package) const {
  project::Node const* best = nullptr;
  auto const [begin, end] = sources_.equal_range(fmt::format("{}.{}", source, table));
  for (auto at = begin; at != end; ++at) best = nearest_package(best, *at->second, package);
  return best;
}

project::Node const* Lookup::function(std::string_view name) const {
  auto const [begin, end] = refs_.equal_range(std::string(name));
  for (auto at = begin; at != end; ++at)
    if (at->second->kind == NodeKind::Function) return at->second;
  return nullptr;
}

}  // namespace weir::build
