// What the state in PostgreSQL has to stand that a file of one program has not: several programs at once, connections
// that are lost at any statement, answers that are lost. Also under the thread sanitizer.
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/file.h"
#include "jobs/store.h"
#include "pg/faults.h"
#include "state_database.h"

namespace weir::jobs {
namespace {

using namespace std::chrono_literals;
using test::must;

std::unique_ptr<Store> open_at(pg::SessionOptions const& options) {
  return must(Store::open(must(open_postgres({options})), "weir"));
}

NewJob wanted(std::string name) {
  NewJob job;
  job.definition.name = name;
  job.definition.steps = {{config::JobStep::Kind::Sync, std::move(name), {}}};
  return job;
}

// From made to ended, each by whoever comes first; the tokens of the attempts that this worker ended.
std::vector<std::int64_t> work(pg::SessionOptions const& options, std::string const& worker, int jobs) {
  auto const store = open_at(options);
  std::vector<std::int64_t> ended;
  for (int i = 0; i < jobs; ++i) {
    must(store->enqueue(wanted(worker + std::to_string(i))));
    auto const claim = must(store->claim(worker, 30s));
    if (!claim) continue;
    must(store->finish(*claim, {}, 0));
    ended.push_back(claim->job.token);
  }
  return ended;
}

TEST(JobsPostgresConcurrent, SeveralProgramsTakeEachJobOnce) {
  auto const options = test::fresh_database();
  constexpr int kWorkers = 4, kJobs = 10;
  std::vector<std::vector<std::int64_t>> ended(kWorkers);
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < kWorkers; ++n)
      threads.emplace_back([&, n] {
        ended[static_cast<std::size_t>(n)] = work(options, std::string(1, static_cast<char>('a' + n)), kJobs);
      });
  }
  auto const store = open_at(options);
  std::multiset<std::int64_t> tokens;
  for (auto const& one : ended) tokens.insert(one.begin(), one.end());
  EXPECT_EQ(tokens.size(), std::set<std::int64_t>(tokens.begin(), tokens.end()).size());
  auto const all = must(store->jobs({"", {}, {}, 1000}));
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kWorkers * kJobs));
  for (auto const& job : all) {
    EXPECT_EQ(job.state, JobState::Succeeded) << job.id;
    EXPECT_EQ(job.attempts, 1);
  }
  EXPECT_EQ(must(store->broken_link()), std::nullopt);
}

TEST(JobsPostgresConcurrent, ASchemaThatAnotherMakesAtThisMomentIsTaken) {
  auto const options = test::fresh_database();
  auto other = must(pg::Session::connect(options));
  must(other.execute("BEGIN"));
  must(other.execute("CREATE SCHEMA weir_state"));
  std::atomic<bool> has_opened = false;
  std::jthread opening([&] {
    auto const opened = open_postgres({options});
    EXPECT_TRUE(opened.ok()) << opened.error().to_text();
    has_opened = true;
  });
  while (!has_opened &&
         must(other.query("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"))
                 .integer(0, 0) == 0) {
  }
  EXPECT_FALSE(has_opened);
  must(other.execute("COMMIT"));
}

#if defined(WEIR_TEST_HOOKS)

// Whoever asks again while the state is away: what a Runner does.
template <typename T, typename Ask>
T patiently(Ask ask, int& failures) {
  for (;;) {
    auto answer = ask();
    if (answer.ok()) return std::move(*answer);
    EXPECT_EQ(answer.error().kind(), ErrorKind::Unavailable) << answer.error().to_text();
    if (++failures > 5) return T{};
  }
}

TEST(JobsPostgres, AConnectionThatIsLostAtAnyStatementLosesAndDoublesNothing) {
  auto const options = test::fresh_database();
  auto const store = open_at(options);
  int jobs = 0, failures = 0;
  for (auto const kind : {pg::FaultKind::Disconnect, pg::FaultKind::Lost}) {
    bool is_over = false;
    for (std::uint64_t at = 1; !is_over; ++at) {
      SCOPED_TRACE(fmt::format("statement {}, kind {}", at, static_cast<int>(kind)));
      pg::InstalledFault const fault({.at = at, .kind = kind});
      std::string const name = fmt::format("job{}", ++jobs);
      failures = 0;
      auto const made = patiently<Enqueued>([&] { return store->enqueue(wanted(name)); }, failures);
      auto const claim = patiently<std::optional<Claim>>([&] { return store->claim("a", 30s); }, failures);
      ASSERT_TRUE(claim);
      EXPECT_EQ(claim->job.id, made.job);
      EXPECT_TRUE(made.is_new);
      EXPECT_EQ(claim->job.name, name);
      EXPECT_EQ(claim->attempt, 1);
      patiently<AfterAttempt>([&] { return store->finish(*claim, {}, 0); }, failures);
      is_over = !fault.fired();
      EXPECT_LE(failures, 1);
    }
  }
  auto const all = must(store->jobs({"", {}, {}, 1000}));
  EXPECT_EQ(all.size(), static_cast<std::size_t>(jobs));
  for (auto const& job : all) EXPECT_EQ(job.state, JobState::Succeeded) << job.id;
  EXPECT_EQ(must(store->broken_link()), std::nullopt);
}

TEST(JobsPostgres, AnAnswerToCommitThatIsLostIsLookedUp) {
  auto const store = open_at(test::fresh_database());
  pg::InstalledFault const fault({.kind = pg::FaultKind::Lost, .containing = "COMMIT"});
  auto const made = store->enqueue(wanted("nightly"));
  ASSERT_TRUE(made.ok()) << made.error().to_text();
  EXPECT_TRUE(fault.fired());
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(must(store->job(made->job)).state, JobState::Pending);
}

#endif

TEST(JobsPostgres, WhoeverIsInTheMiddleIsWaitedFor) {
  auto const options = test::fresh_database();
  auto const store = open_at(options), other = open_at(options);
  std::jthread second;
  std::atomic<bool> has_made = false;
  must(store->transact([&](Change& change) -> Status {
    second = std::jthread([&] {
      must(other->enqueue(wanted("hourly")));
      has_made = true;
    });
    // Until it waits for the lock.
    auto observer = must(pg::Session::connect(options));
    while (must(observer.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).size() == 0) {
    }
    EXPECT_FALSE(has_made);
    NewEvent note;
    note.kind = "weir.note";
    WEIR_DO(change.append(note, "ada"));
    return {};
  }));
  second.join();
  auto const events = must(store->events(0, std::nullopt, 10));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, "weir.note");
  EXPECT_EQ(must(store->broken_link()), std::nullopt);
}

TEST(JobsPostgres, ANewerStateAndOneThatIsNotThereAreRefused) {
  auto const options = test::fresh_database();
  open_at(options);
  auto session = must(pg::Session::connect(options));
  must(session.execute("INSERT INTO weir_state.schema_version VALUES (1000)"));
  auto const newer = Store::open(must(open_postgres({options})), "weir");
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().kind(), ErrorKind::Config);
  auto gone = options;
  gone.parameters.emplace_back("dbname", "nowhere");
  auto const missing = open_postgres({gone});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind(), ErrorKind::Config);
}

TEST(JobsPostgres, WhoMayNotMakeTheSchemaIsToldSo) {
  auto options = test::fresh_database();
  must(must(pg::Session::connect(options)).execute("CREATE ROLE nobody_here LOGIN"));
  for (auto& [key, value] : options.parameters)
    if (key == "user") value = "nobody_here";
  auto const refused = open_postgres({options});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Denied);
}

TEST(JobsPostgres, AServerThatTakesNoWritesIsRefused) {
  auto cluster = must(pg::PrivateCluster::start());
  must(must(pg::Session::connect(cluster.options())).execute("ALTER SYSTEM SET default_transaction_read_only = on"));
  must(cluster.stop());
  must(cluster.start_again());
  auto const read_only = open_postgres({cluster.options()});
  ASSERT_FALSE(read_only.ok());
  EXPECT_EQ(read_only.error().kind(), ErrorKind::Unavailable);
  EXPECT_NE(read_only.error().message().find("default_transaction_read_only"), std::string::npos);
  must(cluster.stop());
  must(write_file(cluster.folder() / "data" / "standby.signal", "", 0644));
  must(cluster.start_again());
  auto const standby = open_postgres({cluster.options()});
  ASSERT_FALSE(standby.ok());
  EXPECT_EQ(standby.error().kind(), ErrorKind::Unavailable);
  EXPECT_EQ(standby.error().message(), "the server is a standby: it takes no writes");
}

// PgBouncer before the test's server: database "lent" gives each session a server's own for as long as it is open,
// "shared" each transaction whichever is free.
class Pooler {
 public:
  static constexpr char const* kProgram = "/usr/sbin/pgbouncer";

  explicit Pooler(std::string const& database) : folder_(must(TempFolder::create("weir-pool-"))) {
    auto const& cluster = test::cluster();
    auto const ini = folder_.path() / "pool.ini";
    std::string const target =
        fmt::format("host={} port={} dbname={} user=postgres", cluster.folder().string(), cluster.port(), database);
    must(write_file(
        ini,
        fmt::format("[databases]\nlent = {0} pool_mode=session\nshared = {0} pool_mode=transaction\n"
                    "[pgbouncer]\nlisten_addr =\nunix_socket_dir = {1}\nlisten_port = 6432\nauth_type = any\n",
                    target, folder_.path().string()),
        0644));
    ChildOptions options{.folder = folder_.path(), .output = folder_.path() / "pool.log"};
    if (auto const* user = geteuid() == 0 ? getpwnam("postgres") : nullptr; user != nullptr) {
      options.run_as = RunAs{.user = user->pw_uid, .group = user->pw_gid};
      EXPECT_EQ(chown(folder_.path().c_str(), user->pw_uid, user->pw_gid), 0);
    }
    process_ = must(start_child({kProgram, ini.string()}, options));
    while (!std::filesystem::exists(folder_.path() / ".s.PGSQL.6432"))
      if (wait_for_child(process_, 10ms)) break;  // what connects says so
  }
  ~Pooler() {
    kill(process_, SIGKILL);
    wait_for_child(process_, 10s);
  }
  pg::SessionOptions options(std::string const& database) const {
    return {.parameters = {
                {"host", folder_.path().string()}, {"port", "6432"}, {"dbname", database}, {"user", "postgres"}}};
  }

 private:
  TempFolder folder_;
  pid_t process_ = -1;
};

TEST(JobsPostgres, APoolerThatLendsTheServerByTransactionsIsRefused) {
  if (access(Pooler::kProgram, X_OK) != 0) GTEST_SKIP() << "pgbouncer is not installed";
  auto const database = test::fresh_database();
  Pooler const pooler(database.parameters.back().second);
  auto const shared = open_postgres({pooler.options("shared")});
  ASSERT_FALSE(shared.ok());
  EXPECT_EQ(shared.error().kind(), ErrorKind::Config);
  EXPECT_EQ(shared.error().message(), "a pooler in transaction mode stands before the state's database");
  auto const store = open_at(pooler.options("lent"));
  EXPECT_EQ(must(store->enqueue(wanted("nightly"))).job, 1);
}

}  // namespace
}  // namespace weir::jobs
