// weir config check, show, schema.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "base/text.h"
#include "jobs/scheduler.h"

namespace weir::app {

namespace {

// Both files, and the schedules in them.
Result<config::Config const*> checked_config(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const scheduler, jobs::Scheduler::make(config->jobs));
  return config;
}

}  // namespace

Result<int> run_config_check(Context& context) {
  auto config = checked_config(context);
  if (context.format() == Format::Json) {
    nlohmann::ordered_json json{{"valid", config.ok()}};
    if (!config.ok()) json["error"] = config.error().to_json();
    if (config.ok()) {
      json["connections"] = (*config)->connections.size();
      json["jobs"] = (*config)->jobs.size();
      json["alerts"] = (*config)->alerts.size();
      json["endpoints"] = (*config)->endpoints.size();
      json["warnings"] = (*config)->warnings;
    }
    write_json(json);
    return config.ok() ? 0 : exit_code(config.error().kind());
  }
  if (!config.ok()) return std::move(config).error();
  auto const& known = **config;
  std::size_t patterns = 0;
  for (auto const& [name, connection] : known.connections) patterns += connection.tables.size();
  std::string more = known.jobs.empty() ? "" : plural(known.jobs.size(), "job") + ", ";
  if (!known.alerts.empty()) more += plural(known.alerts.size(), "alert") + ", ";
  write_out(fmt::format("ok: {}, {}, {}{} in {}\n", plural(known.connections.size(), "connection"),
                        plural(patterns, "table pattern"), more, plural(known.endpoints.size(), "endpoint"),
                        known.root.string()));
  return 0;
}

Result<int> run_config_show(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  std::string const only = context.arguments().positionals.empty() ? "" : context.arguments().positionals[0];
  auto wanted = [&only](config::Setting const& setting) {
    return only.empty() || setting.path == only || setting.path.starts_with(only + ".");
  };
  TextTable table({"setting", "value", "origin"});
  TextTable plain({"setting", "value"});
  auto json = nlohmann::ordered_json::array();
  std::vector<std::string> parts;
  for (auto const& setting : config->settings) {
    parts.push_back(setting.path);
    for (auto dot = setting.path.rfind('.'); dot != std::string::npos && dot > 0;
         dot = setting.path.rfind('.', dot - 1))
      parts.push_back(setting.path.substr(0, dot));
    if (!wanted(setting)) continue;
    table.add({setting.path, setting.value, setting.origin});
    plain.add({setting.path, setting.value});
    json.push_back({{"setting", setting.path}, {"value", setting.value}, {"origin", setting.origin}});
  }
  if (json.empty() && !only.empty()) {
    std::sort(parts.begin(), parts.end());
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
    std::string next = did_you_mean(only, parts);
    return Error(ErrorKind::Usage, fmt::format("there is no setting \"{}\"", only))
        .next(next.empty() ? "weir config show lists all" : next);
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else {
    write_out((context.arguments().has("origin") ? table : plain).text(context.terminal()));
  }
  return 0;
}

Result<int> run_config_schema(Context& context) {
  if (context.arguments().has("reference")) {
    write_out(config::reference_page());
    return 0;
  }
  std::string const file = context.arguments().positionals.empty() ? "weir" : context.arguments().positionals[0];
  if (file != "weir" && file != "endpoints" && file != "weir.yml" && file != "endpoints.yml")
    return Error(ErrorKind::Usage, fmt::format("there is no schema of \"{}\"", file)).next("it is weir or endpoints");
  write_out(file.starts_with("weir") ? config::weir_schema() : config::endpoints_schema());
  return 0;
}

}  // namespace weir::app
