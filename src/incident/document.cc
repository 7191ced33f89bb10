#include "incident/document.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::incident {
namespace {

// On one line, with what Markdown would take for markup escaped. Underscores within words are none.
std::string md(std::string const& text) {
  std::string out;
  for (char const c : text) {
    if (c == '\n' || c == '\r' || c == '\t') {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      if (c == '\\' || c == '`' || c == '*' || c == '[' || c == ']' || c == '|') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string html(std::string const& text) {
  std::string out;
  for (char const c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string links(std::vector<std::int64_t> const& events, bool as_html) {
  std::string out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    bool const is_range = i + 2 < events.size() && events[i + 2] == events[i] + 2;
    std::size_t last = i;
    if (is_range)
      while (last + 1 < events.size() && events[last + 1] == events[last] + 1) ++last;
    auto link = [as_html](std::int64_t seq) {
      return as_html ? fmt::format("<a href=\"#e{0}\">e{0}</a>", seq) : fmt::format("[e{0}](#e{0})", seq);
    };
    out += " " + link(events[i]);
    if (is_range) out += (as_html ? "&ndash;" : "–") + link(events[last]), i = last;
  }
  return out;
}

// A fence that is longer than any run of backticks in the text.
std::string fence(std::string const& text) {
  std::size_t longest = 2, run = 0;
  for (char const c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(longest + 1, '`');
}

std::string ended(std::string const& text) {
  return text.empty() || text.ends_with('\n') ? text : text + "\n";
}

struct Markdown {
  std::string out;

  void operator()(Heading const& heading) {
    out += fmt::format("{} {}\n\n", std::string(static_cast<std::size_t>(heading.level), '#'), md(heading.text));
  }
  void operator()(Line const& line) { out += md(line.text) + links(line.events, false) + "\n\n"; }
  void operator()(Table const& table) {
    out += row(table.header);
    out += "|";
    for (std::size_t i = 0; i < table.header.size(); ++i) out += "---|";
    out += "\n";
    for (auto const& one : table.rows) out += row(one);
    out += "\n";
  }
  void operator()(List const& list) {
    for (auto const& line : list.lines)
      out += fmt::format("- {}{}{}\n", list.kind == List::Kind::Tasks ? "[ ] " : "", md(line.text),
                         links(line.events, false));
    out += "\n";
  }
  void operator()(Verbatim const& part) {
    std::string const mark = fence(part.text);
    out += mark + "\n" + ended(part.text) + mark + "\n\n";
  }
  void operator()(EventList const& list) {
    for (auto const& line : list.lines)
      out += fmt::format("- <a id=\"e{0}\"></a>e{0} {1}\n", line.events.at(0), md(line.text));
    out += "\n";
  }

  static std::string row(std::vector<std::string> const& cells) {
    std::string text = "|";
    for (auto const& cell : cells) text += fmt::format(" {} |", md(cell));
    return text + "\n";
  }
};

struct Html {
  std::string out;

  void operator()(Heading const& heading) {
    out += fmt::format("<h{0}>{1}</h{0}>\n", heading.level, html(heading.text));
  }
  void operator()(Line const& line) { out += fmt::format("<p>{}{}</p>\n", html(line.text), links(line.events, true)); }
  void operator()(Table const& table) {
    out += "<table>\n<tr>";
    for (auto const& cell : table.header) out += fmt::format("<th>{}</th>", html(cell));
    out += "</tr>\n";
    for (auto const& one : table.rows) {
      out += "<tr>";
      for (auto const& cell : one) out += fmt::format("<td>{}</td>", html(cell));
      out += "</tr>\n";
    }
    out += "</table>\n";
  }
  void operator()(List const& list) {
    out += "<ul>\n";
    for (auto const& line : list.lines)
      out += fmt::format("<li>{}{}{}</li>\n", list.kind == List::Kind::Tasks ? "&#9744; " : "", html(line.text),
                         links(line.events, true));
    out += "</ul>\n";
  }
  void operator()(Verbatim const& part) { out += fmt::format("<pre>{}</pre>\n", html(part.text)); }
  void operator()(EventList const& list) {
    out += "<ul class=\"events\">\n";
    for (auto const& line : list.lines)
      out += fmt::format("<li id=\"e{0}\">e{0} {1}</li>\n", line.events.at(0), html(line.text));
    out += "</ul>\n";
  }
};

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #8888;padding:.25rem .6rem;text-align:left}"
    "pre{overflow:auto;border:1px solid #8888;padding:.6rem;font-size:.85rem}.events{font-size:.85rem}"
    "a{font-size:.8em}@media print{pre{white-space:pre-wrap}}";

}  // namespace

std::string to_markdown(Document const& document) {
  Markdown writer;
  for (auto const& block : document) std::visit(writer, block);
  while (writer.out.ends_with("\n\n")) writer.out.pop_back();
  return std::move(writer.out);
}

std::string to_html(Document const& document, std::string const& title) {
  Html writer;
  for (auto const& block : document) std::visit(writer, block);
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>{}</style>\n"
      "</head>\n<body>\n{}</body>\n</html>\n",
      html(title), kStyle, writer.out);
}

}  // namespace weir::incident
