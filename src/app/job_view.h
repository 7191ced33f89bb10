#pragma once
// Jobs, attempts and events as people read them, from the API's JSON. Pure.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "app/terminal.h"

namespace weir::app {

// A member that is an instant, as people read it: 2026-11-27 03:00:04; "" where there is none.
std::string shown_time(nlohmann::ordered_json const& json, char const* key);

// One line: job 12 (nightly) succeeded after 2 attempts in 3 min 4 s
std::string job_line(nlohmann::ordered_json const& job, Terminal const& terminal);
std::string job_table(nlohmann::ordered_json const& jobs, Terminal const& terminal);
// All of one: its attempts with their errors, and what comes next.
std::string job_page(nlohmann::ordered_json const& job, Terminal const& terminal);
std::string event_line(nlohmann::ordered_json const& event);

}  // namespace weir::app
