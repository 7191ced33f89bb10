// Expressions and search conditions.

#include <algorithm>
#include <charconv>

#include "tds/parser.h"
#include "tds/token_stream.h"

namespace weir::tds {

ExprPtr Parser::make(ExprKind kind, std::string name) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->name = std::move(name);
  expr->line = peek().line;
  return expr;
}

Outcome Parser::condition(ExprPtr& out) {
  TDS_DO(and_condition(out));
  while (is_word("or")) {
    auto both = make(ExprKind::Or);
    next();
    both->args.push_back(std::move(out));
    TDS_DO(and_condition(both->args.emplace_back()));
    out = std::move(both);
  }
  return {};
}

Outcome Parser::and_condition(ExprPtr& out) {
  TDS_DO(not_condition(out));
  while (is_word("and")) {
    auto both = make(ExprKind::And);
    next();
    both->args.push_back(std::move(out));
    TDS_DO(not_condition(both->args.emplace_back()));
    out = std::move(both);
  }
  return {};
}

Outcome Parser::not_condition(ExprPtr& out) {
  if (!is_word("not")) return predicate(out);
  out = make(ExprKind::Not);
  next();
  return not_condition(out->args.emplace_back());
}

Outcome Parser::predicate(ExprPtr& out) {
  if (is_word("exists")) {
    out = make(ExprKind::Exists);
    next();
    TDS_DO(need_op("("));
    TDS_DO(query(out->query));
    return need_op(")");
  }
  if (is_op("(")) {  // a condition in parentheses, or the beginning of an expression: try the first
    std::size_t const start = at_;
    next();
    ExprPtr inner;
    if (!is_word("select") && condition(inner).ok() && is_op(")") &&
        (inner->kind == ExprKind::And || inner->kind == ExprKind::Or || inner->kind == ExprKind::Not ||
         (inner->kind >= ExprKind::Compare && inner->kind <= ExprKind::Exists))) {
      next();
      out = std::move(inner);
      return {};
    }
    at_ = start;
  }
  ExprPtr left;
  TDS_DO(expression(left));
  return predicate_tail(std::move(left), out);
}

Outcome Parser::predicate_tail(ExprPtr left, ExprPtr& out) {
  for (std::string_view const op : {"=", "<>", "!=", "<=", ">=", "<", ">", "!<", "!>"}) {
    if (!is_op(op)) continue;
    out = make(ExprKind::Compare, std::string(op == "!=" ? "<>" : op == "!<" ? ">=" : op == "!>" ? "<=" : op));
    next();
    out->args.push_back(std::move(left));
    return expression(out->args.emplace_back());
  }
  if (is_word("is")) {
    out = make(ExprKind::IsNull);
    next();
    out->negated = take_word("not");
    out->args.push_back(std::move(left));
    return need_word("null");
  }
  bool const negated = is_word("not") && (is_word("in", 1) || is_word("like", 1) || is_word("between", 1));
  if (negated) next();
  if (is_word("in")) {
    out = make(ExprKind::In);
    next();
    TDS_DO(need_op("("));
    out->negated = negated;
    out->args.push_back(std::move(left));
    if (is_word("select")) {
      out->kind = ExprKind::InQuery;
      TDS_DO(query(out->query));
    } else {
      TDS_DO(expression_list(out->args));
    }
    return need_op(")");
  }
  if (is_word("between")) {
    out = make(ExprKind::Between);
    next();
    out->negated = negated;
    out->args.push_back(std::move(left));
    TDS_DO(expression(out->args.emplace_back()));
    TDS_DO(need_word("and"));
    return expression(out->args.emplace_back());
  }
  if (is_word("like")) {
    out = make(ExprKind::Like);
    next();
    out->negated = negated;
    out->args.push_back(std::move(left));
    TDS_DO(expression(out->args.emplace_back()));
    return take_word("escape") ? expression(out->args.emplace_back()) : Outcome();
  }
  out = std::move(left);
  return {};
}

Outcome Parser::expression_list(std::vector<ExprPtr>& out) {
  do {
    TDS_DO(expression(out.emplace_back()));
  } while (take_op(","));
  return {};
}

Outcome Parser::additive(ExprPtr& out) {
  TDS_DO(multiplicative(out));
  while (is_op("+") || is_op("-") || is_op("&") || is_op("|") || is_op("^")) {
    auto both = make(ExprKind::Arithmetic, next().text);
    both->args.push_back(std::move(out));
    TDS_DO(multiplicative(both->args.emplace_back()));
    out = std::move(both);
  }
  return {};
}

Outcome Parser::multiplicative(ExprPtr& out) {
  TDS_DO(unary(out));
  while (is_op("*") || is_op("/") || is_op("%")) {
    auto both = make(ExprKind::Arithmetic, next().text);
    both->args.push_back(std::move(out));
    TDS_DO(unary(both->args.emplace_back()));
    out = std::move(both);
  }
  return {};
}

Outcome Parser::unary(ExprPtr& out) {
  if (take_op("+")) return unary(out);
  if (is_op("-") || is_op("~")) {
    out = make(is_op("-") ? ExprKind::Negate : ExprKind::BitNot);
    next();
    return unary(out->args.emplace_back());
  }
  return postfix(out);
}

Outcome Parser::postfix(ExprPtr& out) {
  TDS_DO(primary(out));
  while (true) {
    if (take_word("collate")) {
      std::string name;
      TDS_DO(identifier(name));
      out->collate = find_collation(name);
      if (out->collate == nullptr) return sql_error(448, 16, fmt::format("Invalid collation '{}'.", name));
    } else if (out->kind != ExprKind::Column && is_op(".") && (peek(1).kind == TokenKind::Word)) {
      next();
      auto method = make(ExprKind::Method, next().text);
      method->args.push_back(std::move(out));
      if (take_op("(")) TDS_DO(need_op(")"));
      out = std::move(method);
    } else {
      return {};
    }
  }
}

Outcome Parser::primary(ExprPtr& out) {
  Token const& token = peek();
  switch (token.kind) {
    case TokenKind::Number:
    case TokenKind::String:
    case TokenKind::NString:
    case TokenKind::Binary:
      return literal(out);
    case TokenKind::Variable:
      out = make(ExprKind::Variable, to_lower(next().text));
      return {};
    case TokenKind::Quoted:
      return name_expression(out);
    case TokenKind::Word:
      break;
    default:
      if (!take_op("(")) return syntax_error();
      if (is_word("select")) {
        out = make(ExprKind::Subquery);
        TDS_DO(query(out->query));
      } else {
        TDS_DO(expression(out));
      }
      return need_op(")");
  }
  if (is_word("null")) return literal(out);
  if (is_word("default")) return next(), out = make(ExprKind::Default), Outcome();
  if (is_word("case")) return case_expression(out);
  if (is_op("(", 1)) {
    for (bool const is_try : {false, true}) {
      if (is_word(is_try ? "try_cast" : "cast")) return next(), cast(out, false, is_try);
      if (is_word(is_try ? "try_convert" : "convert")) return next(), cast(out, true, is_try);
    }
  }
  return name_expression(out);
}

Outcome Parser::literal(ExprPtr& out) {
  out = make(ExprKind::Literal);
  Token const& token = next();
  switch (token.kind) {
    case TokenKind::Word:
      out->literal = null_value();
      return {};
    case TokenKind::NString:
      out->literal = text_value(token.text);
      return {};
    case TokenKind::String: {
      Value const wide = text_value(token.text);
      std::size_t const length = wide.bytes.size() / 2;
      SqlType const type = make_type(TypeId::VarChar, length > 8000 ? -1 : std::max(1, static_cast<int>(length)));
      return convert(wide, type, 0, out->literal);
    }
    case TokenKind::Binary: {
      Value const digits = text_value(token.text.size() % 2 == 0 ? token.text : "0" + token.text);
      return convert(digits, make_type(TypeId::VarBinary, -1), 2, out->literal);
    }
    default:
      break;
  }
  std::string const& text = token.text;
  if (text.find_first_of("eE") != std::string::npos) {
    out->literal = null_value(TypeId::Float);
    out->literal.null = false;
    std::from_chars(text.data(), text.data() + text.size(), out->literal.real);
    return {};
  }
  if (text.find('.') == std::string::npos && text.size() <= 10 && std::stoll(text) <= INT32_MAX) {
    out->literal = int_value(std::stoll(text));
    return {};
  }
  int128 mantissa = 0;
  std::uint8_t scale = 0;
  bool point = false;
  int digits = 0;
  for (char const c : text) {
    if (c == '.') {
      point = true;
      continue;
    }
    if (mantissa != 0 || c != '0') ++digits;
    if (digits > 38)
      return sql_error(
          1007, 15,
          fmt::format("The number '{}' is out of the range for numeric representation (maximum precision 38).", text));
    mantissa = mantissa * 10 + (c - '0');
    if (point) ++scale;
  }
  out->literal = decimal_value(mantissa, scale);
  return {};
}

Outcome Parser::case_expression(ExprPtr& out) {
  out = make(ExprKind::Case);
  next();
  out->has_operand = !is_word("when");
  if (out->has_operand) TDS_DO(expression(out->args.emplace_back()));
  if (!is_word("when")) return syntax_error();
  while (take_word("when")) {
    TDS_DO(out->has_operand ? expression(out->args.emplace_back()) : condition(out->args.emplace_back()));
    TDS_DO(need_word("then"));
    TDS_DO(expression(out->args.emplace_back()));
  }
  out->has_else = take_word("else");
  if (out->has_else) TDS_DO(expression(out->args.emplace_back()));
  return need_word("end");
}

// CAST(x AS t) and CONVERT(t, x [, style]).
Outcome Parser::cast(ExprPtr& out, bool is_convert, bool is_try) {
  out = make(ExprKind::Cast);
  out->typed = true;
  out->try_convert = is_try;
  TDS_DO(need_op("("));
  if (is_convert) {
    TDS_DO(type(out->type, 30));
    TDS_DO(need_op(","));
    TDS_DO(expression_list(out->args));
    if (out->args.size() > 2) return syntax_error();
  } else {
    TDS_DO(expression(out->args.emplace_back()));
    TDS_DO(need_word("as"));
    TDS_DO(type(out->type, 30));
  }
  return need_op(")");
}

// A column, a function call, or a method of a column.
Outcome Parser::name_expression(ExprPtr& out) {
  if (!is_name()) return syntax_error();
  std::vector<std::string> parts;
  TDS_DO(name_parts(parts));
  if (parts.size() == 1 && is_op("::")) {  // hierarchyid::Parse('/1/'), geography::STGeomFromText(wkt, srid)
    next();
    out = make(ExprKind::Function, to_lower(parts[0]) + "::" + to_lower(next().text));
    TDS_DO(need_op("("));
    TDS_DO(expression_list(out->args));
    return need_op(")");
  }
  if (!is_op("(")) {
    out = make(ExprKind::Column, parts.back());
    parts.pop_back();
    out->qualifier = std::move(parts);
    static constexpr std::string_view kBare[] = {"current_timestamp", "session_user", "current_user", "system_user",
                                                 "user"};
    for (std::string_view const bare : kBare)
      if (out->qualifier.empty() && equals_ignoring_case(out->name, bare))
        out->kind = ExprKind::Function, out->name = bare;
    return {};
  }
  bool const method =
      parts.size() > 1 && !equals_ignoring_case(parts[0], "sys") && !equals_ignoring_case(parts[0], "dbo");
  next();
  if (method) {
    auto column = make(ExprKind::Column, parts[parts.size() - 2]);
    column->qualifier.assign(parts.begin(), parts.end() - 2);
    out = make(ExprKind::Method, parts.back());
    out->args.push_back(std::move(column));
    return need_op(")");
  }
  out = make(ExprKind::Function, to_lower(parts.back()));
  if (take_op(")")) return {};
  if (take_op("*")) {
    out->star = true;
    return need_op(")");
  }
  out->distinct = take_word("distinct");
  if (out->name == "dateadd" || out->name == "datediff" || out->name == "datepart" || out->name == "datediff_big") {
    auto part = make(ExprKind::Literal);
    part->literal = text_value(to_lower(next().text));
    out->args.push_back(std::move(part));
    TDS_DO(need_op(","));
  }
  TDS_DO(expression_list(out->args));
  TDS_DO(need_op(")"));
  if (!is_word("over")) return {};
  return sql_error(102, 15, "Incorrect syntax near 'OVER'.");
}

}  // namespace weir::tds
