#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/render.h"
#include "alert/text.h"
#include "base/time_text.h"

namespace weir::alert {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostOfSection = 3'000;

// What shows nothing and joins no words.
constexpr std::string_view kNothing = "\xE2\x81\xA0";

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// What stands for the character at the end of `before`, so that it is no more than that. In Slack's mrkdwn & < and >
// are the language's own: a <!channel> would call everybody. To Mattermost and Rocket.Chat so does a bare @channel, and
// ![...] fetches a picture.
std::string as_itself(std::string_view character, std::string_view before, std::string_view after) {
  if (character == "&") return "&amp;";
  if (character == "<") return "&lt;";
  if (character == ">") return "&gt;";
  bool const calls = character == "@" && (before.empty() || !is_word(before.back()));
  bool const fetches = character == "!" && after.starts_with("[");
  return std::string(character) + std::string(calls || fetches ? kNothing : "");
}

// How many characters as Slack counts them.
std::size_t units_of(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) units += next_character(text, at).size() == 4 ? 2 : 1;
  return units;
}

// At most `most` characters come out, none of them half.
std::string escaped(std::string_view text, std::size_t most = kMostOfSection) {
  std::string out;
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) {
    auto const before = text.substr(0, at);
    auto const character = next_character(text, at);
    auto const written = as_itself(character, before, text.substr(at));
    units += units_of(written);
    if (units + 1 > most && (at < text.size() || units > most)) return out + "\xE2\x80\xA6";
    out += written;
  }
  return out;
}

// Beside what is marked up nothing is to be taken for a link or a mention.
Json mrkdwn(std::string text) {
  return Json{{"type", "mrkdwn"}, {"text", std::move(text)}, {"verbatim", true}};
}

Json section(std::string text) {
  return Json{{"type", "section"}, {"text", mrkdwn(std::move(text))}};
}

Json context(std::string text) {
  return Json{{"type", "context"}, {"elements", Json::array({mrkdwn(std::move(text))})}};
}

// Bold as far as the text leaves it so.
std::string labelled(std::string_view label, std::string_view text) {
  std::string const head = fmt::format("*{}*\n", label);
  return head + escaped(text, kMostOfSection - head.size());
}

std::string link_text(Link const& link) {
  if (!link.url.empty()) {
    std::string label = escaped(link.text, 300);
    std::replace(label.begin(), label.end(), '|', '/');
    return fmt::format("<{}|{}>", escaped(link.url, 2'500), label);
  }
  if (link.command.empty()) return escaped(link.text, 300);
  std::string command = escaped(link.command, 400);
  std::replace(command.begin(), command.end(), '`', '\'');
  return fmt::format("{}: `{}`", escaped(link.text, 300), command);
}

// In the time zone of whoever reads it.
std::string time_text(Instant at) {
  auto const seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return fmt::format("<!date^{}^{{date_short_pretty}} {{time_secs}}|{} UTC>", seconds, utc_text(at));
}

}  // namespace

std::string slack_message(Notice const& any, std::string_view chat) {
  Notice const notice = presentable(any);
  Json json;
  if (!chat.empty()) json["channel"] = chat;
  auto const head = headline(notice);
  std::string text = head;
  for (auto const& line : lines_of(notice)) text += fmt::format("\n{}: {}", line.label, line.text);
  json["text"] = escaped(text);
  Json blocks = Json::array({section(fmt::format("*{}*", escaped(head, kMostOfSection - 2)))});
  for (auto const& line : lines_of(notice)) blocks.push_back(section(labelled(line.label, line.text)));
  std::string links;
  for (auto const& link : notice.links) {
    auto const one = link_text(link);
    if (links.size() + one.size() + 5 <= kMostOfSection) links += (links.empty() ? "" : "  \xC2\xB7  ") + one;
  }
  if (!links.empty()) blocks.push_back(section(std::move(links)));
  blocks.push_back(context(fmt::format("{}  \xC2\xB7  {}  \xC2\xB7  {}", escaped(notice.source, 300),
                                       escaped(notice.incident, 300), time_text(notice.at))));
  json["blocks"] = std::move(blocks);
  if (!notice.data.empty()) json["data"] = Json::parse(notice.data, nullptr, false);
  return json.dump();
}

}  // namespace weir::alert
