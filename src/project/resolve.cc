// Names become ids: ref(), source(), metric(), function(), doc(); and what may be checked only then.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/macro_calls.h"
#include "project/properties.h"
#include "project/templates.h"

namespace weir::project {
namespace {

using jinja::Value;

bool is_refable(NodeKind kind) {
  return kind == NodeKind::Model || kind == NodeKind::Seed || kind == NodeKind::Snapshot;
}

// Packages in which a name is looked for: the one that is said; else the root project's, the node's own, all.
std::vector<std::string> packages_to_search(Draft const& draft, Node const& node, std::string const& said) {
  if (!said.empty()) return {said};
  std::string const& root = draft.root().name;
  if (node.package_name == root) return {root, ""};
  if (draft.flag("require_ref_searches_node_package_before_root", false)) return {node.package_name, root, ""};
  return {root, node.package_name, ""};
}

std::string ref_text(Ref const& ref) {
  std::string text = ref.package.empty() ? ref.name : ref.package + "." + ref.name;
  if (!ref.version.is_none()) text += " (version " + ref.version.str() + ")";
  return text;
}

// Line and column where `name` stands in a node's template, as best that can be said of a text.
void locate(Draft& draft, Node const& node, std::string const& name, Error& error) {
  if (auto const place = draft.places.find(node.unique_id);
      place != draft.places.end() && (node.generic_test || node.exposure)) {
    error.where(place->second.text()).excerpt(place->second.excerpt());
    return;
  }
  for (char const quote : {'\'', '"'}) {
    auto const at = node.raw_code.find(quote + name + quote);
    if (at == std::string::npos) continue;
    auto const line_begin = node.raw_code.rfind('\n', at) == std::string::npos ? 0 : node.raw_code.rfind('\n', at) + 1;
    yaml::Mark mark;
    std::string const above(static_cast<std::size_t>(node.first_line - 1), '\n');
    mark.source = std::make_shared<yaml::Source const>(yaml::Source{node.original_file_path, above + node.raw_code});
    mark.line =
        node.first_line + static_cast<int>(std::count(node.raw_code.begin(),
                                                      node.raw_code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    mark.column = static_cast<int>(at - line_begin) + 1;
    mark.width = static_cast<int>(name.size()) + 2;
    error.where(mark.text()).excerpt(mark.excerpt());
    return;
  }
  error.where(node.original_file_path);
}

Error not_found(Draft& draft, Node const& node, std::string_view what, std::string const& name,
                std::string const& looked_up, bool is_disabled, std::vector<std::string> const& known) {
  Error error(ErrorKind::Config, is_disabled ? fmt::format("{} \"{}\" refers to {} \"{}\", which is disabled",
                                                           kind_name(node.kind), node.name, what, name)
                                             : fmt::format("{} \"{}\" refers to {} \"{}\", which does not exist",
                                                           kind_name(node.kind), node.name, what, name));
  error.object(node.unique_id).state("nothing was changed");
  locate(draft, node, looked_up, error);
  std::string next = is_disabled ? std::string("enable it, or remove the reference") : did_you_mean(name, known);
  error.next(next.empty() ? fmt::format("weir dbt ls lists what there is") : next);
  return error;
}

// A test of something that is not there is left out with a warning; anything else fails.
Status missing(Draft& draft, Node& node, Error error) {
  if (node.kind != NodeKind::Test) return error;
  Data::Dict config = node.config.pairs();
  set(config, "enabled", Data(false));
  node.config = Data(std::move(config));
  draft.warnings.push_back({"NodeNotFoundOrDisabled", fmt::format("{} ({})", error.message(), error.where())});
  return {};
}

void add_id(std::vector<std::string>& ids, std::string const& id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

// -----------------------------------------------------------------------------------------------------------------
// refs

Result<Node*> find_ref(Draft& draft, Node const& node, Ref const& ref) {
  for (auto const& package : packages_to_search(draft, node, ref.package)) {
    auto const ids = draft.refs.find(ref.name, package, ref.version);
    if (ids.size() > 1)
      return Error(ErrorKind::Config, fmt::format("ref(\"{}\") of \"{}\" may mean several nodes: {}", ref.name,
                                                  node.name, join(ids, ", ")))
          .object(node.unique_id)
          .where(node.original_file_path)
          .next(fmt::format("name the package: ref('PACKAGE', '{}')", ref.name));
    if (ids.empty()) continue;
    if (auto* found = draft.nodes.find(ids[0]); found != nullptr) return found;
  }
  return nullptr;
}

bool is_disabled_ref(Draft const& draft, Ref const& ref) {
  return std::any_of(draft.disabled.begin(), draft.disabled.end(), [&](Node const& one) {
    return is_refable(one.kind) && one.name == ref.name && (ref.package.empty() || one.package_name == ref.package);
  });
}

Status check_access(Draft& draft, Node const& node, Node const& target) {
  if (target.kind != NodeKind::Model) return {};
  auto const* package = draft.project(target.package_name);
  bool const is_restricted = target.package_name != draft.root().name && package != nullptr && package->restrict_access;
  bool const is_elsewhere = node.package_name != target.package_name;
  bool const breaks_private =
      target.access == "private" && (!node.group || node.group != target.group || (is_elsewhere && is_restricted));
  bool const breaks_protected = target.access == "protected" && is_elsewhere && is_restricted;
  if (!breaks_private && !breaks_protected) return {};
  Error error(ErrorKind::Config, fmt::format("{} \"{}\" refers to \"{}\", which is {}", kind_name(node.kind), node.name,
                                             target.name, target.access));
  error.object(node.unique_id).state("nothing was changed");
  locate(draft, node, target.name, error);
  error.cause(breaks_private ? fmt::format("only nodes of group \"{}\" may refer to it", target.group.value_or(""))
                             : fmt::format("only nodes of package \"{}\" may refer to it", target.package_name));
  return std::move(error.next(breaks_private ? "put the node into that group, or change the model's access"
                                             : "make the model public"));
}

Status resolve_refs(Draft& draft, Node& node) {
  for (auto const& ref : node.refs) {
    WEIR_TRY(auto* target, find_ref(draft, node, ref));
    if (target == nullptr) {
      WEIR_DO(missing(
          draft, node,
          not_found(draft, node, "node", ref_text(ref), ref.name, is_disabled_ref(draft, ref), draft.refs.names())));
      continue;
    }
    WEIR_DO(check_access(draft, node, *target));
    add_id(node.depends_on.nodes, target->unique_id);
  }
  return {};
}

// --------------------------------------------------------------------------------------------------------------
// sources

using Ids = std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>>;  // name, package, id

std::string const* look_up(Ids const& ids, std::string const& name, std::vector<std::string> const& packages) {
  auto const found = ids.find(name);
  if (found == ids.end()) return nullptr;
  for (auto const& package : packages) {
    if (package.empty()) return &found->second.begin()->second;
    if (auto const at = found->second.find(package); at != found->second.end()) return &at->second;
  }
  return nullptr;
}

std::vector<std::string> names_of(Ids const& ids) {
  std::vector<std::string> names;
  for (auto const& [name, unused] : ids) names.push_back(name);
  return names;
}

bool is_disabled_source(Draft const& draft, std::string const& name) {
  return std::any_of(draft.disabled.begin(), draft.disabled.end(),
                     [&](Node const& one) { return one.source && one.source->source_name + "." + one.name == name; });
}

Status resolve_sources(Draft& draft, Node& node, Ids const& sources) {
  for (auto const& pair : node.sources) {
    std::string const name = pair[0] + "." + pair[1];
    auto const* id = look_up(sources, name, packages_to_search(draft, node, ""));
    if (id != nullptr) {
      add_id(node.depends_on.nodes, *id);
      continue;
    }
    WEIR_DO(
        missing(draft, node,
                not_found(draft, node, "source", name, pair[1], is_disabled_source(draft, name), names_of(sources))));
  }
  return {};
}

Status resolve_named(Draft& draft, Node& node, std::vector<std::vector<std::string>> const& calls, Ids const& ids,
                     std::string_view what) {
  for (auto const& call : calls) {
    std::string const& name = call.back();
    auto const* id = look_up(ids, name, packages_to_search(draft, node, call.size() > 1 ? call[0] : ""));
    if (id != nullptr) {
      add_id(node.depends_on.nodes, *id);
      continue;
    }
    WEIR_DO(missing(draft, node, not_found(draft, node, what, name, name, false, names_of(ids))));
  }
  return {};
}

Ids ids_of(Draft& draft, NodeKind kind) {
  Ids ids;
  for (auto const* node : draft.nodes.of_kind(kind))
    ids[node->source ? node->source->source_name + "." + node->name : node->name][node->package_name] = node->unique_id;
  return ids;
}

// ------------------------------------------------------------------------------------------------------------------
// docs

class DocsContext final : public DbtContext {
 public:
  DocsContext(Draft& draft, std::string package, std::vector<std::string>& blocks)
      : DbtContext(draft.facts, std::move(package)), draft_(draft), blocks_(blocks) {}

 protected:
  Value member(std::string_view name) override {
    if (name != "doc") return DbtContext::member(name);
    return jinja::function("doc", [this](jinja::State&, jinja::Arguments const& arguments) -> jinja::Outcome<Value> {
      auto const& names = arguments.positional;
      if (names.empty() || names.size() > 2)
        return jinja::Failure(
            Error(ErrorKind::Template, fmt::format("doc() takes one or two names, and was given {}", names.size())));
      std::string const block = jinja::to_text(names.back()), said = names.size() == 2 ? jinja::to_text(names[0]) : "";
      std::vector<std::string> const packages =
          said.empty() ? std::vector<std::string>{draft_.root().name, package(), ""} : std::vector<std::string>{said};
      for (auto const& wanted : packages)
        for (auto const& doc : draft_.docs)
          if (doc.name == block && (wanted.empty() || doc.package_name == wanted)) {
            blocks_.push_back(doc.unique_id);
            return Value(doc.contents);
          }
      std::vector<std::string> known;
      for (auto const& doc : draft_.docs) known.push_back(doc.name);
      std::string next = did_you_mean(block, known);
      return jinja::Failure(Error(ErrorKind::Template, fmt::format("doc block \"{}\" does not exist", block))
                                .next(next.empty() ? fmt::format("define it: {{% docs {} %}}", block) : next));
    });
  }

 private:
  Draft& draft_;
  std::vector<std::string>& blocks_;
};

Status render_one(Draft& draft, std::string& text, std::string const& package, std::vector<std::string>& blocks,
                  std::string const& place) {
  if (!has_template(text)) return {};
  auto rendered = render_description(draft, text, package, blocks);
  if (!rendered.ok()) {
    Error error = std::move(rendered).error();
    if (error.where().empty() || error.where().starts_with("<")) error.where(place);
    return std::move(error.context("rendering a description"));
  }
  text = std::move(rendered).value();
  return {};
}

// The file in which something is described: its properties file (of package://path), or else its own.
std::string described_in(std::optional<std::string> const& patch_path, std::string const& own) {
  if (!patch_path) return own;
  auto const at = patch_path->find("://");
  return at == std::string::npos ? *patch_path : patch_path->substr(at + 3);
}

Status render_docs(Draft& draft) {
  std::vector<std::string> none;
  for (auto* node : draft.nodes.all()) {
    std::string const place = described_in(node->patch_path, node->original_file_path);
    WEIR_DO(render_one(draft, node->description, node->package_name, node->doc_blocks, place));
    if (node->source) {
      WEIR_DO(render_one(draft, node->source->source_description, node->package_name, none, place));
    }
    for (auto& column : node->columns) {
      WEIR_DO(render_one(draft, column.description, node->package_name, column.doc_blocks, place));
    }
  }
  for (auto& macro : draft.macros) {
    std::string const place = described_in(macro.patch_path, macro.original_file_path);
    WEIR_DO(render_one(draft, macro.description, macro.package_name, none, place));
    for (auto& argument : macro.arguments) {
      WEIR_DO(render_one(draft, argument.description, macro.package_name, none, place));
    }
  }
  return {};
}

// -----------------------------------------------------------------------------------------------------------------
// the rest

std::vector<std::string> inferred_key(Node const& model, std::vector<Node const*> const& tests) {
  for (auto const& one : model.constraints.items())
    if (one["type"].str() == "primary_key") return one["columns"].texts();
  for (auto const& column : model.columns)
    for (auto const& one : column.constraints.items())
      if (one["type"].str() == "primary_key") return {column.name};
  std::set<std::string> unique, disabled_unique, not_null;
  for (auto const* test : tests) {
    auto const& facts = *test->generic_test;
    auto const& kwargs = facts.kwargs;
    std::vector<std::string> columns;
    if (kwargs["column_name"].is_string()) {
      columns = {kwargs["column_name"].text()};
    } else if (kwargs["combination_of_columns"].is_list()) {
      for (auto const& item : kwargs["combination_of_columns"].items())
        if (item.is_string()) columns.push_back(item.text());
    }
    for (auto const& column : columns) {
      if (facts.name == "unique" || facts.name == "unique_combination_of_columns")
        (test->enabled() ? unique : disabled_unique).insert(column);
      if (facts.name == "not_null") not_null.insert(column);
    }
  }
  std::vector<std::string> both;
  for (auto const& column : not_null)
    if (unique.count(column) + disabled_unique.count(column) > 0) both.push_back(column);
  if (!both.empty()) return both;
  auto const& chosen = unique.empty() ? disabled_unique : unique;
  return {chosen.begin(), chosen.end()};
}

void infer_keys(Draft& draft) {
  std::map<std::string, std::vector<Node const*>> tests;
  for (auto const* node : draft.nodes.of_kind(NodeKind::Test))
    if (node->generic_test && node->generic_test->attached_node)
      tests[*node->generic_test->attached_node].push_back(node);
  for (auto const& node : draft.disabled)
    if (node.generic_test && node.generic_test->attached_node)
      tests[*node.generic_test->attached_node].push_back(&node);
  for (auto* model : draft.nodes.of_kind(NodeKind::Model)) {
    model->primary_key = inferred_key(*model, tests[model->unique_id]);
    std::sort(model->primary_key.begin(), model->primary_key.end());
  }
}

Status check_groups(Draft& draft) {
  std::vector<std::string> known;
  for (auto const& group : draft.groups) known.push_back(group.name);
  for (auto const* node : draft.nodes.all()) {
    if (!node->group || std::find(known.begin(), known.end(), *node->group) != known.end()) continue;
    std::string next = did_you_mean(*node->group, known);
    return Error(ErrorKind::Config, fmt::format("{} \"{}\" is in group \"{}\", which does not exist",
                                                kind_name(node->kind), node->name, *node->group))
        .object(node->unique_id)
        .where(node->original_file_path)
        .state("nothing was changed")
        .next(!next.empty()   ? next
              : known.empty() ? "define it under groups: in a properties file"
                              : fmt::format("there is: {}", join(known, ", ")));
  }
  return {};
}

Error wrong_config(Node const& node, std::string message, std::string next) {
  return Error(ErrorKind::Config, std::move(message))
      .object(node.unique_id)
      .where(node.original_file_path)
      .state("nothing was changed")
      .next(std::move(next));
}

Status check_snapshot(Node const& node) {
  auto const& config = node.config;
  if (!config["strategy"].truth() || !config["unique_key"].truth())
    return wrong_config(node, fmt::format("snapshot \"{}\" needs a \"strategy\" and a \"unique_key\"", node.name),
                        "set both in its config");
  std::string const strategy = config["strategy"].str();
  auto const& columns = config["check_cols"];
  if (strategy == "check" && !columns.truth())
    return wrong_config(node, fmt::format("snapshot \"{}\" has the check strategy and no \"check_cols\"", node.name),
                        "set check_cols: all, or a list of columns");
  if (strategy == "check" && columns.is_string() && columns.text() != "all")
    return wrong_config(node, fmt::format("check_cols of snapshot \"{}\" is \"{}\"", node.name, columns.text()),
                        "it is all, or a list of columns");
  if (strategy == "timestamp" && !config["updated_at"].truth())
    return wrong_config(node,
                        fmt::format("snapshot \"{}\" has the timestamp strategy and no \"updated_at\"", node.name),
                        "name the column: updated_at");
  if (strategy == "timestamp" && columns.truth())
    return wrong_config(node, fmt::format("snapshot \"{}\" has the timestamp strategy and \"check_cols\"", node.name),
                        "remove check_cols");
  if (node.materialized() != "snapshot")
    return wrong_config(node, fmt::format("snapshot \"{}\" is materialized as \"{}\"", node.name, node.materialized()),
                        "remove materialized from its config");
  return {};
}

// 2024-01-01 and 2024-01-01 12:00 as Python's datetime.isoformat() writes them.
std::string iso_time(std::string text) {
  if (text.size() == 10) return text + "T00:00:00";
  if (text.size() >= 16) text[10] = 'T';
  return text.size() == 16 ? text + ":00" : text;
}

Status check_microbatch(Node& node) {
  auto& config = node.config;
  if (node.materialized() != "incremental" || config["incremental_strategy"].str() != "microbatch") return {};
  for (std::string_view const key : {"event_time", "begin", "batch_size"})
    if (config[key].is_none())
      return wrong_config(node, fmt::format("microbatch model \"{}\" has no \"{}\"", node.name, key),
                          "set event_time, begin and batch_size in its config");
  std::string const size = config["batch_size"].str();
  if (size != "hour" && size != "day" && size != "month" && size != "year")
    return wrong_config(node, fmt::format("batch_size of model \"{}\" is \"{}\"", node.name, size),
                        "it is hour, day, month or year");
  if (auto const& lookback = config["lookback"]; !lookback.is_none() && lookback.kind() != Data::Kind::Int)
    return wrong_config(node, fmt::format("lookback of model \"{}\" is no whole number", node.name),
                        "set it to a number of batches");
  Data::Dict said = config.pairs();
  set(said, "begin", Data(iso_time(config["begin"].str())));
  config = Data(std::move(said));
  return {};
}

bool has_input_with_event_time(Draft& draft, Node const& node) {
  auto const& inputs = node.depends_on.nodes;
  return std::any_of(inputs.begin(), inputs.end(), [&draft](std::string const& id) {
    auto const* input = draft.nodes.find(id);
    return input != nullptr && input->config["event_time"].truth();
  });
}

// What dbt says of microbatch models, unless a macro of the project's own carries them out.
void warn_of_microbatch(Draft& draft) {
  auto const* strategy = draft.facts.library->find(draft.root().name, "get_incremental_microbatch_sql");
  bool const is_own = strategy != nullptr && !is_internal_package(strategy->package_name);
  if (is_own && !draft.root().flags["require_batched_execution_for_custom_microbatch_strategy"].truth()) return;
  std::size_t concurrent = 0;
  for (auto const* node : draft.nodes.all()) {
    auto const& wish = node->config["concurrent_batches"];
    if (wish.kind() == Data::Kind::Bool && wish.truth()) ++concurrent;
    bool const is_microbatch =
        node->materialized() == "incremental" && node->config["incremental_strategy"].str() == "microbatch";
    if (is_microbatch && !has_input_with_event_time(draft, *node))
      draft.warnings.push_back(
          {"MicrobatchModelNoEventTimeInputs",
           fmt::format("The microbatch model '{}' has no 'ref' or 'source' input with an 'event_time' configuration. "
                       "This means no filtering can be applied and can result in unexpected duplicate records in the "
                       "resulting microbatch model.",
                       node->name)});
  }
  if (concurrent > 0)
    draft.warnings.push_back(
        {"InvalidConcurrentBatchesConfig",
         fmt::format("Found {} microbatch model{} with the `concurrent_batches` config set to true, but the postgres "
                     "adapter does not support running batches concurrently. Batches will be run sequentially.",
                     concurrent, concurrent == 1 ? "" : "s")});
}

Status check_relations(Draft& draft) {
  std::map<std::string, Node const*> by_relation, by_name;
  for (auto const* node : draft.nodes.all()) {
    if (!is_refable(node->kind)) {
      continue;
    }
    if (node->version.is_none()) {
      auto const [at, is_new] = by_name.emplace(node->package_name + "." + node->name, node);
      if (!is_new)
        draft.warnings.push_back(
            {"DuplicateNameDistinctNodeTypesDeprecation",
             fmt::format("{} and {} have one name: \"{}\"", at->second->unique_id, node->unique_id, node->name)});
    }
    if (!node->relation_name) continue;
    auto const [at, is_new] = by_relation.emplace(*node->relation_name, node);
    if (is_new) continue;
    return Error(ErrorKind::Config,
                 fmt::format("{} \"{}\" and {} \"{}\" would be one relation, {}", kind_name(at->second->kind),
                             at->second->name, kind_name(node->kind), node->name, *node->relation_name))
        .object(node->unique_id)
        .where(node->original_file_path)
        .cause(fmt::format("the other one is in {}", at->second->original_file_path))
        .state("nothing was changed")
        .next("give one of them another alias or schema");
  }
  return {};
}

Status check_cycles(Draft& draft) {
  auto const nodes = draft.nodes.all();
  std::map<std::string_view, NodeIndex> by_id;
  for (NodeIndex i = 0; i < nodes.size(); ++i) by_id[nodes[i]->unique_id] = i;
  std::vector<std::vector<NodeIndex>> parents(nodes.size());
  for (NodeIndex i = 0; i < nodes.size(); ++i)
    for (auto const& id : nodes[i]->depends_on.nodes)
      if (auto const at = by_id.find(id); at != by_id.end()) parents[i].push_back(at->second);
  auto const cycle = Graph(std::move(parents)).find_cycle();
  if (cycle.empty()) return {};
  std::string path;
  for (auto const i : cycle) path += (path.empty() ? "" : " -> ") + nodes[i]->name;
  Node const& first = *nodes[cycle[0]];
  return Error(ErrorKind::Config, fmt::format("nodes depend on each other in a circle: {}", path))
      .object(first.unique_id)
      .where(first.original_file_path)
      .cause("an arrow leads to the node that reads")
      .state("nothing was changed")
      .next("remove one of these references");
}

}  // namespace

void RefLookup::rebuild(NodeTable& nodes) {
  by_name_.clear();
  for (auto const* node : nodes.all()) {
    if (!is_refable(node->kind)) continue;
    if (node->version.is_none()) {
      by_name_[node->name][node->package_name] = node->unique_id;
      continue;
    }
    by_name_[node->name + ".v" + node->version.str()][node->package_name] = node->unique_id;
    if (node->version == node->latest_version) by_name_[node->name][node->package_name] = node->unique_id;
  }
}

std::vector<std::string> RefLookup::find(std::string_view name, std::string_view package, Data const& version) const {
  std::string const key = version.truth() ? fmt::format("{}.v{}", name, version.str()) : std::string(name);
  auto const found = by_name_.find(key);
  if (found == by_name_.end()) return {};
  std::vector<std::string> ids;
  for (auto const& [in, id] : found->second)
    if (package.empty() || in == package) ids.push_back(id);
  return ids;
}

std::vector<std::string> RefLookup::names() const {
  std::vector<std::string> names;
  for (auto const& [name, unused] : by_name_) names.push_back(name);
  return names;
}

Result<std::string> render_description(Draft& draft, std::string const& text, std::string const& package,
                                       std::vector<std::string>& blocks) {
  DocsContext context(draft, package, blocks);
  auto parsed = text_templates()->parse("<description>", text);
  if (!parsed.ok()) return std::move(parsed).error().to_error();
  auto rendered = (*parsed)->render(context);
  if (!rendered.ok()) return std::move(rendered).error().to_error();
  return std::move(rendered).value();
}

Status resolve_references(Draft& draft) {
  draft.refs.rebuild(draft.nodes);
  auto const sources = ids_of(draft, NodeKind::Source), metrics = ids_of(draft, NodeKind::Metric),
             functions = ids_of(draft, NodeKind::Function);
  for (auto* node : draft.nodes.all()) {
    if (node->kind == NodeKind::Seed || node->kind == NodeKind::Source || node->kind == NodeKind::UnitTest) continue;
    WEIR_DO(resolve_sources(draft, *node, sources));
    WEIR_DO(resolve_refs(draft, *node));
    WEIR_DO(resolve_named(draft, *node, node->metrics, metrics, "metric"));
    WEIR_DO(resolve_named(draft, *node, node->functions, functions, "function"));
  }
  WEIR_DO(resolve_semantics(draft));
  WEIR_DO(resolve_unit_tests(draft));
  WEIR_DO(render_docs(draft));
  infer_keys(draft);
  WEIR_DO(check_groups(draft));
  for (auto* node : draft.nodes.all()) {
    if (node->kind == NodeKind::Model && node->access == "public" && node->is_ephemeral())
      return wrong_config(*node, fmt::format("model \"{}\" is public and ephemeral", node->name),
                          "make it protected, or materialize it");
    if (node->kind == NodeKind::Snapshot) {
      WEIR_DO(check_snapshot(*node));
    }
    WEIR_DO(check_microbatch(*node));
  }
  warn_of_microbatch(draft);
  WEIR_DO(check_relations(draft));
  return check_cycles(draft);
}

}  // namespace weir::project
