#pragma once
// What is told: one thing that happened to an incident, neutral of the channels that it goes through. Who makes it
// knows incidents and jobs; who sends it knows neither. A value; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::alert {

enum class Moment { Opened, Changed, Acknowledged, Recovered, Test };
std::string_view moment_name(Moment moment);  // "opened", ...

enum class Severity { Critical, Error, Warning, Info };
std::string_view severity_name(Severity severity);  // "critical", ...: PagerDuty's words

struct Link {
  std::string text;          // "job 1842", or what a command is for
  std::string url = {};      // http or https; or
  std::string command = {};  // "weir logs 1842"
};

struct Notice {
  std::string id = {};        // of this thing told; the same for every try and channel: receivers tell repeats by it
  std::string incident = {};  // of all that is told about one incident: weir-<instance>-i37
  Moment moment = Moment::Opened;
  Severity severity = Severity::Error;
  std::string source = {};  // who says it: the project, or this weir's name
  // A line each; "" is left out. Any text that came from a database or a file may stand in them: channels mask secrets,
  // mend what is no UTF-8 and cut what is too long.
  std::string title = {};   // orders is 3 h 10 m late: nightly #1842 failed on attempt 3 of 5
  std::string cause = {};   // column "custmer_id" does not exist (models/marts/orders.sql:18)
  std::string impact = {};  // 7 models, 3 dashboards at 06:10 data
  std::string heals = {};   // no: an error in a model
  std::string next = {};    // correct the model, then weir retry 1842
  std::vector<Link> links = {};
  Instant at = {};
  // A JSON object for programs, with Airbyte's field names (jobId, connection, recordsCommitted, errorMessage, ...);
  // "" is none.
  std::string data = {};
};

// As an outbox keeps it: one line of JSON.
std::string to_json(Notice const& notice);
// Errors: Data (no notice of this version).
Result<Notice> from_json(std::string_view text);

}  // namespace weir::alert
