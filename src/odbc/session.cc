#include "odbc/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/text.h"
#include "odbc/diagnostics.h"
#include "odbc/drivers.h"
#include "odbc/state.h"
#include "odbc/wide_text.h"

namespace weir::odbc {

namespace {

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
    auto const units =
        std::min<std::size_t>(static_cast<std::size_t>(std::max<SQLSMALLINT>(length, 0)), text.size() - 1);
    std::u16string_view const whole(text.data(), units);
    records.push_back({to_utf8(std::u16string_view(state.data(), 5)), static_cast<int>(native),
                       without_prefixes(to_utf8(whole.substr(0, whole.find(u'\0'))))});
  }
  return records;
}

// ODBC's environment: one for the process, never freed (drivers keep threads and atexit handlers of their own).
Result<SQLHENV> environment() {
  static Mutex mutex;
  static SQLHENV handle = SQL_NULL_HENV;
  MutexLock lock(mutex);
  if (handle != SQL_NULL_HENV) return handle;
  SQLHENV made = SQL_NULL_HENV;
  if (!succeeded(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &made)))
    return Error(ErrorKind::Unavailable, "could not start the ODBC driver manager")
        .next("check the installation of unixODBC");
  SQLSetEnvAttr(made, SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  handle = made;
  return handle;
}

// KEY={value}; with } doubled, as ODBC has it (SQLDriverConnect, "Connection Strings"). FreeTDS instead takes
// everything up to "};" as it stands, so that a value with that inside cannot be told to it.
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

}  // namespace

Status check(SQLRETURN code, SQLSMALLINT handle_type, SQLHANDLE handle, std::string_view doing,
             std::vector<std::string>* messages) {
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
  SQLRETURN const code =
      SQLDriverConnectW(state->handle, nullptr, wide(wide_text), static_cast<SQLSMALLINT>(wide_text.size()), nullptr, 0,
                        nullptr, SQL_DRIVER_NOPROMPT);
  std::fill_n(static_cast<char16_t volatile*>(wide_text.data()), wide_text.size(), u'\0');
  Status status = check(code, SQL_HANDLE_DBC, state->handle, fmt::format("connect to {}", options.place));
  if (!succeeded(code) && status.ok())
    status = Error(ErrorKind::Unavailable, fmt::format("could not connect to {}", options.place));
  state->connected = succeeded(code);
  if (!status.ok()) return std::move(status).error().endpoint(options.endpoint);

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
  // For FreeTDS and Microsoft's driver this is the longest wait for the network, not for the whole statement. Other
  // drivers make it the latter, which would end every long read.
  if (state_->driver.profile != Profile::Generic) {
    WEIR_DO(state->check(
        SQLSetStmtAttrW(state->handle, SQL_ATTR_QUERY_TIMEOUT,
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
  return catalog(
      [&](SQLHSTMT handle) { return SQLPrimaryKeysW(handle, nullptr, 0, in.data(), in.size(), of.data(), of.size()); });
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

bool Session::is_dead() const {
  return state_->is_lost || state_->driver_says_dead();
}

DriverInfo const& Session::driver() const {
  return state_->driver;
}
bool Session::can_cancel() const {
  return state_->can_cancel;
}
ConnectOptions const& Session::options() const {
  return state_->options;
}

}  // namespace weir::odbc
