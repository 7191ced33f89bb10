// weir dbt plan, run-operation, source freshness and debug: what asks the warehouse and carries out no
// nodes.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_invocation.h"
#include "app/dbt_project.h"
#include "base/log.h"
#include "base/text.h"
#include "project/load.h"
#include "project/yaml_data.h"

namespace weir::app {
namespace {

using build::Command;

Result<build::OperationOptions> operation_of(Arguments const& arguments) {
  build::OperationOptions operation;
  if (!arguments.positionals.empty()) operation.macro = arguments.positionals[0];
  operation.sql = arguments.value("sql");
  if (operation.macro.empty() == operation.sql.empty())
    return Error(ErrorKind::Usage, "run-operation takes a macro's name, or --sql")
        .state("nothing was run")
        .next("weir dbt run-operation MACRO --args '{name: value}'");
  auto const text = arguments.value("args");
  if (trim(text).empty()) return operation;
  auto const root = project::read_yaml("--args", text);
  if (!root.ok() || (*root)->kind != yaml::Kind::Mapping)
    return Error(ErrorKind::Usage, "\"--args\" is no YAML mapping")
        .object(text)
        .state("nothing was run")
        .next("write it like --args '{key: value}'");
  operation.arguments = project::to_data(**root);
  return operation;
}

std::string configuration_text(Result<project::Target> const& target, Result<project::ProjectFile> const& root,
                               bool profile_is_known) {
  constexpr std::string_view kOk = "OK found and valid", kInvalid = "ERROR invalid";
  std::string out = "Configuration:\n";
  out += fmt::format("  profiles.yml file [{}]\n", target.ok() ? kOk : profile_is_known ? kInvalid : "SKIPPED");
  out += fmt::format("  dbt_project.yml file [{}]\n", root.ok() ? kOk : kInvalid);
  if (target.ok())
    out += fmt::format("  profile: {}\n  target: {} ({})\n", target->profile_name, target->name, target->file);
  if (root.ok()) out += fmt::format("  project: {} ({})\n", root->name, root->root.string());
  return out;
}

std::string connection_text(project::Target const& target, bool is_connected) {
  return fmt::format(
      "Connection:\n  host: {}\n  port: {}\n  user: {}\n  database: {}\n  schema: {}\n  Connection test: [{}]\n",
      target.host, target.port, target.user, target.database, target.schema,
      is_connected ? "OK connection ok" : "ERROR");
}

}  // namespace

Result<int> run_dbt_operation(Context& context) {
  WEIR_TRY(auto const operation, operation_of(context.arguments()));
  WEIR_TRY(auto invocation, begin_dbt(context, Command::Run, "run-operation"));
  WEIR_TRY(auto const report, build::run_operation(std::move(invocation.options), operation, *invocation.log));
  return report.exit_code();
}

Result<int> run_dbt_freshness(Context& context) {
  WEIR_TRY(auto invocation, begin_dbt(context, Command::Freshness, "freshness"));
  WEIR_DO(choose_dbt_nodes(context, invocation));
  auto const output = context.arguments().has("output") ? std::filesystem::path(context.arguments().value("output"))
                                                        : invocation.options.target_folder / "sources.json";
  WEIR_TRY(auto const report, build::run_freshness(std::move(invocation.options), output, *invocation.log));
  invocation.log->line("Done.");
  return report.exit_code();
}

Result<int> run_dbt_plan(Context& context) {
  WEIR_TRY(auto invocation, begin_dbt(context, Command::Build, "plan"));
  WEIR_DO(choose_dbt_nodes(context, invocation));
  WEIR_TRY(auto const outlook, build::look_ahead(std::move(invocation.options), *invocation.log));
  write_out(context.arguments().value("output") == "json" ? build::explain_json(outlook).dump(2) + "\n"
                                                          : build::explain_text(outlook));
  bool const failed =
      std::any_of(outlook.nodes.begin(), outlook.nodes.end(), [](auto const& one) { return one.error.has_value(); });
  return failed ? 1 : 0;
}

// dbt's lines. Each check is made as far as those before it allow; no model is read.
Result<int> run_dbt_debug(Context& context) {
  WEIR_TRY(auto const options, dbt_load_options(context, "debug"));
  if (std::error_code failed; !std::filesystem::is_directory(options.project_dir, failed))
    return Error(ErrorKind::Usage, fmt::format("\"{}\" is no folder", options.project_dir.string()))
        .object("--project-dir")
        .state("nothing was checked");
  auto const target = project::load_target(options);
  auto const root = project::load_project_file(options, target.ok() ? *target : project::Target{});
  // The same fault twice where the project does not say which profile it has.
  bool const is_known = target.ok() || root.ok() || options.profile;
  std::vector<Error const*> failed;
  if (!target.ok() && is_known) failed.push_back(&target.error());
  if (!root.ok()) failed.push_back(&root.error());
  if (context.arguments().has("connection")) {
    write_out("Skipping steps before connection verification\n");
  } else {
    write_out(configuration_text(target, root, is_known));
  }
  std::optional<Error> refused;
  if (target.ok()) {
    auto connected = build::try_connection(*target);
    write_out(connection_text(*target, connected.ok()));
    if (!connected.ok()) failed.push_back(&refused.emplace(std::move(connected).error()));
  } else {
    write_out("Connection test skipped since no profile was found\n");
  }
  write_out(failed.empty() ? "All checks passed!\n" : plural(failed.size(), "check") + " failed:\n");
  for (auto const* error : failed) write_err(error->to_text() + "\n");
  return failed.empty() ? 0 : 1;
}

}  // namespace weir::app
