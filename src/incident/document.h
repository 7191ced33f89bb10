#pragma once
// A text of headings, paragraphs, tables, lists and verbatim parts, as Markdown and as HTML. What it holds came from
// databases and logs: nothing of it is taken for markup. Pure; any thread.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace weir::incident {

// A line, and the events that it is told from: each a link to the event's own line.
struct Line {
  std::string text;
  std::vector<std::int64_t> events = {};
};

struct Heading {
  int level = 2;
  std::string text;
};
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
struct List {
  enum class Kind { Plain, Tasks } kind = Kind::Plain;
  std::vector<Line> lines;
};
struct Verbatim {
  std::string text;
};
// The events themselves: what the links lead to.
struct EventList {
  std::vector<Line> lines;  // each of one event
};

using Block = std::variant<Heading, Line, Table, List, Verbatim, EventList>;
using Document = std::vector<Block>;

std::string to_markdown(Document const& document);
// A whole page: no script, nothing from elsewhere, light and dark, fit to print.
std::string to_html(Document const& document, std::string const& title);

}  // namespace weir::incident
