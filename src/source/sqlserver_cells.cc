#include "source/sqlserver_cells.h"

#include <algorithm>

#include <fmt/format.h>

#include "odbc/sql_types.h"
#include "source/copy_encode.h"
#include "source/sqlserver_types.h"

namespace weir::source {
namespace {

using odbc::CType;
using odbc::Indicator;

Form raw_form(Column const& column) {
  std::size_t const length = is_long(column) ? 0 : static_cast<std::size_t>(std::max(column.max_length, 1));
  switch (static_cast<Decode>(column.decode)) {
    case Decode::Bit:
      return {Action::Bit, CType::Bit, 1, true};
    case Decode::TinyInt:
      return {Action::TinyInt, CType::UInt8, 1, true};
    case Decode::SmallInt:
      return {Action::SmallInt, CType::Int16, 2, true};
    case Decode::Int:
      return {Action::Int, CType::Int32, 4, true};
    case Decode::BigInt:
      return {Action::BigInt, CType::Int64, 8, true};
    case Decode::Real:
      return {Action::Real, CType::Float, 4, true};
    case Decode::Float:
      return {Action::Float, CType::Double, 8, true};
    case Decode::Decimal:
      return {Action::Numeric, CType::Binary, sizeof(RawNumeric), true};
    case Decode::Money:
      return {Action::Money, CType::Binary, 8, true};
    case Decode::SmallMoney:
      return {Action::SmallMoney, CType::Binary, 4, true};
    case Decode::Date:
      return {Action::Date, CType::Binary, sizeof(odbc::DateValue), true};
    case Decode::Time:
      return {Action::Time, CType::Binary, sizeof(RawTime), true};
    case Decode::SmallDateTime:
      return {Action::SmallDateTime, CType::Binary, sizeof(RawSmallDateTime), true};
    case Decode::DateTime:
      return {Action::DateTime, CType::Binary, sizeof(RawDateTime), true};
    case Decode::DateTime2:
      return {Action::Timestamp, CType::Binary, sizeof(odbc::TimestampValue), true};
    case Decode::DateTimeOffset:
      return {Action::Offset, CType::Binary, sizeof(RawOffset), true};
    case Decode::Guid:
      return {Action::Guid, CType::Binary, 16, true};
    case Decode::Utf16:
      return {Action::Utf16, CType::Binary, length, false};
    case Decode::CodePage:
      return {Action::CodePage, CType::Binary, length, false};
    case Decode::Utf8:
      return {Action::Utf8, CType::Binary, length, false};
    case Decode::Bytes:
    case Decode::Refused:
      break;
  }
  return {Action::Bytes, CType::Binary, length, false};
}

Form typed_form(Column const& column) {
  bool const is_wide = static_cast<Decode>(column.decode) == Decode::Utf16;
  auto const length = static_cast<std::size_t>(std::max(column.max_length, 1));
  std::size_t const text_bytes = is_long(column) ? 0 : (is_wide ? length : 2 * length) + 2;
  switch (static_cast<Decode>(column.decode)) {
    case Decode::Decimal:
    case Decode::Money:
    case Decode::SmallMoney:
      return {Action::DecimalText, CType::Char, 64, false};
    case Decode::Date:
      return {Action::Date, CType::Date, sizeof(odbc::DateValue), true};
    case Decode::SmallDateTime:
    case Decode::DateTime:
    case Decode::DateTime2:
      return {Action::Timestamp, CType::Timestamp, sizeof(odbc::TimestampValue), true};
    case Decode::Time:
      return {Action::TimeText, CType::Wide, 64, false};
    case Decode::DateTimeOffset:
      return {Action::OffsetText, CType::Wide, 96, false};
    case Decode::Guid:
      return {Action::GuidText, CType::Wide, 80, false};
    case Decode::Utf16:
    case Decode::CodePage:
    case Decode::Utf8:
      return {Action::Utf16, CType::Wide, text_bytes, false};
    default:
      return raw_form(column);
  }
}

}  // namespace

Form form_of(Column const& column, Binding binding) {
  return binding == Binding::Raw ? raw_form(column) : typed_form(column);
}

bool is_of_form(odbc::ColumnInfo const& info, Column const& column, Form const& form) {
  auto const is = [&](std::initializer_list<int> types) {
    return std::ranges::find(types, info.sql_type) != types.end();
  };
  // SQL Server's own: xml, CLR types, time, datetimeoffset.
  constexpr int kXml = -152, kUdt = -151, kSqlServerTime = -154, kSqlServerOffset = -155;
  bool const scale_fits = info.scale <= column.scale;
  switch (form.action) {
    case Action::Bit:
      return is({odbc::kBit});
    case Action::TinyInt:
      return is({odbc::kTinyInt});
    case Action::SmallInt:
      return is({odbc::kSmallInt});
    case Action::Int:
      return is({odbc::kInteger});
    case Action::BigInt:
      return is({odbc::kBigInt});
    case Action::Real:
      return is({odbc::kReal});
    case Action::Float:
      return is({odbc::kFloat, odbc::kDouble});
    case Action::Numeric:
    case Action::Money:
    case Action::SmallMoney:
    case Action::DecimalText:
      return is({odbc::kDecimal, odbc::kNumeric}) && info.scale == column.scale;
    case Action::Date:
      return is({odbc::kTypeDate, odbc::kDate2});
    case Action::Time:
      return is({kSqlServerTime, odbc::kTypeTime}) && scale_fits;
    case Action::SmallDateTime:
    case Action::DateTime:
      return is({odbc::kTypeTimestamp, odbc::kTimestamp2});
    case Action::Timestamp:
      return is({odbc::kTypeTimestamp, odbc::kTimestamp2}) && (scale_fits || column.source_type == "datetime");
    case Action::Offset:
      return is({kSqlServerOffset}) && scale_fits;
    case Action::Guid:
      return is({odbc::kGuid});
    case Action::CodePage:
    case Action::Utf8:
      return is({odbc::kChar, odbc::kVarChar, odbc::kLongVarChar});
    case Action::Utf16:
      if (form.type == CType::Wide && is({odbc::kChar, odbc::kVarChar, odbc::kLongVarChar})) return true;
      return is({odbc::kWChar, odbc::kWVarChar, odbc::kWLongVarChar, kXml});
    case Action::TimeText:
    case Action::OffsetText:
    case Action::GuidText:
      return is({odbc::kWChar, odbc::kWVarChar});
    case Action::Bytes:
      return is({odbc::kBinary, odbc::kVarBinary, odbc::kLongVarBinary, kUdt});
  }
  return false;
}

std::size_t without_blanks(char const* data, std::size_t length, bool is_wide) {
  if (!is_wide) {
    while (length > 0 && data[length - 1] == ' ') --length;
  } else {
    while (length >= 2 && data[length - 2] == ' ' && data[length - 1] == '\0') length -= 2;
  }
  return length;
}

std::optional<std::string> key_text(Cell const& cell) {
  if (*cell.indicator == odbc::kNull) return "NULL";
  auto const length = static_cast<std::size_t>(std::max<Indicator>(*cell.indicator, 0));
  if (cell.is_long || length > cell.form.size) return std::nullopt;
  std::string_view const bytes(cell.data, length);
  switch (cell.form.action) {
    case Action::TinyInt:
      return std::to_string(static_cast<std::uint8_t>(bytes[0]));
    case Action::SmallInt:
      return std::to_string(load<std::int16_t>(cell.data));
    case Action::Int:
      return std::to_string(load<std::int32_t>(cell.data));
    case Action::BigInt:
      return std::to_string(load<std::int64_t>(cell.data));
    case Action::Utf16:
      return '"' + utf8_of_utf16(cell.data, length) + '"';
    case Action::TimeText:
    case Action::OffsetText:
    case Action::GuidText:
      return std::string(Narrow(cell.data, length).view());
    case Action::DecimalText:
      return std::string(bytes);
    case Action::CodePage:
    case Action::Utf8: {
      bool const is_ascii = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c < 0x7f; });
      if (is_ascii) return '"' + std::string(bytes) + '"';
      break;
    }
    case Action::Guid: {
      std::string field;
      RowBuilder row(field);
      row.uuid_mixed_endian(cell.data);
      row.finish();
      std::string text;
      for (std::size_t i = 4; i < 20; ++i) {
        text += fmt::format("{:02x}", static_cast<std::uint8_t>(field[i]));
        if (i == 7 || i == 9 || i == 11 || i == 13) text += '-';
      }
      return text;
    }
    default:
      break;
  }
  std::string text = "0x";
  for (char const c : bytes.substr(0, 64)) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace weir::source
