// weir dbt run, build, test, seed, snapshot, compile, show, clone and retry: commands that carry out nodes.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/dbt.h"
#include "app/dbt_invocation.h"
#include "app/dbt_project.h"
#include "app/run_history.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "sql/name.h"
#include "sql/statement.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

using build::Command;

int exit_status(build::RunReport const& report) {
  return report.cancelled ? 1 : report.exit_code();
}

std::string relation_text(project::Node const& node) {
  return node.is_relational() ? sql::QualifiedName{node.schema, node.identifier()}.text() : std::string();
}

// What the node is built from: the nearest that have relations of their own.
std::set<std::string> parents_of(project::Manifest const& manifest, project::NodeIndex index) {
  std::set<std::string> parents;
  std::vector<project::NodeIndex> open = {index};
  std::set<project::NodeIndex> seen;
  while (!open.empty()) {
    auto const one = open.back();
    open.pop_back();
    for (auto const parent : manifest.graph().parents(one)) {
      auto const& node = manifest.nodes()[parent];
      if (!seen.insert(parent).second) continue;
      if (node.is_ephemeral()) {
        open.push_back(parent);
      } else if (auto text = relation_text(node); !text.empty()) {
        parents.insert(std::move(text));
      }
    }
  }
  return parents;
}

// Relations that the text of a node names beside those, and whatever else is written like them.
std::set<std::string> other_names(std::string const& sql, std::set<std::string> const& known) {
  std::set<std::string> names;
  for (auto const& name : sql::dotted_names(sql)) {
    auto const count = name.parts.size();
    auto text = sql::QualifiedName{name.parts[count - 2], name.parts[count - 1]}.text();
    if (!known.contains(text)) names.insert(std::move(text));
  }
  return names;
}

// What came of it, a line for each node. `builds`: the command makes relations.
nlohmann::ordered_json lines_of(build::RunReport const& report, project::Manifest const& manifest, bool builds) {
  Json nodes = Json::array();
  for (auto const& result : report.results) {
    auto const index = manifest.index_of(result.unique_id);
    auto const kind = index ? manifest.nodes()[*index].kind : project::NodeKind::Operation;
    bool const has_rows = builds && (kind == project::NodeKind::Model || kind == project::NodeKind::Seed ||
                                     kind == project::NodeKind::Snapshot);
    Json line{{"unique_id", result.unique_id},
              {"status", build::status_text(result.status)},
              {"relation", ""},
              {"message", result.message.value_or("")},
              {"error", result.error ? result.error->to_json() : Json()}};
    if (has_rows && result.relation_name) {
      auto const& node = manifest.nodes()[*index];
      auto const parents = parents_of(manifest, *index);
      line["relation"] = relation_text(node);
      line["materialized"] = node.materialized();
      line["selector"] = "fqn:" + join(node.fqn, ".");
      line["parents"] = parents;
      if (auto names = other_names(result.compiled_code.value_or(""), parents); !names.empty()) line["names"] = names;
    }
    nodes.push_back(std::move(line));
  }
  return nodes;
}

void tell_run(Context& context, build::RunReport const& report, Command command, build::Project const& project,
              std::filesystem::path const& target_folder) {
  bool const builds =
      command == Command::Run || command == Command::Build || command == Command::Seed || command == Command::Snapshot;
  auto const& manifest = *project.manifest;
  tell_dbt(context, manifest.root().root, project.facts.target, [&] {
    return nlohmann::ordered_json{{"nodes", lines_of(report, manifest, builds)},
                                  {"run_results", (target_folder / "run_results.json").string()}};
  });
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
  for (auto const* option : {"inline", "inline-direct"})
    if (prints && arguments.has(option)) {
      auto const kind = option == std::string_view("inline") ? build::InlineText::Template : build::InlineText::Sql;
      WEIR_DO(build::run_inline(std::move(options), arguments.value(option), kind, *invocation.log));
      return 0;
    }
  WEIR_DO(choose_dbt_nodes(context, invocation));
  if (prints) options.print_nodes = named_nodes(*options.project->manifest, arguments);
  auto const project = options.project;
  auto const folder = options.target_folder;
  WEIR_TRY(auto const report, build::run(std::move(options), *invocation.log));
  tell_run(context, report, command, *project, folder);
  return exit_status(report);
}

// ---- retry

struct EarlierRun {
  std::string which, started_at;
  Json args, results;
};

std::vector<std::pair<std::string, std::string>> batches_at(Json const& object, char const* key) {
  std::vector<std::pair<std::string, std::string>> out;
  auto const found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (auto const& one : *found)
    if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string())
      out.emplace_back(one[0].get<std::string>(), one[1].get<std::string>());
  return out;
}

Result<EarlierRun> read_earlier_run(std::filesystem::path const& path) {
  auto const text = read_file(path);
  auto json = text.ok() ? Json::parse(*text, nullptr, false) : Json(Json::value_t::discarded);
  if (!json.is_object() || !json["results"].is_array() || !json["args"].is_object())
    return Error(ErrorKind::Config, "there is no earlier run to take up")
        .where(path.string())
        .state("nothing was run")
        .next("weir dbt build runs everything");
  auto started_at = text_at(json["metadata"], "invocation_started_at");
  if (started_at.empty()) started_at = text_at(json["metadata"], "generated_at");
  return EarlierRun{text_at(json["args"], "which"), std::move(started_at), json["args"], json["results"]};
}

Result<Command> command_of(std::string const& which) {
  if (which == "generate") return Command::DocsGenerate;
  if (which == "run-operation") return Command::Run;
  for (auto const command : {Command::Run, Command::Build, Command::Test, Command::Seed, Command::Snapshot,
                             Command::Compile, Command::Clone})
    if (build::command_name(command) == which) return command;
  return Error(ErrorKind::Usage, fmt::format("the earlier run was \"{}\", which cannot be taken up", which))
      .state("nothing was run")
      .next("run it again as it was");
}

// What the earlier run was told counts, unless this one is told something else. Where it took its state from is not
// where this one finds it (--state).
Arguments with_earlier(Arguments arguments, EarlierRun const& earlier) {
  arguments.options.erase("state");
  auto take = [&arguments](std::string const& option, std::string value) {
    if (!arguments.has(option) && !arguments.has(undoing(option)))
      arguments.options.emplace(option, std::vector<std::string>{std::move(value)});
  };
  auto const& args = earlier.args;
  for (auto const* name :
       {"target", "profile", "state", "defer_state", "event_time_start", "event_time_end", "sample", "publish", "sql"})
    if (auto said = text_at(args, name); !said.empty()) take(replace_all(name, "_", "-"), std::move(said));
  for (auto const* name : {"full_refresh", "store_failures", "empty", "fail_fast", "defer", "favor_state", "static"})
    if (auto const said = args.find(name); said != args.end() && said->is_boolean() && said->get<bool>())
      take(replace_all(name, "_", "-"), "");
  for (auto const* name : {"vars", "args"})
    if (auto const said = args.find(name); said != args.end() && said->is_object() && !said->empty())
      take(name, said->dump());
  if (auto macro = text_at(args, "macro"); !macro.empty()) arguments.positionals = {std::move(macro)};
  if (auto const threads = args.find("threads"); threads != args.end() && threads->is_number_integer())
    take("threads", std::to_string(threads->get<std::int64_t>()));
  return arguments;
}

bool is_to_be_repeated(std::string const& status, bool with_warnings) {
  return status == "error" || status == "fail" || status == "skipped" || status == "runtime error" ||
         status == "partial success" || (with_warnings && status == "warn");
}

bool failed_before(EarlierRun const& earlier, bool with_warnings) {
  return std::any_of(earlier.results.begin(), earlier.results.end(),
                     [&](Json const& one) { return is_to_be_repeated(text_at(one, "status"), with_warnings); });
}

void choose_failed(build::RunOptions& options, EarlierRun const& earlier, bool with_warnings) {
  options.batches_until = build::event_time_from(earlier.started_at);
  auto const repeated = [&](Json const& one) { return is_to_be_repeated(text_at(one, "status"), with_warnings); };
  // Of --publish together nothing is there where anything failed, and what was tested is gone: all of it again.
  bool const all = text_at(earlier.args, "publish") == "together" && failed_before(earlier, with_warnings);
  for (auto const& one : earlier.results) {
    if (!all && !repeated(one)) continue;
    std::string const id = text_at(one, "unique_id");
    auto const index = options.project->manifest->index_of(id);
    if (!index || options.project->manifest->nodes()[*index].kind == project::NodeKind::Operation) continue;
    options.selected.push_back(*index);
    auto const batches = one.find("batch_results");
    if (batches == one.end() || !batches->is_object()) continue;
    // Where none succeeded, the model is built as if for the first time: anew, if that was asked for.
    build::BatchResult earlier_batches{batches_at(*batches, "successful"), batches_at(*batches, "failed")};
    if (!earlier_batches.successful.empty() && !earlier_batches.failed.empty())
      options.earlier_batches.emplace_back(id, std::move(earlier_batches));
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
  WEIR_TRY(auto const manifest, read_dbt_project(context, "retry"));
  auto const& root = manifest->root();
  auto const folder = root.root / context.arguments().value("state", root.target_path);
  WEIR_TRY(auto const earlier, read_earlier_run(folder / "run_results.json"));
  WEIR_TRY(auto const command, command_of(earlier.which));
  bool const with_warnings = context.arguments().has("warn-error");
  Context again(with_earlier(context.arguments(), earlier), context.terminal(), context.interrupt());
  if (earlier.which == "run-operation") return failed_before(earlier, with_warnings) ? run_dbt_operation(again) : 0;
  WEIR_TRY(auto invocation, begin_dbt(again, command, earlier.which));
  choose_failed(invocation.options, earlier, with_warnings);
  WEIR_DO(defer_dbt(again, invocation));
  if (command == Command::DocsGenerate) return retry_dbt_docs(again, std::move(invocation));
  auto const target_folder = invocation.options.target_folder;
  auto const project = invocation.options.project;
  WEIR_TRY(auto const report, build::run(std::move(invocation.options), *invocation.log));
  tell_run(context, report, command, *project, target_folder);
  return exit_status(report);
}

}  // namespace weir::app
