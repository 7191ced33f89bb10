// Expressions to values.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/plan.h"
#include "tds/udt.h"

namespace weir::tds {
namespace {

void set_bit(Value& out, Truth truth) {
  out.type = TypeId::Bit;
  out.null = truth == Truth::Unknown;
  out.integer = truth == Truth::True ? 1 : 0;
}

Truth negate(Truth truth) {
  return truth == Truth::True ? Truth::False : truth == Truth::False ? Truth::True : Truth::Unknown;
}

Outcome compare_by(std::string_view op, Value const& a, Value const& b, Truth& out) {
  if (a.null || b.null) return out = Truth::Unknown, Outcome();
  int order = 0;
  TDS_DO(compare(a, b, order));
  bool yes = false;
  if (op == "=")
    yes = order == 0;
  else if (op == "<>")
    yes = order != 0;
  else if (op == "<")
    yes = order < 0;
  else if (op == "<=")
    yes = order <= 0;
  else if (op == ">")
    yes = order > 0;
  else
    yes = order >= 0;
  out = yes ? Truth::True : Truth::False;
  return {};
}

// LIKE over folded text: two bytes a character, big-endian. % _ [a-z] [^a-z]
bool like(std::string_view text, std::string_view pattern, int escape) {
  auto at = [](std::string_view s, std::size_t i) {
    return static_cast<int>(static_cast<std::uint8_t>(s[i])) << 8 | static_cast<std::uint8_t>(s[i + 1]);
  };
  while (!pattern.empty()) {
    int const c = at(pattern, 0);
    if (c == '%' && escape != '%') {
      pattern.remove_prefix(2);
      if (pattern.empty()) return true;
      for (std::size_t i = 0; i <= text.size(); i += 2)
        if (like(text.substr(i), pattern, escape)) return true;
      return false;
    }
    if (text.empty()) return false;
    if (c == escape && pattern.size() >= 4) {
      if (at(text, 0) != at(pattern, 2)) return false;
      pattern.remove_prefix(4);
    } else if (c == '_') {
      pattern.remove_prefix(2);
    } else if (c == '[') {
      std::size_t i = 2;
      bool const inverted = i < pattern.size() && at(pattern, i) == '^';
      if (inverted) i += 2;
      bool hit = false;
      int const wanted = at(text, 0);
      while (i < pattern.size() && at(pattern, i) != ']') {
        int const low = at(pattern, i);
        int high = low;
        if (i + 4 < pattern.size() && at(pattern, i + 2) == '-' && at(pattern, i + 4) != ']')
          high = at(pattern, i + 4), i += 4;
        if (wanted >= low && wanted <= high) hit = true;
        i += 2;
      }
      if (hit == inverted) return false;
      pattern.remove_prefix(std::min(pattern.size(), i + 2));
    } else {
      if (at(text, 0) != c) return false;
      pattern.remove_prefix(2);
    }
    text.remove_prefix(2);
  }
  return text.empty();
}

Outcome evaluate_like(Context& context, Expr const& expr, Frame const& frame, Truth& out) {
  Value text, pattern;
  TDS_DO(evaluate(context, *expr.args[0], frame, text));
  TDS_DO(evaluate(context, *expr.args[1], frame, pattern));
  if (text.null || pattern.null) return out = Truth::Unknown, Outcome();
  int escape = -1;
  if (expr.args.size() > 2) {
    Value character;
    TDS_DO(evaluate(context, *expr.args[2], frame, character));
    std::string const utf8 = to_text(character);
    if (utf8.size() == 1) escape = static_cast<std::uint8_t>(utf8[0]);
  }
  Collation const* collation =
      expr.args[0]->type.collation != nullptr ? expr.args[0]->type.collation : default_collation();
  TDS_DO(convert(text, nvarchar(-1), 0, text));
  TDS_DO(convert(pattern, nvarchar(-1), 0, pattern));
  out = like(fold(text.bytes, *collation), fold(pattern.bytes, *collation), escape) ? Truth::True : Truth::False;
  return {};
}

// x IN (SELECT ...), not correlated: the members are found once, as keys of the common type.
Outcome find_members(Context& context, Expr const& expr, SqlType const& common) {
  QueryPlan& plan = *expr.plan;
  auto members = std::make_shared<std::unordered_set<std::string>>();
  TDS_DO(run_query(context, plan, nullptr, [&](Value const* const* row, bool&) -> Outcome {
    if (row[0]->null) return plan.members_have_null = true, Outcome();
    Value converted;
    TDS_DO(convert(*row[0], common, 0, converted));
    members->insert(hash_key(converted));
    return {};
  }));
  plan.members = std::move(members);
  return {};
}

Outcome evaluate_in_query(Context& context, Expr const& expr, Frame const& frame, Truth& out) {
  Value value;
  TDS_DO(evaluate(context, *expr.args[0], frame, value));
  QueryPlan& plan = *expr.plan;
  out = Truth::False;
  if (!plan.correlated) {
    SqlType const common = common_type(expr.args[0]->type, plan.columns[0].type);
    if (plan.members == nullptr) TDS_DO(find_members(context, expr, common));
    if (value.null)
      return out = plan.members->empty() && !plan.members_have_null ? Truth::False : Truth::Unknown, Outcome();
    TDS_DO(convert(value, common, 0, value));
    if (plan.members->contains(hash_key(value)))
      out = Truth::True;
    else if (plan.members_have_null)
      out = Truth::Unknown;
    return {};
  }
  return run_query(context, plan, &frame, [&](Value const* const* row, bool& more) -> Outcome {
    Truth one = Truth::Unknown;
    TDS_DO(compare_by("=", value, *row[0], one));
    if (one == Truth::True) more = false;
    if (one == Truth::True || out == Truth::False) out = one;
    return {};
  });
}

Outcome evaluate_in(Context& context, Expr const& expr, Frame const& frame, Truth& out) {
  Value value, candidate;
  TDS_DO(evaluate(context, *expr.args[0], frame, value));
  out = Truth::False;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    TDS_DO(evaluate(context, *expr.args[i], frame, candidate));
    Truth one = Truth::Unknown;
    TDS_DO(compare_by("=", value, candidate, one));
    if (one == Truth::True) return out = Truth::True, Outcome();
    if (one == Truth::Unknown) out = Truth::Unknown;
  }
  return {};
}

Outcome evaluate_exists(Context& context, Expr const& expr, Frame const& frame, Truth& out) {
  out = Truth::False;
  return run_query(context, *expr.plan, &frame, [&out](Value const* const*, bool& more) {
    out = Truth::True;
    more = false;
    return Outcome();
  });
}

Outcome evaluate_subquery(Context& context, Expr const& expr, Frame const& frame, Value& out) {
  QueryPlan& plan = *expr.plan;
  if (!plan.correlated && plan.once != nullptr) return out = *plan.once, Outcome();
  int rows = 0;
  out = null_value(expr.type.id);
  TDS_DO(run_query(context, plan, &frame, [&](Value const* const* row, bool&) -> Outcome {
    if (++rows > 1)
      return sql_error(512, 16,
                       "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, "
                       "<= , >, >= or when the subquery is used as an expression.");
    out = *row[0];
    return {};
  }));
  if (!plan.correlated) plan.once = std::make_shared<Value>(out);
  return {};
}

Outcome evaluate_case(Context& context, Expr const& expr, Frame const& frame, Value& out) {
  std::size_t const begin = expr.has_operand ? 1 : 0;
  std::size_t const end = expr.args.size() - (expr.has_else ? 1 : 0);
  Value operand, candidate;
  if (expr.has_operand) TDS_DO(evaluate(context, *expr.args[0], frame, operand));
  for (std::size_t i = begin; i + 1 < end; i += 2) {
    Truth truth = Truth::Unknown;
    if (expr.has_operand) {
      TDS_DO(evaluate(context, *expr.args[i], frame, candidate));
      TDS_DO(compare_by("=", operand, candidate, truth));
    } else {
      TDS_DO(evaluate_truth(context, *expr.args[i], frame, truth));
    }
    if (truth != Truth::True) continue;
    TDS_DO(evaluate(context, *expr.args[i + 1], frame, out));
    return convert(out, expr.type, 0, out);
  }
  if (!expr.has_else) return out = null_value(expr.type.id), Outcome();
  TDS_DO(evaluate(context, *expr.args.back(), frame, out));
  return convert(out, expr.type, 0, out);
}

Outcome evaluate_cast(Context& context, Expr const& expr, Frame const& frame, Value& out) {
  int style = 0;
  if (expr.args.size() > 1) {
    Value number;
    TDS_DO(evaluate(context, *expr.args[1], frame, number));
    TDS_DO(convert(number, make_type(TypeId::Int), 0, number));
    style = static_cast<int>(number.integer);
  }
  Value scratch;
  Value const* value = nullptr;
  TDS_DO(evaluate_ref(context, *expr.args[0], frame, scratch, value));
  Outcome outcome = convert(*value, expr.type, style, out);
  if (outcome.ok() || !expr.try_convert) return outcome;
  out = null_value(expr.type.id);
  return {};
}

Outcome evaluate_call(Context& context, Expr const& expr, Frame const& frame, Value& out) {
  if (expr.aggregate >= 0) {
    if (frame.aggregates != nullptr)
      return out = (*frame.aggregates)[static_cast<std::size_t>(expr.aggregate)], Outcome();
    return sql_error(8120, 16, "An aggregate stands where no group is.");
  }
  std::vector<Value> args(expr.args.size());
  for (std::size_t i = 0; i < args.size(); ++i) TDS_DO(evaluate(context, *expr.args[i], frame, args[i]));
  return call_function(context, expr.function, expr, args, out);
}

}  // namespace

Outcome evaluate_truth(Context& context, Expr const& expr, Frame const& frame, Truth& out) {
  switch (expr.kind) {
    case ExprKind::And:
    case ExprKind::Or: {
      Truth const decisive = expr.kind == ExprKind::And ? Truth::False : Truth::True;
      Truth left = Truth::Unknown;
      TDS_DO(evaluate_truth(context, *expr.args[0], frame, left));
      if (left == decisive) return out = left, Outcome();
      TDS_DO(evaluate_truth(context, *expr.args[1], frame, out));
      if (out != decisive && left == Truth::Unknown) out = Truth::Unknown;
      return {};
    }
    case ExprKind::Not:
      TDS_DO(evaluate_truth(context, *expr.args[0], frame, out));
      out = negate(out);
      return {};
    case ExprKind::Compare: {
      Value a, b;
      Value const* left = nullptr;
      Value const* right = nullptr;
      TDS_DO(evaluate_ref(context, *expr.args[0], frame, a, left));
      TDS_DO(evaluate_ref(context, *expr.args[1], frame, b, right));
      return compare_by(expr.name, *left, *right, out);
    }
    case ExprKind::IsNull: {
      Value a;
      Value const* value = nullptr;
      TDS_DO(evaluate_ref(context, *expr.args[0], frame, a, value));
      out = value->null != expr.negated ? Truth::True : Truth::False;
      return {};
    }
    case ExprKind::Between: {
      Value value, bound;
      Truth high = Truth::Unknown;
      TDS_DO(evaluate(context, *expr.args[0], frame, value));
      TDS_DO(evaluate(context, *expr.args[1], frame, bound));
      TDS_DO(compare_by(">=", value, bound, out));
      TDS_DO(evaluate(context, *expr.args[2], frame, bound));
      TDS_DO(compare_by("<=", value, bound, high));
      if (out == Truth::False || high == Truth::False)
        out = Truth::False;
      else if (out == Truth::Unknown || high == Truth::Unknown)
        out = Truth::Unknown;
      break;
    }
    case ExprKind::In:
      TDS_DO(evaluate_in(context, expr, frame, out));
      break;
    case ExprKind::InQuery:
      TDS_DO(evaluate_in_query(context, expr, frame, out));
      break;
    case ExprKind::Like:
      TDS_DO(evaluate_like(context, expr, frame, out));
      break;
    case ExprKind::Exists:
      TDS_DO(evaluate_exists(context, expr, frame, out));
      break;
    default: {
      Value value;
      TDS_DO(evaluate(context, expr, frame, value));
      if (value.null) return out = Truth::Unknown, Outcome();
      TDS_DO(convert(value, make_type(TypeId::Bit), 0, value));
      out = value.integer != 0 ? Truth::True : Truth::False;
      return {};
    }
  }
  if (expr.negated) out = negate(out);
  return {};
}

Outcome evaluate_ref(Context& context, Expr const& expr, Frame const& frame, Value& scratch, Value const*& out) {
  if (expr.kind == ExprKind::Column && expr.collate == nullptr) {
    Frame const* at = &frame;
    for (int depth = expr.depth; depth > 0; --depth) at = at->outer;
    out = at->slots[expr.slot];
    return {};
  }
  if (expr.kind == ExprKind::Literal && expr.collate == nullptr) return out = &expr.literal, Outcome();
  out = &scratch;
  return evaluate(context, expr, frame, scratch);
}

Outcome evaluate(Context& context, Expr const& expr, Frame const& frame, Value& out) {
  switch (expr.kind) {
    case ExprKind::Literal:
      out = expr.literal;
      break;
    case ExprKind::Column: {
      Frame const* at = &frame;
      for (int depth = expr.depth; depth > 0; --depth) at = at->outer;
      out = *at->slots[expr.slot];
      break;
    }
    case ExprKind::Variable:
      out = context.session.variables[expr.name];
      break;
    case ExprKind::Negate: {
      TDS_DO(evaluate(context, *expr.args[0], frame, out));
      if (out.null) break;
      if (make_type(out.type).is_float())
        out.real = -out.real;
      else if (make_type(out.type).is_decimal())
        out.decimal = -out.decimal;
      else if (make_type(out.type).is_number())
        out.integer = -out.integer;
      else
        return sql_error(8117, 16,
                         fmt::format("Operand data type {} is invalid for minus operator.", type_name(out.type)));
      break;
    }
    case ExprKind::BitNot:
      TDS_DO(evaluate(context, *expr.args[0], frame, out));
      if (!out.null) out.integer = out.type == TypeId::Bit ? 1 - out.integer : ~out.integer;
      break;
    case ExprKind::Arithmetic: {
      Value a, b;
      TDS_DO(evaluate(context, *expr.args[0], frame, a));
      TDS_DO(evaluate(context, *expr.args[1], frame, b));
      TDS_DO(arithmetic(expr.name, a, b, expr.type, out));
      break;
    }
    case ExprKind::Case:
      TDS_DO(evaluate_case(context, expr, frame, out));
      break;
    case ExprKind::Cast:
      TDS_DO(evaluate_cast(context, expr, frame, out));
      break;
    case ExprKind::Function:
      TDS_DO(evaluate_call(context, expr, frame, out));
      break;
    case ExprKind::Method: {
      Value value;
      TDS_DO(evaluate(context, *expr.args[0], frame, value));
      value.type = expr.args[0]->type.id;
      TDS_DO(udt_method(value, expr.name, out));
      break;
    }
    case ExprKind::Subquery:
      TDS_DO(evaluate_subquery(context, expr, frame, out));
      break;
    default: {
      Truth truth = Truth::Unknown;
      TDS_DO(evaluate_truth(context, expr, frame, truth));
      set_bit(out, truth);
      break;
    }
  }
  if (expr.collate != nullptr) {
    if (make_type(out.type).is_char_text() && out.collation != nullptr &&
        out.collation->code_page != expr.collate->code_page)
      out.bytes = to_code_page(utf16_of(out), expr.collate->code_page);
    out.collation = expr.collate;
  }
  return {};
}

// --- arithmetic ----------------------------------------------------------------------------------------------------

SqlType arithmetic_type(std::string_view op, SqlType const& a, SqlType const& b) {
  bool const texts = (a.is_text() || a.is_binary()) && (b.is_text() || b.is_binary());
  if (op == "+" && texts) {
    SqlType type = common_type(a, b);
    int const most = type.is_n_text() ? 4000 : 8000;
    if (a.is_max() || b.is_max())
      type.length = -1;
    else
      type.length = std::min(most, a.length + b.length);
    return type;
  }
  SqlType const common = common_type(a, b);
  if (!common.is_decimal()) return common;
  auto digits = [](SqlType const& t) { return t.is_number() ? catalog_precision(t) : 38; };
  int const p1 = digits(a), p2 = digits(b), s1 = catalog_scale(a), s2 = catalog_scale(b);
  int precision = 0, scale = 0;
  if (op == "*") {
    precision = p1 + p2 + 1;
    scale = s1 + s2;
  } else if (op == "/") {
    scale = std::max(6, s1 + p2 + 1);
    precision = p1 - s1 + s2 + scale;
  } else {
    scale = std::max(s1, s2);
    precision = std::max(p1 - s1, p2 - s2) + scale + 1;
  }
  if (precision > 38) {  // digits before the point win, but six stay behind it
    int const whole = precision - scale;
    scale = std::max(std::min(scale, 6), 38 - whole);
    precision = 38;
  }
  return make_type(TypeId::Numeric, 0, static_cast<std::uint8_t>(precision),
                   static_cast<std::uint8_t>(std::max(0, scale)));
}

namespace {

SqlError too_big(SqlType const& type) {
  return sql_error(
      8115, 16, fmt::format("Arithmetic overflow error converting expression to data type {}.", type_name(type.id)), 2);
}
SqlError by_zero() {
  return sql_error(8134, 16, "Divide by zero error encountered.");
}

Outcome integer_arithmetic(char op, std::int64_t a, std::int64_t b, std::int64_t& out, SqlType const& type) {
  bool over = false;
  if ((op == '/' || op == '%') && b == 0) return by_zero();
  switch (op) {
    case '+':
      over = __builtin_add_overflow(a, b, &out);
      break;
    case '-':
      over = __builtin_sub_overflow(a, b, &out);
      break;
    case '*':
      over = __builtin_mul_overflow(a, b, &out);
      break;
    case '/':
      over = b == -1 && a == INT64_MIN;
      out = over ? 0 : a / b;
      break;
    case '%':
      out = b == -1 ? 0 : a % b;
      break;
    case '&':
      out = a & b;
      break;
    case '|':
      out = a | b;
      break;
    default:
      out = a ^ b;
      break;
  }
  return over ? Outcome(too_big(type)) : Outcome();
}

Outcome decimal_arithmetic(char op, Value const& a, Value const& b, SqlType const& type, Value& out) {
  int128 x = a.decimal, y = b.decimal, result = 0;
  int xs = a.scale, ys = b.scale;
  bool over = false;
  if ((op == '/' || op == '%') && y == 0) return by_zero();
  int scale = xs;
  if (op == '*') {
    over = __builtin_mul_overflow(x, y, &result);
    scale = xs + ys;
  } else if (op == '/') {
    scale = type.scale;
    for (int i = xs - ys; i < scale && !over; ++i) over = __builtin_mul_overflow(x, int128{10}, &x);
    result = x / y;
  } else {
    for (; xs < ys && !over; ++xs) over = __builtin_mul_overflow(x, int128{10}, &x);
    for (; ys < xs && !over; ++ys) over = __builtin_mul_overflow(y, int128{10}, &y);
    scale = xs;
    if (op == '+')
      over = over || __builtin_add_overflow(x, y, &result);
    else if (op == '-')
      over = over || __builtin_sub_overflow(x, y, &result);
    else
      result = x % y;
  }
  if (over) return too_big(type);
  return convert(decimal_value(result, static_cast<std::uint8_t>(scale)), type, 0, out);
}

}  // namespace

Outcome arithmetic(std::string_view op, Value const& a, Value const& b, SqlType const& type, Value& out) {
  if (a.null || b.null) return out = null_value(type.id), Outcome();
  char const sign = op[0];
  if (type.is_text() || type.is_binary()) {
    if (sign != '+')
      return sql_error(402, 16,
                       fmt::format("The data types {} and {} are incompatible in the {} operator.", type_name(a.type),
                                   type_name(b.type), op));
    Value left, right;
    SqlType open = type;
    open.length = -1;
    open.id = type.is_n_text() ? TypeId::NVarChar : type.is_char_text() ? TypeId::VarChar : TypeId::VarBinary;
    TDS_DO(convert(a, open, 0, left));
    TDS_DO(convert(b, open, 0, right));
    left.bytes += right.bytes;
    out = std::move(left);
    return {};
  }
  if (type.is_time() && (sign == '+' || sign == '-') &&
      (type.id == TypeId::DateTime || type.id == TypeId::SmallDateTime)) {
    Value x, y;
    SqlType const number = make_type(TypeId::Float);
    TDS_DO(convert(a, make_type(TypeId::DateTime), 0, x));
    TDS_DO(convert(b, make_type(TypeId::DateTime), 0, y));
    TDS_DO(convert(x, number, 0, x));
    TDS_DO(convert(y, number, 0, y));
    Value sum = x;
    sum.real = sign == '+' ? x.real + y.real : x.real - y.real;
    return convert(sum, type, 0, out);
  }
  if (!type.is_number())
    return sql_error(8117, 16,
                     fmt::format("Operand data type {} is invalid for {} operator.", type_name(type.id),
                                 sign == '+'   ? "add"
                                 : sign == '-' ? "subtract"
                                 : sign == '*' ? "multiply"
                                               : "divide"));
  Value x, y;
  if (type.is_decimal()) {
    auto widen = [](Value const& in, Value& to) {
      SqlType const from = make_type(in.type);
      if (from.is_decimal()) return to = in, Outcome();
      return convert(in, make_type(TypeId::Numeric, 0, 38, from.is_money() ? 4 : from.is_text() ? 6 : 0), 0, to);
    };
    TDS_DO(widen(a, x));
    TDS_DO(widen(b, y));
    return decimal_arithmetic(sign, x, y, type, out);
  }
  TDS_DO(convert(a, type, 0, x));
  TDS_DO(convert(b, type, 0, y));
  if (type.is_float()) {
    if (sign == '/' && y.real == 0) return by_zero();
    x.real = sign == '+'   ? x.real + y.real
             : sign == '-' ? x.real - y.real
             : sign == '*' ? x.real * y.real
                           : x.real / y.real;
    if (!std::isfinite(x.real)) return too_big(type);
    out = std::move(x);
    return {};
  }
  if (type.is_money() && (sign == '*' || sign == '/')) {
    if (sign == '/' && y.integer == 0) return by_zero();
    int128 const wide = sign == '*' ? int128{x.integer} * y.integer / 10000 : int128{x.integer} * 10000 / y.integer;
    return convert(decimal_value(wide, 4), type, 0, out);
  }
  std::int64_t result = 0;
  TDS_DO(integer_arithmetic(sign, x.integer, y.integer, result, type));
  if (type.is_money()) return x.integer = result, out = std::move(x), Outcome();
  return convert(int_value(result, TypeId::BigInt), type, 0, out);
}

}  // namespace weir::tds
