#include "app/dbt_invocation.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "app/dbt_project.h"
#include "app/dbt_warnings.h"
#include "base/text.h"
#include "project/yaml_data.h"

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
      return {NodeKind::Model,    NodeKind::Seed,     NodeKind::Snapshot, NodeKind::Test,
              NodeKind::UnitTest, NodeKind::Function, NodeKind::Exposure, NodeKind::SavedQuery};
    case Command::Freshness:
      return {NodeKind::Source};
    case Command::Compile:
      return {NodeKind::Model,    NodeKind::Test,     NodeKind::Snapshot, NodeKind::Seed,
              NodeKind::Analysis, NodeKind::Function, NodeKind::Operation};
    case Command::DocsGenerate:  // sources are not compiled: they stand in the catalog
      return {NodeKind::Model,    NodeKind::Test,     NodeKind::Snapshot,  NodeKind::Seed,
              NodeKind::Analysis, NodeKind::Function, NodeKind::Operation, NodeKind::Source};
    default:
      return {NodeKind::Model, NodeKind::Test,     NodeKind::Snapshot,
              NodeKind::Seed,  NodeKind::Analysis, NodeKind::Function};
  }
}

// full_refresh of full-refresh.
std::string key_of(std::string_view option) {
  return replace_all(std::string(option), "-", "_");
}

// What the command line or the environment says, else `flags:` of dbt_project.yml: full-refresh as full_refresh.
class Settings {
 public:
  Settings(Arguments const& arguments, Data const& flags) : arguments_(arguments), flags_(flags) {}

  bool is_on(std::string_view option, bool otherwise = false) const {
    if (arguments_.has(option)) return true;
    if (arguments_.has(undoing(option))) return false;
    auto const& said = flags_[key_of(option)];
    return said.is_none() ? otherwise : said.truth();
  }
  std::string text(std::string_view option, std::string_view otherwise = {}) const {
    if (arguments_.has(option)) return arguments_.value(option);
    auto const& said = flags_[key_of(option)];
    return said.is_none() ? std::string(otherwise) : said.str();
  }
  Result<std::int64_t> number(std::string_view option, std::int64_t otherwise) const {
    std::string const said = text(option);
    if (said.empty()) return otherwise;
    auto const value = parse_int(said);
    if (value && *value >= 0) return *value;
    return Error(ErrorKind::Usage, fmt::format("\"--{}\" is a number, not \"{}\"", option, said))
        .state("nothing was run");
  }

 private:
  Arguments const& arguments_;
  Data const& flags_;
};

// Switches that templates see as `flags`, and what they are when nobody says anything.
constexpr std::pair<std::string_view, bool> kSwitches[] = {
    {"full-refresh", false}, {"store-failures", false}, {"fail-fast", false},    {"warn-error", false},
    {"empty", false},        {"defer", false},          {"favor-state", false},  {"cache-selected-only", false},
    {"debug", false},        {"introspect", true},      {"partial-parse", true}, {"populate-cache", true},
    {"print", true},         {"quiet", false},          {"use-colors", true},    {"version-check", true},
    {"write-json", true}};

std::string flag_name(std::string_view option) {
  std::string name;
  for (char const c : option) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

Result<build::LogFormat> log_format(Settings const& settings, std::string_view option, std::string_view otherwise) {
  std::string const said = settings.text(option, otherwise);
  if (auto const format = build::log_format_from(said)) return *format;
  return Error(ErrorKind::Usage, fmt::format("\"--{}\" is text, debug or json, not \"{}\"", option, said))
      .state("nothing was run");
}

Result<build::LogOptions> log_options(Context const& context, Settings const& settings,
                                      project::Manifest const& manifest) {
  build::LogOptions options;
  WEIR_TRY(options.console_format, log_format(settings, "log-format", "default"));
  WEIR_TRY(options.file_format, log_format(settings, "log-format-file", "default"));
  bool const debug = settings.is_on("debug");
  options.console_level = build::level_from(debug ? "debug" : settings.text("log-level", "info"));
  options.file_level = build::level_from(settings.text("log-level-file", "debug"));
  options.colours = context.terminal().colour_out && settings.is_on("use-colors", true);
  options.quiet = settings.is_on("quiet");
  options.print = settings.is_on("print", true);
  WEIR_TRY(auto const width, settings.number("printer-width", 80));
  options.width = static_cast<std::size_t>(width);
  WEIR_TRY(auto const bytes, settings.number("log-file-max-bytes", 10 << 20));
  options.file_max_bytes = static_cast<std::uint64_t>(bytes);
  auto const& root = manifest.root();
  options.file = root.root / settings.text("log-path", root.log_path) / "dbt.log";
  options.invocation_id = manifest.invocation_id();
  return options;
}

// What templates see as `flags`.
Data::Dict flags_of(Settings const& settings, std::string_view which, project::Manifest const& manifest) {
  Data::Dict flags;
  for (auto const& [key, value] : manifest.root().flags.pairs()) project::set(flags, flag_name(key), value);
  project::set(flags, "WHICH", Data(which));
  for (auto const& [option, otherwise] : kSwitches)
    project::set(flags, flag_name(option), Data(settings.is_on(option, otherwise)));
  return flags;
}

std::optional<build::EventTime> exact_time(std::string const& text) {
  auto const time = build::event_time_from(text);
  bool const is_whole = text.size() == 10 || (text.size() == 19 && (text[10] == 'T' || text[10] == ' '));
  return is_whole ? time : std::nullopt;
}

// --sample, --event-time-start and --event-time-end.
Status choose_times(Arguments const& arguments, std::int64_t now_us, build::RunOptions& options) {
  if (arguments.has("sample")) {
    build::EventTime const now{std::chrono::microseconds(now_us)};
    WEIR_TRY(options.sample, build::sample_window(arguments.value("sample"), now));
  }
  bool const has_start = arguments.has("event-time-start"), has_end = arguments.has("event-time-end");
  if (!has_start && !has_end) return {};
  if (!has_start || !has_end)
    return Error(ErrorKind::Usage, fmt::format("\"--event-time-{}\" stands alone", has_start ? "start" : "end"))
        .state("nothing was run")
        .next(fmt::format("say --event-time-{}, too", has_start ? "end" : "start"));
  options.event_time_start = exact_time(arguments.value("event-time-start"));
  options.event_time_end = exact_time(arguments.value("event-time-end"));
  if (!options.event_time_start || !options.event_time_end)
    return Error(ErrorKind::Usage,
                 fmt::format("\"--event-time-{0}\" is no time: \"{1}\"", options.event_time_start ? "end" : "start",
                             arguments.value(options.event_time_start ? "event-time-end" : "event-time-start")))
        .state("nothing was run")
        .next("write it like 2024-01-31 or 2024-01-31T12:00:00");
  if (*options.event_time_start < *options.event_time_end) return {};
  return Error(ErrorKind::Usage, "\"--event-time-start\" is not before \"--event-time-end\"").state("nothing was run");
}

std::string iso_text(build::EventTime time) {
  return replace_all(build::text_of(time), " ", "T").substr(0, 19);
}

// The command as run_results.json remembers it, by dbt's names: what `retry` needs to say again.
Data args_of(Arguments const& arguments, Settings const& settings, std::string_view which,
             project::Manifest const& manifest, build::RunOptions const& options) {
  Data::Dict args{{"which", Data(which)}, {"target", Data(manifest.target().name)}, {"vars", Data(manifest.vars())}};
  for (std::string_view const option :
       {"full-refresh", "store-failures", "empty", "fail-fast", "warn-error", "defer", "favor-state", "write-json",
        "introspect", "print", "quiet", "use-colors", "version-check", "partial-parse"}) {
    bool const otherwise = option == "write-json" || option == "introspect" || option == "print" ||
                           option == "use-colors" || option == "version-check" || option == "partial-parse";
    args.emplace_back(key_of(option), Data(settings.is_on(option, otherwise)));
  }
  for (auto const* name : {"select", "exclude"})
    if (auto const said = arguments.options.find(name); said != arguments.options.end())
      args.emplace_back(name, Data::strings(said->second));
  for (std::string_view const option :
       {"selector", "state", "defer-state", "profile", "profiles-dir", "project-dir", "target-path", "log-path",
        "indirect-selection", "log-format", "log-level", "warn-error-options", "inline", "publish"})
    if (arguments.has(option)) args.emplace_back(key_of(option), Data(arguments.value(option)));
  if (which == "generate") args.emplace_back("static", Data(arguments.has("static")));
  if (which == "run-operation") {
    if (!arguments.positionals.empty()) args.emplace_back("macro", Data(arguments.positionals.front()));
    auto const said = project::read_yaml("--args", arguments.value("args", "{}"));
    args.emplace_back("args", said.ok() ? project::to_data(**said) : Data(Data::Dict{}));
    if (arguments.has("sql")) args.emplace_back("sql", Data(arguments.value("sql")));
  }
  if (arguments.has("threads")) args.emplace_back("threads", Data(static_cast<std::int64_t>(options.threads)));
  if (options.event_time_start) {
    args.emplace_back("event_time_start", Data(iso_text(*options.event_time_start)));
    args.emplace_back("event_time_end", Data(iso_text(*options.event_time_end)));
  }
  if (options.sample)
    args.emplace_back("sample", Data(fmt::format("{{start: '{}', end: '{}'}}", build::text_of(options.sample->start),
                                                 build::text_of(options.sample->end))));
  return Data(std::move(args));
}

void warn_of_state_within_target(build::EventLog& log, Arguments const& arguments,
                                 std::filesystem::path const& target_folder) {
  std::error_code failed;
  std::string const state = arguments.value("state");
  if (state.empty() || !std::filesystem::equivalent(state, target_folder, failed)) return;
  log.write(
      {"WarnStateTargetEqual",
       "I072",
       build::Level::Warn,
       fmt::format("Warning: The state and target directories are the same: '{}'. What is compared with is written "
                   "anew by this run.",
                   state),
       {{"state_path", Data(state)}},
       false});
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
  WEIR_TRY(auto const manifest, read_dbt_project(context, which));
  Settings const settings(arguments, manifest->root().flags);
  WEIR_TRY(auto logging, log_options(context, settings, *manifest));
  if (which == "plan") logging.console_level = build::Level::Warn;  // what is printed is the plan
  WEIR_TRY(out.log, build::EventLog::open(std::move(logging)));
  std::string const version = fmt::format("={}", project::kDbtVersion);
  out.log->write({"MainReportVersion",
                  "A001",
                  build::Level::Info,
                  "Running with dbt" + version,
                  {{"version", Data(version)}, {"log_version", Data(3)}},
                  false});
  WEIR_DO(settle_dbt_project(context, *manifest, which, out.log.get()));
  WEIR_TRY(auto const warnings, WarningPolicy::of(arguments, manifest->root().flags));
  options.test_warnings_fail = warnings.fate("LogTestResult") == WarningPolicy::Fate::Fail;
  options.skip_behind_failed_start = manifest->root().flags["skip_nodes_if_on_run_start_fails"].truth();
  options.full_refresh = settings.is_on("full-refresh");
  options.store_failures = settings.is_on("store-failures");
  options.fail_fast = settings.is_on("fail-fast");
  options.empty = settings.is_on("empty");
  options.introspect = settings.is_on("introspect", true);
  options.show_seeds = arguments.has("show");
  options.publish_together = arguments.value("publish") == "together";
  options.threads = static_cast<std::size_t>(std::max<std::int64_t>(manifest->target().threads, 1));
  options.project = std::make_shared<build::Project const>(manifest, flags_of(settings, which, *manifest), started_us);
  options.invocation_id = manifest->invocation_id();
  options.target_folder = manifest->root().root / manifest->root().target_path;
  options.write_json = settings.is_on("write-json", true);
  options.inject_ephemeral_ctes = !arguments.has("no-inject-ephemeral-ctes");
  options.favor_state = settings.is_on("favor-state");
  warn_of_state_within_target(*out.log, arguments, options.target_folder);
  WEIR_DO(choose_times(arguments, started_us, options));
  options.stop = context.interrupt().token();
  options.args = args_of(arguments, settings, which, *manifest, options);
  say_found(*out.log, *manifest);
  return out;
}

Status choose_dbt_nodes(Context& context, DbtInvocation& invocation) {
  auto& options = invocation.options;
  WEIR_TRY(auto const kinds, dbt_resource_types(context, kinds_of(options.command)));
  WEIR_TRY(auto chosen, select_dbt_nodes(context, *options.project->manifest, kinds, invocation.log.get()));
  options.selected = std::move(chosen.nodes);
  return defer_dbt(context, invocation);
}

Status defer_dbt(Context& context, DbtInvocation& invocation) {
  auto const& arguments = context.arguments();
  auto& options = invocation.options;
  if (!arguments.has("defer") && options.command != Command::Clone) return {};
  std::string const folder = arguments.value("defer-state", arguments.value("state"));
  if (folder.empty())
    return Error(ErrorKind::Usage, "there is no state to take relations from")
        .state("nothing was run")
        .next("name a folder with a manifest.json: --state DIR");
  WEIR_TRY(options.deferred, project::read_manifest_json(std::filesystem::path(folder) / "manifest.json"));
  return {};
}

}  // namespace weir::app
