#include "alert/text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "base/text.h"

namespace weir::alert {
namespace {

constexpr std::size_t kMostOfText = 4'000, kMostOfTitle = 300, kMostOfId = 200, kMostOfData = 64U << 10;
constexpr std::size_t kMostLinks = 10;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD", kEllipsis = "\xE2\x80\xA6";

// How many bytes the character at `at` has; 0 if it is ill-formed (RFC 3629).
std::size_t length_at(std::string_view text, std::size_t at) {
  auto const first = static_cast<unsigned char>(text[at]);
  std::size_t const length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || at + length > text.size()) return 0;
  return is_utf8(text.substr(at, length)) ? length : 0;
}

// Controls but tab and line end, and what turns the direction of text (U+200E, U+200F, U+202A to U+202E, U+2066 to
// U+2069), by which a name could be made to look like another.
bool is_left_out(std::string_view character) {
  auto const first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
  auto const second = static_cast<unsigned char>(character[1]);
  if (character.size() == 2) return first == 0xC2 && second < 0xA0;
  auto const third = static_cast<unsigned char>(character[2]);
  if (character.size() != 3 || first != 0xE2) return false;
  return (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE))) ||
         (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

std::string mended(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const length = length_at(text, at);
    if (length == 0)
      out += kReplacement;
    else if (auto const character = text.substr(at, length); !is_left_out(character))
      out += character;
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string several_lines(std::string const& text) {
  return cut(trim(mended(redact(text))), kMostOfText);
}

std::string one_line(std::string const& text, std::size_t most) {
  std::string line = several_lines(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return cut(line, most);
}

// Nothing but what RFC 3986 allows in a URL, which is nothing that ends one in Slack's or HTML's language.
bool is_address(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) return false;
  return url.size() <= 2'000 && std::all_of(url.begin(), url.end(), [](char c) {
           return c > 0x20 && c < 0x7f && std::string_view("<>\"'`\\^{}|").find(c) == std::string_view::npos;
         });
}

Link presentable(Link const& link) {
  Link shown{.text = one_line(link.text, kMostOfTitle)};
  if (auto const url = redact(link.url); is_address(url)) shown.url = url;
  if (shown.url.empty()) shown.command = one_line(link.command, kMostOfTitle);
  if (shown.text.empty()) shown.text = shown.url.empty() ? "see" : shown.url;
  return shown;
}

// "" unless it is an object that programs can read.
std::string presentable_data(std::string const& data) {
  if (data.size() > kMostOfData) return "";
  auto const json = nlohmann::ordered_json::parse(mended(redact(data)), nullptr, false);
  return json.is_object() ? json.dump() : "";
}

}  // namespace

std::string_view next_character(std::string_view text, std::size_t& at) {
  auto const character = text.substr(at, std::max<std::size_t>(length_at(text, at), 1));
  at += character.size();
  return character;
}

std::string cut(std::string_view text, std::size_t most) {
  std::size_t units = 0, fits = 0;  // `fits`: how far one may read and still have place for the ellipsis
  for (std::size_t at = 0; at < text.size();) {
    units += next_character(text, at).size() == 4 ? 2 : 1;
    if (units + 1 <= most) fits = at;
    if (units > most) return most == 0 ? "" : std::string(text.substr(0, fits)) + std::string(kEllipsis);
  }
  return std::string(text);
}

Notice presentable(Notice const& notice) {
  Notice shown{.id = one_line(notice.id, kMostOfId),
               .incident = one_line(notice.incident, kMostOfId),
               .moment = notice.moment,
               .severity = notice.severity,
               .source = one_line(notice.source, kMostOfId),
               .title = one_line(notice.title, kMostOfTitle),
               .cause = several_lines(notice.cause),
               .impact = several_lines(notice.impact),
               .heals = several_lines(notice.heals),
               .next = several_lines(notice.next),
               .at = notice.at,
               .data = presentable_data(notice.data)};
  for (auto const& link : notice.links) {
    if (shown.links.size() == kMostLinks) break;
    shown.links.push_back(presentable(link));
  }
  return shown;
}

std::string headline(Notice const& notice) {
  std::string_view mark = "\xE2\x9C\x96";                            // ✖
  if (notice.severity == Severity::Warning) mark = "\xE2\x96\xB2";   // ▲
  if (notice.severity == Severity::Info) mark = "\xE2\x97\x8F";      // ●
  if (notice.moment == Moment::Acknowledged) mark = "\xE2\x97\x8B";  // ○
  if (notice.moment == Moment::Recovered) mark = "\xE2\x9C\x94";     // ✔
  return fmt::format("{} {}", mark, notice.title);
}

std::vector<Line> lines_of(Notice const& notice) {
  std::vector<Line> lines;
  for (auto const& line : {Line{"cause", "Cause", notice.cause}, Line{"impact", "Impact", notice.impact},
                           Line{"heals", "Heals itself", notice.heals}, Line{"next", "Next", notice.next}})
    if (!line.text.empty()) lines.push_back(line);
  return lines;
}

}  // namespace weir::alert
