#include "app/dbt_environment.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// One file after another statement: export? KEY = VALUE # comment.
class EnvReader {
 public:
  explicit EnvReader(std::string_view text) : rest_(text) {}

  void read() {
    for (; !rest_.empty(); ++line_) {
      skip_spaces();
      int const began = line_;
      if (!at('#') && !at('\n') && !rest_.empty() && !statement())
        log_info("warning: line {} of .env is no NAME=VALUE and is left out", began);
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      if (!rest_.empty()) rest_.remove_prefix(1);
    }
  }

 private:
  bool at(char c) const { return rest_.starts_with(c); }
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_[0])) rest_.remove_prefix(1);
  }

  bool statement() {
    if (rest_.starts_with("export") && rest_.size() > 6 && is_space(rest_[6])) {
      rest_.remove_prefix(6);
      skip_spaces();
    }
    auto const name = at('\'') ? quoted('\'') : unquoted_name();
    if (!name || name->empty()) return false;
    skip_spaces();
    if (at('#') || at('\n') || rest_.empty()) return true;  // a name alone sets nothing
    if (!at('=')) return false;
    rest_.remove_prefix(1);
    skip_spaces();
    auto const value = at('\'') ? quoted('\'') : at('"') ? quoted('"') : std::optional(unquoted_value());
    if (!value) return false;
    skip_spaces();
    if (!at('#') && !at('\n') && !rest_.empty()) return false;
    setenv(name->c_str(), expanded(*value).c_str(), 0);
    return true;
  }

  std::optional<std::string> unquoted_name() {
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] != '=' && rest_[length] != '#' && rest_[length] != '\n' &&
           !is_space(rest_[length]))
      ++length;
    std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return name;
  }

  // To the end of the line, or to a # with a space before it.
  std::string unquoted_value() {
    std::size_t length = 0;
    while (length < rest_.size() && rest_[length] != '\n' &&
           !(rest_[length] == '#' && (length == 0 || is_space(rest_[length - 1]))))
      ++length;
    std::string value(trim(rest_.substr(0, length)));
    rest_.remove_prefix(length);
    return value;
  }

  // May go over several lines. Nothing where the second quote is missing.
  std::optional<std::string> quoted(char quote) {
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      char const c = rest_[i];
      if (c == quote) {
        line_ += static_cast<int>(std::count(value.begin(), value.end(), '\n'));
        rest_.remove_prefix(i + 1);
        return value;
      }
      if (c == '\\' && i + 1 < rest_.size()) {
        value += escaped(rest_[++i], quote);
      } else {
        value += c;
      }
    }
    return std::nullopt;
  }

  static std::string escaped(char c, char quote) {
    static constexpr std::string_view kLetters = "abfnrtv", kMeanings = "\a\b\f\n\r\t\v";
    if (c == quote || c == '\\' || (quote == '"' && c == '\'')) return std::string(1, c);
    auto const known = quote == '"' ? kLetters.find(c) : std::string_view::npos;
    if (known != std::string_view::npos) return std::string(1, kMeanings[known]);
    return std::string("\\") + c;
  }

  // ${NAME} and ${NAME:-default}; what is not set is empty.
  static std::string expanded(std::string const& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      auto const end = text.compare(at, 2, "${") == 0 ? text.find('}', at) : std::string::npos;
      if (end == std::string::npos) {
        out += text[at++];
        continue;
      }
      std::string const inside = text.substr(at + 2, end - at - 2);
      auto const fallback = inside.find(":-");
      char const* value = std::getenv(inside.substr(0, fallback).c_str());
      out += value != nullptr ? value : fallback == std::string::npos ? "" : inside.substr(fallback + 2);
      at = end + 1;
    }
    return out;
  }

  std::string_view rest_;
  int line_ = 1;
};

// PARTIAL_PARSE of partial-parse.
std::string variable_name(std::string_view option) {
  std::string name;
  for (char const c : option) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

// Names that variables had before dbt 1.5.
constexpr std::pair<std::string_view, std::string_view> kOldNames[] = {{"defer", "DEFER_TO_STATE"},
                                                                       {"favor-state", "FAVOR_STATE_MODE"},
                                                                       {"state", "ARTIFACT_STATE_PATH"},
                                                                       {"no-print", "NO_PRINT"}};

struct Variable {
  std::string name, value;
};

std::optional<Variable> variable_called(std::string const& name) {
  for (std::string_view const prefix : {"DBT_ENGINE_", "DBT_"}) {
    std::string whole = std::string(prefix) + name;
    if (char const* value = std::getenv(whole.c_str()); value != nullptr && *value != '\0')
      return Variable{std::move(whole), value};
  }
  return std::nullopt;
}

std::vector<std::string> names_of(OptionSpec const& option) {
  std::string_view const name = option.name;
  std::vector<std::string> names{std::string(name.starts_with("no-") ? name.substr(3) : name)};
  if (!option.alias.empty())
    for (auto& alias : split(option.alias, '|')) names.push_back(std::move(alias));
  return names;
}

// What selects nodes, and what one command alone takes, has no variable.
bool is_of_command_line(std::string_view option) {
  static constexpr std::string_view kNames[] = {"select",
                                                "exclude",
                                                "selector",
                                                "vars",
                                                "threads",
                                                "output",
                                                "lock",
                                                "upgrade",
                                                "add-package",
                                                "args",
                                                "inline",
                                                "limit",
                                                "source",
                                                "output-keys",
                                                "help",
                                                "sql",
                                                "show",
                                                "inline-direct",
                                                "compile",
                                                "connection",
                                                "config-dir",
                                                "empty-catalog",
                                                "inject-ephemeral-ctes",
                                                "static"};
  return std::find(std::begin(kNames), std::end(kNames), option) != std::end(kNames);
}

std::optional<bool> truth_of(std::string_view value) {
  static constexpr std::string_view kTrueWords[] = {"1", "true", "t", "yes", "y", "on"};
  static constexpr std::string_view kFalseWords[] = {"0", "false", "f", "no", "n", "off"};
  std::string const word = to_lower(trim(value));
  if (std::find(std::begin(kTrueWords), std::end(kTrueWords), word) != std::end(kTrueWords)) return true;
  if (std::find(std::begin(kFalseWords), std::end(kFalseWords), word) != std::end(kFalseWords)) return false;
  return std::nullopt;
}

constexpr char const* kCorrectIt = "correct the variable, in the environment or in .env";

// The value as the option takes it.
Result<std::string> choice(OptionSpec const& option, Variable const& variable) {
  auto const& value = variable.value;
  if (option.choices.empty()) return value;
  auto const known = split(option.choices, '|');
  std::string const lower = to_lower(value);
  if (std::find(known.begin(), known.end(), lower) != known.end()) return lower;
  return Error(ErrorKind::Usage, fmt::format("{} is one of {}, not \"{}\"", variable.name, join(known, ", "), value))
      .next(kCorrectIt);
}

// `name`: what a yes turns on.
Status add_variable(Arguments& arguments, OptionSpec const& option, std::string const& name, Variable const& variable) {
  if (!option.value.empty()) {
    WEIR_TRY(auto const chosen, choice(option, variable));
    arguments.options[std::string(option.name)] = {chosen};
    return {};
  }
  auto const is_on = truth_of(variable.value);
  if (!is_on)
    return Error(ErrorKind::Usage, fmt::format("{} is true or false, not \"{}\"", variable.name, variable.value))
        .next(kCorrectIt);
  arguments.options[*is_on ? name : undoing(name)] = {""};
  return {};
}

Status add_option(Arguments& arguments, OptionSpec const& option) {
  auto const names = names_of(option);
  if (is_of_command_line(names[0]) || arguments.has(names[0]) || arguments.has("no-" + names[0])) return {};
  for (auto const& name : names)
    if (auto const variable = variable_called(variable_name(name)))
      return add_variable(arguments, option, names[0], *variable);
  for (auto const& [name, old] : kOldNames)
    if (name == option.name)
      if (auto const variable = variable_called(std::string(old)))
        return add_variable(arguments, option, std::string(name), *variable);
  return {};
}

}  // namespace

void load_env_file() {
  std::error_code failed;
  fs::path folder = fs::current_path(failed);
  if (failed) return;
  for (;; folder = folder.parent_path()) {
    if (std::error_code missing; fs::is_regular_file(folder / ".env", missing)) {
      auto const text = read_file(folder / ".env");
      if (text.ok()) EnvReader(*text).read();
      return;
    }
    if (folder == folder.parent_path()) return;
  }
}

Status add_environment(Arguments& arguments) {
  for (auto const& option : arguments.command->options) {
    WEIR_DO(add_option(arguments, option));
  }
  for (auto const& option : arguments.command->accepted) {
    WEIR_DO(add_option(arguments, option));
  }
  for (auto const& option : common_options())
    if (option.name == "quiet" || option.name == "project-dir") {
      WEIR_DO(add_option(arguments, option));
    }
  return {};
}

}  // namespace weir::app
