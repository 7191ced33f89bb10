#pragma once
// What the dbt commands have in common: from the command line to a manifest, and to the nodes that were chosen.

#include "app/command.h"
#include "build/events.h"
#include "project/load.h"
#include "project/project_file.h"
#include "project/select.h"

namespace weir::app {

// The project's folder: --project-dir, or here.
std::filesystem::path dbt_project_folder(Context const& context);
// dbt_project.yml of that folder, or of the nearest one above it, its templates left as they are written.
Result<project::ProjectFile> unrendered_dbt_project(std::filesystem::path const& folder);
// --vars. Error: Usage.
Result<project::Data::Dict> dbt_vars(Context const& context);
// Options of the command line. Errors: Usage.
Result<project::LoadOptions> dbt_load_options(Context const& context, std::string_view which);
// Reads the project, and neither says nor writes anything.
Result<project::ManifestPtr> read_dbt_project(Context const& context, std::string_view which);
// Says its warnings, in `log` or on standard error, and writes manifest.json into the target folder, unless
// --no-write-json is said; docs generate writes it itself.
Status settle_dbt_project(Context const& context, project::Manifest const& manifest, std::string_view which,
                          build::EventLog* log = nullptr);
// Both.
Result<project::ManifestPtr> load_dbt_project(Context const& context, std::string_view which);
// --resource-type and --exclude-resource-type; `normal` where neither says anything. Errors: Usage.
Result<std::vector<project::NodeKind>> dbt_resource_types(Context const& context,
                                                          std::vector<project::NodeKind> const& normal);
// What --select, --exclude, --selector and their kin choose. Criteria that match nothing are warned of.
Result<project::SelectedNodes> select_dbt_nodes(Context const& context, project::Manifest const& manifest,
                                                std::vector<project::NodeKind> kinds, build::EventLog* log = nullptr);

}  // namespace weir::app
