#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "base/password.h"
#include "base/text.h"
#include "server/accounts.h"
#include "server/handlers.h"

namespace weir::server {
namespace {

// The role that a body names; where it names none, `usual`.
Result<Role> role_in(Json const& body, Role usual) {
  auto const name = text_at(body, "role");
  if (!body.contains("role") || body["role"].is_null()) return usual;
  if (auto const role = role_named(name)) return *role;
  return Error(ErrorKind::Usage, fmt::format("\"{}\" is no role", name))
      .state("nothing was changed")
      .next("viewer, operator or admin");
}

Json me(Caller const& caller) {
  return Json{{"user", caller.name},
              {"role", role_name(caller.role)},
              {"token", caller.token.empty() ? Json() : Json(caller.token)}};
}

Result<Json> object_in(Request const& request) {
  auto body = parse_json(request.body);
  if (body.is_object()) return body;
  return Error(ErrorKind::Usage, "the body is no JSON object").state("nothing was changed");
}

}  // namespace

Result<Json> Handlers::log_in() {
  WEIR_TRY(auto const body, object_in(request));
  Duration pause{};
  auto login =
      api.access.log_in(text_at(body, "user"), text_at(body, "password"), request.from, request.caller.login, pause);
  if (!login.ok()) {
    if (login.error().kind() == ErrorKind::Denied) response.status = 401;
    if (pause > Duration::zero()) response.status = 429;
    response.retry_after_s = std::chrono::ceil<std::chrono::seconds>(pause).count();
    return std::move(login).error();
  }
  response.cookie = login->secret;
  return me(login->caller);
}

Result<Json> Handlers::log_out() {
  if (request.caller.login.empty())
    return Error(ErrorKind::Usage, "this is no login")
        .state("nothing was changed")
        .next("a token ends by weir token revoke");
  WEIR_DO(api.access.log_out(request.caller.login));
  response.cookie = "";
  return Json{{"user", request.caller.name}};
}

Result<Json> Handlers::show_me() {
  return me(request.caller);
}

Result<Json> Handlers::list_users() {
  Json list = Json::array();
  WEIR_TRY(auto const now, api.store.now());
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const users, server::list_users(database, now));
    for (auto const& user : users) list.push_back(user_json(user));
    return {};
  }));
  return Json{{"users", std::move(list)}};
}

Result<Json> Handlers::add_user() {
  WEIR_TRY(auto const body, object_in(request));
  auto const name = text_at(body, "name"), password = text_at(body, "password");
  WEIR_TRY(auto const role, role_in(body, Role::Viewer));
  WEIR_DO(check_name("user", name));
  WEIR_DO(check_new_password(password));
  WEIR_TRY(auto const kept, hash_password(password));
  User made;
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    WEIR_DO(server::add_user(change, name, role, kept, request.caller.actor()));
    WEIR_TRY(made, find_user(change.database, name, change.now));
    return {};
  }));
  return user_json(made);
}

Result<Json> Handlers::change_password() {
  WEIR_TRY(auto const body, object_in(request));
  auto const& name = places.at("name");
  auto const password = text_at(body, "password");
  WEIR_DO(check_new_password(password));
  WEIR_TRY(auto const kept, hash_password(password));
  std::int64_t ended = 0;
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(ended, server::change_password(change, name, kept, request.caller.actor()));
    return {};
  }));
  return Json{{"name", name}, {"logins_ended", ended}};
}

Result<Json> Handlers::remove_user() {
  User gone;
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(gone, server::remove_user(change, places.at("name"), request.caller.actor()));
    return {};
  }));
  return Json{{"name", gone.name}, {"logins_ended", gone.logins}, {"tokens_revoked", gone.tokens}};
}

Result<Json> Handlers::list_tokens() {
  Json list = Json::array();
  WEIR_DO(api.store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const tokens, server::list_tokens(database));
    for (auto const& token : tokens) list.push_back(token_json(token));
    return {};
  }));
  return Json{{"tokens", std::move(list)}};
}

Result<Json> Handlers::create_token() {
  WEIR_TRY(auto const body, object_in(request));
  Token token;
  token.name = text_at(body, "name");
  token.user = text_at(body, "user");
  auto const life = number_at(body, "expires_s");
  if (body.contains("expires_s") && (life <= 0 || life > 100LL * 366 * 86400))
    return Error(ErrorKind::Usage, "\"expires_s\" is a number of seconds, up to a hundred years")
        .state("nothing was changed");
  WEIR_DO(check_name("token", token.name));
  auto const secret = new_token();
  WEIR_DO(api.store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(auto const user, find_user(change.database, token.user, change.now));
    WEIR_TRY(token.role, role_in(body, user.role));
    token.created_at = change.now;
    if (life > 0) token.expires_at = change.now + std::chrono::seconds(life);
    return add_token(change, token, sha256_hex(secret), request.caller.actor());
  }));
  Json json = token_json(token);
  json["token"] = secret;
  return json;
}

Result<Json> Handlers::revoke_token() {
  auto const& name = places.at("name");
  WEIR_DO(api.store.transact(
      [&](jobs::Change& change) { return server::revoke_token(change, name, request.caller.actor()); }));
  return Json{{"name", name}};
}

}  // namespace weir::server
