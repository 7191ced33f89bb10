// COPY in both directions against a real server, with everything that goes wrong in the middle.

#include <gtest/gtest.h>

#include <thread>

#include "pg/faults.h"
#include "pg/session.h"
#include "unit/test_cluster.h"

namespace weir::pg {
namespace {

using test::cluster;
using test::fresh_database;
using test::fresh_session;
using test::must;

std::string lines(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST(PgCopy, in_and_out) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int)"));
  {
    auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
    std::string const text = lines(1, 100000);
    must(copy.write(std::string_view(text).substr(0, 3)));  // not whole rows
    must(copy.write(std::string_view(text).substr(3)));
    must(copy.write(""));
    EXPECT_EQ(must(std::move(copy).finish()), 100000U);
  }
  EXPECT_EQ(must(session.query("SELECT sum(i) FROM public.t")).integer(0, 0), 5000050000);
  auto out = must(session.copy_out("COPY (SELECT i FROM public.t ORDER BY i) TO STDOUT"));
  std::string all;
  for (;;) {
    auto const message = must(out.read());
    if (!message) break;
    all += *message;
  }
  EXPECT_EQ(all, lines(1, 100000));
  EXPECT_EQ(must(out.read()), std::nullopt);
}

TEST(PgCopy, given_up_is_undone_and_the_session_lives) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int)"));
  {
    auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
    must(copy.write("1\n"));
  }
  EXPECT_EQ(must(session.query("SELECT count(*) FROM public.t")).integer(0, 0), 0);
  { auto out = must(session.copy_out("COPY (SELECT generate_series(1, 10000000)) TO STDOUT")); }
  {
    auto out = must(session.copy_out("COPY (SELECT generate_series(1, 10000000)) TO STDOUT"));
    EXPECT_EQ(must(out.read()), "1\n");
  }
  EXPECT_EQ(must(session.query("SELECT 1")).integer(0, 0), 1);
}

TEST(PgCopy, an_error_in_the_middle_ends_the_sending) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int CHECK (i > 0))"));
  auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
  must(copy.write("-1\n"));
  std::string const piece = lines(1, 20000);
  Status status;
  std::uint64_t sent = 0;
  for (; status.ok() && sent < std::uint64_t{4} << 30; sent += piece.size()) status = copy.write(piece);
  ASSERT_FALSE(status.ok()) << "4 GiB were sent to a COPY that failed in its first line";
  EXPECT_EQ(status.error().sqlstate(), "23514");
  EXPECT_EQ(status.error().kind(), ErrorKind::Data);
  EXPECT_NE(status.error().where().find("COPY t, line 1"), std::string::npos) << status.error().to_text();
  EXPECT_EQ(must(session.query("SELECT count(*) FROM public.t")).integer(0, 0), 0);
}

TEST(PgCopy, an_error_at_the_end) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int PRIMARY KEY)"));
  auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
  must(copy.write("1\n2\n1\n"));
  auto const rows = std::move(copy).finish();
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().sqlstate(), "23505");
  must(session.query("SELECT 1"));
}

TEST(PgCopy, notices_in_the_middle_are_no_error) {
  auto session = fresh_session();
  must(
      session.execute("CREATE TABLE public.t (i int, t text); "
                      "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                      "RAISE NOTICE 'row % %', NEW.i, repeat('x', 500); RETURN NEW; END $$; "
                      "CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()"));
  auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
  // More than the network holds, so that notices arrive while there is still data to send.
  std::string const wide(10000, 'w');
  for (int i = 0; i < 2000; ++i) must(copy.write(std::to_string(i) + "\t" + wide + "\n"));
  EXPECT_FALSE(session.take_notices().empty());
  EXPECT_EQ(must(std::move(copy).finish()), 2000U);
}

TEST(PgCopy, terminated_backend) {
  auto const database = fresh_database();
  auto admin = must(Session::connect(database));
  must(admin.execute("CREATE TABLE public.t (i int)"));
  auto session = must(Session::connect(database));
  auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
  must(admin.query("SELECT pg_terminate_backend($1::int)", {std::to_string(session.backend_pid())}));
  std::string const piece = lines(1, 20000);
  Status status;
  for (int i = 0; status.ok() && i < 100000; ++i) status = copy.write(piece);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind(), ErrorKind::Unavailable) << status.error().to_text();
  EXPECT_TRUE(session.is_broken());

  auto reader = must(Session::connect(database));
  auto out = must(reader.copy_out("COPY (SELECT generate_series(1, 100000000)) TO STDOUT"));
  must(admin.query("SELECT pg_terminate_backend($1::int)", {std::to_string(reader.backend_pid())}));
  for (;;) {
    auto const message = out.read();
    if (message.ok()) {
      ASSERT_TRUE(message->has_value()) << "a COPY that was cut looks complete";
      continue;
    }
    EXPECT_EQ(message.error().kind(), ErrorKind::Unavailable) << message.error().to_text();
    break;
  }
  EXPECT_FALSE(out.read().ok());
}

TEST(PgCopy, cancelled_in_both_directions) {
  auto session = fresh_session();
  must(session.execute("CREATE TABLE public.t (i int)"));
  std::stop_source stop;
  {
    Session::CancelOnStop const cancel(session, stop.get_token());
    auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
    must(copy.write("1\n"));
    stop.request_stop();
    auto const status = copy.write("2\n");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind(), ErrorKind::Cancelled) << status.error().to_text();
  }
  EXPECT_EQ(must(session.query("SELECT count(*) FROM public.t")).integer(0, 0), 0);
  auto out = must(session.copy_out("COPY (SELECT generate_series(1, 100000000)) TO STDOUT"));
  must(out.read());
  session.cancel();
  for (;;) {
    auto const message = out.read();
    if (message.ok()) {
      ASSERT_TRUE(message->has_value());
      continue;
    }
    EXPECT_EQ(message.error().kind(), ErrorKind::Cancelled) << message.error().to_text();
    break;
  }
  must(session.query("SELECT 1"));
}

TEST(PgCopy, faults_at_its_end) {
  auto const database = fresh_database();
  auto admin = must(Session::connect(database));
  must(admin.execute("CREATE TABLE public.t (i int)"));
  struct Expected {
    FaultKind kind;
    ErrorKind error;
    std::int64_t rows;
  };
  for (auto const& [kind, error, rows] :
       {Expected{FaultKind::Error, ErrorKind::Sql, 0}, Expected{FaultKind::Disconnect, ErrorKind::Unavailable, 0},
        Expected{FaultKind::Lost, ErrorKind::Unavailable, 1}}) {
    auto session = must(Session::connect(database));
    auto copy = must(session.copy_in("COPY public.t FROM STDIN"));
    must(copy.write("1\n"));
    InstalledFault fault({.kind = kind, .containing = "COPY end"});
    auto const finished = std::move(copy).finish();
    ASSERT_FALSE(finished.ok());
    EXPECT_EQ(finished.error().kind(), error) << finished.error().to_text();
    EXPECT_EQ(session.is_broken(), kind != FaultKind::Error);
    EXPECT_EQ(must(admin.query("SELECT count(*) FROM public.t")).integer(0, 0), rows);
  }
}

TEST(PgCopy, wrong_statement) {
  auto session = fresh_session();
  EXPECT_EQ(session.copy_in("COPY nowhere FROM STDIN").error().sqlstate(), "42P01");
  EXPECT_EQ(session.copy_in("SELECT 1").error().kind(), ErrorKind::Internal);
  must(session.query("SELECT 1"));
}

}  // namespace
}  // namespace weir::pg
