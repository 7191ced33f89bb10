#include "runner/case_file.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::cases {
namespace {

constexpr std::string_view kMark = "== ";
constexpr std::string_view kDashes = "----";
constexpr std::array<std::string_view, 4> kSettings = {"roles", "needs", "labels", "timeout_s"};

// Lines with their line ends; the last one may lack it.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    auto const end = text.find('\n');
    auto const size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

Error wrong(std::string const& name, int line, std::string message) {
  return Error(ErrorKind::Config, std::move(message)).where(fmt::format("tests/cases/{}.case:{}", name, line));
}

// A body's line that would read as a section header or as the line of dashes is written with a backslash before it.
std::string escape(std::string_view body) {
  std::string out;
  for (auto line : lines_of(body)) {
    if (line.starts_with(kMark) || line.starts_with("\\")) out += '\\';
    out += line;
  }
  return out;
}

// Blank lines at a body's end are layout, and every body ends with its line.
std::string without_blank_end(std::string text) {
  while (text.ends_with("\n\n") || text == "\n") text.pop_back();
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text;
}

}  // namespace

std::vector<std::string> Section::words() const {
  std::vector<std::string> out;
  for (auto& word : split(header, ' '))
    if (!word.empty()) out.push_back(std::move(word));
  return out;
}

std::vector<std::string> CaseFile::list_of(std::string const& setting) const {
  std::vector<std::string> out;
  auto const found = settings.find(setting);
  if (found == settings.end()) return out;
  for (auto const& part : split(found->second, ','))
    if (auto const word = trim(part); !word.empty()) out.emplace_back(word);
  return out;
}

Result<CaseFile> parse_case(std::string name, std::string_view text) {
  CaseFile file;
  file.name = std::move(name);
  int number = 0;
  for (auto line : lines_of(text)) {
    ++number;
    if (line.starts_with(kMark)) {
      file.sections.push_back({.header = std::string(trim(line.substr(kMark.size()))), .body = "", .line = number});
      if (file.sections.back().header.empty()) return wrong(file.name, number, "the section has no name");
      continue;
    }
    if (!file.sections.empty()) {
      file.sections.back().body += line.starts_with("\\") ? line.substr(1) : line;
      continue;
    }
    file.preamble += line;
    if (trim(line).empty() || line.starts_with("#")) continue;
    auto const colon = line.find(':');
    if (colon == std::string_view::npos)
      return wrong(file.name, number, "a line above the first section is not `key: value`");
    std::string const key(line.substr(0, colon));
    std::string value(trim(line.substr(colon + 1)));
    if (key == "why") {
      file.why = std::move(value);
    } else if (std::ranges::find(kSettings, key) != kSettings.end()) {
      file.settings[key] = std::move(value);
    } else {
      return wrong(file.name, number, fmt::format("there is no setting \"{}\"", key));
    }
  }
  if (file.why.empty()) return wrong(file.name, 1, "the case does not say why it is there (why: ...)");
  if (file.sections.empty()) return wrong(file.name, number, "the case has no section");
  return file;
}

bool is_expectation(Section const& section) {
  auto const verb = section.words()[0];
  return verb == "expect" || verb == "stdout" || verb == "stderr";
}

std::string write_case(CaseFile const& file) {
  std::string out = without_blank_end(file.preamble);
  for (auto const& section : file.sections) {
    if (!is_expectation(section) && !out.empty()) out += '\n';
    out += fmt::format("{}{}\n{}", kMark, section.header, without_blank_end(escape(section.body)));
  }
  return out;
}

Expectation split_expectation(std::string_view body) {
  Expectation out;
  for (auto line : lines_of(body)) {
    if (!out.has_expected && trim(line) == kDashes) {
      out.has_expected = true;
    } else {
      (out.has_expected ? out.expected : out.input) += line;
    }
  }
  return out;
}

std::string join_expectation(Expectation const& expectation) {
  if (!expectation.has_expected) return expectation.input;
  return fmt::format("{}{}\n{}", expectation.input, kDashes, expectation.expected);
}

namespace {

struct Edit {
  char kind;  // ' ', '-', '+'
  std::string_view line;
  std::size_t left, right;  // line numbers in both texts, from 1
};

// Longest common subsequence by table: case files are small. Equal beginnings and ends are taken off first.
std::vector<Edit> edits(std::vector<std::string_view> const& a, std::vector<std::string_view> const& b) {
  std::size_t begin = 0, end_a = a.size(), end_b = b.size();
  while (begin < end_a && begin < end_b && a[begin] == b[begin]) ++begin;
  while (end_a > begin && end_b > begin && a[end_a - 1] == b[end_b - 1]) --end_a, --end_b;
  std::size_t const rows = end_a - begin, columns = end_b - begin;
  std::vector<std::vector<unsigned>> common(rows + 1, std::vector<unsigned>(columns + 1, 0));
  for (std::size_t i = rows; i-- > 0;)
    for (std::size_t j = columns; j-- > 0;)
      common[i][j] =
          a[begin + i] == b[begin + j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<Edit> out;
  std::size_t i = 0, j = 0;
  auto add = [&](char kind, std::string_view line) { out.push_back({kind, line, i + 1, j + 1}); };
  while (i < a.size() || j < b.size()) {
    bool const in_middle = i >= begin && i < end_a && j >= begin && j < end_b;
    if (in_middle ? a[i] == b[j] : (i < begin || (i >= end_a && j >= end_b))) {
      add(' ', a[i]), ++i, ++j;
    } else if (j >= end_b ||
               (i < end_a && in_middle && common[i + 1 - begin][j - begin] >= common[i - begin][j + 1 - begin])) {
      add('-', a[i]), ++i;
    } else {
      add('+', b[j]), ++j;
    }
  }
  return out;
}

}  // namespace

std::string unified_diff(std::string_view expected, std::string_view actual, std::string_view name) {
  if (expected == actual) return "";
  constexpr std::size_t kContext = 3;
  auto const all = edits(lines_of(expected), lines_of(actual));
  std::string out = fmt::format("--- {0} (expected)\n+++ {0} (this run)\n", name);
  for (std::size_t i = 0; i < all.size();) {
    if (all[i].kind == ' ') {
      ++i;
      continue;
    }
    std::size_t const first = i < kContext ? 0 : i - kContext;
    std::size_t last = i, quiet = 0;  // one past the hunk's last edit
    for (std::size_t k = i; k < all.size() && quiet <= 2 * kContext; ++k) {
      quiet = all[k].kind == ' ' ? quiet + 1 : 0;
      if (quiet == 0) last = k + 1;
    }
    std::size_t const stop = std::min(all.size(), last + kContext);
    out += fmt::format("@@ -{} +{} @@\n", all[first].left, all[first].right);
    for (std::size_t k = first; k < stop; ++k) {
      out += all[k].kind;
      out += all[k].line;
      if (!out.ends_with('\n')) out += "\n\\ no line end\n";
    }
    i = stop;
  }
  return out;
}

}  // namespace weir::cases
