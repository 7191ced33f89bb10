#include "source/odbc_generic.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "odbc/session.h"
#include "source/copy_encode.h"
#include "source/odbc_generic_reader.h"
#include "source/odbc_generic_types.h"
#include "source/postgres_chunks.h"
#include "sql/name.h"

namespace weir::source {
namespace {

constexpr char const* kStatementIsolation = "each statement sees what the driver's isolation gives it";

struct Settings {
  odbc::ConnectOptions connection;
  bool is_postgres = false;
};

bool has_attribute(odbc::ConnectOptions const& options, std::string_view key) {
  return std::ranges::any_of(options.attributes,
                             [key](auto const& attribute) { return equals_ignoring_case(attribute.first, key); });
}

Result<Settings> settings_of(SourceOptions const& options) {
  auto setting = [&options](std::string const& key) {
    auto const found = options.settings.find(key);
    return found == options.settings.end() ? std::string() : found->second;
  };
  Settings settings;
  odbc::ConnectOptions& connection = settings.connection;
  std::string const driver = setting("driver"), dsn = setting("dsn");
  if (driver.empty() == dsn.empty())
    return Error(ErrorKind::Config, "an odbc endpoint needs either driver or dsn")
        .next("name the driver as odbcinst.ini does, or the data source as odbc.ini does");
  connection.attributes.emplace_back(driver.empty() ? "DSN" : "Driver", driver.empty() ? dsn : driver);
  if (!setting("database").empty()) connection.attributes.emplace_back("Database", setting("database"));
  if (!setting("user").empty()) connection.attributes.emplace_back("UID", setting("user"));
  for (std::string const& part : split(setting("connection"), ';')) {
    auto const equals = part.find('=');
    if (trim(part).empty()) continue;
    if (equals == std::string::npos)
      return Error(ErrorKind::Config, "the endpoint's connection is no list of KEY=VALUE;KEY=VALUE");
    connection.attributes.emplace_back(trim(part.substr(0, equals)), trim(part.substr(equals + 1)));
  }
  connection.password = options.password;
  for (auto const& [key, target] :
       {std::pair("login_timeout", &connection.login_timeout), std::pair("stall_timeout", &connection.stall_timeout)}) {
    if (setting(key).empty()) continue;
    auto const time = parse_duration(setting(key));
    if (!time)
      return Error(ErrorKind::Config, fmt::format("\"{}\" is no duration", setting(key)))
          .next("write it like 15s or 2min");
    *target = std::chrono::ceil<std::chrono::seconds>(*time);
  }
  connection.endpoint = options.endpoint;
  connection.place = "ODBC " + (driver.empty() ? dsn : driver);
  // PostgreSQL's driver would hold a whole result in memory, and give booleans as text.
  settings.is_postgres =
      to_lower(driver).find("postgresql") != std::string::npos || driver.find("psqlodbc") != std::string::npos;
  if (settings.is_postgres)
    for (auto const& [key, value] : {std::pair("UseDeclareFetch", "1"), std::pair("BoolsAsChar", "0")})
      if (!has_attribute(connection, key)) connection.attributes.emplace_back(key, value);
  return settings;
}

// The cells of a catalog function's row, by ODBC's positions.
std::string cell(std::vector<std::optional<std::string>> const& row, std::size_t position) {
  return position <= row.size() && row[position - 1] ? *row[position - 1] : std::string();
}
int number(std::vector<std::optional<std::string>> const& row, std::size_t position) {
  return static_cast<int>(parse_int(cell(row, position)).value_or(0));
}

bool is_system_schema(std::string_view schema) {
  return schema == "pg_catalog" || schema == "sys" || equals_ignoring_case(schema, "information_schema");
}

class OdbcSource final : public Source {
 public:
  static Result<std::unique_ptr<OdbcSource>> connect(odbc::ConnectOptions const& options) {
    WEIR_TRY(auto session, odbc::Session::connect(options));
    auto source = std::make_unique<OdbcSource>(std::move(session));
    if (source->dialect_ == OdbcDialect::Postgres) {
      WEIR_DO(source->session_.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 3"));
      if (source->session_.driver().driver_name.find("psqlodbca") != std::string::npos)
        return Error(ErrorKind::Config, "PostgreSQL's ANSI driver changes text that is not ASCII")
            .next("use the driver \"PostgreSQL Unicode\"");
    }
    return source;
  }

  explicit OdbcSource(odbc::Session session) : session_(std::move(session)), dialect_(dialect_of(session_.driver())) {}

  std::string text() const override {
    return fmt::format("{} through {}", session_.driver().dbms_name, session_.options().place);
  }

  Result<std::vector<std::string>> test() override {
    auto const& driver = session_.driver();
    std::vector<std::string> lines = {fmt::format("connected to {} {}", driver.dbms_name, driver.dbms_version),
                                      fmt::format("driver {} {}", driver.driver_name, driver.driver_version)};
    WEIR_TRY(auto const tables, session_.catalog_tables());
    lines.push_back(fmt::format("{} listed", plural(tables.rows.size(), "table")));
    if (dialect_ == OdbcDialect::Sqlite)
      lines.emplace_back("note: SQLite's driver holds a whole result in memory; chunks keep it small");
    if (dialect_ == OdbcDialect::Postgres && !has_attribute(session_.options(), "UseDeclareFetch"))
      lines.emplace_back("warning: without UseDeclareFetch=1 PostgreSQL's driver holds a whole result in memory");
    if (!session_.can_cancel())
      lines.emplace_back("warning: the driver's Threading in odbcinst.ini is 3 or more: a read cannot be cancelled");
    return lines;
  }

  Result<DiscoveredCatalog> discover(DiscoverRequest const& request) override;
  Result<std::vector<Chunk>> plan_chunks(Table const& table, std::uint64_t rows_per_chunk) override;
  Result<std::unique_ptr<RowReader>> read(ReadRequest const& request) override;

  Result<std::uint64_t> count(Table const& table) override {
    WEIR_TRY(auto const rows, session_.query("SELECT COUNT(*) FROM " + from(table)));
    auto const n = rows.rows.empty() ? std::nullopt : parse_int(cell(rows.rows[0], 1));
    if (!n) return Error(ErrorKind::Data, fmt::format("the source's count of \"{}\" cannot be read", table.text()));
    return static_cast<std::uint64_t>(*n);
  }

  Result<std::optional<std::string>> high_bound(Table const& table, std::string const& cursor_column,
                                                Duration lag) override;
  Result<std::string> begin_snapshot() override { return std::string(kStatementIsolation); }
  Status end_snapshot() override { return {}; }
  Result<std::unique_ptr<Source>> clone() override {
    WEIR_TRY(auto other, connect(session_.options()));
    return std::unique_ptr<Source>(std::move(other));
  }

 private:
  std::string quoted(std::string_view name) const { return sql::quote_odbc(name, session_.driver().quote); }
  std::string from(Table const& table) const {
    return (table.schema.empty() ? "" : quoted(table.schema) + ".") + quoted(table.name);
  }
  Status add_columns(Table& table);
  Status add_keys(Table& table);
  // One condition `column OP value`, with its parameter.
  std::string condition(Table const& table, std::string const& column, std::string_view operation,
                        std::string const& value, std::vector<odbc::Parameter>& parameters) const;
  Result<std::string> clock_before(Column const& cursor, Duration lag);

  odbc::Session session_;
  OdbcDialect const dialect_;
};

Result<DiscoveredCatalog> OdbcSource::discover(DiscoverRequest const& request) {
  DiscoveredCatalog catalog;
  catalog.product = fmt::format("{} {}", session_.driver().dbms_name, session_.driver().dbms_version);
  for (auto const& [key, value] : session_.options().attributes)
    if (equals_ignoring_case(key, "Database")) catalog.database = value;
  WEIR_TRY(auto const tables, session_.catalog_tables());
  for (auto const& row : tables.rows) {
    Table table;
    table.schema = cell(row, 2);
    table.name = cell(row, 3);
    table.is_view = cell(row, 4) == "VIEW";
    if (is_system_schema(table.schema) || (table.is_view && !request.views)) continue;
    if (!request.schemas.empty() && std::ranges::find(request.schemas, table.schema) == request.schemas.end()) continue;
    if (!request.tables.empty() &&
        std::ranges::none_of(request.tables, [&](auto const& pattern) { return matches_glob(pattern, table.text()); }))
      continue;
    WEIR_DO(add_columns(table));
    if (!table.is_view) {
      WEIR_DO(add_keys(table));
    }
    catalog.tables.push_back(std::move(table));
  }
  std::ranges::sort(catalog.tables, [](Table const& a, Table const& b) {
    return std::tie(a.schema, a.name) < std::tie(b.schema, b.name);
  });
  return catalog;
}

// SQLColumns: 2 schema, 3 table, 4 name, 5 data type, 6 type name, 7 size, 9 decimal digits, 11 nullable, 17 position.
Status OdbcSource::add_columns(Table& table) {
  WEIR_TRY(auto const rows, session_.catalog_columns(table.schema, table.name));
  for (auto const& row : rows.rows) {
    if (cell(row, 2) != table.schema || cell(row, 3) != table.name) continue;
    OdbcColumn const column{.name = cell(row, 4),
                            .position = number(row, 17),
                            .sql_type = number(row, 5),
                            .type_name = cell(row, 6),
                            .size = number(row, 7),
                            .digits = cell(row, 9).empty() ? -1 : number(row, 9),
                            .nullable = number(row, 11) != 0};
    table.columns.push_back(map_odbc_column(column, dialect_, session_.driver().quote));
  }
  return {};
}

// SQLPrimaryKeys: 4 column, 5 position, 6 name. SQLStatistics: 4 non-unique, 6 index, 7 type (0 = statistics), 8
// position, 9 column.
Status OdbcSource::add_keys(Table& table) {
  WEIR_TRY(auto const primary, session_.catalog_primary_key(table.schema, table.name));
  std::map<int, std::string> ordered;
  std::string name = "primary key";
  for (auto const& row : primary.rows) {
    ordered[number(row, 5)] = cell(row, 4);
    if (!cell(row, 6).empty()) name = cell(row, 6);
  }
  Key key{.name = name, .columns = {}, .is_primary = true, .is_unique = true, .is_clustered = false};
  for (auto const& [position, column] : ordered) key.columns.push_back(column);
  if (!key.columns.empty()) table.keys.push_back(key);

  WEIR_TRY(auto const unique, session_.catalog_unique_indexes(table.schema, table.name));
  std::map<std::string, std::map<int, std::string>> indexes;
  for (auto const& row : unique.rows)
    if (number(row, 7) != 0 && number(row, 4) == 0) indexes[cell(row, 6)][number(row, 8)] = cell(row, 9);
  for (auto const& [index, columns] : indexes) {
    Key other{.name = index, .columns = {}, .is_primary = false, .is_unique = true, .is_clustered = false};
    for (auto const& [position, column] : columns) other.columns.push_back(column);
    // An index on an expression has a column that is none; the primary key's own index says nothing new.
    bool const is_plain =
        std::ranges::all_of(other.columns, [&](auto const& column) { return table.column(column) != nullptr; });
    if (is_plain && other.columns != key.columns) table.keys.push_back(std::move(other));
  }
  return {};
}

std::string OdbcSource::condition(Table const& table, std::string const& column, std::string_view operation,
                                  std::string const& value, std::vector<odbc::Parameter>& parameters) const {
  Column const* const found = table.column(column);
  auto const decode = found == nullptr ? OdbcDecode::Text : static_cast<OdbcDecode>(found->decode);
  std::string placeholder = "?";
  auto const integer = parse_int(value);
  if (decode == OdbcDecode::Int2 || decode == OdbcDecode::Int4 || decode == OdbcDecode::Int8) {
    if (integer)
      parameters.emplace_back(*integer);
    else
      parameters.push_back(odbc::text_parameter(value));
  } else if (dialect_ == OdbcDialect::Standard && decode == OdbcDecode::Numeric) {
    parameters.emplace_back(odbc::Decimal{value});
  } else if (dialect_ == OdbcDialect::Standard && (decode == OdbcDecode::Date || decode == OdbcDecode::Timestamp)) {
    parameters.emplace_back(odbc::Timestamp{value});
  } else {
    parameters.push_back(odbc::text_parameter(value));
    if (dialect_ == OdbcDialect::Postgres && found != nullptr)
      placeholder = fmt::format("CAST(? AS {})", found->pg_type);
  }
  return fmt::format("{} {} {}", quoted(column), operation, placeholder);
}

Result<std::unique_ptr<RowReader>> OdbcSource::read(ReadRequest const& request) {
  std::vector<std::string> expressions, conditions;
  std::vector<odbc::Parameter> parameters;
  for (Column const& column : request.table.columns) {
    if (!column.refusal.empty())
      return Error(ErrorKind::Refused, fmt::format("cannot read column \"{}\" of \"{}\": {}", column.name,
                                                   request.table.text(), column.refusal))
          .object(request.table.text())
          .next("leave the column out (exclude_columns)");
    expressions.push_back(column.select_expression);
  }
  auto add = [&](std::string const& column, std::string_view operation, std::optional<std::string> const& value) {
    if (value) conditions.push_back(condition(request.table, column, operation, *value, parameters));
  };
  Chunk const& chunk = request.chunk;
  if (!chunk.column.empty()) {
    if (chunk.null_key) conditions.push_back(quoted(chunk.column) + " IS NULL");
    add(chunk.column, ">", chunk.low);
    add(chunk.column, "<=", chunk.high);
  }
  if (request.window) {
    add(request.window->column, request.window->low_inclusive ? ">=" : ">", request.window->low);
    add(request.window->column, request.window->high_inclusive ? "<=" : "<", request.window->high);
  }
  std::string const where = conditions.empty() ? "" : " WHERE " + join(conditions, " AND ");
  WEIR_TRY(auto statement, session_.statement());
  WEIR_DO(statement.execute(fmt::format("SELECT {} FROM {}{}", join(expressions, ", "), from(request.table), where),
                            parameters));
  return odbc_reader(std::move(statement), request, dialect_);
}

// Equal ranges between the smallest and the greatest value of an integer key; the outer ones have no end, so that no
// row is missed whatever is inserted meanwhile.
Result<std::vector<Chunk>> OdbcSource::plan_chunks(Table const& table, std::uint64_t rows_per_chunk) {
  std::vector<Chunk> const whole = {Chunk{}};
  Key const* const primary = table.primary_key();
  Column const* const key = primary == nullptr ? nullptr : table.column(primary->columns.front());
  auto const decode = key == nullptr ? OdbcDecode::Refused : static_cast<OdbcDecode>(key->decode);
  if (decode != OdbcDecode::Int2 && decode != OdbcDecode::Int4 && decode != OdbcDecode::Int8) return whole;
  WEIR_TRY(std::uint64_t const rows, count(table));
  if (rows <= rows_per_chunk || rows_per_chunk == 0) return whole;
  WEIR_TRY(auto const range,
           session_.query(fmt::format("SELECT MIN({0}), MAX({0}) FROM {1}", quoted(key->name), from(table))));
  auto const low = parse_int(cell(range.rows[0], 1)), high = parse_int(cell(range.rows[0], 2));
  if (!low || !high) return whole;  // SQLite may hold text in an integer column: reading it tells
  auto const width = static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(*low);
  std::uint64_t const chunks =
      std::min({(rows + rows_per_chunk - 1) / rows_per_chunk, kMostChunks, std::max<std::uint64_t>(width, 1)});
  std::vector<std::string> bounds;
  for (std::uint64_t i = 1; i < chunks; ++i)
    bounds.push_back(std::to_string(static_cast<std::int64_t>(static_cast<std::uint64_t>(*low) + width / chunks * i)));
  return chunks_between(*key, bounds, static_cast<std::int64_t>(rows_per_chunk));
}

// The source's clock minus `lag`, in the text that its column is compared with.
Result<std::string> OdbcSource::clock_before(Column const& cursor, Duration lag) {
  auto const seconds = std::chrono::ceil<std::chrono::seconds>(lag).count();
  std::string sql = "SELECT CURRENT_TIMESTAMP";
  if (dialect_ == OdbcDialect::Sqlite)
    sql = fmt::format("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', '-{} seconds')", seconds);
  if (dialect_ == OdbcDialect::Postgres)
    sql = fmt::format("SELECT CAST(now() - interval '{} seconds' AS text)", seconds);
  WEIR_TRY(auto const rows, session_.query(sql));
  std::string text = rows.rows.empty() ? "" : cell(rows.rows[0], 1);
  if (dialect_ == OdbcDialect::Standard) {
    auto const now = parse_moment(text);
    if (!now) return Error(ErrorKind::Data, fmt::format("the source's clock says \"{}\", which is no moment", text));
    using Seconds = std::chrono::sys_seconds;
    auto const moment = Seconds(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)) +
                        std::chrono::seconds(now->local() / 1'000'000 - seconds);
    auto const days = std::chrono::floor<std::chrono::days>(moment);
    std::chrono::year_month_day const date(days);
    std::chrono::hh_mm_ss const time(moment - days);
    text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count());
  }
  return static_cast<OdbcDecode>(cursor.decode) == OdbcDecode::Date ? text.substr(0, 10) : text;
}

Result<std::optional<std::string>> OdbcSource::high_bound(Table const& table, std::string const& cursor_column,
                                                          Duration lag) {
  Column const* const cursor = table.column(cursor_column);
  if (cursor == nullptr)
    return Error(ErrorKind::Config, fmt::format("table \"{}\" has no column \"{}\"", table.text(), cursor_column));
  auto const decode = static_cast<OdbcDecode>(cursor->decode);
  bool const is_moment =
      decode == OdbcDecode::Date || decode == OdbcDecode::Timestamp || decode == OdbcDecode::TimestampTz;
  std::string highest = fmt::format("MAX({})", quoted(cursor_column));
  if (dialect_ == OdbcDialect::Sqlite) highest = tagged_expression(highest);
  if (dialect_ == OdbcDialect::Postgres) highest = fmt::format("CAST({} AS text)", highest);
  std::string sql = fmt::format("SELECT {} FROM {}", highest, from(table));
  std::vector<odbc::Parameter> parameters;
  if (is_moment) {
    WEIR_TRY(std::string const clock, clock_before(*cursor, lag));
    sql += " WHERE " + condition(table, cursor_column, "<=", clock, parameters);
  }
  WEIR_TRY(auto const rows, session_.query(sql, parameters));
  if (rows.rows.empty() || !rows.rows[0][0]) return std::optional<std::string>();
  std::string value = cell(rows.rows[0], 1);
  return std::optional<std::string>(dialect_ == OdbcDialect::Sqlite ? value.substr(1) : value);
}

}  // namespace

Result<std::unique_ptr<Source>> open_odbc(SourceOptions const& options) {
  WEIR_TRY(auto const settings, settings_of(options));
  WEIR_TRY(auto source, OdbcSource::connect(settings.connection));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace weir::source
