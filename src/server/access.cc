#include "server/access.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "base/password.h"
#include "base/text.h"
#include "base/token.h"
#include "server/accounts.h"

namespace weir::server {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kLongestKey = 64;
// When something was last used is written this often: reading is not to be a write each time.
constexpr Duration kUseGrain = std::chrono::minutes(1);

// People share networks and mistype; who guesses at many users comes from few of them.
constexpr BackOff::Rule kByNetwork{.longest = std::chrono::minutes(15)};

Error wrong_login() {
  return Error(ErrorKind::Denied, "user or password is wrong")
      .state("nobody is logged in")
      .next("try again; weir user ls, on weir's machine, lists the users, weir user passwd sets a password");
}

Error paused(Duration pause) {
  return Error(ErrorKind::Busy, "logins failed too often")
      .state("this one was not tried")
      .next(fmt::format("try again in {}", format_duration(std::chrono::ceil<std::chrono::seconds>(pause))));
}

struct Kept {
  bool exists = false;
  std::string password;
};

Result<Kept> kept_of(jobs::Store& store, std::string const& user) {
  Kept kept;
  WEIR_DO(store.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const rows, database.query("SELECT password FROM app_user WHERE name = $1", {user}));
    kept.exists = !rows.empty();
    if (kept.exists) kept.password = rows.text(0, 0);
    return {};
  }));
  return kept;
}

Status touch(jobs::Store& store, std::string_view sql, std::string const& hash) {
  return store.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(auto const done, change.database.query(sql, {hash, change.now}));
    return {};
  });
}

}  // namespace

std::string new_token() {
  return "weir_" + random_hex(kSecretBytes);
}

Access::Access(jobs::Store& store, Clock& clock)
    : store_(store), clock_(clock), by_user_(BackOff::Rule{}), by_network_(kByNetwork) {}

// Made with the first login, whoever it is: the second is as fast for everybody.
Result<std::string> Access::decoy() {
  if (decoy_.empty()) {
    WEIR_TRY(decoy_, hash_password(random_hex(kSecretBytes)));
  }
  return decoy_;
}

// One event where pauses begin, not one for each try. What is no user's name may be a password in the wrong field.
Status Access::failed(std::string const& user, bool exists, std::string const& from) {
  auto const now = clock_.monotonic();
  bool const user_begins = by_user_.fail(user.substr(0, kLongestKey), now);
  bool const network_begins = by_network_.fail(from, now);
  if (!user_begins && !network_begins) return {};
  jobs::NewEvent event;
  event.kind = "weir.login.refused";
  event.object = exists && user_begins ? user : "";
  event.data = json_line({{"from", from},
                          {"why", fmt::format("logins {} {} failed too often; pauses grow from here",
                                              network_begins ? "from" : "of one name, the last from", from)}});
  return store_.add_events({event});
}

Result<Access::Login> Access::log_in(std::string const& user, std::string const& password, std::string const& from,
                                     std::string const& before, Duration& pause) {
  MutexLock lock(mutex_);
  auto const now = clock_.monotonic();
  pause = std::max(by_user_.pause(user.substr(0, kLongestKey), now), by_network_.pause(from, now));
  if (pause > Duration::zero()) return paused(pause);
  WEIR_TRY(auto const fallback, decoy());
  WEIR_TRY(auto const kept, kept_of(store_, user));
  auto const check = check_password(kept.exists ? kept.password : fallback, password);
  if (!kept.exists || !check.fits) {
    WEIR_DO(failed(user, kept.exists, from));
    return wrong_login();
  }
  by_user_.forget(user.substr(0, kLongestKey));
  std::string renewed;
  if (check.is_outdated) {
    WEIR_TRY(renewed, hash_password(password));
  }
  return begin(user, kept.password, renewed, before);
}

Result<Access::Login> Access::begin(std::string const& user, std::string const& kept, std::string const& renewed,
                                    std::string const& before) {
  Login login;
  login.secret = random_hex(kSecretBytes);
  login.caller.name = user;
  login.caller.login = sha256_hex(login.secret);
  WEIR_DO(store_.transact([&](jobs::Change& change) -> Status {
    // The password may have changed since it was compared, or the user be gone.
    WEIR_TRY(auto const rows,
             change.database.query("UPDATE app_user SET password = $3 WHERE name = $1 AND password = $2 RETURNING role",
                                   {user, kept, renewed.empty() ? kept : renewed}));
    if (rows.empty()) return wrong_login();
    login.caller.role = role_named(rows.text(0, 0)).value_or(Role::Nobody);
    WEIR_TRY(auto const gone,
             change.database.query("DELETE FROM login WHERE id = $1 OR created_at <= $2 OR used_at <= $3",
                                   {before, change.now - kLoginLife, change.now - kLoginIdle}));
    WEIR_TRY(auto const made,
             change.database.query("INSERT INTO login (id, user_name, created_at, used_at) VALUES ($1, $2, $3, $3)",
                                   {login.caller.login, user, change.now}));
    return {};
  }));
  return login;
}

Status Access::log_out(std::string const& login) {
  return store_.transact([&](jobs::Change& change) -> Status {
    WEIR_TRY(auto const gone, change.database.query("DELETE FROM login WHERE id = $1", {login}));
    return {};
  });
}

Result<std::optional<Caller>> Access::by_login(std::string const& secret) {
  auto const id = sha256_hex(secret);
  std::optional<Caller> caller;
  bool is_to_touch = false;
  WEIR_DO(store_.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const us, database.now_us());
    Instant const now{Duration(us)};
    WEIR_TRY(auto const rows,
             database.query("SELECT u.name, u.role, l.used_at FROM login l JOIN app_user u ON u.name = l.user_name "
                            "WHERE l.id = $1 AND l.created_at > $2 AND l.used_at > $3",
                            {id, now - kLoginLife, now - kLoginIdle}));
    if (rows.empty()) return {};
    caller = Caller{role_named(rows.text(0, 1)).value_or(Role::Nobody), rows.text(0, 0), {}, id};
    is_to_touch = now - rows.instant(0, 2) >= kUseGrain;
    return {};
  }));
  if (is_to_touch) {
    WEIR_DO(touch(store_, "UPDATE login SET used_at = $2 WHERE id = $1", id));
  }
  return caller;
}

Result<std::optional<Caller>> Access::by_token(std::string const& secret) {
  auto const hash = sha256_hex(secret);
  std::optional<Caller> caller;
  bool is_to_touch = false;
  WEIR_DO(store_.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const us, database.now_us());
    Instant const now{Duration(us)};
    WEIR_TRY(auto const rows,
             database.query("SELECT u.name, u.role, t.name, t.role, t.used_at FROM api_token t JOIN app_user u ON "
                            "u.name = t.user_name WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)",
                            {hash, now}));
    if (rows.empty()) return {};
    auto const of_user = role_named(rows.text(0, 1)).value_or(Role::Nobody);
    auto const of_token = role_named(rows.text(0, 3)).value_or(Role::Nobody);
    caller = Caller{std::min(of_user, of_token), rows.text(0, 0), rows.text(0, 2), {}};
    auto const used_at = rows.maybe_instant(0, 4);
    is_to_touch = !used_at || now - *used_at >= kUseGrain;
    return {};
  }));
  if (is_to_touch) {
    WEIR_DO(touch(store_, "UPDATE api_token SET used_at = $2 WHERE hash = $1", hash));
  }
  return caller;
}

Result<bool> Access::knows_anybody() {
  bool knows = false;
  WEIR_DO(store_.look([&](jobs::Database& database) -> Status {
    WEIR_TRY(auto const rows, database.query("SELECT 1 FROM app_user LIMIT 1"));
    knows = !rows.empty();
    return {};
  }));
  return knows;
}

}  // namespace weir::server
