// weir endpoint ls, test, discover.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/checks.h"
#include "app/commands/commands.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::string keys_text(source::Table const& table) {
  if (auto const* primary = table.primary_key(); primary != nullptr) return join(primary->columns, ", ");
  for (auto const& key : table.keys)
    if (key.is_unique) return join(key.columns, ", ") + " (unique)";
  return "none";
}

Json table_json(source::Table const& table) {
  Json json{{"schema", table.schema},
            {"name", table.name},
            {"view", table.is_view},
            {"estimated_rows", table.estimated_rows},
            {"estimated_bytes", table.estimated_bytes},
            {"columns", Json::array()},
            {"keys", Json::array()},
            {"warnings", table.warnings}};
  for (auto const& column : table.columns) {
    Json one{{"name", column.name},
             {"source_type", column.source_type},
             {"type", column.pg_type},
             {"nullable", column.nullable}};
    if (!column.loss.empty()) one["loss"] = column.loss;
    if (!column.refusal.empty()) one["refusal"] = column.refusal;
    json["columns"].push_back(std::move(one));
  }
  for (auto const& key : table.keys)
    json["keys"].push_back(
        Json{{"name", key.name}, {"columns", key.columns}, {"primary", key.is_primary}, {"unique", key.is_unique}});
  return json;
}

void print_columns(source::Table const& table, Terminal const& terminal) {
  TextTable columns({"  column", "source", "warehouse", "remark"});
  for (auto const& column : table.columns) {
    std::string remark = !column.refusal.empty() ? "cannot be loaded: " + column.refusal : column.loss;
    columns.add(
        {"  " + column.name, column.source_type + (column.nullable ? "" : " not null"), column.pg_type, remark});
  }
  write_out(fmt::format("{}\n{}\n", terminal.paint(Colour::Bold, table.text()), columns.text(terminal)));
}

std::string pattern_of(std::string const& selector) {
  return selector.find('.') == std::string::npos ? "*." + selector : selector;
}

// Usage, if a selector fits no table of the source. Asks the source again, for all its tables, to name the nearest.
Status check_selectors(std::vector<std::string> const& selectors, source::DiscoveredCatalog const& found,
                       source::Source& source, config::Endpoint const& endpoint) {
  for (auto const& selector : selectors) {
    auto fits = [&](source::Table const& table) { return matches_glob(pattern_of(selector), table.text()); };
    if (std::ranges::any_of(found.tables, fits)) continue;
    WEIR_TRY(auto const all, source.discover({}));
    std::vector<std::string> names;
    for (auto const& table : all.tables)
      names.push_back(selector.find('.') == std::string::npos ? table.name : table.text());
    std::string const hint = did_you_mean(selector, names);
    return Error(ErrorKind::Usage, fmt::format("no table of endpoint \"{}\" matches \"{}\"", endpoint.name, selector))
        .object(selector)
        .next(hint.empty()
                  ? fmt::format("weir endpoint discover {} lists the tables that its user may see", endpoint.name)
                  : hint);
  }
  return {};
}

}  // namespace

Result<int> run_endpoint_ls(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  TextTable table({"endpoint", "role", "kind", "address", "protected"});
  Json json = Json::array();
  for (auto const& [name, endpoint] : config->endpoints) {
    std::string const role = endpoint.is_warehouse ? "warehouse" : "source";
    table.add({name, role, std::string(kind_name(endpoint.kind)), address_text(endpoint),
               endpoint.is_protected ? "yes" : ""});
    json.push_back(Json{{"name", name},
                        {"role", role},
                        {"kind", kind_name(endpoint.kind)},
                        {"address", address_text(endpoint)},
                        {"protected", endpoint.is_protected},
                        {"settings", endpoint.settings},
                        {"place", endpoint.place.text()}});
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else if (table.empty()) {
    log_info("endpoints.yml has no endpoint; weir init shows how one looks");
  } else {
    write_out(table.text(context.terminal()));
  }
  return 0;
}

Result<int> run_endpoint_test(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  std::vector<config::Endpoint const*> chosen;
  for (auto const& name : context.arguments().positionals) {
    WEIR_TRY(auto const* one, context.endpoint(name));
    chosen.push_back(one);
  }
  if (chosen.empty())
    for (auto const& [name, endpoint] : config->endpoints) chosen.push_back(&endpoint);
  std::vector<Check> checks;
  for (auto const* endpoint : chosen) {
    if (context.interrupt().asked()) return Error(ErrorKind::Cancelled, "stopped");
    auto found = check_endpoint(*config, *endpoint);
    checks.insert(checks.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  write_out(context.format() == Format::Json ? checks_json(checks).dump(2) + "\n"
                                             : checks_text(checks, context.terminal()));
  return checks_status(checks);
}

Result<int> run_endpoint_discover(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const* endpoint, context.endpoint(context.arguments().positionals[0]));
  WEIR_TRY(auto source, open_source(*config, *endpoint, "auto"));
  source::DiscoverRequest request;
  auto const selectors = context.arguments().list("select");
  for (auto const& selector : selectors) request.tables.push_back(pattern_of(selector));
  WEIR_TRY(auto catalog, source->discover(request));
  WEIR_DO(check_selectors(selectors, catalog, *source, *endpoint));
  for (auto const& warning : catalog.warnings) log_info("warning: {}", warning);
  if (context.format() == Format::Json) {
    Json json{{"endpoint", endpoint->name},
              {"product", catalog.product},
              {"database", catalog.database},
              {"tables", Json::array()},
              {"warnings", catalog.warnings}};
    for (auto const& table : catalog.tables) json["tables"].push_back(table_json(table));
    write_out(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  if (logs(LogLevel::Step)) {
    for (auto const& table : catalog.tables) print_columns(table, context.terminal());
    return 0;
  }
  TextTable tables({"table", "rows", "size", "columns", "key", "remarks"});
  for (auto const& table : catalog.tables) {
    std::size_t refused = 0, lossy = 0;
    for (auto const& column : table.columns)
      refused += column.refusal.empty() ? 0U : 1U, lossy += column.loss.empty() ? 0U : 1U;
    std::vector<std::string> remarks = table.warnings;
    if (refused > 0) remarks.push_back(plural(refused, "column") + " cannot be loaded");
    if (lossy > 0) remarks.push_back(plural(lossy, "column") + " with a declared loss");
    tables.add({table.text() + (table.is_view ? " (view)" : ""),
                table.estimated_rows < 0 ? "?" : format_count(static_cast<std::uint64_t>(table.estimated_rows)),
                table.estimated_bytes < 0 ? "?" : format_bytes(static_cast<std::uint64_t>(table.estimated_bytes)),
                std::to_string(table.columns.size()), keys_text(table), join(remarks, "; ")});
  }
  write_out(
      fmt::format("{}, database {}, {}\n", catalog.product, catalog.database, plural(catalog.tables.size(), "table")));
  if (!tables.empty()) write_out(tables.text(context.terminal()));
  log_info("-v shows columns and types");
  return 0;
}

}  // namespace weir::app
