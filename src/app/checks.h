#pragma once
// What `weir endpoint test` and `weir doctor` look at: one line a check, with what was found and what to do.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/terminal.h"
#include "base/clock.h"
#include "config/config.h"

namespace weir::app {

struct Check {
  enum class Health { Ok, Warning, Failure };

  Health health = Health::Ok;
  std::string subject;  // "warehouse wh"
  std::string found;    // evidence
  std::string fix;      // the next step, where there is one
  int exit_status = 0;  // of the error behind a failure
};

// Logs in and looks at rights, version, encryption, clock. Never fails itself: what goes wrong is a Failure line.
std::vector<Check> check_endpoint(config::Config const& config, config::Endpoint const& endpoint);
// Where the state of jobs is, if it is in PostgreSQL: that it can be kept there. Nothing where it is a file.
std::vector<Check> check_state(config::Config const& config);

// "this machine's clock is 5 min ahead of that of the state's database"; "" where they agree to a minute.
std::string state_clock_apart(Instant state);
inline constexpr char const* kSetClocks =
    "set both clocks by the same time service: leases and schedules go by the database's, times in logs by this "
    "machine's";

std::string checks_text(std::vector<Check> const& checks, Terminal const& terminal);
nlohmann::ordered_json checks_json(std::vector<Check> const& checks);
// 0 if nothing failed; 1, or the status of the only error.
int checks_status(std::vector<Check> const& checks);
Check failed_check(std::string subject, Error const& error);

}  // namespace weir::app
