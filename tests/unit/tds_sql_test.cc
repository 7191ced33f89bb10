// weir-tds's T-SQL: what it parses, evaluates and refuses, against a described database.

#include <gtest/gtest.h>

#include "tds/batch.h"
#include "tds/description.h"

namespace weir::tds {
namespace {

constexpr char const* kDescription = R"yaml(
database: Core
users: [{name: sa, password: x}, {name: low, password: y, unmask: false, denied: [dbo.Secret]}]
options: {change_tracking: true}
tables:
  - name: dbo.Country
    change_tracking: true
    columns:
      - CountryId int not null identity
      - Code char(2) not null
      - Name nvarchar(100)
      - {name: Price, type: "decimal(18,4)"}
      - {name: At, type: "datetime2(7)"}
      - {name: Guid, type: uniqueidentifier}
      - {name: Rv, type: rowversion}
    primary_key: [CountryId]
    rows:
      - [1, CH, Schweiz, 12.5, "2020-01-01T10:00:00.1234567", 00000000-0000-0000-0000-000000000002]
      - [2, DE, deutschland, 7, null, 00000000-0000-0000-0000-000000000001]
      - [3, FR, France, null, "9999-12-31 23:59:59.9999999", 01000000-0000-0000-0000-000000000000]
  - name: dbo.Big
    columns:
      - {name: Id, type: bigint, identity: true}
      - {name: Name, type: nvarchar(40), generate: {pattern: "row {row}"}}
    primary_key: [Id]
    count: 50000000
  - name: dbo.Secret
    columns: [Id int not null, {name: Card, type: varchar(20), masked: true}]
    rows: [[1, "4111"]]
views:
  - {name: dbo.Cheap, query: "SELECT CountryId, Name FROM dbo.Country WHERE Price < 10"}
)yaml";

class TdsSql : public testing::Test {
 protected:
  void SetUp() override {
    Status const status = load_description_text("test.yml", kDescription, ".", database_);
    ASSERT_TRUE(status.ok()) << status.error().to_text();
    session_.login = other_session_.login = "sa";
  }

  // Rows as text: columns by "|", rows by newline; or "error N".
  static std::string read(Batch& batch, std::string_view sql) {
    std::vector<OutputColumn> columns;
    std::vector<StoredRow> rows;
    Outcome const outcome = batch.read_all(sql, columns, rows);
    if (!outcome.ok()) return "error " + std::to_string(outcome.error().number);
    std::string out;
    for (StoredRow const& row : rows) {
      if (!out.empty()) out += "\n";
      for (std::size_t i = 0; i < row.size(); ++i)
        out += (i > 0 ? "|" : "") + (row[i].null ? "NULL" : to_text(row[i], 121));
    }
    return out;
  }
  std::string read(std::string_view sql) { return read(batch_, sql); }
  static int run(Batch& batch, std::string_view sql) {
    Outcome const outcome = batch.run_quietly(sql);
    return outcome.ok() ? 0 : outcome.error().number;
  }

  Database database_;
  SessionState session_, other_session_;
  Batch batch_{database_, session_}, other_{database_, other_session_};
};

TEST_F(TdsSql, SelectsFiltersAndOrders) {
  EXPECT_EQ(read("SELECT CountryId, Code FROM dbo.Country WHERE Code IN ('CH','FR') AND NOT Name IS NULL ORDER BY "
                 "CountryId DESC"),
            "3|FR\n1|CH");
  EXPECT_EQ(read("SELECT TOP (1) [Name] FROM [Core].[dbo].[Country] AS c WITH (NOLOCK) WHERE c.Price BETWEEN 1 AND 100 "
                 "ORDER BY c.Price OPTION (MAXDOP 1)"),
            "deutschland");
  EXPECT_EQ(read("SELECT Name FROM Country WHERE Name LIKE '[D-F]%an%' ORDER BY 1"), "deutschland\nFrance");
  EXPECT_EQ(read("SELECT Name FROM Cheap"), "deutschland");
  EXPECT_EQ(read("SELECT COUNT(*), COUNT(Price), SUM(Price), AVG(Price), MIN(Code), MAX(Name) FROM Country"),
            "3|2|19.5000|9.750000|CH|Schweiz");
  EXPECT_EQ(read("SELECT LEN(Name), COUNT(*) FROM Country GROUP BY LEN(Name) HAVING COUNT(*) > 0 ORDER BY 1"),
            "error 8120");
  EXPECT_EQ(read("SELECT CountryId % 2 FROM Country"), "1\n0\n1");
}

TEST_F(TdsSql, JoinsAndSubqueries) {
  EXPECT_EQ(read("SELECT a.Code, b.Code FROM Country a LEFT JOIN Country b ON b.CountryId = a.CountryId + 1 ORDER BY "
                 "a.CountryId"),
            "CH|DE\nDE|FR\nFR|NULL");
  EXPECT_EQ(read("SELECT a.Code, x.n FROM Country a OUTER APPLY (SELECT COUNT(*) AS n FROM Country b WHERE b.CountryId "
                 "< a.CountryId) x ORDER BY 1"),
            "CH|0\nDE|1\nFR|2");
  EXPECT_EQ(read("SELECT Code FROM Country a WHERE EXISTS (SELECT 1 FROM Country b WHERE b.CountryId > a.CountryId) "
                 "ORDER BY 1"),
            "CH\nDE");
  EXPECT_EQ(read("SELECT Code FROM Country WHERE CountryId IN (SELECT value FROM STRING_SPLIT('1,3', ',')) ORDER BY 1"),
            "CH\nFR");
  EXPECT_EQ(read("SELECT (SELECT MAX(CountryId) FROM Country)"), "3");
  EXPECT_EQ(read("SELECT x, y FROM (VALUES (1,N'a'),(2,N'b')) v(x,y) UNION ALL SELECT 3, 'c' ORDER BY x DESC"),
            "3|c\n2|b\n1|a");
}

TEST_F(TdsSql, ComparesAsSqlServerDoes) {
  EXPECT_EQ(read("SELECT Code FROM Country WHERE Name = N'FRANCE  '"), "FR");  // case and blanks
  EXPECT_EQ(read("SELECT Code FROM Country WHERE Name = N'FRANCE' COLLATE Latin1_General_BIN2"), "");
  EXPECT_EQ(read("SELECT Code FROM Country ORDER BY Guid"), "FR\nDE\nCH");  // last six bytes first
  EXPECT_EQ(read("SELECT CASE WHEN NULL = NULL THEN 1 WHEN 1 <> NULL THEN 2 ELSE 3 END"), "3");
  EXPECT_EQ(read("SELECT Code FROM Country WHERE NOT (Price > 8 OR Price IS NULL)"), "DE");
}

TEST_F(TdsSql, Converts) {
  EXPECT_EQ(read("SELECT CONVERT(nvarchar(40), At, 126) FROM Country WHERE CountryId = 3"),
            "9999-12-31T23:59:59.9999999");
  EXPECT_EQ(read("SELECT CAST(1.005 AS decimal(9,2)), CAST(-1.5 AS int), CONVERT(int, 1.9), CAST(2 AS money) / 3"),
            "1.01|-1|1|0.67");
  EXPECT_EQ(read("SELECT CONVERT(varbinary(8), 258), CONVERT(int, 0x0102), CONVERT(varchar(10), 0xAB, 1)"),
            "0x00000102|258|0xAB");
  EXPECT_EQ(read("SELECT CAST('2020-02-30' AS date)"), "error 241");
  EXPECT_EQ(read("SELECT CAST('x' AS int)"), "error 245");
  EXPECT_EQ(read("SELECT CAST(300 AS tinyint)"), "error 8115");
  EXPECT_EQ(read("SELECT TRY_CAST('x' AS int)"), "NULL");
  EXPECT_EQ(read("SELECT 1/0"), "error 8134");
  EXPECT_EQ(
      read("SELECT CAST('2020-05-06 07:08:09.125' AS datetime), CAST('2020-05-06 07:08:09.9999' AS datetime2(3))"),
      "2020-05-06 07:08:09.127|2020-05-06 07:08:10.000");
  EXPECT_EQ(
      read("SELECT hierarchyid::Parse('/1/2/').ToString(), geography::STGeomFromText('POINT (1 2)', 4326).STSrid"),
      "/1/2/|4326");
}

TEST_F(TdsSql, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(read("SELECT FROM WHERE"), "error 102");
  EXPECT_EQ(read("SELECT nope FROM Country"), "error 207");
  EXPECT_EQ(read("SELECT c.nope FROM Country c"), "error 4104");
  EXPECT_EQ(read("SELECT 1 FROM dbo.Nowhere"), "error 208");
  EXPECT_EQ(read("SELECT frobnicate(1)"), "error 195");
  EXPECT_EQ(read("SELECT @undeclared"), "error 137");
  EXPECT_EQ(run(batch_, "MERGE INTO Country USING x ON 1=1"), 102);
  EXPECT_EQ(run(batch_, "no_such_procedure 1"), 2812);
  session_.login = "low";
  EXPECT_EQ(read("SELECT 1 FROM dbo.Secret"), "error 229");
  database_.users[1].denied.clear();
  EXPECT_EQ(read("SELECT Card FROM dbo.Secret"), "xxxx");
}

TEST_F(TdsSql, AnswersFromTheEndsOfASequence) {
  EXPECT_EQ(read("SELECT MIN(Id), MAX(Id) FROM dbo.Big"), "1|50000000");
  EXPECT_EQ(read("SELECT COUNT_BIG(*) FROM dbo.Big"), "50000000");
  EXPECT_EQ(read("SELECT COUNT_BIG(*) FROM dbo.Big WHERE Id > 10 AND Id <= 40000000"), "39999990");
  EXPECT_EQ(read("SELECT MAX(Id) FROM (SELECT TOP (1000) Id FROM dbo.Big WHERE Id > 30000000 ORDER BY Id) x"),
            "30001000");
  ASSERT_EQ(run(batch_,
                "DELETE FROM dbo.Big WHERE Id = 49999999; DELETE FROM dbo.Big WHERE Id = 50000000; INSERT dbo.Big "
                "(Name) VALUES (N'new'); UPDATE dbo.Big SET Name = N'changed' WHERE Id = 5"),
            0);
  EXPECT_EQ(read("SELECT MIN(Id), MAX(Id) FROM dbo.Big"), "1|50000001");
  EXPECT_EQ(read("SELECT COUNT_BIG(*) FROM dbo.Big"), "49999999");
  EXPECT_EQ(read("SELECT TOP (3) Id, Name FROM dbo.Big WHERE Id >= 4 ORDER BY Id"), "4|row 4\n5|changed\n6|row 6");
  EXPECT_EQ(read("SELECT Id, Name FROM dbo.Big WHERE Id > 49999997 ORDER BY Id"),
            "49999998|row 49999998\n50000001|new");
}

TEST_F(TdsSql, KeepsChangesPerTransaction) {
  ASSERT_EQ(run(batch_, "BEGIN TRAN; INSERT dbo.Country (Code, Name) VALUES ('XX', N'x')"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "4");
  EXPECT_EQ(read(other_, "SELECT COUNT(*) FROM Country"), "3");
  EXPECT_EQ(read(other_, "SELECT COUNT(*) FROM Country WITH (NOLOCK)"), "4");
  ASSERT_EQ(run(batch_, "ROLLBACK"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "3");
  ASSERT_EQ(run(batch_, "UPDATE Country SET Name = NULL, Price += 1"), 102);
  ASSERT_EQ(
      run(batch_, "UPDATE Country SET Price = Price + 1 WHERE Price IS NOT NULL; DELETE Country WHERE Code = 'FR'"), 0);
  EXPECT_EQ(read("SELECT Price FROM Country ORDER BY CountryId"), "13.5000\n8.0000");
  EXPECT_EQ(run(batch_, "INSERT dbo.Country (Code, Name) VALUES (NULL, N'x')"), 515);
  EXPECT_EQ(run(batch_, "INSERT dbo.Country (CountryId, Code) VALUES (9, 'XX')"), 544);
  EXPECT_EQ(run(batch_, "TRUNCATE TABLE Country"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "0");
}

TEST_F(TdsSql, SnapshotStaysAtItsFirstRead) {
  ASSERT_EQ(run(batch_, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN"), 0);
  ASSERT_EQ(run(other_, "INSERT dbo.Country (Code) VALUES ('AA')"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "4");  // not fixed at BEGIN
  ASSERT_EQ(
      run(other_, "INSERT dbo.Country (Code) VALUES ('BB'); UPDATE Country SET Name = N'later' WHERE CountryId = 1"),
      0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "4");
  EXPECT_EQ(read("SELECT Name FROM Country WHERE CountryId = 1"), "Schweiz");
  EXPECT_EQ(run(batch_, "UPDATE Country SET Name = N'mine' WHERE CountryId = 1"), 3960);
  ASSERT_EQ(run(batch_, "BEGIN TRAN"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "5");
  ASSERT_EQ(run(other_, "ALTER TABLE dbo.Country ADD Extra int NULL"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "error 3961");
  ASSERT_EQ(run(batch_, "ROLLBACK"), 0);
  ASSERT_EQ(run(other_, "ALTER DATABASE Core SET ALLOW_SNAPSHOT_ISOLATION OFF"), 0);
  EXPECT_EQ(read("SELECT COUNT(*) FROM Country"), "error 3952");
}

TEST_F(TdsSql, RowversionsOfOpenTransactionsHoldTheWindowBack) {
  std::string const before = read("SELECT MIN_ACTIVE_ROWVERSION()");
  ASSERT_EQ(run(batch_, "BEGIN TRAN; UPDATE Country SET Name = N'slow' WHERE CountryId = 1"), 0);
  ASSERT_EQ(run(other_, "UPDATE Country SET Name = N'quick' WHERE CountryId = 2"), 0);
  EXPECT_EQ(read(other_, "SELECT MIN_ACTIVE_ROWVERSION()"), before);  // the open one's
  EXPECT_EQ(read(other_, "SELECT Name FROM Country WHERE Rv >= " + before + " AND Rv < MIN_ACTIVE_ROWVERSION()"), "");
  ASSERT_EQ(run(batch_, "COMMIT"), 0);
  EXPECT_EQ(read(other_, "SELECT Name FROM Country WHERE Rv >= " + before +
                             " AND Rv < MIN_ACTIVE_ROWVERSION() ORDER BY CountryId"),
            "slow\nquick");
}

TEST_F(TdsSql, WritersOfOneRowWaitForEachOther) {
  ASSERT_EQ(run(batch_, "BEGIN TRAN; UPDATE Country SET Name = N'a' WHERE CountryId = 1"), 0);
  EXPECT_EQ(run(other_, "SET LOCK_TIMEOUT 0; UPDATE Country SET Name = N'b' WHERE CountryId = 1"), 1222);
  ASSERT_EQ(run(batch_, "COMMIT"), 0);
  EXPECT_EQ(run(other_, "UPDATE Country SET Name = N'b' WHERE CountryId = 1"), 0);
}

TEST_F(TdsSql, TracksChanges) {
  std::string const start = read("SELECT CHANGE_TRACKING_CURRENT_VERSION()");
  ASSERT_EQ(run(batch_,
                "INSERT dbo.Country (Code) VALUES ('AA'); UPDATE Country SET Price = 1 WHERE CountryId = 2; DELETE "
                "Country WHERE CountryId = 3"),
            0);
  EXPECT_EQ(read("SELECT ct.SYS_CHANGE_OPERATION, ct.CountryId, t.Code FROM CHANGETABLE(CHANGES dbo.Country, " + start +
                 ") AS ct LEFT JOIN dbo.Country t ON t.CountryId = ct.CountryId ORDER BY 2"),
            "U|2|DE\nD|3|NULL\nI|4|AA");
}

TEST_F(TdsSql, ColumnsComeGoAndChangeType) {
  ASSERT_EQ(run(batch_, "ALTER TABLE Country ADD Extra int DEFAULT 7"), 0);
  ASSERT_EQ(run(batch_, "ALTER TABLE Country DROP COLUMN Name"), 0);
  ASSERT_EQ(run(batch_, "ALTER TABLE Country ALTER COLUMN Price nvarchar(20)"), 0);
  EXPECT_EQ(read("SELECT Price, Extra FROM Country WHERE CountryId = 1"), "12.5000|7");
  EXPECT_EQ(read("SELECT Name FROM Country"), "error 207");
  EXPECT_EQ(read("SELECT c.name, t.name FROM sys.columns c JOIN sys.types t ON t.user_type_id = c.user_type_id WHERE "
                 "c.object_id = OBJECT_ID('dbo.Country') AND c.name IN ('Price','Extra') ORDER BY 1"),
            "Extra|int\nPrice|nvarchar");
}

TEST_F(TdsSql, CatalogFollowsTheDescription) {
  EXPECT_EQ(read("SELECT s.name, o.name, o.type FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id "
                 "WHERE o.type IN ('U','V') ORDER BY 2"),
            "dbo|Big|U \ndbo|Cheap|V \ndbo|Country|U \ndbo|Secret|U ");
  EXPECT_EQ(read("SELECT i.name, c.name FROM sys.indexes i JOIN sys.index_columns ic ON ic.object_id = i.object_id AND "
                 "ic.index_id = i.index_id AND ic.key_ordinal > 0 JOIN sys.columns c ON c.object_id = ic.object_id AND "
                 "c.column_id = ic.column_id WHERE i.is_primary_key = 1 ORDER BY 1"),
            "PK_Big|Id\nPK_Country|CountryId");
  EXPECT_EQ(read("SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(N'dbo.Big') AND index_id IN (0,1)"),
            "50000000");
  EXPECT_EQ(read("SELECT COUNT(*), MIN(h.step_number) FROM sys.dm_db_stats_histogram(OBJECT_ID('dbo.Big'), 1) h"),
            "200|1");
  EXPECT_EQ(read("SELECT name, system_type_name FROM sys.dm_exec_describe_first_result_set(N'SELECT Code, Price * 2 AS "
                 "p FROM dbo.Country', NULL, 0)"),
            "Code|char(2)\np|numeric(29,4)");
  EXPECT_EQ(
      read("SELECT COLUMNPROPERTY(OBJECT_ID('dbo.Country'), 'CountryId', 'isidentity'), "
           "COLUMNPROPERTY(OBJECT_ID('dbo.Country'), 'Code', 'ColumnId'), COLUMNPROPERTY(OBJECT_ID('dbo.Country'), "
           "'None', 'IsIdentity'), COLUMNPROPERTY(NULL, 'Code', 'IsIdentity')"),
      "1|2|NULL|NULL");
  EXPECT_EQ(read("SELECT COUNT(*) FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS"), "0");
  EXPECT_EQ(read("SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'Secret' ORDER BY "
                 "ORDINAL_POSITION"),
            "Id|int\nCard|varchar");
  EXPECT_EQ(read("SELECT CONVERT(int, COLLATIONPROPERTY('Cyrillic_General_CI_AS', 'CodePage')), "
                 "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UNMASK')"),
            "1251|1");
}

}  // namespace
}  // namespace weir::tds
