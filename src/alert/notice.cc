#include "alert/notice.h"

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace weir::alert {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kMoments = {Moment::Opened, Moment::Changed, Moment::Acknowledged, Moment::Recovered,
                                 Moment::Test};
constexpr std::array kSeverities = {Severity::Critical, Severity::Error, Severity::Warning, Severity::Info};

// The fields that are texts, each under its name.
constexpr std::pair<char const*, std::string Notice::*> kTexts[] = {
    {"id", &Notice::id},       {"incident", &Notice::incident}, {"source", &Notice::source},
    {"title", &Notice::title}, {"cause", &Notice::cause},       {"impact", &Notice::impact},
    {"heals", &Notice::heals}, {"next", &Notice::next},         {"data", &Notice::data},
};

std::string text_of(Json const& json, char const* key) {
  auto const found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

template <typename Enum, std::size_t kSize>
std::optional<Enum> value_of(std::array<Enum, kSize> const& values, std::string_view (*name)(Enum),
                             std::string_view text) {
  for (auto const value : values)
    if (name(value) == text) return value;
  return std::nullopt;
}

Error no_notice(std::string cause) {
  return Error(ErrorKind::Data, "cannot read a notice that was kept").cause(std::move(cause));
}

}  // namespace

std::string_view moment_name(Moment moment) {
  switch (moment) {
    case Moment::Opened:
      return "opened";
    case Moment::Changed:
      return "changed";
    case Moment::Acknowledged:
      return "acknowledged";
    case Moment::Recovered:
      return "recovered";
    case Moment::Test:
      return "test";
  }
  return "";
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::Critical:
      return "critical";
    case Severity::Error:
      return "error";
    case Severity::Warning:
      return "warning";
    case Severity::Info:
      return "info";
  }
  return "";
}

std::string to_json(Notice const& notice) {
  Json json{{"moment", moment_name(notice.moment)},
            {"severity", severity_name(notice.severity)},
            {"at", notice.at.time_since_epoch().count()}};
  for (auto const& [name, field] : kTexts) json[name] = notice.*field;
  json["links"] = Json::array();
  for (auto const& link : notice.links)
    json["links"].push_back(Json{{"text", link.text}, {"url", link.url}, {"command", link.command}});
  return json_line(json);
}

Result<Notice> from_json(std::string_view text) {
  auto const json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return no_notice("it is no JSON object");
  Notice notice;
  for (auto const& [name, field] : kTexts) notice.*field = text_of(json, name);
  auto const moment = value_of(kMoments, moment_name, text_of(json, "moment"));
  auto const severity = value_of(kSeverities, severity_name, text_of(json, "severity"));
  auto const at = json.find("at");
  if (!moment || !severity || at == json.end() || !at->is_number_integer())
    return no_notice("its moment, severity or time is missing or not one that this weir knows");
  notice.moment = *moment;
  notice.severity = *severity;
  notice.at = Instant(Duration(at->get<Duration::rep>()));
  if (auto const links = json.find("links"); links != json.end() && links->is_array())
    for (auto const& link : *links)
      if (link.is_object())
        notice.links.push_back(Link{text_of(link, "text"), text_of(link, "url"), text_of(link, "command")});
  return notice;
}

}  // namespace weir::alert
