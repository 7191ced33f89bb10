// weir dbt run, build, test, seed, snapshot, compile, show, clone and retry: commands that carry out nodes.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_invocation.h"
#include "app/dbt_project.h"
#include "base/file.h"
#include "base/text.h"

namespace weir::app {
namespace {

using build::Command;

int exit_status(build::RunReport const& report) {
  return report.cancelled ? 1 : report.exit_code();
}

// What is selected by its very name: what people look at one by one.
std::vector<std::string> named_nodes(project::Manifest const& manifest, Arguments const& arguments) {
  std::vector<std::string> names;
  auto const said = arguments.options.find("select");
  if (said == arguments.options.end()) return names;
  for (auto const& text : said->second)
    for (auto const& word : split(text, ' '))
      if (std::any_of(manifest.nodes().begin(), manifest.nodes().end(),
                      [&word](auto const& node) { return node.name == word; }))
        names.push_back(word);
  return names;
}

Result<int> run_selected(Context& context, Command command) {
  auto const& arguments = context.arguments();
  WEIR_TRY(auto invocation, begin_dbt(context, command, build::command_name(command)));
  auto& options = invocation.options;
  bool const prints = command == Command::Compile || command == Command::Show;
  if (arguments.has("limit")) {
    auto const limit = parse_int(arguments.value("limit"));
    if (!limit)
      return Error(ErrorKind::Usage, fmt::format("\"--limit\" is a number, not \"{}\"", arguments.value("limit")))
          .state("nothing was run")
          .next("--limit 100, or -1 for all rows");
    options.show_limit = *limit;
  }
  options.print_as_json = prints && arguments.value("output") == "json";
  if (prints && arguments.has("inline")) {
    WEIR_DO(build::run_inline(std::move(options), arguments.value("inline"), *invocation.log));
    return 0;
  }
  WEIR_DO(choose_dbt_nodes(context, invocation));
  if (prints) options.print_nodes = named_nodes(*options.project->manifest, arguments);
  WEIR_TRY(auto const report, build::run(std::move(options), *invocation.log));
  return exit_status(report);
}

// ---- retry

struct EarlierRun {
  std::string which;
  nlohmann::ordered_json args, results;
};

Result<EarlierRun> read_earlier_run(std::filesystem::path const& path) {
  auto const text = read_file(path);
  auto json = text.ok() ? nlohmann::ordered_json::parse(*text, nullptr, false)
                        : nlohmann::ordered_json(nlohmann::ordered_json::value_t::discarded);
  if (json.is_discarded() || !json.contains("results") || !json["results"].is_array() || !json["args"].is_object())
    return Error(ErrorKind::Config, "there is no earlier run to take up")
        .where(path.string())
        .state("nothing was run")
        .next("weir dbt build runs everything");
  return EarlierRun{json["args"].value("which", "run"), json["args"], json["results"]};
}

Result<Command> command_of(std::string const& which) {
  for (auto const command : {Command::Run, Command::Build, Command::Test, Command::Seed, Command::Snapshot,
                             Command::Compile, Command::Clone})
    if (build::command_name(command) == which) return command;
  return Error(ErrorKind::Usage, fmt::format("the earlier run was \"{}\", which cannot be taken up", which))
      .state("nothing was run")
      .next("run it again as it was");
}

// What the earlier run was told counts, unless this one is told something else.
Arguments with_earlier(Arguments arguments, EarlierRun const& earlier) {
  auto take = [&arguments](std::string const& name, std::string value) {
    if (!arguments.has(name)) arguments.options.emplace(name, std::vector<std::string>{std::move(value)});
  };
  auto const& args = earlier.args;
  if (auto const vars = args.find("vars"); vars != args.end() && vars->is_object() && !vars->empty())
    take("vars", vars->dump());
  if (auto const target = args.find("target"); target != args.end() && target->is_string())
    take("target", target->get<std::string>());
  if (args.value("full_refresh", false)) take("full-refresh", "");
  return arguments;
}

bool is_to_be_repeated(std::string const& status) {
  return status == "error" || status == "fail" || status == "skipped" || status == "runtime error" ||
         status == "partial success";
}

void choose_failed(build::RunOptions& options, EarlierRun const& earlier) {
  for (auto const& one : earlier.results) {
    if (!is_to_be_repeated(one.value("status", ""))) continue;
    std::string const id = one.value("unique_id", "");
    if (auto const index = options.project->manifest->index_of(id)) options.selected.push_back(*index);
    if (one.contains("batch_results") && one["batch_results"].is_object())
      options.only_batches.emplace_back(
          id, one["batch_results"]["failed"].get<std::vector<std::pair<std::string, std::string>>>());
  }
}

}  // namespace

Result<int> run_dbt_run(Context& context) {
  return run_selected(context, Command::Run);
}
Result<int> run_dbt_build(Context& context) {
  return run_selected(context, Command::Build);
}
Result<int> run_dbt_test(Context& context) {
  return run_selected(context, Command::Test);
}
Result<int> run_dbt_seed(Context& context) {
  return run_selected(context, Command::Seed);
}
Result<int> run_dbt_snapshot(Context& context) {
  return run_selected(context, Command::Snapshot);
}
Result<int> run_dbt_compile(Context& context) {
  return run_selected(context, Command::Compile);
}
Result<int> run_dbt_show(Context& context) {
  return run_selected(context, Command::Show);
}
Result<int> run_dbt_clone(Context& context) {
  return run_selected(context, Command::Clone);
}

Result<int> run_dbt_retry(Context& context) {
  WEIR_TRY(auto const manifest, load_dbt_project(context, "retry"));
  auto const& root = manifest->root();
  WEIR_TRY(auto const earlier, read_earlier_run(root.root / root.target_path / "run_results.json"));
  WEIR_TRY(auto const command, command_of(earlier.which));
  Context again(with_earlier(context.arguments(), earlier), context.terminal(), context.interrupt());
  WEIR_TRY(auto invocation, begin_dbt(again, command, earlier.which));
  choose_failed(invocation.options, earlier);
  WEIR_TRY(auto const report, build::run(std::move(invocation.options), *invocation.log));
  return exit_status(report);
}

}  // namespace weir::app
