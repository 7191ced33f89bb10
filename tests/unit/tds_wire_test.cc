// weir-tds's bytes: type information and cells as MS-TDS describes them, generators, edge values, descriptions, faults.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tds/description.h"
#include "tds/encode.h"
#include "tds/parser.h"
#include "tds/udt.h"

namespace weir::tds {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char const c : bytes) out += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
  return out;
}

std::string cell(SqlType const& type, std::string_view text, bool fixed = false) {
  WireColumn column;
  column.type = type;
  column.fixed = fixed;
  Value value = null_value(type.id);
  if (text != "NULL") {
    EXPECT_TRUE(parse_value(text, type, value).ok()) << text;
  }
  std::string out;
  put_cell(out, column, value, 74);
  return hex(out);
}

SqlType scaled(TypeId id, int scale) {
  return make_type(id, 0, 0, static_cast<std::uint8_t>(scale));
}

TEST(TdsWire, Cells) {
  EXPECT_EQ(cell(make_type(TypeId::Int), "258"), "0402010000");
  EXPECT_EQ(cell(make_type(TypeId::Int), "258", true), "02010000");
  EXPECT_EQ(cell(make_type(TypeId::TinyInt), "255"), "01ff");
  EXPECT_EQ(cell(make_type(TypeId::Int), "NULL"), "00");
  EXPECT_EQ(cell(make_type(TypeId::Decimal, 0, 9, 2), "-123.45"), "050039300000");
  EXPECT_EQ(cell(make_type(TypeId::Decimal, 0, 38, 0), "99999999999999999999999999999999999999"),
            "1101ffffffff3f228a097ac4865aa84c3b4b");
  EXPECT_EQ(cell(make_type(TypeId::Money), "-0.0001"), "08ffffffffffffffff");
  EXPECT_EQ(cell(make_type(TypeId::Money), "1.0000"), "080000000010270000");
  EXPECT_EQ(cell(make_type(TypeId::Date), "0001-01-01"), "03000000");
  EXPECT_EQ(cell(make_type(TypeId::Date), "9999-12-31"), "03dab937");
  EXPECT_EQ(cell(make_type(TypeId::DateTime), "1900-01-01 00:00:00.003"), "080000000001000000");
  EXPECT_EQ(cell(make_type(TypeId::SmallDateTime), "1900-01-02 00:01"), "0401000100");
  EXPECT_EQ(cell(scaled(TypeId::Time, 7), "23:59:59.9999999"), "05ffbf692ac9");
  EXPECT_EQ(cell(scaled(TypeId::Time, 0), "00:00:01"), "03010000");
  EXPECT_EQ(cell(scaled(TypeId::DateTimeOffset, 0), "0001-01-02 01:00:00 +01:00"), "080000000100003c00");
  EXPECT_EQ(cell(nvarchar(10), "aB"), "040061004200");
  EXPECT_EQ(cell(nvarchar(10), "NULL"), "ffff");
  EXPECT_EQ(cell(nvarchar(-1), "a"), "020000000000000002000000610000000000");
  EXPECT_EQ(cell(nvarchar(-1), "NULL"), "ffffffffffffffff");
  EXPECT_EQ(cell(make_type(TypeId::VarChar, 10, 0, 0, find_collation("Cyrillic_General_CI_AS")), "\xd0\x96"), "0100c6");
  EXPECT_EQ(cell(make_type(TypeId::UniqueIdentifier), "01234567-89AB-CDEF-0123-456789ABCDEF"),
            "1067452301ab89efcd0123456789abcdef");
  EXPECT_EQ(cell(make_type(TypeId::HierarchyId), "/1/2/"),
            "0200000000000000"
            "02000000"
            "5b40"
            "00000000");
}

TEST(TdsWire, LongValuesAreStreamedFromABlock) {
  WireColumn column;
  column.type = make_type(TypeId::VarBinary, -1);
  column.plp_unknown = true;
  Value value = binary_value("abc");
  value.repeat_to = 10;
  std::string out;
  put_cell(out, column, value, 74);
  EXPECT_EQ(hex(out),
            "feffffffffffffff"
            "0a000000" +
                hex("abcabcabca") + "00000000");
}

TEST(TdsWire, NullBitmapRows) {
  std::vector<WireColumn> columns(9);
  Value const null = null_value(), one = int_value(1);
  std::vector<Value const*> cells(9, &null);
  cells[8] = &one;
  std::string out;
  put_nbc_row(out, columns, cells.data(), 74);
  EXPECT_EQ(hex(out), "d2ff000401000000");
}

TEST(TdsWire, ReadsBackWhatItWrites) {
  for (char const* declared : {"int", "bigint", "decimal(38,10)", "money", "float", "date", "time(3)", "datetime",
                               "smalldatetime", "datetime2(7)", "datetimeoffset(4)", "nvarchar(20)", "varchar(20)",
                               "nvarchar(max)", "varbinary(max)", "binary(8)", "uniqueidentifier", "bit"}) {
    ColumnDefinition definition;
    ASSERT_TRUE(parse_column(std::string("c ") + declared, definition).ok());
    for (Value const& value : edge_values(definition.type)) {
      WireColumn column;
      column.type = definition.type;
      std::string out;
      put_type_info(out, column, 74);
      put_cell(out, column, value, 74);
      WireReader in(out);
      SqlType type;
      Value back;
      ASSERT_TRUE(in.type_info(type) && in.cell(type, back)) << declared;
      EXPECT_TRUE(in.at_end()) << declared;
      EXPECT_EQ(back.null, value.null) << declared;
      std::string again;
      put_cell(again, column, back, 74);
      EXPECT_EQ(hex(again), hex(out.substr(out.size() - again.size()))) << declared;
    }
  }
}

TEST(TdsWire, TruncatedParametersAreRefused) {
  WireColumn column;
  column.type = nvarchar(20);
  std::string whole;
  put_type_info(whole, column, 74);
  put_cell(whole, column, text_value("hello"), 74);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    WireReader in(std::string_view(whole).substr(0, length));
    SqlType type;
    Value value;
    EXPECT_FALSE(in.type_info(type) && in.cell(type, value) && !in.failed()) << length;
  }
}

TEST(TdsText, KeepsWhatIsNoText) {
  using namespace std::string_literals;
  EXPECT_EQ(to_utf16(to_utf8("\x00\xd8z\0"s)), "\x00\xd8z\0"s);  // a lone surrogate survives
  EXPECT_EQ(hex(from_code_page("\x81", 1252)), "fdff");
  EXPECT_EQ(to_code_page(to_utf16("\xe6\x97\xa5"), 1252), "?");
  EXPECT_EQ(cut_code_page(to_code_page(to_utf16("\xe6\x97\xa5\xe6\x9c\xac"), 932), 3, 932).size(), 2u);
  std::uint8_t wire[5];
  default_collation()->append_wire(wire);
  EXPECT_EQ(hex(std::string_view(reinterpret_cast<char*>(wire), 5)), "0904d00034");
  EXPECT_EQ(find_collation("No_Such_Thing"), nullptr);
  EXPECT_EQ(find_collation("Latin1_General_100_CI_AS_SC_UTF8")->code_page, 65001);
}

TEST(TdsUdt, TextAndBytesAgree) {
  for (char const* path : {"/", "/0/", "/3/", "/4/", "/15/", "/16/", "/79/", "/80/", "/1103/", "/1104/", "/5199/",
                           "/-1/", "/-72/", "/1/2/3/"}) {
    Value value;
    ASSERT_TRUE(udt_parse(path, TypeId::HierarchyId, value).ok()) << path;
    EXPECT_EQ(udt_text(value), path);
  }
  for (char const* shape : {"POINT (1.5 -2)", "POINT (1 2 3 4)", "LINESTRING (0 0, 1 1, 2 0)",
                            "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))"}) {
    Value value;
    ASSERT_TRUE(udt_parse(shape, TypeId::Geometry, value).ok()) << shape;
    EXPECT_EQ(udt_text(value), shape);
  }
  Value value;
  EXPECT_FALSE(udt_parse("CIRCLE (1)", TypeId::Geography, value).ok());
}

TEST(TdsGenerate, SameSeedSameRows) {
  std::string problem;
  auto const a =
      pattern_generator(nvarchar(60), 7, "{row} {hex:8} {choice:x|y} {words:2} {letters:3:5} {number:5:9}", problem);
  auto const b =
      pattern_generator(nvarchar(60), 7, "{row} {hex:8} {choice:x|y} {words:2} {letters:3:5} {number:5:9}", problem);
  ASSERT_EQ(problem, "");
  for (std::uint64_t row : {0ULL, 1ULL, 49'999'999ULL}) {
    Value x, y;
    a->make(row, x);
    b->make(row, y);
    EXPECT_EQ(to_text(x), to_text(y));
    EXPECT_EQ(to_text(x).compare(0, 1, std::to_string(row + 1), 0, 1), 0);
  }
  pattern_generator(nvarchar(60), 7, "{nonsense}", problem);
  EXPECT_NE(problem, "");
}

TEST(TdsGenerate, EveryTypeHasEdges) {
  for (int id = 0; id <= static_cast<int>(TypeId::Geometry); ++id) {
    SqlType const type = make_type(static_cast<TypeId>(id), 10, 18, 4);
    std::vector<Value> const values = edge_values(type);
    EXPECT_GE(values.size(), 3u) << type_text(type);
    EXPECT_TRUE(values.back().null);
  }
}

TEST(TdsDescription, SaysWhereAMistakeIs) {
  Database database;
  Status const status =
      load_description_text("x.yml", "tables:\n  - name: dbo.T\n    colums: [Id int]\n", ".", database);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().to_text().find("x.yml:3"), std::string::npos) << status.error().to_text();
  EXPECT_NE(status.error().to_text().find("did you mean \"columns\"?"), std::string::npos) << status.error().to_text();
  Database other;
  Status const bad = load_description_text(
      "x.yml", "tables:\n  - name: dbo.T\n    columns: [Id int]\n    rows:\n      - [x]\n", ".", other);
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().to_text().find("x.yml:5"), std::string::npos) << bad.error().to_text();
}

TEST(TdsFaults, ComeWhenAndAsOftenAsTheyShould) {
  Faults faults;
  auto fault =
      parse_fault_text("test", "{table: dbo.User, query: COUNT, skip: 1, times: 2, after_rows: 5, error: 1205}");
  ASSERT_TRUE(fault.ok()) << fault.error().to_text();
  EXPECT_EQ(fault->error->severity, 13);
  faults.add(std::move(*fault));
  EXPECT_FALSE(faults.meet(FaultEvent::Query, "select count(*) from x", {"dbo.Other"}));
  EXPECT_FALSE(faults.meet(FaultEvent::Query, "select 1", {"dbo.User"}));
  EXPECT_FALSE(faults.meet(FaultEvent::Login, "select count", {"dbo.User"}));
  EXPECT_FALSE(faults.meet(FaultEvent::Query, "select count(*)", {"dbo.user"}));  // skipped
  EXPECT_TRUE(faults.meet(FaultEvent::Query, "select count(*)", {"DBO.USER"}));
  EXPECT_TRUE(faults.meet(FaultEvent::Query, "select count(*)", {"dbo.User"}));
  EXPECT_FALSE(faults.meet(FaultEvent::Query, "select count(*)", {"dbo.User"}));
  EXPECT_FALSE(parse_fault_text("test", "{close: sideways}").ok());
}

}  // namespace
}  // namespace weir::tds
