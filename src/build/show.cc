#include "build/show.h"

#include <fmt/format.h>

#include "build/compile.h"
#include "build/query_comment.h"
#include "project/templates.h"

namespace weir::build {
namespace {

using jinja::Value;
using project::Data;

constexpr std::string_view kInlineName = "inline_query";

// agate's rows as JSON: numbers and truth values as such, everything else as text.
Data json_value(CellType type, Value const& value) {
  if (value.is_none()) return Data();
  if (type == CellType::Number) return Data(std::strtod(jinja::to_text(value).c_str(), nullptr));
  return type == CellType::Integer || type == CellType::Boolean ? project::to_data(value) : Data(jinja::to_text(value));
}

Data json_rows(TableData const& table) {
  Data::List rows;
  for (auto const& row : table.rows) {
    Data::Dict one;
    for (std::size_t c = 0; c < row.size(); ++c) one.emplace_back(table.names[c], json_value(table.types[c], row[c]));
    rows.push_back(Data(std::move(one)));
  }
  return Data(std::move(rows));
}

Result<TableData> first_rows(RunContext& context, std::string_view compiled) {
  auto const limit = context.run().options.show_limit;
  auto const& header = context.config("sql_header");
  WEIR_TRY(auto const sql, context.call("get_show_sql", {Value(strip_semicolon(compiled)), project::to_value(header),
                                                         limit < 0 ? Value() : Value(limit)}));
  WEIR_TRY(auto const rows, context.worker().execute(jinja::to_text(sql)));
  return table_from(rows);
}

// {"node": NAME, KEY: what}, without a node where the text is the command line's.
std::string as_json(RunContext const& context, std::string_view key, Data what) {
  Data::Dict out;
  if (context.node().name != kInlineName) out.emplace_back("node", Data(context.node().name));
  out.emplace_back(std::string(key), std::move(what));
  std::string text;
  project::append_json(text, Data(std::move(out)));
  return text;
}

std::string as_text(RunContext& context, std::string_view verb, std::string_view is, std::string const& what) {
  if (context.run().log.options().quiet) return what;
  if (context.node().name == kInlineName) return fmt::format("{} inline node{}:\n{}", verb, is, what);
  return fmt::format("{} node '{}'{}:\n{}", verb, context.node().name, is, what);
}

}  // namespace

Status print_node(RunContext& context, std::string_view compiled) {
  auto const& options = context.run().options;
  Event event;
  event.always = true;
  if (options.command == Command::Show) {
    WEIR_TRY(auto const table, first_rows(context, compiled));
    event.name = "ShowNode";
    event.code = "Q041";
    event.text = options.print_as_json ? as_json(context, "show", json_rows(table))
                                       : as_text(context, "Previewing", "", grid_text(table));
  } else {
    event.name = "CompiledNode";
    event.code = "Q042";
    event.text = options.print_as_json ? as_json(context, "compiled", Data(std::string(compiled)))
                                       : as_text(context, "Compiled", " is", std::string(compiled));
  }
  context.run().log.write(event);
  return {};
}

project::Node made_up_node(RunState const& run, std::string name) {
  project::Node node;
  node.kind = project::NodeKind::Operation;
  node.name = std::move(name);
  node.package_name = run.facts().root().name;
  node.unique_id = fmt::format("operation.{}.{}", node.package_name, node.name);
  node.original_file_path = node.path = node.name + ".sql";
  node.database = run.manifest.target().database;
  node.schema = run.manifest.target().schema;
  return node;
}

Status run_inline(RunOptions options, std::string const& text, InlineText kind, EventLog& log) {
  if (options.lookup == nullptr) options.lookup = std::make_shared<Lookup const>(*options.project->manifest);
  RunState state(std::move(options), log);
  Worker worker(state.manifest.target(), state.options.stop, "MainThread", log);
  auto const node = made_up_node(state, std::string(kInlineName));
  WEIR_DO(name_statements(state, worker, node.unique_id, nullptr));
  RunContext context(state, worker, node);
  std::string code = text;
  if (kind == InlineText::Template) {
    WEIR_TRY(auto compiled, compile_text(context, "--inline", text, 1));
    code = std::move(compiled.code);
  }
  WEIR_DO(print_node(context, code));
  return worker.rollback();
}

}  // namespace weir::build
