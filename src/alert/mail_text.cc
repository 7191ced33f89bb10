#include <array>

#include <fmt/format.h>

#include "alert/render.h"
#include "alert/text.h"
#include "base/base64.h"
#include "base/digest.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::alert {
namespace {

constexpr std::size_t kMostOfWord = 42;  // bytes of an encoded word, so that its line stays below 76
constexpr std::size_t kMostOfLine = 75;  // of quoted-printable, without its soft end
constexpr std::size_t kMostOfSubject = 200;

bool is_plain_header(std::string_view text) {
  for (char const c : text)
    if (c < 0x20 || c > 0x7e) return false;
  return text.find("=?") == std::string_view::npos && text.size() <= 66;
}

// A header's text: as it is, or as encoded words (RFC 2047), each of whole characters, on lines of their own.
std::string header_text(std::string_view text) {
  if (is_plain_header(text)) return std::string(text);
  std::string out, word;
  auto const end_word = [&] {
    out += fmt::format("{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ", base64(word));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    auto const character = next_character(text, at);
    if (word.size() + character.size() > kMostOfWord) end_word();
    word += character;
  }
  end_word();
  return out;
}

// Mon, 02 Jan 2006 15:04:05 +0000
std::string date_text(Instant at) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const day = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day const date(day);
  std::chrono::hh_mm_ss const time(std::chrono::floor<std::chrono::seconds>(at - day));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

// RFC 2045, 6.7. Lines of `text` end with \n. None of what comes out begins like a boundary.
std::string quoted_printable(std::string_view text) {
  std::string out, line;
  auto const add = [&](std::string_view part) {
    if (line.size() + part.size() > kMostOfLine) {
      out += line + "=\r\n";
      line.clear();
    }
    line += line.empty() && part == "-" ? "=2D" : part;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    bool const ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    if (c == '\n') {
      out += line + "\r\n";
      line.clear();
    } else if ((c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !ends_line)) {
      add(std::string_view(&text[i], 1));
    } else {
      add(fmt::format("={:02X}", static_cast<unsigned char>(c)));
    }
  }
  return out + line + (line.empty() ? "" : "\r\n");
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\n')
      out += "<br>\n";
    else
      out += c;
  }
  return out;
}

std::string foot_of(Notice const& notice) {
  return fmt::format("{}, {}, {} UTC", notice.source, notice.incident, utc_text(notice.at));
}

std::string plain_text(Notice const& notice) {
  std::string text = headline(notice) + "\n\n";
  for (auto const& line : lines_of(notice)) text += fmt::format("{}: {}\n", line.label, line.text);
  if (!notice.links.empty()) text += "\n";
  for (auto const& link : notice.links)
    text += fmt::format("{}: {}\n", link.text, link.url.empty() ? link.command : link.url);
  return text + "\n-- \n" + foot_of(notice) + "\n";
}

std::string html_text(Notice const& notice) {
  std::string text = fmt::format("<html><body>\n<p><b>{}</b></p>\n<table>\n", html_escaped(headline(notice)));
  for (auto const& line : lines_of(notice))
    text += fmt::format("<tr><td valign=\"top\"><b>{}</b></td><td>{}</td></tr>\n", line.label, html_escaped(line.text));
  text += "</table>\n";
  for (auto const& link : notice.links) {
    if (link.url.empty())
      text += fmt::format("<p>{}: <code>{}</code></p>\n", html_escaped(link.text), html_escaped(link.command));
    else
      text += fmt::format("<p><a href=\"{}\">{}</a></p>\n", html_escaped(link.url), html_escaped(link.text));
  }
  return text + fmt::format("<p><small>{}</small></p>\n</body></html>\n", html_escaped(foot_of(notice)));
}

// <...@domain of the sender>: an id that holds nothing that a header could break on.
std::string message_id(std::string_view text, std::string_view from) {
  auto const at = from.find('@');
  return fmt::format("<{}@{}>", sha256_hex(text).substr(0, 32),
                     at == std::string_view::npos ? "weir" : from.substr(at + 1));
}

std::string part(std::string_view type, std::string_view text) {
  return fmt::format("Content-Type: {}; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}", type,
                     quoted_printable(text));
}

}  // namespace

std::string mail_message(Notice const& any, std::string_view from, std::vector<std::string> const& to) {
  Notice const notice = presentable(any);
  auto const id = message_id("notice " + notice.id, from), thread = message_id("incident " + notice.incident, from);
  auto const boundary = "weir-" + sha256_hex(notice.id + notice.incident).substr(0, 32);
  std::string head =
      fmt::format("From: weir <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: {}\r\n", from,
                  join(to, ",\r\n "), header_text(cut(headline(notice), kMostOfSubject)), date_text(notice.at), id);
  head += fmt::format("In-Reply-To: {0}\r\nReferences: {0}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
                      thread);
  return head + fmt::format(
                    "Content-Type: multipart/alternative;\r\n "
                    "boundary=\"{0}\"\r\n\r\n--{0}\r\n{1}\r\n--{0}\r\n{2}\r\n--{0}--\r\n",
                    boundary, part("text/plain", plain_text(notice)), part("text/html", html_text(notice)));
}

}  // namespace weir::alert
