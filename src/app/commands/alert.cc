// weir alert ls, test.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alert/send.h"
#include "app/checks.h"
#include "app/commands/commands.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::string occasions_text(config::Alert const& alert) {
  std::vector<std::string> names;
  for (auto const occasion : alert.on) names.emplace_back(config::occasion_name(occasion));
  return join(names, ", ");
}

std::vector<std::string> jobs_of(config::Config const& config, std::string const& alert) {
  std::vector<std::string> names;
  for (auto const& [name, job] : config.jobs)
    if (job.alert == alert) names.push_back(name);
  return names;
}

bool is_used(config::Config const& config, std::string const& channel) {
  if (channel == config.heartbeat.to) return true;
  return std::any_of(config.alerts.begin(), config.alerts.end(), [&](auto const& named) {
    auto const& to = named.second.to;
    return std::find(to.begin(), to.end(), channel) != to.end();
  });
}

Error no_alert(config::Config const& config, std::string const& name) {
  std::vector<std::string> known;
  for (auto const& [one, alert] : config.alerts) known.push_back(one);
  std::string next = did_you_mean(name, known);
  if (next.empty())
    next = known.empty() ? "weir.yml has none: add one under alerts:, weir help alerts shows how"
                         : fmt::format("weir.yml has: {}", join(known, ", "));
  return Error(ErrorKind::Usage, fmt::format("alert \"{}\" does not exist", name)).object(name).next(std::move(next));
}

// Channels of the alerts that the command names, each once; where it names none, of all alerts, and the heartbeat's.
Result<std::vector<config::Channel const*>> chosen_channels(Context& context, config::Config const& config) {
  std::vector<std::string> names = context.arguments().positionals;
  std::vector<config::Channel const*> chosen;
  if (names.empty()) {
    for (auto const& [name, alert] : config.alerts) names.push_back(name);
    if (!config.heartbeat.to.empty()) chosen.push_back(&config.channels.at(config.heartbeat.to));
  }
  if (names.empty() && chosen.empty())
    return Error(ErrorKind::Usage, "weir.yml has no alert")
        .next("add one under alerts:, and its channels to endpoints.yml; weir help alerts shows how");
  for (auto const& name : names) {
    auto const alert = config.alerts.find(name);
    if (alert == config.alerts.end()) return no_alert(config, name);
    for (auto const& to : alert->second.to) {
      auto const* channel = &config.channels.at(to);
      if (std::find(chosen.begin(), chosen.end(), channel) == chosen.end()) chosen.push_back(channel);
    }
  }
  return chosen;
}

alert::Notice test_notice(config::Config const& config) {
  auto const now = system_clock().now();
  std::string const source = config.root.filename().string();
  std::string const id = fmt::format("weir-{}-test-{}", source, now.time_since_epoch().count());
  return {.id = id,
          .incident = id,
          .moment = alert::Moment::Test,
          .severity = alert::Severity::Info,
          .source = source,
          .title = "a test: weir can reach this channel",
          .cause = "somebody said weir alert test",
          .impact = "none: nothing is wrong",
          .heals = "",
          .next = "nothing to do",
          .links = {{.text = "who is told of what", .command = "weir alert ls"}},
          .at = now};
}

Check told(config::Config const& config, config::Channel const& channel, alert::Notice const& notice,
           Context& context) {
  std::string const subject = fmt::format("{} {}", config::channel_kind_name(channel.kind), channel.name);
  auto const delivered = alert::send(config, channel, notice, {system_clock(), context.interrupt().token()});
  if (!delivered.error) {
    std::string const found = fmt::format("{} took the message", delivered.to);
    if (delivered.note.empty()) return {Check::Health::Ok, subject, found, {}, 0};
    return {Check::Health::Warning, subject, fmt::format("{}; {}", found, delivered.note), {}, 0};
  }
  if (context.format() == Format::Json) return failed_check(subject, *delivered.error);
  write_err(delivered.error->to_text() + "\n");
  return {Check::Health::Failure, subject, delivered.error->message(), {}, exit_code(delivered.error->kind())};
}

}  // namespace

Result<int> run_alert_ls(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  TextTable table({"alert", "channel", "kind", "on", "jobs"});
  Json json = Json::array();
  for (auto const& [name, alert] : config->alerts) {
    auto const jobs = jobs_of(*config, name);
    Json channels = Json::array();
    for (auto const& to : alert.to) {
      auto const kind = config::channel_kind_name(config->channels.at(to).kind);
      table.add({name, to, std::string(kind), occasions_text(alert), join(jobs, ", ")});
      channels.push_back(Json{{"name", to}, {"kind", kind}});
    }
    Json on = Json::array();
    for (auto const occasion : alert.on) on.push_back(config::occasion_name(occasion));
    json.push_back(Json{{"name", name},
                        {"channels", std::move(channels)},
                        {"on", std::move(on)},
                        {"jobs", jobs},
                        {"place", alert.place.text()}});
  }
  if (context.format() == Format::Json) {
    write_json(json);
  } else if (table.empty()) {
    log_info("weir.yml has no alert; weir help alerts shows how to add one");
  } else {
    write_out(table.text(context.terminal()));
  }
  for (auto const& [name, channel] : config->channels)
    if (!is_used(*config, name)) log_info("no alert names channel \"{}\" ({})", name, channel.place.text());
  return 0;
}

Result<int> run_alert_test(Context& context) {
  WEIR_TRY(auto const* config, context.config());
  WEIR_TRY(auto const channels, chosen_channels(context, *config));
  auto const notice = test_notice(*config);
  std::vector<Check> checks;
  for (auto const* channel : channels) {
    if (context.interrupt().asked()) return Error(ErrorKind::Cancelled, "stopped");
    checks.push_back(told(*config, *channel, notice, context));
  }
  write_out(context.format() == Format::Json ? checks_json(checks).dump(2) + "\n"
                                             : checks_text(checks, context.terminal()));
  return checks_status(checks);
}

}  // namespace weir::app
