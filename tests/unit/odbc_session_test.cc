// Sessions through the driver manager, with SQLite's driver; diagnostics; the search for drivers. SQL Server's driver:
// source_sqlserver_*.
#include "odbc/session.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "odbc/diagnostics.h"
#include "odbc/drivers.h"
#include "odbc/freetds_conf.h"
#include "odbc/wide_text.h"

namespace weir::odbc {
namespace {

TEST(OdbcWideText, GoesBothWays) {
  std::string const text = "a\u00e9\u20ac\U0001f600";
  EXPECT_EQ(to_utf16(text), u"a\u00e9\u20ac\U0001f600");
  EXPECT_EQ(to_utf8(to_utf16(text)), text);
  EXPECT_EQ(to_utf8(std::u16string{u'x', char16_t(0xd800)}), "x\ufffd");
  EXPECT_EQ(to_utf16("\xff\xc3"), u"\ufffd\ufffd");
}

TEST(OdbcDiagnostics, KindsFollowTheTellingRecord) {
  using Records = std::vector<Diagnostic>;
  EXPECT_EQ(kind_of(Records{{"42000", 4060, "Cannot open database"}, {"28000", 18456, "Login failed"}}),
            ErrorKind::Config);
  EXPECT_EQ(kind_of(Records{{"28000", 18456, "Login failed"}, {"08001", 0, "Unable to connect"}}), ErrorKind::Denied);
  EXPECT_EQ(kind_of(Records{{"42000", 1205, "deadlock victim"}}), ErrorKind::Busy);
  EXPECT_EQ(kind_of(Records{{"42000", 229, "permission"}}), ErrorKind::Denied);
  EXPECT_EQ(kind_of(Records{{"01000", 20017, "Unexpected EOF from the server"}}), ErrorKind::Unavailable);
  EXPECT_EQ(kind_of(Records{{"HYT00", 20003, "Timeout"}}), ErrorKind::Unavailable);
  EXPECT_EQ(kind_of(Records{{"42S02", 208, "Invalid object name"}}), ErrorKind::Sql);
  EXPECT_EQ(kind_of(Records{{"22003", 8115, "overflow"}}), ErrorKind::Data);
  EXPECT_EQ(kind_of(Records{{"IM002", 0, "Data source name not found"}}), ErrorKind::Config);
  EXPECT_EQ(kind_of(Records{{"01000", 0, "Can't open lib 'x' : file not found"}}), ErrorKind::Config);
  EXPECT_TRUE(holds_failure({{"01000", 0, "message"}, {"42000", 601, "cut"}}));
  EXPECT_FALSE(holds_failure({{"01000", 0, "message"}, {"01004", 0, "cut text"}}));
}

TEST(OdbcDiagnostics, OneErrorHoldsEveryRecord) {
  Error const error = error_of(
      {{"01000", 20002, "Adaptive Server connection failed"}, {"28000", 18456, "Login failed"}}, "connect to x");
  EXPECT_EQ(error.sqlstate(), "28000");
  EXPECT_EQ(error.message(), "cannot connect to x: Login failed (error 18456)");
  EXPECT_NE(error.cause().find("Adaptive Server"), std::string::npos);
}

TEST(OdbcDrivers, AreListedAndChosen) {
  auto const drivers = installed_drivers();
  ASSERT_FALSE(drivers.empty());
  EXPECT_TRUE(find_freetds_library().has_value());
  auto const chosen = choose_sqlserver_driver("");
  ASSERT_TRUE(chosen.ok());
  auto const missing = choose_sqlserver_driver("No Such Driver");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind(), ErrorKind::Config);
  EXPECT_NE(missing.error().cause().find(drivers[0].name), std::string::npos);
  EXPECT_EQ(choose_sqlserver_driver("/no/such/lib.so").error().kind(), ErrorKind::Config);
  EXPECT_EQ(choose_sqlserver_driver(*find_freetds_library()).value(), *find_freetds_library());
}

TEST(OdbcFreetdsConf, HoldsOneSectionAServer) {
  auto const first = add_verified_server({.host = "db1", .port = 1433});
  auto const second = add_verified_server({.host = "db2", .port = 1433, .ca_file = "/etc/ca.pem"});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second);
  EXPECT_EQ(*add_verified_server({.host = "db1", .port = 1433}), *first);
  auto const text = read_file(std::getenv("FREETDSCONF"));
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("[" + *second + "]\n\thost = db2"), std::string::npos);
  EXPECT_NE(text->find("ca file = /etc/ca.pem"), std::string::npos);
  EXPECT_FALSE(add_verified_server({.host = "db1]\n[x"}).ok());
}

Session sqlite() {
  auto session = Session::connect({.attributes = {{"Driver", "SQLite3"}, {"Database", ":memory:"}}, .place = "SQLite"});
  EXPECT_TRUE(session.ok()) << session.error().to_text();
  return std::move(session).value();
}

TEST(OdbcSession, RunsStatementsWithParameters) {
  Session session = sqlite();
  EXPECT_EQ(session.driver().profile, Profile::Generic);
  ASSERT_TRUE(session.execute("create table t (id integer, name text)").ok());
  Parameter const parameters[] = {std::int64_t{7}, text_parameter("na\u00efve \U0001f600")};
  auto statement = session.statement();
  ASSERT_TRUE(statement.ok());
  ASSERT_TRUE(statement->execute("insert into t values (?, ?)", parameters).ok());
  auto const rows = session.query("select id, name, null as none from t where id = ?", {std::int64_t{7}});
  ASSERT_TRUE(rows.ok()) << rows.error().to_text();
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->integer(0, "id"), 7);
  EXPECT_EQ(rows->text(0, "name"), "na\u00efve \U0001f600");
  EXPECT_FALSE(rows->rows[0][2].has_value());
}

TEST(OdbcSession, ReadsBoundColumnsAndLongValues) {
  Session session = sqlite();
  auto statement = session.statement();
  ASSERT_TRUE(statement.ok());
  ASSERT_TRUE(statement->execute("select 1 as a, hex(zeroblob(150000)) as b union all select 2, 'x'").ok());
  std::int64_t a = 0;
  Indicator there = 0;
  ASSERT_TRUE(statement->bind(0, CType::Int64, &a, sizeof a, &there).ok());
  ASSERT_TRUE(*statement->fetch());
  EXPECT_EQ(a, 1);
  std::string value;
  EXPECT_EQ(statement->get_value(1, CType::Char, value, 1'000'000)->value(), std::string(300000, '0'));
  ASSERT_TRUE(*statement->fetch());
  EXPECT_EQ(statement->get_text(1)->value(), "x");
  EXPECT_FALSE(*statement->fetch());
}

TEST(OdbcSession, RefusesWhatIsLongerThanAllowed) {
  Session session = sqlite();
  auto statement = session.statement();
  ASSERT_TRUE(statement->execute("select hex(zeroblob(150000))").ok());
  ASSERT_TRUE(*statement->fetch());
  std::string value;
  auto const got = statement->get_value(0, CType::Char, value, 100'000);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().kind(), ErrorKind::Data);
}

TEST(OdbcSession, ErrorsSayWhatAndWhere) {
  Session session = sqlite();
  auto const wrong = session.query("select * from nowhere");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind(), ErrorKind::Sql);
  EXPECT_NE(wrong.error().message().find("nowhere"), std::string::npos);
  auto const missing = Session::connect({.attributes = {{"Driver", "No Such Driver"}}, .place = "nowhere"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind(), ErrorKind::Config) << missing.error().to_text();
}

}  // namespace
}  // namespace weir::odbc
