#include "runner/normalize.h"

#include <regex>

#include "base/text.h"

namespace weir::cases {
namespace {

struct Rule {
  std::regex pattern;
  char const* replacement;
};

// In order: an earlier rule takes its text away from the later ones.
std::vector<Rule> const& rules() {
  static std::vector<Rule> const all = [] {
    std::vector<Rule> out;
    auto add = [&](char const* pattern, char const* replacement) {
      out.push_back({std::regex(pattern, std::regex::optimize), replacement});
    };
    add(R"(\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)", "<uuid>");
    // The day and the hashes of an incident's report.
    add(R"(^# \d{4}-\d\d-\d\d Incident)", "# <date> Incident");
    add(R"( \([0-9a-f]{12}\)$)", " (<hash>)");
    add(R"(\bweir-[0-9a-f]{8}-i(\d+))", "weir-<instance>-i$1");
    add(R"((-i\d+-recovered)-\d+)", "$1");
    // A date with a time of day; a date alone is data.
    add(R"(\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z|[+-]\d\d(:?\d\d)?)?)", "<time>");
    add(R"(\b\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?)", "<time>");
    add(R"(\b\d+ hours \d+ minutes and \d+\.\d+ seconds)", "<duration>");
    add(R"(\b\d+ (d|h|min) \d+ (h|min|s)\b)", "<duration>");
    add(R"(\b\d+(\.\d+)? ?(us|ms|s|min|h)\b(?!/))", "<duration>");
    add(R"(\b[\d,]+(\.\d+)? ?(k|M)?rows/s)", "<rate>");
    add(R"(\b\d+(\.\d+)? ?[kMG]?i?B/s)", "<rate>");
    add(R"(^(attempt \d+  \w.*  on )[\w.-]+(  began ))", "$1<host>$2");
    add(R"(\b(pid|process) \d+)", "$1 <pid>");
    add(R"(\b(oid|OID) \d+)", "$1 <oid>");
    add(R"((127\.0\.0\.1|localhost|\[::1\]|\blocal):\d+)", "$1:<port>");
    add(R"(\bport \d+)", "port <port>");
    add(R"(\bport: \d{5}\b)", "port: <port>");
    add(R"(\.s\.PGSQL\.\d+)", ".s.PGSQL.<port>");
    add(R"(\bweir \d+\.\d+\.\d+\S*)", "weir <version>");
    add(R"(\bPostgreSQL \d+(\.\d+)?(beta\d+|rc\d+)?( \([^)]*\))?)", "PostgreSQL <version>");
    return out;
  }();
  return all;
}

// One call of `line` for each line, with its end. std::regex's stack grows with the length of what it looks at: so line
// by line.
template <class Function>
void for_each_line(std::string_view text, Function line) {
  while (!text.empty()) {
    auto const end = text.find('\n');
    line(text.substr(0, end), end == std::string_view::npos ? "" : "\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

std::string normalize(std::string_view text, Replacements const& known) {
  std::string out(text);
  for (auto const& [from, to] : known) out = replace_all(std::move(out), from, to);
  std::string result;
  for_each_line(out, [&](std::string_view text_of_line, char const* line_end) {
    std::string line(text_of_line);
    for (auto const& rule : rules()) line = std::regex_replace(line, rule.pattern, rule.replacement);
    result += line + line_end;
  });
  return result;
}

std::string without_progress(std::string_view text) {
  static std::regex const progress(R"(\S+: \d+ of \d+ tables? done, \d+ running, [\d,]+ rows?, .*)");
  std::string result;
  for_each_line(text, [&](std::string_view line, char const* line_end) {
    if (!std::regex_match(line.begin(), line.end(), progress)) result.append(line).append(line_end);
  });
  return result;
}

}  // namespace weir::cases
