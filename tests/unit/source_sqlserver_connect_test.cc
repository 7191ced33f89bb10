// Connecting to a SQL Server: logins, certificates, encryption, missing servers; and what discovery says, from the test
// server (tests/tds).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "odbc/drivers.h"
#include "source/sqlserver_session.h"
#include "unit/tds_server.h"

namespace weir::source {
namespace {

constexpr char kDescription[] = R"(
database: Core
schemas: [Integration]
tables:
  - name: dbo.Country
    primary_key: [CountryId]
    columns:
      - CountryId int identity not null
      - {name: Code, type: nvarchar(2), nullable: false}
      - {name: Secret, type: nvarchar(50), masked: true}
    indexes:
      - {name: UX_Code, columns: [Code], unique: true}
    rows:
      - {Code: DE}
      - {Code: FR}
  - name: Integration.Type
    primary_key: [Id]
    row_level_security: true
    columns: [Id int not null]
    rows: []
  - name: dbo.Hidden
    primary_key: [Id]
    columns: [Id int not null]
    rows: []
views:
  - {name: dbo.Codes, query: SELECT Code FROM dbo.Country}
)";

ErrorKind kind_of_opening(SqlServerOptions const& options) {
  auto const source = open_sqlserver(options);
  EXPECT_FALSE(source.ok());
  if (source.ok()) return ErrorKind::Internal;
  EXPECT_NE(source.error().next(), "") << source.error().to_text();
  EXPECT_EQ(source.error().to_text().find("weir-Secret1"), std::string::npos);
  return source.error().kind();
}

TEST(SqlServerConnect, TestsAndUsesRawValues) {
  TdsServer const server(kDescription);
  auto source = open_sqlserver(server.options());
  ASSERT_TRUE(source.ok()) << source.error().to_text();
  auto const lines = (*source)->test();
  ASSERT_TRUE(lines.ok()) << lines.error().to_text();
  bool const is_raw =
      std::ranges::any_of(*lines, [](auto const& line) { return line.find("raw values") != std::string::npos; });
  EXPECT_TRUE(is_raw) << lines->at(1);
  for (auto const& line : *lines) EXPECT_FALSE(line.starts_with("warning")) << line;
  auto second = (*source)->clone();
  EXPECT_TRUE(second.ok());
}

TEST(SqlServerConnect, RefusalsSayWhatToDo) {
  TdsServer const server(kDescription);
  SqlServerOptions options = server.options();
  options.password = Secret("weir-Secret1-wrong");
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Denied);
  options = server.options();
  options.database = "Kore";
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Config);
  options = server.options();
  options.driver = "No Such Driver";
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Config);
}

TEST(SqlServerConnect, AServerThatIsGoneIsUnavailable) {
  SqlServerOptions options;
  {
    TdsServer const server(kDescription);
    options = server.options();
  }
  options.login_timeout = std::chrono::seconds(5);
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Unavailable);
}

TEST(SqlServerConnect, PasswordsMayHoldAnyCharacter) {
  TdsServer const server(kDescription);
  for (std::string const password : {"a;b=c", "{brace", "end}brace", "quo\"te'", "p@ss w\u00f6rd"}) {
    ::setenv("WEIR_TEST_PASSWORD", password.c_str(), 1);
    TdsServer const other(kDescription, {"--user", "odd", "--password-env", "WEIR_TEST_PASSWORD"});
    SqlServerOptions options = other.options();
    options.user = "odd";
    options.password = Secret(password);
    auto const source = open_sqlserver(options);
    EXPECT_TRUE(source.ok()) << password << "\n" << source.error().to_text();
  }
}

TEST(SqlServerConnect, ALibraryNeedsNoRegistration) {
  TdsServer const server(kDescription);
  SqlServerOptions options = server.options();
  auto const library = std::filesystem::path("/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so");
  if (!std::filesystem::exists(library)) GTEST_SKIP() << "FreeTDS's library is elsewhere";
  options.driver = library;
  EXPECT_TRUE(open_sqlserver(options).ok());
}

TEST(SqlServerConnect, EncryptsAndChecksCertificates) {
  TdsServer const server(kDescription, {"--tls", "required"});
  SqlServerOptions options = server.options();
  options.host = "localhost";
  options.encrypt = Encrypt::Require;
  options.ca_file = server.certificate();
  auto const verified = open_sqlserver(options);
  EXPECT_TRUE(verified.ok()) << verified.error().to_text();
  options.ca_file = "system";
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Unavailable) << "a certificate that nobody vouches for";
  options.trust_certificate = true;
  EXPECT_TRUE(open_sqlserver(options).ok());
}

// Vouched for by itself, so that only what is wrong with it can refuse it. `more`: arguments of `openssl ca`.
std::string make_certificate(std::filesystem::path const& folder, std::string const& name, std::string const& more) {
  std::string const script = fmt::format(
      "cd {0} && : > {1}.index && echo 01 > {1}.serial && "
      "printf "
      "'[ca]\\ndefault_ca=d\\n[d]\\ndatabase={1}.index\\nnew_certs_dir=.\\nserial={1}.serial\\ndefault_md="
      "sha256\\npolicy=p\\n"
      "copy_extensions=copy\\n[p]\\ncommonName=supplied\\n' > {1}.cnf && "
      "openssl req -new -newkey rsa:2048 -nodes -keyout {1}.key -out {1}.csr -subj /CN={1} -addext "
      "subjectAltName=DNS:{1} && "
      "openssl ca -batch -selfsign -config {1}.cnf -keyfile {1}.key -in {1}.csr -out {1}.pem -notext {2}",
      folder.string(), name, more);
  EXPECT_EQ(std::system(("{ " + script + "; } >/dev/null 2>&1").c_str()), 0) << "the program openssl is needed";
  return (folder / name).string();
}

TEST(SqlServerConnect, RefusesExpiredCertificatesAndThoseOfAnother) {
  auto const folder = TempFolder::create("weir-certificates");
  ASSERT_TRUE(folder.ok());
  struct Case {
    std::string name, dates;
    bool is_good;
  };
  for (Case const& one : {Case{"localhost", "-startdate 20200101000000Z -enddate 20210101000000Z", false},
                          Case{"other.example", "-days 2", false}, Case{"localhost", "-days 2", true}}) {
    auto const path = make_certificate(folder->path(), one.name, one.dates);
    TdsServer const server(kDescription, {"--tls", "required", "--certificate", path + ".pem", "--key", path + ".key"});
    SqlServerOptions options = server.options();
    options.host = "localhost";
    options.encrypt = Encrypt::Require;
    options.ca_file = path + ".pem";
    auto const source = open_sqlserver(options);
    EXPECT_EQ(source.ok(), one.is_good) << one.name << " " << one.dates
                                        << (source.ok() ? "" : "\n" + source.error().to_text());
    if (!source.ok()) {
      EXPECT_EQ(source.error().kind(), ErrorKind::Unavailable);
      EXPECT_NE(source.error().next().find("certificate for \"localhost\""), std::string::npos)
          << source.error().to_text();
    }
    options.trust_certificate = true;
    EXPECT_TRUE(open_sqlserver(options).ok()) << one.name;
  }
}

TEST(SqlServerConnect, NeverFallsBackToPlainText) {
  TdsServer const server(kDescription, {"--tls", "off"});
  SqlServerOptions options = server.options();
  options.encrypt = Encrypt::Require;
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Unavailable);
  options.trust_certificate = true;
  EXPECT_EQ(kind_of_opening(options), ErrorKind::Unavailable);
  options.encrypt = Encrypt::Optional;
  EXPECT_TRUE(open_sqlserver(options).ok());
}

TEST(SqlServerConnect, DiscoversWhatItMaySee) {
  TdsServer const server(kDescription);
  auto source = open_sqlserver(server.options());
  ASSERT_TRUE(source.ok());
  auto const catalog = (*source)->discover({});
  ASSERT_TRUE(catalog.ok()) << catalog.error().to_text();
  ASSERT_EQ(catalog->tables.size(), 4u);
  EXPECT_EQ(catalog->tables[0].text(), "Integration.Type");
  ASSERT_EQ(catalog->tables[0].warnings.size(), 1u);
  EXPECT_NE(catalog->tables[0].warnings[0].find("filters its rows"), std::string::npos);
  Table const& country = catalog->tables[2];
  EXPECT_EQ(country.text(), "dbo.Country");
  EXPECT_EQ(country.estimated_rows, 2);
  ASSERT_NE(country.primary_key(), nullptr);
  EXPECT_TRUE(country.primary_key()->is_clustered);
  EXPECT_EQ(country.primary_key()->columns, std::vector<std::string>{"CountryId"});
  EXPECT_EQ(country.keys.size(), 2u);
  EXPECT_TRUE(country.column("CountryId")->is_identity);
  EXPECT_FALSE(country.column("Code")->nullable);
  bool const says_folding = std::ranges::any_of(
      country.warnings, [](auto const& text) { return text.find("ignores case") != std::string::npos; });
  EXPECT_TRUE(says_folding);
  EXPECT_TRUE(catalog->tables[1].is_view);
  auto const some = (*source)->discover({.schemas = {"dbo"}, .tables = {"dbo.C*"}, .views = false});
  EXPECT_EQ(some->tables.size(), 1u);
}

TEST(SqlServerConnect, WarnsOfMasksAndMissingRights) {
  TdsServer const server(
      std::string("users: [{name: weir, password: weir-Secret1, unmask: false, denied: [dbo.Hidden]}]") + kDescription);
  auto source = open_sqlserver(server.options());
  ASSERT_TRUE(source.ok()) << source.error().to_text();
  auto const catalog = (*source)->discover({.schemas = {}, .tables = {"dbo.*"}, .views = false});
  ASSERT_TRUE(catalog.ok()) << catalog.error().to_text();
  ASSERT_EQ(catalog->tables.size(), 2u);
  auto const warns = [](Table const& table, std::string_view of) {
    return std::ranges::any_of(table.warnings, [&](auto const& text) { return text.find(of) != std::string::npos; });
  };
  EXPECT_TRUE(warns(catalog->tables[0], "\"Secret\" is masked"));
  EXPECT_TRUE(warns(catalog->tables[1], "no SELECT right"));
}

// A driver that the driver manager serializes: a cancel would wait for the read that it is to end.
TEST(SqlServerThreading, ASerializedDriverIsWarnedOfAndNeverCancelled) {
  // The driver manager keeps what it has read of odbcinst.ini: ctest gives this suite a process of its own.
  if (testing::UnitTest::GetInstance()->test_to_run_count() > 1) GTEST_SKIP() << "not the only test of this process";
  auto const library = odbc::find_freetds_library();
  ASSERT_TRUE(library.has_value());
  auto const folder = TempFolder::create("weir-odbcinst");
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(write_file(folder->path() / "odbcinst.ini", "[Serialized]\nDriver=" + *library + "\nThreading=3\n").ok());
  ::setenv("ODBCSYSINI", folder->path().c_str(), 1);
  EXPECT_EQ(odbc::threading_level("Serialized"), 3);
  EXPECT_TRUE(odbc::is_freetds_driver("Serialized"));
  EXPECT_EQ(odbc::choose_sqlserver_driver("").value(), "Serialized");
  TdsServer const server(kDescription);
  SqlServerOptions options = server.options();
  options.driver = "Serialized";
  auto source = open_sqlserver(options);
  ::unsetenv("ODBCSYSINI");
  ASSERT_TRUE(source.ok()) << source.error().to_text();
  auto const lines = (*source)->test();
  ASSERT_TRUE(lines.ok());
  bool const warned =
      std::ranges::any_of(*lines, [](auto const& line) { return line.find("Threading=3") != std::string::npos; });
  EXPECT_TRUE(warned);
}

}  // namespace
}  // namespace weir::source
