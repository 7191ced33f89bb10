// SQL Server end to end: values of every type, chunks, windows, faults and cancelling, through FreeTDS's driver from
// the test server (tests/tds) into PostgreSQL. What a value must be is asked of the server itself, as text.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "pg/private_cluster.h"
#include "source/copy_encode.h"
#include "source/sqlserver_catalog.h"
#include "source/sqlserver_reader.h"
#include "source/sqlserver_session.h"
#include "sql/name.h"
#include "unit/tds_server.h"

namespace weir::source {
namespace {

constexpr char kDescription[] = R"(
database: Core
tables:
  - name: dbo.Edges
    rows: edges
    primary_key: [Id]
    columns:
      - Id int identity not null
      - Flag bit
      - Tiny tinyint
      - Small smallint
      - Whole int
      - Big bigint
      - Dec decimal(38,10)
      - Dec2 decimal(9,0)
      - Dec3 numeric(19,19)
      - Money money
      - SmallMoney smallmoney
      - Real real
      - Float float
      - Day date
      - Dec4 decimal(38,38)
      - Dec5 decimal(38,0)
      - Dec6 numeric(1,0)
      - Short float(24)
      - Time7 time(7)
      - Time6 time(6)
      - Time3 time(3)
      - Time0 time(0)
      - SmallMoment smalldatetime
      - Moment datetime
      - Moment7 datetime2(7)
      - Moment0 datetime2(0)
      - Moment1 datetime2(1)
      - Moment2 datetime2(2)
      - Moment3 datetime2(3)
      - Moment4 datetime2(4)
      - Moment5 datetime2(5)
      - Moment6 datetime2(6)
      - Offset7 datetimeoffset(7)
      - Offset6 datetimeoffset(6)
      - Offset3 datetimeoffset(3)
      - Offset0 datetimeoffset(0)
      - Guid uniqueidentifier
      - Bytes varbinary(50)
      - FixedBytes binary(8)
      - LongBytes varbinary(max)
      - OldBytes image
  - name: dbo.Texts
    rows: edges
    primary_key: [Id]
    columns:
      - Id int identity not null
      - Wide nvarchar(50)
      - WideFixed nchar(10)
      - WideLong nvarchar(max)
      - Narrow varchar(50)
      - NarrowFixed char(10)
      - NarrowLong varchar(max)
      - {name: Cyrillic, type: varchar(50), collation: Cyrillic_General_CI_AS}
      - {name: Japanese, type: varchar(50), collation: Japanese_CI_AS}
      - OldText text
      - OldWide ntext
  - name: dbo.Exotic
    primary_key: [Id]
    columns:
      - Id int identity not null
      - Variant sql_variant
      - Document xml
      - Node hierarchyid
      - Place geography
      - Flat geometry
      - Version rowversion
    rows: edges
  - name: dbo.Many
    primary_key: [Id]
    count: 5000
    columns:
      - {name: Id, type: int, nullable: false, generate: {sequence: 1}}
      - {name: Name, type: nvarchar(100), generate: {pattern: "name {row} {letters:5:80}"}}
)";

class SqlServerRead : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = pg::PrivateCluster::start();
    ASSERT_TRUE(cluster.ok()) << cluster.error().to_text();
    cluster_ = new pg::PrivateCluster(std::move(*cluster));
    server_ = new TdsServer(kDescription);
  }
  static void TearDownTestSuite() {
    delete server_;
    delete cluster_;
  }

  std::unique_ptr<Source> open() {
    auto source = open_sqlserver(server_->options());
    EXPECT_TRUE(source.ok()) << source.error().to_text();
    return source.ok() ? std::move(*source) : nullptr;
  }

  // Runs T-SQL on a session of its own.
  void sql(std::string_view text) {
    Status const done = control().odbc.execute(text);
    EXPECT_TRUE(done.ok()) << text << "\n" << done.error().to_text();
  }
  ServerSession& control() {
    if (!control_ || control_->odbc.is_dead()) {
      auto session = ServerSession::connect(server_->options());
      EXPECT_TRUE(session.ok()) << session.error().to_text();
      control_ = std::make_unique<ServerSession>(std::move(*session));
    }
    return *control_;
  }

  Table table(Source& source, std::string const& name) {
    auto catalog = source.discover({.schemas = {}, .tables = {"dbo." + name}, .views = true});
    EXPECT_TRUE(catalog.ok()) << catalog.error().to_text();
    if (!catalog.ok() || catalog->tables.size() != 1) return ADD_FAILURE() << "no table " << name, Table();
    return catalog->tables[0];
  }

  // All rows of a request as the bytes of a COPY.
  static Result<std::string> read_all(Source& source, ReadRequest const& request, ReadReport* report = nullptr) {
    WEIR_TRY(auto reader, source.read(request));
    std::string bytes;
    Batch batch;
    while (true) {
      WEIR_TRY(bool const more, reader->next(batch));
      if (!more) break;
      bytes += batch.bytes;
    }
    if (report) *report = reader->report();
    return bytes;
  }

  // The rows in PostgreSQL's table `t`, whose columns are those of the request.
  void load(Table const& table, std::string const& bytes) {
    auto session = pg::Session::connect(cluster_->options());
    ASSERT_TRUE(session.ok());
    pg_ = std::make_unique<pg::Session>(std::move(*session));
    std::vector<std::string> columns;
    for (auto const& column : table.columns) columns.push_back(sql::quote_pg(column.name) + " " + column.pg_type);
    auto created = pg_->execute(fmt::format("CREATE TEMP TABLE t ({})", join(columns, ", ")));
    ASSERT_TRUE(created.ok()) << created.error().to_text();
    auto copy = pg_->copy_in("COPY t FROM STDIN (FORMAT binary)");
    ASSERT_TRUE(copy.ok());
    ASSERT_TRUE(copy->write(copy_binary_header()).ok() && copy->write(bytes).ok() &&
                copy->write(copy_binary_trailer()).ok());
    auto done = std::move(*copy).finish();
    ASSERT_TRUE(done.ok()) << done.error().to_text();
  }

  std::uint64_t random() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u, state_ >> 33; }

  std::unique_ptr<ServerSession> control_;
  std::unique_ptr<pg::Session> pg_;
  std::uint64_t state_ = 11;
  static inline pg::PrivateCluster* cluster_ = nullptr;
  static inline TdsServer* server_ = nullptr;
};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
}

// A column of the server as text in its exact form, with the digits that PostgreSQL cannot hold cut off.
std::string exact_text(Column const& column) {
  auto const decode = static_cast<Decode>(column.decode);
  std::string const name = sql::quote_mssql(column.name);
  switch (decode) {
    case Decode::Money:
    case Decode::SmallMoney:
      return fmt::format("CONVERT(nvarchar(100), {}, 2)", name);
    case Decode::Real:
    case Decode::Float:
      return fmt::format("CONVERT(nvarchar(100), {}, 3)", name);
    case Decode::Bytes:
      return fmt::format("CONVERT(nvarchar(max), {}, 1)", name);
    case Decode::Date:
    case Decode::Time:
    case Decode::SmallDateTime:
    case Decode::DateTime:
    case Decode::DateTime2:
    case Decode::DateTimeOffset:
      return fmt::format("CONVERT(nvarchar(100), {}, 121)", name);
    default:
      return fmt::format("CONVERT(nvarchar(max), {})", name);
  }
}

std::string without_seventh_digit(std::string text) {
  auto const point = text.find('.');
  if (point == std::string::npos) return text;
  auto const end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
  if (end - point > 7) text.erase(point + 7, end - point - 7);
  return text;
}

TEST_F(SqlServerRead, EveryTypeArrivesExactly) {
  auto source = open();
  ASSERT_TRUE(source);
  Table const edges = table(*source, "Edges");
  ReadRequest request;
  request.table = edges;
  auto const bytes = read_all(*source, request);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  load(edges, *bytes);
  for (Column const& column : edges.columns) {
    auto const meant =
        control().odbc.query(fmt::format("SELECT Id, {} AS v FROM dbo.Edges ORDER BY Id", exact_text(column)));
    ASSERT_TRUE(meant.ok()) << column.name << "\n" << meant.error().to_text();
    ASSERT_GT(meant->rows.size(), 3u);
    for (std::size_t row = 0; row < meant->rows.size(); ++row) {
      pg::Parameter shown = meant->rows[row][1];
      bool const is_time = column.pg_type.starts_with("time");
      if (shown && is_time) shown = without_seventh_digit(*shown);
      if (shown && column.pg_type == "bytea") shown = "\\x" + shown->substr(2);
      if (shown && column.source_type == "datetime2(7)" && shown->starts_with("0000")) continue;
      auto const same =
          pg_->query(fmt::format("SELECT {0} IS NOT DISTINCT FROM $1::{1}, {0}::text FROM t WHERE \"Id\" = $2",
                                 sql::quote_pg(column.name), column.pg_type),
                     {shown, meant->rows[row][0]});
      ASSERT_TRUE(same.ok()) << column.name << ": " << shown.value_or("NULL") << "\n" << same.error().to_text();
      ASSERT_EQ(same->size(), 1u);
      EXPECT_TRUE(same->boolean(0, 0)) << column.name << ": meant " << shown.value_or("NULL") << ", is "
                                       << same->text(0, 1);
    }
  }
}

TEST_F(SqlServerRead, TextsArriveAsTheServerShowsThem) {
  auto source = open();
  ASSERT_TRUE(source);
  Table const texts = table(*source, "Texts");
  ReadRequest request;
  request.table = texts;
  ReadReport report;
  auto const bytes = read_all(*source, request, &report);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  load(texts, *bytes);
  for (Column const& column : texts.columns) {
    auto const meant = control().odbc.query(fmt::format(
        "SELECT Id, CONVERT(nvarchar(max), {}) AS v FROM dbo.Texts ORDER BY Id", sql::quote_mssql(column.name)));
    ASSERT_TRUE(meant.ok()) << column.name << "\n" << meant.error().to_text();
    for (std::size_t row = 0; row < meant->rows.size(); ++row) {
      // The server turns a byte that its code page lacks into a character of its own; weir counts it.
      pg::Parameter shown = meant->rows[row][1];
      if (shown) shown = replace_all(*shown, std::string(1, '\0'), "");
      if (report.losses[column.name].code_page_bytes != 0 && shown && !is_ascii(*shown)) continue;
      auto const is = pg_->query(fmt::format("SELECT {} FROM t WHERE \"Id\" = $1", sql::quote_pg(column.name)),
                                 {meant->rows[row][0]});
      ASSERT_TRUE(is.ok() && is->size() == 1);
      EXPECT_EQ(is->optional_text(0, 0), shown) << column.name << " of row " << *meant->rows[row][0];
    }
  }
  EXPECT_GT(report.losses["Wide"].nul_characters, 0u);
  EXPECT_GT(report.losses["Wide"].surrogates, 0u);
  EXPECT_TRUE(report.losses["Wide"].first_key.starts_with("Id ")) << report.losses["Wide"].first_key;
  EXPECT_GT(report.losses["Narrow"].code_page_bytes, 0u);
}

TEST_F(SqlServerRead, BothBindingsGiveTheSameBytes) {
  for (std::string const name : {"Edges", "Texts", "Many"}) {
    auto source = open();
    ASSERT_TRUE(source);
    ReadRequest request;
    request.table = table(*source, name);
    ASSERT_EQ(control().binding, Binding::Raw);
    std::string bytes[2];
    for (Binding const binding : {Binding::Raw, Binding::Typed}) {
      // FreeTDS's own text of a lone surrogate or of a byte without a character is another one.
      std::erase_if(request.table.columns, [](Column const& column) {
        return column.source_type.find("char") != std::string::npos ||
               column.source_type.find("text") != std::string::npos;
      });
      SelectList const list = select_list(request.table.columns, binding);
      auto const statement = read_statement(request.table, list.expressions(), {}, {}, {}, {});
      auto reader = read_rows(control().odbc, request, list, binding, statement);
      ASSERT_TRUE(reader.ok()) << reader.error().to_text();
      Batch batch;
      for (bool more = true; more;) {
        auto next = (*reader)->next(batch);
        ASSERT_TRUE(next.ok()) << next.error().to_text();
        more = *next;
        bytes[binding == Binding::Raw ? 0 : 1] += batch.bytes;
      }
    }
    EXPECT_FALSE(bytes[0].empty());
    EXPECT_TRUE(bytes[0] == bytes[1]) << name;
  }
}

TEST_F(SqlServerRead, ExoticTypesComeAsDeclared) {
  auto source = open();
  ASSERT_TRUE(source);
  Table const exotic = table(*source, "Exotic");
  EXPECT_EQ(exotic.column("Place__srid")->pg_type, "integer");
  EXPECT_EQ(exotic.column("Flat__srid")->pg_type, "integer");
  EXPECT_TRUE(exotic.column("Version")->is_rowversion);
  ReadRequest request;
  request.table = exotic;
  auto const bytes = read_all(*source, request);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  load(exotic, *bytes);
  auto const rows = control().odbc.query(
      "SELECT Id, Node.ToString() AS node, Place.STSrid AS srid, CONVERT(nvarchar(max), Place.AsBinaryZM(), 1) AS "
      "place, "
      "CONVERT(nvarchar(max), Document) AS document, Flat.STSrid AS flat_srid, CONVERT(nvarchar(max), "
      "Flat.AsBinaryZM(), 1) AS flat FROM dbo.Exotic ORDER BY Id");
  ASSERT_TRUE(rows.ok()) << rows.error().to_text();
  for (std::size_t row = 0; row < rows->rows.size(); ++row) {
    auto const is = pg_->query(
        "SELECT \"Node\", \"Place__srid\"::text, '0x' || upper(encode(\"Place\", 'hex')), \"Document\", "
        "\"Flat__srid\"::text, '0x' || upper(encode(\"Flat\", 'hex')) FROM t WHERE \"Id\" = $1",
        {rows->rows[row][0]});
    ASSERT_TRUE(is.ok() && is->size() == 1);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_EQ(is->optional_text(0, i), rows->rows[row][i + 1]) << rows->names[i + 1] << " of row " << row;
  }
  // Each base type in its exact form (edges.cc gives them in this order).
  auto const variants = pg_->query("SELECT string_agg(\"Variant\", E'\\n' ORDER BY \"Id\") FROM t");
  EXPECT_EQ(variants->text(0, 0),
            "42\ntext\n-123.45\n1\n0x0102\n-9223372036854775808\n-922337203685477.5808\n1.7976931348623157e+308\n"
            "00000000-0000-0000-0000-000000000000\n0001-01-01\n00:00:00.0000000\n1753-01-01 00:00:00.000\n"
            "1900-01-01 00:00:00.000\n0001-01-01 00:00:00.0000000\n0001-01-01 00:00:00.0000000 +00:00");
}

TEST_F(SqlServerRead, PoliciesStopAtTheFirstBadValue) {
  auto source = open();
  ASSERT_TRUE(source);
  ReadRequest request;
  request.table = table(*source, "Texts");
  request.policies.nul = BadText::Fail;
  auto const failed = read_all(*source, request);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::Data);
  EXPECT_NE(failed.error().message().find("of \"dbo.Texts\": it holds U+0000"), std::string::npos)
      << failed.error().message();
  EXPECT_NE(failed.error().where().find("Id "), std::string::npos) << failed.error().where();

  request.table = table(*source, "Edges");
  request.policies = {};
  request.policies.fail_on_truncated_time = true;
  EXPECT_EQ(read_all(*source, request).error().kind(), ErrorKind::Data);
  request.policies = {};
  request.policies.max_value_bytes = 100;
  auto const too_long = read_all(*source, request);
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message().find("LongBytes"), std::string::npos) << too_long.error().message();
}

TEST_F(SqlServerRead, OffsetsAreKeptWhereAskedFor) {
  auto source = open();
  ASSERT_TRUE(source);
  TypePolicies policies;
  policies.keep_offset = true;
  ReadRequest request;
  request.table = with_companions(table(*source, "Edges"), policies);
  request.policies = policies;
  ASSERT_NE(request.table.column("Offset7__offset_min"), nullptr);
  EXPECT_EQ(request.table.column("Offset7")->loss, "100 ns digits are cut to microseconds");
  EXPECT_EQ(request.table.column("Offset3")->loss, "");
  ReadReport report;
  auto const bytes = read_all(*source, request, &report);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  EXPECT_EQ(report.losses["Offset7"].dropped_offsets, 0u) << "it stands in the companion";
  load(request.table, *bytes);
  auto const meant = control().odbc.query(
      "SELECT Id, CONVERT(nvarchar(20), DATEPART(tzoffset, Offset7)) AS m FROM dbo.Edges ORDER BY Id");
  ASSERT_TRUE(meant.ok()) << meant.error().to_text();
  for (auto const& row : meant->rows) {
    auto const is = pg_->query("SELECT \"Offset7__offset_min\"::text FROM t WHERE \"Id\" = $1", {row[0]});
    EXPECT_EQ(is->optional_text(0, 0), row[1]);
  }
}

TEST_F(SqlServerRead, DroppedOffsetsAreCounted) {
  auto source = open();
  ASSERT_TRUE(source);
  ReadRequest request;
  request.table = table(*source, "Edges");
  ReadReport report;
  ASSERT_TRUE(read_all(*source, request, &report).ok());
  auto const meant = control().odbc.query("SELECT COUNT(*) AS n FROM dbo.Edges WHERE DATEPART(tzoffset, Offset7) <> 0");
  ASSERT_TRUE(meant.ok()) << meant.error().to_text();
  EXPECT_EQ(report.losses["Offset7"].dropped_offsets, static_cast<std::uint64_t>(meant->integer(0, "n")));
  EXPECT_GT(report.losses["Offset7"].dropped_offsets, 0u);
}

// Cells that a packet's end cuts anywhere. FreeTDS asks for no less than 4096 (tests/tds/clients tries 512).
TEST_F(SqlServerRead, PacketSizesChangeNothing) {
  for (std::string const name : {"Edges", "Texts", "Exotic", "Many"}) {
    std::optional<std::string> first;
    for (int const size : {4096, 4097, 16192, 32767}) {
      SqlServerOptions options = server_->options();
      options.packet_size = size;
      auto source = open_sqlserver(options);
      ASSERT_TRUE(source.ok()) << source.error().to_text();
      ReadRequest request;
      request.table = table(**source, name);
      auto bytes = read_all(**source, request);
      ASSERT_TRUE(bytes.ok()) << name << ", packets of " << size << "\n" << bytes.error().to_text();
      if (!first)
        first = std::move(*bytes);
      else
        EXPECT_TRUE(*bytes == *first) << name << ", packets of " << size;
    }
  }
  for (char const* const size : {"packet=4096", "packet=32767"})
    EXPECT_NE(server_->log().find(size), std::string::npos) << size;
}

TEST_F(SqlServerRead, LongValuesComeWhole) {
  sql("CREATE TABLE dbo.Long (Id int NOT NULL PRIMARY KEY, Before nvarchar(10) NULL, Text nvarchar(max) NULL, Bytes "
      "varbinary(max) NULL, After int NULL)");
  sql("INSERT INTO dbo.Long VALUES (1, N'x', REPLICATE(CONVERT(nvarchar(max), N'a\u00e9\u20ac'), 700000), 0x00FF, 7), "
      "(2, N'y', N'', 0x, 8), (3, NULL, NULL, NULL, NULL)");
  auto source = open();
  ASSERT_TRUE(source);
  ReadRequest request;
  request.table = table(*source, "Long");
  auto const bytes = read_all(*source, request);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  load(request.table, *bytes);
  auto const rows = pg_->query(
      "SELECT \"Before\", \"Text\" = repeat('a\u00e9\u20ac', 700000), octet_length(\"Text\"), octet_length(\"Bytes\"), "
      "\"After\" FROM t ORDER BY \"Id\"");
  ASSERT_TRUE(rows.ok() && rows->size() == 3);
  EXPECT_TRUE(rows->boolean(0, 1));
  EXPECT_EQ(rows->integer(0, 4), 7);
  EXPECT_EQ(rows->optional_text(1, 2), "0") << "empty is not NULL";
  EXPECT_EQ(rows->optional_text(1, 3), "0");
  EXPECT_FALSE(rows->optional_text(2, 2).has_value());
  request.policies.max_value_bytes = 4'000'000;  // 4.2 MB as UTF-8
  EXPECT_EQ(read_all(*source, request).error().kind(), ErrorKind::Data);
  sql("DROP TABLE dbo.Long");
}

TEST_F(SqlServerRead, FaultsNeverLookLikeAnEnd) {
  struct Case {
    char const* fault;
    ErrorKind kind;
  };
  for (Case const& one :
       {Case{"{table: dbo.Many, times: 1, after_rows: 250, close: between_rows}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, close: inside_row}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, close: inside_packet}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, error: 1205}", ErrorKind::Busy},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, error: 596}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, error: 601}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, after_rows: 0, error: 229}", ErrorKind::Denied},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, error: 50001}", ErrorKind::Sql},
        Case{"{table: dbo.Many, times: 1, after_rows: 250, stall: forever}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, row_count: 4999}", ErrorKind::Unavailable},
        Case{"{table: dbo.Many, times: 1, no_done: true}", ErrorKind::Unavailable}}) {
    SqlServerOptions options = server_->options();
    options.stall_timeout = std::chrono::seconds(1);
    auto source = open_sqlserver(options);
    ASSERT_TRUE(source.ok());
    ReadRequest request;
    request.table = table(**source, "Many");
    sql(fmt::format("EXEC weir_fault N'{}'", one.fault));
    auto const failed = read_all(**source, request);
    EXPECT_FALSE(failed.ok()) << one.fault;
    if (!failed.ok()) {
      EXPECT_EQ(failed.error().kind(), one.kind) << one.fault << "\n" << failed.error().to_text();
    }
    sql("EXEC weir_fault_clear");
    // The source can be used again: a lost session is replaced.
    auto const again = read_all(**source, request);
    EXPECT_TRUE(again.ok()) << one.fault << "\n" << (again.ok() ? "" : again.error().to_text());
  }
}

TEST_F(SqlServerRead, MessagesAndDripsAreNoFailures) {
  auto source = open();
  ASSERT_TRUE(source);
  ReadRequest request;
  request.table = table(*source, "Many");
  auto const plain = read_all(*source, request);
  for (char const* fault : {"{table: dbo.Many, times: 1, after_rows: 100, info: 50}",
                            "{table: dbo.Many, times: 1, drip: {bytes: 997, ms: 1}}"}) {
    sql(fmt::format("EXEC weir_fault N'{}'", fault));
    auto const read = read_all(*source, request);
    ASSERT_TRUE(read.ok()) << fault << "\n" << read.error().to_text();
    EXPECT_TRUE(*read == *plain) << fault;
    sql("EXEC weir_fault_clear");
  }
}

TEST_F(SqlServerRead, ACancelFromAnotherThreadEndsTheRead) {
  auto source = open();
  ASSERT_TRUE(source);
  ReadRequest request;
  request.table = table(*source, "Many");
  sql("EXEC weir_fault N'{table: dbo.Many, times: 1, after_rows: 2500, stall: forever}'");
  auto reader = source->read(request);
  ASSERT_TRUE(reader.ok());
  Batch batch;
  ASSERT_TRUE((*reader)->next(batch).value());
  std::jthread const canceller([&] { (*reader)->cancel(); });
  Result<bool> next = true;
  while (next.ok() && *next) next = (*reader)->next(batch);
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().kind(), ErrorKind::Cancelled) << next.error().to_text();
  sql("EXEC weir_fault_clear");
}

TEST_F(SqlServerRead, AChangedColumnIsNamed) {
  for (auto const& [change, name] : std::vector<std::pair<std::string, std::string>>{
           {"ALTER TABLE dbo.Shifty ALTER COLUMN Name nvarchar(90)",
            "\"Name\" has changed from nvarchar(50) to nvarchar(90)"},
           {"ALTER TABLE dbo.Shifty DROP COLUMN Name", "\"Name\" has gone"}}) {
    sql("CREATE TABLE dbo.Shifty (Id int NOT NULL PRIMARY KEY, Name nvarchar(50) NULL)");
    sql("INSERT INTO dbo.Shifty VALUES (1, N'a')");
    auto source = open();
    ASSERT_TRUE(source);
    ReadRequest request;
    request.table = table(*source, "Shifty");
    sql(change);
    auto const failed = read_all(*source, request);
    ASSERT_FALSE(failed.ok()) << change;
    EXPECT_NE(failed.error().message().find(name), std::string::npos) << failed.error().to_text();
    sql("DROP TABLE dbo.Shifty");
  }
}

// The change comes after weir has looked at the columns and before the SELECT runs: only the result itself can tell.
TEST_F(SqlServerRead, AColumnThatChangesUnderTheReadIsNamed) {
  for (char const* const type : {"int", "varchar(50)", "varbinary(50)", "datetime2(7)"}) {
    sql("CREATE TABLE dbo.Shifty (Id int NOT NULL PRIMARY KEY, Name nvarchar(50) NULL)");
    sql("INSERT INTO dbo.Shifty VALUES (1, NULL)");
    auto source = open();
    ASSERT_TRUE(source);
    ReadRequest request;
    request.table = table(*source, "Shifty");
    sql(
        fmt::format("EXEC weir_fault N'{{query: \"weir:read\", table: dbo.Shifty, times: 1, execute: \"ALTER TABLE "
                    "dbo.Shifty ALTER COLUMN Name {}\"}}'",
                    type));
    auto const failed = read_all(*source, request);
    ASSERT_FALSE(failed.ok()) << type;
    EXPECT_NE(failed.error().message().find("\"Name\""), std::string::npos) << type << "\n" << failed.error().to_text();
    sql("EXEC weir_fault_clear");
    sql("DROP TABLE dbo.Shifty");
  }
}

// Tables of random composite keys, most of them with many rows a leading value, cut into chunks of random size.
TEST_F(SqlServerRead, CompositeKeysGiveEveryRowOnce) {
  static constexpr char const* kTypes[] = {"int",
                                           "bigint",
                                           "uniqueidentifier",
                                           "nvarchar(20)",
                                           "datetime2(7)",
                                           "decimal(20,4)",
                                           "varbinary(8)",
                                           "varchar(20)",
                                           "date",
                                           "datetime",
                                           "smallint",
                                           "money",
                                           "smalldatetime",
                                           "datetimeoffset(3)",
                                           "char(6)",
                                           "time(7)",
                                           "datetime2(0)",
                                           "binary(4)"};
  constexpr int kCount = std::size(kTypes), kRounds = 2 * kCount;
  std::string description = "database: Core\ntables:\n";
  std::vector<int> rows;
  for (int round = 0; round < kRounds; ++round) {
    std::string const type = kTypes[round % kCount];
    bool const nullable = (round + round / kCount) % 3 == 0;
    description += fmt::format(
        "  - name: dbo.Keys{}\n    statistics: {}\n    indexes: [{{name: IX_Keys, columns: [{}, B], clustered: "
        "true}}]\n"
        "    columns:\n      - A {} {}\n      - B int not null\n      - C nvarchar(20)\n    rows:\n",
        round, round < kCount, round % 4 == 1 ? "A desc" : "A", type, nullable ? "null" : "not null");
    rows.push_back(150 + static_cast<int>(random() % 200));
    for (int row = 0; row < rows.back(); ++row) {
      auto const number = static_cast<int>(random() % 40);
      std::string value = std::to_string(number - 20);
      if (type == "uniqueidentifier")
        value = fmt::format("'{:08x}-0000-{:04x}-0000-{:012x}'", random() % 7, random() % 5, number);
      // Keys that differ in case and in blanks at the end only, which the server takes for one.
      if (type == "nvarchar(20)" || type == "varchar(20)" || type == "char(6)")
        value = fmt::format("'{}{}{}'", number % 2 != 0 ? "Ke " : "kE ", number / 4, number % 3 == 0 ? " " : "");
      if (type == "smalldatetime") value = fmt::format("'2026-01-{:02} 00:{:02}:00'", 1 + number % 7, number);
      if (type == "datetimeoffset(3)")
        value = fmt::format("'2026-01-{:02} 12:00:00.{:03} {}'", 1 + number % 7, number,
                            number % 2 != 0 ? "+02:00" : "-11:30");
      if (type == "time(7)") value = fmt::format("'23:59:{:02}.{:07}'", number % 7, number);
      if (type == "datetime2(0)")
        value = fmt::format("'{:04}-12-31 23:59:59'", number % 2 != 0 ? 1 + number : 9999 - number);
      if (type == "binary(4)") value = fmt::format("'0x{:08x}'", number * 123456789u);
      if (type == "datetime2(7)") value = fmt::format("'2026-01-{:02} 00:00:00.{:07}'", 1 + number % 28, number % 3);
      if (type == "datetime") value = fmt::format("'2026-01-{:02} 00:00:00.{:03}'", 1 + number % 28, number % 3 * 3);
      if (type == "date") value = fmt::format("'2026-01-{:02}'", 1 + number % 28);
      if (type == "varbinary(8)") value = fmt::format("'0x{:04x}'", number);
      if (nullable && number < 4) value = "null";
      description += fmt::format("      - [{}, {}, r{}]\n", value, random() % 10, row);
    }
  }
  TdsServer const server(description);
  auto source = open_sqlserver(server.options());
  ASSERT_TRUE(source.ok()) << source.error().to_text();
  for (int round = 0; round < kRounds; ++round) {
    Table const keys = table(**source, fmt::format("Keys{}", round));
    auto const chunks = (*source)->plan_chunks(keys, 1 + random() % 40);
    ASSERT_TRUE(chunks.ok()) << chunks.error().to_text();
    EXPECT_GT(chunks->size(), 1u) << keys.columns[0].source_type;
    std::string all;
    for (Chunk const& chunk : *chunks) {
      ReadRequest request;
      request.table = keys;
      request.chunk = chunk;
      auto const bytes = read_all(**source, request);
      ASSERT_TRUE(bytes.ok()) << keys.columns[0].source_type << ", " << chunk.text() << "\n" << bytes.error().to_text();
      all += *bytes;
    }
    load(keys, all);
    auto const counted = pg_->query("SELECT count(*), count(DISTINCT \"C\") FROM t");
    EXPECT_EQ(counted->integer(0, 0), rows[static_cast<std::size_t>(round)]) << keys.columns[0].source_type;
    EXPECT_EQ(counted->integer(0, 1), rows[static_cast<std::size_t>(round)]) << keys.columns[0].source_type;
    EXPECT_EQ((*source)->count(keys).value(), static_cast<std::uint64_t>(rows[static_cast<std::size_t>(round)]));
  }
}

TEST_F(SqlServerRead, WindowsByRowversionMissAndRepeatNothing) {
  sql("CREATE TABLE dbo.Log (Id int NOT NULL PRIMARY KEY, V rowversion NOT NULL)");
  auto source = open();
  ASSERT_TRUE(source);
  std::optional<std::string> low;
  std::multiset<std::string> seen;
  int written = 0;
  // One transaction stays open over two windows: what it wrote must come with the first window after its end.
  auto late = ServerSession::connect(server_->options());
  ASSERT_TRUE(late.ok());
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 5; ++i) sql(fmt::format("INSERT INTO dbo.Log (Id) VALUES ({})", ++written));
    if (round == 1) {
      ASSERT_TRUE(
          late->odbc.execute(fmt::format("BEGIN TRANSACTION; INSERT INTO dbo.Log (Id) VALUES ({})", ++written)).ok());
    }
    if (round == 3) {
      ASSERT_TRUE(late->odbc.execute("COMMIT TRANSACTION").ok());
    }
    Table const log = table(*source, "Log");
    auto const high = source->high_bound(log, "V", Duration(0));
    ASSERT_TRUE(high.ok() && *high) << (high.ok() ? "no bound" : high.error().to_text());
    for (int i = 0; i < 3; ++i)
      sql(fmt::format("INSERT INTO dbo.Log (Id) VALUES ({})", ++written));  // after the bound was fixed
    ReadRequest request;
    request.table = log;
    request.window =
        CursorWindow{.column = "V", .low = low, .high = *high, .low_inclusive = true, .high_inclusive = false};
    std::erase_if(request.table.columns, [](Column const& column) { return column.name != "Id"; });
    auto const bytes = read_all(*source, request);
    ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
    load(request.table, *bytes);
    auto const rows = pg_->query("SELECT \"Id\"::text FROM t");
    for (std::size_t i = 0; i < rows->size(); ++i) seen.insert(std::string(rows->text(i, 0)));
    low = *high;
  }
  auto const high = source->high_bound(table(*source, "Log"), "V", Duration(0));
  ReadRequest request;
  request.table = table(*source, "Log");
  request.window = CursorWindow{.column = "V", .low = low, .high = *high};
  auto const rest = read_all(*source, request);
  ASSERT_TRUE(rest.ok());
  load(request.table, *rest);
  auto const rows = pg_->query("SELECT \"Id\"::text FROM t");
  for (std::size_t i = 0; i < rows->size(); ++i) seen.insert(std::string(rows->text(i, 0)));
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(written));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), static_cast<std::size_t>(written));
  sql("DROP TABLE dbo.Log");
}

TEST_F(SqlServerRead, WindowsByTimeKeepSevenDigits) {
  sql("CREATE TABLE dbo.Stamps (Id int NOT NULL PRIMARY KEY, At datetime2(7) NULL)");
  sql("INSERT INTO dbo.Stamps VALUES (1, '2026-01-01 00:00:00.0000001'), (2, '2026-01-01 00:00:00.0000002'), (3, "
      "'2026-01-01 00:00:00.0000003'), "
      "(4, '9999-12-31 00:00:00'), (5, NULL)");
  auto source = open();
  ASSERT_TRUE(source);
  Table const stamps = table(*source, "Stamps");
  auto const high = source->high_bound(stamps, "At", std::chrono::seconds(5));
  ASSERT_TRUE(high.ok()) << high.error().to_text();
  EXPECT_EQ(*high, "2026-01-01 00:00:00.0000003") << "a date in the future is not the bound";
  ReadRequest request;
  request.table = stamps;
  request.window = CursorWindow{.column = "At",
                                .low = "2026-01-01 00:00:00.0000001",
                                .high = *high,
                                .low_inclusive = false,
                                .high_inclusive = true};
  auto const bytes = read_all(*source, request);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_text();
  load(stamps, *bytes);
  EXPECT_EQ(pg_->query("SELECT string_agg(\"Id\"::text, ',' ORDER BY \"Id\") FROM t")->text(0, 0), "2,3");
  auto const wrong = source->high_bound(stamps, "Att", Duration(0));
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().next().find("\"At\""), std::string::npos) << wrong.error().to_text();
  sql("DROP TABLE dbo.Stamps");
}

TEST_F(SqlServerRead, ASnapshotHoldsForAllItsReads) {
  sql("CREATE TABLE dbo.Moving (Id int NOT NULL PRIMARY KEY)");
  sql("INSERT INTO dbo.Moving VALUES (1), (2)");
  auto source = open();
  ASSERT_TRUE(source);
  Table const moving = table(*source, "Moving");
  auto const isolation = source->begin_snapshot();
  ASSERT_TRUE(isolation.ok()) << isolation.error().to_text();
  EXPECT_EQ(*isolation, "snapshot");
  EXPECT_EQ(source->count(moving).value(), 2u);
  sql("INSERT INTO dbo.Moving VALUES (3)");
  EXPECT_EQ(source->count(moving).value(), 2u);
  EXPECT_TRUE(source->end_snapshot().ok());
  EXPECT_EQ(source->count(moving).value(), 3u);
  sql("DROP TABLE dbo.Moving");
}

}  // namespace
}  // namespace weir::source
