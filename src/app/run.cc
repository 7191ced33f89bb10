#include "app/run.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/command_line.h"
#include "app/dbt_environment.h"
#include "app/help.h"
#include "app/interrupt.h"
#include "app/step_channel.h"
#include "app/terminal.h"
#include "base/clock_lead.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/test_hooks.h"
#include "base/text.h"

namespace weir::app {
namespace {

// Other people's passwords are in this process: no core file, no ptrace by the same user.
void close_the_windows() {
#if !defined(WEIR_TEST_HOOKS)
  prctl(PR_SET_DUMPABLE, 0);
#endif
  rlimit const none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

// A standard stream that is closed would be the number of the next file or socket, and what is printed would go there.
// Writing to what stands in for standard output fails, as it would have.
void keep_standard_streams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
      _exit(exit_code(ErrorKind::Internal));
}

void print_error(Error const& error, Terminal const& terminal, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json json;
    json["error"] = error.to_json();
    write_err(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return;
  }
  std::string text = error.to_text();
  constexpr std::string_view kHead = "error:";
  if (text.starts_with(kHead)) text = terminal.paint(Colour::Red, kHead, true) + text.substr(kHead.size());
  write_err(text + "\n");
}

LogLevel level_of(Arguments const& arguments) {
  if (arguments.has("quiet")) return LogLevel::Error;
  switch (arguments.times("verbose")) {
    case 0:
      return LogLevel::Info;
    case 1:
      return LogLevel::Step;
    default:
      return LogLevel::Sql;
  }
}

bool is_dbt(std::string_view path) {
  return path.starts_with("dbt");
}

int run_parsed(Arguments arguments, Terminal const& terminal) {
  set_log_level(level_of(arguments));
  if (arguments.command == nullptr || arguments.wants_help || arguments.command->run == nullptr) {
    std::string const path(arguments.command == nullptr ? "" : arguments.command->path);
    bool const asked = arguments.wants_help || path.empty();
    (asked ? write_out : write_err)(help_text(path, terminal));
    return arguments.wants_help ? 0 : 2;
  }
  auto const* command = arguments.command;
  if (is_dbt(command->path)) {
    load_env_file();
    if (auto const added = add_environment(arguments); !added.ok()) {
      print_error(added.error(), terminal, false);
      return exit_code(added.error().kind());
    }
  }
  Interrupt interrupt;
  Context context(std::move(arguments), terminal, interrupt);
  auto done = command->run(context);
  int status = 0;
  if (done.ok()) {
    status = *done;
  } else {
    print_error(done.error(), terminal, context.format() != Format::Text);
    report_step_error(done.error());
    // A dbt command that could not run ends with 2, whatever the reason; 1 is for nodes that failed.
    status = is_dbt(command->path) ? 2 : exit_code(done.error().kind());
  }
  if (int const failed = output_failure(); failed != 0) {
    print_error(Error(ErrorKind::Config, fmt::format("could not write to standard output: {}", std::strerror(failed)))
                    .state("the command has done its work; what it printed is not whole")
                    .next("look at what standard output leads to: a full disk, a closed file"),
                terminal, context.format() != Format::Text);
    if (status == 0) status = exit_code(ErrorKind::Config);
  }
  return interrupt.asked() && status != 0 ? interrupt.exit_status() : status;
}

}  // namespace

int run(int argc, char** argv) {
  close_the_windows();
  keep_standard_streams();
  set_clock_lead(test_clock_ahead());
  open_step_channel();
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  bool const asks_version = !words.empty() && (words.back() == "--version" || words.back() == "-V");
  if (asks_version && (words.size() == 1 || (words.size() == 2 && words[0] == "dbt"))) {
    words = {"version"};
  } else if (argc > 0 && std::filesystem::path(argv[0]).filename() == "dbt") {
    words.insert(words.begin(), "dbt");
  }
  bool const as_json = asks_for_json(words);
  auto arguments = parse_command_line(std::move(words));
  if (!arguments.ok()) {
    print_error(arguments.error(), Terminal::detect("auto"), as_json);
    report_step_error(arguments.error());
    return exit_code(arguments.error().kind());
  }
  char const* from_environment = std::getenv("WEIR_COLOR");
  Terminal const terminal =
      Terminal::detect(arguments->value("color", from_environment == nullptr ? "auto" : from_environment));
  return run_parsed(std::move(arguments).value(), terminal);
}

int report_bug(char const* what) {
  Error error = Error(ErrorKind::Internal, fmt::format("internal error: {}", what))
                    .cause("this is a bug of weir")
                    .state("what was being published was rolled back by the server when the session ended")
                    .next("please report it with this text and the output of weir version -o json");
  write_err(error.to_text() + "\n");
  return exit_code(ErrorKind::Internal);
}

}  // namespace weir::app
