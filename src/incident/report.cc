#include "incident/report.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "incident/dependents.h"
#include "incident/explain.h"
#include "incident/notices.h"
#include "incident/story.h"
#include "jobs/read.h"

namespace weir::incident {
namespace {

using jobs::Database;
using jobs::Event;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kEverything = INT64_MAX;
constexpr int kEventsAtATime = 10'000;

// ------------------------------------------------------------------------------------------------------------- collect

// Where the incident's story begins in the log, and where it ends.
struct Span {
  std::int64_t first = 0, last = 0;
};
Result<Span> span_of(Database& database, Incident const& incident) {
  WEIR_TRY(auto const begin,
           database.query("SELECT coalesce(min(e.seq), 0) FROM incident_job i JOIN event e ON e.job = i.job WHERE "
                          "i.incident = $1",
                          {incident.id}));
  WEIR_TRY(auto const told,
           database.query("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM event WHERE object "
                          "= $1 AND kind <> 'weir.incident.noted' AND kind NOT LIKE 'weir.alert.%'",
                          {object_of(incident.id)}));
  // What it was opened for stands before it.
  Span span{told.number(0, 0) - 1, kEverything};
  if (begin.number(0, 0) > 0) span.first = std::min(span.first, begin.number(0, 0));
  if (incident.state == "resolved") span.last = told.number(0, 1);
  return span;
}

// Events of the span, a page at a time.
template <typename Take>
Status for_each_event(Database& database, Span const& span, Take take) {
  std::int64_t last = span.first - 1;
  for (;;) {
    WEIR_TRY(auto const page, jobs::read_events(database, last, {}, kEventsAtATime));
    for (auto const& event : page) {
      if (event.seq > span.last) return {};
      take(event);
    }
    if (page.size() < static_cast<std::size_t>(kEventsAtATime)) return {};
    last = page.back().seq;
  }
}

Result<std::vector<Event>> own_events(Database& database, std::int64_t id) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("SELECT {} FROM event WHERE object = $1 ORDER BY seq", jobs::kEventColumns),
                          {object_of(id)}));
  std::vector<Event> own;
  for (std::size_t i = 0; i < rows.size(); ++i) own.push_back(jobs::event_of(rows, i));
  return own;
}

std::vector<Impact> impact_of(std::vector<Event> const& own) {
  std::vector<Impact> impact;
  std::set<std::string> seen;
  for (auto const& event : own) {
    auto const data = parse_json(event.data);
    auto const relations = data.is_object() ? data.find("relations") : data.end();
    if (!data.is_object() || relations == data.end()) continue;
    for (auto const& one : *relations) {
      if (!seen.insert(text_at(one, "relation")).second) continue;
      impact.push_back({text_at(one, "relation"), text_at(one, "kind"), text_at(one, "source"), text_at(one, "made_by"),
                        text_at(one, "through"), parse_utc(text_at(one, "data_at"))});
    }
  }
  return impact;
}

// What was built on the incident's tables since they were loaded last.
Status add_appeared(Database& database, Span const& span, ReportFacts& facts) {
  for (auto const& one : facts.impact) {
    if (one.kind != "table") continue;
    WEIR_TRY(auto const events, appeared(database, one.relation, span.first, span.last));
    facts.appeared.insert(facts.appeared.end(), events.begin(), events.end());
  }
  facts.events.insert(facts.events.end(), facts.appeared.begin(), facts.appeared.end());
  return {};
}

// Whether the event is about one of the incident's relations.
bool concerns(Event const& event, std::set<std::string> const& objects) {
  return (event.kind.starts_with("weir.table.") || event.kind.starts_with("weir.model.") ||
          event.kind == "weir.run.by_hand") &&
         objects.contains(event.object);
}

}  // namespace

Result<ReportFacts> collect(Database& database, std::int64_t id, std::string source) {
  ReportFacts facts;
  facts.source = std::move(source);
  WEIR_TRY(facts.incident, find(database, id));
  WEIR_TRY(auto const concerned_jobs, jobs_of(database, id));
  std::set<std::int64_t> wanted;
  std::set<std::string> names;
  for (auto const& one : concerned_jobs) {
    names.insert(one.name);
    if (facts.incident.kind == "missed" || facts.incident.kind == "late") continue;  // the job before it
    facts.failed.push_back(one.job);
    wanted.insert(one.job);
  }
  // What is its own may come long after it is over: a note, a message that was sent late.
  WEIR_TRY(auto const own, own_events(database, id));
  facts.impact = impact_of(own);
  std::set<std::string> objects;
  for (auto const& one : facts.impact) objects.insert({one.relation, one.made_by});
  WEIR_TRY(auto const span, span_of(database, facts.incident));
  // The jobs that made it well, or tried to.
  WEIR_DO(for_each_event(database, span, [&](Event const& event) {
    bool const is_again = event.kind == "weir.job.queued" && names.contains(event.object);
    if (event.job && (is_again || concerns(event, objects))) wanted.insert(*event.job);
  }));
  for (auto const job : wanted) {
    auto found = jobs::read_job(database, job);
    if (!found.ok()) continue;  // it was pruned
    WEIR_TRY(facts.attempts[job], jobs::read_attempts(database, job));
    facts.jobs.push_back(std::move(*found));
  }
  WEIR_DO(for_each_event(database, span, [&](Event const& event) {
    bool const is_own = event.object == object_of(id);
    bool const is_of_job = event.job && wanted.contains(*event.job);
    bool const is_of_schedule = event.kind.starts_with("weir.schedule.") && names.contains(event.object);
    if (!is_own && (is_of_job || is_of_schedule || concerns(event, objects))) facts.events.push_back(event);
  }));
  facts.events.insert(facts.events.end(), own.begin(), own.end());
  WEIR_DO(add_appeared(database, span, facts));
  std::sort(facts.events.begin(), facts.events.end(),
            [](auto const& one, auto const& other) { return one.seq < other.seq; });
  facts.events.erase(std::unique(facts.events.begin(), facts.events.end(),
                                 [](auto const& one, auto const& other) { return one.seq == other.seq; }),
                     facts.events.end());
  return facts;
}

// --------------------------------------------------------------------------------------------------------------- write

namespace {

class Writer {
 public:
  Writer(ReportFacts const& facts, jobs::Zone const& zone, LogTail const& log)
      : facts_(facts), zone_(zone), log_(log) {}

  Document document() {
    heading(1, report_title(facts_, zone_));
    head();
    summary();
    impact();
    timeline();
    root_cause();
    recovery();
    lessons();
    appendix();
    return std::move(document_);
  }

  std::string day(Instant at) const { return local(at).substr(0, 10); }

 private:
  ReportFacts const& facts_;
  jobs::Zone const& zone_;
  LogTail const& log_;
  Document document_;

  std::string local(Instant at) const { return utc_text(at + zone_.period(at).offset); }
  std::string minute(Instant at) const { return local(at).substr(0, 16); }
  std::string maybe(std::optional<Instant> const& at, std::string_view otherwise) const {
    return at ? local(*at) : std::string(otherwise);
  }

  void heading(int level, std::string text) { document_.push_back(Heading{level, std::move(text)}); }
  void say(std::string text, std::vector<std::int64_t> events = {}) {
    document_.push_back(Line{std::move(text), std::move(events)});
  }

  std::vector<std::int64_t> events_of(std::string_view kind) const {
    std::vector<std::int64_t> found;
    for (auto const& event : facts_.events)
      if (event.kind == kind) found.push_back(event.seq);
    return found;
  }
  Event const* first_event(std::string_view kind) const {
    auto const found =
        std::find_if(facts_.events.begin(), facts_.events.end(), [kind](auto const& one) { return one.kind == kind; });
    return found == facts_.events.end() ? nullptr : &*found;
  }
  bool is_failed(std::int64_t job) const {
    return std::find(facts_.failed.begin(), facts_.failed.end(), job) != facts_.failed.end();
  }
  static std::string numbers(std::vector<std::int64_t> const& jobs) {
    std::vector<std::string> texts;
    for (auto const job : jobs) texts.push_back(std::to_string(job));
    std::string const last = texts.back();
    texts.pop_back();
    return texts.empty() ? last : join(texts, ", ") + " and " + last;
  }
  // The jobs by which it became well: the last that made each of its relations, and the last good one of each name.
  std::set<std::int64_t> mending() const {
    std::set<std::string> objects, names;
    for (auto const& one : facts_.impact) objects.insert({one.relation, one.made_by});
    for (auto const& job : facts_.jobs)
      if (is_failed(job.id)) names.insert(job.name);
    std::map<std::string, std::int64_t> last;
    auto const back = tables_back();
    for (auto const& event : facts_.events) {
      bool const made_one = is_refresh(event) && objects.contains(event.object) && event.seq >= back;
      bool const is_name = event.kind == "weir.job.succeeded" && names.contains(event.object);
      if (event.job && (made_one || is_name)) last[event.object] = *event.job;
    }
    std::set<std::int64_t> jobs;
    for (auto const& [object, job] : last) jobs.insert(job);
    return jobs;
  }
  // The event by which the first of the tables was fresh again: models that were built before it were built on old
  // data.
  std::int64_t tables_back() const {
    std::int64_t failed = 0;
    for (auto const& event : facts_.events)
      if (event.kind == "weir.job.failed" && event.job && is_failed(*event.job)) failed = event.seq;
    std::set<std::string> tables;
    for (auto const& one : facts_.impact)
      if (one.kind == "table") tables.insert(one.relation);
    for (auto const& event : facts_.events)
      if (event.seq > failed && is_refresh(event) && tables.contains(event.object)) return event.seq;
    return 0;
  }
  // The error of the last attempt of the first job that failed.
  Json first_error() const {
    if (facts_.failed.empty()) return Json();
    auto const found = facts_.attempts.find(facts_.failed.front());
    if (found == facts_.attempts.end() || found->second.empty()) return Json();
    return parse_json(found->second.back().error);
  }
  std::string counted(bool tables) const {
    std::vector<Reached> some;
    for (auto const& one : facts_.impact)
      if ((one.kind == "table") == tables) some.push_back({Relation{.name = one.relation, .kind = one.kind}, {}, 0});
    return count_text(some);
  }

  void head() {
    auto const& incident = facts_.incident;
    Table table{{"", ""}, {}};
    table.rows.push_back({"Managed by", incident.managed_by.empty() ? "nobody yet" : incident.managed_by});
    table.rows.push_back({"State", incident.state});
    table.rows.push_back({"Severity", incident.severity});
    table.rows.push_back({"Started", local(incident.started_at)});
    table.rows.push_back({"Detected", local(incident.detected_at)});
    table.rows.push_back({"Mitigated", maybe(incident.mitigated_at, "not yet")});
    table.rows.push_back({"Resolved", maybe(incident.resolved_at, "not yet")});
    table.rows.push_back({"Times", zone_.name()});
    document_.push_back(std::move(table));
  }

  // ---- what happened, in a paragraph

  std::string components() const {
    std::set<std::string> parts;
    for (auto const& job : facts_.jobs)
      if (is_failed(job.id))
        for (auto const& step : job.definition.steps)
          parts.insert(fmt::format("{} {}", step_kind_name(step.kind), step.text));
    for (auto const& one : facts_.impact) {
      if (one.kind == "table")
        parts.insert("connection " + one.made_by);
      else
        parts.insert("dbt models");
    }
    return join(std::vector<std::string>(parts.begin(), parts.end()), ", ");
  }

  void summary() {
    auto const& incident = facts_.incident;
    heading(2, "Summary");
    std::string text = incident.title;
    if (!text.ends_with('.')) text += ".";
    if (!facts_.failed.empty())
      text += fmt::format(" {} {} failed.", facts_.failed.size() == 1 ? "Job" : "Jobs", numbers(facts_.failed));
    std::string const tables = counted(true), models = counted(false);
    if (!tables.empty()) text += fmt::format(" {} kept the data that they had.", tables);
    if (!models.empty())
      text += fmt::format(" {} built on old data or not at all.", models + (models == "1 model" ? " was" : " were"));
    if (incident.mitigated_at)
      text += fmt::format(" Everything was well again at {}, after {}.", local(*incident.mitigated_at),
                          format_duration(*incident.mitigated_at - incident.started_at));
    auto const* opened = first_event("weir.incident.opened");
    say(std::move(text), opened == nullptr ? std::vector<std::int64_t>() : std::vector{opened->seq});
    if (auto const parts = components(); !parts.empty()) say("Components: " + parts + ".");
  }

  // ---- what was stale to when

  void impact() {
    heading(2, "Impact");
    if (facts_.impact.empty()) {
      say("No relation is known to have kept older data than it was to have.");
      return;
    }
    Table table{{"Source", "Schema", "Table", "Stale to", "Through"}, {}};
    for (auto const& one : facts_.impact) {
      auto const dot = one.relation.find('.');
      bool const is_table = one.kind == "table";
      table.rows.push_back({is_table ? fmt::format("{}: {}", one.made_by, one.source) : one.made_by,
                            one.relation.substr(0, dot), replace_all(one.relation.substr(dot + 1), "\"", ""),
                            maybe(one.data_at, "never loaded"), one.through});
    }
    document_.push_back(std::move(table));
  }

  // ---- what happened when

  void timeline() {
    heading(2, fmt::format("Timeline ({})", zone_.name()));
    List list;
    for (auto& part : story(facts_.events))
      list.lines.push_back({fmt::format("{}  {}", local(part.at), part.text), std::move(part.events)});
    document_.push_back(std::move(list));
  }

  // ---- why, from what was recorded

  void root_cause() {
    heading(2, "Root cause");
    auto const error = first_error();
    auto const failures = events_of("weir.attempt.failed");
    if (!error.is_object() || text_at(error, "message").empty()) {
      auto const* told_of = first_event(facts_.incident.kind == "late" ? "weir.table.late" : "weir.schedule.missed");
      say(told_of == nullptr ? std::string("What was recorded names no error.") : story_line(*told_of),
          told_of == nullptr ? std::vector<std::int64_t>() : std::vector{told_of->seq});
      return;
    }
    say(text_at(error, "message"), failures);
    List list;
    for (auto const& [key, word] : {std::pair{"object", "Object"},
                                    {"where", "Where"},
                                    {"cause", "Cause"},
                                    {"sqlstate", "SQLSTATE"},
                                    {"state", "What stayed"},
                                    {"next", "Next step it named"}})
      if (auto const text = text_at(error, key); !text.empty())
        list.lines.push_back({fmt::format("{}: {}", word, text)});
    for (auto const& event : facts_.appeared) list.lines.push_back({"New there: " + story_line(event), {event.seq}});
    if (!list.lines.empty()) document_.push_back(std::move(list));
  }

  void recovery() {
    heading(2, "Resolution and recovery");
    List list;
    auto const mended_by = mending();
    for (auto const& job : facts_.jobs) {
      if (!mended_by.contains(job.id) || job.state != jobs::JobState::Succeeded) continue;
      auto const how = job.cause == "schedule" ? std::string("by its schedule")
                       : job.parent            ? fmt::format("by {}, as a retry of job {}", job.actor, *job.parent)
                       : job.cause == jobs::cause_name(jobs::Cause::Recovery)
                           ? std::string("to build again what was built on old data")
                           : fmt::format("by {}", job.actor);
      std::vector<std::int64_t> events;
      for (auto const& event : facts_.events)
        if (event.job == job.id && (event.kind == "weir.job.queued" || event.kind == "weir.job.succeeded"))
          events.push_back(event.seq);
      list.lines.push_back(
          {fmt::format("Job {} ({}), started {}, succeeded at {}", job.id, job.name, how, maybe(job.finished_at, "?")),
           std::move(events)});
    }
    for (auto const* kind : {"weir.run.by_hand", "weir.incident.recovered", "weir.incident.resolved"})
      for (auto const& event : facts_.events)
        if (event.kind == kind)
          list.lines.push_back({fmt::format("{}  {}", local(event.at), story_line(event)), {event.seq}});
    if (list.lines.empty()) {
      say("It is not over yet.");
    } else {
      document_.push_back(std::move(list));
    }
  }

  // ---- for people

  void lessons() {
    heading(2, "Lessons");
    auto const& incident = facts_.incident;
    List list;
    list.lines.push_back(
        {fmt::format("Detected {} after it started.", format_duration(incident.detected_at - incident.started_at)),
         events_of("weir.incident.opened")});
    if (auto const* sent = first_event("weir.alert.sent"))
      list.lines.push_back(
          {fmt::format("The first message reached {} {} after that.", text_at(parse_json(sent->data), "channel"),
                       format_duration(sent->at - incident.detected_at)),
           {sent->seq}});
    else
      list.lines.push_back({"Nobody was told: no message of it was sent."});
    if (auto const* taken = first_event("weir.incident.acknowledged"))
      list.lines.push_back({fmt::format("{} took it over {} after it was detected.", taken->actor,
                                        format_duration(taken->at - incident.detected_at)),
                            {taken->seq}});
    if (auto const failures = events_of("weir.attempt.failed"); !failures.empty())
      list.lines.push_back({fmt::format("{} failed.", plural(failures.size(), "attempt")), failures});
    if (incident.failures > 1)
      list.lines.push_back({fmt::format("It failed {} times of the same cause: one incident.", incident.failures),
                            events_of("weir.incident.joined")});
    document_.push_back(std::move(list));
    say("What went well, what did not, where luck helped: to be written by those who were there.");
    heading(2, "Action items");
    List actions{List::Kind::Tasks,
                 {{"prevent: … (owner, due)"}, {"detect: … (owner, due)"}, {"mitigate: … (owner, due)"}}};
    document_.push_back(std::move(actions));
  }

  // ---- the evidence

  void appendix() {
    heading(2, "Appendix: attempts");
    for (auto const& job : facts_.jobs) {
      auto const found = facts_.attempts.find(job.id);
      if (found == facts_.attempts.end()) continue;
      for (auto const& attempt : found->second) {
        heading(3,
                fmt::format("Job {} ({}), attempt {}: {}{}, {}", job.id, job.name, attempt.n, attempt.state,
                            attempt.failure.empty() ? "" : " (" + attempt.failure + ")", minute(attempt.started_at)));
        std::string const text = log_(job.id, attempt.n);
        document_.push_back(Verbatim{text.empty() ? "its log is not there any more" : text});
      }
    }
    heading(2, "Appendix: events");
    EventList list;
    for (auto const& event : facts_.events) {
      std::string text = fmt::format("{} UTC {}", utc_text_ms(event.at), event.kind);
      if (event.job)
        text += fmt::format(" job {}{}", *event.job, event.attempt ? fmt::format(".{}", *event.attempt) : "");
      if (!event.object.empty()) text += " " + event.object;
      text += fmt::format(" by {} ({})", event.actor, event.hash.substr(0, 12));
      list.lines.push_back({std::move(text), {event.seq}});
    }
    document_.push_back(std::move(list));
  }
};

}  // namespace

std::string report_title(ReportFacts const& facts, jobs::Zone const& zone) {
  auto const at = facts.incident.started_at;
  return fmt::format("{} Incident {}: {}", utc_text(at + zone.period(at).offset).substr(0, 10), facts.incident.id,
                     facts.incident.title);
}

Document report_document(ReportFacts const& facts, jobs::Zone const& zone, LogTail const& log) {
  return Writer(facts, zone, log).document();
}

Json report_json(ReportFacts const& facts) {
  Json json = incident_json(facts.incident);
  json["impact"] = Json::array();
  for (auto const& one : facts.impact)
    json["impact"].push_back(Json{{"relation", one.relation},
                                  {"kind", one.kind},
                                  {"source", one.source},
                                  {"made_by", one.made_by},
                                  {"stale_to", json_time(one.data_at)},
                                  {"through", one.through}});
  json["jobs"] = Json::array();
  for (auto const& job : facts.jobs) {
    Json attempts = Json::array();
    if (auto const found = facts.attempts.find(job.id); found != facts.attempts.end())
      for (auto const& one : found->second)
        attempts.push_back(Json{{"attempt", one.n},
                                {"state", one.state},
                                {"failure", one.failure},
                                {"started_at", iso_text(one.started_at)},
                                {"ended_at", json_time(one.ended_at)},
                                {"error", one.error.empty() ? Json() : parse_json(one.error)}});
    json["jobs"].push_back(Json{{"job", job.id},
                                {"name", job.name},
                                {"state", state_name(job.state)},
                                {"cause", job.cause},
                                {"actor", job.actor},
                                {"parent", job.parent ? Json(*job.parent) : Json()},
                                {"attempts", std::move(attempts)}});
  }
  json["events"] = Json::array();
  for (auto const& event : facts.events) json["events"].push_back(jobs::event_json(event));
  return json;
}

std::string zone_of(ReportFacts const& facts) {
  for (auto const& job : facts.jobs)
    if (!job.definition.when.cron.empty()) return job.definition.when.zone;
  return "UTC";
}

}  // namespace weir::incident
