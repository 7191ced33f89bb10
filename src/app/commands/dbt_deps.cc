// weir dbt deps.
#include <cstdlib>

#include <fmt/format.h>

#include "app/commands/dbt.h"
#include "app/dbt_project.h"
#include "base/text.h"
#include "packages/install.h"

namespace weir::app {
namespace {

// NAME@VERSION; an address of git may hold an @ of its own.
packages::AddedPackage added(std::string const& text, std::string source) {
  auto const at = text.rfind('@');
  bool const has_version =
      at != std::string::npos && at > 0 &&
      (text.find_first_of("/:", at) == std::string::npos || std::string_view(text).substr(0, at).ends_with(".git"));
  if (!has_version) return {text, "", std::move(source)};
  return {text.substr(0, at), text.substr(at + 1), std::move(source)};
}

}  // namespace

Result<int> run_dbt_deps(Context& context) {
  auto const& arguments = context.arguments();
  packages::InstallOptions options;
  options.project_dir = dbt_project_folder(context);
  WEIR_TRY(options.vars, dbt_vars(context));
  options.lock_only = arguments.has("lock");
  options.upgrade = arguments.has("upgrade");
  options.check_dbt_version = !arguments.has("no-version-check");
  if (arguments.has("add-package"))
    options.add = added(arguments.value("add-package"), to_lower(arguments.value("source", "hub")));
  if (options.add && options.add->version.empty() && options.add->source == "hub")
    return Error(ErrorKind::Usage, fmt::format("package \"{}\" needs a version", options.add->name))
        .next(fmt::format("write it like --add-package {}@1.0.0", options.add->name));
  if (char const* hub = std::getenv("DBT_PACKAGE_HUB_URL"); hub != nullptr && *hub != '\0') options.hub = hub;
  options.stop = context.interrupt().token();
  auto installed = packages::install_packages(options);
  if (installed.ok()) return 0;
  Error error = std::move(installed).error();
  // Exit status 1 is for what fails in a run; here nothing ran.
  if (exit_code(error.kind()) == 1) error.kind(ErrorKind::Config);
  return error;
}

}  // namespace weir::app
