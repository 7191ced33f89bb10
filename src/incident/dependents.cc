#include "incident/dependents.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time_text.h"
#include "incident/relations.h"
#include "jobs/read.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using Json = nlohmann::ordered_json;

// When the table was looked at last; nothing: never.
Result<std::optional<Instant>> last_look(Database& database, std::string const& table) {
  WEIR_TRY(auto const rows, database.query("SELECT at FROM look WHERE relation = $1", {table}));
  return rows.empty() ? std::optional<Instant>() : std::optional(rows.instant(0, 0));
}

// Those that are there, with their owners.
Result<std::map<std::string, std::string>> known_dependents(Database& database, std::string const& table) {
  WEIR_TRY(auto const rows,
           database.query("SELECT object, owner FROM dependent WHERE relation = $1 AND gone IS NULL", {table}));
  std::map<std::string, std::string> known;
  for (std::size_t i = 0; i < rows.size(); ++i) known[rows.text(i, 0)] = rows.text(i, 1);
  return known;
}

Result<std::int64_t> tell(Change& change, Look const& look, std::string const& kind, Json data) {
  jobs::NewEvent event;
  event.kind = kind;
  event.object = look.table;
  if (look.job > 0) event.job = look.job, event.attempt = look.attempt;
  event.data = json_line(data);
  return change.append(event, "weir");
}

}  // namespace

Status see_dependents(Change& change, Look const& look) {
  auto& database = change.database;
  WEIR_TRY(auto const looked, last_look(database, look.table));
  WEIR_TRY(auto known, known_dependents(database, look.table));
  for (auto const& one : look.found) {
    if (known.erase(one.object) > 0) continue;
    WEIR_TRY(auto const own, find_relation(database, one.name));
    if (own) continue;
    std::int64_t appeared = 0;
    if (looked) {
      WEIR_TRY(
          appeared,
          tell(change, look, "weir.dependent.appeared",
               {{"kind", one.kind}, {"object", one.object}, {"owner", one.owner}, {"not_before", iso_text(*looked)}}));
    }
    WEIR_TRY(auto const written, database.query("INSERT INTO dependent (relation, object, owner, appeared) VALUES ($1, "
                                                "$2, $3, $4) ON CONFLICT DO NOTHING",
                                                {look.table, one.object, one.owner, appeared}));
  }
  for (auto const& [object, owner] : known) {
    WEIR_TRY(auto const gone,
             tell(change, look, "weir.dependent.gone",
                  {{"object", object}, {"owner", owner}, {"not_before", looked ? iso_text(*looked) : ""}}));
    WEIR_TRY(auto const written, database.query("UPDATE dependent SET gone = $3 WHERE relation = $1 AND object = $2 "
                                                "AND gone IS NULL",
                                                {look.table, object, gone}));
  }
  WEIR_TRY(auto const written, database.query("INSERT INTO look (relation, at) VALUES ($1, $2) ON CONFLICT (relation) "
                                              "DO UPDATE SET at = excluded.at",
                                              {look.table, change.now}));
  return {};
}

Result<std::vector<jobs::Event>> appeared(Database& database, std::string const& table, std::int64_t first,
                                          std::int64_t last) {
  WEIR_TRY(auto const good,
           database.query("SELECT coalesce(max(seq), 0) FROM event WHERE object = $1 AND seq < $2 AND kind IN "
                          "('weir.table.published', 'weir.table.unchanged')",
                          {table, first}));
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM event WHERE seq IN (SELECT appeared FROM dependent WHERE "
                                      "relation = $1 AND appeared > $2 AND appeared <= $4 AND (gone IS NULL OR gone > "
                                      "$3)) ORDER BY seq",
                                      jobs::kEventColumns),
                          {table, good.number(0, 0), first, last}));
  std::vector<jobs::Event> events;
  for (std::size_t i = 0; i < rows.size(); ++i) events.push_back(jobs::event_of(rows, i));
  return events;
}

}  // namespace weir::incident
