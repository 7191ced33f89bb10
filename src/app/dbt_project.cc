#include "app/dbt_project.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/dbt_warnings.h"
#include "base/artifact.h"
#include "base/text.h"
#include "project/yaml_data.h"

namespace weir::app {
namespace {

// As they were given: commas mean something in a selection.
std::vector<std::string> values(Arguments const& arguments, std::string_view name) {
  auto const found = arguments.options.find(name);
  return found == arguments.options.end() ? std::vector<std::string>() : found->second;
}

}  // namespace

std::filesystem::path dbt_project_folder(Context const& context) {
  return context.arguments().value("project-dir", ".");
}

Result<project::ProjectFile> unrendered_dbt_project(std::filesystem::path const& folder) {
  WEIR_TRY(auto const found, project::find_project_folder(folder));
  return project::read_project_file(
      found, [](std::string_view text) -> Result<project::Data> { return project::Data(std::string(text)); });
}

Result<project::Data::Dict> dbt_vars(Context const& context) {
  std::string const text = context.arguments().value("vars");
  if (trim(text).empty()) return project::Data::Dict{};
  auto const root = project::read_yaml("--vars", text);
  if (!root.ok() || (*root)->kind != yaml::Kind::Mapping)
    return Error(ErrorKind::Usage, "\"--vars\" is no YAML mapping")
        .object(text)
        .next("write it like --vars '{key: value}'");
  return project::to_data(**root).pairs();
}

Result<project::LoadOptions> dbt_load_options(Context const& context, std::string_view which) {
  auto const& arguments = context.arguments();
  project::LoadOptions options;
  options.project_dir = dbt_project_folder(context);
  options.which = which;
  if (arguments.has("profiles-dir")) options.profiles_dir = arguments.value("profiles-dir");
  if (arguments.has("profile")) options.profile = arguments.value("profile");
  if (arguments.has("target")) options.target = arguments.value("target");
  if (arguments.has("target-path")) options.target_path = arguments.value("target-path");
  if (arguments.has("threads")) {
    auto const threads = parse_int(arguments.value("threads"));
    if (!threads || *threads < 1)
      return Error(ErrorKind::Usage,
                   fmt::format("\"--threads\" is a number from 1, not \"{}\"", arguments.value("threads")));
    options.threads = threads;
  }
  if (arguments.has("single-threaded")) options.threads = 1;
  options.check_version = !arguments.has("no-version-check");
  WEIR_TRY(options.vars, dbt_vars(context));
  return options;
}

Result<project::ManifestPtr> read_dbt_project(Context const& context, std::string_view which) {
  WEIR_TRY(auto const options, dbt_load_options(context, which));
  auto loaded = project::load_project(options);
  if (loaded.ok()) return loaded;
  Error error = std::move(loaded).error();
  if (error.state().empty()) error.state("nothing was changed");
  return error;
}

Status settle_dbt_project(Context const& context, project::Manifest const& manifest, std::string_view which,
                          build::EventLog* log) {
  auto const& arguments = context.arguments();
  auto const& root = manifest.root();
  WEIR_TRY(auto const policy, WarningPolicy::of(arguments, root.flags));
  for (auto const& warning : manifest.warnings()) {
    WEIR_DO(policy.handle(warning.event, warning.text, log));
  }
  auto const folder = root.root / root.target_path;
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  auto const& said = root.flags["write_json"];
  bool const writes =
      arguments.has("write-json") || (!arguments.has("no-write-json") && (said.is_none() || said.truth()));
  // Of docs generate it is written once all is compiled, or not at all.
  if (!writes || which == "generate") return {};
  return write_artifact(folder / "manifest.json", project::manifest_json(manifest));
}

Result<project::ManifestPtr> load_dbt_project(Context const& context, std::string_view which) {
  WEIR_TRY(auto manifest, read_dbt_project(context, which));
  WEIR_DO(settle_dbt_project(context, *manifest, which));
  return manifest;
}

Result<std::vector<project::NodeKind>> dbt_resource_types(Context const& context,
                                                          std::vector<project::NodeKind> const& normal) {
  auto const parse = [&](std::string_view option) -> Result<std::vector<project::NodeKind>> {
    std::vector<project::NodeKind> kinds;
    for (auto const& name : context.arguments().list(option)) {
      for (auto const& word : split(name, ' ')) {
        if (word == "default" || word == "all") {
          kinds.insert(kinds.end(), normal.begin(), normal.end());
          if (word == "all") kinds.push_back(project::NodeKind::Analysis);
          continue;
        }
        auto const kind = project::kind_from_name(word);
        if (!kind) {
          static std::vector<std::string> const known{"model",       "seed",     "snapshot", "test",   "unit_test",
                                                      "source",      "exposure", "analysis", "metric", "semantic_model",
                                                      "saved_query", "function", "default",  "all"};
          std::string next = did_you_mean(word, known);
          return Error(ErrorKind::Usage, fmt::format("resource type \"{}\" does not exist", word))
              .object(word)
              .next(next.empty() ? fmt::format("there is: {}", join(known, ", ")) : next);
        }
        kinds.push_back(*kind);
      }
    }
    return kinds;
  };
  WEIR_TRY(auto chosen, parse("resource-type"));
  WEIR_TRY(auto const left_out, parse("exclude-resource-type"));
  if (chosen.empty()) chosen = normal;
  std::erase_if(chosen, [&](project::NodeKind kind) {
    return std::find(left_out.begin(), left_out.end(), kind) != left_out.end();
  });
  return chosen;
}

Result<project::SelectedNodes> select_dbt_nodes(Context const& context, project::Manifest const& manifest,
                                                std::vector<project::NodeKind> kinds, build::EventLog* log) {
  auto const& arguments = context.arguments();
  project::SelectionOptions options;
  options.select = values(arguments, "select");
  options.exclude = values(arguments, "exclude");
  if (arguments.has("selector")) options.selector = arguments.value("selector");
  auto const& said = manifest.root().flags["indirect_selection"];
  options.indirect =
      project::indirect_from_name(arguments.value("indirect-selection", said.is_none() ? "eager" : said.str()));
  options.kinds = std::move(kinds);
  project::PreviousState state;
  if (std::string const folder = arguments.value("state"); !folder.empty()) {
    WEIR_TRY(state, project::read_state(folder, manifest.root().root / manifest.root().target_path));
    options.state = &state;
  }
  WEIR_TRY(auto chosen, project::select(manifest, options));
  WEIR_TRY(auto const policy, WarningPolicy::of(arguments, manifest.root().flags));
  for (auto const& criterion : chosen.empty_criteria) {
    WEIR_DO(policy.handle("NoNodesForSelectionCriteria",
                          fmt::format("the selection criterion \"{}\" matches no nodes", criterion), log));
  }
  return chosen;
}

}  // namespace weir::app
