// EXEC and RPC: sp_executesql, prepared statements, cursors, catalog procedures, weir_fault.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/batch.h"
#include "tds/description.h"

namespace weir::tds {
namespace {

constexpr CatalogProcedure kCatalogProcedures[] = {
    {"sp_tables",
     "@table_name nvarchar(384), @table_owner nvarchar(384), @table_qualifier sysname, @table_type varchar(100), "
     "@fusepattern bit",
     "SELECT CONVERT(sysname, TABLE_CATALOG) AS TABLE_QUALIFIER, CONVERT(sysname, TABLE_SCHEMA) AS TABLE_OWNER, "
     "CONVERT(sysname, TABLE_NAME) AS TABLE_NAME, "
     "CONVERT(varchar(32), CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END) AS TABLE_TYPE, "
     "CONVERT(varchar(254), NULL) AS REMARKS "
     "FROM INFORMATION_SCHEMA.TABLES WHERE (@table_name IS NULL OR TABLE_NAME LIKE @table_name) AND (@table_owner IS "
     "NULL OR TABLE_SCHEMA LIKE @table_owner) ORDER BY 4, 2, 3"},
    {"sp_columns",
     "@table_name nvarchar(384), @table_owner nvarchar(384), @table_qualifier sysname, @column_name nvarchar(384), "
     "@ODBCVer int",
     "SELECT CONVERT(sysname, TABLE_CATALOG) AS TABLE_QUALIFIER, CONVERT(sysname, TABLE_SCHEMA) AS TABLE_OWNER, "
     "CONVERT(sysname, TABLE_NAME) AS TABLE_NAME, "
     "CONVERT(sysname, COLUMN_NAME) AS COLUMN_NAME, CONVERT(smallint, ODBC_TYPE) AS DATA_TYPE, CONVERT(sysname, "
     "DATA_TYPE) AS TYPE_NAME, "
     "CONVERT(int, ISNULL(NUMERIC_PRECISION, CHARACTER_MAXIMUM_LENGTH)) AS [PRECISION], CONVERT(int, "
     "ISNULL(CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION)) AS LENGTH, "
     "CONVERT(smallint, NUMERIC_SCALE) AS SCALE, CONVERT(smallint, NUMERIC_PRECISION_RADIX) AS RADIX, "
     "CONVERT(smallint, CASE IS_NULLABLE WHEN 'YES' THEN 1 ELSE 0 END) AS NULLABLE, "
     "CONVERT(varchar(254), NULL) AS REMARKS, CONVERT(nvarchar(4000), COLUMN_DEFAULT) AS COLUMN_DEF, CONVERT(smallint, "
     "ODBC_TYPE) AS SQL_DATA_TYPE, "
     "CONVERT(smallint, NULL) AS SQL_DATETIME_SUB, CONVERT(int, CHARACTER_OCTET_LENGTH) AS CHAR_OCTET_LENGTH, "
     "CONVERT(int, ORDINAL_POSITION) AS ORDINAL_POSITION, "
     "CONVERT(varchar(254), IS_NULLABLE) AS IS_NULLABLE, CONVERT(tinyint, 0) AS SS_DATA_TYPE "
     "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME LIKE @table_name AND (@table_owner IS NULL OR TABLE_SCHEMA LIKE "
     "@table_owner) "
     "AND (@column_name IS NULL OR COLUMN_NAME LIKE @column_name) ORDER BY 2, 3, 17"},
    {"sp_pkeys", "@table_name sysname, @table_owner sysname, @table_qualifier sysname",
     "SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, s.name) AS TABLE_OWNER, CONVERT(sysname, "
     "t.name) AS TABLE_NAME, "
     "CONVERT(sysname, c.name) AS COLUMN_NAME, CONVERT(smallint, ic.key_ordinal) AS KEY_SEQ, CONVERT(sysname, i.name) "
     "AS PK_NAME "
     "FROM sys.indexes i JOIN sys.tables t ON t.object_id = i.object_id JOIN sys.schemas s ON s.schema_id = "
     "t.schema_id "
     "JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id JOIN sys.columns c ON "
     "c.object_id = ic.object_id AND c.column_id = ic.column_id "
     "WHERE i.is_primary_key = 1 AND t.name = @table_name AND (@table_owner IS NULL OR s.name = @table_owner) ORDER BY "
     "5"},
    {"sp_databases", "",
     "SELECT name AS DATABASE_NAME, CONVERT(int, 8192) AS DATABASE_SIZE, CONVERT(varchar(254), NULL) AS REMARKS FROM "
     "sys.databases ORDER BY 1"},
    {"sp_who", "@loginame sysname", "SELECT @@SPID AS spid, ORIGINAL_LOGIN() AS loginame, DB_NAME() AS dbname"},
    {"sp_describe_first_result_set", "@tsql nvarchar(max), @params nvarchar(max), @browse_information_mode tinyint",
     "SELECT * FROM sys.dm_exec_describe_first_result_set(@tsql, @params, 0)"},
};

Value const* find_argument(std::vector<Argument> const& arguments, std::string_view name, std::size_t position) {
  for (Argument const& one : arguments)
    if (equals_ignoring_case(one.name, name)) return &one.value;
  if (position < arguments.size() && arguments[position].name.empty()) return &arguments[position].value;
  return nullptr;
}

Outcome text_of(std::vector<Argument> const& arguments, std::string_view name, std::size_t position, std::string& out) {
  // Callers by number go by position, whatever they call their parameters.
  Value const* value = find_argument(arguments, name, position);
  if (value == nullptr && position < arguments.size()) value = &arguments[position].value;
  if (value == nullptr)
    return sql_error(201, 16,
                     fmt::format("Procedure or function expects parameter '{}', which was not supplied.", name));
  out = to_text(*value);
  return {};
}

std::int64_t number_of(std::vector<Argument> const& arguments, std::size_t position, std::int64_t fallback) {
  if (position >= arguments.size() || arguments[position].value.null) return fallback;
  Value number;
  return convert(arguments[position].value, make_type(TypeId::BigInt), 0, number).ok() ? number.integer : fallback;
}

void return_int(Reply* reply, std::vector<Argument> const& arguments, std::size_t position, std::int64_t number) {
  if (reply == nullptr || position >= arguments.size()) return;
  reply->return_value(arguments[position].name, make_type(TypeId::Int), int_value(number));
}

}  // namespace

CatalogProcedure const* find_catalog_procedure(std::string_view name) {
  for (CatalogProcedure const& one : kCatalogProcedures)
    if (name == one.name) return &one;
  return nullptr;
}

Outcome Batch::execute(Statement& statement, Reply* reply) {
  Context now = context();
  if (statement.name == "(text)") {
    std::string text;
    for (auto& arg : statement.args) {
      Value value;
      TDS_DO(bind_expression(now, *arg));
      TDS_DO(evaluate(now, *arg, Frame(), value));
      text += to_text(value);
    }
    std::vector<Argument> none;
    return run_with_parameters(text, {}, none, 0, reply);
  }
  std::vector<Argument> arguments;
  std::vector<std::string> targets;
  for (ExecuteArgument& one : statement.arguments) {
    Argument& argument = arguments.emplace_back();
    argument.name = one.name;
    argument.output = one.output;
    // A bare word is a text: EXEC sp_columns Country
    if (one.value->kind == ExprKind::Column && one.value->qualifier.empty()) {
      argument.value = text_value(one.value->name);
    } else {
      TDS_DO(bind_expression(now, *one.value));
      TDS_DO(evaluate(now, *one.value, Frame(), argument.value));
    }
    argument.type = type_of(argument.value);
  }
  return run_call(statement.name, arguments, reply);
}

Outcome Batch::run_procedure(std::string const& name, std::vector<Argument> arguments, Reply& reply) {
  interrupted_ = [&reply] { return reply.interrupted(); };
  reply.set_procedure(true);
  text_ = name;
  if (nesting_ == 0) session_.variables.clear(), session_.variable_types.clear();
  Outcome outcome = run_call(name, arguments, &reply);
  bool abort = false;
  bool const failed = !outcome.ok();
  TDS_DO(describe_error(std::move(outcome), &reply, abort));
  if (failed) end_statement(false);
  reply.procedure_result(failed ? session_.last_error : 0);
  return {};
}

Outcome Batch::run_call(std::string const& name, std::vector<Argument>& arguments, Reply* reply) {
  if (name == "sp_executesql") {
    std::string text, declared;
    TDS_DO(text_of(arguments, "@stmt", 0, text));
    std::vector<ParameterDeclaration> parameters;
    if (arguments.size() > 1) {
      TDS_DO(text_of(arguments, "@params", 1, declared));
      TDS_DO(parse_parameters(declared, parameters));
    }
    return run_with_parameters(text, parameters, arguments, 2, reply);
  }
  if (name == "sp_prepare" || name == "sp_prepexec") {  // handle OUT, params, statement, [values]
    Prepared prepared;
    std::string declared;
    TDS_DO(text_of(arguments, "@params", 1, declared));
    TDS_DO(text_of(arguments, "@stmt", 2, prepared.text));
    TDS_DO(parse_parameters(declared, prepared.parameters));
    int const handle = next_handle_++;
    Prepared& kept = prepared_[handle] = std::move(prepared);
    return_int(reply, arguments, 0, handle);
    return name == "sp_prepexec" ? run_prepared(kept, arguments, 3, reply) : Outcome();
  }
  if (name == "sp_execute") {
    auto const it = prepared_.find(static_cast<int>(number_of(arguments, 0, 0)));
    if (it == prepared_.end())
      return sql_error(8179, 16,
                       fmt::format("Could not find prepared statement with handle {}.", number_of(arguments, 0, 0)));
    return run_prepared(it->second, arguments, 1, reply);
  }
  if (name == "sp_unprepare") return prepared_.erase(static_cast<int>(number_of(arguments, 0, 0))), Outcome();
  if (name.compare(0, 9, "sp_cursor") == 0) return cursor_call(name, arguments, reply);
  if (name == "sp_reset_connection") return reset(), Outcome();
  if (name == "weir_fault" || name == "weir_fault_clear" || name == "weir_fault_list") {
    if (name == "weir_fault_clear") return database_.faults.clear(), Outcome();
    if (name == "weir_fault") return fault_call(arguments, reply);
    for (std::string const& line : database_.faults.list())
      if (reply != nullptr) reply->info(0, 0, 1, line, 1);
    return {};
  }
  CatalogProcedure const* procedure = find_catalog_procedure(name);
  if (procedure == nullptr) return sql_error(2812, 16, fmt::format("Could not find stored procedure '{}'.", name), 62);
  std::vector<ParameterDeclaration> parameters;
  TDS_DO(parse_parameters(procedure->parameters, parameters));
  // Those that were not given are NULL.
  std::vector<Argument> all;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Value const* given = find_argument(arguments, parameters[i].name, i);
    all.push_back({parameters[i].name, parameters[i].type, given != nullptr ? *given : null_value(), false});
  }
  return run_with_parameters(procedure->text, parameters, all, 0, reply);
}

Outcome Batch::run_prepared(Prepared const& prepared, std::vector<Argument>& arguments, std::size_t first,
                            Reply* reply) {
  Prepared const copy = prepared;
  return run_with_parameters(copy.text, copy.parameters, arguments, first, reply);
}

// Runs a text in a scope of its own with the parameters as its variables.
Outcome Batch::run_with_parameters(std::string_view text, std::vector<ParameterDeclaration> const& parameters,
                                   std::vector<Argument>& arguments, std::size_t first, Reply* reply) {
  if (nesting_ >= 32)
    return sql_error(217, 16,
                     "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).");
  std::map<std::string, Value> variables;
  std::map<std::string, SqlType> types;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::string const& name = parameters[i].name;
    std::size_t at = first + i;
    for (std::size_t k = first; k < arguments.size(); ++k)
      if (equals_ignoring_case(arguments[k].name, name)) at = k;
    if (at >= arguments.size() && !parameters[i].output)
      return sql_error(8178, 16,
                       fmt::format("The parameterized query '{}' expects the parameter '{}', which was not supplied.",
                                   text.substr(0, 100), name));
    types[name] = parameters[i].type;
    variables[name] = null_value(parameters[i].type.id);
    if (at < arguments.size()) TDS_DO(convert(arguments[at].value, parameters[i].type, 0, variables[name]));
  }
  std::vector<std::unique_ptr<Statement>> statements;
  TDS_DO(parse_batch(text, statements));
  std::swap(session_.variables, variables);
  std::swap(session_.variable_types, types);
  std::string outer_text = std::move(text_);
  text_ = text;
  ++nesting_;
  Flow flow = Flow::Next;
  Outcome outcome = run_statements(statements, reply, flow);
  --nesting_;
  text_ = std::move(outer_text);
  if (reply != nullptr && nesting_ == 0)
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      bool asked = first + i < arguments.size() && arguments[first + i].output;
      if (asked) reply->return_value(parameters[i].name, parameters[i].type, session_.variables[parameters[i].name]);
    }
  std::swap(session_.variables, variables);
  std::swap(session_.variable_types, types);
  return outcome;
}

// sp_cursoropen: handle OUT, statement, scroll OUT, concurrency OUT, rows OUT, [params, values]; the result is read
// whole at open, as a static cursor is. sp_cursorfetch: handle, kind, row, count. sp_cursorclose: handle.
Outcome Batch::cursor_call(std::string const& name, std::vector<Argument>& arguments, Reply* reply) {
  if (name == "sp_cursoropen") {
    std::string text, declared;
    TDS_DO(text_of(arguments, "@stmt", 1, text));
    std::vector<std::unique_ptr<Statement>> statements;
    TDS_DO(parse_batch(text, statements));
    if (statements.size() != 1 || statements[0]->kind != StatementKind::Select)
      return sql_error(16937, 16,
                       "A server cursor cannot be opened on the given statement or statements. Use a default result "
                       "set or client cursor.");
    if (arguments.size() > 5) {
      std::vector<ParameterDeclaration> parameters;
      TDS_DO(text_of(arguments, "@params", 5, declared));
      TDS_DO(parse_parameters(declared, parameters));
      for (std::size_t i = 0; i < parameters.size() && i + 6 < arguments.size(); ++i) {
        session_.variable_types[parameters[i].name] = parameters[i].type;
        TDS_DO(convert(arguments[i + 6].value, parameters[i].type, 0, session_.variables[parameters[i].name]));
      }
    }
    TDS_DO(meet_fault(*statements[0], reply));
    Cursor cursor;
    TDS_DO(read_statement(*statements[0], cursor.columns, cursor.rows));
    int const handle = next_handle_++;
    if (reply != nullptr) TDS_DO(reply->metadata(cursor.columns, false, false));
    if (reply != nullptr) reply->done(0xc1, 0, in_transaction());
    return_int(reply, arguments, 0, handle);
    return_int(reply, arguments, 2, 8);  // static
    return_int(reply, arguments, 3, 1);  // read only
    return_int(reply, arguments, 4, static_cast<std::int64_t>(cursor.rows.size()));
    cursors_[handle] = std::move(cursor);
    return {};
  }
  auto const it = cursors_.find(static_cast<int>(number_of(arguments, 0, 0)));
  if (it == cursors_.end())
    return sql_error(
        16909, 16,
        fmt::format("{}: The cursor identifier value provided ({:x}) is not valid.", name, number_of(arguments, 0, 0)));
  if (name == "sp_cursorclose") return cursors_.erase(it), Outcome();
  if (name == "sp_cursoroption") return {};
  if (name != "sp_cursorfetch")
    return sql_error(16902, 16, fmt::format("{}: this server's cursors are read only.", name));
  Cursor& cursor = it->second;
  std::int64_t const kind = number_of(arguments, 1, 2);
  std::int64_t const row = number_of(arguments, 2, 0);
  auto const count = static_cast<std::size_t>(std::max<std::int64_t>(0, number_of(arguments, 3, 1)));
  std::size_t const size = cursor.rows.size();
  std::size_t begin = cursor.position;
  if ((kind & 0xff) == 1) begin = 0;                                                 // FIRST
  if ((kind & 0xff) == 4) begin = begin > 2 * count ? begin - 2 * count : 0;         // PREV
  if ((kind & 0xff) == 8) begin = size > count ? size - count : 0;                   // LAST
  if ((kind & 0xff) == 16) begin = row > 0 ? static_cast<std::size_t>(row) - 1 : 0;  // ABSOLUTE
  if ((kind & 0xff) == 32)
    begin = static_cast<std::size_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(begin) + row));  // RELATIVE
  begin = std::min(begin, size);
  std::size_t const end = std::min(size, begin + count);
  cursor.position = end;
  if (reply == nullptr) return {};
  std::vector<OutputColumn> columns = cursor.columns;
  OutputColumn& status = columns.emplace_back();
  status.name = "ROWSTAT";
  status.type = make_type(TypeId::Int);
  TDS_DO(reply->metadata(columns, false, false));
  Value const fetched = int_value(1);
  for (std::size_t i = begin; i < end; ++i) {
    std::vector<Value const*> cells;
    for (Value const& value : cursor.rows[i]) cells.push_back(&value);
    cells.push_back(&fetched);
    TDS_DO(reply->row(cells.data()));
  }
  reply->done(0xc1, end - begin, in_transaction());
  return {};
}

Outcome Batch::fault_call(std::vector<Argument> const& arguments, Reply*) {
  std::string text;
  TDS_DO(text_of(arguments, "@fault", 0, text));
  auto fault = parse_fault_text("EXEC weir_fault", text);
  if (!fault.ok()) return sql_error(50000, 16, fault.error().message());
  database_.faults.add(std::move(*fault));
  return {};
}

}  // namespace weir::tds
