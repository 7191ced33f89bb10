// weir doctor: everything that a first sync needs, one line a check.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/send.h"
#include "app/checks.h"
#include "app/commands/commands.h"
#include "base/text.h"
#include "odbc/drivers.h"
#include "pg/private_cluster.h"

namespace weir::app {
namespace {

Check check_server_programs() {
  auto const found = pg::find_server_programs();
  if (found.empty())
    return Check{Check::Health::Warning, "demo",
                 "no PostgreSQL server is installed on this machine: weir demo needs one, nothing else does",
                 "apt install postgresql", 0};
  return Check{
      Check::Health::Ok, "demo", fmt::format("PostgreSQL server programs in {}", found.front().string()), {}, 0};
}

Check check_driver() {
  auto driver = odbc::choose_sqlserver_driver("");
  if (!driver.ok()) return failed_check("driver", driver.error());
  return Check{Check::Health::Ok, "driver", fmt::format("SQL Server by ODBC: {}", *driver), {}, 0};
}

Check check_channel(config::Config const& config, config::Channel const& channel) {
  std::string const subject = "channel " + channel.name;
  auto const done = alert::check(config, channel);
  if (!done.ok()) return failed_check(subject, done.error());
  return {Check::Health::Ok,
          subject,
          fmt::format("{}; weir alert test shows whether it arrives", config::channel_kind_name(channel.kind)),
          {},
          0};
}

bool reads_sqlserver(config::Config const& config) {
  return std::any_of(config.endpoints.begin(), config.endpoints.end(),
                     [](auto const& entry) { return entry.second.kind == config::EndpointKind::SqlServer; });
}

}  // namespace

Result<int> run_doctor(Context& context) {
  std::vector<Check> checks;
  auto config = context.config();
  if (!config.ok()) {
    checks.push_back(failed_check("config", config.error()));
    if (!config.error().where().empty())
      checks.back().found += " (" + split(config.error().where(), '\n').front() + ")";
  } else {
    checks.push_back(
        Check{Check::Health::Ok,
              "config",
              fmt::format("weir.yml and endpoints.yml: {}, {}", plural((*config)->connections.size(), "connection"),
                          plural((*config)->endpoints.size(), "endpoint")),
              {},
              0});
    if (reads_sqlserver(**config)) checks.push_back(check_driver());
    for (auto const& [name, endpoint] : (*config)->endpoints) {
      if (context.interrupt().asked()) return Error(ErrorKind::Cancelled, "stopped");
      auto found = check_endpoint(**config, endpoint);
      checks.insert(checks.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    auto state = check_state(**config);
    checks.insert(checks.end(), std::make_move_iterator(state.begin()), std::make_move_iterator(state.end()));
    for (auto const& [name, channel] : (*config)->channels) checks.push_back(check_channel(**config, channel));
  }
  checks.push_back(check_server_programs());
  write_out(context.format() == Format::Json ? checks_json(checks).dump(2) + "\n"
                                             : checks_text(checks, context.terminal()));
  return checks_status(checks) == 0 ? 0 : 1;
}

}  // namespace weir::app
