// weir table show, weir table rollback.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/relation_lookup.h"
#include "base/text.h"
#include "swap/swap.h"
#include "warehouse/dependents.h"
#include "warehouse/query.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

struct Generation {
  std::string state, relation, method, rows, loaded_at, published_at, scope;
};

Result<bool> has_weir_schema(pg::Session& session) {
  WEIR_TRY(auto rows, session.query("SELECT to_regclass('weir.generation') IS NOT NULL"));
  return rows.boolean(0, 0);
}

Result<std::vector<Generation>> generations(pg::Session& session, sql::QualifiedName const& name) {
  std::vector<Generation> found;
  WEIR_TRY(bool const known, has_weir_schema(session));
  if (!known) return found;
  WEIR_TRY(auto rows,
           session.execute(warehouse::catalog_query("generations", {{"schema", name.schema}, {"name", name.name}})));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto text = [&](std::string_view column) { return std::string(rows.text(i, column)); };
    found.push_back(Generation{text("state"), text("relation"), text("method"), text("rows"), text("loaded_at"),
                               text("published_at"), text("scope")});
  }
  return found;
}

std::string rows_text(std::string const& rows) {
  return rows.empty() ? "" : format_count(static_cast<std::uint64_t>(parse_int(rows).value_or(0)));
}

}  // namespace

Result<int> run_table_show(Context& context) {
  WEIR_TRY(auto opened, open_relation(context));
  auto& [name, endpoint, session, relation] = opened;
  WEIR_TRY(auto dependents, warehouse::load_dependents(session, name));
  WEIR_TRY(auto history, generations(session, name));
  std::string_view const kept_as = history.empty()        ? "not loaded by weir"
                                   : relation.kind == 'p' ? "shell"
                                   : relation.kind == 'v' ? "view over numbered tables"
                                                          : "ordinary table";
  if (context.format() == Format::Json) {
    Json json{{"relation", name.text()},
              {"oid", relation.oid},
              {"kind", warehouse::relkind_name(relation.kind)},
              {"kept_as", kept_as},
              {"owner", relation.owner},
              {"estimated_rows", relation.estimated_rows},
              {"bytes", relation.bytes},
              {"columns", Json::array()},
              {"dependents", warehouse::count_dependents(dependents)},
              {"generations", Json::array()}};
    for (auto const& column : relation.columns)
      json["columns"].push_back(Json{{"name", column.name}, {"type", column.type}, {"not_null", column.not_null}});
    for (auto const& one : history)
      json["generations"].push_back(Json{{"state", one.state},
                                         {"relation", one.relation},
                                         {"method", one.method},
                                         {"rows", parse_int(one.rows).value_or(-1)},
                                         {"loaded_at", one.loaded_at},
                                         {"published_at", one.published_at},
                                         {"scope", one.scope}});
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  Terminal const& terminal = context.terminal();
  write_out(fmt::format("{} ({}, {}, owner {}, {}, {})\n\n", terminal.paint(Colour::Bold, name.text()),
                        warehouse::relkind_name(relation.kind), kept_as, relation.owner,
                        plural(relation.columns.size(), "column"),
                        plural(static_cast<std::uint64_t>(warehouse::count_dependents(dependents)), "dependent")));
  TextTable columns({"column", "type", ""});
  for (auto const& column : relation.columns)
    columns.add({column.name, column.type, column.not_null ? "not null" : ""});
  write_out(columns.text(terminal));
  if (history.empty()) return 0;
  TextTable table({"generation", "state", "rows", "loaded", "published"});
  for (auto const& one : history)
    table.add({one.relation, one.state, rows_text(one.rows), one.loaded_at, one.published_at});
  write_out("\n" + table.text(terminal));
  return 0;
}

Result<int> run_table_rollback(Context& context) {
  WEIR_TRY(auto opened, open_relation(context));
  auto& [name, endpoint, session, relation] = opened;
  WEIR_DO(context.confirm(fmt::format("take {} back to the rows before the last publish?", name.text()), *endpoint));
  swap::PublishOptions options;
  options.stop = context.interrupt().token();
  WEIR_TRY(auto report, swap::rollback(session, name, options));
  if (context.format() == Format::Json) {
    write_out(Json{{"relation", name.text()},
                   {"generation", report.generation},
                   {"rows_before", report.rows_before},
                   {"rows_after", report.rows_after},
                   {"locked_ms", static_cast<double>(report.locked.count()) / 1000},
                   {"dependents_verified", report.dependents_verified}}
                  .dump(2) +
              "\n");
    return 0;
  }
  std::string kept;
  if (report.dependents_verified > 0)
    kept = fmt::format(", {} kept", plural(static_cast<std::uint64_t>(report.dependents_verified), "dependent"));
  write_out(fmt::format("{} is back: {} before, {} now; readers held {}{}\n", name.text(),
                        plural(report.rows_before, "row"), plural(report.rows_after, "row"),
                        format_duration(report.locked), kept));
  for (auto const& note : report.notes) write_out("  note: " + note + "\n");
  return 0;
}

}  // namespace weir::app
