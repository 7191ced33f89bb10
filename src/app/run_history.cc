#include "app/run_history.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/job_state.h"
#include "app/step_channel.h"
#include "app/wiring.h"
#include "base/log.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

bool has_state(config::Config const& config) {
  std::error_code failed;
  return !config.state_endpoint.empty() || std::filesystem::exists(config.state_folder / "state.db", failed);
}

Status tell(Context& context, Json report) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_DO(state.post("/api/v1/reports", Json{{"report", std::move(report)}}));
  return {};
}

void tell_or_say(Context& context, Json report) {
  auto const told = tell(context, std::move(report));
  if (!told.ok())
    log_info("warning: the history of jobs does not know of this run, and may call what it made older than it is: {}",
             told.error().message());
}

std::string parameter(pg::SessionOptions const& options, std::string_view name) {
  for (auto const& [key, value] : options.parameters)
    if (key == name) return value;
  return {};
}

bool is_warehouse_of(config::Config const& config, project::Target const& target) {
  return std::any_of(config.endpoints.begin(), config.endpoints.end(), [&](auto const& one) {
    if (!one.second.is_warehouse) return false;
    auto const options = session_options(config, one.second);
    if (!options.ok()) return false;
    auto const port = parameter(*options, "port");
    return parameter(*options, "host") == target.host && parameter(*options, "dbname") == target.database &&
           (port.empty() ? "5432" : port) == std::to_string(target.port);
  });
}

}  // namespace

void tell_sync(Context& context, Json report) {
  report["type"] = "sync";
  if (is_step()) return report_step(report);
  auto const config = context.config();
  if (config.ok() && has_state(**config)) tell_or_say(context, std::move(report));
}

void tell_dbt(Context& context, std::filesystem::path const& folder, project::Target const& target,
              std::function<Json()> const& report) {
  auto const typed = [&report] {
    auto made = report();
    made["type"] = "dbt";
    return made;
  };
  if (is_step()) return report_step(typed());
  Arguments there;
  there.options["project-dir"] = {folder.string()};
  Context inside(std::move(there), context.terminal(), context.interrupt());
  auto const config = inside.config();
  if (config.ok() && has_state(**config) && is_warehouse_of(**config, target)) tell_or_say(inside, typed());
}

}  // namespace weir::app
