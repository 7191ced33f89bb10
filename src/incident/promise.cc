#include "incident/promise.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using Json = nlohmann::ordered_json;

// Which promise an age breaks: "", "warn", "error".
std::string broken_by(Duration age, config::StreamOptions const& options) {
  if (options.fresh_error.count() > 0 && age > options.fresh_error) return "error";
  return options.fresh_warn.count() > 0 && age > options.fresh_warn ? "warn" : "";
}

bool promises(config::Connection const& connection) {
  return std::any_of(connection.tables.begin(), connection.tables.end(), [](auto const& one) {
    return one.options.fresh_warn.count() > 0 || one.options.fresh_error.count() > 0;
  });
}

Status say_late(Change& change, Relation const& table, config::StreamOptions const& options, std::string const& level) {
  auto const limit = level == "error" ? options.fresh_error : options.fresh_warn;
  WEIR_TRY(
      auto const marked,
      change.database.query("UPDATE relation SET late_since = coalesce(late_since, $2), late_level = $3 WHERE name "
                            "= $1",
                            {table.name, change.now, level}));
  jobs::NewEvent event;
  event.kind = "weir.table.late";
  event.object = table.name;
  event.data = json_line(Json{{"connection", table.made_by},
                              {"promise", level},
                              {"limit", format_duration(limit)},
                              {"why", fmt::format("its data is of {} UTC", utc_text(*table.data_at))}});
  WEIR_DO(change.append(event, "weir"));
  return {};
}

// The time at which the last of the tables above was loaded.
Result<std::optional<Instant>> tables_fresh_at(Database& database, std::string const& model) {
  WEIR_TRY(auto const above, reach(database, {model}, false));
  std::optional<Instant> latest;
  for (auto const& one : above)
    if (one.relation.kind == "table" && one.relation.made_at && (!latest || *one.relation.made_at > *latest))
      latest = one.relation.made_at;
  return latest;
}

// Whether a job that loads one of the tables runs: it may bring more of them, and what is built waits for all.
Result<bool> are_being_loaded(Database& database, std::vector<Reached> const& above) {
  std::set<std::string> jobs;
  for (auto const& one : above)
    if (one.relation.kind == "table") jobs.insert(one.relation.step);
  for (auto const& job : jobs) {
    WEIR_TRY(auto const rows, database.query("SELECT 1 FROM job WHERE name = $1 AND state = 'running' LIMIT 1", {job}));
    if (!rows.empty()) return true;
  }
  return false;
}

Result<bool> began_since(Database& database, std::string const& job, Instant at) {
  WEIR_TRY(auto const rows,
           database.query("SELECT 1 FROM job WHERE name = $1 AND (created_at > $2 OR state IN ('pending', 'running', "
                          "'incomplete')) LIMIT 1",
                          {job, at}));
  return !rows.empty();
}

}  // namespace

Status check_promises(Change& change, config::Config const& config) {
  for (auto const& [name, connection] : config.connections) {
    if (!promises(connection)) continue;
    WEIR_TRY(auto const rows,
             change.database.query("SELECT name FROM relation WHERE made_by = $1 AND kind = 'table' AND step <> '' AND "
                                   "data_at IS NOT NULL AND late_level <> 'error' ORDER BY name",
                                   {name}));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      WEIR_TRY(auto const table, find_relation(change.database, rows.text(i, 0)));
      auto const* of = table ? config::pattern_for(connection, table->source) : nullptr;
      if (of == nullptr || !table->data_at) continue;
      auto const level = broken_by(change.now - *table->data_at, of->options);
      if (level.empty() || level == table->late_level) continue;
      WEIR_DO(say_late(change, *table, of->options, level));
    }
  }
  return {};
}

Result<std::vector<Relation>> models_on_stale(Database& database, std::string const& job) {
  WEIR_TRY(auto const stale, stale_relations(database));
  std::vector<std::string> tables;
  for (auto const& one : stale)
    if (one.kind == "table") tables.push_back(one.name);
  WEIR_TRY(auto const below, reach(database, tables, true));
  std::vector<Relation> models;
  for (auto const& one : below)
    if (one.relation.kind != "table" && one.relation.step == job) models.push_back(one.relation);
  return models;
}

Result<std::vector<Rebuild>> to_rebuild(Database& database) {
  WEIR_TRY(auto const stale, stale_relations(database));
  std::map<std::string, Rebuild> found;
  for (auto const& model : stale) {
    if (model.kind == "table" || model.stale_by.empty() || model.step.empty() || model.source.empty()) continue;
    WEIR_TRY(auto const above, reach(database, {model.name}, false));
    // A model above that is stale through the same tables is built again in the same run.
    bool const waits = std::any_of(above.begin(), above.end(), [](auto const& one) {
      return one.relation.stale_cause && one.relation.stale_by.empty();
    });
    if (waits) continue;
    WEIR_TRY(bool const comes_more, are_being_loaded(database, above));
    if (comes_more) continue;
    WEIR_TRY(auto const fresh_at, tables_fresh_at(database, model.name));
    if (!fresh_at) continue;
    WEIR_TRY(bool const begun, began_since(database, model.step, *fresh_at));
    if (begun) continue;
    auto& rebuild = found[model.step];
    rebuild.job = model.step;
    rebuild.selectors.push_back(model.source);
  }
  std::vector<Rebuild> all;
  for (auto& [job, rebuild] : found) all.push_back(std::move(rebuild));
  return all;
}

}  // namespace weir::incident
