// SELECT and what stands in a FROM clause.

#include <array>

#include "tds/token_stream.h"

namespace weir::tds {
namespace {

// Words that end a name position: never an alias.
constexpr std::array kReserved = {
    "select", "from",    "where",  "group",   "order",      "having",  "union",     "join",     "inner",     "left",
    "right",  "full",    "cross",  "outer",   "on",         "with",    "option",    "set",      "values",    "insert",
    "update", "delete",  "begin",  "commit",  "rollback",   "declare", "if",        "else",     "end",       "when",
    "then",   "and",     "or",     "not",     "in",         "is",      "null",      "like",     "between",   "exists",
    "case",   "top",     "into",   "exec",    "execute",    "print",   "use",       "truncate", "create",    "alter",
    "drop",   "as",      "by",     "asc",     "desc",       "except",  "intersect", "for",      "return",    "waitfor",
    "save",   "throw",   "output", "collate", "merge",      "while",   "go",        "distinct", "all",       "default",
    "table",  "primary", "unique", "check",   "constraint", "escape",  "pivot",     "unpivot",  "raiserror", "grant",
    "revoke", "deny",    "offset", "fetch",
};

}  // namespace

bool Parser::is_name() const {
  if (peek().kind == TokenKind::Quoted) return true;
  if (peek().kind != TokenKind::Word) return false;
  for (char const* word : kReserved)
    if (equals_ignoring_case(peek().text, word)) return false;
  return true;
}

Outcome Parser::query(std::unique_ptr<Query>& out) {
  out = std::make_unique<Query>();
  bool more = true;
  while (more) {
    auto& core = out->cores.emplace_back(std::make_unique<SelectCore>());
    bool const parenthesised = take_op("(");
    TDS_DO(need_word("select"));
    TDS_DO(select_core(*core, parenthesised));
    if (parenthesised) TDS_DO(need_op(")"));
    more = take_word("union");
    if (more && !take_word("all")) out->union_distinct = true;
  }
  TDS_DO(order_by(*out));
  return option_clause();
}

Outcome Parser::select_core(SelectCore& out, bool) {
  out.distinct = take_word("distinct");
  if (!out.distinct) (void)take_word("all");
  TDS_DO(top_clause(out.top));
  do {
    TDS_DO(select_item(out.items.emplace_back()));
  } while (take_op(","));
  if (take_word("from")) TDS_DO(from_list(out.from));
  if (take_word("where")) TDS_DO(condition(out.where));
  if (take_word("group")) {
    TDS_DO(need_word("by"));
    TDS_DO(expression_list(out.group_by));
  }
  if (take_word("having")) TDS_DO(condition(out.having));
  return {};
}

Outcome Parser::top_clause(ExprPtr& out) {
  if (!take_word("top")) return {};
  if (take_op("(")) {
    TDS_DO(expression(out));
    TDS_DO(need_op(")"));
  } else {
    if (peek().kind != TokenKind::Number) return syntax_error();
    TDS_DO(literal(out));
  }
  if (is_word("percent") || (is_word("with") && is_word("ties", 1))) return syntax_error();
  return {};
}

Outcome Parser::select_item(SelectItem& out) {
  if (take_op("*")) return out.star = true, Outcome();
  // alias.* and schema.table.*
  for (std::size_t ahead = 0; peek(ahead).kind == TokenKind::Word || peek(ahead).kind == TokenKind::Quoted;
       ahead += 2) {
    if (!is_op(".", ahead + 1)) break;
    if (!is_op("*", ahead + 2)) continue;
    for (std::size_t i = 0; i <= ahead; i += 2) out.star_qualifier.push_back(peek(i).text);
    at_ += ahead + 3;
    out.star = true;
    return {};
  }
  if (peek().kind == TokenKind::Variable && peek().text.compare(0, 2, "@@") != 0 && is_op("=", 1)) {
    out.assign_to = to_lower(next().text);
    next();
    return expression(out.expr);
  }
  if ((peek().kind == TokenKind::Word || peek().kind == TokenKind::Quoted) && is_op("=", 1)) {  // alias = expr
    TDS_DO(identifier(out.alias));
    next();
    return expression(out.expr);
  }
  TDS_DO(expression(out.expr));
  if (take_word("as")) {
    if (peek().kind == TokenKind::String || peek().kind == TokenKind::NString)
      return out.alias = next().text, Outcome();
    return identifier(out.alias);
  }
  if (peek().kind == TokenKind::String) return out.alias = next().text, Outcome();
  if (is_name()) return identifier(out.alias);
  return {};
}

Outcome Parser::from_list(std::vector<TableRef>& out) {
  TDS_DO(table_ref(out.emplace_back()));
  while (true) {
    JoinKind kind = JoinKind::Cross;
    bool needs_on = false;
    if (take_op(",")) {
      kind = JoinKind::Cross;
    } else if (is_word("cross") && is_word("join", 1)) {
      at_ += 2;
    } else if (is_word("cross") && is_word("apply", 1)) {
      at_ += 2;
      kind = JoinKind::CrossApply;
    } else if (is_word("outer") && is_word("apply", 1)) {
      at_ += 2;
      kind = JoinKind::OuterApply;
    } else if (is_word("inner") || is_word("join") || is_word("left")) {
      kind = is_word("left") ? JoinKind::Left : JoinKind::Inner;
      needs_on = true;
      if (!is_word("join")) next();
      (void)take_word("outer");
      for (char const* hint : {"hash", "loop", "merge"}) (void)take_word(hint);
      TDS_DO(need_word("join"));
    } else if (is_word("right") || is_word("full")) {
      return syntax_error();
    } else {
      return {};
    }
    TDS_DO(table_ref(out.emplace_back()));
    out.back().join = kind;
    if (!needs_on) continue;
    TDS_DO(need_word("on"));
    TDS_DO(condition(out.back().on));
  }
}

Outcome Parser::table_ref(TableRef& out) {
  out.line = peek().line;
  if (take_op("(")) {
    if (is_word("values")) {
      next();
      out.kind = TableRef::Kind::Values;
      TDS_DO(values_rows(out.rows));
    } else if (is_word("select") || is_op("(")) {
      out.kind = TableRef::Kind::Derived;
      TDS_DO(query(out.query));
    } else {
      return syntax_error();
    }
    TDS_DO(need_op(")"));
    return alias(out);
  }
  if (!is_name()) return syntax_error();
  TDS_DO(name_parts(out.name));
  if (out.name.size() == 1) {
    for (CommonTable const& common : common_tables_) {
      if (!equals_ignoring_case(common.name, out.name[0])) continue;
      std::size_t const here = at_;
      at_ = common.begin;
      out.kind = TableRef::Kind::Derived;
      TDS_DO(query(out.query));
      at_ = here;
      out.alias = common.name;
      out.column_aliases = common.columns;
      return alias(out);
    }
  }
  if (is_op("(") && !is_word("nolock", 1)) {
    out.kind = TableRef::Kind::Function;
    next();
    if (equals_ignoring_case(out.name.back(), "changetable")) {  // CHANGETABLE(CHANGES t, version)
      TDS_DO(need_word("changes"));
      std::vector<std::string> table;
      TDS_DO(name_parts(table));
      auto name = make(ExprKind::Literal);
      name->literal = text_value(join(table, "."));
      out.args.push_back(std::move(name));
      TDS_DO(need_op(","));
    }
    if (!is_op(")")) TDS_DO(expression_list(out.args));
    TDS_DO(need_op(")"));
  }
  TDS_DO(table_hints(out));
  TDS_DO(alias(out));
  return table_hints(out);
}

Outcome Parser::alias(TableRef& out) {
  if (take_word("as"))
    TDS_DO(identifier(out.alias));
  else if (is_name())
    TDS_DO(identifier(out.alias));
  bool const list = !out.alias.empty() && is_op("(") &&
                    (peek(1).kind == TokenKind::Word || peek(1).kind == TokenKind::Quoted) && !is_word("nolock", 1) &&
                    (is_op(",", 2) || is_op(")", 2));
  if (!list) return {};
  next();
  do {
    TDS_DO(identifier(out.column_aliases.emplace_back()));
  } while (take_op(","));
  return need_op(")");
}

Outcome Parser::table_hints(TableRef& out) {
  bool const with = is_word("with") && is_op("(", 1);
  if (!with && !(is_op("(") && is_word("nolock", 1))) return {};
  if (with) next();
  next();
  int depth = 1;
  while (depth > 0) {
    if (at_end()) return syntax_error();
    if (is_word("nolock") || is_word("readuncommitted")) out.read_uncommitted = true;
    if (is_op("(")) ++depth;
    if (is_op(")")) --depth;
    next();
  }
  return {};
}

Outcome Parser::order_by(Query& out) {
  if (!take_word("order")) return {};
  TDS_DO(need_word("by"));
  do {
    OrderItem& item = out.order_by.emplace_back();
    TDS_DO(expression(item.expr));
    item.descending = take_word("desc");
    if (!item.descending) (void)take_word("asc");
  } while (take_op(","));
  if (!take_word("offset")) return {};
  TDS_DO(expression(out.offset));
  if (!take_word("rows")) TDS_DO(need_word("row"));
  if (!take_word("fetch")) return {};
  if (!take_word("next")) TDS_DO(need_word("first"));
  TDS_DO(expression(out.fetch));
  if (!take_word("rows")) TDS_DO(need_word("row"));
  return need_word("only");
}

Outcome Parser::option_clause() {
  if (!take_word("option")) return {};
  return skip_parentheses();
}

Outcome Parser::skip_parentheses() {
  TDS_DO(need_op("("));
  int depth = 1;
  while (depth > 0) {
    if (at_end()) return syntax_error();
    if (is_op("(")) ++depth;
    if (is_op(")")) --depth;
    next();
  }
  return {};
}

Outcome Parser::values_rows(std::vector<std::vector<ExprPtr>>& out) {
  do {
    TDS_DO(need_op("("));
    TDS_DO(expression_list(out.emplace_back()));
    TDS_DO(need_op(")"));
  } while (take_op(","));
  return {};
}

}  // namespace weir::tds
