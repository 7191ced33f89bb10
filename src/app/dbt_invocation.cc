#include "app/dbt_invocation.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "app/dbt_project.h"
#include "base/text.h"

namespace weir::app {
namespace {

using build::Command;
using project::Data;
using project::NodeKind;

std::vector<NodeKind> kinds_of(Command command) {
  switch (command) {
    case Command::Run:
      return {NodeKind::Model};
    case Command::Test:
      return {NodeKind::Test, NodeKind::UnitTest};
    case Command::Seed:
      return {NodeKind::Seed};
    case Command::Snapshot:
      return {NodeKind::Snapshot};
    case Command::Build:
      return {NodeKind::Model, NodeKind::Seed,     NodeKind::Snapshot,
              NodeKind::Test,  NodeKind::UnitTest, NodeKind::Function};
    case Command::Freshness:
      return {NodeKind::Source};
    default:
      return {NodeKind::Model, NodeKind::Test,     NodeKind::Snapshot,
              NodeKind::Seed,  NodeKind::Analysis, NodeKind::Function};
  }
}

bool is_yes(std::string_view word) {
  std::string const lower = to_lower(word);
  return lower == "1" || lower == "true" || lower == "t" || lower == "yes" || lower == "y" || lower == "on";
}

// A switch that the command line, an environment variable or `flags:` of dbt_project.yml turns on; the first that says
// anything counts.
struct Switch {
  std::string_view option;    // --full-refresh
  char const* variable;       // DBT_FULL_REFRESH
  std::string_view in_flags;  // full_refresh
  std::string_view seen_as;   // flags.FULL_REFRESH
};
constexpr Switch kSwitches[] = {
    {"full-refresh", "DBT_FULL_REFRESH", "full_refresh", "FULL_REFRESH"},
    {"store-failures", "DBT_STORE_FAILURES", "store_failures", "STORE_FAILURES"},
    {"fail-fast", "DBT_FAIL_FAST", "fail_fast", "FAIL_FAST"},
    {"warn-error", "DBT_WARN_ERROR", "warn_error", "WARN_ERROR"},
    {"empty", "DBT_EMPTY", "empty", "EMPTY"},
};

bool is_on(Arguments const& arguments, Switch const& one, Data const& flags) {
  if (arguments.has(one.option)) return true;
  if (char const* value = std::getenv(one.variable); value != nullptr && *value != '\0') return is_yes(value);
  return flags[one.in_flags].truth();
}

std::string setting(Arguments const& arguments, std::string_view option, char const* variable, std::string fallback) {
  if (arguments.has(option)) return arguments.value(option);
  char const* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : fallback;
}

Result<build::LogOptions> log_options(Context const& context, project::Manifest const& manifest) {
  auto const& arguments = context.arguments();
  build::LogOptions options;
  std::string const said = setting(arguments, "log-format", "DBT_LOG_FORMAT", "default");
  auto const format = build::log_format_from(said);
  if (!format)
    return Error(ErrorKind::Usage, fmt::format("DBT_LOG_FORMAT is text, debug or json, not \"{}\"", said))
        .state("nothing was run");
  options.console_format = *format;
  if (auto const file_format =
          build::log_format_from(setting(arguments, "log-format-file", "DBT_LOG_FORMAT_FILE", "default")))
    options.file_format = *file_format;
  std::string const level = arguments.has("debug") ? "debug" : setting(arguments, "log-level", "DBT_LOG_LEVEL", "info");
  options.console_level = build::level_from(level);
  options.file_level = build::level_from(setting(arguments, "log-level-file", "DBT_LOG_LEVEL_FILE", "debug"));
  options.colours = context.terminal().colour_out && !arguments.has("no-use-colors");
  options.quiet = arguments.has("quiet");
  options.print = !arguments.has("no-print");
  auto const& root = manifest.root();
  options.file = root.root / setting(arguments, "log-path", "DBT_LOG_PATH", root.log_path) / "dbt.log";
  options.invocation_id = manifest.invocation_id();
  return options;
}

// What templates see as `flags`.
Data::Dict flags_of(Arguments const& arguments, std::string_view which, project::Manifest const& manifest) {
  auto const& said = manifest.root().flags;
  Data::Dict flags;
  for (auto const& [key, value] : said.pairs()) {
    std::string upper;
    for (char const c : key) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    project::set(flags, upper, value);
  }
  project::set(flags, "WHICH", Data(which));
  for (auto const& one : kSwitches) project::set(flags, one.seen_as, Data(is_on(arguments, one, said)));
  return flags;
}

void say_found(build::EventLog& log, project::Manifest const& manifest) {
  std::map<std::string, std::size_t> counts;
  for (auto const& node : manifest.nodes())
    if (node.kind != NodeKind::Operation)
      ++counts[std::string(node.kind == NodeKind::Test ? "data test" : kind_name(node.kind))];
  std::string found;
  for (auto const& [name, count] : counts) found += fmt::format("{} {}{}, ", count, name, count == 1 ? "" : "s");
  found += fmt::format("{} macros", manifest.macros().size());
  log.write({"FoundStats", "W006", build::Level::Info, "Found " + found, {{"stat_line", Data(found)}}, false});
}

}  // namespace

Result<DbtInvocation> begin_dbt(Context& context, Command command, std::string_view which) {
  auto const& arguments = context.arguments();
  DbtInvocation out;
  auto& options = out.options;
  options.command = command;
  options.started_at = build::timestamp_now();
  std::int64_t const started_us = build::microseconds_now();
  WEIR_TRY(auto const manifest, load_dbt_project(context, which));
  WEIR_TRY(auto logging, log_options(context, *manifest));
  if (which == "plan") logging.console_level = build::Level::Warn;  // what is printed is the plan
  WEIR_TRY(out.log, build::EventLog::open(std::move(logging)));
  std::string const version = fmt::format("={}", project::kDbtVersion);
  out.log->write({"MainReportVersion",
                  "A001",
                  build::Level::Info,
                  "Running with dbt" + version,
                  {{"version", Data(version)}, {"log_version", Data(3)}},
                  false});
  auto flags = flags_of(arguments, which, *manifest);
  auto const is = [&flags](std::string_view name) {
    return project::find(static_cast<Data::Dict const&>(flags), name)->truth();
  };
  options.full_refresh = is("FULL_REFRESH");
  options.store_failures = is("STORE_FAILURES");
  options.fail_fast = is("FAIL_FAST");
  options.empty = is("EMPTY");
  options.threads = static_cast<std::size_t>(std::max<std::int64_t>(manifest->target().threads, 1));
  options.project = std::make_shared<build::Project const>(manifest, std::move(flags), started_us);
  options.invocation_id = manifest->invocation_id();
  options.target_folder = manifest->root().root / manifest->root().target_path;
  options.write_json = !arguments.has("no-write-json");
  options.inject_ephemeral_ctes = !arguments.has("no-inject-ephemeral-ctes");
  options.favor_state = arguments.has("favor-state");
  if (arguments.has("event-time-start")) options.event_time_start = arguments.value("event-time-start");
  if (arguments.has("event-time-end")) options.event_time_end = arguments.value("event-time-end");
  options.stop = context.interrupt().token();
  Data::Dict args{
      {"which", Data(which)}, {"full_refresh", Data(options.full_refresh)}, {"target", Data(manifest->target().name)}};
  for (auto const* name : {"select", "exclude"})
    if (auto const said = arguments.options.find(name); said != arguments.options.end())
      args.emplace_back(name, Data::strings(said->second));
  for (auto const* name : {"selector", "state"})
    if (arguments.has(name)) args.emplace_back(name, Data(arguments.value(name)));
  args.emplace_back("vars", Data(manifest->vars()));
  options.args = Data(std::move(args));
  say_found(*out.log, *manifest);
  return out;
}

Status choose_dbt_nodes(Context& context, DbtInvocation& invocation) {
  auto const& arguments = context.arguments();
  auto& options = invocation.options;
  WEIR_TRY(auto const kinds, dbt_resource_types(context, kinds_of(options.command)));
  WEIR_TRY(auto chosen, select_dbt_nodes(context, *options.project->manifest, kinds));
  options.selected = std::move(chosen.nodes);
  if (!arguments.has("defer") && options.command != Command::Clone) return {};
  char const* from_environment = std::getenv("DBT_STATE");
  std::string const folder =
      arguments.value("defer-state", arguments.value("state", from_environment == nullptr ? "" : from_environment));
  if (folder.empty())
    return Error(ErrorKind::Usage, "there is no state to take relations from")
        .state("nothing was run")
        .next("name a folder with a manifest.json: --state DIR");
  WEIR_TRY(options.deferred, project::read_manifest_json(std::filesystem::path(folder) / "manifest.json"));
  return {};
}

}  // namespace weir::app
