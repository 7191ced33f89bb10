#include "app/incident_view.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/job_view.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::string plural_of(Json const& json, char const* key, std::string_view noun) {
  return plural(static_cast<std::uint64_t>(number_at(json, key)), noun);
}

std::string painted_state(std::string const& state, Terminal const& terminal) {
  Colour const colour = state == "stale" || state == "open" || state == "failed" ? Colour::Red
                        : state == "late" || state == "acknowledged"             ? Colour::Yellow
                        : state == "fresh" || state == "resolved"                ? Colour::Green
                                                                                 : Colour::None;
  return terminal.paint(colour, state);
}

// The error's parts, indented.
std::string error_text(Json const& error, std::string const& indent) {
  std::string text;
  for (char const* part : {"where", "cause", "state", "next"})
    if (auto const value = text_at(error, part); !value.empty())
      text += fmt::format("{}{}: {}\n", indent, part, replace_all(value, "\n", "\n" + indent + "  "));
  return text;
}

std::string incident_line(Json const& incident, Terminal const& terminal) {
  auto const managed = text_at(incident, "managed_by");
  return fmt::format("incident {} ({}){}: {}\n", number_at(incident, "incident"),
                     painted_state(text_at(incident, "state"), terminal),
                     managed.empty() ? "" : ", " + managed + " sees to it", text_at(incident, "title"));
}

std::string cause_text(Json const& cause) {
  if (!cause.is_object()) return {};
  std::string text;
  auto const error = cause.value("error", Json());
  auto const message = text_at(error, "message");
  auto const job = number_at(cause, "job");
  if (job > 0) {
    text = fmt::format("  because  job {} ({})", job, text_at(cause, "job_name"));
    auto const attempt = number_at(cause, "attempt");
    if (attempt > 0)
      text += fmt::format(", attempt {}", attempt);
    else if (number_at(cause, "attempts") > 0)
      text += fmt::format(" failed after {}", plural_of(cause, "attempts", "attempt"));
    text += message.empty() ? "\n" : ": " + message + "\n";
  } else if (!message.empty()) {
    text = fmt::format("  because  {}\n", message);
  }
  return text + error_text(error, "           ");
}

std::string data_text(Json const& json) {
  auto const at = shown_time(json, "data_at");
  return at.empty() ? "it has no data yet" : fmt::format("its data is of {} UTC", at);
}

}  // namespace

std::string status_view(Json const& status, Terminal const& terminal) {
  std::string text;
  TextTable table({"job", "last run", "ended (UTC)", "next (UTC)"});
  for (auto const& job : status["jobs"]) {
    auto const& last = job["last"];
    std::string what = "never ran", ended;
    if (last.is_object()) {
      what = fmt::format("{} {}", number_at(last, "job"), painted_state(text_at(last, "state"), terminal));
      if (text_at(last, "state") == "incomplete" || text_at(last, "state") == "running")
        what += fmt::format(", attempt {} of {}", number_at(last, "attempts"), number_at(last, "max_attempts"));
      ended = shown_time(last, "finished_at");
    }
    auto const next = shown_time(job, "next");
    table.add({text_at(job, "name"), what, ended, next.empty() ? "by hand" : next});
  }
  if (!table.empty()) text += table.text(terminal) + "\n";
  TextTable makers({"makes", "relations", "stale", "late", "oldest data (UTC)"});
  for (auto const& maker : status["makers"])
    makers.add({text_at(maker, "name"), std::to_string(number_at(maker, "relations")),
                std::to_string(number_at(maker, "stale")), std::to_string(number_at(maker, "late")),
                shown_time(maker, "oldest_data_at")});
  if (!makers.empty()) text += makers.text(terminal) + "\n";
  for (auto const& one : status["unreachable"]) text += terminal.paint(Colour::Red, text_at(one, "text")) + "\n";
  auto const& incidents = status["incidents"];
  for (auto const& one : incidents) text += incident_line(one, terminal);
  if (incidents.empty()) text += terminal.paint(Colour::Green, "no open incident") + "\n";
  return text;
}

std::string why_relation_view(Json const& answer, Terminal const& terminal) {
  std::string const state = text_at(answer, "state");
  std::string text = fmt::format("{} is {}", text_at(answer, "relation"), painted_state(state, terminal));
  if (auto const since = shown_time(answer, "since"); !since.empty()) text += fmt::format(" since {} UTC", since);
  text += ": " + data_text(answer) + "\n";
  bool first = true;
  for (auto const& link : answer["chain"]) {
    if (!std::exchange(first, false))
      text += fmt::format("  through  {}, {}\n", text_at(link, "relation"), data_text(link));
  }
  text += cause_text(answer["cause"]);
  if (state != "stale")
    for (auto const& one : answer["from"])
      text += fmt::format("  from     {}, {}\n", text_at(one, "relation"), data_text(one));
  if (auto const built = shown_time(answer, "built_at"); !built.empty() && state != "stale")
    text += fmt::format("  built    {} UTC by {}\n", built, text_at(answer, "built_by"));
  for (auto const& one : answer["incidents"]) text += "  " + incident_line(one, terminal);
  return text;
}

std::string why_job_view(Json const& answer, Terminal const& terminal) {
  std::string text = fmt::format("job {} ({}) {}\n", number_at(answer, "job"), text_at(answer, "name"),
                                 painted_state(text_at(answer, "state"), terminal));
  if (auto const waiting = text_at(answer, "waiting"); !waiting.empty())
    text += fmt::format("  waits    {}\n", waiting);
  if (auto const who = text_at(answer, "cancelled_by"); !who.empty()) text += fmt::format("  cancelled by {}\n", who);
  // What several attempts failed of in the same way is one line.
  auto const& attempts = answer["attempts"];
  for (std::size_t i = 0; i < attempts.size();) {
    std::size_t end = i + 1;
    auto const message = text_at(attempts[i]["error"], "message");
    while (end < attempts.size() && text_at(attempts[end]["error"], "message") == message) ++end;
    auto const from = number_at(attempts[i], "attempt"), to = number_at(attempts[end - 1], "attempt");
    text += fmt::format("  attempt{} {}  {}{}\n", from == to ? " " : "s",
                        from == to ? std::to_string(from) : fmt::format("{}-{}", from, to),
                        text_at(attempts[i], "state"), message.empty() ? "" : ": " + message);
    text += error_text(attempts[i]["error"], "           ");
    i = end;
  }
  if (auto const& stale = answer["stale"]; !stale.empty()) {
    std::vector<std::string> names;
    for (auto const& one : stale) names.push_back(one.get<std::string>());
    text += fmt::format("  stale    {}\n", join(names, ", "));
  }
  for (auto const& one : answer["incidents"]) text += "  " + incident_line(one, terminal);
  return text;
}

std::string impact_view(Json const& answer, Terminal const& terminal) {
  std::string text = fmt::format("{} is {}: {}\n", text_at(answer, "relation"),
                                 painted_state(text_at(answer, "state"), terminal), data_text(answer));
  auto const& below = answer["below"];
  if (below.empty()) return text + "nothing that weir builds is built from it\n";
  TextTable table({"relation", "kind", "made by", "through", "state", "data of (UTC)"});
  for (auto const& one : below)
    table.add({text_at(one, "relation"), text_at(one, "kind"), text_at(one, "made_by"), text_at(one, "through"),
               painted_state(text_at(one, "state"), terminal), shown_time(one, "data_at")});
  return text + table.text(terminal);
}

std::string incident_table(Json const& incidents, Terminal const& terminal) {
  TextTable table({"incident", "state", "severity", "managed by", "started (UTC)", "well again (UTC)", "what"});
  for (auto const& one : incidents)
    table.add({std::to_string(number_at(one, "incident")), painted_state(text_at(one, "state"), terminal),
               text_at(one, "severity"), text_at(one, "managed_by"), shown_time(one, "started_at"),
               shown_time(one, "mitigated_at"), text_at(one, "title")});
  return table.text(terminal);
}

std::string incident_page(Json const& incident, Terminal const& terminal) {
  std::string text = incident_line(incident, terminal);
  text += fmt::format("  started  {} UTC\n  detected {} UTC\n", shown_time(incident, "started_at"),
                      shown_time(incident, "detected_at"));
  if (auto const at = shown_time(incident, "mitigated_at"); !at.empty()) text += fmt::format("  well     {} UTC\n", at);
  if (auto const at = shown_time(incident, "resolved_at"); !at.empty()) text += fmt::format("  resolved {} UTC\n", at);
  if (auto const& impact = incident["impact"]; !impact.empty()) {
    TextTable table({"relation", "made by", "through", "stale to (UTC)"});
    for (auto const& one : impact)
      table.add(
          {text_at(one, "relation"), text_at(one, "made_by"), text_at(one, "through"), shown_time(one, "stale_to")});
    text += "\n" + table.text(terminal);
  }
  text += "\n";
  for (auto const& job : incident["jobs"])
    text += fmt::format("job {} ({}) {} after {}\n", number_at(job, "job"), text_at(job, "name"),
                        painted_state(text_at(job, "state"), terminal), plural(job["attempts"].size(), "attempt"));
  for (auto const& message : incident["messages"]) {
    text += fmt::format("{} {}: {}", text_at(message, "channel"), text_at(message, "state"), text_at(message, "title"));
    if (auto const trouble = text_at(message, "trouble"); !trouble.empty() && text_at(message, "state") != "sent")
      text += fmt::format(" ({})", trouble);
    text += "\n";
  }
  for (auto const& event : incident["events"])
    if (text_at(event, "kind") == "weir.incident.noted")
      text += fmt::format("{} UTC  {} noted: {}\n", shown_time(event, "at"), text_at(event, "actor"),
                          text_at(event["data"], "text"));
  text += fmt::format("weir incident report {} writes the post-mortem\n", number_at(incident, "incident"));
  return text;
}

}  // namespace weir::app
