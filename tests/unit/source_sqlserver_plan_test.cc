// What is decided without a server: types, statement texts, chunks, options and connection strings.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "source/sqlserver_catalog.h"
#include "source/sqlserver_chunks.h"
#include "source/sqlserver_session.h"

namespace weir::source {
namespace {

SqlServerColumn column_like(std::string type, int max_length = 0, int precision = 0, int scale = 0,
                            int code_page = 1252) {
  SqlServerColumn column;
  column.name = "c]x";
  column.base_type = column.declared_type = std::move(type);
  column.max_length = max_length;
  column.precision = precision;
  column.scale = scale;
  column.code_page = code_page;
  return column;
}

TEST(SqlServerTypes, GetTheirExactForms) {
  auto const pg = [](SqlServerColumn const& column) { return map_column(column).pg_type; };
  EXPECT_EQ(pg(column_like("tinyint")), "smallint");
  EXPECT_EQ(pg(column_like("decimal", 9, 18, 4)), "numeric(18,4)");
  EXPECT_EQ(pg(column_like("money")), "numeric(19,4)");
  EXPECT_EQ(pg(column_like("datetime")), "timestamp(3) without time zone");
  EXPECT_EQ(pg(column_like("datetime2", 8, 27, 7)), "timestamp without time zone");
  EXPECT_EQ(pg(column_like("datetime2", 6, 19, 0)), "timestamp(0) without time zone");
  EXPECT_EQ(pg(column_like("datetimeoffset", 8, 30, 3)), "timestamp(3) with time zone");
  EXPECT_EQ(pg(column_like("time", 5, 16, 7)), "time without time zone");
  EXPECT_EQ(pg(column_like("uniqueidentifier")), "uuid");
  EXPECT_EQ(pg(column_like("json", -1)), "json");
  EXPECT_TRUE(map_column(column_like("timestamp", 8)).is_rowversion);
  EXPECT_NE(map_column(column_like("datetime2", 8, 27, 7)).loss, "");
  EXPECT_EQ(map_column(column_like("datetime2", 8, 26, 6)).loss, "");
}

TEST(SqlServerTypes, TheServerConvertsWhatDriversCannot) {
  EXPECT_EQ(map_column(column_like("varchar", 50, 0, 0, 932)).select_expression, "CONVERT(nvarchar(50), [c]]x])");
  EXPECT_EQ(map_column(column_like("varchar", 50, 0, 0, 932)).max_length, 100);
  EXPECT_EQ(map_column(column_like("varchar", 8000, 0, 0, 936)).select_expression, "CONVERT(nvarchar(max), [c]]x])");
  EXPECT_TRUE(is_long(map_column(column_like("varchar", 8000, 0, 0, 936))));
  EXPECT_EQ(map_column(column_like("hierarchyid", 892)).select_expression, "CONVERT(nvarchar(max), [c]]x].ToString())");
  EXPECT_EQ(map_column(column_like("geography", -1)).select_expression, "[c]]x].AsBinaryZM()");
  EXPECT_EQ(srid_column(column_like("geography", -1))->name, "c]x__srid");
  EXPECT_FALSE(srid_column(column_like("int")).has_value());
  auto encrypted = column_like("nvarchar", 100);
  encrypted.encryption_type = 2;
  EXPECT_EQ(map_column(encrypted).pg_type, "bytea");
}

TEST(SqlServerTypes, AnUnknownTypeIsRefusedByName) {
  Column const column = map_column(column_like("quaternion", 16));
  EXPECT_NE(column.refusal.find("\"quaternion\""), std::string::npos);
  EXPECT_EQ(column.pg_type, "");
}

TEST(SqlServerTypes, KeysOfAnotherCodePageAreNoRangeBounds) {
  EXPECT_TRUE(key_form(column_like("varchar", 50, 0, 0, 1252), 1252).has_value());
  EXPECT_FALSE(key_form(column_like("varchar", 50, 0, 0, 1251), 1252).has_value());
  EXPECT_FALSE(key_form(column_like("nvarchar", -1), 1252).has_value());
  EXPECT_FALSE(key_form(column_like("float"), 1252).has_value());
  EXPECT_EQ(bound_expression(*key_form(column_like("datetime2", 8, 27, 7), 1252)), "CONVERT(datetime2(7), ?, 121)");
  EXPECT_EQ(bound_expression(*key_form(column_like("timestamp", 8), 1252)), "CONVERT(binary(8), ?, 1)");
  EXPECT_EQ(bound_expression(*key_form(column_like("int"), 1252)), "CONVERT(int, ?)");
}

Table country() {
  Table table;
  table.schema = "dbo";
  table.name = "Country";
  return table;
}

TEST(SqlServerStatements, DoNotDependOnValues) {
  KeyForm const form{.type = "int"};
  auto const text = [&](std::optional<std::string> low, std::optional<std::string> high) {
    return read_statement(country(), {"[a]", "[b]"}, {.number = 2, .column = "Id", .low = low, .high = high}, form, {},
                          {});
  };
  EXPECT_EQ(text("1", "2").text,
            "/*weir:read*/ SELECT [a], [b] FROM [dbo].[Country] WHERE [Id] > CONVERT(int, ?) AND [Id] <= CONVERT(int, "
            "?) OPTION (MAXDOP 1); "
            "SELECT ROWCOUNT_BIG() AS weir_rows");
  EXPECT_EQ(text("1", "2").text, text("7", "9").text);
  EXPECT_EQ(text("1", "2").parameters.size(), 2u);
  EXPECT_NE(text({}, "2").text.find("WHERE [Id] <= CONVERT(int, ?) OPTION"), std::string::npos);
}

TEST(SqlServerStatements, NullsHaveAChunkOfTheirOwn) {
  auto const text = [](Chunk const& chunk) { return read_statement(country(), {"[a]"}, chunk, {}, {}, {}).text; };
  EXPECT_NE(text({.number = 1, .column = "Id", .low = {}, .high = {}, .null_key = true}).find("WHERE [Id] IS NULL "),
            std::string::npos);
  EXPECT_NE(text({.number = 1, .column = "Id", .low = {}, .high = {}}).find("WHERE [Id] IS NOT NULL "),
            std::string::npos);
  EXPECT_EQ(text({}).find("WHERE"), std::string::npos);
}

TEST(SqlServerStatements, WindowsAreAddedToChunks) {
  KeyForm const form{.type = "datetime2(7)", .style = 121};
  CursorWindow const window{.column = "Changed",
                            .low = "2026-01-01 00:00:00.0000001",
                            .high = "2026-02-01",
                            .low_inclusive = true,
                            .high_inclusive = false};
  auto const statement = read_statement(country(), {"[a]"}, {}, {}, window, form);
  EXPECT_NE(statement.text.find(
                "WHERE [Changed] >= CONVERT(datetime2(7), ?, 121) AND [Changed] < CONVERT(datetime2(7), ?, 121)"),
            std::string::npos);
  EXPECT_EQ(std::get<std::u16string>(statement.parameters[0]), u"2026-01-01 00:00:00.0000001");
}

TEST(SqlServerChunks, CoverEverythingOnce) {
  auto const chunks = chunks_of("Id", {"10", "20", "20", "30"}, true, 5);
  ASSERT_EQ(chunks.size(), 5u);
  EXPECT_TRUE(chunks[0].null_key);
  EXPECT_EQ(chunks[1].text(), "Id <= 10");
  EXPECT_EQ(chunks[2].text(), "Id in (10, 20]");
  EXPECT_EQ(chunks[4].text(), "Id > 30");
  for (std::size_t i = 0; i < chunks.size(); ++i) EXPECT_EQ(chunks[i].number, static_cast<int>(i) + 1);
}

TEST(SqlServerCatalog, NamesTheColumnThatChanged) {
  Table table = country();
  auto source = column_like("nvarchar", 100);
  source.name = "Name";
  table.columns = {map_column(source)};
  EXPECT_TRUE(check_unchanged(table, {source}).ok());
  auto wider = source;
  wider.max_length = 200;
  Status const changed = check_unchanged(table, {wider});
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().message(),
            "could not read \"dbo.Country\": its column \"Name\" has changed from nvarchar(50) to nvarchar(100) since "
            "it was discovered");
  EXPECT_FALSE(check_unchanged(table, {}).ok());
  auto recoded = column_like("varchar", 100);
  table.columns = {map_column(recoded)};
  recoded.code_page = 1251;
  EXPECT_FALSE(check_unchanged(table, {recoded}).ok());
}

TEST(SqlServerOptions, AreReadAndChecked) {
  auto const options = sqlserver_options(
      {{"host", "db1"}, {"database", "Core"}, {"user", "weir"}, {"encrypt", "mandatory"}, {"stall_timeout", "2min"}},
      Secret("s3cretly"));
  ASSERT_TRUE(options.ok()) << options.error().to_text();
  EXPECT_EQ(options->stall_timeout.count(), 120);
  EXPECT_EQ(options->text(), "SQL Server Core at db1:1433 as weir");
  EXPECT_EQ(options->text().find("s3cretly"), std::string::npos);
  EXPECT_EQ(sqlserver_options({{"database", "Core"}, {"user", "x"}, {"encrypt", "perhaps"}}, Secret()).error().kind(),
            ErrorKind::Config);
  EXPECT_FALSE(sqlserver_options({{"user", "x"}}, Secret()).ok());
  EXPECT_FALSE(sqlserver_options({{"database", "Core"}}, Secret()).ok());
  EXPECT_TRUE(sqlserver_options({{"database", "Core"}, {"auth", "integrated"}}, Secret()).ok());
}

std::string value_of(std::vector<std::pair<std::string, std::string>> const& attributes, std::string const& key) {
  for (auto const& [name, value] : attributes)
    if (name == key) return value;
  return "<none>";
}

TEST(SqlServerConnectionString, VerifiesCertificatesUnlessToldOtherwise) {
  SqlServerOptions options{.host = "db1", .database = "Core", .user = "weir"};
  auto const verified = connection_attributes(options, "FreeTDS");
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(value_of(*verified, "Server"), "<none>");
  EXPECT_NE(read_file(std::getenv("FREETDSCONF"))->find("[" + value_of(*verified, "Servername") + "]"),
            std::string::npos);
  options.trust_certificate = true;
  auto const trusting = connection_attributes(options, "FreeTDS");
  EXPECT_EQ(value_of(*trusting, "Server"), "db1");
  EXPECT_EQ(value_of(*trusting, "Encryption"), "require");
  options.encrypt = Encrypt::Off;
  EXPECT_EQ(value_of(*connection_attributes(options, "FreeTDS"), "Encryption"), "off");
  options.encrypt = Encrypt::Strict;
  EXPECT_EQ(connection_attributes(options, "FreeTDS").error().kind(), ErrorKind::Config);
  EXPECT_EQ(value_of(*connection_attributes(options, "ODBC Driver 18 for SQL Server"), "Encrypt"), "strict");
  options.encrypt = Encrypt::Require;
  options.trust_certificate = false;
  auto const microsoft = connection_attributes(options, "ODBC Driver 18 for SQL Server");
  EXPECT_EQ(value_of(*microsoft, "TrustServerCertificate"), "no");
  EXPECT_EQ(value_of(*microsoft, "Server"), "tcp:db1,1433");
}

TEST(SqlServerConnectionString, KnowsTheWaysToLogIn) {
  SqlServerOptions options{.host = "db1", .database = "Core", .user = "CORP\\weir", .encrypt = Encrypt::Off};
  EXPECT_EQ(value_of(*connection_attributes(options, "FreeTDS"), "UseNTLMv2"), "yes");
  options.kerberos = true;
  options.server_spn = "MSSQLSvc/db1:1433";
  auto const kerberos = connection_attributes(options, "FreeTDS");
  EXPECT_EQ(value_of(*kerberos, "Trusted_Connection"), "Yes");
  EXPECT_EQ(value_of(*kerberos, "UID"), "<none>");
  EXPECT_EQ(value_of(*kerberos, "ServerSPN"), "MSSQLSvc/db1:1433");
  options.read_only_intent = true;
  EXPECT_EQ(value_of(*connection_attributes(options, "FreeTDS"), "ApplicationIntent"), "ReadOnly");
}

}  // namespace
}  // namespace weir::source
