#pragma once
// What a command is, as constant data, and what its function gets to work with.

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/interrupt.h"
#include "app/terminal.h"
#include "base/result.h"
#include "config/config.h"

namespace weir::app {

// What a word completes to, in the shell.
enum class Completes { Nothing, Connection, Endpoint, Job, Alert, Folder, Topic };

struct OptionSpec {
  std::string_view name;  // long name without dashes
  char letter = 0;
  std::string_view value = {};  // placeholder of its value; empty: a flag
  std::string_view meaning = {};
  std::string_view choices = {};  // "text|json"
  std::string_view alias = {};    // other names: "models|model|m"; one of one letter takes one dash
  bool repeats = false;
  bool can_be_undone = false;  // --no-NAME, and --NAME where the name begins with no-; the last one on the line counts
};

struct Example {
  std::string_view command;  // without the program's name
  std::string_view what;
};

class Context;

struct CommandSpec {
  std::string_view path;                     // "sync ls"
  std::string_view other_name = {};          // another last word
  std::string_view summary;                  // one line
  std::string_view group;                    // heading in the list of commands; empty: not listed at the top
  std::string_view positional = {};          // "[CONNECTION]", "RELATION", "[ENDPOINT...]"
  Completes completes = Completes::Nothing;  // its positionals
  std::span<OptionSpec const> options = {};
  std::span<OptionSpec const> accepted = {};  // known, and not shown: options of dbt that change little or nothing here
  std::span<Example const> examples = {};
  std::string_view about = {};                     // a few sentences, after the examples
  Result<int> (*run)(Context& context) = nullptr;  // null: only a group of commands
};

std::span<CommandSpec const> commands();
std::span<OptionSpec const> common_options();  // of every command
CommandSpec const* find_command(std::string_view path);
// Names of the commands directly below `path` ("" = top level).
std::vector<std::string> subcommands(std::string_view path);

// "no-defer" of "defer", "print" of "no-print".
std::string undoing(std::string_view option);

// A command line, taken apart and checked against the table.
struct Arguments {
  CommandSpec const* command = nullptr;  // null: none was given
  bool wants_help = false;
  std::vector<std::string> positionals;
  std::map<std::string, std::vector<std::string>, std::less<>> options;  // by long name; a flag has empty texts

  bool has(std::string_view name) const { return options.find(name) != options.end(); }
  std::size_t times(std::string_view name) const;
  std::string value(std::string_view name, std::string_view fallback = {}) const;
  // Values of a repeatable option, comma lists taken apart.
  std::vector<std::string> list(std::string_view name) const;
};

enum class Format { Text, Json, NdJson };

// Data as programs read it, on standard output; `indent` -1: on one line.
void write_json(nlohmann::ordered_json const& json, int indent = 2);

// What a command works with. Owns the configuration once it has been read.
class Context {
 public:
  Context(Arguments arguments, Terminal terminal, Interrupt& interrupt)
      : arguments_(std::move(arguments)), terminal_(terminal), interrupt_(interrupt) {}

  Arguments const& arguments() const { return arguments_; }
  Terminal const& terminal() const { return terminal_; }
  Interrupt& interrupt() { return interrupt_; }
  Format format() const;

  // weir.yml and endpoints.yml, read at the first call; warnings go to standard error.
  Result<config::Config const*> config();
  std::filesystem::path project_folder() const;
  // One connection by name; nothing named: the only one there is. Errors: Usage, with the nearest names.
  Result<config::Connection const*> connection(std::string const& name);
  Result<std::vector<config::Connection const*>> connections();  // those of the positionals, or all
  Result<config::Endpoint const*> endpoint(std::string const& name);
  Result<config::Endpoint const*> warehouse();  // --warehouse NAME, the file's, or the only one

  // Asks before something that cannot be undone. `--yes` answers; without a terminal its absence is an error (Usage). A
  // protected endpoint also needs `--confirm NAME`.
  Status confirm(std::string const& question, config::Endpoint const& endpoint);

 private:
  Arguments arguments_;
  Terminal terminal_;
  Interrupt& interrupt_;
  std::optional<config::Config> config_;
};

}  // namespace weir::app
