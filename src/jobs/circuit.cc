#include "jobs/circuit.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/test_hooks.h"
#include "base/time_text.h"

namespace weir::jobs {
namespace {

bool holds(std::vector<std::string> const& names, std::string const& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The failures that count from here on; a clock that was set back leaves none in the future.
void remember(Circuit& circuit, Instant now, CircuitRules const& rules) {
  std::erase_if(circuit.failures, [&](Instant at) { return at > now || now - at >= rules.within; });
  circuit.failures.push_back(now);
  if (circuit.failures.size() > rules.failures) circuit.failures.erase(circuit.failures.begin());
}

// The pause. One that is further away than it is long: the clock was set back.
bool is_over(Circuit const& circuit, Instant now) {
  return now >= circuit.next_try || circuit.next_try - now > circuit.pause;
}

}  // namespace

CircuitRules circuit_rules() {
  CircuitRules rules;
  if (auto const pause = test_circuit_pause(); pause.count() > 0) {
    rules.first_pause = pause;
    rules.longest_pause = 10 * pause;
  }
  return rules;
}

std::string circuit_text_begin(std::string const& endpoint) {
  return fmt::format("endpoint \"{}\" does not answer since ", endpoint);
}

std::string circuit_text(Circuit const& circuit, Instant now) {
  std::string next = "the next job that needs it tries it";
  if (circuit.probe != 0) {
    next = fmt::format("job {} tries it now", circuit.job);
  } else if (!is_over(circuit, now)) {
    next = fmt::format("the next try is at {} UTC", utc_text(circuit.next_try));
  }
  return fmt::format("{}{} UTC; {}", circuit_text_begin(circuit.endpoint), utc_text(circuit.since), next);
}

std::string why_wait(Circuit const& circuit, Instant now) {
  bool const may_begin = !circuit.is_open() || (circuit.probe == 0 && is_over(circuit, now));
  return may_begin ? std::string() : circuit_text(circuit, now);
}

Met met_by(AttemptEnd const& end, std::string const& endpoint) {
  if (holds(end.unreachable, endpoint)) return Met::Nothing;
  return holds(end.reached, endpoint) ? Met::Endpoint : Met::Unknown;
}

CircuitChange after_attempt(Circuit& circuit, Met met, std::int64_t token, Instant began, Instant now,
                            CircuitRules const& rules) {
  bool const was_open = circuit.is_open();
  bool const was_probe = was_open && circuit.probe == token;
  if (was_probe) circuit.probe = circuit.job = 0;
  switch (met) {
    case Met::Unknown:
      if (was_probe) circuit.next_try = now + circuit.pause;
      return CircuitChange::None;
    case Met::Endpoint:
      if (!was_probe && !circuit.failures.empty() && began <= circuit.failures.back()) return CircuitChange::None;
      circuit = Circuit{.endpoint = circuit.endpoint};
      return was_open ? CircuitChange::Closed : CircuitChange::None;
    case Met::Nothing:
      remember(circuit, now, rules);
      if (was_probe) {
        circuit.pause = std::min(circuit.pause * 2, rules.longest_pause);
        circuit.next_try = now + circuit.pause;
      }
      if (was_open || circuit.failures.size() < rules.failures) return CircuitChange::None;
      circuit.opened_at = now;
      circuit.since = circuit.failures.front();
      circuit.pause = rules.first_pause;
      circuit.next_try = now + circuit.pause;
      return CircuitChange::Opened;
  }
  return CircuitChange::None;
}

}  // namespace weir::jobs
