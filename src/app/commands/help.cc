#include "app/help.h"

#include <fmt/format.h>

#include "app/commands/commands.h"
#include "base/text.h"

namespace weir::app {

Result<int> run_help(Context& context) {
  auto const& arguments = context.arguments();
  if (arguments.has("json")) {
    write_out(help_json());
    return 0;
  }
  std::string const path = join(arguments.positionals, " ");
  if (auto const page = topic_page(path); !page.empty()) {
    write_out(page);
    return 0;
  }
  std::string const text = help_text(path, context.terminal());
  if (text.empty() || path == "complete-words") {
    std::vector<std::string> known = topics();
    for (auto const& command : commands()) known.emplace_back(command.path);
    std::string next = did_you_mean(path, known);
    return Error(ErrorKind::Usage, fmt::format("there is no command or topic \"{}\"", path))
        .next(next.empty() ? "weir help lists both" : next);
  }
  write_out(text);
  return 0;
}

}  // namespace weir::app
