#pragma once
// What the API says about the state of the data and about incidents, for people.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "app/terminal.h"

namespace weir::app {

std::string status_view(nlohmann::ordered_json const& status, Terminal const& terminal);
std::string why_relation_view(nlohmann::ordered_json const& answer, Terminal const& terminal);
std::string why_job_view(nlohmann::ordered_json const& answer, Terminal const& terminal);
std::string impact_view(nlohmann::ordered_json const& answer, Terminal const& terminal);
std::string incident_table(nlohmann::ordered_json const& incidents, Terminal const& terminal);
std::string incident_page(nlohmann::ordered_json const& incident, Terminal const& terminal);

}  // namespace weir::app
