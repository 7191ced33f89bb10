#include "tds/parser.h"

#include <algorithm>

#include "tds/token_stream.h"

namespace weir::tds {

Outcome Parser::syntax_error() const {
  Token const& token = peek();
  SqlError error = token.kind == TokenKind::End
                       ? sql_error(102, 15, "Incorrect syntax near the end of the batch.")
                       : sql_error(102, 15, fmt::format("Incorrect syntax near '{}'.", token.text));
  error.line = token.line;
  return error;
}

Outcome Parser::identifier(std::string& out) {
  if (peek().kind != TokenKind::Word && peek().kind != TokenKind::Quoted) return syntax_error();
  out = next().text;
  return {};
}

// a.b.c; an empty part is allowed: Core..Country.
Outcome Parser::name_parts(std::vector<std::string>& out) {
  TDS_DO(identifier(out.emplace_back()));
  while (is_op(".")) {
    if (is_op(".", 1)) {
      next();
      out.emplace_back();
      continue;
    }
    next();
    TDS_DO(identifier(out.emplace_back()));
  }
  return {};
}

Outcome Parser::type(SqlType& out, int default_length) {
  std::vector<std::string> parts;
  TDS_DO(name_parts(parts));
  std::string const name = to_lower(parts.back());
  int first = -1, second = -1;
  bool max = false;
  if (take_op("(")) {
    if (take_word("max")) {
      max = true;
    } else {
      if (peek().kind != TokenKind::Number) return syntax_error();
      first = static_cast<int>(parse_int(next().text).value_or(-1));
      if (take_op(",")) second = static_cast<int>(parse_int(next().text).value_or(-1));
    }
    TDS_DO(need_op(")"));
  }
  auto length = [&](int most) { return max ? -1 : first < 0 ? default_length : std::min(first, most); };
  auto scale = [&](int fallback) { return static_cast<std::uint8_t>(first < 0 ? fallback : std::min(first, 7)); };
  if (first == 0 && name.find("char") != std::string::npos) return syntax_error();
  static constexpr std::pair<std::string_view, TypeId> kPlain[] = {
      {"bit", TypeId::Bit},
      {"tinyint", TypeId::TinyInt},
      {"smallint", TypeId::SmallInt},
      {"int", TypeId::Int},
      {"integer", TypeId::Int},
      {"bigint", TypeId::BigInt},
      {"money", TypeId::Money},
      {"smallmoney", TypeId::SmallMoney},
      {"real", TypeId::Real},
      {"date", TypeId::Date},
      {"smalldatetime", TypeId::SmallDateTime},
      {"datetime", TypeId::DateTime},
      {"text", TypeId::Text},
      {"ntext", TypeId::NText},
      {"image", TypeId::Image},
      {"xml", TypeId::Xml},
      {"rowversion", TypeId::RowVersion},
      {"timestamp", TypeId::RowVersion},
      {"uniqueidentifier", TypeId::UniqueIdentifier},
      {"sql_variant", TypeId::Variant},
      {"hierarchyid", TypeId::HierarchyId},
      {"geography", TypeId::Geography},
      {"geometry", TypeId::Geometry},
  };
  for (auto const& [word, id] : kPlain)
    if (name == word) return out = make_type(id), Outcome();
  if (name == "float") return out = make_type(first >= 1 && first <= 24 ? TypeId::Real : TypeId::Float), Outcome();
  if (name == "double") return (void)take_word("precision"), out = make_type(TypeId::Float), Outcome();
  if (name == "decimal" || name == "numeric" || name == "dec") {
    if (first > 38 || second > first)
      return sql_error(
          2749, 16, fmt::format("The size ({}) given to the type '{}' exceeds the maximum allowed (38).", first, name));
    out = make_type(name == "numeric" ? TypeId::Numeric : TypeId::Decimal, 0,
                    static_cast<std::uint8_t>(first < 0 ? 18 : first), static_cast<std::uint8_t>(std::max(second, 0)));
    return {};
  }
  if (name == "time") return out = make_type(TypeId::Time, 0, 0, scale(7)), Outcome();
  if (name == "datetime2") return out = make_type(TypeId::DateTime2, 0, 0, scale(7)), Outcome();
  if (name == "datetimeoffset") return out = make_type(TypeId::DateTimeOffset, 0, 0, scale(7)), Outcome();
  if (name == "char") return out = make_type(TypeId::Char, length(8000)), Outcome();
  if (name == "varchar") return out = make_type(TypeId::VarChar, length(8000)), Outcome();
  if (name == "nchar") return out = make_type(TypeId::NChar, length(4000)), Outcome();
  if (name == "nvarchar") return out = make_type(TypeId::NVarChar, length(4000)), Outcome();
  if (name == "sysname") return out = nvarchar(128), Outcome();
  if (name == "binary") return out = make_type(TypeId::Binary, length(8000)), Outcome();
  if (name == "varbinary") return out = make_type(TypeId::VarBinary, length(8000)), Outcome();
  return sql_error(243, 16, fmt::format("Type {} is not a defined system type.", parts.back()));
}

Outcome Parser::batch(std::vector<std::unique_ptr<Statement>>& statements) {
  while (true) {
    while (take_op(";")) {
    }
    if (at_end()) return {};
    std::unique_ptr<Statement> one;
    bool const first = statements.empty();
    std::size_t const start = at_;
    Outcome outcome = statement(one);
    if (!outcome.ok()) {
      // The first word of a batch may be a procedure's name.
      if (!first || outcome.error().number != 102 || at_ != start || !is_name()) return outcome;
      one = std::make_unique<Statement>();
      one->line = peek().line;
      TDS_DO(execute(*one));
    }
    statements.push_back(std::move(one));
  }
}

Outcome Parser::statement(std::unique_ptr<Statement>& out) {
  out = std::make_unique<Statement>();
  out->line = peek().line;
  if (is_word("select") || is_op("(")) {
    out->kind = StatementKind::Select;
    return query(out->query);
  }
  if (is_word("with")) return with_queries(out);
  if (take_word("insert")) return insert(*out);
  if (take_word("update")) return update(*out);
  if (take_word("delete")) return remove(*out);
  if (take_word("declare")) return declare(*out);
  if (take_word("set")) return set(*out);
  if (take_word("begin")) return begin(*out);
  if (take_word("create")) return create(*out);
  if (take_word("alter")) return alter(*out);
  if (take_word("exec") || take_word("execute")) return execute(*out);
  if (take_word("truncate")) {
    out->kind = StatementKind::Truncate;
    TDS_DO(need_word("table"));
    return name_parts(out->target.name);
  }
  if (take_word("drop")) {
    out->kind = StatementKind::DropTable;
    TDS_DO(need_word("table"));
    if (is_word("if") && is_word("exists", 1)) at_ += 2, out->value = "if exists";
    return name_parts(out->target.name);
  }
  if (is_word("commit") || is_word("rollback")) {
    out->kind = take_word("commit") ? StatementKind::Commit : (next(), StatementKind::Rollback);
    if (take_word("transaction") || take_word("tran")) {
      if (is_name()) return identifier(out->name);
    } else {
      (void)take_word("work");
    }
    return {};
  }
  if (take_word("use")) {
    out->kind = StatementKind::Use;
    return identifier(out->name);
  }
  if (take_word("print")) {
    out->kind = StatementKind::Print;
    return expression(out->args.emplace_back());
  }
  if (take_word("raiserror")) {
    out->kind = StatementKind::RaiseError;
    TDS_DO(need_op("("));
    TDS_DO(expression_list(out->args));
    TDS_DO(need_op(")"));
    if (take_word("with")) {
      std::string option;
      do {
        TDS_DO(identifier(option));
      } while (take_op(","));
    }
    return {};
  }
  if (take_word("throw")) {
    out->kind = StatementKind::Throw;
    return at_end() || is_op(";") ? Outcome() : expression_list(out->args);
  }
  if (take_word("if")) {
    out->kind = StatementKind::If;
    TDS_DO(condition(out->args.emplace_back()));
    TDS_DO(statement(out->body.emplace_back()));
    while (is_op(";") && is_word("else", 1)) next();
    if (take_word("else")) return statement(out->otherwise.emplace_back());
    return {};
  }
  if (take_word("return")) {
    out->kind = StatementKind::Return;
    return {};
  }
  if (is_word("waitfor") && is_word("delay", 1)) {
    at_ += 2;
    out->kind = StatementKind::WaitFor;
    return expression(out->args.emplace_back());
  }
  return syntax_error();
}

// WITH name [(columns)] AS (query), ... SELECT: every use of a name parses its query again.
Outcome Parser::with_queries(std::unique_ptr<Statement>& out) {
  next();
  std::size_t const before = common_tables_.size();
  do {
    CommonTable common;
    TDS_DO(identifier(common.name));
    if (take_op("(")) {
      do {
        TDS_DO(identifier(common.columns.emplace_back()));
      } while (take_op(","));
      TDS_DO(need_op(")"));
    }
    TDS_DO(need_word("as"));
    TDS_DO(need_op("("));
    common.begin = at_;
    std::unique_ptr<Query> checked;
    TDS_DO(query(checked));
    TDS_DO(need_op(")"));
    common_tables_.push_back(std::move(common));
  } while (take_op(","));
  Outcome outcome = statement(out);
  common_tables_.resize(before);
  return outcome;
}

Outcome Parser::declare(Statement& out) {
  out.kind = StatementKind::Declare;
  do {
    if (peek().kind != TokenKind::Variable) return syntax_error();
    Assignment& assignment = out.assignments.emplace_back();
    assignment.target = to_lower(next().text);
    (void)take_word("as");
    if (is_word("table")) return syntax_error();
    TDS_DO(type(out.types.emplace_back(), 1));
    if (take_op("=")) TDS_DO(expression(assignment.value));
  } while (take_op(","));
  return {};
}

// SET @v = e; SET TRANSACTION ISOLATION LEVEL x; SET option [, option] value.
Outcome Parser::set(Statement& out) {
  if (peek().kind == TokenKind::Variable) {
    out.kind = StatementKind::SetVariable;
    Assignment& assignment = out.assignments.emplace_back();
    assignment.target = to_lower(next().text);
    if (is_op("+=") || is_op("-=") || is_op("*=") || is_op("/=")) {
      auto both = make(ExprKind::Arithmetic, next().text.substr(0, 1));
      both->args.push_back(make(ExprKind::Variable, assignment.target));
      TDS_DO(expression(both->args.emplace_back()));
      assignment.value = std::move(both);
      return {};
    }
    TDS_DO(need_op("="));
    return expression(assignment.value);
  }
  out.kind = StatementKind::SetOption;
  if (take_word("transaction")) {
    TDS_DO(need_word("isolation"));
    TDS_DO(need_word("level"));
    out.name = "isolation";
    TDS_DO(identifier(out.value));
    if (is_word("read") || is_word("committed") || is_word("uncommitted")) out.value += " " + next().text;
    return {};
  }
  do {
    std::string option;
    TDS_DO(identifier(option));
    if (equals_ignoring_case(option, "statistics")) TDS_DO(identifier(option));
    if (equals_ignoring_case(option, "identity_insert")) {
      out.name = "identity_insert";
      TDS_DO(name_parts(out.target.name));
      break;
    }
    out.columns.push_back(to_lower(option));
    out.name = out.columns[0];
  } while (take_op(","));
  (void)take_op("=");
  bool const negative = take_op("-");
  Token const& token = next();
  if (token.kind == TokenKind::End || token.kind == TokenKind::Operator)
    return at_ > 0 ? (--at_, syntax_error()) : syntax_error();
  out.value = (negative ? "-" : "") + token.text;
  return {};
}

Outcome Parser::begin(Statement& out) {
  if (take_word("transaction") || take_word("tran")) {
    out.kind = StatementKind::Begin;
    if (is_name()) TDS_DO(identifier(out.name));
    return {};
  }
  out.kind = StatementKind::Block;
  while (!take_word("end")) {
    if (take_op(";")) continue;
    if (at_end()) return syntax_error();
    TDS_DO(statement(out.body.emplace_back()));
  }
  return {};
}

Outcome Parser::insert(Statement& out) {
  out.kind = StatementKind::Insert;
  TDS_DO(top_clause(out.top));
  (void)take_word("into");
  TDS_DO(name_parts(out.target.name));
  TDS_DO(table_hints(out.target));
  if (take_op("(")) {
    do {
      TDS_DO(identifier(out.columns.emplace_back()));
    } while (take_op(","));
    TDS_DO(need_op(")"));
  }
  if (is_word("select") || is_op("(")) return query(out.query);
  if (is_word("default") && is_word("values", 1)) {
    at_ += 2;
    out.rows.emplace_back();
    return {};
  }
  TDS_DO(need_word("values"));
  return values_rows(out.rows);
}

Outcome Parser::update(Statement& out) {
  out.kind = StatementKind::Update;
  TDS_DO(top_clause(out.top));
  TDS_DO(name_parts(out.target.name));
  TDS_DO(table_hints(out.target));
  TDS_DO(need_word("set"));
  do {
    std::vector<std::string> column;
    if (peek().kind == TokenKind::Variable) return syntax_error();
    TDS_DO(name_parts(column));
    TDS_DO(need_op("="));
    Assignment& assignment = out.assignments.emplace_back();
    assignment.target = column.back();
    TDS_DO(expression(assignment.value));
  } while (take_op(","));
  if (take_word("from")) TDS_DO(from_list(out.from));
  if (take_word("where")) TDS_DO(condition(out.where));
  return option_clause();
}

Outcome Parser::remove(Statement& out) {
  out.kind = StatementKind::Delete;
  TDS_DO(top_clause(out.top));
  (void)take_word("from");
  TDS_DO(name_parts(out.target.name));
  TDS_DO(table_hints(out.target));
  if (take_word("from")) TDS_DO(from_list(out.from));
  if (take_word("where")) TDS_DO(condition(out.where));
  return option_clause();
}

Outcome Parser::column_definition(ColumnDefinition& out) {
  TDS_DO(identifier(out.name));
  TDS_DO(type(out.type, 1));
  while (true) {
    if (take_word("not")) {
      TDS_DO(need_word("null"));
      out.nullable = false;
    } else if (take_word("null")) {
      out.nullable = true;
    } else if (take_word("identity")) {
      out.identity = true;
      out.nullable = false;
      if (is_op("(")) TDS_DO(skip_parentheses());
    } else if (take_word("primary")) {
      TDS_DO(need_word("key"));
      out.primary_key = true;
      out.nullable = false;
    } else if (take_word("default")) {
      TDS_DO(expression(out.default_value));
    } else if (take_word("collate")) {
      std::string name;
      TDS_DO(identifier(name));
      out.type.collation = find_collation(name);
      if (out.type.collation == nullptr) return sql_error(448, 16, fmt::format("Invalid collation '{}'.", name));
    } else {
      return {};
    }
  }
}

Outcome Parser::create(Statement& out) {
  out.kind = StatementKind::CreateTable;
  TDS_DO(need_word("table"));
  TDS_DO(name_parts(out.target.name));
  TDS_DO(need_op("("));
  do {
    TDS_DO(column_definition(out.definitions.emplace_back()));
  } while (take_op(","));
  return need_op(")");
}

Outcome Parser::alter(Statement& out) {
  if (take_word("database")) {  // ALTER DATABASE name SET option ON|OFF
    out.kind = StatementKind::AlterDatabase;
    TDS_DO(identifier(out.target.name.emplace_back()));
    TDS_DO(need_word("set"));
    TDS_DO(identifier(out.name));
    TDS_DO(identifier(out.value));
    return {};
  }
  TDS_DO(need_word("table"));
  TDS_DO(name_parts(out.target.name));
  if (take_word("add")) {
    out.kind = StatementKind::AlterAdd;
    do {
      TDS_DO(column_definition(out.definitions.emplace_back()));
    } while (take_op(","));
    return {};
  }
  if (take_word("drop")) {
    out.kind = StatementKind::AlterDrop;
    TDS_DO(need_word("column"));
    do {
      TDS_DO(identifier(out.columns.emplace_back()));
    } while (take_op(","));
    return {};
  }
  out.kind = StatementKind::AlterColumn;
  TDS_DO(need_word("alter"));
  TDS_DO(need_word("column"));
  return column_definition(out.definitions.emplace_back());
}

Outcome Parser::execute(Statement& out) {
  out.kind = StatementKind::Execute;
  if (take_op("(")) {  // EXEC ('text')
    out.name = "(text)";
    TDS_DO(expression_list(out.args));
    return need_op(")");
  }
  if (peek().kind == TokenKind::Variable && is_op("=", 1)) next(), next();
  std::vector<std::string> parts;
  TDS_DO(name_parts(parts));
  out.name = to_lower(parts.back());
  bool const none = at_end() || is_op(";") ||
                    (peek().kind == TokenKind::Word && !is_name() && !is_word("null") && !is_word("default"));
  if (none) return {};
  do {
    ExecuteArgument& argument = out.arguments.emplace_back();
    if (peek().kind == TokenKind::Variable && is_op("=", 1)) {
      argument.name = to_lower(next().text);
      next();
    }
    TDS_DO(expression(argument.value));
    argument.output = take_word("output") || take_word("out");
  } while (take_op(","));
  return {};
}

Outcome Parser::parameters(std::vector<std::pair<std::string, SqlType>>& out, std::vector<bool>& outputs) {
  while (!at_end()) {
    if (peek().kind != TokenKind::Variable) return syntax_error();
    auto& [name, declared] = out.emplace_back();
    name = to_lower(next().text);
    (void)take_word("as");
    TDS_DO(type(declared, 1));
    ExprPtr ignored;
    if (take_op("=")) TDS_DO(expression(ignored));
    outputs.push_back(take_word("output") || take_word("out"));
    (void)take_word("readonly");
    if (!take_op(",")) return expect_end();
  }
  return {};
}

Outcome parse_batch(std::string_view text, std::vector<std::unique_ptr<Statement>>& statements) {
  std::vector<Token> tokens;
  TDS_DO(tokenize(text, tokens));
  return Parser(tokens).batch(statements);
}

Outcome parse_type(std::string_view text, SqlType& type) {
  std::vector<Token> tokens;
  TDS_DO(tokenize(text, tokens));
  Parser parser(tokens);
  TDS_DO(parser.type(type, 1));
  return parser.expect_end();
}

Outcome parse_column(std::string_view text, ColumnDefinition& column) {
  std::vector<Token> tokens;
  TDS_DO(tokenize(text, tokens));
  Parser parser(tokens);
  TDS_DO(parser.column_definition(column));
  return parser.expect_end();
}

Outcome parse_parameters(std::string_view text, std::vector<ParameterDeclaration>& parameters) {
  std::vector<Token> tokens;
  TDS_DO(tokenize(text, tokens));
  std::vector<std::pair<std::string, SqlType>> declared;
  std::vector<bool> outputs;
  TDS_DO(Parser(tokens).parameters(declared, outputs));
  for (std::size_t i = 0; i < declared.size(); ++i)
    parameters.push_back({declared[i].first, declared[i].second, outputs[i]});
  return {};
}

}  // namespace weir::tds
