#pragma once
// What the parser's parts share: the tokens, and the parts' entry points. Private to parser*.cc.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/ast.h"
#include "tds/lexer.h"

namespace weir::tds {

class Parser {
 public:
  explicit Parser(std::vector<Token> const& tokens) : tokens_(tokens) {}

  Outcome batch(std::vector<std::unique_ptr<Statement>>& statements);
  Outcome type(SqlType& type, int default_length);
  Outcome expression(ExprPtr& out) { return additive(out); }
  Outcome condition(ExprPtr& out);
  Outcome query(std::unique_ptr<Query>& out);
  Outcome statement(std::unique_ptr<Statement>& out);
  Outcome parameters(std::vector<std::pair<std::string, SqlType>>& out, std::vector<bool>& outputs);

  Outcome column_definition(ColumnDefinition& out);

  bool at_end() const { return peek().kind == TokenKind::End; }
  Outcome expect_end() const { return at_end() ? Outcome() : syntax_error(); }

 private:
  Token const& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token const& next() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
  bool is_word(std::string_view word, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::Word && equals_ignoring_case(peek(ahead).text, word);
  }
  bool is_op(std::string_view op, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::Operator && peek(ahead).text == op;
  }
  bool take_word(std::string_view word) { return is_word(word) && (next(), true); }
  bool take_op(std::string_view op) { return is_op(op) && (next(), true); }
  Outcome need_op(std::string_view op) { return take_op(op) ? Outcome() : syntax_error(); }
  Outcome need_word(std::string_view word) { return take_word(word) ? Outcome() : syntax_error(); }
  Outcome syntax_error() const;
  Outcome identifier(std::string& out);
  Outcome name_parts(std::vector<std::string>& out);
  bool is_name() const;

  // parser_expression.cc
  Outcome and_condition(ExprPtr& out);
  Outcome not_condition(ExprPtr& out);
  Outcome predicate(ExprPtr& out);
  Outcome predicate_tail(ExprPtr left, ExprPtr& out);
  Outcome additive(ExprPtr& out);
  Outcome multiplicative(ExprPtr& out);
  Outcome unary(ExprPtr& out);
  Outcome postfix(ExprPtr& out);
  Outcome primary(ExprPtr& out);
  Outcome case_expression(ExprPtr& out);
  Outcome cast(ExprPtr& out, bool is_convert, bool is_try);
  Outcome name_expression(ExprPtr& out);
  Outcome literal(ExprPtr& out);
  Outcome expression_list(std::vector<ExprPtr>& out);
  ExprPtr make(ExprKind kind, std::string name = "") const;

  // parser_query.cc
  Outcome select_core(SelectCore& out, bool parenthesised);
  Outcome select_item(SelectItem& out);
  Outcome from_list(std::vector<TableRef>& out);
  Outcome table_ref(TableRef& out);
  Outcome alias(TableRef& out);
  Outcome table_hints(TableRef& out);
  Outcome order_by(Query& out);
  Outcome option_clause();
  Outcome skip_parentheses();
  Outcome top_clause(ExprPtr& out);
  Outcome values_rows(std::vector<std::vector<ExprPtr>>& out);

  // parser.cc
  Outcome declare(Statement& out);
  Outcome set(Statement& out);
  Outcome insert(Statement& out);
  Outcome update(Statement& out);
  Outcome remove(Statement& out);
  Outcome begin(Statement& out);
  Outcome create(Statement& out);
  Outcome alter(Statement& out);
  Outcome execute(Statement& out);
  Outcome with_queries(std::unique_ptr<Statement>& out);

  struct CommonTable {
    std::string name;
    std::size_t begin;  // its query's first token
    std::vector<std::string> columns;
  };

  std::vector<Token> const& tokens_;
  std::size_t at_ = 0;
  std::vector<CommonTable> common_tables_;
};

}  // namespace weir::tds
