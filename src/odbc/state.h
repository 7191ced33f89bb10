#pragma once
// What a Session and a Statement hold, for session.cc and statement.cc alone: the only header with ODBC's own types.

#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "odbc/session.h"
#include "odbc/wide_text.h"

namespace weir::odbc {

inline SQLWCHAR* wide(std::u16string const& text) {
  return reinterpret_cast<SQLWCHAR*>(const_cast<char16_t*>(text.data()));
}

inline bool succeeded(SQLRETURN code) {
  return code == SQL_SUCCESS || code == SQL_SUCCESS_WITH_INFO;
}

// Turns a return code into a Status. A success that carries more than warnings is a failure: FreeTDS says so of a
// result that an error cut short.
Status check(SQLRETURN code, SQLSMALLINT handle_type, SQLHANDLE handle, std::string_view doing,
             std::vector<std::string>* messages = nullptr);

struct Session::State {
  SQLHDBC handle = SQL_NULL_HDBC;
  ConnectOptions options;
  DriverInfo driver;
  bool can_cancel = true;
  // SQLite's driver has no wide functions. The driver manager then narrows each UTF-16 unit to a byte, and widens bytes
  // to units: so its UTF-8 travels as one unit a byte.
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
    for (char const byte : text) units += static_cast<char16_t>(static_cast<unsigned char>(byte));
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
    status.error().endpoint(session->options.endpoint);
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

  // Sizes are constants and not those of the values, so that the text of sp_executesql's declarations, and with it the
  // cached plan, is the same every time.
  Status bind_parameter(std::size_t index) {
    auto const bind = [&](SQLSMALLINT c, SQLSMALLINT sql, SQLULEN size, SQLSMALLINT scale, void const* data,
                          std::size_t bytes) {
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
            return bind(SQL_C_WCHAR, SQL_WVARCHAR, std::max<SQLULEN>(4000, value.size()), 0, value.data(),
                        value.size() * 2);
          } else if constexpr (std::is_same_v<T, std::vector<std::byte>>) {
            return bind(SQL_C_BINARY, SQL_VARBINARY, std::max<SQLULEN>(8000, value.size()), 0, value.data(),
                        value.size());
          } else if constexpr (std::is_same_v<T, Decimal>) {
            auto const point = value.digits.find('.');
            auto const scale = point == std::string::npos ? 0 : value.digits.size() - point - 1;
            return bind(SQL_C_CHAR, SQL_DECIMAL, 38, static_cast<SQLSMALLINT>(scale), value.digits.data(),
                        value.digits.size());
          } else {
            return bind(SQL_C_CHAR, SQL_TYPE_TIMESTAMP, 27, 7, value.text.data(), value.text.size());
          }
        },
        parameters[index]);
  }
};

}  // namespace weir::odbc
