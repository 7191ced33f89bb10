// Names to slots, types to expressions.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/parser.h"
#include "tds/plan.h"
#include "tds/scope.h"
#include "tds/udt.h"

namespace weir::tds {
namespace {

SqlError at_line(SqlError error, int line) {
  error.line = line;
  return error;
}

bool matches_qualifier(SourceSlot const& source, std::vector<std::string> const& qualifier) {
  if (qualifier.empty()) return true;
  if (qualifier.size() == 1)
    return equals_ignoring_case(qualifier[0], source.alias.empty() ? source.table : source.alias);
  return source.alias.empty() && equals_ignoring_case(qualifier.back(), source.table) &&
         equals_ignoring_case(qualifier[qualifier.size() - 2].empty() ? "dbo" : qualifier[qualifier.size() - 2],
                              source.schema);
}

// 1 if found, 0 if not, 2 if found twice.
int find_in(Scope const& scope, std::string_view name, std::vector<std::string> const& qualifier, int& slot,
            SourceColumn const*& column) {
  int found = 0;
  for (SourceSlot const& source : scope.plan->sources) {
    if (!matches_qualifier(source, qualifier)) continue;
    for (std::size_t i = 0; i < source.source->columns.size(); ++i) {
      if (!equals_ignoring_case(source.source->columns[i].name, name)) continue;
      slot = static_cast<int>(source.first + i);
      column = &source.source->columns[i];
      ++found;
    }
  }
  return std::min(found, 2);
}

bool nullable_through_join(SelectPlan const& plan, int slot) {
  for (SourceSlot const& source : plan.sources) {
    bool const here =
        slot >= static_cast<int>(source.first) && slot < static_cast<int>(source.first + source.source->columns.size());
    if (here) return source.join == JoinKind::Left || source.join == JoinKind::OuterApply;
  }
  return false;
}

Outcome resolve(Scope* scope, Expr& expr, bool& found) {
  found = false;
  int depth = 0;
  for (Scope* at = scope; at != nullptr; at = at->outer, ++depth) {
    int slot = -1;
    SourceColumn const* column = nullptr;
    int const count = find_in(*at, expr.name, expr.qualifier, slot, column);
    if (count == 0) continue;
    if (count == 2)
      return at_line(sql_error(209, 16, fmt::format("Ambiguous column name '{}'.", expr.name)), expr.line);
    expr.depth = depth;
    expr.slot = slot;
    expr.type = column->type;
    expr.nullable = column->nullable || nullable_through_join(*at->plan, slot);
    auto const index = static_cast<std::size_t>(slot);
    if (at->plan->used.size() <= index) at->plan->used.resize(index + 1);
    at->plan->used[index] = true;
    if (depth > 0)
      for (Scope* inner = scope; inner != at; inner = inner->outer) inner->correlated = true;
    found = true;
    return {};
  }
  return {};
}

Outcome bind_column(Scope* scope, Expr& expr) {
  bool found = false;
  TDS_DO(resolve(scope, expr, found));
  if (found) return {};
  if (!expr.qualifier.empty()) {  // perhaps a property of a CLR column: place.STSrid
    auto column = std::make_unique<Expr>();
    column->kind = ExprKind::Column;
    column->name = expr.qualifier.back();
    column->qualifier.assign(expr.qualifier.begin(), expr.qualifier.end() - 1);
    TDS_DO(resolve(scope, *column, found));
    if (found && column->type.is_udt()) {
      expr.kind = ExprKind::Method;
      expr.type = udt_method_type(column->type.id, expr.name);
      expr.args.push_back(std::move(column));
      return {};
    }
    return at_line(sql_error(4104, 16,
                             fmt::format("The multi-part identifier \"{}.{}\" could not be bound.",
                                         join(expr.qualifier, "."), expr.name)),
                   expr.line);
  }
  return at_line(sql_error(207, 16, fmt::format("Invalid column name '{}'.", expr.name)), expr.line);
}

Outcome bind_subquery(Context& context, Scope* scope, Expr& expr) {
  TDS_DO(bind_query(context, *expr.query, scope, expr.plan));
  if (scope != nullptr && expr.plan->correlated) scope->inner_correlated = true;
  if (expr.kind != ExprKind::Exists && expr.plan->columns.size() != 1)
    return at_line(
        sql_error(
            116, 16,
            "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS."),
        expr.line);
  return {};
}

// A collation that is named on one side of a comparison holds for all of it.
void share_collation(Expr& expr) {
  Collation const* named = nullptr;
  for (auto const& arg : expr.args)
    if (arg->collate != nullptr) named = arg->collate;
  if (named == nullptr) return;
  for (auto& arg : expr.args)
    if (arg->type.is_text()) arg->collate = arg->type.collation = named;
}

SqlType case_type(Expr const& expr) {
  SqlType type;
  bool first = true;
  std::size_t const begin = expr.has_operand ? 1 : 0;
  std::size_t const branches = expr.args.size() - begin - (expr.has_else ? 1 : 0);
  auto take = [&](Expr const& result) {
    if (result.kind == ExprKind::Literal && result.literal.null) return;
    type = first ? result.type : common_type(type, result.type);
    first = false;
  };
  for (std::size_t i = 1; i < branches; i += 2) take(*expr.args[begin + i]);
  if (expr.has_else) take(*expr.args.back());
  return type;
}

Outcome bind_call(Context& context, Scope* scope, Expr& expr) {
  if (is_aggregate(expr.name)) {
    if (scope == nullptr || scope->in_aggregate)
      return at_line(
          sql_error(130, 15,
                    "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."),
          expr.line);
    if (scope->no_aggregates)
      return at_line(
          sql_error(147, 15,
                    "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING "
                    "clause or a select list, and the column being aggregated is an outer reference."),
          expr.line);
    scope->in_aggregate = true;
    for (auto& arg : expr.args) TDS_DO(bind(context, scope, *arg));
    scope->in_aggregate = false;
    if (!expr.star && expr.args.size() != 1)
      return at_line(sql_error(174, 15, fmt::format("The {} function requires 1 argument(s).", expr.name)), expr.line);
    expr.aggregate = static_cast<int>(scope->plan->aggregates.size());
    scope->plan->aggregates.push_back(&expr);
    SqlType const arg = expr.star ? make_type(TypeId::Int) : expr.args[0]->type;
    if (expr.name == "count")
      expr.type = make_type(TypeId::Int);
    else if (expr.name == "count_big")
      expr.type = make_type(TypeId::BigInt);
    else if (expr.name == "min" || expr.name == "max")
      expr.type = arg;
    else if (arg.is_integer())
      expr.type = make_type(arg.id == TypeId::BigInt ? TypeId::BigInt : TypeId::Int);
    else if (arg.is_decimal())
      expr.type =
          make_type(TypeId::Decimal, 0, 38, expr.name == "avg" ? std::max<std::uint8_t>(arg.scale, 6) : arg.scale);
    else if (arg.is_money())
      expr.type = make_type(TypeId::Money);
    else if (arg.is_float())
      expr.type = make_type(TypeId::Float);
    else
      return at_line(
          sql_error(8117, 16,
                    fmt::format("Operand data type {} is invalid for {} operator.", type_name(arg.id), expr.name)),
          expr.line);
    expr.nullable = expr.name != "count" && expr.name != "count_big";
    return {};
  }
  for (auto& arg : expr.args) TDS_DO(bind(context, scope, *arg));
  expr.function = find_function(expr.name);
  if (expr.function < 0)
    return at_line(sql_error(195, 15, fmt::format("'{}' is not a recognized built-in function name.", expr.name)),
                   expr.line);
  Outcome outcome = function_type(context, expr.function, expr, expr.type);
  if (!outcome.ok()) outcome.error().line = expr.line;
  return outcome;
}

}  // namespace

Outcome bind(Context& context, Scope* scope, Expr& expr) {
  switch (expr.kind) {
    case ExprKind::Literal:
      expr.type = type_of(expr.literal);
      expr.nullable = expr.literal.null;
      break;
    case ExprKind::Column:
      TDS_DO(bind_column(scope, expr));
      break;
    case ExprKind::Variable: {
      if (expr.name.compare(0, 2, "@@") == 0) {
        expr.kind = ExprKind::Function;
        TDS_DO(bind_call(context, scope, expr));
        break;
      }
      auto const it = context.session.variable_types.find(expr.name);
      if (it == context.session.variable_types.end())
        return at_line(sql_error(137, 15, fmt::format("Must declare the scalar variable \"{}\".", expr.name), 2),
                       expr.line);
      expr.type = it->second;
      break;
    }
    case ExprKind::Exists:
    case ExprKind::Subquery:
      TDS_DO(bind_subquery(context, scope, expr));
      expr.type = expr.kind == ExprKind::Subquery ? expr.plan->columns[0].type : make_type(TypeId::Bit);
      break;
    case ExprKind::InQuery:
      TDS_DO(bind(context, scope, *expr.args[0]));
      TDS_DO(bind_subquery(context, scope, expr));
      expr.type = make_type(TypeId::Bit);
      break;
    case ExprKind::Function:
      TDS_DO(bind_call(context, scope, expr));
      break;
    case ExprKind::Default:
      return at_line(sql_error(156, 15, "Incorrect syntax near the keyword 'DEFAULT'."), expr.line);
    default: {
      for (auto& arg : expr.args) TDS_DO(bind(context, scope, *arg));
      if (expr.kind >= ExprKind::Compare && expr.kind <= ExprKind::Like) share_collation(expr);
      switch (expr.kind) {
        case ExprKind::Negate:
        case ExprKind::BitNot:
          expr.type = expr.args[0]->type;
          break;
        case ExprKind::Arithmetic:
          expr.type = arithmetic_type(expr.name, expr.args[0]->type, expr.args[1]->type);
          break;
        case ExprKind::Case:
          expr.type = case_type(expr);
          break;
        case ExprKind::Cast:
          expr.nullable = expr.args[0]->nullable || expr.try_convert;
          break;
        case ExprKind::Method:
          if (!expr.args[0]->type.is_udt())
            return at_line(
                sql_error(258, 15, fmt::format("Cannot call methods on {}.", type_name(expr.args[0]->type.id))),
                expr.line);
          expr.type = udt_method_type(expr.args[0]->type.id, expr.name);
          break;
        default:
          expr.type = make_type(TypeId::Bit);
          break;
      }
      break;
    }
  }
  if (expr.collate != nullptr && expr.type.is_text()) expr.type.collation = expr.collate;
  return {};
}

namespace {

void split_conjuncts(Expr* expr, std::vector<Expr*>& out) {
  if (expr == nullptr) return;
  if (expr->kind != ExprKind::And) return out.push_back(expr);
  split_conjuncts(expr->args[0].get(), out);
  split_conjuncts(expr->args[1].get(), out);
}

// The highest slot of this query's own row that the expression needs; -1 if none. Subqueries count as needing all.
int highest_slot(Expr const& expr, int all) {
  if (expr.kind == ExprKind::Column) return expr.depth == 0 ? expr.slot : -1;
  int highest = expr.plan != nullptr && expr.plan->correlated ? all : -1;
  for (auto const& arg : expr.args) highest = std::max(highest, highest_slot(*arg, all));
  return highest;
}

int lowest_slot(Expr const& expr, int none) {
  if (expr.kind == ExprKind::Column) return expr.depth == 0 ? expr.slot : none;
  int lowest = expr.plan != nullptr && expr.plan->correlated ? 0 : none;
  for (auto const& arg : expr.args) lowest = std::min(lowest, lowest_slot(*arg, none));
  return lowest;
}

bool same_hash_kind(SqlType const& a, SqlType const& b) {
  return (a.is_integer() && b.is_integer()) || (a.is_text() && b.is_text() && a.collation == b.collation) ||
         (a.is_binary() && b.is_binary()) || (a.id == b.id && a.id == TypeId::UniqueIdentifier);
}

// An equality between earlier sources and this one can be looked up instead of tried on every pair.
bool take_hash(SourceSlot& source, Expr* conjunct) {
  if (conjunct->kind != ExprKind::Compare || conjunct->name != "=") return false;
  Expr* a = conjunct->args[0].get();
  Expr* b = conjunct->args[1].get();
  if (!same_hash_kind(a->type, b->type)) return false;
  int const first = static_cast<int>(source.first);
  auto earlier = [first](Expr const& e) {
    return highest_slot(e, INT32_MAX) < first && highest_slot(e, INT32_MAX) >= 0;
  };
  auto mine = [first](Expr const& e) {
    return lowest_slot(e, INT32_MAX) >= first && highest_slot(e, INT32_MAX) >= first;
  };
  if (earlier(*a) && mine(*b)) return source.hash.emplace_back(a, b), true;
  if (earlier(*b) && mine(*a)) return source.hash.emplace_back(b, a), true;
  return false;
}

void place_where(SelectPlan& plan, std::vector<Expr*> const& conjuncts) {
  for (Expr* conjunct : conjuncts) {
    int const highest = highest_slot(*conjunct, static_cast<int>(plan.slots) - 1);
    if (highest < 0) {
      plan.constant_where.push_back(conjunct);
      continue;
    }
    SourceSlot* at = &plan.sources.front();
    for (SourceSlot& source : plan.sources)
      if (static_cast<int>(source.first) <= highest) at = &source;
    bool const inner = at->join == JoinKind::Inner || at->join == JoinKind::Cross;
    if (inner && at != &plan.sources.front() && !at->source->correlated() && take_hash(*at, conjunct)) continue;
    at->where.push_back(conjunct);
  }
}

Outcome bind_table(Context& context, Scope& scope, TableRef& ref, SourceSlot& slot, std::vector<std::string>& tables) {
  slot.alias = ref.alias;
  slot.join = ref.join;
  switch (ref.kind) {
    case TableRef::Kind::Named: {
      std::shared_ptr<TableDef const> def;
      Outcome outcome = open_table(context, ref, slot.schema, slot.table, slot.source, def);
      if (!outcome.ok()) {
        outcome.error().line = ref.line;
        return outcome;
      }
      if (def == nullptr) break;
      tables.push_back(def->text());
      if (!def->is_view()) break;
      auto query = std::make_shared<Query>();
      std::vector<std::unique_ptr<Statement>> statements;
      TDS_DO(parse_batch(def->view_query, statements));
      if (statements.size() != 1 || statements[0]->query == nullptr)
        return sql_error(4413, 16,
                         fmt::format("Could not use view or function '{}' because of binding errors.", def->text()));
      query = std::shared_ptr<Query>(std::move(statements[0]->query));
      std::shared_ptr<QueryPlan> plan;
      TDS_DO(bind_query(context, *query, nullptr, plan));
      tables.insert(tables.end(), plan->tables.begin(), plan->tables.end());
      slot.source = query_source(plan, query);
      for (std::size_t i = 0; i < def->columns.size() && i < slot.source->columns.size(); ++i)
        slot.source->columns[i].name = def->columns[i].name;
      break;
    }
    case TableRef::Kind::Derived: {
      std::shared_ptr<Query> query(std::move(ref.query));
      std::shared_ptr<QueryPlan> plan;
      bool const apply = ref.join == JoinKind::CrossApply || ref.join == JoinKind::OuterApply;
      TDS_DO(bind_query(context, *query, apply ? &scope : scope.outer, plan));
      tables.insert(tables.end(), plan->tables.begin(), plan->tables.end());
      if (plan->correlated && !apply) scope.correlated = true;
      slot.source = query_source(plan, query);
      break;
    }
    case TableRef::Kind::Function:
      for (auto& arg : ref.args) TDS_DO(bind(context, &scope, *arg));
      TDS_DO(open_table_function(context, ref, slot.source));
      slot.table = ref.name.back();
      break;
    case TableRef::Kind::Values:
      for (auto& row : ref.rows)
        for (auto& cell : row) TDS_DO(bind(context, &scope, *cell));
      slot.source = values_source(ref.rows, ref.column_aliases);
      break;
  }
  for (std::size_t i = 0; i < ref.column_aliases.size() && i < slot.source->columns.size(); ++i)
    slot.source->columns[i].name = ref.column_aliases[i];
  return {};
}

Outcome bind_sources(Context& context, Scope& scope, std::vector<TableRef>& from, std::vector<std::string>& tables) {
  SelectPlan& plan = *scope.plan;
  for (TableRef& ref : from) {
    SourceSlot slot;
    TDS_DO(bind_table(context, scope, ref, slot, tables));
    slot.first = plan.slots;
    plan.slots += slot.source->columns.size();
    plan.sources.push_back(std::move(slot));
    plan.used.resize(plan.slots);
    if (ref.on == nullptr) continue;
    scope.no_aggregates = true;
    TDS_DO(bind(context, &scope, *ref.on));
    scope.no_aggregates = false;
    std::vector<Expr*> conjuncts;
    split_conjuncts(ref.on.get(), conjuncts);
    for (Expr* conjunct : conjuncts)
      if (!take_hash(plan.sources.back(), conjunct)) plan.sources.back().on.push_back(conjunct);
  }
  return {};
}

Outcome expand_star(SelectPlan& plan, SelectItem const& item, std::vector<std::string>& names) {
  bool any = false;
  if (plan.sources.empty()) return sql_error(263, 16, "Must specify table to select from.");
  for (SourceSlot& source : plan.sources) {
    if (!matches_qualifier(source, item.star_qualifier)) continue;
    any = true;
    for (std::size_t i = 0; i < source.source->columns.size(); ++i) {
      SourceColumn const& column = source.source->columns[i];
      if (column.hidden) continue;
      auto expr = std::make_unique<Expr>();
      expr->kind = ExprKind::Column;
      expr->name = column.name;
      expr->slot = static_cast<int>(source.first + i);
      expr->type = column.type;
      expr->nullable = column.nullable || nullable_through_join(plan, expr->slot);
      plan.used[source.first + i] = true;
      names.push_back(column.name);
      plan.outputs.push_back(expr.get());
      plan.made.push_back(std::move(expr));
      plan.assign_to.emplace_back();
    }
  }
  if (!any)
    return sql_error(
        107, 15,
        fmt::format("The column prefix '{}' does not match with a table name or alias name used in the query.",
                    join(item.star_qualifier, ".")));
  return {};
}

SourceColumn const* source_column(SelectPlan const& plan, Expr const& expr) {
  if (expr.kind != ExprKind::Column || expr.depth != 0) return nullptr;
  for (SourceSlot const& source : plan.sources)
    if (expr.slot >= static_cast<int>(source.first) &&
        expr.slot < static_cast<int>(source.first + source.source->columns.size()))
      return &source.source->columns[static_cast<std::size_t>(expr.slot) - source.first];
  return nullptr;
}

// In a grouped query a column stands in GROUP BY or in an aggregate.
Outcome check_grouped(SelectPlan const& plan, Expr const& expr) {
  if (expr.aggregate >= 0) return {};
  if (expr.kind == ExprKind::Column && expr.depth == 0) {
    for (auto const& key : plan.core->group_by)
      if (key->kind == ExprKind::Column && key->depth == 0 && key->slot == expr.slot) return {};
    return at_line(sql_error(8120, 16,
                             fmt::format("Column '{}' is invalid in the select list because it is not contained in "
                                         "either an aggregate function or the GROUP BY clause.",
                                         expr.name)),
                   expr.line);
  }
  for (auto const& arg : expr.args) TDS_DO(check_grouped(plan, *arg));
  return {};
}

Outcome bind_core(Context& context, Scope& scope, SelectCore& core, std::vector<std::string>& names,
                  std::vector<std::string>& tables) {
  SelectPlan& plan = *scope.plan;
  plan.core = &core;
  TDS_DO(bind_sources(context, scope, core.from, tables));
  if (core.top != nullptr) TDS_DO(bind(context, scope.outer, *core.top));
  std::vector<Expr*> conjuncts;
  if (core.where != nullptr) {
    scope.no_aggregates = true;
    TDS_DO(bind(context, &scope, *core.where));
    scope.no_aggregates = false;
    split_conjuncts(core.where.get(), conjuncts);
  }
  for (auto& key : core.group_by) TDS_DO(bind(context, &scope, *key));
  for (SelectItem& item : core.items) {
    if (item.star) {
      TDS_DO(expand_star(plan, item, names));
      continue;
    }
    TDS_DO(bind(context, &scope, *item.expr));
    plan.outputs.push_back(item.expr.get());
    plan.assign_to.push_back(item.assign_to);
    names.push_back(!item.alias.empty() ? item.alias : item.expr->kind == ExprKind::Column ? item.expr->name : "");
  }
  if (core.having != nullptr) TDS_DO(bind(context, &scope, *core.having));
  place_where(plan, conjuncts);
  return {};
}

Outcome bind_order(Context& context, Scope& scope, QueryPlan& plan) {
  for (OrderItem& item : plan.query->order_by) {
    OrderKey key;
    key.descending = item.descending;
    if (item.expr->kind == ExprKind::Literal && item.expr->literal.type == TypeId::Int) {
      key.output = static_cast<int>(item.expr->literal.integer) - 1;
      if (key.output < 0 || key.output >= static_cast<int>(plan.columns.size()))
        return sql_error(
            108, 16,
            fmt::format("The ORDER BY position number {} is out of range of the number of items in the select list.",
                        item.expr->literal.integer));
    } else if (item.expr->kind == ExprKind::Column && item.expr->qualifier.empty()) {
      for (std::size_t i = 0; i < plan.columns.size() && key.output < 0; ++i)
        if (equals_ignoring_case(plan.columns[i].name, item.expr->name)) key.output = static_cast<int>(i);
    }
    if (key.output < 0) {
      if (plan.selects.size() > 1)
        return sql_error(104, 16,
                         "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT "
                         "or EXCEPT operator.");
      TDS_DO(bind(context, &scope, *item.expr));
      key.expr = item.expr.get();
    }
    plan.order.push_back(key);
  }
  return {};
}

void describe(QueryPlan& plan, std::vector<std::string> const& names) {
  SelectPlan const& first = plan.selects.front();
  for (std::size_t i = 0; i < first.outputs.size(); ++i) {
    Expr const& expr = *first.outputs[i];
    OutputColumn column;
    column.name = i < names.size() ? names[i] : "";
    column.type = expr.type;
    column.nullable = expr.nullable;
    if (SourceColumn const* source = source_column(first, expr); source != nullptr) {
      column.identity = source->identity;
      column.computed = source->computed;
      column.fixed = source->fixed && !expr.nullable && plan.selects.size() == 1 && !first.grouped;
    }
    for (std::size_t k = 1; k < plan.selects.size(); ++k) {
      Expr const& other = *plan.selects[k].outputs[i];
      if (!(other.kind == ExprKind::Literal && other.literal.null)) column.type = common_type(column.type, other.type);
      column.nullable = column.nullable || other.nullable;
    }
    plan.columns.push_back(std::move(column));
  }
}

}  // namespace

Outcome bind_query(Context& context, Query& query, Scope* outer, std::shared_ptr<QueryPlan>& out) {
  auto plan = std::make_shared<QueryPlan>();
  plan->query = &query;
  plan->selects.resize(query.cores.size());
  std::vector<Scope> scopes(query.cores.size());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < query.cores.size(); ++i) {
    scopes[i].plan = &plan->selects[i];
    scopes[i].outer = outer;
    std::vector<std::string> own;
    TDS_DO(bind_core(context, scopes[i], *query.cores[i], own, plan->tables));
    if (i == 0) names = own;
    if (plan->selects[i].outputs.size() != plan->selects[0].outputs.size())
      return sql_error(205, 16,
                       "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
                       "expressions in their target lists.");
  }
  for (SelectPlan& select : plan->selects)
    select.grouped = !select.aggregates.empty() || !select.core->group_by.empty();
  describe(*plan, names);
  TDS_DO(bind_order(context, scopes[0], *plan));
  if (query.offset != nullptr) TDS_DO(bind(context, outer, *query.offset));
  if (query.fetch != nullptr) TDS_DO(bind(context, outer, *query.fetch));
  for (SelectPlan& select : plan->selects) {
    select.grouped = !select.aggregates.empty() || !select.core->group_by.empty();
    if (select.grouped)
      for (Expr const* output : select.outputs) TDS_DO(check_grouped(select, *output));
    select.used.resize(select.slots);
    for (SourceSlot& source : select.sources) {
      std::vector<bool> const needed(
          select.used.begin() + static_cast<std::ptrdiff_t>(source.first),
          select.used.begin() + static_cast<std::ptrdiff_t>(source.first + source.source->columns.size()));
      source.source->need(needed);
    }
  }
  for (Scope const& scope : scopes) plan->correlated = plan->correlated || scope.correlated;
  out = std::move(plan);
  return {};
}

Outcome bind_expression(Context& context, Expr& expr) {
  return bind(context, nullptr, expr);
}

Outcome bind_change(Context& context, Statement& statement, std::shared_ptr<TableDef const> const& table,
                    SelectPlan& plan, std::vector<Expr*> const& expressions, std::vector<std::string>& tables) {
  Scope scope;
  scope.plan = &plan;
  bool listed = false;
  auto is_target = [&](TableRef const& ref) {
    if (ref.kind != TableRef::Kind::Named) return false;
    std::string const& alias = ref.alias.empty() ? ref.name.back() : ref.alias;
    return equals_ignoring_case(alias, statement.target.name.back());
  };
  for (std::size_t i = 0; i < statement.from.size(); ++i)
    if (is_target(statement.from[i])) {
      listed = true;
      if (i != 0) return sql_error(102, 15, "Incorrect syntax near 'FROM': the changed table must be the first one.");
    }
  if (!listed) {
    TableRef ref;
    ref.name = {table->schema, table->name};
    statement.from.insert(statement.from.begin(), std::move(ref));
  }
  TDS_DO(bind_sources(context, scope, statement.from, tables));
  scope.no_aggregates = true;
  std::vector<Expr*> conjuncts;
  if (statement.where != nullptr) {
    TDS_DO(bind(context, &scope, *statement.where));
    split_conjuncts(statement.where.get(), conjuncts);
  }
  for (Expr* expr : expressions) TDS_DO(bind(context, &scope, *expr));
  place_where(plan, conjuncts);
  plan.used.resize(plan.slots);
  for (SourceSlot& source : plan.sources) {
    bool const target = &source == &plan.sources.front();
    std::vector<bool> needed(source.source->columns.size(), target);
    for (std::size_t i = 0; i < needed.size(); ++i)
      if (plan.used[source.first + i]) needed[i] = true;
    source.source->need(needed);
  }
  return {};
}

}  // namespace weir::tds
