#pragma once
// Events as people tell them: what happened, one line each, in their order. Pure; any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/event.h"

namespace weir::incident {

struct StoryPart {
  Instant at{};
  std::string text;                  // "job 4544, attempt 1 failed (transient): ..."
  std::vector<std::int64_t> events;  // that it stands for
};

// What goes without saying is left out; tables and models that came out of one attempt well are one part.
std::vector<StoryPart> story(std::vector<jobs::Event> const& events);
// One event's line, or "" for what goes without saying.
std::string story_line(jobs::Event const& event);
// A table or model that is as new as it was to be.
bool is_refresh(jobs::Event const& event);

}  // namespace weir::incident
