// weir dbt parse, ls and clean.
#include <algorithm>

#include <fmt/format.h>

#include "app/commands/dbt.h"
#include "app/dbt_project.h"
#include "base/log.h"
#include "base/text.h"
#include "project/node_data.h"

namespace weir::app {
namespace {

using project::Data;
using project::Node;
using project::NodeKind;

std::string selector_of(Node const& node) {
  switch (node.kind) {
    case NodeKind::Source:
      return fmt::format("source:{}.{}.{}", node.package_name, node.source->source_name, node.name);
    case NodeKind::Exposure:
    case NodeKind::Metric:
    case NodeKind::SavedQuery:
    case NodeKind::SemanticModel:
      return fmt::format("{}:{}.{}", kind_name(node.kind), node.package_name, node.name);
    case NodeKind::UnitTest:
      return fmt::format("unit_test:{}.{}{}", node.package_name, node.name,
                         node.unit_test->version.is_none() ? "" : "_v" + node.unit_test->version.str());
    default:
      return join(node.fqn, ".");
  }
}

std::string name_of(Node const& node) {
  if (node.kind == NodeKind::Source) return fmt::format("{}.{}", node.source->source_name, node.name);
  if (node.kind == NodeKind::Model && !node.version.is_none())
    return fmt::format("{}.v{}", node.name, node.version.str());
  return node.name;
}

// What ls says of a node unless it is told the keys.
bool is_listed_key(std::string_view key) {
  static constexpr std::string_view kKeys[] = {
      "alias",  "name",          "package_name", "depends_on",         "tags",
      "config", "resource_type", "source_name",  "original_file_path", "unique_id"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

Data const* nested(Data const& data, std::string_view path) {
  Data const* at = &data;
  for (auto const& key : split(path, '.')) {
    at = at->find(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string json_of(Node const& node, std::vector<std::string> const& keys) {
  Data const all = project::node_data(node);
  Data::Dict chosen;
  for (auto const& [key, value] : all.pairs())
    if (keys.empty() && is_listed_key(key)) chosen.emplace_back(key, value);
  for (auto const& key : keys) {
    auto const* value = nested(all, key);
    if (value != nullptr && !(value->is_none() && key.find('.') != std::string::npos)) set(chosen, key, *value);
  }
  std::string out;
  append_json(out, Data(std::move(chosen)));
  return out;
}

std::vector<NodeKind> const kListed{NodeKind::Model,    NodeKind::Snapshot,   NodeKind::Seed,
                                    NodeKind::Test,     NodeKind::Source,     NodeKind::Exposure,
                                    NodeKind::Metric,   NodeKind::SavedQuery, NodeKind::SemanticModel,
                                    NodeKind::UnitTest, NodeKind::Function};

// --models is --select and --resource-type model.
Result<Arguments> with_models(Arguments arguments) {
  auto const said = arguments.options.find("models");
  if (said == arguments.options.end()) return arguments;
  for (auto const* other : {"select", "resource-type"})
    if (arguments.has(other))
      return Error(ErrorKind::Usage, fmt::format("\"--models\" and \"--{}\" say two things", other))
          .state("nothing was listed")
          .next("--select NODES --resource-type model says what --models says");
  arguments.options["select"] = said->second;
  arguments.options["resource-type"] = {"model"};
  arguments.options.erase("exclude-resource-type");
  return arguments;
}

bool is_below(std::filesystem::path const& path, std::filesystem::path const& folder) {
  auto const relative = path.lexically_relative(folder);
  return !relative.empty() && relative != "." && *relative.begin() != "..";
}

}  // namespace

Result<int> run_dbt_parse(Context& context) {
  WEIR_TRY(auto const manifest, load_dbt_project(context, "parse"));
  std::map<std::string_view, std::size_t> counts;
  for (auto const& node : manifest->nodes()) ++counts[kind_name(node.kind)];
  std::string text;
  for (auto const& [kind, count] : counts) text += (text.empty() ? "" : ", ") + plural(count, kind);
  log_info("{}: {} macros{}{}", manifest->root().name, format_count(manifest->macros().size()),
           text.empty() ? "" : ", ", text);
  return 0;
}

Result<int> run_dbt_ls(Context& said) {
  WEIR_TRY(auto arguments, with_models(said.arguments()));
  Context context(std::move(arguments), said.terminal(), said.interrupt());
  WEIR_TRY(auto const manifest, load_dbt_project(context, "list"));
  WEIR_TRY(auto const kinds, dbt_resource_types(context, kListed));
  WEIR_TRY(auto const chosen, select_dbt_nodes(context, *manifest, kinds));
  if (chosen.nodes.empty()) log_info("[WARNING]: no nodes were selected");
  std::string const what = context.arguments().value("output", "selector");
  std::vector<std::string> keys;
  for (auto const& word : context.arguments().list("output-keys"))
    for (auto const& key : split(word, ' '))
      if (!key.empty()) keys.push_back(key);
  std::string out;
  for (auto const index : chosen.nodes) {
    auto const& node = manifest->nodes()[index];
    out += what == "json"   ? json_of(node, keys)
           : what == "name" ? name_of(node)
           : what == "path" ? node.original_file_path
                            : selector_of(node);
    out += '\n';
  }
  write_out(out);
  return 0;
}

Result<int> run_dbt_clean(Context& context) {
  WEIR_TRY(auto const root, unrendered_dbt_project(dbt_project_folder(context)));
  auto const& folder = root.root;
  auto const sources = root.all_source_paths();
  for (auto const& target : root.clean_targets) {
    if (project::has_template(target))
      return Error(ErrorKind::Refused,
                   fmt::format("clean-targets holds a template, \"{}\", and none is rendered", target))
          .where("dbt_project.yml")
          .state("it was left as it is")
          .next("write the folder's name in clean-targets");
    auto const path = (folder / target).lexically_normal();
    if (!is_below(path, folder))
      return Error(ErrorKind::Refused,
                   fmt::format("clean-targets names \"{}\", which is not below the project's folder", target))
          .where("dbt_project.yml")
          .state("it was left as it is")
          .next("remove it from clean-targets");
    for (auto const& source : sources)
      if (auto const own = (folder / source).lexically_normal(); own == path || is_below(own, path))
        return Error(ErrorKind::Refused,
                     fmt::format("clean-targets names \"{}\", where sources of the project stand", target))
            .where("dbt_project.yml")
            .state("it was left as it is")
            .next("remove it from clean-targets");
    std::error_code failed;
    auto const removed = std::filesystem::remove_all(path, failed);
    if (failed)
      return Error(ErrorKind::Config, fmt::format("could not remove \"{}\": {}", target, failed.message()))
          .where(path.string());
    if (removed > 0) log_info("removed {}", target);
  }
  return 0;
}

}  // namespace weir::app
