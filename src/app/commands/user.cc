// weir user add, passwd, ls, rm: who may log in at the API of weir serve --api.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_view.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/accounts.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

Error no_password(std::string const& command) {
  return Error(ErrorKind::Usage, "there was no password")
      .cause("standard input has ended")
      .state("nothing was changed")
      .next(fmt::format("type it at a terminal, or give it as one line: {} < FILE", command));
}

Result<std::string> ask(Context& context, std::string const& question, std::string const& command) {
  auto answer =
      read_answer(context.interrupt().token(), true, context.terminal().in_is_tty ? question + ": " : std::string());
  if (context.interrupt().asked())
    return Error(ErrorKind::Cancelled, "stopped by the user").state("nothing was changed");
  if (!answer) return no_password(command);
  return std::move(*answer);
}

// At a terminal twice, without showing it; else one line. What cannot be one is said before it is asked for again.
Result<std::string> new_password(Context& context, std::string const& user, std::string const& command) {
  WEIR_TRY(auto const password, ask(context, fmt::format("new password of {}", user), command));
  WEIR_DO(server::check_new_password(password));
  register_secret(password);
  if (!context.terminal().in_is_tty) return password;
  WEIR_TRY(auto const again, ask(context, "again", command));
  if (again == password) return password;
  return Error(ErrorKind::Usage, "the two passwords differ").state("nothing was changed").next(command);
}

std::string ended_text(Json const& answer) {
  return plural(static_cast<std::uint64_t>(number_at(answer, "logins_ended")), "login");
}

}  // namespace

Result<int> run_user_add(Context& context) {
  auto const& name = context.arguments().positionals[0];
  WEIR_DO(server::check_name("user", name));
  WEIR_TRY(auto const password, new_password(context, name, "weir user add " + name));
  Json const wanted{{"name", name}, {"role", context.arguments().value("role", "viewer")}, {"password", password}};
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const user, state.post("/api/v1/users", wanted));
  if (context.format() == Format::Json) {
    write_json(user);
  } else {
    write_out(fmt::format("added {}, {}\n", name, text_at(user, "role")));
  }
  return 0;
}

Result<int> run_user_passwd(Context& context) {
  auto const& name = context.arguments().positionals[0];
  WEIR_DO(server::check_name("user", name));
  WEIR_TRY(auto const password, new_password(context, name, "weir user passwd " + name));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post(fmt::format("/api/v1/users/{}/password", name), {{"password", password}}));
  if (context.format() == Format::Json) {
    write_json(done);
  } else {
    write_out(fmt::format("{} has a new password; {} ended\n", name, ended_text(done)));
  }
  return 0;
}

Result<int> run_user_ls(Context& context) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const answer, state.get("/api/v1/users"));
  auto const& users = answer["users"];
  if (context.format() == Format::Json) {
    write_json(users);
  } else if (users.empty()) {
    log_info("nobody can log in yet: weir user add NAME");
  } else {
    TextTable table({"user", "role", "logins", "tokens", "added (UTC)", "password of"});
    for (auto const& user : users)
      table.add({text_at(user, "name"), text_at(user, "role"), std::to_string(number_at(user, "logins")),
                 std::to_string(number_at(user, "tokens")), shown_time(user, "created_at"),
                 shown_time(user, "password_at")});
    write_out(table.text(context.terminal()));
  }
  return 0;
}

Result<int> run_user_rm(Context& context) {
  auto const& name = context.arguments().positionals[0];
  WEIR_DO(server::check_name("user", name));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post(fmt::format("/api/v1/users/{}/remove", name), Json::object()));
  if (context.format() == Format::Json) {
    write_json(done);
  } else {
    write_out(fmt::format("removed {}; {} ended, {} revoked\n", name, ended_text(done),
                          plural(static_cast<std::uint64_t>(number_at(done, "tokens_revoked")), "token")));
  }
  return 0;
}

}  // namespace weir::app
