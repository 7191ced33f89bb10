#pragma once
// What a command did to tables and models is told where the history of jobs is kept: by the job that it is a step of,
// or to the state itself where somebody ran it by hand. A project without a state has no history, and nothing is told.

#include <filesystem>
#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "app/command.h"
#include "project/profile.h"

namespace weir::app {

// A sync's report. That it cannot be told is a line in the log, and changes nothing of the command.
void tell_sync(Context& context, nlohmann::ordered_json report);
// A dbt run's lines, one for each node; `report` is called where they are told. By hand, it counts where `target` is a
// warehouse of the weir.yml in the dbt project's `folder` or the nearest above it.
void tell_dbt(Context& context, std::filesystem::path const& folder, project::Target const& target,
              std::function<nlohmann::ordered_json()> const& report);

}  // namespace weir::app
