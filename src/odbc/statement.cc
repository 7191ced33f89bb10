#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "odbc/session.h"
#include "odbc/sql_types.h"
#include "odbc/state.h"
#include "odbc/wide_text.h"

namespace weir::odbc {

static_assert(sizeof(SQLWCHAR) == 2 && sizeof(SQLLEN) == sizeof(Indicator) && SQL_NULL_DATA == kNull);
static_assert(kChar == SQL_CHAR && kNumeric == SQL_NUMERIC && kDecimal == SQL_DECIMAL && kInteger == SQL_INTEGER &&
              kSmallInt == SQL_SMALLINT && kFloat == SQL_FLOAT && kReal == SQL_REAL && kDouble == SQL_DOUBLE &&
              kVarChar == SQL_VARCHAR && kTypeDate == SQL_TYPE_DATE && kTypeTime == SQL_TYPE_TIME &&
              kTypeTimestamp == SQL_TYPE_TIMESTAMP && kLongVarChar == SQL_LONGVARCHAR && kBinary == SQL_BINARY &&
              kVarBinary == SQL_VARBINARY && kLongVarBinary == SQL_LONGVARBINARY && kBigInt == SQL_BIGINT &&
              kTinyInt == SQL_TINYINT && kBit == SQL_BIT && kWChar == SQL_WCHAR && kWVarChar == SQL_WVARCHAR &&
              kWLongVarChar == SQL_WLONGVARCHAR && kGuid == SQL_GUID && kDate2 == SQL_DATE && kTime2 == SQL_TIME &&
              kTimestamp2 == SQL_TIMESTAMP);
static_assert(sizeof(DateValue) == sizeof(SQL_DATE_STRUCT) && sizeof(TimestampValue) == sizeof(SQL_TIMESTAMP_STRUCT));

namespace {

SQLSMALLINT c_type(CType type) {
  switch (type) {
    case CType::UInt8:
      return SQL_C_UTINYINT;
    case CType::Int16:
      return SQL_C_SSHORT;
    case CType::Int32:
      return SQL_C_SLONG;
    case CType::Int64:
      return SQL_C_SBIGINT;
    case CType::Float:
      return SQL_C_FLOAT;
    case CType::Double:
      return SQL_C_DOUBLE;
    case CType::Bit:
      return SQL_C_BIT;
    case CType::Binary:
      return SQL_C_BINARY;
    case CType::Char:
      return SQL_C_CHAR;
    case CType::Wide:
      return SQL_C_WCHAR;
    case CType::Date:
      return SQL_C_TYPE_DATE;
    case CType::Timestamp:
      return SQL_C_TYPE_TIMESTAMP;
  }
  return SQL_C_CHAR;
}

}  // namespace

Parameter text_parameter(std::string_view utf8) {
  return to_utf16(utf8);
}

Statement::Statement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;
Statement::~Statement() = default;

Status Statement::execute(std::string_view sql, std::span<Parameter const> parameters) {
  close();
  state_->cancelled = false;
  WEIR_DO(state_->bind_parameters(parameters));
  std::u16string const text = state_->session->to_wide(sql);
  state_->open = true;
  SQLRETURN const code = SQLExecDirectW(state_->handle, wide(text), static_cast<SQLINTEGER>(text.size()));
  return state_->check(code, "execute a statement");
}

Result<std::size_t> Statement::columns() {
  SQLSMALLINT count = 0;
  WEIR_DO(state_->check(SQLNumResultCols(state_->handle, &count), "describe a result"));
  return static_cast<std::size_t>(count);
}

Result<ColumnInfo> Statement::describe(std::size_t column) {
  std::array<char16_t, 1024> name{};
  SQLSMALLINT length = 0, type = 0, scale = 0, nullable = 0;
  SQLULEN size = 0;
  auto const number = static_cast<SQLUSMALLINT>(column + 1);
  WEIR_DO(
      state_->check(SQLDescribeColW(state_->handle, number, reinterpret_cast<SQLWCHAR*>(name.data()),
                                    static_cast<SQLSMALLINT>(name.size()), &length, &type, &size, &scale, &nullable),
                    "describe a column"));
  ColumnInfo info;
  info.name = state_->session->from_wide(std::u16string_view(name.data()));
  info.sql_type = type;
  info.size = size;
  info.scale = scale;
  info.nullable = nullable != SQL_NO_NULLS;
  SQLSMALLINT bytes = 0;
  name.fill(u'\0');
  if (succeeded(SQLColAttributeW(state_->handle, number, SQL_DESC_TYPE_NAME, name.data(),
                                 static_cast<SQLSMALLINT>(sizeof name), &bytes, nullptr)))
    info.type_name = to_utf8(std::u16string_view(name.data()));
  return info;
}

Status Statement::bind(std::size_t column, CType type, void* buffer, std::size_t size, Indicator* indicator) {
  return state_->check(SQLBindCol(state_->handle, static_cast<SQLUSMALLINT>(column + 1), c_type(type), buffer,
                                  static_cast<SQLLEN>(size), reinterpret_cast<SQLLEN*>(indicator)),
                       "bind a column");
}

Result<bool> Statement::fetch() {
  SQLRETURN const code = SQLFetch(state_->handle);
  if (code == SQL_SUCCESS) return true;
  if (code == SQL_NO_DATA) return false;
  WEIR_DO(state_->check(code, "read rows"));
  return true;
}

Result<bool> Statement::get_data(std::size_t column, CType type, void* buffer, std::size_t size, Indicator* indicator) {
  SQLRETURN const code = SQLGetData(state_->handle, static_cast<SQLUSMALLINT>(column + 1), c_type(type), buffer,
                                    static_cast<SQLLEN>(size), reinterpret_cast<SQLLEN*>(indicator));
  if (code == SQL_SUCCESS) return false;
  if (code == SQL_NO_DATA) return *indicator = 0, false;
  WEIR_DO(state_->check(code, "read a value"));
  // With info: 01004, the buffer was too small.
  std::size_t const terminator = type == CType::Wide ? 2 : type == CType::Char ? 1 : 0;
  return *indicator != kNull && (*indicator < 0 || static_cast<std::size_t>(*indicator) > size - terminator);
}

Result<std::optional<std::string_view>> Statement::get_value(std::size_t column, CType type, std::string& buffer,
                                                             std::size_t most) {
  constexpr std::size_t kPiece = 64 * 1024;
  std::size_t const terminator = type == CType::Wide ? 2 : type == CType::Char ? 1 : 0;
  std::size_t used = 0;
  if (buffer.size() < kPiece) buffer.resize(kPiece);
  while (true) {
    std::size_t const room = buffer.size() - used;
    Indicator left = 0;
    WEIR_TRY(bool const more, get_data(column, type, buffer.data() + used, room, &left));
    if (left == kNull) return std::optional<std::string_view>();
    used += more ? room - terminator : static_cast<std::size_t>(std::max<Indicator>(left, 0));
    std::size_t const rest = more && left > 0 ? static_cast<std::size_t>(left) - (room - terminator) : 0;
    if (used + rest > most) return Error(ErrorKind::Data, fmt::format("a value is longer than {} bytes", most));
    if (!more) return std::string_view(buffer.data(), used);
    buffer.resize(used + terminator + std::max(rest, std::min(used, std::size_t{16} << 20)) + terminator);
  }
}

Result<std::optional<std::string>> Statement::get_text(std::size_t column) {
  std::string& buffer = state_->text_buffer;
  if (state_->session->is_narrow) {
    WEIR_TRY(auto const text, get_value(column, CType::Char, buffer, std::size_t{1} << 30));
    return text ? std::optional(std::string(*text)) : std::optional<std::string>();
  }
  WEIR_TRY(auto const bytes, get_value(column, CType::Wide, buffer, std::size_t{1} << 30));
  if (!bytes) return std::optional<std::string>();
  std::u16string units(bytes->size() / 2, u'\0');
  std::memcpy(units.data(), bytes->data(), units.size() * 2);
  return std::optional<std::string>(to_utf8(units));
}

Result<bool> Statement::more_results() {
  SQLFreeStmt(state_->handle, SQL_UNBIND);
  SQLRETURN const code = SQLMoreResults(state_->handle);
  WEIR_DO(state_->check(code, "read the next result"));
  return code != SQL_NO_DATA;
}

Result<std::int64_t> Statement::row_count() {
  SQLLEN count = -1;
  WEIR_DO(state_->check(SQLRowCount(state_->handle, &count), "count rows"));
  return static_cast<std::int64_t>(count);
}

void Statement::close() {
  if (!state_ || !state_->open) return;
  SQLFreeStmt(state_->handle, SQL_CLOSE);
  SQLFreeStmt(state_->handle, SQL_UNBIND);
  state_->open = false;
}

std::vector<std::string> Statement::take_messages() {
  return std::exchange(state_->messages, {});
}

void Statement::cancel() {
  state_->cancelled = true;
  if (state_->session->can_cancel) SQLCancel(state_->handle);
}

}  // namespace weir::odbc
