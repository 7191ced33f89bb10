#pragma once
// Users of the API and their tokens, as the state keeps them. Each change is written down as an event of `who`; neither
// passwords nor tokens, nor what is made of them, ever stand in one. Errors: Usage, with what there is instead.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "jobs/follower.h"
#include "server/caller.h"

namespace weir::server {

struct User {
  std::string name;
  Role role = Role::Viewer;
  Instant created_at{}, password_at{};
  std::int64_t logins = 0, tokens = 0;  // that are not over
};

struct Token {
  std::string name, user;
  Role role = Role::Viewer;
  Instant created_at{};
  std::optional<Instant> expires_at, used_at;
};

// How long a login lasts: unused, and at all.
inline constexpr Duration kLoginIdle = std::chrono::hours(12), kLoginLife = std::chrono::hours(7 * 24);

// Names of users and tokens: 1 to 64 letters, digits and . _ - @, a letter or a digit first. `what`: "user", "token".
Status check_name(std::string_view what, std::string const& name);
// 12 characters to 1024 bytes, UTF-8.
Status check_new_password(std::string const& password);

// ---- `kept`: what hash_password() made.
Status add_user(jobs::Change& change, std::string const& name, Role role, std::string const& kept,
                std::string const& who);
// All of the user's logins end. Returns how many that were.
Result<std::int64_t> change_password(jobs::Change& change, std::string const& name, std::string const& kept,
                                     std::string const& who);
// With all logins and tokens. Returns the user as he was.
Result<User> remove_user(jobs::Change& change, std::string const& name, std::string const& who);
Result<User> find_user(jobs::Database& database, std::string const& name, Instant now);
Result<std::vector<User>> list_users(jobs::Database& database, Instant now);  // by name

// ---- `hash`: sha256_hex() of the token.
Status add_token(jobs::Change& change, Token const& token, std::string const& hash, std::string const& who);
Status revoke_token(jobs::Change& change, std::string const& name, std::string const& who);
Result<std::vector<Token>> list_tokens(jobs::Database& database);  // by name

nlohmann::ordered_json user_json(User const& user);
nlohmann::ordered_json token_json(Token const& token);

}  // namespace weir::server
