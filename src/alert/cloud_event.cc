#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/render.h"
#include "alert/text.h"
#include "base/base64.h"
#include "base/digest.h"
#include "base/time_text.h"

namespace weir::alert {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kEncodedKey = "whsec_";

// A part of a URI reference, which `source` must be.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char const c : text) {
    bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~").find(c) != std::string_view::npos;
    if (is_plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string type_of(Moment moment) {
  return moment == Moment::Test ? "weir.alert.test" : fmt::format("weir.incident.{}", moment_name(moment));
}

Json links_of(Notice const& notice) {
  Json links = Json::array();
  for (auto const& link : notice.links) {
    Json one{{"text", link.text}};
    if (!link.url.empty()) one["url"] = link.url;
    if (!link.command.empty()) one["command"] = link.command;
    links.push_back(std::move(one));
  }
  return links;
}

}  // namespace

std::string cloud_event(Notice const& any) {
  Notice const notice = presentable(any);
  Json data{{"incident", notice.incident},
            {"moment", moment_name(notice.moment)},
            {"severity", severity_name(notice.severity)},
            {"title", notice.title}};
  for (auto const& line : lines_of(notice)) data[std::string(line.name)] = line.text;
  if (!notice.links.empty()) data["links"] = links_of(notice);
  if (!notice.data.empty()) data["data"] = Json::parse(notice.data, nullptr, false);
  Json event{{"specversion", "1.0"},
             {"id", notice.id},
             {"source", "/weir/" + percent_encoded(notice.source)},
             {"type", type_of(notice.moment)},
             {"subject", notice.incident},
             {"time", iso_text(notice.at)},
             {"datacontenttype", "application/json"},
             {"data", std::move(data)}};
  return event.dump();
}

std::optional<Headers> signed_headers(Notice const& any, std::string_view body, std::string_view key, Instant now) {
  std::string const id = percent_encoded(presentable(any).id);
  auto const time = std::to_string(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  Headers headers = {{"webhook-id", id}, {"webhook-timestamp", time}};
  if (key.empty()) return headers;
  std::string bytes(key);
  if (key.starts_with(kEncodedKey)) {
    auto const decoded = from_base64(key.substr(kEncodedKey.size()));
    if (!decoded || decoded->empty()) return std::nullopt;
    bytes = *decoded;
  }
  headers.emplace_back("webhook-signature",
                       "v1," + base64(hmac_sha256(bytes, fmt::format("{}.{}.{}", id, time, body))));
  return headers;
}

}  // namespace weir::alert
