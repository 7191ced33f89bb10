// Sessions against a real server: statements, values, errors by kind, transactions, cancelling, faults.

#include "pg/session.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "pg/faults.h"
#include "unit/test_cluster.h"

namespace weir::pg {
namespace {

using test::cluster;
using test::fresh_database;
using test::fresh_session;
using test::must;

// Ends a session's backend from another one and waits until it is gone.
void terminate(int pid) {
  auto admin = must(Session::connect(cluster().options()));
  must(admin.query("SELECT pg_terminate_backend($1::int)", {std::to_string(pid)}));
  for (;;) {
    if (must(admin.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1::int", {std::to_string(pid)})).size() == 0)
      return;
    std::this_thread::yield();
  }
}

// Waits until the backend runs something (or has come so far in it that it waits for the client).
void wait_until_active(int pid, std::string const& wait_event = "") {
  auto admin = must(Session::connect(cluster().options()));
  for (;;) {
    auto rows =
        must(admin.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1::int AND state = 'active' AND "
                         "($2 = '' OR wait_event = $2)",
                         {std::to_string(pid), wait_event}));
    if (rows.size() == 1) return;
    std::this_thread::yield();
  }
}

SessionOptions with(SessionOptions options, std::string const& keyword, std::string const& value) {
  options.parameters.emplace_back(keyword, value);
  return options;
}

TEST(PgSession, values_and_parameters) {
  auto session = fresh_session();
  auto rows = must(session.query("SELECT $1::text AS a, $2::int AS b, NULL::text AS c, true AS d", {"it's", "-7"}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.columns(), 4U);
  EXPECT_EQ(rows.column_name(1), "b");
  EXPECT_EQ(rows.column_type(1), 23U);
  EXPECT_EQ(rows.text(0, "a"), "it's");
  EXPECT_EQ(rows.integer(0, 1), -7);
  EXPECT_TRUE(rows.is_null(0, 2));
  EXPECT_EQ(rows.text(0, 2), "");
  EXPECT_EQ(rows.optional_text(0, 2), std::nullopt);
  EXPECT_TRUE(rows.boolean(0, 3));
  EXPECT_TRUE(must(session.query("SELECT $1::text IS NULL", {std::nullopt})).boolean(0, 0));
  EXPECT_EQ(must(session.execute("CREATE TABLE public.t (i int); INSERT INTO public.t SELECT generate_series(1, 5)"))
                .affected(),
            5U);
}

TEST(PgSession, a_parameter_with_nul_is_refused_not_cut) {
  auto session = fresh_session();
  auto rows = session.query("SELECT $1::text", {std::string("a\0b", 3)});
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().kind(), ErrorKind::Data);
}

TEST(PgSession, prepared_statements_are_planned_once_and_outlive_a_rollback) {
  auto session = fresh_session();
  std::string const text = "SELECT $1::int + 1, $2::text";
  {
    auto transaction = must(Transaction::begin(session));
    std::vector<Parameter> const values{"1", "it's"};
    auto const rows = must(session.query_prepared("weir_sum", text, values));
    EXPECT_EQ(rows.integer(0, 0), 2);
    EXPECT_EQ(rows.text(0, 1), "it's");
    must(std::move(transaction).rollback());
  }
  std::vector<Parameter> const values{"5", std::nullopt};
  auto const rows = must(session.query_prepared("weir_sum", text, values));
  EXPECT_EQ(rows.integer(0, 0), 6);
  EXPECT_TRUE(rows.is_null(0, 1));
  EXPECT_EQ(must(session.query("SELECT current_setting('plan_cache_mode')")).text(0, 0), "auto");
  if (session.server_version() < 140000) return;  // the counters are new there
  EXPECT_EQ(must(session.query(
                     "SELECT generic_plans || '/' || custom_plans FROM pg_prepared_statements WHERE name = 'weir_sum'"))
                .text(0, 0),
            "2/0");
}

TEST(PgSession, what_comes_first_is_carried_out_in_the_round_trip_of_a_prepared_statement) {
  auto session = fresh_session();
  std::string const text = "SELECT current_setting('weir.word', true)";
  auto const say = [&](std::string const& word) {
    return std::string(
        must(session.query_prepared("weir_word", text, {}, "BEGIN; SET LOCAL weir.word = " + word)).text(0, 0));
  };
  EXPECT_FALSE(session.has_prepared("weir_word"));
  EXPECT_EQ(say("one"), "one");  // before it is prepared, in a round trip of its own
  EXPECT_TRUE(session.has_prepared("weir_word"));
  must(session.execute("COMMIT"));
  auto const sent = statements_sent();
  EXPECT_EQ(say("two"), "two");
  EXPECT_EQ(statements_sent(), sent + 1);
  EXPECT_EQ(session.transaction_state(), TransactionState::InTransaction);
}

TEST(PgSession, arrays) {
  auto session = fresh_session();
  auto array = [&](std::string const& expression) { return must(session.query("SELECT " + expression)).array(0, 0); };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(array("'{}'::text[]"), Strings{});
  EXPECT_EQ(array("ARRAY['a']"), Strings{"a"});
  EXPECT_EQ(array("ARRAY['']"), Strings{""});
  EXPECT_EQ(array("ARRAY['a','b c',NULL,'NULL','x,y','{z}','q\"u','back\\slash',' ']"),
            (Strings{"a", "b c", "", "NULL", "x,y", "{z}", "q\"u", "back\\slash", " "}));
  EXPECT_EQ(array("ARRAY[1,2,3]"), (Strings{"1", "2", "3"}));
}

TEST(PgSession, settings_of_every_session) {
  auto session = must(Session::connect(cluster().tcp_options()));
  auto show = [&](std::string const& name) { return std::string(must(session.query("SHOW " + name)).text(0, 0)); };
  EXPECT_EQ(show("DateStyle"), "ISO, YMD");
  EXPECT_EQ(show("IntervalStyle"), "postgres");
  EXPECT_EQ(show("TimeZone"), "UTC");
  EXPECT_EQ(show("client_encoding"), "UTF8");
  EXPECT_EQ(show("search_path"), "pg_catalog");
  EXPECT_EQ(show("bytea_output"), "hex");
  EXPECT_EQ(show("extra_float_digits"), "3");
  EXPECT_EQ(show("application_name"), "weir");
  EXPECT_EQ(show("tcp_keepalives_idle"), "30");
  EXPECT_TRUE(show("tcp_user_timeout") == "300s" || show("tcp_user_timeout") == "300000");
  auto local = must(Session::connect(cluster().options()));
  EXPECT_EQ(must(local.query("SHOW tcp_user_timeout")).text(0, 0), "0");
}

TEST(PgSession, kinds_of_sqlstates) {
  EXPECT_EQ(kind_of_sqlstate("28P01"), ErrorKind::Denied);
  EXPECT_EQ(kind_of_sqlstate("42501"), ErrorKind::Denied);
  EXPECT_EQ(kind_of_sqlstate("3D000"), ErrorKind::Config);
  EXPECT_EQ(kind_of_sqlstate("08006"), ErrorKind::Unavailable);
  EXPECT_EQ(kind_of_sqlstate("08007"), ErrorKind::InDoubt);
  EXPECT_EQ(kind_of_sqlstate("57P01"), ErrorKind::Unavailable);
  EXPECT_EQ(kind_of_sqlstate("53100"), ErrorKind::Unavailable);
  EXPECT_EQ(kind_of_sqlstate("55P03"), ErrorKind::Busy);
  EXPECT_EQ(kind_of_sqlstate("40001"), ErrorKind::Busy);
  EXPECT_EQ(kind_of_sqlstate("40P01"), ErrorKind::Busy);
  EXPECT_EQ(kind_of_sqlstate("40003"), ErrorKind::InDoubt);
  EXPECT_EQ(kind_of_sqlstate("57014"), ErrorKind::Cancelled);
  EXPECT_EQ(kind_of_sqlstate("22P02"), ErrorKind::Data);
  EXPECT_EQ(kind_of_sqlstate("23505"), ErrorKind::Data);
  EXPECT_EQ(kind_of_sqlstate("42P01"), ErrorKind::Sql);
  EXPECT_EQ(kind_of_sqlstate("XX000"), ErrorKind::Sql);
}

TEST(PgSession, errors_carry_the_servers_fields) {
  auto session = fresh_session();
  must(session.execute("CREATE SCHEMA s; CREATE TABLE s.t (i int PRIMARY KEY); INSERT INTO s.t VALUES (1)"));
  auto const duplicate = session.execute("INSERT INTO s.t VALUES (1)");
  ASSERT_FALSE(duplicate.ok());
  EXPECT_EQ(duplicate.error().kind(), ErrorKind::Data);
  EXPECT_EQ(duplicate.error().sqlstate(), "23505");
  EXPECT_EQ(duplicate.error().message(), "duplicate key value violates unique constraint \"t_pkey\"");
  EXPECT_EQ(duplicate.error().cause(), "Key (i)=(1) already exists.");
  EXPECT_EQ(duplicate.error().object(), "s.t");

  auto const hinted = session.query("SELECT length(1::int4, 2)");
  ASSERT_FALSE(hinted.ok());
  EXPECT_EQ(hinted.error().kind(), ErrorKind::Sql);
  EXPECT_EQ(hinted.error().sqlstate(), "42883");
  EXPECT_NE(hinted.error().next().find("explicit type casts"), std::string::npos) << hinted.error().to_text();

  // In a batch the first error counts, and what came before it is undone.
  auto const batch = session.execute("INSERT INTO s.t VALUES (2); SELECT 1/0; SELECT 'x'::int");
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().sqlstate(), "22012");
  EXPECT_EQ(must(session.query("SELECT count(*) FROM s.t")).integer(0, 0), 1);
}

TEST(PgSession, locks_give_busy) {
  auto const database = fresh_database();
  auto one = must(Session::connect(database));
  auto two = must(Session::connect(database));
  must(one.execute("CREATE TABLE public.t (i int)"));
  auto holder = must(Transaction::begin(one));
  must(one.execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE"));
  auto const refused = two.execute("BEGIN; LOCK TABLE public.t IN ACCESS SHARE MODE NOWAIT");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Busy);
  EXPECT_EQ(refused.error().sqlstate(), "55P03");
  must(std::move(holder).rollback());
}

TEST(PgSession, statement_timeout_is_busy_not_cancelled) {
  auto session = fresh_session();
  must(session.execute("SET statement_timeout = '20ms'"));
  auto const rows = session.query("SELECT pg_sleep(60)");
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().sqlstate(), "57014");
  EXPECT_EQ(rows.error().kind(), ErrorKind::Busy);
}

TEST(PgSession, notices_are_kept_as_lines) {
  auto session = fresh_session();
  must(session.execute("DO $$ BEGIN RAISE NOTICE E'one\\ntwo'; RAISE WARNING 'three' USING DETAIL = 'four'; END $$"));
  EXPECT_EQ(session.take_notices(), (std::vector<std::string>{"NOTICE: one two", "WARNING: three (four)"}));
  EXPECT_TRUE(session.take_notices().empty());
}

TEST(PgConnect, refused_wrong_database_wrong_host_wrong_parameter) {
  auto const refused = Session::connect({.parameters = {{"host", "127.0.0.1"}, {"port", "1"}, {"dbname", "x"}}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::Unavailable);
  EXPECT_NE(refused.error().message().find("could not connect to 127.0.0.1:1/x"), std::string::npos);
  EXPECT_NE(refused.error().message().find("Connection refused"), std::string::npos) << refused.error().to_text();

  auto const database = Session::connect(cluster().options("nowhere"));
  ASSERT_FALSE(database.ok());
  EXPECT_EQ(database.error().kind(), ErrorKind::Config);
  EXPECT_EQ(database.error().sqlstate(), "3D000");
  EXPECT_NE(database.error().message().find("database \"nowhere\" does not exist"), std::string::npos);

  auto const host = Session::connect({.parameters = {{"host", "no-such-host.invalid"}, {"dbname", "x"}}});
  ASSERT_FALSE(host.ok());
  EXPECT_EQ(host.error().kind(), ErrorKind::Unavailable) << host.error().to_text();

  auto const keyword = Session::connect({.parameters = {{"hosst", "x"}}});
  ASSERT_FALSE(keyword.ok());
  EXPECT_EQ(keyword.error().kind(), ErrorKind::Config);
  EXPECT_NE(keyword.error().next().find("\"host\""), std::string::npos) << keyword.error().to_text();

  auto const value = Session::connect(with(cluster().tcp_options(), "sslmode", "perhaps"));
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().kind(), ErrorKind::Config) << value.error().to_text();
}

TEST(PgConnect, passwords) {
  auto guarded = must(PrivateCluster::start({.tcp = true, .hba = {"host all weir 127.0.0.1/32 scram-sha-256"}}));
  auto admin = must(Session::connect(guarded.options()));
  must(admin.execute("CREATE ROLE weir LOGIN PASSWORD 'right-horse'"));
  auto options = guarded.tcp_options();
  options.parameters[3].second = "weir";

  options.password = Secret("wrong-horse");
  auto const wrong = Session::connect(options);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::Denied);
  EXPECT_EQ(wrong.error().sqlstate(), "28P01");
  EXPECT_EQ(wrong.error().to_text().find("wrong-horse"), std::string::npos);

  options.password = Secret();
  auto const none = Session::connect(options);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind(), ErrorKind::Denied) << none.error().to_text();

  options.password = Secret("right-horse");
  auto session = must(Session::connect(options));
  EXPECT_EQ(must(session.query("SELECT current_user")).text(0, 0), "weir");
  EXPECT_EQ(session.options().text().find("right-horse"), std::string::npos);
}

TEST(PgTransaction, commits_rolls_back_and_says_which) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int)"));
  {
    auto transaction = must(Transaction::begin(session));
    must(session.execute("INSERT INTO public.t VALUES (1)"));
    EXPECT_EQ(session.transaction_state(), TransactionState::InTransaction);
  }
  EXPECT_EQ(session.transaction_state(), TransactionState::Idle);
  EXPECT_EQ(must(session.query("SELECT count(*) FROM public.t")).integer(0, 0), 0);

  auto kept = must(Transaction::begin(session));
  must(session.execute("INSERT INTO public.t VALUES (2)"));
  auto const id = must(kept.transaction_id());
  must(std::move(kept).commit());
  EXPECT_EQ(must(session.query("SELECT pg_xact_status($1::xid8)", {id})).text(0, 0), "committed");

  auto failed = must(Transaction::begin(session));
  EXPECT_FALSE(session.execute("SELECT 1/0").ok());
  auto const status = std::move(failed).commit();
  ASSERT_FALSE(status.ok());  // the server answers ROLLBACK, and no error
  EXPECT_EQ(status.error().sqlstate(), "25P02");
  EXPECT_EQ(session.transaction_state(), TransactionState::Idle);

  auto outer = must(Transaction::begin(session));
  auto const inner = Transaction::begin(session);
  ASSERT_FALSE(inner.ok());
  EXPECT_EQ(inner.error().kind(), ErrorKind::Internal);
}

TEST(PgTransaction, a_refused_commit_is_no_doubt) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int UNIQUE DEFERRABLE INITIALLY DEFERRED)"));
  auto transaction = must(Transaction::begin(session));
  must(session.execute("INSERT INTO public.t VALUES (1), (1)"));
  auto const status = std::move(transaction).commit();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind(), ErrorKind::Data);
  EXPECT_EQ(status.error().state(), "nothing was committed");
  EXPECT_EQ(session.transaction_state(), TransactionState::Idle);
}

TEST(PgTransaction, a_server_that_went_before_commit_is_no_doubt) {
  auto const database = fresh_database();
  auto session = must(Session::connect(database));
  must(session.execute("CREATE TABLE public.t (i int)"));
  auto transaction = must(Transaction::begin(session));
  must(session.execute("INSERT INTO public.t VALUES (1)"));
  terminate(session.backend_pid());
  auto const status = std::move(transaction).commit();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind(), ErrorKind::Unavailable) << status.error().to_text();
  EXPECT_TRUE(session.is_broken());
  EXPECT_EQ(must(must(Session::connect(database)).query("SELECT count(*) FROM public.t")).integer(0, 0), 0);
}

TEST(PgTransaction, a_lost_commit_is_in_doubt_and_can_be_looked_up) {
  auto const database = fresh_database();
  for (auto const kind : {FaultKind::Lost, FaultKind::Disconnect}) {
    auto session = must(Session::connect(database));
    must(session.execute("DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (i int)"));
    auto transaction = must(Transaction::begin(session));
    must(session.execute("INSERT INTO public.t VALUES (1)"));
    auto const id = must(transaction.transaction_id());
    InstalledFault fault({.kind = kind, .containing = "COMMIT"});
    auto const status = std::move(transaction).commit();
    EXPECT_TRUE(fault.fired());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind(), ErrorKind::InDoubt);
    EXPECT_EQ(status.error().object(), id);

    auto other = must(Session::connect(database));
    std::string outcome = "in progress";
    while (outcome == "in progress") outcome = must(other.query("SELECT pg_xact_status($1::xid8)", {id})).text(0, 0);
    EXPECT_EQ(outcome, kind == FaultKind::Lost ? "committed" : "aborted");
    EXPECT_EQ(must(other.query("SELECT count(*) FROM public.t")).integer(0, 0), kind == FaultKind::Lost ? 1 : 0);
  }
}

TEST(PgFaults, the_nth_statement_fails) {
  auto session = fresh_session();
  auto const before = statements_sent();
  {
    InstalledFault fault({.at = 2, .kind = FaultKind::Error, .sqlstate = "53100"});
    must(session.execute("SELECT 1"));
    EXPECT_FALSE(fault.fired());
    auto const second = session.query("SELECT 2");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().sqlstate(), "53100");
    EXPECT_EQ(second.error().kind(), ErrorKind::Unavailable);
    must(session.query("SELECT 3"));
  }
  EXPECT_EQ(statements_sent(), before + 3);
  {
    auto transaction = must(Transaction::begin(session));
    InstalledFault fault({.kind = FaultKind::Error});
    EXPECT_FALSE(session.query("SELECT 2").ok());
    EXPECT_EQ(session.transaction_state(), TransactionState::Failed);
  }
  EXPECT_EQ(session.transaction_state(), TransactionState::Idle);
  InstalledFault fault({.kind = FaultKind::Disconnect});
  auto const gone = session.query("SELECT 4");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().kind(), ErrorKind::Unavailable);
  EXPECT_TRUE(session.is_broken());
}

TEST(PgCancel, from_another_thread) {
  auto session = fresh_session();
  int const pid = session.backend_pid();
  std::jthread canceller([&session, pid] {
    wait_until_active(pid);
    session.cancel();
  });
  auto const rows = session.query("SELECT pg_sleep(60)");
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().kind(), ErrorKind::Cancelled);
  canceller.join();
  must(session.query("SELECT 1"));
}

TEST(PgCancel, a_stop_refuses_what_follows_but_lets_rollback_through) {
  auto session = fresh_session();
  std::stop_source stop;
  auto transaction = std::optional(must(Transaction::begin(session)));
  {
    Session::CancelOnStop const cancel(session, stop.get_token());
    must(session.query("SELECT 1"));
    std::jthread stopper([&stop, pid = session.backend_pid()] {
      wait_until_active(pid);
      stop.request_stop();
    });
    auto const running = session.query("SELECT pg_sleep(60)");
    ASSERT_FALSE(running.ok());
    EXPECT_EQ(running.error().kind(), ErrorKind::Cancelled);
    auto const next = session.query("SELECT 2");
    ASSERT_FALSE(next.ok());
    EXPECT_EQ(next.error().kind(), ErrorKind::Cancelled);
    transaction.reset();
    EXPECT_EQ(session.transaction_state(), TransactionState::Idle);
  }
  must(session.query("SELECT 3"));
}

TEST(PgCancel, never_reaches_a_later_statement) {
  auto session = fresh_session();
  std::atomic<bool> done = false;
  std::jthread canceller([&] {
    while (!done) session.cancel();
  });
  for (int i = 0; i < 200; ++i) {
    auto const rows = session.query("SELECT 1");
    if (!rows.ok()) {
      ASSERT_EQ(rows.error().kind(), ErrorKind::Cancelled) << rows.error().to_text();
    }
  }
  done = true;
  canceller.join();
  for (int i = 0; i < 50; ++i) must(session.query("SELECT 1"));
}

TEST(PgSession, a_terminated_backend_breaks_the_session) {
  auto session = fresh_session();
  terminate(session.backend_pid());
  auto const rows = session.query("SELECT 1");
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().kind(), ErrorKind::Unavailable);
  EXPECT_TRUE(session.is_broken());
  EXPECT_EQ(session.query("SELECT 1").error().kind(), ErrorKind::Unavailable);
}

}  // namespace
}  // namespace weir::pg
