// weir token create, ls, revoke: what programs ask the API of weir serve --api with.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/job_state.h"
#include "app/job_view.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "server/accounts.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

std::string expiry_text(Json const& token) {
  auto const at = parse_utc(text_at(token, "expires_at"));
  if (!at) return "never";
  return shown_time(token, "expires_at") + (*at <= system_clock().now() ? ", expired" : "");
}

}  // namespace

Result<int> run_token_create(Context& context) {
  auto const& arguments = context.arguments();
  auto const& name = arguments.positionals[0];
  WEIR_DO(server::check_name("token", name));
  if (!arguments.has("user"))
    return Error(ErrorKind::Usage, "it is not said whose token it is to be")
        .state("nothing was changed")
        .next(fmt::format("weir token create {} --user NAME; weir user ls lists the users", name));
  Json wanted{{"name", name}, {"user", arguments.value("user")}};
  if (arguments.has("role")) wanted["role"] = arguments.value("role");
  if (auto const text = arguments.value("expires"); arguments.has("expires")) {
    auto const life = parse_duration(text);
    if (!life || *life < std::chrono::seconds(1))
      return Error(ErrorKind::Usage, fmt::format("\"--expires\" is a duration, not \"{}\"", text))
          .state("nothing was changed")
          .next("--expires 90d");
    wanted["expires_s"] = std::chrono::duration_cast<std::chrono::seconds>(*life).count();
  }
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const made, state.post("/api/v1/tokens", wanted));
  if (context.format() == Format::Json) {
    write_json(made);
  } else {
    write_out(text_at(made, "token") + "\n");
  }
  auto const expires = expiry_text(made);
  log_info("token {} asks as {}, {}, {}; it is not shown again", name, text_at(made, "user"), text_at(made, "role"),
           expires == "never" ? "for ever" : fmt::format("until {} UTC", expires));
  return 0;
}

Result<int> run_token_ls(Context& context) {
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const answer, state.get("/api/v1/tokens"));
  auto const& tokens = answer["tokens"];
  if (context.format() == Format::Json) {
    write_json(tokens);
  } else if (tokens.empty()) {
    log_info("there is no token; weir token create makes one");
  } else {
    TextTable table({"token", "user", "role", "created (UTC)", "used", "expires"});
    for (auto const& token : tokens)
      table.add({text_at(token, "name"), text_at(token, "user"), text_at(token, "role"),
                 shown_time(token, "created_at"), shown_time(token, "used_at"), expiry_text(token)});
    write_out(table.text(context.terminal()));
  }
  return 0;
}

Result<int> run_token_revoke(Context& context) {
  auto const& name = context.arguments().positionals[0];
  WEIR_DO(server::check_name("token", name));
  WEIR_TRY(auto state, JobState::open(context));
  WEIR_TRY(auto const done, state.post(fmt::format("/api/v1/tokens/{}/revoke", name), Json::object()));
  if (context.format() == Format::Json) {
    write_json(done);
  } else {
    write_out(fmt::format("revoked {}\n", name));
  }
  return 0;
}

}  // namespace weir::app
