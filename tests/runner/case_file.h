#pragma once
// A case file: what it is for, then sections in the order in which they are carried out. tests/README.md has the
// format. The file is its own expectation: a run gives the same sections with the bodies that really came, and a case
// passes when both are the same text. Values; any thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::cases {

struct Section {
  std::string header;  // without "== "
  std::string body;    // whole lines
  int line = 0;        // of the header

  // The header's words: {"sql", "expect", "as", "bi"}.
  std::vector<std::string> words() const;
};

struct CaseFile {
  std::string name;  // sync/incident
  std::string why;
  std::map<std::string, std::string> settings;  // roles, needs, labels, timeout_s
  std::string preamble;                         // everything above the first section, as it stands
  std::vector<Section> sections;

  std::vector<std::string> list_of(std::string const& setting) const;  // "a, b" as parts
};

// Error: Config, with the line.
Result<CaseFile> parse_case(std::string name, std::string_view text);
// One layout for all: an empty line before each section but an expectation; empty lines at a body's end do not count.
std::string write_case(CaseFile const& file);
// Whether the section says what is expected of the one before it: expect, stdout, stderr.
bool is_expectation(Section const& section);

// A section body `QUERY / ---- / expected lines` in two; the second is empty where there is no line of dashes.
struct Expectation {
  std::string input;
  std::string expected;
  bool has_expected = false;
};
Expectation split_expectation(std::string_view body);
std::string join_expectation(Expectation const& expectation);

// Lines that differ, in the usual unified form with three lines of context. Empty where the texts are equal.
std::string unified_diff(std::string_view expected, std::string_view actual, std::string_view name);

}  // namespace weir::cases
