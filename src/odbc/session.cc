#include "odbc/session.h"

#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstring>
#include <deque>
#include <type_traits>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/text.h"
#include "odbc/diagnostics.h"
#include "odbc/drivers.h"
#include "odbc/sql_types.h"
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

SQLWCHAR* wide(std::u16string const& text) {
  return reinterpret_cast<SQLWCHAR*>(const_cast<char16_t*>(text.data()));
}

bool succeeded(SQLRETURN code) { return code == SQL_SUCCESS || code == SQL_SUCCESS_WITH_INFO; }

// "[unixODBC][FreeTDS][SQL Server]Login failed" without its prefixes.
std::string without_prefixes(std::string text) {
  while (text.starts_with('[')) {
    auto const end = text.find(']');
    if (end == std::string::npos) break;
    text.erase(0, end + 1);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\0'))
    text.pop_back();
  return text;
}

std::vector<Diagnostic> drain(SQLSMALLINT handle_type, SQLHANDLE handle) {
  std::vector<Diagnostic> records;
  std::array<char16_t, 8> state{};
  std::array<char16_t, 4096> text{};
  // A driver that never ends its list must not hang weir.
  for (SQLSMALLINT number = 1; number <= 64; ++number) {
    SQLINTEGER native = 0;
    SQLSMALLINT length = 0;
    SQLRETURN const code =
        SQLGetDiagRecW(handle_type, handle, number, reinterpret_cast<SQLWCHAR*>(state.data()), &native,
                       reinterpret_cast<SQLWCHAR*>(text.data()), static_cast<SQLSMALLINT>(text.size()), &length);
    if (!succeeded(code)) break;
    auto const units = std::min<std::size_t>(static_cast<std::size_t>(std::max<SQLSMALLINT>(length, 0)), text.size() - 1);
    std::u16string_view const whole(text.data(), units);
    records.push_back({to_utf8(std::u16string_view(state.data(), 5)), static_cast<int>(native),
                       without_prefixes(to_utf8(whole.substr(0, whole.find(u'\0'))))});
  }
  return records;
}

// Turns a return code into a Status. A success that carries more than warnings is a failure: FreeTDS says so of a result
// that an error cut short.
Status check(SQLRETURN code, SQLSMALLINT handle_type, SQLHANDLE handle, std::string_view doing,
             std::vector<std::string>* messages = nullptr) {
  if (code == SQL_SUCCESS || code == SQL_NO_DATA) return {};
  if (code == SQL_INVALID_HANDLE) return Error(ErrorKind::Internal, fmt::format("cannot {}: invalid handle", doing));
  std::vector<Diagnostic> const records = drain(handle_type, handle);
  if (code == SQL_SUCCESS_WITH_INFO && !holds_failure(records)) {
    if (messages && messages->size() < 1000)
      for (auto const& record : records) messages->push_back(record.message);
    return {};
  }
  return error_of(records, doing);
}

// ODBC's environment: one for the process, never freed (drivers keep threads and atexit handlers of their own).
Result<SQLHENV> environment() {
  static Mutex mutex;
  static SQLHENV handle = SQL_NULL_HENV;
  MutexLock lock(mutex);
  if (handle != SQL_NULL_HENV) return handle;
  SQLHENV made = SQL_NULL_HENV;
  if (!succeeded(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &made)))
    return Error(ErrorKind::Unavailable, "could not start the ODBC driver manager").next("check the installation of unixODBC");
  SQLSetEnvAttr(made, SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  handle = made;
  return handle;
}

// KEY={value}; with } doubled, as ODBC has it (SQLDriverConnect, "Connection Strings"). FreeTDS instead takes everything up to "};"
// as it stands, so that a value with that inside cannot be told to it.
Status append_attribute(std::string& text, std::string_view key, std::string_view value, bool is_freetds) {
  bool const is_plain = !value.empty() && value.find_first_of("[]{}(),;?*=!@ ") == std::string_view::npos;
  if (is_plain && key != "Driver") {
    text += fmt::format("{}={};", key, value);
  } else if (!is_freetds) {
    text += fmt::format("{}={{{}}};", key, replace_all(std::string(value), "}", "}}"));
  } else if (value.find("};") == std::string_view::npos) {
    text += fmt::format("{}={{{}}};", key, value);
  } else {
    return Error(ErrorKind::Config, fmt::format("FreeTDS's driver cannot take a value of {} that holds \"}};\"", key))
        .next("change it, or use Microsoft's driver");
  }
  return {};
}

SQLSMALLINT c_type(CType type) {
  switch (type) {
    case CType::UInt8: return SQL_C_UTINYINT;
    case CType::Int16: return SQL_C_SSHORT;
    case CType::Int32: return SQL_C_SLONG;
    case CType::Int64: return SQL_C_SBIGINT;
    case CType::Float: return SQL_C_FLOAT;
    case CType::Double: return SQL_C_DOUBLE;
    case CType::Bit: return SQL_C_BIT;
    case CType::Binary: return SQL_C_BINARY;
    case CType::Char: return SQL_C_CHAR;
    case CType::Wide: return SQL_C_WCHAR;
    case CType::Date: return SQL_C_TYPE_DATE;
    case CType::Timestamp: return SQL_C_TYPE_TIMESTAMP;
  }
  return SQL_C_CHAR;
}

}  // namespace

Parameter text_parameter(std::string_view utf8) { return to_utf16(utf8); }

struct Session::State {
  SQLHDBC handle = SQL_NULL_HDBC;
  ConnectOptions options;
  DriverInfo driver;
  bool can_cancel = true;
  // SQLite's driver has no wide functions. The driver manager then narrows each UTF-16 unit to a byte, and widens bytes to
  // units: so its UTF-8 travels as one unit a byte.
  bool is_narrow = false;
  bool connected = false;
  bool is_lost = false;

  bool driver_says_dead() const {
    SQLUINTEGER dead = SQL_CD_FALSE;
    SQLRETURN const code = SQLGetConnectAttrW(handle, SQL_ATTR_CONNECTION_DEAD, &dead, SQL_IS_UINTEGER, nullptr);
    return succeeded(code) && dead == SQL_CD_TRUE;
  }

  ~State() {
    if (connected) SQLDisconnect(handle);
    if (handle != SQL_NULL_HDBC) SQLFreeHandle(SQL_HANDLE_DBC, handle);
  }

  std::u16string to_wide(std::string_view text) const {
    if (!is_narrow) return to_utf16(text);
    std::u16string units;
    for (unsigned char const byte : text) units += static_cast<char16_t>(byte);
    return units;
  }
  std::string from_wide(std::u16string_view units) const {
    if (!is_narrow) return to_utf8(units);
    std::string text;
    for (char16_t const unit : units) text += static_cast<char>(unit);
    return text;
  }

  std::string info(SQLUSMALLINT type) const {
    std::array<char16_t, 256> text{};
    SQLSMALLINT bytes = 0;
    SQLRETURN const code = SQLGetInfoW(handle, type, text.data(), static_cast<SQLSMALLINT>(sizeof text), &bytes);
    return succeeded(code) ? to_utf8(std::u16string_view(text.data())) : std::string();
  }
};

struct Statement::State {
  SQLHSTMT handle = SQL_NULL_HSTMT;
  Session::State* session = nullptr;
  std::vector<std::string> messages;
  // The values of the running statement's parameters: the driver reads them while it executes.
  std::vector<Parameter> parameters;
  std::vector<SQLLEN> lengths;
  std::deque<std::string> narrow_parameters;
  std::string text_buffer;
  std::atomic<bool> cancelled = false;
  bool open = false;

  ~State() {
    if (handle != SQL_NULL_HSTMT) SQLFreeHandle(SQL_HANDLE_STMT, handle);
  }

  Status check(SQLRETURN code, std::string_view doing) {
    Status status = odbc::check(code, SQL_HANDLE_STMT, handle, doing, &messages);
    if (status.ok()) return status;
    // A driver may have no words for a connection that is gone ("Unknown error"). What was lost once is not used again.
    if (session->driver_says_dead()) status.error().kind(ErrorKind::Unavailable);
    if (status.error().kind() == ErrorKind::Unavailable) session->is_lost = true;
    if (!status.ok() && cancelled.load()) return Error(ErrorKind::Cancelled, fmt::format("stopped: {}", doing));
    if (!status.ok() && status.error().kind() == ErrorKind::Unavailable &&
        (status.error().sqlstate() == "HYT00" || status.error().sqlstate() == "S1T00"))
      return std::move(status.error()).cause(fmt::format("no data for {} s", session->options.stall_timeout.count()));
    return status;
  }

  Status bind_parameters(std::span<Parameter const> given) {
    SQLFreeStmt(handle, SQL_RESET_PARAMS);
    parameters.assign(given.begin(), given.end());
    lengths.assign(given.size(), 0);
    narrow_parameters.clear();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      WEIR_DO(bind_parameter(i));
    }
    return {};
  }

  // Sizes are constants and not those of the values, so that the text of sp_executesql's declarations, and with it the cached plan,
  // is the same every time.
  Status bind_parameter(std::size_t index) {
    auto const bind = [&](SQLSMALLINT c, SQLSMALLINT sql, SQLULEN size, SQLSMALLINT scale, void const* data, std::size_t bytes) {
      lengths[index] = static_cast<SQLLEN>(bytes);
      return check(SQLBindParameter(handle, static_cast<SQLUSMALLINT>(index + 1), SQL_PARAM_INPUT, c, sql, size, scale,
                                    const_cast<void*>(data), static_cast<SQLLEN>(bytes), &lengths[index]),
                   "bind a parameter");
    };
    return std::visit(
        [&](auto const& value) -> Status {
          using T = std::remove_cvref_t<decltype(value)>;
          if constexpr (std::is_same_v<T, std::int64_t>) {
            return bind(SQL_C_SBIGINT, SQL_BIGINT, 19, 0, &value, sizeof value);
          } else if constexpr (std::is_same_v<T, std::u16string>) {
            if (session->is_narrow) {
              std::string& text = narrow_parameters.emplace_back(to_utf8(value));
              return bind(SQL_C_CHAR, SQL_VARCHAR, std::max<SQLULEN>(1, text.size()), 0, text.data(), text.size());
            }
            return bind(SQL_C_WCHAR, SQL_WVARCHAR, std::max<SQLULEN>(4000, value.size()), 0, value.data(), value.size() * 2);
          } else if constexpr (std::is_same_v<T, std::vector<std::byte>>) {
            return bind(SQL_C_BINARY, SQL_VARBINARY, std::max<SQLULEN>(8000, value.size()), 0, value.data(), value.size());
          } else if constexpr (std::is_same_v<T, Decimal>) {
            auto const point = value.digits.find('.');
            auto const scale = point == std::string::npos ? 0 : value.digits.size() - point - 1;
            return bind(SQL_C_CHAR, SQL_DECIMAL, 38, static_cast<SQLSMALLINT>(scale), value.digits.data(), value.digits.size());
          } else {
            return bind(SQL_C_CHAR, SQL_TYPE_TIMESTAMP, 27, 7, value.text.data(), value.text.size());
          }
        },
        parameters[index]);
  }
};

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
  WEIR_DO(state_->check(SQLDescribeColW(state_->handle, number, reinterpret_cast<SQLWCHAR*>(name.data()),
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

std::vector<std::string> Statement::take_messages() { return std::exchange(state_->messages, {}); }

void Statement::cancel() {
  state_->cancelled = true;
  if (state_->session->can_cancel) SQLCancel(state_->handle);
}

std::size_t TextRows::column(std::string_view name) const {
  auto const found = std::ranges::find(names, name);
  assert(found != names.end());
  return static_cast<std::size_t>(found - names.begin());
}

std::string const& TextRows::text(std::size_t row, std::string_view name) const {
  static std::string const kEmpty;
  auto const& cell = rows[row][column(name)];
  return cell ? *cell : kEmpty;
}

std::int64_t TextRows::integer(std::size_t row, std::string_view name) const {
  return parse_int(text(row, name)).value_or(0);
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::connect(ConnectOptions const& options) {
  WEIR_TRY(SQLHENV const env, environment());
  auto state = std::make_unique<State>();
  state->options = options;
  if (!succeeded(SQLAllocHandle(SQL_HANDLE_DBC, env, &state->handle)))
    return Error(ErrorKind::Unavailable, "could not allocate an ODBC connection");
  SQLSetConnectAttrW(state->handle, SQL_ATTR_LOGIN_TIMEOUT,
                     reinterpret_cast<SQLPOINTER>(static_cast<SQLULEN>(options.login_timeout.count())), 0);

  std::string text;
  bool is_freetds = false;
  for (auto const& [key, value] : options.attributes) {
    if (key == "Driver") {
      state->can_cancel = threading_level(value) < 3;
      state->is_narrow = to_lower(value).find("sqlite") != std::string::npos;
      is_freetds = is_freetds_driver(value);
    }
    WEIR_DO(append_attribute(text, key, value, is_freetds));
  }
  std::string password;
  if (!options.password.empty()) {
    WEIR_DO(append_attribute(password, "PWD", options.password.reveal(), is_freetds));
  }
  std::u16string wide_text = state->to_wide(text) + to_utf16(password);
  std::fill_n(static_cast<char volatile*>(password.data()), password.size(), '\0');
  SQLRETURN const code = SQLDriverConnectW(state->handle, nullptr, wide(wide_text), static_cast<SQLSMALLINT>(wide_text.size()),
                                           nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT);
  std::fill_n(static_cast<char16_t volatile*>(wide_text.data()), wide_text.size(), u'\0');
  Status status = check(code, SQL_HANDLE_DBC, state->handle, fmt::format("connect to {}", options.place));
  if (!succeeded(code) && status.ok())
    status = Error(ErrorKind::Unavailable, fmt::format("could not connect to {}", options.place));
  state->connected = succeeded(code);
  if (!status.ok()) return std::move(status).error();

  DriverInfo& driver = state->driver;
  driver.driver_name = state->info(SQL_DRIVER_NAME);
  driver.driver_version = state->info(SQL_DRIVER_VER);
  driver.dbms_name = state->info(SQL_DBMS_NAME);
  driver.dbms_version = state->info(SQL_DBMS_VER);
  driver.quote = std::string(trim(state->info(SQL_IDENTIFIER_QUOTE_CHAR)));
  std::string const name = to_lower(driver.driver_name);
  state->is_narrow = name.find("sqlite") != std::string::npos;
  if (name.find("tdsodbc") != std::string::npos || name.find("freetds") != std::string::npos)
    driver.profile = Profile::FreeTds;
  else if (name.find("msodbcsql") != std::string::npos)
    driver.profile = Profile::Microsoft;
  return Session(std::move(state));
}

Result<Statement> Session::statement() {
  auto state = std::make_unique<Statement::State>();
  state->session = state_.get();
  WEIR_DO(check(SQLAllocHandle(SQL_HANDLE_STMT, state_->handle, &state->handle), SQL_HANDLE_DBC, state_->handle,
                "open a statement"));
  // For FreeTDS and Microsoft's driver this is the longest wait for the network, not for the whole statement. Other drivers make it
  // the latter, which would end every long read.
  if (state_->driver.profile != Profile::Generic) {
    WEIR_DO(state->check(SQLSetStmtAttrW(state->handle, SQL_ATTR_QUERY_TIMEOUT,
                                         reinterpret_cast<SQLPOINTER>(static_cast<SQLULEN>(state_->options.stall_timeout.count())), 0),
                         "set the stall timeout"));
  }
  return Statement(std::move(state));
}

Status Session::execute(std::string_view sql) {
  WEIR_TRY(Statement run, statement());
  WEIR_DO(run.execute(sql));
  for (bool more = true; more;) {
    WEIR_TRY(std::size_t const columns, run.columns());
    for (bool row = columns != 0; row;) {
      WEIR_TRY(row, run.fetch());
    }
    WEIR_TRY(more, run.more_results());
  }
  return {};
}

namespace {

// The first row set, run to the end of all results.
Result<TextRows> read_rows(Statement& run) {
  TextRows answer;
  for (bool more = true; more;) {
    WEIR_TRY(std::size_t const columns, run.columns());
    bool const is_first = answer.names.empty() && columns != 0;
    if (is_first) {
      for (std::size_t i = 0; i < columns; ++i) {
        WEIR_TRY(ColumnInfo const info, run.describe(i));
        answer.names.push_back(info.name);
      }
    }
    while (columns != 0) {
      WEIR_TRY(bool const row, run.fetch());
      if (!row) break;
      if (!is_first) continue;
      auto& cells = answer.rows.emplace_back();
      for (std::size_t i = 0; i < columns; ++i) {
        WEIR_TRY(auto cell, run.get_text(i));
        cells.push_back(std::move(cell));
      }
    }
    WEIR_TRY(more, run.more_results());
  }
  return answer;
}

// A catalog function's argument: null where there is no name, so that the driver does not look for an empty one.
struct NameArgument {
  explicit NameArgument(std::u16string name) : text(std::move(name)) {}
  SQLWCHAR* data() const { return text.empty() ? nullptr : wide(text); }
  SQLSMALLINT size() const { return static_cast<SQLSMALLINT>(text.size()); }
  std::u16string text;
};

// `name` as a pattern that matches nothing else.
std::string escaped(std::string const& name, std::string const& escape) {
  if (escape.empty()) return name;
  std::string pattern;
  for (char c : name) {
    if (c == '_' || c == '%' || escape.find(c) != std::string::npos) pattern += escape;
    pattern += c;
  }
  return pattern;
}

}  // namespace

Result<TextRows> Session::query(std::string_view sql, std::span<Parameter const> parameters) {
  WEIR_TRY(Statement run, statement());
  WEIR_DO(run.execute(sql, parameters));
  return read_rows(run);
}

template <typename Call>
Result<TextRows> Session::catalog(Call&& call) {
  WEIR_TRY(Statement run, statement());
  run.state_->open = true;
  WEIR_DO(run.state_->check(call(run.state_->handle), "read the catalog"));
  return read_rows(run);
}

Result<TextRows> Session::catalog_tables() {
  NameArgument const types(u"TABLE,VIEW");
  return catalog([&](SQLHSTMT handle) {
    return SQLTablesW(handle, nullptr, 0, nullptr, 0, nullptr, 0, types.data(), types.size());
  });
}

Result<TextRows> Session::catalog_columns(std::string const& schema, std::string const& table) {
  std::string const escape = state_->info(SQL_SEARCH_PATTERN_ESCAPE);
  NameArgument const in(state_->to_wide(escaped(schema, escape))), of(state_->to_wide(escaped(table, escape)));
  return catalog([&](SQLHSTMT handle) {
    return SQLColumnsW(handle, nullptr, 0, in.data(), in.size(), of.data(), of.size(), nullptr, 0);
  });
}

Result<TextRows> Session::catalog_primary_key(std::string const& schema, std::string const& table) {
  NameArgument const in(state_->to_wide(schema)), of(state_->to_wide(table));
  return catalog([&](SQLHSTMT handle) {
    return SQLPrimaryKeysW(handle, nullptr, 0, in.data(), in.size(), of.data(), of.size());
  });
}

Result<TextRows> Session::catalog_unique_indexes(std::string const& schema, std::string const& table) {
  NameArgument const in(state_->to_wide(schema)), of(state_->to_wide(table));
  return catalog([&](SQLHSTMT handle) {
    return SQLStatisticsW(handle, nullptr, 0, in.data(), in.size(), of.data(), of.size(), SQL_INDEX_UNIQUE, SQL_QUICK);
  });
}

Result<TextRows> Session::query(std::string_view sql, std::initializer_list<Parameter> parameters) {
  return query(sql, std::span(parameters.begin(), parameters.size()));
}

bool Session::is_dead() const { return state_->is_lost || state_->driver_says_dead(); }

DriverInfo const& Session::driver() const { return state_->driver; }
bool Session::can_cancel() const { return state_->can_cancel; }
ConnectOptions const& Session::options() const { return state_->options; }

}  // namespace weir::odbc
