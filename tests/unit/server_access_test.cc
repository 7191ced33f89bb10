// Logins, tokens and pauses by a clock of the test's own, over either database. What is asked over HTTP is in
// tests/cases/jobs/api_login.case.
#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/password.h"
#include "base/token.h"
#include "jobs/upkeep.h"
#include "server/access.h"
#include "server/accounts.h"
#include "state_database.h"
#include "test_clock.h"

namespace weir::server {
namespace {

using namespace std::chrono_literals;

constexpr char kPassword[] = "four words of ada";

class ServerAccess : public testing::TestWithParam<test::StateKind> {
 protected:
  test::TestClock clock_;
  std::unique_ptr<jobs::Store> store_;
  std::unique_ptr<Access> access_;

  void SetUp() override {
    store_ = test::must(jobs::Store::open(test::new_state(GetParam(), clock_), "weir"));
    access_ = std::make_unique<Access>(*store_, clock_);
    change([](jobs::Change& change) {
      return add_user(change, "ada", Role::Operator, test::must(hash_password(kPassword)), "tester");
    });
  }
  void change(std::function<Status(jobs::Change&)> const& work) {
    auto const done = store_->transact(work);
    ASSERT_TRUE(done.ok()) << done.error().to_text();
  }
  Result<Access::Login> try_login(std::string const& user, std::string const& password, std::string const& from = "a",
                                  std::string const& before = "") {
    return access_->log_in(user, password, from, before, pause_);
  }
  std::string login() { return test::must(try_login("ada", kPassword)).secret; }
  bool counts(std::string const& secret) { return test::must(access_->by_login(secret)).has_value(); }
  bool token_counts(std::string const& secret) { return test::must(access_->by_token(secret)).has_value(); }
  std::string token(std::string const& name, Role role, std::optional<Instant> expires_at = {}) {
    auto secret = new_token();
    change([&](jobs::Change& change) {
      return add_token(change, Token{name, "ada", role, clock_.now(), expires_at, {}}, sha256_hex(secret), "tester");
    });
    return secret;
  }
  std::vector<jobs::Event> events_of(std::string const& kind) {
    std::vector<jobs::Event> found;
    for (auto& event : test::must(store_->events(0, {}, 1000)))
      if (event.kind == kind) found.push_back(std::move(event));
    return found;
  }

  Duration pause_{};
};
INSTANTIATE_TEST_SUITE_P(Both, ServerAccess, test::kBothStates, test::state_kind_name);

TEST_P(ServerAccess, ALoginEndsUnusedAfterTwelveHoursAndAtAllAfterAWeek) {
  auto const unused = login(), used = login();
  for (int hour = 0; hour < 7 * 24 - 1; ++hour) {
    clock_.advance(1h);
    EXPECT_TRUE(counts(used)) << hour;
    if (hour == 10) {
      EXPECT_TRUE(counts(unused));  // and anew from here
    }
  }
  EXPECT_FALSE(counts(unused));
  clock_.advance(59min);
  EXPECT_TRUE(counts(used));
  clock_.advance(1min);
  EXPECT_FALSE(counts(used));

  auto const late = login();
  clock_.advance(12h - 1us);
  EXPECT_TRUE(counts(late));
  clock_.advance(12h);
  EXPECT_FALSE(counts(late));
}

TEST_P(ServerAccess, ALoginTakesThePlaceOfTheOneBeforeAndEndsWithThePassword) {
  auto const first = login();
  auto const second = test::must(try_login("ada", kPassword, "a", sha256_hex(first)));
  EXPECT_EQ(second.caller.role, Role::Operator);
  EXPECT_FALSE(counts(first));
  EXPECT_TRUE(counts(second.secret));
  auto const third = login(), of_token = token("ci", Role::Viewer);
  change([](jobs::Change& change) -> Status {
    WEIR_TRY(auto const ended,
             change_password(change, "ada", test::must(hash_password("other words of ada")), "tester"));
    EXPECT_EQ(ended, 2);
    return {};
  });
  EXPECT_FALSE(counts(second.secret) || counts(third));
  EXPECT_TRUE(token_counts(of_token));
  EXPECT_FALSE(try_login("ada", kPassword).ok());
  auto const fourth = test::must(try_login("ada", "other words of ada")).secret;
  change([](jobs::Change& change) -> Status {
    WEIR_TRY(auto const gone, remove_user(change, "ada", "tester"));
    EXPECT_EQ(gone.logins, 1);
    EXPECT_EQ(gone.tokens, 1);
    return {};
  });
  EXPECT_FALSE(counts(fourth) || token_counts(of_token));
}

TEST_P(ServerAccess, ATokenCountsUntilItsTimeAndForNoMoreThanItsUserMay) {
  auto const expires_at = clock_.now() + 1h;
  auto const limited = token("limited", Role::Viewer, expires_at), eternal = token("eternal", Role::Operator);
  auto const caller = test::must(access_->by_token(limited));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->role, Role::Viewer);
  EXPECT_EQ(caller->actor(), "ada (token limited)");
  EXPECT_FALSE(token_counts(limited + "0") || token_counts("") || token_counts(sha256_hex(limited)));
  auto const more = store_->transact([&](jobs::Change& change) {
    return add_token(change, Token{"more", "ada", Role::Admin, clock_.now(), {}, {}}, "x", "tester");
  });
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().message(), "a token of \"ada\" cannot be admin: its user is operator");
  change([](jobs::Change& change) -> Status {  // as by hand: there is no command that takes a role away
    WEIR_DO(change.database.query("UPDATE app_user SET role = 'viewer'"));
    return {};
  });
  EXPECT_EQ(test::must(access_->by_token(eternal))->role, Role::Viewer);
  clock_.set(expires_at - 1us);
  EXPECT_TRUE(token_counts(limited));
  clock_.set(expires_at);
  EXPECT_FALSE(token_counts(limited));
  EXPECT_TRUE(token_counts(eternal));
  change([](jobs::Change& change) { return revoke_token(change, "eternal", "tester"); });
  EXPECT_FALSE(token_counts(eternal));
}

TEST_P(ServerAccess, PausesGrowAfterFailuresWhoeverIsTried) {
  for (auto const* user : {"ada", "nobody"}) {
    std::string const from = std::string("of ") + user;
    for (int n = 0; n < 5; ++n) EXPECT_EQ(try_login(user, "wrong", from).error().kind(), ErrorKind::Denied);
    EXPECT_EQ(try_login(user, kPassword, from).error().kind(), ErrorKind::Busy);
    EXPECT_EQ(pause_, 5s);
    EXPECT_EQ(try_login(user, kPassword, "elsewhere").error().kind(), ErrorKind::Busy);
    EXPECT_EQ(try_login("somebody", kPassword, from).error().kind(), ErrorKind::Busy);
    for (auto const after : {10s, 20s, 40s}) {
      clock_.advance(pause_);
      EXPECT_EQ(try_login(user, "wrong", from).error().message(), "user or password is wrong");
      EXPECT_FALSE(try_login(user, "wrong", from).ok());
      EXPECT_EQ(pause_, after);
    }
  }
  auto const told = events_of("weir.login.refused");
  ASSERT_EQ(told.size(), 2U);  // where the pauses begin; what is no user's name is not written down
  EXPECT_EQ(told[0].object, "ada");
  EXPECT_EQ(told[1].object, "");
  EXPECT_NE(told[0].data.find("\"from\":\"of ada\""), std::string::npos) << told[0].data;
  clock_.advance(40s);
  EXPECT_TRUE(try_login("ada", kPassword, "elsewhere").ok());
  EXPECT_FALSE(try_login("ada", "wrong", "elsewhere").ok());  // its failures are forgotten, the network's are not
  EXPECT_EQ(try_login("ada", kPassword, "elsewhere").ok(), true);
}

TEST_P(ServerAccess, APasswordThatIsKeptTheOldWayIsKeptAnewAtALogin) {
  std::string const kept =
      "$argon2id$v=19$m=8192,t=1,p=1$OvrS2wBJUxViyxNbawAHhg$gpZn0ZxwDIxyjKzyHYPTdtb1bMb8wv94iimkfV+YnTI";
  change([&](jobs::Change& change) { return add_user(change, "bo", Role::Viewer, kept, "tester"); });
  EXPECT_FALSE(try_login("bo", "an older passwort").ok());
  EXPECT_TRUE(try_login("bo", "an older password").ok());
  ASSERT_TRUE(store_
                  ->look([&](jobs::Database& database) -> Status {
                    WEIR_TRY(auto const rows, database.query("SELECT password FROM app_user WHERE name = 'bo'"));
                    EXPECT_TRUE(rows.text(0, 0).starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << rows.text(0, 0);
                    return {};
                  })
                  .ok());
  EXPECT_TRUE(try_login("bo", "an older password").ok());
}

TEST(ServerRestored, NobodyIsLoggedInInACopy) {
  test::TestClock clock;
  auto const folder = test::must(TempFolder::create("weir-access-"));
  std::string secret, of_token = new_token();
  {
    auto store =
        test::must(jobs::Store::open(test::must(jobs::open_sqlite(folder.path() / "state.db", clock)), "weir"));
    test::must(store->transact([&](jobs::Change& change) -> Status {
      WEIR_DO(add_user(change, "ada", Role::Admin, test::must(hash_password(kPassword)), "tester"));
      return add_token(change, Token{"ci", "ada", Role::Admin, change.now, {}, {}}, sha256_hex(of_token), "tester");
    }));
    Access access(*store, clock);
    Duration pause{};
    secret = test::must(access.log_in("ada", kPassword, "a", "", pause)).secret;
    EXPECT_TRUE(test::must(access.by_login(secret)));
  }
  test::must(jobs::take_over(test::must(jobs::open_sqlite(folder.path() / "state.db", clock)), {}, "tester"));
  auto const store =
      test::must(jobs::Store::open(test::must(jobs::open_sqlite(folder.path() / "state.db", clock)), "weir"));
  Access access(*store, clock);
  EXPECT_FALSE(test::must(access.by_login(secret)));
  EXPECT_TRUE(test::must(access.by_token(of_token)));
}

TEST(ServerAccessConcurrent, ManyGuessesAtOnceAreNoMoreThanOneAfterTheOther) {
  test::TestClock clock;
  auto const store = test::must(jobs::Store::open(test::must(jobs::open_sqlite("", clock)), "weir"));
  std::string const of_token = new_token();
  test::must(store->transact([&](jobs::Change& change) -> Status {
    WEIR_DO(add_user(change, "ada", Role::Admin, test::must(hash_password(kPassword)), "tester"));
    return add_token(change, Token{"ci", "ada", Role::Admin, change.now, {}, {}}, sha256_hex(of_token), "tester");
  }));
  Access access(*store, clock);
  std::atomic<int> wrong = 0, paused = 0, asked = 0;
  {
    std::vector<std::jthread> guessing;
    for (int n = 0; n < 8; ++n)
      guessing.emplace_back([&, n] {
        for (int m = 0; m < 3; ++m) {
          Duration pause{};
          auto const login = access.log_in("ada", "wrong", "from " + std::to_string(n), "", pause);
          if (login.ok()) continue;
          (login.error().kind() == ErrorKind::Denied ? wrong : paused) += 1;
          if (test::must(access.by_token(of_token))) asked += 1;
        }
      });
  }
  EXPECT_EQ(wrong, 5);
  EXPECT_EQ(paused, 19);
  EXPECT_EQ(asked, 24);
}

TEST(ServerBackOff, IsForgottenAfterItsTimeAndBounded) {
  BackOff pauses({.most_keys = 3});
  Duration now = 100h;
  for (int n = 0; n < 4; ++n) EXPECT_FALSE(pauses.fail("a", now));
  EXPECT_EQ(pauses.pause("a", now), 0s);
  EXPECT_TRUE(pauses.fail("a", now));
  EXPECT_EQ(pauses.pause("a", now), 5s);
  for (int n = 0; n < 50; ++n) EXPECT_FALSE(pauses.fail("a", now));
  EXPECT_EQ(pauses.pause("a", now), 1min);
  now += 1h;
  EXPECT_EQ(pauses.pause("a", now), 0s);
  EXPECT_FALSE(pauses.fail("a", now));
  EXPECT_EQ(pauses.pause("a", now), 0s);
  for (int n = 0; n < 5; ++n) pauses.fail("b", now + 1s);
  pauses.fail("c", now + 2s), pauses.fail("d", now + 2s);
  EXPECT_EQ(pauses.pause("b", now + 2s), 4s);
  pauses.fail("e", now + 3s);  // "b" failed longest ago
  EXPECT_EQ(pauses.pause("b", now + 3s), 0s);
}

TEST(BasePassword, FitsItselfAlone) {
  auto const kept = test::must(hash_password("correct horse"));
  EXPECT_NE(kept, test::must(hash_password("correct horse")));
  EXPECT_TRUE(check_password(kept, "correct horse").fits);
  EXPECT_FALSE(check_password(kept, "correct horse").is_outdated);
  for (auto const* other : {"", "correct hors", "correct horse ", "Correct horse"})
    EXPECT_FALSE(check_password(kept, other).fits) << other;
  for (auto const* none : {"", "x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"})
    EXPECT_FALSE(check_password(none, "").fits) << none;
}

TEST(BaseToken, IsRandomAndComparedWhole) {
  std::set<std::string> seen;
  for (int n = 0; n < 100; ++n) seen.insert(random_hex(32));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(seen.begin()->size(), 64U);
  EXPECT_TRUE(new_token().starts_with("weir_"));
  EXPECT_TRUE(same_token("abc", "abc"));
  EXPECT_FALSE(same_token("abc", "abd") || same_token("abc", "ab") || same_token("ab", "abc") || same_token("", "a"));
}

}  // namespace
}  // namespace weir::server
