#pragma once
// A plan and a report of the loading engine as a person wants to read them: one line a table, details where something
// is unusual. The engine's own explain and report texts (with -v) say everything.

#include <string>

#include "app/terminal.h"
#include "sync/sync.h"

namespace weir::app {

std::string plan_view(sync::SyncPlan const& plan, Terminal const& terminal);
std::string report_view(sync::SyncReport const& report, Terminal const& terminal);

// "2 views, 1 materialized view": dependents counted by kind.
std::string dependents_by_kind(std::vector<swap::Dependent> const& dependents);

}  // namespace weir::app
