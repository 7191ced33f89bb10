// The plan as people and programs read it.

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "swap/capture.h"
#include "swap/columns.h"
#include "swap/swap.h"

namespace weir::swap {
namespace {

std::string how(Plan const& plan) {
  if (plan.creates_table) return "new table";
  if (plan.adopts_table) return "ordinary table, becomes a shell";
  switch (plan.capture->kind) {
    case TargetKind::Shell:
      return "shell";
    case TargetKind::View:
      return "stable view";
    default:
      return "ordinary table";
  }
}

std::string rows_now(Plan const& plan) {
  std::int64_t const rows = plan.capture->known_rows();
  return plan.creates_table || rows < 0
             ? std::string()
             : fmt::format(", about {} rows", format_count(static_cast<std::uint64_t>(rows)));
}

std::map<std::string, int> kinds_of(Plan const& plan) {
  std::map<std::string, int> kinds;
  for (Dependent const& d : plan.dependents) ++kinds[d.kind];
  return kinds;
}

std::string counted(std::string const& kind, int count) {
  if (count == 1) return "1 " + kind;
  if (kind == "foreign key (incoming)") return fmt::format("{} foreign keys (incoming)", count);
  if (kind == "foreign key (outgoing)") return fmt::format("{} foreign keys (outgoing)", count);
  if (kind == "index") return fmt::format("{} indexes", count);
  if (kind == "policy") return fmt::format("{} policies", count);
  if (kind == "statistics") return fmt::format("{} statistics objects", count);
  if (kind == "primary key" || kind == "not null" || kind == "unique" || kind == "exclusion" || kind == "check")
    return fmt::format("{} {} constraints", count, kind);
  return fmt::format("{} {}s", count, kind);
}

std::string dependents_line(Plan const& plan) {
  std::string text;
  for (auto const& [kind, count] : kinds_of(plan)) text += (text.empty() ? "" : ", ") + counted(kind, count);
  return text;
}

int dropped_columns(Plan const& plan) {
  int count = 0;
  for (ColumnAction const& a : plan.columns) count += a.action == "drop" ? 1 : 0;
  return count;
}

}  // namespace

std::string explain_text(Plan const& plan) {
  std::string text = fmt::format("{}  ({}{})\n", plan.request.target.text(), how(plan), rows_now(plan));
  text += fmt::format("  method   {}: {}\n", method_name(plan.method), plan.reason);
  if (plan.columns.empty()) {
    text += plan.creates_table ? fmt::format("  columns  {}\n", plan.request.columns.size())
                               : fmt::format("  columns  {}, unchanged\n", plan.request.columns.size());
  } else {
    text += fmt::format("  columns  {} from the source, {}\n", plan.request.columns.size(),
                        plural(plan.columns.size(), "change"));
    for (ColumnAction const& a : plan.columns)
      text += fmt::format("    {:<12} {}: {}\n", a.action, sql::quote_pg_if_needed(a.column), a.detail);
  }
  if (plan.dependents.empty()) {
    text += "  keeps    nothing depends on it\n";
  } else {
    text += fmt::format("  keeps    {}\n", dependents_line(plan));
    if (logs(LogLevel::Step))
      for (Dependent const& d : plan.dependents)
        text += fmt::format("    {:>2}  {} (owner {}{})\n", d.depth, d.object, d.owner,
                            d.uses_columns.empty() ? "" : ", uses " + join(d.uses_columns, ", "));
  }
  std::string locks;
  for (Step const& step : plan.steps)
    if (!step.lock.empty() && step.phase == "publish") locks += fmt::format("    {}: {}\n", step.lock, step.what);
  text += locks.empty() ? "  locks    none that readers meet\n" : "  locks\n" + locks;
  int const columns = dropped_columns(plan);
  text += columns == 0 ? "  drops    0\n"
                       : fmt::format("  drops    0 dependents, {}\n",
                                     plural(static_cast<std::uint64_t>(columns), "unused column"));
  for (std::string const& warning : plan.warnings) text += "  warning  " + warning + "\n";
  return text;
}

nlohmann::ordered_json explain_json(std::vector<ColumnAction> const& columns) {
  auto list = nlohmann::ordered_json::array();
  for (ColumnAction const& a : columns)
    list.push_back({{"column", a.column}, {"action", a.action}, {"detail", a.detail}});
  return list;
}

nlohmann::ordered_json explain_json(Plan const& plan) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["target"] = plan.request.target.text();
  json["is"] = how(plan);
  json["method"] = method_name(plan.method);
  json["reason"] = plan.reason;
  json["creates_table"] = plan.creates_table;
  json["adopts_table"] = plan.adopts_table;
  json["drops"] = 0;
  json["columns"] = explain_json(plan.columns);
  json["dependents"] = Json::array();
  for (Dependent const& d : plan.dependents)
    json["dependents"].push_back({{"kind", d.kind},
                                  {"object", d.object},
                                  {"owner", d.owner},
                                  {"depth", d.depth},
                                  {"uses_columns", d.uses_columns}});
  json["steps"] = Json::array();
  for (Step const& s : plan.steps)
    json["steps"].push_back({{"phase", s.phase}, {"what", s.what}, {"lock", s.lock}, {"sql", s.sql}});
  json["warnings"] = plan.warnings;
  return json;
}

}  // namespace weir::swap
