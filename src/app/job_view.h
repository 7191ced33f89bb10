#pragma once
// Jobs, attempts and events as people read them, from the API's JSON. Pure.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "app/terminal.h"

namespace weir::app {

// One line: job 12 (nightly) succeeded after 2 attempts in 3 min 4 s
std::string job_line(nlohmann::ordered_json const& job, Terminal const& terminal);
std::string job_table(nlohmann::ordered_json const& jobs, Terminal const& terminal);
// All of one: its attempts with their errors, and what comes next.
std::string job_page(nlohmann::ordered_json const& job, Terminal const& terminal);
std::string event_line(nlohmann::ordered_json const& event);

}  // namespace weir::app
