#include "incident/story.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"
#include "incident/notices.h"
#include "jobs/job.h"

namespace weir::incident {
namespace {

using jobs::Event;
using Json = nlohmann::ordered_json;

std::string why(Json const& data) {
  auto const error = data.find("error");
  std::string const message = error == data.end() ? std::string() : text_at(*error, "message");
  return message.empty() ? text_at(data, "why") : message;
}

std::string job_of(Event const& event) {
  return event.job ? fmt::format("job {}", *event.job) : std::string();
}

std::string about_job(Event const& event, Json const& data) {
  auto const job = job_of(event);
  if (event.kind == "weir.job.queued") {
    if (auto const slot = text_at(data, "slot"); !slot.empty())
      return fmt::format("{} ({}) was due: its slot of {}", job, event.object, slot);
    if (auto const parent = number_at(data, "parent"); parent > 0)
      return fmt::format("{} ran job {} again, as {} ({})", event.actor, parent, job, event.object);
    if (text_at(data, "cause") == jobs::cause_name(jobs::Cause::Recovery))
      return fmt::format("{} ({}) builds again what was built on old data", job, event.object);
    return fmt::format("{} ran {} ({})", event.actor, job, event.object);
  }
  if (event.kind == "weir.attempt.failed")
    return fmt::format("{}, attempt {} failed ({}): {}; {}", job, event.attempt.value_or(0), text_at(data, "class"),
                       why(data), text_at(data, "then"));
  if (event.kind == "weir.job.succeeded") return fmt::format("{} ({}) succeeded", job, event.object);
  if (event.kind == "weir.job.failed")
    return fmt::format("{} ({}) failed: {}", job, event.object, text_at(data, "why"));
  if (event.kind == "weir.job.cancelled")
    return fmt::format("{} ({}) was cancelled: {}", job, event.object, text_at(data, "why"));
  return {};
}

std::string about_columns(Event const& event, Json const& data) {
  std::vector<std::string> changes;
  if (auto const columns = data.find("columns"); columns != data.end())
    for (auto const& one : *columns)
      changes.push_back(
          fmt::format("\"{}\": {} ({})", text_at(one, "column"), text_at(one, "action"), text_at(one, "detail")));
  return fmt::format("columns of {} changed: {}", event.object, join(changes, ", "));
}

std::string about_incident(Event const& event, Json const& data) {
  if (event.kind == "weir.incident.opened") return fmt::format("{} opened", event.object);
  if (event.kind == "weir.incident.joined")
    return fmt::format("{}: {} failed for the same cause", event.object, event.job ? job_of(event) : "another");
  if (event.kind == "weir.incident.recovered") return fmt::format("{} is over: everything is well again", event.object);
  if (event.kind == "weir.incident.acknowledged") return fmt::format("{} took {} over", event.actor, event.object);
  if (event.kind == "weir.incident.noted") return fmt::format("{} noted: {}", event.actor, text_at(data, "text"));
  auto const text = text_at(data, "text");
  return fmt::format("{} {} {}{}", event.actor, event.kind.substr(14), event.object, text.empty() ? "" : ": " + text);
}

}  // namespace

bool is_refresh(Event const& event) {
  return event.kind == "weir.table.published" || event.kind == "weir.table.unchanged" ||
         event.kind == "weir.model.passed";
}

std::string story_line(Event const& event) {
  auto const data = parse_json(event.data);
  if (event.kind.starts_with("weir.job.") || event.kind.starts_with("weir.attempt.")) return about_job(event, data);
  if (event.kind.starts_with("weir.incident.")) return about_incident(event, data);
  if (event.kind == "weir.model.failed") return fmt::format("{} failed: {}", event.object, why(data));
  if (event.kind == "weir.table.failed" || event.kind == "weir.table.held")
    return fmt::format("{} was {}: {}", event.object, event.kind == "weir.table.held" ? "held" : "not loaded",
                       why(data));
  if (event.kind == "weir.table.altered") return about_columns(event, data);
  if (event.kind == "weir.run.by_hand")
    return fmt::format("{} ran {} by hand: {} made fresh", event.actor,
                       event.object == "dbt" ? event.object : "the sync of " + event.object,
                       plural(static_cast<std::uint64_t>(number_at(data, "made")),
                              text_at(data, "type") == "sync" ? "table" : "model"));
  if (event.kind == "weir.table.late") return fmt::format("{} is late: {}", event.object, text_at(data, "why"));
  if (event.kind.starts_with("weir.dependent."))
    return fmt::format("{} (of {}) {} {}; at {} UTC it {}", text_at(data, "object"), text_at(data, "owner"),
                       event.kind == "weir.dependent.gone" ? "is gone from" : "is new on", event.object,
                       utc_text(parse_utc(text_at(data, "not_before")).value_or(Instant())),
                       event.kind == "weir.dependent.gone" ? "was still there" : "was not there");
  if (event.kind == "weir.schedule.missed")
    return fmt::format("{} missed {}: {}", event.object,
                       plural(static_cast<std::uint64_t>(number_at(data, "missed")), "run"), text_at(data, "why"));
  if (event.kind == "weir.endpoint.circuit.opened")
    return fmt::format("endpoint \"{}\" does not answer: {}", event.object, text_at(data, "why"));
  if (event.kind == "weir.endpoint.circuit.closed")
    return fmt::format("endpoint \"{}\" answers again: {} reached it", event.object, job_of(event));
  if (event.kind.starts_with("weir.schedule."))
    return fmt::format("{} {} the schedule of {}", event.actor, event.kind.substr(14), event.object);
  if (event.kind == "weir.alert.sent")
    return fmt::format("{} was told: {}", text_at(data, "channel"), text_at(data, "title"));
  if (event.kind == "weir.alert.failed")
    return fmt::format("{} could not be told: {}", text_at(data, "channel"), text_at(data, "why"));
  return {};
}

std::vector<StoryPart> story(std::vector<Event> const& events) {
  std::vector<StoryPart> parts;
  for (std::size_t i = 0; i < events.size();) {
    auto const& first = events[i];
    if (!is_refresh(first)) {
      if (auto text = story_line(first); !text.empty()) parts.push_back({first.at, std::move(text), {first.seq}});
      ++i;
      continue;
    }
    auto const is_model = [](Event const& event) { return event.kind == "weir.model.passed"; };
    std::vector<std::string> names;
    StoryPart part{first.at, {}, {}};
    for (; i < events.size() && is_refresh(events[i]) && events[i].job == first.job &&
           is_model(events[i]) == is_model(first);
         ++i) {
      auto const relation = is_model(first) ? text_at(parse_json(events[i].data), "relation") : events[i].object;
      names.push_back(relation.empty() ? events[i].object : relation);
      part.events.push_back(events[i].seq);
    }
    part.text = fmt::format("{} {} {}: {}", first.job ? job_of(first) : first.actor + ", by hand,",
                            is_model(first) ? "built" : "refreshed",
                            plural(names.size(), is_model(first) ? "model" : "table"), names_text(names, 12));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace weir::incident
