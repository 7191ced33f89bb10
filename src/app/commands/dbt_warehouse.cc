// weir dbt plan, run-operation, source freshness and debug: what asks the warehouse and carries out no
// nodes.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_invocation.h"
#include "app/dbt_project.h"
#include "base/log.h"
#include "base/text.h"
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

Result<int> run_dbt_debug(Context& context) {
  WEIR_TRY(auto const manifest, load_dbt_project(context, "debug"));
  auto const& target = manifest->target();
  write_out(fmt::format(
      "profile {}, target {} ({})\nproject {} ({})\nconnection to host {}, port {}, database {} as {}, schema {}\n",
      target.profile_name, target.name, target.file, manifest->root().name, manifest->root().root.string(), target.host,
      target.port, target.database, target.user, target.schema));
  auto const connected = build::try_connection(target);
  if (!connected.ok()) {
    write_err(connected.error().to_text() + "\n");
    return 1;
  }
  write_out("connection test: OK\nAll checks passed!\n");
  return 0;
}

}  // namespace weir::app
