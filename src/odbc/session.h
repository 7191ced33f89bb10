#pragma once
// A session with a database through an ODBC driver (unixODBC, ODBC 3.x). A Session and its Statements belong to one
// thread at a time; Statement::cancel() alone may come from any thread. Errors: see odbc/diagnostics.h.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace weir::odbc {

// How values come out of a driver. FreeTds: SQL_C_BINARY gives each type's raw form; Microsoft: typed; Generic: typed
// and text.
enum class Profile { FreeTds, Microsoft, Generic };

struct ConnectOptions {
  // Connection string attributes in order: {"Driver", "FreeTDS"}, {"Server", "db1"}, ... Values are braced where
  // needed.
  std::vector<std::pair<std::string, std::string>> attributes{};
  Secret password{};  // becomes PWD, unless empty
  std::chrono::seconds login_timeout{15};
  std::chrono::seconds stall_timeout{60};  // no byte from the server for so long is a failure; on every statement
  std::string place{};                     // "SQL Server db1:1433", for errors
  std::string endpoint{};                  // its name in the configuration, likewise; "": it has none
};

struct DriverInfo {
  std::string driver_name, driver_version;  // libtdsodbc.so, 01.03.0017
  std::string dbms_name, dbms_version;
  std::string quote;  // of identifiers: "\"" or "`" or ""
  Profile profile = Profile::Generic;
};

// A typed parameter. Nothing = NULL of that type is not needed so far: NULLs are written into the statement.
struct Decimal {
  std::string digits;
};  // "-12.50"
struct Timestamp {
  std::string text;
};  // "2026-11-24 13:14:15.123"
using Parameter = std::variant<std::int64_t, std::u16string, std::vector<std::byte>, Decimal, Timestamp>;
Parameter text_parameter(std::string_view utf8);

// C types of bound buffers, by their ODBC names: SQL_C_UTINYINT, SQL_C_SSHORT, ..., SQL_C_TYPE_TIMESTAMP.
enum class CType { UInt8, Int16, Int32, Int64, Float, Double, Bit, Binary, Char, Wide, Date, Timestamp };

// SQL_DATE_STRUCT and SQL_TIMESTAMP_STRUCT, as CType::Date and CType::Timestamp fill them.
struct DateValue {
  std::int16_t year;
  std::uint16_t month, day;
};
struct TimestampValue {
  std::int16_t year;
  std::uint16_t month, day, hour, minute, second;
  std::uint32_t nanosecond;
};

using Indicator = std::ptrdiff_t;  // bytes of the value, or kNull
constexpr Indicator kNull = -1;

struct ColumnInfo {
  std::string name;
  int sql_type = 0;       // SQL_INTEGER = 4, ..., the driver's own below -100
  std::string type_name;  // as the data source says it, where the driver tells
  std::size_t size = 0;   // characters, digits or bytes; 0 or 2^31 for "max" types
  int scale = 0;
  bool nullable = true;
};

class Session;

class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  // `?` for parameters. A statement that is being read is closed first.
  Status execute(std::string_view sql, std::span<Parameter const> parameters = {});
  // 0 if the current result is no row set.
  Result<std::size_t> columns();
  Result<ColumnInfo> describe(std::size_t column);  // 0, 1, ...
  // The buffer receives the column at every fetch(). A value longer than `size` bytes is cut by the driver: compare the
  // indicator.
  Status bind(std::size_t column, CType type, void* buffer, std::size_t size, Indicator* indicator);
  // The next row; false after the last one.
  Result<bool> fetch();
  // A piece of an unbound column of the current row, into `buffer`. `indicator`: the bytes that were left before this
  // call, kNull, or -4 (SQL_NO_TOTAL). True while more of the value is left. Text pieces end with a terminator that
  // counts in `size`.
  Result<bool> get_data(std::size_t column, CType type, void* buffer, std::size_t size, Indicator* indicator);
  // The whole value; nothing for NULL. It lies in `buffer`, which grows as needed and is kept, so that many small
  // values cost no allocation. A value over `most` bytes: Data error.
  Result<std::optional<std::string_view>> get_value(std::size_t column, CType type, std::string& buffer,
                                                    std::size_t most);
  // The whole value as UTF-8; nothing for NULL.
  Result<std::optional<std::string>> get_text(std::size_t column);
  // Moves to the next result of a batch; false after the last one. Bindings are dropped.
  Result<bool> more_results();
  // Rows that the last statement changed, or -1.
  Result<std::int64_t> row_count();
  // Throws away what is left of the results; the statement may be used again.
  void close();
  // Warnings and messages of the server since the last call ("PRINT", informational errors), each as one line.
  std::vector<std::string> take_messages();
  // Any thread, while the Statement lives: what runs in it ends with Cancelled. Does nothing where the driver manager
  // would block (threading_level() >= 3): the stall timeout holds there.
  void cancel();

 private:
  friend class Session;
  struct State;
  explicit Statement(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One row set, whole, as text. For small answers only.
struct TextRows {
  std::vector<std::string> names;
  std::vector<std::vector<std::optional<std::string>>> rows;

  // "" and 0 for NULL. Asking for a column that is not there is a bug.
  std::size_t column(std::string_view name) const;
  std::string const& text(std::size_t row, std::string_view name) const;
  std::int64_t integer(std::size_t row, std::string_view name) const;
};

class Session {
 public:
  // Errors: Config (no such driver, database or host), Denied, Unavailable.
  static Result<Session> connect(ConnectOptions const& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  Result<Statement> statement();
  // Runs a batch to its end; an error in any of its results is an error.
  Status execute(std::string_view sql);
  // The first row set of a batch, which is run to its end.
  Result<TextRows> query(std::string_view sql, std::span<Parameter const> parameters = {});
  Result<TextRows> query(std::string_view sql, std::initializer_list<Parameter> parameters);

  // The driver's catalog functions (SQLTables, SQLColumns, SQLPrimaryKeys, SQLStatistics). Their columns stand in
  // ODBC's order; their names differ between drivers. Names are exact, not patterns; "" = none.
  Result<TextRows> catalog_tables();
  Result<TextRows> catalog_columns(std::string const& schema, std::string const& table);
  Result<TextRows> catalog_primary_key(std::string const& schema, std::string const& table);
  Result<TextRows> catalog_unique_indexes(std::string const& schema, std::string const& table);

  bool is_dead() const;  // the driver says that the connection is gone, or a statement found it so
  DriverInfo const& driver() const;
  bool can_cancel() const;  // see Statement::cancel()
  ConnectOptions const& options() const;

 private:
  friend class Statement;
  struct State;
  explicit Session(std::unique_ptr<State> state);
  // Runs a catalog function on a new statement and reads its answer.
  template <typename Call>
  Result<TextRows> catalog(Call&& call);
  std::unique_ptr<State> state_;
};

}  // namespace weir::odbc
