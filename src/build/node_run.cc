#include "build/node_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "build/compile.h"
#include "build/materialize.h"
#include "build/query_comment.h"
#include "build/show.h"

namespace weir::build {
namespace {

using project::Node;
using project::NodeKind;

bool has_code(Node const& node) {
  return node.kind != NodeKind::Seed && node.kind != NodeKind::UnitTest;
}

// failures, should_warn, should_error: the row of a test's statement.
Status judge_test(RunContext const& context, RunOptions const& options, NodeResult& result) {
  auto const* main = context.stored("main");
  auto const* rows = main == nullptr ? nullptr : table_of(main->table);
  if (rows == nullptr || rows->rows.size() != 1 || rows->rows[0].size() != 3)
    return Error(ErrorKind::Template,
                 fmt::format("test \"{}\" did not answer with one row of failures, should_warn and should_error",
                             context.node().name))
        .next("look at its SQL below target/compiled, and at the macro get_test_sql");
  result.adapter_response = main->response.data();
  auto const& row = rows->rows[0];
  auto const failures = parse_int(jinja::to_text(row[0])).value_or(0);
  auto const& config = context.node().config;
  std::string const counted = fmt::format("Got {} result{}", failures, failures == 1 ? "" : "s");
  result.status = NodeStatus::Pass;
  if (to_lower(config["severity"].str()) == "error" && jinja::truth(row[2])) {
    result.status = NodeStatus::Fail;
    result.message = fmt::format("{}, configured to fail if {}", counted, config["error_if"].str());
  } else if (jinja::truth(row[1])) {
    result.status = options.test_warnings_fail ? NodeStatus::Fail : NodeStatus::Warn;
    result.message = fmt::format("{}, configured to {} if {}", counted,
                                 result.status == NodeStatus::Fail ? "fail" : "warn", config["warn_if"].str());
  }
  // A test that passes says 0, whatever it counted (error_if: "< 1").
  result.failures = result.status == NodeStatus::Pass ? 0 : failures;
  return {};
}

Status judge_unit_test(RunContext const& context, NodeResult& result) {
  auto const* main = context.stored("main");
  auto const* rows = main == nullptr ? nullptr : table_of(main->table);
  if (rows == nullptr)
    return Error(ErrorKind::Template, fmt::format("unit test \"{}\" gave no rows", context.node().name));
  result.adapter_response = main->response.data();
  auto const difference = unit_test_difference(*rows);
  result.failures = difference ? 1 : 0;
  result.status = difference ? NodeStatus::Fail : NodeStatus::Pass;
  if (difference) result.message = *difference;
  return {};
}

bool is_printed(RunOptions const& options, Node const& node) {
  auto const& names = options.print_nodes;
  if (names.empty()) return options.command == Command::Show;
  return std::find(names.begin(), names.end(), node.name) != names.end();
}

Status compile_node(RunContext& context, NodeResult& result) {
  auto const& node = context.node();
  if (context.run().options.command == Command::Clone) {
    // What is cloned is the other environment's relation: the model's own template is not rendered.
    if (auto other = context.run().deferred(node))
      context.set("sql", jinja::Value("select * from " + jinja::to_text(project::make_relation(std::move(*other)))));
    return {};
  }
  if (node.kind == NodeKind::UnitTest) {
    WEIR_DO(prepare_unit_test(context));
  } else if (has_code(node)) {
    WEIR_TRY(auto const code, compile(context));
  } else {
    return {};
  }
  result.is_compiled = true;
  result.compiled_code = context.sql();
  if (is_printed(context.run().options, node)) return print_node(context, context.sql());
  return {};
}

bool only_compiles(Command command, Node const& node) {
  return node.is_ephemeral() || command == Command::Compile || command == Command::Show ||
         command == Command::DocsGenerate;
}

// A view of failures would read what waits, which is gone by then.
void store_failures_as_table(RunContext& context) {
  if (context.run().together == nullptr || context.node().kind != NodeKind::Test ||
      context.config("store_failures_as").str() != "view")
    return;
  project::set(context.config(), "store_failures_as", project::Data("table"));
  context.notes.push_back("failures are stored as a table: a view of them would read what is not published yet");
}

Status run_node(RunContext& context, NodeResult& result) {
  store_failures_as_table(context);
  WEIR_TRY(auto const made, materialize(context));
  auto const& node = context.node();
  if (node.kind == NodeKind::Test) return judge_test(context, context.run().options, result);
  if (node.kind == NodeKind::UnitTest) return judge_unit_test(context, result);
  result.adapter_response = made.response.data();
  result.message = made.response.message;
  return {};
}

// The line of the template that the server complains about: the one that holds the name it quotes.
std::string pointed_line(Node const& node, std::string const& message) {
  auto const open = message.find('"');
  auto const close = open == std::string::npos ? open : message.find('"', open + 1);
  if (close == std::string::npos) return "";
  std::string const name = message.substr(open + 1, close - open - 1);
  auto const last = name.substr(name.rfind('.') == std::string::npos ? 0 : name.rfind('.') + 1);
  auto const lines = split(node.raw_code, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto const at = lines[i].find(last);
    if (last.empty() || at == std::string::npos) continue;
    auto const number = node.first_line + static_cast<int>(i);
    return fmt::format("\n  --> {}:{}:{}\n  {:>4} | {}\n       | {}{}", node.original_file_path, number, at + 1, number,
                       lines[i], std::string(at, ' '), std::string(last.size(), '^'));
  }
  return "";
}

// What macros lock, they lock in the project's order: two nodes may wait for each other, and the server ends one.
constexpr int kDeadlockTries = 4;

// Nothing of it was committed.
bool may_begin_again(RunState const& run, Worker const& worker, Status const& done, std::uint64_t commits) {
  return !done.ok() && done.error().sqlstate() == "40P01" && worker.commits() == commits &&
         !run.options.stop.stop_requested();
}

void fail(NodeResult& result, Node const& node, Error error) {
  result.status = NodeStatus::Error;
  result.message = error_message(node, error);
  result.error = std::move(error);
}

// No transaction is open afterwards.
Status compile_and_run(RunState& run, Worker& worker, Node const& node, NodeResult& result) {
  RunContext context(run, worker, node);
  Timing compiling{"compile", timestamp_now(), ""};
  auto done = compile_node(context, result);
  compiling.completed_at = timestamp_now();
  result.timing.push_back(compiling);
  if (done.ok() && !only_compiles(run.options.command, node)) {
    Timing executing{"execute", timestamp_now(), ""};
    done = run_node(context, result);
    executing.completed_at = timestamp_now();
    result.timing.push_back(executing);
  }
  auto const ended = worker.rollback();
  if (done.ok() && !ended.ok()) result.notes.push_back(ended.error().message());
  result.notes.insert(result.notes.end(), context.notes.begin(), context.notes.end());
  return done;
}

}  // namespace

std::string describe(Node const& node) {
  auto const relation = fmt::format("{}.{}", node.schema, node.alias);
  switch (node.kind) {
    case NodeKind::Model:
      return fmt::format("sql {} model {}", is_microbatch(node) ? "microbatch" : node.materialized(), relation);
    case NodeKind::Seed:
      return "seed file " + relation;
    case NodeKind::Snapshot:
      return "snapshot " + relation;
    case NodeKind::Test:
      return "test " + node.name;
    case NodeKind::UnitTest:
      return fmt::format("unit_test {}::{}", node.unit_test->model, node.name);
    case NodeKind::Function:
      return "function " + relation;
    case NodeKind::SavedQuery:
      return "saved query " + node.name;
    default:
      return fmt::format("{} {}", kind_name(node.kind), node.name);
  }
}

bool is_no_operation(Node const& node) {
  return node.kind == NodeKind::Exposure || node.kind == NodeKind::SavedQuery;
}

std::string error_message(Node const& node, Error const& error) {
  bool const is_database = !error.sqlstate().empty();
  std::string out = fmt::format("{} Error in {} {} ({})",
                                is_database                           ? "Database"
                                : error.kind() == ErrorKind::Template ? "Compilation"
                                                                      : "Runtime",
                                kind_name(node.kind), node.name, node.original_file_path);
  out += "\n  " + error.message();
  if (is_database) {
    out += pointed_line(node, error.message());
  } else if (!error.where().empty()) {
    out += "\n  --> " + error.where();
    if (!error.excerpt().empty()) out += "\n" + indent(error.excerpt(), 2);
  }
  for (auto const& context : error.contexts()) out += "\n  > " + context;
  if (!error.cause().empty()) out += "\n  cause: " + error.cause();
  if (!error.state().empty()) out += "\n  state: " + error.state();
  if (!error.next().empty()) out += "\n  next: " + error.next();
  return out;
}

NodeResult carry_out_node(RunState& run, Worker& worker, project::NodeIndex index) {
  auto const& node = run.manifest.nodes()[index];
  NodeResult result;
  result.node = index;
  result.unique_id = node.unique_id;
  result.thread = thread_name();
  if (node.kind != NodeKind::Analysis && node.kind != NodeKind::UnitTest) result.relation_name = node.relation_name;
  if (is_no_operation(node)) {
    result.status = NodeStatus::NoOp;
    result.message = "NO-OP";
    result.failures = 0;
    return result;
  }
  Stopwatch const watch;
  if (auto named = name_statements(run, worker, node.unique_id, &node); !named.ok()) {
    fail(result, node, std::move(named).error());
    return result;
  }
  if (runs_in_batches(run, node) && !only_compiles(run.options.command, node)) {
    Timing executing{"execute", timestamp_now(), ""};
    result.timing.push_back({"compile", executing.started_at, executing.started_at});
    carry_out_batches(run, worker, node, result);
    executing.completed_at = timestamp_now();
    result.timing.push_back(executing);
    result.seconds = watch.seconds();
    return result;
  }
  std::uint64_t const commits = worker.commits();
  auto done = compile_and_run(run, worker, node, result);
  for (int tries = 1; tries < kDeadlockTries && may_begin_again(run, worker, done, commits); ++tries) {
    run.cache.forget(node.schema);
    result.timing.clear();
    result.notes = {"began again: it and another session waited for each other's locks"};
    done = compile_and_run(run, worker, node, result);
  }
  if (!done.ok()) fail(result, node, std::move(done).error());
  if (result.message) result.message = run.as_published(*std::move(result.message));
  if (result.compiled_code) result.compiled_code = run.as_published(*std::move(result.compiled_code));
  result.seconds = watch.seconds();
  return result;
}

Result<SeedRows> read_seed(RunContext& context) {
  auto const& node = context.node();
  std::filesystem::path root = node.root_path.value_or(context.facts().root().root.string());
  WEIR_TRY(auto text, read_file(root / node.original_file_path));
  auto const& said = context.config("delimiter");
  std::string const delimiter = said.is_none() ? "," : said.str();
  if (delimiter.size() != 1)
    return Error(ErrorKind::Template, fmt::format("\"{}\" is no delimiter: that is one character", delimiter))
        .where(node.original_file_path)
        .state("nothing of it was loaded")
        .next("write delimiter: \";\" in the seed's config, or leave it out for a comma");
  WEIR_TRY(auto file, parse_csv(std::move(text), delimiter[0], node.original_file_path));
  std::vector<std::string> forced;
  for (auto const& [name, type] : context.config("column_types").pairs()) forced.push_back(name);
  return infer_seed(std::move(file), forced);
}

}  // namespace weir::build
