#include "app/job_view.h"

#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::string at(Json const& json, char const* key) {
  if (!json.is_object()) return {};
  auto const found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number(Json const& json, char const* key) {
  auto const found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::uint64_t count(Json const& json, char const* key) {
  return static_cast<std::uint64_t>(number(json, key));
}

// 2026-11-27 03:00:04 of 2026-11-27T03:00:04Z
std::string time(Json const& json, char const* key) {
  std::string text = at(json, key);
  if (text.size() == 20) text = text.substr(0, 10) + " " + text.substr(11, 8);
  return text;
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
  if (auto const slot = at(job, "slot"); !slot.empty()) return fmt::format("{} {}", at(job, "cause"), slot);
  if (auto const parent = number(job, "parent"); parent > 0)
    return fmt::format("{} of {} by {}", at(job, "cause"), parent, at(job, "actor"));
  return fmt::format("{}, {}", at(job, "cause"), at(job, "actor"));
}

std::string attempts_of(Json const& job) {
  return fmt::format("{} of {}", number(job, "attempts"),
                     number(job, "max_attempts") + number(job, "uncounted_attempts"));
}

std::string steps_of(Json const& job) {
  std::string text;
  for (auto const& step : job["steps"])
    for (auto const& [kind, what] : step.items())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, what.get<std::string>());
  return text;
}

std::string attempt_text(Json const& attempt, Terminal const& terminal) {
  std::string const failure = at(attempt, "failure");
  std::string text = fmt::format("\nattempt {}  {}{}  began {} UTC", number(attempt, "attempt"),
                                 painted(at(attempt, "state"), terminal), failure.empty() ? "" : " (" + failure + ")",
                                 time(attempt, "started_at"));
  if (auto const duration = took(attempt); !duration.empty()) text += ", took " + duration;
  if (number(attempt, "published") > 0)
    text += fmt::format(", published {} ({})", plural(count(attempt, "published"), "relation"),
                        plural(count(attempt, "rows"), "row"));
  text += "\n";
  auto const error = attempt.find("error");
  if (error == attempt.end() || at(*error, "message").empty()) return text;
  text += fmt::format("  error: {}\n", at(*error, "message"));
  for (char const* part : {"where", "cause", "state", "next"})
    if (auto const value = at(*error, part); !value.empty())
      text += fmt::format("    {}: {}\n", part, replace_all(value, "\n", "\n      "));
  return text;
}

}  // namespace

std::string job_line(Json const& job, Terminal const& terminal) {
  std::string text =
      fmt::format("job {} ({}) {}", number(job, "job"), at(job, "name"), painted(at(job, "state"), terminal));
  if (number(job, "attempts") > 0) text += fmt::format(" after {}", plural(count(job, "attempts"), "attempt"));
  if (auto const duration = took(job); !duration.empty()) text += fmt::format(" in {}", duration);
  return text + "\n";
}

std::string job_table(Json const& jobs, Terminal const& terminal) {
  TextTable table({"job", "name", "state", "attempts", "cause", "waits", "began (UTC)", "took"});
  for (auto const& job : jobs)
    table.add({std::to_string(number(job, "job")), at(job, "name"), painted(at(job, "state"), terminal),
               attempts_of(job), cause_of(job), at(job, "waiting"), time(job, "started_at"), took(job)});
  return table.text(terminal);
}

std::string job_page(Json const& job, Terminal const& terminal) {
  std::string text = job_line(job, terminal);
  text +=
      fmt::format("  steps: {}\n  cause: {}\n  made:  {} UTC\n", steps_of(job), cause_of(job), time(job, "created_at"));
  if (auto const waits = at(job, "waiting"); !waits.empty()) text += fmt::format("  waits: {}\n", waits);
  if (auto const who = at(job, "cancelled_by"); !who.empty()) text += fmt::format("  cancelled by: {}\n", who);
  if (at(job, "state") == "incomplete") text += fmt::format("  next attempt: {} UTC\n", time(job, "run_at"));
  for (auto const& attempt : job["attempt_list"]) text += attempt_text(attempt, terminal);
  return text;
}

std::string event_line(Json const& event) {
  std::string text = fmt::format("{:>6}  {} UTC  {:<24}", number(event, "seq"), time(event, "at"), at(event, "kind"));
  if (auto const job = number(event, "job"); job > 0) {
    auto const attempt = number(event, "attempt");
    text += fmt::format("  job {}{}", job, attempt > 0 ? fmt::format(".{}", attempt) : std::string());
  }
  if (auto const object = at(event, "object"); !object.empty()) text += "  " + object;
  Json const data = event.value("data", Json::object());
  Json const error = data.is_object() ? data.value("error", Json()) : Json();
  if (auto const why = at(data, "why"); !why.empty()) text += "  " + why;
  if (auto const message = at(error, "message"); !message.empty()) text += "  " + message;
  if (auto const actor = at(event, "actor"); actor != "weir") text += "  by " + actor;
  return text + "\n";
}

}  // namespace weir::app
