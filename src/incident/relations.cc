#include "incident/relations.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using jobs::Event;
using jobs::Rows;

constexpr std::string_view kRelationColumns =
    "name, kind, made_by, source, step, data_at, made_at, stale_since, late_since, stale_cause, stale_by, late_level";

Relation relation_of(Rows const& rows, std::size_t row) {
  return Relation{rows.text(row, 0),          rows.text(row, 1),          rows.text(row, 2),
                  rows.text(row, 3),          rows.text(row, 4),          rows.maybe_instant(row, 5),
                  rows.maybe_instant(row, 6), rows.maybe_instant(row, 7), rows.maybe_instant(row, 8),
                  rows.maybe_number(row, 9),  rows.text(row, 10),         rows.text(row, 11)};
}

std::string job_name(Change& change, Event const& event) {
  if (!event.job) return {};
  auto const rows = change.database.query("SELECT name FROM job WHERE id = $1", {*event.job});
  return rows.ok() && !rows->empty() ? rows->text(0, 0) : std::string();
}

// What an event says of a relation, written down. What was late is not any more once there is newer data.
Status write(Change& change, Relation const& relation) {
  WEIR_TRY(auto const done,
           change.database.query(
               "INSERT INTO relation (name, kind, made_by, source, step, data_at, made_at, stale_since, stale_cause, "
               "stale_by, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name) DO UPDATE "
               "SET kind = "
               "excluded.kind, made_by = excluded.made_by, source = excluded.source, step = excluded.step, data_at = "
               "excluded.data_at, made_at = excluded.made_at, stale_since = excluded.stale_since, stale_cause = "
               "excluded.stale_cause, stale_by = excluded.stale_by, seen_at = excluded.seen_at, late_since = CASE WHEN "
               "relation.data_at IS NULL OR "
               "excluded.data_at > relation.data_at THEN NULL ELSE relation.late_since END, late_level = CASE WHEN "
               "relation.data_at IS NULL OR excluded.data_at > relation.data_at THEN '' ELSE relation.late_level END",
               {relation.name, relation.kind, relation.made_by, relation.source, relation.step, relation.data_at,
                relation.made_at, relation.stale_since, relation.stale_cause, relation.stale_by, change.now}));
  return {};
}

// The first cause stays: it is since then that the data is old.
void make_stale(Relation& relation, std::int64_t cause, std::string by, Instant since) {
  if (relation.stale_cause) return;
  relation.stale_cause = cause;
  relation.stale_by = std::move(by);
  relation.stale_since = since;
}

void make_fresh(Relation& relation) {
  relation.stale_cause.reset();
  relation.stale_since.reset();
  relation.stale_by.clear();
}

Result<std::vector<std::string>> neighbours(Database& database, std::string const& name, bool down) {
  WEIR_TRY(auto const rows, database.query(down ? "SELECT child FROM lineage WHERE parent = $1 ORDER BY child"
                                                : "SELECT parent FROM lineage WHERE child = $1 ORDER BY parent",
                                           {name}));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.size(); ++i) names.push_back(rows.text(i, 0));
  return names;
}

// The nearest stale relation above, and the parent through which it is reached.
struct Above {
  Relation stale;
  std::string through;
};
Result<std::optional<Above>> stale_above(Database& database, std::string const& name) {
  WEIR_TRY(auto const any, database.query("SELECT 1 FROM relation WHERE stale_cause IS NOT NULL LIMIT 1"));
  if (any.empty()) return std::optional<Above>();  // as on most nights
  WEIR_TRY(auto const above, reach(database, {name}, false));
  std::map<std::string, std::string> parent;  // by which of its own parents each is reached
  for (auto const& one : above) {
    if (one.distance == 0) continue;
    parent[one.relation.name] = one.distance == 1 ? one.relation.name : parent[one.through];
    if (one.relation.stale_cause) return std::optional(Above{one.relation, parent[one.relation.name]});
  }
  return std::optional<Above>();
}

Status write_parents(Change& change, std::string const& child, nlohmann::ordered_json const& data) {
  auto const parents = data.find("parents");
  if (parents == data.end() || !parents->is_array()) return {};
  WEIR_TRY(auto const gone, change.database.query("DELETE FROM lineage WHERE child = $1", {child}));
  auto write_each = [&](nlohmann::ordered_json const& names, std::string const& condition) -> Status {
    for (auto const& name : names) {
      if (!name.is_string()) continue;
      WEIR_TRY(
          auto const done,
          change.database.query(fmt::format("INSERT INTO lineage (child, parent) SELECT $1, $2 WHERE {} ON CONFLICT "
                                            "DO NOTHING",
                                            condition),
                                {child, name.get<std::string>()}));
    }
    return {};
  };
  WEIR_DO(write_each(*parents, "1 = 1"));
  // What its text names besides, where that is a table or model that is known: it was not said by ref() or source().
  if (auto const names = data.find("names"); names != data.end()) {
    WEIR_DO(write_each(*names, "$1 <> $2 AND EXISTS (SELECT 1 FROM relation WHERE name = $2)"));
  }
  return {};
}

// As old as the oldest of what it is built from, where that is known; views show what is below them.
Result<std::optional<Instant>> oldest_parent(Database& database, std::string const& name) {
  std::optional<Instant> oldest;
  std::vector<std::string> open = {name};
  std::set<std::string> seen = {name};
  while (!open.empty()) {
    std::string const child = std::move(open.back());
    open.pop_back();
    WEIR_TRY(auto const parents, neighbours(database, child, false));
    for (auto const& parent : parents) {
      if (!seen.insert(parent).second) continue;
      WEIR_TRY(auto const found, find_relation(database, parent));
      if (!found) continue;
      if (found->kind == "view") open.push_back(parent);
      if (found->data_at && (!oldest || *found->data_at < *oldest)) oldest = found->data_at;
    }
  }
  return oldest;
}

}  // namespace

Result<std::optional<Relation>> find_relation(Database& database, std::string const& name) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM relation WHERE name = $1", kRelationColumns), {name}));
  return rows.empty() ? std::nullopt : std::optional(relation_of(rows, 0));
}

Result<std::vector<Relation>> all_relations(Database& database) {
  WEIR_TRY(auto const rows, database.query(fmt::format("SELECT {} FROM relation ORDER BY name", kRelationColumns)));
  std::vector<Relation> relations;
  for (std::size_t i = 0; i < rows.size(); ++i) relations.push_back(relation_of(rows, i));
  return relations;
}

Result<std::vector<Reached>> reach(Database& database, std::vector<std::string> const& from, bool down) {
  std::vector<Reached> reached;
  std::set<std::string> seen;
  for (auto const& name : from) {
    if (!seen.insert(name).second) continue;
    WEIR_TRY(auto found, find_relation(database, name));
    reached.push_back({found ? std::move(*found) : Relation{.name = name}, "", 0});
  }
  for (std::size_t i = 0; i < reached.size(); ++i) {
    std::string const name = reached[i].relation.name;
    int const distance = reached[i].distance + 1;
    WEIR_TRY(auto const next, neighbours(database, name, down));
    for (auto const& one : next) {
      if (!seen.insert(one).second) continue;
      WEIR_TRY(auto found, find_relation(database, one));
      if (found) reached.push_back({std::move(*found), name, distance});
    }
  }
  return reached;
}

Result<std::vector<Relation>> stale_relations(Database& database) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format(
               "WITH RECURSIVE stale (name) AS (SELECT name FROM relation WHERE stale_cause IS NOT NULL UNION SELECT "
               "l.child FROM stale s JOIN lineage l ON l.parent = s.name) SELECT {} FROM relation WHERE name IN "
               "(SELECT name FROM stale) ORDER BY name",
               kRelationColumns)));
  std::vector<Relation> stale;
  for (std::size_t i = 0; i < rows.size(); ++i) stale.push_back(relation_of(rows, i));
  return stale;
}

Result<std::optional<Instant>> data_time(Database& database, Relation const& relation) {
  if (relation.kind != "view") return relation.data_at;
  return oldest_parent(database, relation.name);
}

// -------------------------------------------------------------------------------------------------- what events say

Status take_table(Change& change, Event const& event) {
  if (event.object.empty()) return {};  // the source has no such table, and so there is none here
  auto const data = parse_json(event.data);
  WEIR_TRY(auto found, find_relation(change.database, event.object));
  Relation table = found ? std::move(*found) : Relation();
  table.name = event.object;
  table.kind = "table";
  table.made_by = text_at(data, "connection");
  table.source = text_at(data, "stream");
  if (event.job)
    table.step = job_name(change, event);
  else if (auto const job = text_at(data, "of_job"); !job.empty())
    table.step = job;
  std::string const outcome = text_at(data, "outcome");
  if (outcome == "published" || outcome == "unchanged") {
    table.data_at = parse_utc(text_at(data, "read_at"));
    if (!table.data_at) table.data_at = event.at;
    table.made_at = event.kind == "weir.table.found" ? *table.data_at : event.at;
    make_fresh(table);
  } else {
    make_stale(table, event.seq, "", event.at);
  }
  return write(change, table);
}

Status take_model(Change& change, Event const& event) {
  auto const data = parse_json(event.data);
  std::string const name = text_at(data, "relation");
  if (name.empty()) return {};  // a test, an operation
  WEIR_TRY(auto found, find_relation(change.database, name));
  Relation model = found ? std::move(*found) : Relation();
  model.name = name;
  model.kind = text_at(data, "materialized") == "view" ? "view" : "model";
  model.made_by = event.object;
  model.source = text_at(data, "selector");
  if (event.job) model.step = job_name(change, event);
  WEIR_DO(write_parents(change, name, data));
  WEIR_TRY(auto const above, stale_above(change.database, name));
  if (event.kind == "weir.model.passed") {
    model.made_at = event.at;
    make_fresh(model);
    if (model.kind == "view") {
      model.data_at.reset();
    } else {
      WEIR_TRY(model.data_at, oldest_parent(change.database, name));
      if (!model.data_at) model.data_at = event.at;
      if (above) make_stale(model, *above->stale.stale_cause, above->through, event.at);
    }
  } else if (event.kind == "weir.model.skipped" && above) {
    make_stale(model, *above->stale.stale_cause, above->through, event.at);
  } else {
    // Whatever it was before: now it is its own error that keeps it old.
    model.stale_cause = event.seq;
    model.stale_by.clear();
    model.stale_since = model.stale_since.value_or(event.at);
  }
  return write(change, model);
}

Status take_failed_job(Change& change, Event const& event, Instant began) {
  WEIR_TRY(auto const done, change.database.query(
                                "UPDATE relation SET stale_since = $3, stale_cause = $4, stale_by = '' WHERE step = $1 "
                                "AND (made_at IS NULL OR made_at < $2) AND stale_cause IS NULL AND kind <> 'view'",
                                {event.object, began, event.at, event.seq}));
  return {};
}

Status take_whole_job(Change& change, Event const& event, Instant began) {
  WEIR_TRY(auto const done, change.database.query(
                                "UPDATE relation SET step = '', stale_since = NULL, stale_cause = NULL, stale_by = '', "
                                "late_since = NULL, late_level = '' WHERE step = $1 AND seen_at < $2",
                                {event.object, began}));
  return {};
}

}  // namespace weir::incident
