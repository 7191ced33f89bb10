#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/render.h"
#include "alert/text.h"
#include "base/time_text.h"

namespace weir::alert {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostOfKey = 255, kMostOfSummary = 1'024;

std::string_view action_of(Moment moment) {
  switch (moment) {
    case Moment::Acknowledged:
      return "acknowledge";
    case Moment::Recovered:
      return "resolve";
    case Moment::Opened:
    case Moment::Changed:
    case Moment::Test:
      break;
  }
  return "trigger";
}

Json envelope(Notice const& notice, std::string_view routing_key, std::string_view action) {
  return Json{{"routing_key", routing_key}, {"event_action", action}, {"dedup_key", cut(notice.incident, kMostOfKey)}};
}

Json details_of(Notice const& notice) {
  Json details{{"id", notice.id}};
  for (auto const& line : lines_of(notice)) details[std::string(line.name)] = line.text;
  for (auto const& link : notice.links)
    if (!link.command.empty()) details["commands"].push_back(fmt::format("{}: {}", link.text, link.command));
  if (!notice.data.empty()) details["data"] = Json::parse(notice.data, nullptr, false);
  return details;
}

}  // namespace

std::string pagerduty_event(Notice const& any, std::string_view routing_key) {
  Notice const notice = presentable(any);
  auto const action = action_of(notice.moment);
  Json event = envelope(notice, routing_key, action);
  if (action != "trigger") return event.dump();
  std::string const summary = notice.cause.empty() ? notice.title : notice.title + ": " + notice.cause;
  event["payload"] = Json{{"summary", cut(summary, kMostOfSummary)},
                          {"source", notice.source.empty() ? "weir" : notice.source},
                          {"severity", severity_name(notice.severity)},
                          {"timestamp", iso_text(notice.at)},
                          {"custom_details", details_of(notice)}};
  event["client"] = "weir";
  for (auto const& link : notice.links)
    if (!link.url.empty()) event["links"].push_back(Json{{"href", link.url}, {"text", link.text}});
  return event.dump();
}

std::string pagerduty_end(Notice const& any, std::string_view routing_key) {
  return envelope(presentable(any), routing_key, "resolve").dump();
}

}  // namespace weir::alert
