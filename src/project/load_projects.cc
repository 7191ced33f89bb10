#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "project/loading.h"
#include "project/package_files.h"
#include "project/profile_render.h"
#include "project/templates.h"
#include "project/version.h"

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

// vars.yml takes the place of `vars:` in dbt_project.yml.
Status take_vars_file(ProjectFile& root, Data::Dict vars) {
  if (vars.empty()) return {};
  if (!root.vars.pairs().empty())
    return Error(ErrorKind::Config, "vars stand in both vars.yml and dbt_project.yml")
        .where("dbt_project.yml")
        .state("nothing was read")
        .next("move those of dbt_project.yml to vars.yml");
  root.vars = Data(std::move(vars));
  return {};
}

// Whether the project runs on this version of dbt's language.
Status check_dbt_version(ProjectFile const& project) {
  std::vector<Version> bounds;
  for (auto const& text : project.require_dbt_version)
    for (auto const& part : split(text, ',')) {
      auto const bound = parse_version(part);
      if (!bound)
        return Error(ErrorKind::Config, fmt::format("\"{}\" under require-dbt-version is no version", part))
            .where((project.root / "dbt_project.yml").string())
            .state("nothing was read")
            .next("write it like [\">=1.8.0\", \"<2.0.0\"]");
      bounds.push_back(*bound);
    }
  bounds.push_back(*parse_version(kDbtVersion));
  if (reduce(bounds)) return {};
  return Error(ErrorKind::Config, fmt::format("project \"{}\" asks for another version of dbt: {}", project.name,
                                              join(project.require_dbt_version, ", ")))
      .object(project.name)
      .where((project.root / "dbt_project.yml").string())
      .cause(fmt::format("weir reads the language of dbt {}", kDbtVersion))
      .state("nothing was read")
      .next("take a version of it that fits, or go on with --no-version-check");
}

// What packages.yml asks for must be there. A lock file knows the folders' names, else they are counted.
Status check_installed(ProjectFile const& root, Data::Dict const& vars, std::vector<fs::path> const& folders) {
  RenderText const render = profile_renderer(vars);
  WEIR_TRY(auto const declared, read_declared_packages(root.root, render));
  std::error_code failed;
  std::vector<std::string> missing;
  if (fs::exists(root.root / kLockFile, failed) && !declared.specs.empty()) {
    WEIR_TRY(std::string text, read_file(root.root / kLockFile));
    WEIR_TRY(auto const lock, read_yaml(kLockFile, std::move(text)));
    WEIR_TRY(auto const locked, package_specs(*lock, render));
    for (auto const& spec : locked)
      if (!spec.name.empty() && !fs::is_directory(root.root / root.packages_path / spec.name, failed))
        missing.push_back(fmt::format("\"{}\"", spec.name));
  } else if (declared.specs.size() > folders.size()) {
    for (auto const& spec : declared.specs) missing.push_back(fmt::format("\"{}\"", spec.label()));
  }
  if (missing.empty()) return {};
  return Error(ErrorKind::Config, fmt::format("{} of {} {} not installed: {}", plural(missing.size(), "package"),
                                              declared.file, missing.size() == 1 ? "is" : "are", join(missing, ", ")))
      .where(declared.file)
      .cause(fmt::format("{} holds {}", root.packages_path, plural(folders.size(), "package")))
      .state("nothing was read")
      .next("weir dbt deps");
}

ContextFacts facts_of(LoadOptions const& options, std::vector<ProjectFile> const& projects) {
  ContextFacts facts;
  facts.cli_vars = options.vars;
  facts.projects = &projects;
  facts.flags = options.flags;
  return facts;
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

Result<Target> load_target(LoadOptions const& options) {
  auto const folder = find_project_folder(options.project_dir);
  if (!folder.ok() && !options.profile) return folder.error().clone();
  ProfileOptions profile;
  profile.project_dir = folder.ok() ? *folder : options.project_dir;
  profile.profiles_dir = options.profiles_dir;
  profile.target = options.target;
  profile.threads = options.threads;
  profile.vars = options.vars;
  if (options.profile) {
    profile.profile = *options.profile;
    return load_profile(profile);
  }
  // The profile's name stands in the project's file and the project's file may use the target: the name is read first.
  RenderText const without_target = [&](std::string_view text) -> Result<Data> { return Data(std::string(text)); };
  WEIR_TRY(auto const first, read_project_file(*folder, without_target));
  profile.profile = first.profile;
  if (has_template(profile.profile)) {
    std::vector<ProjectFile> const none;
    ContextFacts const facts = facts_of(options, none);
    YamlContext context(facts, false, YamlContext::Secrets::Refused);
    WEIR_TRY(Data const name, render_value(profile.profile, context, "dbt_project.yml"));
    profile.profile = name.str();
  }
  return load_profile(profile);
}

Result<ProjectFile> load_project_file(LoadOptions const& options, Target const& target) {
  WEIR_TRY(auto const folder, find_project_folder(options.project_dir));
  std::vector<ProjectFile> const none;
  ContextFacts facts = facts_of(options, none);
  facts.target = target;
  WEIR_TRY(auto file_vars, read_vars_file(folder));
  facts.cli_vars = file_vars;  // here they count like --vars
  update(facts.cli_vars, options.vars);
  YamlContext context(facts, true, YamlContext::Secrets::Refused);
  WEIR_TRY(auto root, read_project_file(folder, [&](std::string_view text) { return render_value(text, context); }));
  WEIR_DO(take_vars_file(root, std::move(file_vars)));
  if (options.target_path) root.target_path = *options.target_path;
  return root;
}

Status read_projects(Draft& draft) {
  auto const& options = *draft.options;
  WEIR_TRY(draft.target, load_target(options));
  ContextFacts facts = facts_of(options, draft.projects);
  facts.target = draft.target;
  WEIR_TRY(auto root, load_project_file(options, draft.target));
  bool const check_version =
      options.check_version && (root.flags["version_check"].is_none() || root.flags["version_check"].truth());
  draft.projects.push_back(std::move(root));
  auto const folders = package_folders(draft.root());
  WEIR_DO(check_installed(draft.root(), options.vars, folders));
  YamlContext context(facts, true, YamlContext::Secrets::Refused);
  RenderText const render = [&](std::string_view text) { return render_value(text, context); };
  for (auto const& path : folders) {
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
  for (auto const& project : draft.projects) {
    if (!check_version) break;
    WEIR_DO(check_dbt_version(project));
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
