// The self-test of a driver: edge values of every type as constants, read like a table, compared byte by byte.
#include <fmt/format.h>

#include "base/text.h"
#include "source/copy_encode.h"
#include "source/sqlserver_session.h"

namespace weir::source {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct Probe {
  SqlServerColumn column;
  std::string expression;
  void (*expected)(RowBuilder& row);
};

SqlServerColumn type(char const* name, int max_length = 0, int precision = 0, int scale = 0) {
  SqlServerColumn column;
  column.name = column.base_type = column.declared_type = name;
  column.max_length = max_length;
  column.precision = precision;
  column.scale = scale;
  column.code_page = 1252;
  return column;
}

std::int64_t day(int year, unsigned month, unsigned of_month) {
  return days_since_2000(year, month, of_month) * kMicrosecondsPerDay;
}

std::vector<Probe> probes() {
  return {
      {type("bit"), "CONVERT(bit, 1)", [](RowBuilder& r) { r.boolean(true); }},
      {type("tinyint"), "CONVERT(tinyint, 255)", [](RowBuilder& r) { r.int2(255); }},
      {type("smallint"), "CONVERT(smallint, -32768)", [](RowBuilder& r) { r.int2(-32768); }},
      {type("int"), "CONVERT(int, -2147483648)", [](RowBuilder& r) { r.int4(INT32_MIN); }},
      {type("bigint"), "CONVERT(bigint, -9223372036854775808)", [](RowBuilder& r) { r.int8(INT64_MIN); }},
      {type("real"), "CONVERT(real, -0.5)", [](RowBuilder& r) { r.float4(-0.5f); }},
      {type("float"), "CONVERT(float, 1.5E300)", [](RowBuilder& r) { r.float8(1.5e300); }},
      {type("decimal", 17, 38, 10), "CONVERT(decimal(38,10), N'-9999999999999999999999999999.0123456789')",
       [](RowBuilder& r) { r.numeric_text("-9999999999999999999999999999.0123456789"); }},
      {type("money"), "CONVERT(money, N'-922337203685477.5808')",
       [](RowBuilder& r) { r.numeric_text("-922337203685477.5808"); }},
      {type("smallmoney"), "CONVERT(smallmoney, N'-0.0001')", [](RowBuilder& r) { r.numeric_text("-0.0001"); }},
      {type("date"), "CONVERT(date, N'0001-01-01')", [](RowBuilder& r) { r.date(days_since_2000(1, 1, 1)); }},
      {type("time", 5, 16, 7), "CONVERT(time(7), N'23:59:59.9999999')",
       [](RowBuilder& r) { r.time(kMicrosecondsPerDay - 1); }},
      {type("smalldatetime"), "CONVERT(smalldatetime, N'2079-06-06 23:59:00', 121)",
       [](RowBuilder& r) { r.timestamp(day(2079, 6, 6) + (23 * 60 + 59) * 60 * kSecond); }},
      {type("datetime"), "CONVERT(datetime, N'1753-01-01 23:59:59.997', 121)",
       [](RowBuilder& r) { r.timestamp(day(1753, 1, 2) - 3000); }},
      {type("datetime2", 8, 27, 7), "CONVERT(datetime2(7), N'0001-01-01 00:00:00.1234567', 121)",
       [](RowBuilder& r) { r.timestamp(day(1, 1, 1) + 123456); }},
      {type("datetimeoffset", 10, 34, 7), "CONVERT(datetimeoffset(7), N'9999-12-31 13:14:15.1234567 -05:30', 121)",
       [](RowBuilder& r) { r.timestamp(day(9999, 12, 31) + ((18 * 60 + 44) * 60 + 15) * kSecond + 123456); }},
      {type("uniqueidentifier", 16), "CONVERT(uniqueidentifier, N'00112233-4455-6677-8899-AABBCCDDEEFF')",
       [](RowBuilder& r) { r.uuid_text("00112233-4455-6677-8899-aabbccddeeff"); }},
      {type("nvarchar", 40), "CONVERT(nvarchar(20), N'a\u00e9\u20ac\U0001f600')",
       [](RowBuilder& r) { r.raw("a\u00e9\u20ac\U0001f600"); }},
      {type("varchar", 20), "CONVERT(varchar(20), N'plain text')", [](RowBuilder& r) { r.raw("plain text"); }},
      {type("varbinary", 8), "CONVERT(varbinary(8), 0x00FF10)",
       [](RowBuilder& r) { r.raw(std::string_view("\x00\xff\x10", 3)); }},
      {type("nvarchar", -1), "CONVERT(nvarchar(max), N'long \u20ac')", [](RowBuilder& r) { r.raw("long \u20ac"); }},
      {type("int"), "CONVERT(int, NULL)", [](RowBuilder& r) { r.null(); }},
  };
}

}  // namespace

Status self_test(odbc::Session& session, Binding binding) {
  ReadRequest request;
  request.table.name = "self-test";
  std::string expected;
  std::vector<std::size_t> ends;
  auto const all = probes();
  {
    RowBuilder row(expected);
    row.begin_row(all.size());
    for (auto const& probe : all) {
      Column column = map_column(probe.column);
      column.select_expression = probe.expression;
      column.name = fmt::format("c{}", request.table.columns.size() + 1);
      request.table.columns.push_back(std::move(column));
      probe.expected(row);
      ends.push_back(row.size());
    }
  }
  SelectList const list = select_list(request.table.columns, binding);
  SqlStatement const statement{
      fmt::format("/*weir:selftest*/ SELECT {}; SELECT ROWCOUNT_BIG() AS weir_rows", join(list.expressions(), ", ")),
      {}};
  WEIR_TRY(auto const reader, read_rows(session, request, list, binding, statement));
  Batch batch;
  WEIR_TRY(bool const there, reader->next(batch));
  if (there && batch.bytes == expected) {
    WEIR_TRY(bool const more, reader->next(batch));
    if (!more) return {};
  }
  std::size_t same = 0;
  while (same < batch.bytes.size() && same < expected.size() && batch.bytes[same] == expected[same]) ++same;
  std::size_t probe = 0;
  while (probe + 1 < ends.size() && ends[probe] <= same) ++probe;
  return Error(ErrorKind::Data, fmt::format("the driver gives {} values that are not those of the server ({})",
                                            request.table.columns[probe].source_type, all[probe].expression));
}

}  // namespace weir::source
