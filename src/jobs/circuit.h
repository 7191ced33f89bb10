#pragma once
// A circuit for each endpoint, over all jobs, so that one that is down is not asked by everybody who needs it. It opens
// once five attempts within a minute have not reached the endpoint. Jobs that need it then wait, which uses up none of
// their attempts; when a pause is over, one attempt is let through, and what it meets closes the circuit or makes the
// next pause twice as long. Pure: the store keeps circuits. Rules: ADR 0027.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/job.h"

namespace weir::jobs {

struct CircuitRules {
  std::size_t failures = 5;
  Duration within = std::chrono::seconds(60);
  Duration first_pause = std::chrono::seconds(30), longest_pause = std::chrono::minutes(5);
};

CircuitRules circuit_rules();  // these; shorter pauses where a test wants them (base/test_hooks.h)

struct Circuit {
  std::string endpoint;
  std::vector<Instant> failures = {};  // the latest attempts that did not reach it, oldest first; never empty when open
  std::optional<Instant> opened_at = {};  // nothing: closed
  Instant since{};                        // the first of the failures that opened it
  Duration pause{};                       // from one try to the next
  Instant next_try{};
  std::int64_t probe = 0, job = 0;  // the token of the attempt that tries it, and its job; 0: none does

  bool is_open() const { return opened_at.has_value(); }
};

// Of an open one, for people: since when, and what happens next. The same text until something changes.
std::string circuit_text(Circuit const& circuit, Instant now);
std::string circuit_text_begin(std::string const& endpoint);  // what it always begins with
// Why an attempt that needs the endpoint does not begin, in the same words; "" = it may: the circuit is closed, or this
// is the next try.
std::string why_wait(Circuit const& circuit, Instant now);

// What an attempt that ended found where it looked for the endpoint.
enum class Met { Endpoint, Nothing, Unknown };  // Unknown: it did not get there, or could not say
Met met_by(AttemptEnd const& end, std::string const& endpoint);

// The attempt has ended: what that says of the endpoint. `began`: an attempt that began before the latest failure may
// have met an endpoint that answered no more soon after; but the one that tries it decides.
enum class CircuitChange { None, Opened, Closed };
CircuitChange after_attempt(Circuit& circuit, Met met, std::int64_t token, Instant began, Instant now,
                            CircuitRules const& rules);

}  // namespace weir::jobs
