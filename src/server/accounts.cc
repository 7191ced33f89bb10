#include "server/accounts.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "base/time_text.h"

namespace weir::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestName = 64, kLongestPassword = 1024;
constexpr std::ptrdiff_t kShortestPassword = 12;
constexpr std::string_view kNothingChanged = "nothing was changed";

constexpr std::string_view kUsers =
    "SELECT u.name, u.role, u.created_at, u.password_at, (SELECT count(*) FROM login l WHERE l.user_name = u.name AND "
    "l.created_at > $1 AND l.used_at > $2), (SELECT count(*) FROM api_token t WHERE t.user_name = u.name AND "
    "(t.expires_at IS NULL OR t.expires_at > $3)) FROM app_user u";

Status tell(jobs::Change& change, char const* kind, std::string const& object, Json const& data,
            std::string const& who) {
  jobs::NewEvent event;
  event.kind = kind;
  event.object = object;
  event.data = json_line(data);
  WEIR_DO(change.append(event, who));
  return {};
}

Result<std::vector<std::string>> names_of(jobs::Database& database, std::string_view sql) {
  WEIR_TRY(auto const rows, database.query(sql));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.size(); ++i) names.push_back(rows.text(i, 0));
  return names;
}

Error no_user(std::string const& name, std::vector<std::string> const& known) {
  std::string next = did_you_mean(name, known);
  if (next.empty()) next = known.empty() ? "weir user add makes one" : "weir user ls lists them";
  return Error(ErrorKind::Usage, fmt::format("user \"{}\" does not exist", name))
      .object(name)
      .state(std::string(kNothingChanged))
      .next(std::move(next));
}

Status need_user(jobs::Database& database, std::string const& name) {
  WEIR_TRY(auto const known, names_of(database, "SELECT name FROM app_user ORDER BY name"));
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  return no_user(name, known);
}

User user_of(jobs::Rows const& rows, std::size_t row) {
  return User{rows.text(row, 0),    role_named(rows.text(row, 1)).value_or(Role::Nobody),
              rows.instant(row, 2), rows.instant(row, 3),
              rows.number(row, 4),  rows.number(row, 5)};
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::Viewer:
      return "viewer";
    case Role::Operator:
      return "operator";
    case Role::Admin:
      return "admin";
    case Role::Nobody:
      break;
  }
  return "nobody";
}

std::optional<Role> role_named(std::string_view name) {
  for (auto const role : kRoles)
    if (role_name(role) == name) return role;
  return std::nullopt;
}

std::string Caller::actor() const {
  return token.empty() ? name : fmt::format("{} (token {})", name, token);
}

Status check_name(std::string_view what, std::string const& name) {
  auto const is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  bool const fits = !name.empty() && name.size() <= kLongestName && is_letter(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) {
                      return is_letter(c) || std::string_view("._-@").find(c) != std::string_view::npos;
                    });
  // Those are actors of events that nobody asked for.
  bool const is_taken = name == "weir" || name == "schedule";
  if (fits && !is_taken) return {};
  return Error(ErrorKind::Usage, fmt::format("\"{}\" cannot be the name of a {}", name, what))
      .cause(is_taken ? "weir itself does things by that name" : "")
      .state(std::string(kNothingChanged))
      .next("a name is up to 64 letters, digits and . _ - @, and begins with a letter or a digit");
}

Status check_new_password(std::string const& password) {
  auto const wrong = [](std::string why) {
    return Error(ErrorKind::Usage, std::move(why))
        .state(std::string(kNothingChanged))
        .next("take at least 12 characters; a few words that belong to nobody else are easy to keep in mind");
  };
  auto const characters = std::count_if(password.begin(), password.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  if (characters < kShortestPassword)
    return wrong(fmt::format("the password is too short: {} of 12 characters", characters));
  if (password.size() > kLongestPassword) return wrong("the password is longer than 1024 bytes");
  if (!is_utf8(password)) return wrong("the password is no text in UTF-8");
  return {};
}

Status add_user(jobs::Change& change, std::string const& name, Role role, std::string const& kept,
                std::string const& who) {
  WEIR_TRY(auto const made,
           change.database.query("INSERT INTO app_user (name, role, password, created_at, password_at) VALUES ($1, $2, "
                                 "$3, $4, $4) ON CONFLICT DO NOTHING RETURNING name",
                                 {name, role_name(role), kept, change.now}));
  if (made.empty())
    return Error(ErrorKind::Usage, fmt::format("user \"{}\" exists already", name))
        .object(name)
        .state(std::string(kNothingChanged))
        .next(fmt::format("weir user passwd {} changes the password; weir user rm {} comes before another role", name,
                          name));
  return tell(change, "weir.user.added", name, {{"role", role_name(role)}}, who);
}

Result<std::int64_t> change_password(jobs::Change& change, std::string const& name, std::string const& kept,
                                     std::string const& who) {
  WEIR_DO(need_user(change.database, name));
  WEIR_DO(change.database.query("UPDATE app_user SET password = $2, password_at = $3 WHERE name = $1",
                                {name, kept, change.now}));
  WEIR_TRY(auto const ended, change.database.query("DELETE FROM login WHERE user_name = $1 RETURNING id", {name}));
  auto const count = static_cast<std::int64_t>(ended.size());
  WEIR_DO(tell(change, "weir.user.password", name, {{"logins_ended", count}}, who));
  return count;
}

Result<User> remove_user(jobs::Change& change, std::string const& name, std::string const& who) {
  WEIR_TRY(auto user, find_user(change.database, name, change.now));
  WEIR_DO(change.database.query("DELETE FROM login WHERE user_name = $1", {name}));
  WEIR_DO(change.database.query("DELETE FROM api_token WHERE user_name = $1", {name}));
  WEIR_DO(change.database.query("DELETE FROM app_user WHERE name = $1", {name}));
  WEIR_DO(
      tell(change, "weir.user.removed", name, {{"logins_ended", user.logins}, {"tokens_revoked", user.tokens}}, who));
  return user;
}

Result<User> find_user(jobs::Database& database, std::string const& name, Instant now) {
  WEIR_DO(need_user(database, name));
  WEIR_TRY(auto const rows, database.query(fmt::format("{} WHERE u.name = $4", kUsers),
                                           {now - kLoginLife, now - kLoginIdle, now, name}));
  return user_of(rows, 0);
}

Result<std::vector<User>> list_users(jobs::Database& database, Instant now) {
  WEIR_TRY(auto const rows,
           database.query(fmt::format("{} ORDER BY u.name", kUsers), {now - kLoginLife, now - kLoginIdle, now}));
  std::vector<User> users;
  for (std::size_t i = 0; i < rows.size(); ++i) users.push_back(user_of(rows, i));
  return users;
}

Status add_token(jobs::Change& change, Token const& token, std::string const& hash, std::string const& who) {
  WEIR_TRY(auto const user, find_user(change.database, token.user, change.now));
  if (token.role > user.role)
    return Error(ErrorKind::Usage, fmt::format("a token of \"{}\" cannot be {}: its user is {}", user.name,
                                               role_name(token.role), role_name(user.role)))
        .object(user.name)
        .state(std::string(kNothingChanged))
        .next(fmt::format("leave --role away for a token that is {}, too", role_name(user.role)));
  WEIR_TRY(auto const made,
           change.database.query("INSERT INTO api_token (name, user_name, role, hash, created_at, expires_at) VALUES "
                                 "($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING name",
                                 {token.name, token.user, role_name(token.role), hash, change.now, token.expires_at}));
  if (made.empty())
    return Error(ErrorKind::Usage, fmt::format("token \"{}\" exists already", token.name))
        .object(token.name)
        .state(std::string(kNothingChanged))
        .next(fmt::format("take another name, or weir token revoke {} first", token.name));
  return tell(change, "weir.token.created", token.name,
              {{"user", token.user}, {"role", role_name(token.role)}, {"expires_at", json_time(token.expires_at)}},
              who);
}

Status revoke_token(jobs::Change& change, std::string const& name, std::string const& who) {
  WEIR_TRY(auto const gone, change.database.query("DELETE FROM api_token WHERE name = $1 RETURNING user_name", {name}));
  if (!gone.empty()) return tell(change, "weir.token.revoked", name, {{"user", gone.text(0, 0)}}, who);
  WEIR_TRY(auto const known, names_of(change.database, "SELECT name FROM api_token ORDER BY name"));
  std::string next = did_you_mean(name, known);
  if (next.empty()) next = known.empty() ? "there is none" : "weir token ls lists them";
  return Error(ErrorKind::Usage, fmt::format("token \"{}\" does not exist", name))
      .object(name)
      .state(std::string(kNothingChanged))
      .next(std::move(next));
}

Result<std::vector<Token>> list_tokens(jobs::Database& database) {
  WEIR_TRY(auto const rows, database.query("SELECT name, user_name, role, created_at, expires_at, used_at FROM "
                                           "api_token ORDER BY name"));
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < rows.size(); ++i)
    tokens.push_back(Token{rows.text(i, 0), rows.text(i, 1), role_named(rows.text(i, 2)).value_or(Role::Nobody),
                           rows.instant(i, 3), rows.maybe_instant(i, 4), rows.maybe_instant(i, 5)});
  return tokens;
}

Json user_json(User const& user) {
  return Json{{"name", user.name},
              {"role", role_name(user.role)},
              {"created_at", iso_text(user.created_at)},
              {"password_at", iso_text(user.password_at)},
              {"logins", user.logins},
              {"tokens", user.tokens}};
}

Json token_json(Token const& token) {
  return Json{{"name", token.name},
              {"user", token.user},
              {"role", role_name(token.role)},
              {"created_at", iso_text(token.created_at)},
              {"expires_at", json_time(token.expires_at)},
              {"used_at", json_time(token.used_at)}};
}

}  // namespace weir::server
