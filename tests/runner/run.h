#pragma once
// Carries a case out. Thread-safe: cases share only the Site.

#include <string>
#include <vector>

#include "runner/case_file.h"
#include "runner/world.h"

namespace weir::cases {

enum class Verdict { Passed, Failed, Skipped };

struct Outcome {
  Verdict verdict = Verdict::Failed;
  std::string problem;      // why it failed beside differing text, or why it was skipped
  std::string actual;       // the case file as this run would write it
  bool acceptable = false;  // `actual` may become the expectation: nothing crashed, hung or leaked
  int variants = 1;         // fault points and permutations that were run
};

// `workers`: how many of a case's variants run side by side.
Outcome run_case(Site const& site, CaseFile const& file, int workers);

// Carries sections out, one after another, in one World. Broken: what no expectation may accept.
struct Broken {
  std::string what;
  int line = 0;
};
struct Carried {
  std::vector<Section> sections;  // with the bodies that really came
  std::vector<Broken> broken;
};
Carried carry_out(World& world, std::vector<Section> const& sections);

}  // namespace weir::cases
