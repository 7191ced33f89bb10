#include "server/metrics.h"

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "incident/explain.h"
#include "jobs/read.h"

namespace weir::server {
namespace {

void begin(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

double age(std::optional<Instant> const& since, Instant now) {
  return since && *since < now ? seconds(now - *since) : 0;
}

Status write_jobs(std::string& out, jobs::Database& database, Instant now) {
  std::map<std::string, std::int64_t> count = {{"pending", 0}, {"running", 0},   {"incomplete", 0},
                                               {"failed", 0},  {"succeeded", 0}, {"cancelled", 0}};
  WEIR_TRY(auto const states, database.query("SELECT state, count(*) FROM job GROUP BY state"));
  for (std::size_t i = 0; i < states.size(); ++i) count[states.text(i, 0)] = states.number(i, 1);
  begin(out, "weir_jobs", "gauge", "Jobs that the state remembers, by state.");
  for (auto const& [state, number] : count) out += fmt::format("weir_jobs{{state=\"{}\"}} {}\n", state, number);

  WEIR_TRY(auto const due, database.query("SELECT count(*), min(run_at) FROM job WHERE state IN ('pending', "
                                          "'incomplete') AND run_at <= $1",
                                          {now}));
  begin(out, "weir_queue_jobs", "gauge", "Jobs that could begin and have not.");
  out += fmt::format("weir_queue_jobs {}\n", due.number(0, 0));
  begin(out, "weir_queue_oldest_seconds", "gauge", "How long the first of them has waited.");
  out += fmt::format("weir_queue_oldest_seconds {:.3f}\n", age(due.maybe_instant(0, 1), now));

  WEIR_TRY(auto const attempts, database.query("SELECT state, class, count(*) FROM attempt GROUP BY state, class "
                                               "ORDER BY state, class"));
  begin(out, "weir_attempts", "gauge", "Attempts that the state remembers, by what came of them.");
  for (std::size_t i = 0; i < attempts.size(); ++i)
    out += fmt::format("weir_attempts{{state=\"{}\",failure=\"{}\"}} {}\n", escape_label(attempts.text(i, 0)),
                       escape_label(attempts.text(i, 1)), attempts.number(i, 2));
  return {};
}

Status write_circuits(std::string& out, jobs::Database& database) {
  WEIR_TRY(auto const circuits, jobs::read_circuits(database));
  begin(out, "weir_circuit_open", "gauge",
        "Endpoints that jobs wait for because they do not answer: 1. That answer again: 0.");
  for (auto const& one : circuits)
    out += fmt::format("weir_circuit_open{{endpoint=\"{}\"}} {}\n", escape_label(one.endpoint), one.is_open() ? 1 : 0);
  return {};
}

Status write_messages(std::string& out, jobs::Database& database, Instant now) {
  WEIR_TRY(auto const owed, database.query("SELECT count(*), min(created_at) FROM outbox WHERE state = 'pending'"));
  begin(out, "weir_messages_owed", "gauge", "Messages that have not reached their channel yet.");
  out += fmt::format("weir_messages_owed {}\n", owed.number(0, 0));
  begin(out, "weir_messages_oldest_seconds", "gauge", "How long the first of them has waited.");
  out += fmt::format("weir_messages_oldest_seconds {:.3f}\n", age(owed.maybe_instant(0, 1), now));
  WEIR_TRY(auto const events, database.query("SELECT coalesce(max(seq), 0) FROM event"));
  begin(out, "weir_events_total", "counter", "Events that were written.");
  out += fmt::format("weir_events_total {}\n", events.number(0, 0));
  WEIR_TRY(auto const incidents,
           database.query("SELECT severity, count(*) FROM incident WHERE state <> 'resolved' GROUP BY severity"));
  std::map<std::string, std::int64_t> open = {{"critical", 0}, {"error", 0}, {"warning", 0}};
  for (std::size_t i = 0; i < incidents.size(); ++i) open[incidents.text(i, 0)] = incidents.number(i, 1);
  begin(out, "weir_incidents_open", "gauge", "Incidents that are not over.");
  for (auto const& [severity, number] : open)
    out += fmt::format("weir_incidents_open{{severity=\"{}\"}} {}\n", severity, number);
  return {};
}

Status write_data(std::string& out, jobs::Database& database, Instant now) {
  WEIR_TRY(auto const overview, incident::overview(database));
  begin(out, "weir_relations", "gauge",
        "Relations, by what makes them and whether they are as new as they were to be.");
  std::string ages;
  for (auto const& maker : overview["makers"]) {
    std::string const who =
        fmt::format("kind=\"{}\",maker=\"{}\"", text_at(maker, "kind"), escape_label(text_at(maker, "name")));
    auto const stale = maker["stale"].get<std::int64_t>(), late = maker["late"].get<std::int64_t>();
    auto const fresh = maker["relations"].get<std::int64_t>() - stale - late;
    for (auto const& [state, number] : {std::pair("fresh", fresh), std::pair("stale", stale), std::pair("late", late)})
      out += fmt::format("weir_relations{{{},state=\"{}\"}} {}\n", who, state, number);
    if (auto const at = parse_utc(text_at(maker, "oldest_data_at")))
      ages += fmt::format("weir_data_age_seconds{{{}}} {:.3f}\n", who, age(at, now));
  }
  begin(out, "weir_data_age_seconds", "gauge", "How long ago the oldest data of what it makes was read at its source.");
  out += ages;
  return {};
}

}  // namespace

std::string escape_label(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out;
}

Result<std::string> metrics_text(jobs::Database& database, Instant now) {
  std::string out;
  WEIR_DO(write_jobs(out, database, now));
  WEIR_DO(write_circuits(out, database));
  WEIR_DO(write_messages(out, database, now));
  WEIR_DO(write_data(out, database, now));
  return out;
}

}  // namespace weir::server
