#include "app/job_view.h"

#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t count(Json const& json, char const* key) {
  return static_cast<std::uint64_t>(number_at(json, key));
}

std::string took(Json const& json) {
  auto const found = json.find("duration_ms");
  if (found == json.end() || !found->is_number_integer()) return {};
  return format_duration(std::chrono::milliseconds(found->get<std::int64_t>()));
}

std::string painted(std::string const& state, Terminal const& terminal) {
  Colour const colour = state == "succeeded"    ? Colour::Green
                        : state == "failed"     ? Colour::Red
                        : state == "incomplete" ? Colour::Yellow
                                                : Colour::None;
  return terminal.paint(colour, state);
}

std::string cause_of(Json const& job) {
  if (auto const slot = text_at(job, "slot"); !slot.empty()) return fmt::format("{} {}", text_at(job, "cause"), slot);
  if (auto const parent = number_at(job, "parent"); parent > 0)
    return fmt::format("{} of {} by {}", text_at(job, "cause"), parent, text_at(job, "actor"));
  return fmt::format("{}, {}", text_at(job, "cause"), text_at(job, "actor"));
}

std::string attempts_of(Json const& job) {
  return fmt::format("{} of {}", number_at(job, "attempts"),
                     number_at(job, "max_attempts") + number_at(job, "uncounted_attempts"));
}

std::string steps_of(Json const& job) {
  std::string text;
  for (auto const& step : job["steps"])
    for (auto const& [kind, what] : step.items())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, what.get<std::string>());
  return text;
}

std::string attempt_text(Json const& attempt, Terminal const& terminal) {
  std::string const failure = text_at(attempt, "failure");
  std::string const host = text_at(attempt, "host");
  std::string text =
      fmt::format("\nattempt {}  {}{}{}  began {} UTC", number_at(attempt, "attempt"),
                  painted(text_at(attempt, "state"), terminal), failure.empty() ? "" : " (" + failure + ")",
                  host.empty() ? "" : "  on " + host, shown_time(attempt, "started_at"));
  if (auto const duration = took(attempt); !duration.empty()) text += ", took " + duration;
  if (number_at(attempt, "published") > 0)
    text += fmt::format(", published {} ({})", plural(count(attempt, "published"), "relation"),
                        plural(count(attempt, "rows"), "row"));
  text += "\n";
  auto const error = attempt.find("error");
  if (error == attempt.end() || text_at(*error, "message").empty()) return text;
  text += fmt::format("  error: {}\n", text_at(*error, "message"));
  for (char const* part : {"where", "cause", "state", "next"})
    if (auto const value = text_at(*error, part); !value.empty())
      text += fmt::format("    {}: {}\n", part, replace_all(value, "\n", "\n      "));
  return text;
}

}  // namespace

std::string shown_time(Json const& json, char const* key) {
  std::string text = text_at(json, key);
  if (text.size() == 20) text = text.substr(0, 10) + " " + text.substr(11, 8);
  return text;
}

std::string job_line(Json const& job, Terminal const& terminal) {
  std::string text = fmt::format("job {} ({}) {}", number_at(job, "job"), text_at(job, "name"),
                                 painted(text_at(job, "state"), terminal));
  if (number_at(job, "attempts") > 0) text += fmt::format(" after {}", plural(count(job, "attempts"), "attempt"));
  if (auto const duration = took(job); !duration.empty()) text += fmt::format(" in {}", duration);
  return text + "\n";
}

std::string job_table(Json const& jobs, Terminal const& terminal) {
  TextTable table({"job", "name", "state", "attempts", "cause", "waits", "began (UTC)", "took"});
  for (auto const& job : jobs)
    table.add({std::to_string(number_at(job, "job")), text_at(job, "name"), painted(text_at(job, "state"), terminal),
               attempts_of(job), cause_of(job), text_at(job, "waiting"), shown_time(job, "started_at"), took(job)});
  return table.text(terminal);
}

std::string job_page(Json const& job, Terminal const& terminal) {
  std::string text = job_line(job, terminal);
  text += fmt::format("  steps: {}\n  cause: {}\n  made:  {} UTC\n", steps_of(job), cause_of(job),
                      shown_time(job, "created_at"));
  auto const waits = text_at(job, "waiting");
  if (!waits.empty()) text += fmt::format("  waits: {}\n", waits);
  if (auto const who = text_at(job, "cancelled_by"); !who.empty()) text += fmt::format("  cancelled by: {}\n", who);
  if (text_at(job, "state") == "incomplete" && waits.empty())
    text += fmt::format("  next attempt: {} UTC\n", shown_time(job, "run_at"));
  for (auto const& attempt : job["attempt_list"]) text += attempt_text(attempt, terminal);
  return text;
}

std::string event_line(Json const& event) {
  std::string text =
      fmt::format("{:>6}  {} UTC  {:<24}", number_at(event, "seq"), shown_time(event, "at"), text_at(event, "kind"));
  if (auto const job = number_at(event, "job"); job > 0) {
    auto const attempt = number_at(event, "attempt");
    text += fmt::format("  job {}{}", job, attempt > 0 ? fmt::format(".{}", attempt) : std::string());
  }
  if (auto const object = text_at(event, "object"); !object.empty()) text += "  " + object;
  Json const data = event.value("data", Json::object());
  Json const error = data.is_object() ? data.value("error", Json()) : Json();
  if (auto const what = text_at(data, "object"); !what.empty())
    text += fmt::format("  {} (of {})", what, text_at(data, "owner"));
  std::string columns;
  for (auto const& one : data.is_object() ? data.value("columns", Json::array()) : Json::array())
    columns += fmt::format("{} {} ({})", columns.empty() ? " " : ",", text_at(one, "column"), text_at(one, "action"));
  text += columns;
  if (auto const why = text_at(data, "why"); !why.empty()) text += "  " + why;
  if (auto const message = text_at(error, "message"); !message.empty()) text += "  " + message;
  if (auto const actor = text_at(event, "actor"); actor != "weir") text += "  by " + actor;
  return text + "\n";
}

}  // namespace weir::app
