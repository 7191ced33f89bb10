#include "build/constraints.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/node_data.h"
#include "sql/name.h"

namespace weir::build {
namespace {

using project::Data;

// The relation that a foreign key points at: ref('x') and source('x', 'y') are templates' calls, all else is SQL.
Result<std::string> referenced(RunContext& context, std::string const& to) {
  auto const text = trim(to);
  if (!text.starts_with("ref(") && !text.starts_with("source(")) return std::string(text);
  return context.render("constraint", fmt::format("{{{{ {} }}}}", text));
}

std::string list(Data const& texts) {
  return join(texts.texts(), ", ");
}

Result<std::string> references(RunContext& context, Data const& constraint) {
  if (constraint["to"].truth() && constraint["to_columns"].truth()) {
    WEIR_TRY(auto const to, referenced(context, constraint["to"].str()));
    return fmt::format("references {} ({})", to, list(constraint["to_columns"]));
  }
  return constraint["expression"].truth() ? "references " + constraint["expression"].str() : std::string();
}

Result<std::string> column_constraint(RunContext& context, Data const& constraint) {
  std::string const type = constraint["type"].str();
  std::string const expression = constraint["expression"].truth() ? constraint["expression"].str() : "";
  if (type == "check") return expression.empty() ? std::string() : fmt::format("check ({})", expression);
  if (type == "not_null") return std::string(trim("not null " + expression));
  if (type == "unique") return std::string(trim("unique " + expression));
  if (type == "primary_key") return std::string(trim("primary key " + expression));
  if (type == "foreign_key") return references(context, constraint);
  return expression;
}

Result<std::string> table_constraint(RunContext& context, Data const& constraint) {
  std::string const type = constraint["type"].str();
  std::string const expression = constraint["expression"].truth() ? constraint["expression"].str() : "";
  std::string const name = constraint["name"].truth() ? fmt::format("constraint {} ", constraint["name"].str()) : "";
  std::string const columns = list(constraint["columns"]);
  std::string const tail = expression.empty() ? "" : " " + expression;
  if (type == "check") return expression.empty() ? std::string() : fmt::format("{}check ({})", name, expression);
  if (type == "unique") return fmt::format("{}unique{} ({})", name, tail, columns);
  if (type == "primary_key") return fmt::format("{}primary key{} ({})", name, tail, columns);
  if (type == "foreign_key") {
    WEIR_TRY(auto const target, references(context, constraint));
    return target.empty() ? target : fmt::format("{}foreign key ({}) {}", name, columns, target);
  }
  return expression.empty() ? std::string() : name + expression;
}

struct TypeName {
  std::uint32_t oid;
  std::string_view name;
};
constexpr TypeName kTypeNames[] = {{16, "BOOLEAN"},
                                   {17, "BINARY"},
                                   {18, "TEXT"},
                                   {19, "TEXT"},
                                   {20, "LONGINTEGER"},
                                   {21, "INTEGER"},
                                   {23, "INTEGER"},
                                   {25, "TEXT"},
                                   {26, "ROWID"},
                                   {114, "JSON"},
                                   {199, "JSONARRAY"},
                                   {700, "FLOAT"},
                                   {701, "FLOAT"},
                                   {1000, "BOOLEANARRAY"},
                                   {1005, "INTEGERARRAY"},
                                   {1007, "INTEGERARRAY"},
                                   {1009, "STRINGARRAY"},
                                   {1015, "STRINGARRAY"},
                                   {1016, "LONGINTEGERARRAY"},
                                   {1021, "FLOATARRAY"},
                                   {1022, "FLOATARRAY"},
                                   {1042, "TEXT"},
                                   {1043, "TEXT"},
                                   {1082, "DATE"},
                                   {1083, "TIME"},
                                   {1114, "DATETIME"},
                                   {1115, "DATETIMEARRAY"},
                                   {1182, "DATEARRAY"},
                                   {1184, "DATETIMETZ"},
                                   {1185, "DATETIMETZARRAY"},
                                   {1186, "INTERVAL"},
                                   {1231, "DECIMALARRAY"},
                                   {1266, "TIME"},
                                   {1700, "DECIMAL"},
                                   {2950, "UUID"},
                                   {3802, "JSONB"}};

}  // namespace

std::string quote_literal(std::string_view text) {
  return "'" + replace_all(std::string(text), "'", "''") + "'";
}

Result<std::vector<std::string>> column_definitions(RunContext& context, Data const& columns) {
  std::vector<std::string> lines;
  for (auto const& [key, column] : columns.pairs()) {
    std::string const name = column["name"].truth() ? column["name"].str() : key;
    std::string line =
        fmt::format("{} {}", column["quote"].truth() ? sql::quote_pg(name) : name, column["data_type"].str());
    for (auto const& constraint : column["constraints"].items()) {
      WEIR_TRY(auto const text, column_constraint(context, constraint));
      if (!text.empty()) line += " " + text;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<std::string>> table_constraints(RunContext& context, Data const& constraints) {
  std::vector<std::string> lines;
  for (auto const& constraint : constraints.items()) {
    WEIR_TRY(auto text, table_constraint(context, constraint));
    if (!text.empty()) lines.push_back(std::move(text));
  }
  return lines;
}

Result<std::vector<std::string>> columns_ddl(RunContext& context) {
  auto const model = project::node_data(context.node());
  WEIR_TRY(auto lines, column_definitions(context, model["columns"]));
  WEIR_TRY(auto const constraints, table_constraints(context, model["constraints"]));
  lines.insert(lines.end(), constraints.begin(), constraints.end());
  return lines;
}

std::string columns_list(RunContext const& context) {
  std::vector<std::string> names;
  for (auto const& column : context.node().columns)
    names.push_back(column.quote.value_or(false) ? sql::quote_pg(column.name) : column.name);
  return join(names, ", ");
}

Result<swap::IndexDefinition> index_from(Data const& index) {
  if (!index.is_dict() || !index["columns"].is_list())
    return Error(ErrorKind::Template, "an index of the config `indexes` has no list of columns")
        .next("write indexes: [{columns: [id], unique: true}]");
  static std::vector<std::string> const known{"columns", "unique", "type", "name", "where", "include"};
  for (auto const& [key, value] : index.pairs())
    if (std::find(known.begin(), known.end(), key) == known.end())
      return Error(ErrorKind::Template, fmt::format("\"{}\" is no setting of an index", key))
          .next(did_you_mean(key, known));
  swap::IndexDefinition out;
  out.columns = index["columns"].texts();
  out.unique = index["unique"].truth();
  if (index["type"].is_string()) out.method = index["type"].text();
  if (index["name"].is_string()) out.name = index["name"].text();
  if (index["where"].is_string()) out.where = index["where"].text();
  out.include = index["include"].texts();
  return out;
}

Result<std::vector<swap::IndexDefinition>> indexes_of(RunContext const& context) {
  std::vector<swap::IndexDefinition> out;
  for (auto const& one : context.config("indexes").items()) {
    WEIR_TRY(auto index, index_from(one));
    out.push_back(std::move(index));
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> columns_of_query(RunContext& context, std::string_view sql) {
  WEIR_TRY(auto const rows, context.worker().execute(sql));
  std::vector<std::pair<std::string, std::string>> out;
  for (std::size_t i = 0; i < rows.columns(); ++i) {
    auto const oid = rows.column_type(i);
    auto const known =
        std::find_if(std::begin(kTypeNames), std::end(kTypeNames), [oid](auto const& type) { return type.oid == oid; });
    out.emplace_back(rows.column_name(i), known != std::end(kTypeNames) ? std::string(known->name)
                                                                        : fmt::format("unknown type_code {}", oid));
  }
  return out;
}

std::string sql_type_of(TableData const& data, std::size_t column) {
  switch (data.types[column]) {
    case CellType::Integer:
      return "integer";
    case CellType::Number: {
      auto const has_fraction = [column](auto const& row) {
        auto const text = row[column].is_none() ? std::string() : jinja::to_text(row[column]);
        auto const point = text.find('.');
        return point != std::string::npos && text.find_first_not_of("0", point + 1) != std::string::npos;
      };
      return std::any_of(data.rows.begin(), data.rows.end(), has_fraction) ? "float8" : "integer";
    }
    case CellType::Date:
      return "date";
    case CellType::DateTime:
      return "timestamp without time zone";
    case CellType::Boolean:
      return "boolean";
    case CellType::Text:
      break;
  }
  return "text";
}

}  // namespace weir::build
