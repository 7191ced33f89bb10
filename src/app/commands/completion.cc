// weir completion: small scripts that ask the program itself (weir complete-words) for what may follow, so that they
// never grow old and know the names of connections and endpoints.
#include <algorithm>

#include <fmt/format.h>

#include "app/commands/commands.h"
#include "app/help.h"
#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::string_view kBash = R"(# bash completion for weir
_weir() {
  local IFS=$'\n'
  COMPREPLY=($(weir complete-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == ":folder" ]]; then
    COMPREPLY=($(compgen -d -- "${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -F _weir weir
)";
constexpr std::string_view kZsh = R"(#compdef weir
_weir() {
  local -a found
  found=("${(@f)$(weir complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${#found} -eq 1 && $found[1] == ":folder" ]]; then
    _files -/
  else
    compadd -Q -- ${found:#}
  fi
}
compdef _weir weir
)";
constexpr std::string_view kFish = R"(# fish completion for weir
function __weir_words
  set -l words (commandline -opc) (commandline -ct)
  weir complete-words $words[2..-1] 2>/dev/null | string match -v ':folder'
end
complete -c weir -f -a '(__weir_words)'
)";

void add_matching(std::vector<std::string>& out, std::vector<std::string> const& candidates, std::string_view begun) {
  for (auto const& candidate : candidates)
    if (candidate.starts_with(begun)) out.push_back(candidate);
}

std::vector<std::string> option_words(CommandSpec const* command) {
  std::vector<std::string> words;
  if (command != nullptr)
    for (auto const& option : command->options) words.push_back("--" + std::string(option.name));
  for (auto const& option : common_options()) words.push_back("--" + std::string(option.name));
  return words;
}

OptionSpec const* find_option(CommandSpec const* command, std::string_view word) {
  auto match = [word](std::span<OptionSpec const> specs) -> OptionSpec const* {
    for (auto const& spec : specs) {
      if (word == "--" + std::string(spec.name) || (spec.letter != 0 && word == std::string("-") + spec.letter))
        return &spec;
    }
    return nullptr;
  };
  if (command != nullptr)
    if (auto const* found = match(command->options); found != nullptr) return found;
  return match(common_options());
}

// Names from the configuration; a configuration with mistakes offers none.
std::vector<std::string> configured(Context& context, Completes what) {
  std::vector<std::string> names;
  if (what == Completes::Topic) {
    names = topics();
    for (auto const& name : subcommands("")) names.push_back(name);
  }
  bool const is_configured = what == Completes::Connection || what == Completes::Endpoint || what == Completes::Job ||
                             what == Completes::Alert;
  if (!is_configured) return names;
  auto config = config::load(context.project_folder());
  if (!config.ok()) return names;
  if (what == Completes::Connection)
    for (auto const& [name, connection] : config->connections) names.push_back(name);
  if (what == Completes::Job)
    for (auto const& [name, job] : config->jobs) names.push_back(name);
  if (what == Completes::Alert)
    for (auto const& [name, alert] : config->alerts) names.push_back(name);
  if (what == Completes::Endpoint)
    for (auto const& [name, endpoint] : config->endpoints) names.push_back(name);
  return names;
}

}  // namespace

Result<int> run_completion(Context& context) {
  std::string const shell = context.arguments().positionals[0];
  std::vector<std::string> const known = {"bash", "zsh", "fish"};
  if (shell == "bash") {
    write_out(kBash);
  } else if (shell == "zsh") {
    write_out(kZsh);
  } else if (shell == "fish") {
    write_out(kFish);
  } else {
    std::string next = did_you_mean(shell, known);
    return Error(ErrorKind::Usage, fmt::format("there is no completion for \"{}\"", shell))
        .next(next.empty() ? "it is bash, zsh or fish" : next);
  }
  return 0;
}

Result<int> run_complete_words(Context& context) {
  auto words = context.arguments().positionals;
  std::string const begun = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  CommandSpec const* command = nullptr;
  std::string path;
  OptionSpec const* waiting = nullptr;  // an option whose value comes next
  for (auto const& word : words) {
    if (waiting != nullptr) {
      waiting = nullptr;
      continue;
    }
    if (word.starts_with("-")) {
      auto const* option = find_option(command, word);
      waiting = option != nullptr && !option->value.empty() ? option : nullptr;
      continue;
    }
    std::string const longer = path.empty() ? word : path + " " + word;
    if (auto const* found = find_command(longer); found != nullptr) command = found, path = longer;
  }
  std::vector<std::string> out;
  if (waiting != nullptr) {
    if (!waiting->choices.empty()) add_matching(out, split(waiting->choices, '|'), begun);
    if (waiting->value == "ENDPOINT" || waiting->name == "confirm")
      add_matching(out, configured(context, Completes::Endpoint), begun);
    if (waiting->value == "DIR") out = {":folder"};
  } else if (begun.starts_with("-")) {
    add_matching(out, option_words(command), begun);
  } else {
    add_matching(out, subcommands(path), begun);
    if (command != nullptr && command->completes == Completes::Folder) out = {":folder"};
    if (command != nullptr) add_matching(out, configured(context, command->completes), begun);
    if (path == "completion") add_matching(out, {"bash", "zsh", "fish"}, begun);
    if (path == "config schema") add_matching(out, {"weir", "endpoints"}, begun);
  }
  for (auto const& word : out) write_out(word + "\n");
  return 0;
}

}  // namespace weir::app
