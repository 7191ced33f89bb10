#include "app/help.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "base/text.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

struct Topic {
  std::string_view name, summary, page;
};

constexpr Topic kTopics[] = {
    {"exit-codes", "what the exit status says",
     R"(Exit status

    0  done, or nothing to do
    1  ran to the end, and at least one table, check or comparison failed
    2  could not run: command line, configuration, or a bug of weir
    3  --exit-code was given and there is something to do
    4  login or permission refused
    5  source or warehouse could not be reached, or a lock was held: worth trying again
    6  refused, to protect data: held by the guard, or a dependent would break
  130  stopped by Ctrl-C
  143  stopped by SIGTERM

When tables fail for different reasons, the gravest one decides. weir dbt knows 0, 1 and 2 only, as dbt does.
)"},
    {"environment", "environment variables",
     R"(Environment

  WEIR_PROJECT_DIR       folder of weir.yml, as -C
  WEIR_COLOR             auto, always or never, as --color
  WEIR_STATE_DIR         folder of jobs, logs and events, before state.folder of weir.yml
  WEIR_ACTOR             who is named as having asked, where another program calls weir
  NO_COLOR               no colours; CLICOLOR_FORCE=1 forces them, TERM=dumb turns them off
  CREDENTIALS_DIRECTORY  where ${cred:NAME} is read (systemd sets it)
  DBT_PROFILES_DIR       where dbt_profile: looks first, and weir dbt
  DBT_PROJECT_DIR, DBT_TARGET, DBT_STATE, ...  as the options of weir dbt: DBT_ and the option's name; .env sets them too
  DBT_PACKAGE_HUB_URL    where weir dbt deps asks for packages

An option wins over the environment, the environment over the files.
)"},
    {"selectors", "how tables are named with -s and --exclude",
     R"(Selectors

  dbo.Country        one table, as the source calls it
  Country            the table of that name, in any schema
  dbo.*              all tables of a schema; * and ? as in a shell
  dbo.A,dbo.B        several; -s may also be repeated

A selector that matches nothing is an error that names the nearest tables.
)"},
    {"alerts", "how to be told when something goes wrong",
     R"(Alerts

  # endpoints.yml: where                        # weir.yml: who is told of what
  channels:                                     alerts:
    team_chat:                                    default:
      kind: slack                                   to: [team_chat]
      url: ${cred:slack_url}                      on_call:
    pager:                                          to: [team_chat, pager]
      kind: pagerduty                               on: [failed, late]
      routing_key: ${cred:pagerduty_key}        jobs:
    mail:                                         nightly:
      kind: email                                   steps: [{ sync: core }, { dbt: build }]
      host: mail.example                            alert: on_call
      from: weir@corp.example
      to: [data@corp.example]

A job that names no alert has the one that is called default; alert: none tells nobody. The address of a webhook is a secret, and stands
behind a reference: ${cred:NAME}, ${file:PATH} or ${env:NAME}. Servers of one's own that are no public address must be allowed:
allow: [chat.corp]. weir alert test sends a message to each channel; docs/alerts.md says more.
)"},
    {"methods", "how new rows become the table",
     R"(Methods

  shell      the table is a partitioned table without storage; a refresh replaces its one partition. Dependents are never
             touched, readers wait a millisecond or two. The default.
  merge      rows are inserted, updated and deleted in place. For small tables, tables with incoming foreign keys, tables that
             are replicated, and tables that must stay ordinary.
  view       a view over numbered tables.
  truncate   TRUNCATE and COPY in one transaction. Readers wait for the whole copy. Only on request.

Nothing that depends on a table is ever dropped. weir sync --plan shows the method of each table, and why.
)"},
    {"config", "the two files, in short",
     R"(Configuration

  # weir.yml                                    # endpoints.yml
  connections:                                  warehouses:
    core:                                         wh: { host: wh.corp, database: dwh, user: weir,
      from: core_sql                                    password: "${env:WH_PASSWORD}" }
      into: sync_core                           sources:
      tables: [dbo.Country, Integration.*]        core_sql: { kind: sqlserver, host: sql.corp, database: Core,
                                                              user: weir, password: "${cred:core}" }

  weir config schema --reference    every key
  weir config check                 every mistake, with its place
)"},
};

std::string option_names(OptionSpec const& option) {
  std::string text =
      option.letter != 0 ? fmt::format("-{}, --{}", option.letter, option.name) : fmt::format("    --{}", option.name);
  if (!option.value.empty()) text += fmt::format(" {}", option.value);
  return text;
}

std::string meaning_of(OptionSpec const& option) {
  std::string text(option.meaning);
  if (!option.alias.empty()) text += fmt::format(" (also --{})", option.alias.substr(0, option.alias.find('|')));
  return text;
}

void add_options(std::string& out, std::string const& heading, std::span<OptionSpec const> options) {
  if (options.empty()) return;
  std::size_t width = 0;
  for (auto const& option : options) width = std::max(width, option_names(option).size());
  out += "\n" + heading + "\n";
  for (auto const& option : options)
    out += fmt::format("  {}  {}\n", pad(option_names(option), width), meaning_of(option));
}

std::string all_commands(Terminal const& terminal) {
  std::string out =
      terminal.paint(Colour::Bold, "weir") +
      " loads databases into a PostgreSQL warehouse and keeps everything that depends on the tables.\n\n" +
      terminal.paint(Colour::Bold, "Begin with") +
      "\n"
      "  weir demo              see it, in under a minute\n"
      "  weir init              write weir.yml and endpoints.yml\n"
      "  weir sync core --plan  what a load would do; writes nothing\n";
  std::size_t width = 0;
  for (auto const& command : commands()) width = std::max(width, command.path.size());
  std::string_view group;
  for (auto const& command : commands()) {
    if (command.group.empty()) continue;
    if (command.group != group) {
      group = command.group;
      out += "\n" + terminal.paint(Colour::Bold, group) + "\n";
    }
    out += fmt::format("  {}  {}\n", pad(command.path, width), command.summary);
  }
  add_options(out, terminal.paint(Colour::Bold, "Options of every command"), common_options());
  out += "\nweir help COMMAND shows examples. Topics: ";
  out += join(topics(), ", ") + ".\n";
  return out;
}

std::string group_help(std::string_view path, Terminal const& terminal) {
  std::string out =
      fmt::format("weir {}: {}\n\n{}\n", path, find_command(path)->summary, terminal.paint(Colour::Bold, "Commands"));
  for (auto const& name : subcommands(path)) {
    auto const* command = find_command(fmt::format("{} {}", path, name));
    out += fmt::format("  weir {} {}  {}\n", path, pad(name, 10), command->summary);
  }
  return out;
}

}  // namespace

std::string help_text(std::string_view path, Terminal const& terminal) {
  if (path.empty()) return all_commands(terminal);
  auto const* command = find_command(path);
  if (command == nullptr) return {};
  if (command->run == nullptr) return group_help(path, terminal);
  std::string out =
      fmt::format("weir {}: {}\n\n{}\n", path, command->summary, terminal.paint(Colour::Bold, "Examples"));
  std::size_t width = 0;
  for (auto const& example : command->examples) width = std::max(width, example.command.size());
  for (auto const& example : command->examples)
    out += fmt::format("  weir {}  # {}\n", pad(example.command, width), example.what);
  out += fmt::format("\n{}\n  weir {}{}{}{}\n", terminal.paint(Colour::Bold, "Usage"), path,
                     command->options.empty() ? "" : " [OPTIONS]", command->positional.empty() ? "" : " ",
                     command->positional);
  if (!command->about.empty()) out += fmt::format("\n{}\n", command->about);
  add_options(out, terminal.paint(Colour::Bold, "Options"), command->options);
  add_options(out, terminal.paint(Colour::Bold, "Options of every command"), common_options());
  if (auto const below = subcommands(path); !below.empty()) {
    out += "\n" + terminal.paint(Colour::Bold, "See also") + "\n";
    for (auto const& name : below)
      out += fmt::format("  weir {} {}  {}\n", path, pad(name, 8),
                         find_command(fmt::format("{} {}", path, name))->summary);
  }
  return out;
}

std::string help_json() {
  auto options = [](std::span<OptionSpec const> specs) {
    Json list = Json::array();
    for (auto const& spec : specs) {
      Json one{{"name", spec.name}, {"meaning", spec.meaning}};
      if (spec.letter != 0) one["letter"] = std::string(1, spec.letter);
      if (!spec.value.empty()) one["value"] = spec.value;
      if (!spec.choices.empty()) one["choices"] = split(spec.choices, '|');
      if (!spec.alias.empty()) one["alias"] = split(spec.alias, '|');
      if (spec.can_be_undone) one["undone_by"] = undoing(spec.name);
      one["repeats"] = spec.repeats;
      list.push_back(std::move(one));
    }
    return list;
  };
  Json root{{"program", "weir"},
            {"format", "1.0"},
            {"options", options(common_options())},
            {"commands", Json::array()},
            {"topics", topics()}};
  for (auto const& command : commands()) {
    if (command.run == nullptr || command.summary.empty()) continue;
    Json one{{"command", command.path},
             {"summary", command.summary},
             {"positional", command.positional},
             {"options", options(command.options)}};
    one["examples"] = Json::array();
    for (auto const& example : command.examples)
      one["examples"].push_back(Json{{"command", fmt::format("weir {}", example.command)}, {"what", example.what}});
    if (!command.about.empty()) one["about"] = command.about;
    root["commands"].push_back(std::move(one));
  }
  return root.dump(2) + "\n";
}

std::string_view topic_page(std::string_view topic) {
  for (auto const& one : kTopics)
    if (one.name == topic) return one.page;
  return {};
}

std::vector<std::string> topics() {
  std::vector<std::string> names;
  for (auto const& one : kTopics) names.emplace_back(one.name);
  return names;
}

}  // namespace weir::app
