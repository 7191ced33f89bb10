#include "incident/run_report.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "incident/dependents.h"
#include "incident/relations.h"
#include "incident/story.h"
#include "jobs/read.h"

namespace weir::incident {
namespace {

using jobs::Change;
using jobs::Database;
using jobs::NewEvent;
using Json = nlohmann::ordered_json;

// The lines of a report's list, none where it has none.
Json const& lines_of(Json const& report, char const* list) {
  static Json const none = Json::array();
  auto const found = report.find(list);
  return found != report.end() && found->is_array() ? *found : none;
}

std::string_view event_of_outcome(std::string const& outcome) {
  if (outcome == "published") return "weir.table.published";
  if (outcome == "unchanged") return "weir.table.unchanged";
  return outcome == "held" ? "weir.table.held" : "weir.table.failed";
}

std::vector<NewEvent> table_events(Json const& report) {
  std::vector<NewEvent> events;
  for (auto const& stream : lines_of(report, "streams")) {
    std::string const outcome = text_at(stream, "outcome");
    if (outcome == "skipped") continue;
    NewEvent event;
    event.kind = event_of_outcome(outcome);
    event.object = text_at(stream, "target");
    Json data = stream;
    data.erase("dependents");  // what changes about them is an event of its own,
    data.erase("columns");     // and so is this
    data["connection"] = text_at(report, "connection");
    data["read_at"] = text_at(report, "started");
    event.data = json_line(data);
    events.push_back(std::move(event));
  }
  return events;
}

std::vector<NewEvent> model_events(Json const& report) {
  std::vector<NewEvent> events;
  for (auto const& node : lines_of(report, "nodes")) {
    std::string const status = text_at(node, "status");
    bool const failed = is_failed_node(node);
    if (!failed && status != "skipped" && text_at(node, "relation").empty()) continue;
    NewEvent event;
    event.kind = failed ? "weir.model.failed" : status == "skipped" ? "weir.model.skipped" : "weir.model.passed";
    event.object = text_at(node, "unique_id");
    event.data = json_line(node);
    events.push_back(std::move(event));
  }
  return events;
}

// What was told last of the table's column: what was done to it.
Result<std::string> last_action(Database& database, std::string const& table, std::string const& column) {
  WEIR_TRY(auto const rows, database.query("SELECT data FROM event WHERE object = $1 AND kind = 'weir.table.altered' "
                                           "ORDER BY seq DESC",
                                           {table}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const data = parse_json(rows.text(i, 0));
    for (auto const& one : lines_of(data, "columns"))
      if (text_at(one, "column") == column) return text_at(one, "action");
  }
  return std::string();
}

// A column that the source has no more is kept at each load, and is news once.
Status see_columns(Change& change, Json const& stream, std::string const& connection, Look const& look) {
  Json news = Json::array();
  for (auto const& one : lines_of(stream, "columns")) {
    if (text_at(one, "action") == "keep") {
      WEIR_TRY(auto const before, last_action(change.database, look.table, text_at(one, "column")));
      if (before == "keep") continue;
    }
    news.push_back(one);
  }
  if (news.empty()) return {};
  NewEvent event;
  event.kind = "weir.table.altered";
  event.object = look.table;
  if (look.job > 0) event.job = look.job, event.attempt = look.attempt;
  event.data = json_line(Json{{"connection", connection}, {"columns", std::move(news)}});
  WEIR_DO(change.append(event, "weir"));
  return {};
}

}  // namespace

bool is_failed_node(Json const& node) {
  auto const status = text_at(node, "status");
  return status == "error" || status == "fail" || status == "runtime error" || status == "partial success";
}

std::vector<NewEvent> events_of(Json const& report) {
  return text_at(report, "type") == "sync" ? table_events(report) : model_events(report);
}

Status see_around(Change& change, Json const& report, std::int64_t job, int attempt) {
  for (auto const& stream : lines_of(report, "streams")) {
    Look look{text_at(stream, "target"), {}, job, attempt};
    if (look.table.empty()) continue;
    WEIR_DO(see_columns(change, stream, text_at(report, "connection"), look));
    auto const dependents = stream.find("dependents");
    if (dependents == stream.end() || !dependents->is_array()) continue;  // it did not come to look
    for (auto const& one : *dependents)
      look.found.push_back({text_at(one, "kind"), text_at(one, "object"), text_at(one, "owner"), text_at(one, "name")});
    WEIR_DO(see_dependents(change, look));
  }
  return {};
}

Result<std::int64_t> take_by_hand(Change& change, Json const& report, std::string const& who) {
  bool const is_sync = text_at(report, "type") == "sync";
  WEIR_DO(see_around(change, report, 0, 0));
  std::int64_t made = 0;
  for (auto const& event : events_of(report)) {
    jobs::Event written;
    written.kind = event.kind;
    if (!is_refresh(written)) continue;
    if (!is_sync) {
      WEIR_TRY(auto const known, find_relation(change.database, text_at(parse_json(event.data), "relation")));
      if (!known) continue;  // somebody's own copy
    }
    WEIR_DO(change.append(event, who));
    ++made;
  }
  if (made == 0) return made;
  NewEvent done;
  done.kind = "weir.run.by_hand";
  done.object = is_sync ? text_at(report, "connection") : "dbt";
  done.data = json_line(Json{{"type", text_at(report, "type")}, {"made", made}});
  WEIR_DO(change.append(done, who));
  return made;
}

}  // namespace weir::incident
