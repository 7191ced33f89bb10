#include "app/command_line.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/text.h"

namespace weir::app {
namespace {

constexpr char const* kHelpShows = "add --help to the command to see its options";

// One CLI::App a command, and where its positionals go.
struct Parsed {
  CommandSpec const* command = nullptr;
  CLI::App* app = nullptr;
  std::vector<std::string> positionals;
};

struct Taken {
  OptionSpec const* spec = nullptr;
  std::string name;  // the option's, or that which undoes it
  CLI::Option* option = nullptr;
  std::vector<std::string> values;
};

std::vector<std::string> other_names(OptionSpec const& spec) {
  return spec.alias.empty() ? std::vector<std::string>() : split(spec.alias, '|');
}

class Parser {
 public:
  explicit Parser(std::vector<std::string> const& words) {
    root_.set_help_flag();
    root_.allow_extras();
    root_.require_subcommand(0, 1);
    add_options(root_, common_options());
    for (auto const& command : commands()) add_command(command, words);
  }

  Result<Arguments> parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // CLI11 takes the last word first
    try {
      root_.parse(words);
    } catch (CLI::ParseError const& error) {
      return option_error(error);
    }
    Arguments arguments;
    Parsed const* deepest = nullptr;
    for (auto const& parsed : parsed_)
      if (parsed.app->parsed() && (deepest == nullptr || parsed.command->path.size() > deepest->command->path.size()))
        deepest = &parsed;
    if (deepest != nullptr) {
      arguments.command = deepest->command;
      arguments.positionals = deepest->positionals;
    }
    for (auto const& taken : taken_) {
      if (taken.option->count() == 0 || taken.spec->can_be_undone) continue;
      auto& values = arguments.options[taken.name];
      if (taken.spec->value.empty()) {
        values.resize(values.size() + taken.option->count());
      } else {
        values.insert(values.end(), taken.values.begin(), taken.values.end());
      }
    }
    take_switches(root_, arguments);
    for (auto const& parsed : parsed_) take_switches(*parsed.app, arguments);
    arguments.wants_help = arguments.has("help");
    if (auto extra = left_over(); !extra.empty()) return unexpected(arguments.command, extra);
    return arguments;
  }

 private:
  void add_options(CLI::App& app, std::span<OptionSpec const> specs) {
    for (auto const& spec : specs) {
      if (app.get_option_no_throw(fmt::format("--{}", spec.name)) != nullptr) continue;
      std::string names = fmt::format("--{}", spec.name);
      auto add_letter = [&](char letter) {
        if (app.get_option_no_throw(fmt::format("-{}", letter)) == nullptr) names += fmt::format(",-{}", letter);
      };
      if (spec.letter != 0) add_letter(spec.letter);
      for (auto const& alias : other_names(spec))
        alias.size() == 1 ? add_letter(alias[0]) : static_cast<void>(names += fmt::format(",--{}", alias));
      taken_.push_back(Taken{&spec, std::string(spec.name), nullptr, {}});
      auto& taken = taken_.back();
      if (spec.value.empty()) {
        taken.option = app.add_flag(names);
        if (!spec.can_be_undone) continue;
        taken_.push_back(Taken{&spec, undoing(spec.name), nullptr, {}});
        taken_.back().option = app.add_flag("--" + undoing(spec.name));
      } else {
        taken.option = app.add_option(names, taken.values);
        if (spec.value.ends_with("...")) {
          taken.option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(true);
        } else {
          taken.option->expected(1)->allow_extra_args(false);
        }
        taken.option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      }
    }
  }

  // Switches that can be undone, in the order in which they were said: the last one counts.
  void take_switches(CLI::App const& app, Arguments& arguments) {
    for (auto const* option : app.parse_order())
      for (auto const& taken : taken_)
        if (taken.option == option && taken.spec->can_be_undone) {
          arguments.options.erase(undoing(taken.name));
          arguments.options[taken.name] = {""};
        }
  }

  // Options of a command whose name does not stand on the line are never looked for.
  void add_command(CommandSpec const& command, std::vector<std::string> const& words) {
    CLI::App* parent = &root_;
    std::string_view name = command.path;
    if (auto const space = name.rfind(' '); space != std::string_view::npos) {
      for (auto const& parsed : parsed_)
        if (parsed.command->path == name.substr(0, space)) parent = parsed.app;
      name.remove_prefix(space + 1);
    }
    CLI::App* app = parent->add_subcommand(std::string(name));
    app->set_help_flag();
    app->allow_extras();
    app->require_subcommand(0, 1);  // else the word behind a command is looked up among all commands: weir help sync
    parsed_.push_back(Parsed{&command, app, {}});
    if (!command.other_name.empty()) app->alias(std::string(command.other_name));
    auto const is_named = [&](std::string_view one) {
      return std::find(words.begin(), words.end(), one) != words.end();
    };
    if (!is_named(name) && (command.other_name.empty() || !is_named(command.other_name))) return;
    add_options(*app, command.options);
    add_options(*app, common_options());
    add_options(*app, command.accepted);
    if (!command.positional.empty()) app->add_option("words", parsed_.back().positionals)->expected(-1);
  }

  std::string left_over() const {
    for (auto const& parsed : parsed_)
      for (auto const& word : parsed.app->remaining()) return word;
    for (auto const& word : root_.remaining()) return word;
    return {};
  }

  static Error unexpected(CommandSpec const* command, std::string const& word) {
    std::string const path(command == nullptr ? "" : command->path);
    std::string const help =
        path.empty() ? "weir help lists the commands" : fmt::format("weir {} --help shows what there is", path);
    if (word.starts_with("-")) {
      std::string name =
          word.substr(word.find_first_not_of('-') == std::string::npos ? word.size() : word.find_first_not_of('-'));
      name = name.substr(0, name.find('='));
      std::vector<std::string> known;
      auto add = [&known](std::span<OptionSpec const> specs) {
        for (auto const& spec : specs) {
          known.push_back("--" + std::string(spec.name));
          for (auto const& alias : other_names(spec))
            if (alias.size() > 1) known.push_back("--" + alias);
        }
      };
      if (command != nullptr) add(command->options);
      add(common_options());
      std::string next = did_you_mean("--" + name, known);
      return Error(ErrorKind::Usage, fmt::format("option \"{}\" does not exist{}", word.substr(0, word.find('=')),
                                                 path.empty() ? "" : fmt::format(" for weir {}", path)))
          .next(next.empty() ? help : next);
    }
    auto const below = subcommands(path);
    if (!below.empty() && (command == nullptr || command->run == nullptr)) {
      std::string next = did_you_mean(word, below);
      return Error(ErrorKind::Usage,
                   fmt::format("command \"{}{}{}\" does not exist", path, path.empty() ? "" : " ", word))
          .next(next.empty() ? help : next);
    }
    return Error(ErrorKind::Usage, fmt::format("weir {} takes no argument \"{}\"", path, word)).next(help);
  }

  // CLI11 stops at an option without its value and the like; its exception names the option first.
  static Error option_error(CLI::ParseError const& error) {
    std::string what = error.what();
    auto const colon = what.find(':');
    std::string const option = what.substr(0, std::min(colon, what.find(' ')));
    if (dynamic_cast<CLI::ArgumentMismatch const*>(&error) != nullptr)
      return Error(ErrorKind::Usage, fmt::format("option \"{}\" needs a value", option)).next(kHelpShows);
    return Error(ErrorKind::Usage, fmt::format("the command line cannot be read: {}", what));
  }

  CLI::App root_;
  std::deque<Parsed> parsed_;  // addresses stay
  std::deque<Taken> taken_;
};

std::string one_of(std::vector<std::string> const& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i)
    text += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  return text;
}

Status check_choices(Arguments const& arguments) {
  auto check = [&](std::span<OptionSpec const> specs) -> Status {
    for (auto const& spec : specs) {
      if (spec.choices.empty() || !arguments.has(spec.name)) continue;
      auto const known = split(spec.choices, '|');
      auto const given = arguments.value(spec.name);
      if (std::find(known.begin(), known.end(), given) != known.end()) continue;
      std::string next = did_you_mean(given, known);
      return Error(ErrorKind::Usage, fmt::format("\"--{}\" is {}, not \"{}\"", spec.name, one_of(known), given))
          .next(next.empty() ? kHelpShows : next);
    }
    return {};
  };
  WEIR_DO(check(common_options()));
  return check(arguments.command->options);
}

// An empty value is a variable that a script did not set; taken as "not given", it would widen what the command works
// on.
Status check_values(Arguments const& arguments) {
  auto check = [&](std::span<OptionSpec const> specs) -> Status {
    for (auto const& spec : specs) {
      if (spec.value.empty() || !arguments.has(spec.name)) continue;
      for (auto const& text : arguments.options.find(spec.name)->second)
        if (text.find_first_not_of(spec.repeats ? ", \t" : " \t") == std::string::npos)
          return Error(ErrorKind::Usage, fmt::format("option \"--{}\" has an empty value", spec.name))
              .next(fmt::format("give it a value, or leave --{} out", spec.name));
    }
    return {};
  };
  WEIR_DO(check(common_options()));
  return check(arguments.command->options);
}

// How many words a command takes: "RELATION" one, "[DIR]" none or one, "[ENDPOINT...]" any number.
Status check_positionals(Arguments const& arguments) {
  auto const& command = *arguments.command;
  bool const any = command.positional.find("...") != std::string_view::npos;
  auto const words = command.positional.empty() ? std::vector<std::string>() : split(command.positional, ' ');
  auto const needed = static_cast<std::size_t>(
      std::count_if(words.begin(), words.end(), [](auto const& word) { return !word.starts_with('['); }));
  std::string const help = fmt::format("weir {} --help shows examples", command.path);
  if (arguments.positionals.size() < needed)
    return Error(ErrorKind::Usage, fmt::format("weir {} needs {}", command.path, command.positional)).next(help);
  std::size_t const most = words.size();
  if (!any && arguments.positionals.size() > most)
    return Error(ErrorKind::Usage,
                 fmt::format("weir {} takes no argument \"{}\"", command.path, arguments.positionals[most]))
        .next(help);
  return {};
}

}  // namespace

std::string undoing(std::string_view option) {
  return option.starts_with("no-") ? std::string(option.substr(3)) : "no-" + std::string(option);
}

std::size_t Arguments::times(std::string_view name) const {
  auto const found = options.find(name);
  return found == options.end() ? 0 : found->second.size();
}

std::string Arguments::value(std::string_view name, std::string_view fallback) const {
  auto const found = options.find(name);
  return found == options.end() || found->second.empty() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Arguments::list(std::string_view name) const {
  std::vector<std::string> out;
  auto const found = options.find(name);
  if (found == options.end()) return out;
  for (auto const& text : found->second)
    for (auto const& part : split(text, ','))
      if (!trim(part).empty()) out.emplace_back(trim(part));
  return out;
}

bool asks_for_json(std::vector<std::string> const& words) {
  auto is_json = [](std::string_view value) { return value == "json" || value == "ndjson"; };
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view const word = words[i];
    if (word == "--json") return true;
    if ((word == "-o" || word == "--output") && i + 1 < words.size() && is_json(words[i + 1])) return true;
    if (word.starts_with("-o") && is_json(word.substr(2))) return true;
    if (word.starts_with("--output=") && is_json(word.substr(9))) return true;
  }
  return false;
}

Result<Arguments> parse_command_line(std::vector<std::string> words) {
  // The words being completed are not options of ours.
  if (!words.empty() && words[0] == "complete-words") {
    Arguments arguments;
    arguments.command = find_command("complete-words");
    arguments.positionals.assign(words.begin() + 1, words.end());
    return arguments;
  }
  Parser parser(words);
  WEIR_TRY(Arguments arguments, parser.parse(std::move(words)));
  if (arguments.command == nullptr || arguments.wants_help) return arguments;
  if (arguments.command->run == nullptr) return arguments;
  WEIR_DO(check_values(arguments));
  WEIR_DO(check_choices(arguments));
  WEIR_DO(check_positionals(arguments));
  return arguments;
}

}  // namespace weir::app
