#include "sync/sync.h"

namespace weir::sync {

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::Waiting:
      return "waiting";
    case Phase::Planning:
      return "planning";
    case Phase::Rehearsing:
      return "rehearsing";
    case Phase::Reading:
      return "reading";
    case Phase::Proving:
      return "proving";
    case Phase::Publishing:
      return "publishing";
    case Phase::Done:
      return "done";
  }
  return "";
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::Published:
      return "published";
    case Outcome::Unchanged:
      return "unchanged";
    case Outcome::Held:
      return "held";
    case Outcome::Failed:
      return "failed";
    case Outcome::Skipped:
      return "skipped";
  }
  return "";
}

}  // namespace weir::sync
