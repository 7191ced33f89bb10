#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/text.h"
#include "project/loading.h"
#include "project/templates.h"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

// Folders of packages that are installed.
std::vector<fs::path> package_folders(ProjectFile const& root) {
  std::vector<fs::path> folders;
  std::error_code failed;
  fs::path const install = root.root / root.packages_path;
  for (fs::directory_iterator at(install, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
    std::error_code odd;
    if (at->is_directory(odd) && !at->path().filename().string().starts_with("__")) folders.push_back(at->path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

ProjectFile const* Draft::project(std::string_view name) const {
  for (auto const& one : projects)
    if (one.name == name) return &one;
  return nullptr;
}

bool Draft::flag(std::string_view name, bool fallback) const {
  auto const& said = root().flags[name];
  return said.is_none() ? fallback : said.truth();
}

Status read_projects(Draft& draft) {
  auto const& options = *draft.options;
  WEIR_TRY(auto const folder, find_project_folder(options.project_dir));
  // The profile's name stands in the project's file and the project's file may use the target: the name is read first.
  RenderText const without_target = [&](std::string_view text) -> Result<Data> { return Data(std::string(text)); };
  WEIR_TRY(auto const first, read_project_file(folder, without_target));
  ProfileOptions profile;
  profile.project_dir = folder;
  profile.profiles_dir = options.profiles_dir;
  profile.profile = options.profile.value_or(first.profile);
  profile.target = options.target;
  profile.threads = options.threads;
  profile.vars = options.vars;
  ContextFacts facts;
  facts.cli_vars = options.vars;
  facts.projects = &draft.projects;
  facts.flags = options.flags;
  if (has_template(profile.profile)) {
    YamlContext context(facts, false, YamlContext::Secrets::Refused);
    WEIR_TRY(Data const name, render_value(profile.profile, context, "dbt_project.yml"));
    profile.profile = name.str();
  }
  WEIR_TRY(draft.target, load_profile(profile));
  facts.target = draft.target;
  YamlContext context(facts, true, YamlContext::Secrets::Refused);
  RenderText const render = [&](std::string_view text) { return render_value(text, context); };
  WEIR_TRY(auto root, read_project_file(folder, render));
  if (options.target_path) root.target_path = *options.target_path;
  draft.projects.push_back(std::move(root));
  for (auto const& path : package_folders(draft.root())) {
    auto package = read_project_file(path, render);
    if (!package.ok())
      return std::move(package).error().context(fmt::format("reading package \"{}\"", path.filename().string()));
    for (auto const& other : draft.projects)
      if (other.name == package->name)
        return Error(ErrorKind::Config, fmt::format("two packages are called \"{}\"", package->name))
            .where(path.string())
            .cause(fmt::format("the other one is in {}", other.root.string()))
            .next("remove one of the two from packages.yml");
    draft.projects.push_back(std::move(package).value());
  }
  return {};
}

Status Draft::add_node(Node node) {
  if (!node.enabled()) {
    disabled.push_back(std::move(node));
    return {};
  }
  if (auto const* there = nodes.find(node.unique_id); there != nullptr)
    return Error(ErrorKind::Config,
                 fmt::format("there are two {} \"{}\" in \"{}\"", plural_name(node.kind), node.name, node.package_name))
        .object(node.unique_id)
        .where(node.original_file_path)
        .cause(fmt::format("the other one is in {}", there->original_file_path))
        .state("nothing was changed")
        .next("rename one of the two, or disable it");
  nodes.add(std::move(node));
  return {};
}

Node* NodeTable::find(std::string_view unique_id) {
  auto const found = by_id_.find(std::string(unique_id));
  return found == by_id_.end() ? nullptr : &*nodes_[found->second];
}

Node& NodeTable::add(Node node) {
  by_id_[node.unique_id] = nodes_.size();
  nodes_.emplace_back(std::move(node));
  return *nodes_.back();
}

void NodeTable::remove(std::string_view unique_id) {
  auto const found = by_id_.find(std::string(unique_id));
  if (found == by_id_.end()) return;
  nodes_[found->second].reset();
  by_id_.erase(found);
}

std::vector<Node*> NodeTable::all() {
  std::vector<Node*> out;
  for (auto& node : nodes_)
    if (node) out.push_back(&*node);
  return out;
}

std::vector<Node*> NodeTable::of_kind(NodeKind kind) {
  std::vector<Node*> out;
  for (auto& node : nodes_)
    if (node && node->kind == kind) out.push_back(&*node);
  return out;
}

}  // namespace weir::project
