#include "jinja/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/decimal.h"
#include "jinja/format.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/markup.h"
#include "jinja/numbers.h"
#include "jinja/render.h"
#include "jinja/times.h"
#include "jinja/unicode.h"

namespace weir::jinja {

Failure type_error(std::string message) {
  return Failure(FailureType::TypeError, std::move(message));
}
Failure value_error(std::string message) {
  return Failure(FailureType::ValueError, std::move(message));
}

std::string_view operator_text(Operator op) {
  switch (op) {
    case Operator::Add:
    case Operator::Plus:
      return "+";
    case Operator::Subtract:
    case Operator::Minus:
      return "-";
    case Operator::Multiply:
      return "*";
    case Operator::Divide:
      return "/";
    case Operator::FloorDivide:
      return "//";
    case Operator::Modulo:
      return "%";
    case Operator::Power:
      return "** or pow()";
  }
  return "";
}

std::optional<double> as_float(Value const& value) {
  if (value.is_float()) return value.number();
  if (value.is_bool() || value.is_int()) return to_double(value);
  return std::nullopt;
}

bool is_index(Value const& value) {
  return value.is_bool() || value.is_int();
}

bool is_set(Value const& given) {
  return !given.is_missing() && truth(given);
}

Outcome<std::int64_t> whole(Value const& given, std::int64_t otherwise) {
  if (given.is_missing()) return otherwise;
  if (!is_index(given) || given.kind() == Kind::BigInt)
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(given)));
  return given.integer();
}

std::optional<std::size_t> place_of_index(Value const& index, std::size_t size) {
  if (index.kind() == Kind::BigInt) return std::nullopt;
  std::int64_t at = index.integer();
  if (at < 0) at += static_cast<std::int64_t>(size);
  if (at < 0 || at >= static_cast<std::int64_t>(size)) return std::nullopt;
  return static_cast<std::size_t>(at);
}

namespace {

bool is_real(Value const& value) {
  return value.is_bool() || value.is_int() || value.is_float();
}
bool is_whole(Value const& value) {
  return value.is_bool() || value.is_int();
}

Failure unsupported(Operator op, Value const& left, Value const& right) {
  return type_error(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", operator_text(op), type_name(left),
                                type_name(right)));
}

Outcome<Value> integer_power(Value const& base, Value const& exponent) {
  if (exponent.kind() == Kind::BigInt || std::abs(exponent.integer()) > 1'000'000) {
    mpz_class const b = big_of(base);
    if (b != 0 && b != 1 && b != -1) return Failure(FailureType::Limit, "the result of ** is too large");
    if (exponent.kind() == Kind::BigInt) return b == 0 ? Value(0) : Value(1);
    bool const is_odd = exponent.integer() % 2 != 0;
    return b == -1 && is_odd ? Value(-1) : b == 0 ? Value(0) : Value(1);
  }
  std::int64_t const power = exponent.integer();
  if (power < 0) {
    auto const b = to_double(base);
    if (!b) return Failure(FailureType::OverflowError, "int too large to convert to float");
    if (*b == 0) return Failure(FailureType::ZeroDivisionError, "0.0 cannot be raised to a negative power");
    return std::pow(*b, static_cast<double>(power));
  }
  mpz_class const b = big_of(base);
  if (mpz_sizeinbase(b.get_mpz_t(), 2) * static_cast<std::size_t>(power) > 4'000'000)
    return Failure(FailureType::Limit, "the result of ** is too large");
  mpz_class result;
  mpz_pow_ui(result.get_mpz_t(), b.get_mpz_t(), static_cast<unsigned long>(power));
  return integer_of(result);
}

Outcome<Value> integer_binary(Operator op, Value const& left, Value const& right) {
  bool const small = left.kind() != Kind::BigInt && right.kind() != Kind::BigInt;
  std::int64_t result = 0;
  switch (op) {
    case Operator::Add:
      if (small && !__builtin_add_overflow(left.integer(), right.integer(), &result)) return result;
      return integer_of(big_of(left) + big_of(right));
    case Operator::Subtract:
      if (small && !__builtin_sub_overflow(left.integer(), right.integer(), &result)) return result;
      return integer_of(big_of(left) - big_of(right));
    case Operator::Multiply: {
      if (small && !__builtin_mul_overflow(left.integer(), right.integer(), &result)) return result;
      mpz_class const a = big_of(left);
      mpz_class const b = big_of(right);
      if (mpz_sizeinbase(a.get_mpz_t(), 2) + mpz_sizeinbase(b.get_mpz_t(), 2) > 4'000'000)
        return Failure(FailureType::Limit, "the result of * is too large");
      return integer_of(a * b);
    }
    case Operator::Divide: {
      if (!truth(right)) return Failure(FailureType::ZeroDivisionError, "division by zero");
      auto const a = to_double(left);
      auto const b = to_double(right);
      if (small) return *a / *b;
      mpq_class quotient(big_of(left), big_of(right));
      quotient.canonicalize();
      double const number = quotient.get_d();
      if (std::isinf(number))
        return Failure(FailureType::OverflowError, "integer division result too large for a float");
      return number;
    }
    case Operator::FloorDivide:
    case Operator::Modulo: {
      if (!truth(right))
        return Failure(FailureType::ZeroDivisionError,
                       op == Operator::Modulo ? "integer modulo by zero" : "integer division or modulo by zero");
      mpz_class const a = big_of(left);
      mpz_class const b = big_of(right);
      mpz_class out;
      if (op == Operator::Modulo)
        mpz_fdiv_r(out.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
      else
        mpz_fdiv_q(out.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
      return integer_of(out);
    }
    case Operator::Power:
      return integer_power(left, right);
    default:
      return unsupported(op, left, right);
  }
}

Outcome<Value> float_binary(Operator op, Value const& left, Value const& right) {
  auto const x = as_float(left);
  auto const y = as_float(right);
  if (!x || !y) return Failure(FailureType::OverflowError, "int too large to convert to float");
  switch (op) {
    case Operator::Add:
      return *x + *y;
    case Operator::Subtract:
      return *x - *y;
    case Operator::Multiply:
      return *x * *y;
    case Operator::Divide:
      if (*y == 0) return Failure(FailureType::ZeroDivisionError, "float division by zero");
      return *x / *y;
    case Operator::FloorDivide:
      return floor_divide_floats(*x, *y);
    case Operator::Modulo:
      if (*y == 0) return Failure(FailureType::ZeroDivisionError, "float modulo");
      return float_modulo(*x, *y);
    case Operator::Power: {
      if (*x == 0 && *y < 0) return Failure(FailureType::ZeroDivisionError, "0.0 cannot be raised to a negative power");
      if (*x < 0 && *y != std::floor(*y) && std::isfinite(*y))
        return Failure(FailureType::NotImplementedError, "complex numbers");
      double const result = std::pow(*x, *y);
      if (std::isinf(result) && std::isfinite(*x) && std::isfinite(*y))
        return Failure(FailureType::OverflowError, "(34, 'Numerical result out of range')");
      return result;
    }
    default:
      return unsupported(op, left, right);
  }
}

Outcome<Value> repeat(State& state, Value const& sequence, Value const& times) {
  if (times.kind() == Kind::BigInt)
    return Failure(FailureType::OverflowError, "cannot fit 'int' into an index-sized integer");
  std::size_t const size = *length_of(sequence);
  std::int64_t const count = std::max<std::int64_t>(times.integer(), 0);
  std::uint64_t const item_bytes = sequence.is_string() ? 4 : sizeof(Value);
  if (size > 0 &&
      static_cast<std::uint64_t>(count) > state.renderer().options().limits.output_bytes / item_bytes / size)
    return Failure(FailureType::MemoryError, "the result of * is too large");
  if (sequence.is_string()) {
    std::string_view const text = sequence.string();
    std::string out;
    out.reserve(text.size() * static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) out += text;
    return Value(make<String>(std::move(out), sequence.string_object().is_markup()));
  }
  auto const& items = sequence.is_list() ? sequence.list().items : sequence.tuple().items;
  std::vector<Value> out;
  out.reserve(items.size() * static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.insert(out.end(), items.begin(), items.end());
  return sequence.is_list() ? list_of(std::move(out)) : tuple_of(std::move(out));
}

Outcome<Value> join_sequences(State& state, Value const& left, Value const& right) {
  if (left.is_string() && right.is_string()) {
    if (left.string_object().is_markup() || right.string_object().is_markup())
      return Value(make<String>(escaped(left) + escaped(right), true));
    JINJA_DO(state.renderer().allow_bytes(left.string().size() + right.string().size()));
    std::string out;
    out.reserve(left.string().size() + right.string().size());
    out.append(left.string()).append(right.string());
    return Value(std::move(out));
  }
  if (left.kind() == right.kind() && (left.is_list() || left.is_tuple())) {
    auto items = left.is_list() ? left.list().items : left.tuple().items;
    auto const& more = right.is_list() ? right.list().items : right.tuple().items;
    JINJA_DO(state.renderer().spend(items.size() + more.size()));
    items.insert(items.end(), more.begin(), more.end());
    return left.is_list() ? list_of(std::move(items)) : tuple_of(std::move(items));
  }
  std::string const other = type_name(right);
  if (left.is_string()) return type_error(fmt::format("can only concatenate str (not \"{}\") to str", other));
  if (left.is_list()) return type_error(fmt::format("can only concatenate list (not \"{}\") to list", other));
  if (left.is_tuple()) return type_error(fmt::format("can only concatenate tuple (not \"{}\") to tuple", other));
  return unsupported(Operator::Add, left, right);
}

bool is_sequence(Value const& value) {
  return value.is_string() || value.is_list() || value.is_tuple();
}

Outcome<Value> subtract_sets(Value const& left, Value const& right) {
  auto out = make<Set>();
  for (auto const& entry : left.set().items)
    if (!right.set().contains(entry.key, entry.hash)) out->items.set(entry.key, entry.hash, Value());
  return Value(out);
}

}  // namespace

double float_modulo(double left, double right) {
  double result = std::fmod(left, right);
  if (result != 0 && (result < 0) != (right < 0)) result += right;
  if (result == 0) result = std::copysign(0.0, right);
  return result;
}

Outcome<Value> floor_divide_floats(double left, double right) {
  if (right == 0) return Failure(FailureType::ZeroDivisionError, "float floor division by zero");
  double const modulo = float_modulo(left, right);
  double quotient = (left - modulo) / right;
  if (quotient == 0) return std::copysign(0.0, left / right);
  double floored = std::floor(quotient);
  if (quotient - floored > 0.5) floored += 1;
  return floored;
}

Outcome<Value> binary(State& state, Operator op, Value const& left, Value const& right) {
  if (left.kind() == Kind::Undefined) return undefined_info(left).failure();
  if (right.kind() == Kind::Undefined && !left.is_string()) return undefined_info(right).failure();
  if (is_whole(left) && is_whole(right)) return integer_binary(op, left, right);
  if (is_real(left) && is_real(right)) return float_binary(op, left, right);
  bool const has_decimal = left.kind() == Kind::Decimal || right.kind() == Kind::Decimal;
  if (has_decimal && (left.kind() == Kind::Decimal || is_whole(left)) &&
      (right.kind() == Kind::Decimal || is_whole(right)))
    return decimal_binary(op, left, right);
  if (op == Operator::Modulo && left.is_string()) return format_percent(state, left, right);
  if (right.kind() == Kind::Undefined) {
    if (op == Operator::Add) return undefined_info(right).failure();  // str + Undefined asks the right side
    return undefined_info(right).failure();
  }
  if (op == Operator::Add &&
      (is_sequence(left) || (right.is_string() && right.string_object().is_markup() && left.is_string())))
    return join_sequences(state, left, right);
  if (op == Operator::Multiply) {
    if (is_sequence(left) && is_whole(right)) return repeat(state, left, right);
    if (is_whole(left) && is_sequence(right)) return repeat(state, right, left);
    if (is_sequence(left))
      return type_error(fmt::format("can't multiply sequence by non-int of type '{}'", type_name(right)));
    if (is_sequence(right))
      return type_error(fmt::format("can't multiply sequence by non-int of type '{}'", type_name(left)));
  }
  if (op == Operator::Subtract && left.is_set() && right.is_set()) return subtract_sets(left, right);
  auto timed = time_binary(op, left, right);
  if (!timed.ok() || !timed->is_missing()) return timed;
  return unsupported(op, left, right);
}

Outcome<Value> unary(State&, Operator op, Value const& operand) {
  bool const minus = op == Operator::Minus;
  switch (operand.kind()) {
    case Kind::Undefined:
      return undefined_info(operand).failure();
    case Kind::Bool:
    case Kind::Int:
      if (!minus) return operand.integer();
      if (operand.integer() != INT64_MIN) return -operand.integer();
      [[fallthrough]];
    case Kind::BigInt:
      return minus ? integer_of(-big_of(operand)) : operand;
    case Kind::Float:
      return minus ? -operand.number() : operand.number();
    case Kind::Decimal:
      return decimal_unary(op, operand);
    case Kind::TimeDelta:
      return minus ? negated_time_delta(operand) : operand;
    default:
      return type_error(fmt::format("bad operand type for unary {}: '{}'", minus ? "-" : "+", type_name(operand)));
  }
}

// --------------------------------------------------------------------------------------------------------- comparison

namespace {

Failure not_ordered(Value const& left, Value const& right, std::string_view sign) {
  return type_error(
      fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, type_name(left), type_name(right)));
}

Outcome<int> order_items(std::vector<Value> const& a, std::vector<Value> const& b, std::string_view sign) {
  StackGuard const guard;
  if (guard.is_low()) return too_deep();
  std::size_t const both = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < both; ++i)
    if (!a[i].is_same(b[i]) && !equals(a[i], b[i])) return order(a[i], b[i], sign);
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

bool is_subset(Set const& a, Set const& b) {
  for (auto const& entry : a.items)
    if (!b.contains(entry.key, entry.hash)) return false;
  return true;
}

constexpr int kUnordered = 2;  // NaN, or sets of which neither holds the other: every comparison is false

}  // namespace

Outcome<int> order(Value const& left, Value const& right, std::string_view sign) {
  if (left.kind() == Kind::Undefined) return undefined_info(left).failure();
  if (right.kind() == Kind::Undefined) return undefined_info(right).failure();
  if (left.is_number() && right.is_number()) return compare_numbers(left, right).value_or(kUnordered);
  if (left.is_string() && right.is_string()) {
    int const order = left.string().compare(right.string());  // UTF-8 sorts as its characters do
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (left.kind() == right.kind()) {
    if (left.is_list()) return order_items(left.list().items, right.list().items, sign);
    if (left.is_tuple()) return order_items(left.tuple().items, right.tuple().items, sign);
    if (left.is_set()) {
      bool const below = is_subset(left.set(), right.set());
      bool const above = is_subset(right.set(), left.set());
      return below && above ? 0 : below ? -1 : above ? 1 : kUnordered;
    }
    if (left.kind() == Kind::Bytes) {
      int const order = static_cast<Bytes&>(left.shared()).data.compare(static_cast<Bytes&>(right.shared()).data);
      return order < 0 ? -1 : order > 0 ? 1 : 0;
    }
    if (left.kind() >= Kind::Date && left.kind() <= Kind::TimeDelta) return order_times(left, right);
  }
  if (left.is_object())
    if (auto const found = left.object().compare(right)) return *found;
  if (right.is_object())
    if (auto const found = right.object().compare(left)) return -*found;
  return not_ordered(left, right, sign);
}

Outcome<bool> compare(State& state, Comparison comparison, Value const& left, Value const& right) {
  auto const strict = [](Value const& value) {
    return value.kind() == Kind::Undefined && undefined_info(value).policy == UndefinedPolicy::Strict;
  };
  if (strict(left)) return undefined_info(left).failure();
  if (strict(right)) return undefined_info(right).failure();
  switch (comparison) {
    case Comparison::Equal:
      return equals(left, right);
    case Comparison::NotEqual:
      return !equals(left, right);
    case Comparison::In:
      return contains(state, right, left);
    case Comparison::NotIn: {
      JINJA_TRY(bool const found, contains(state, right, left));
      return !found;
    }
    case Comparison::Less: {
      JINJA_TRY(int const found, order(left, right, "<"));
      return found == -1;
    }
    case Comparison::LessEqual: {
      JINJA_TRY(int const found, order(left, right, "<="));
      return found == -1 || found == 0;
    }
    case Comparison::Greater: {
      JINJA_TRY(int const found, order(left, right, ">"));
      return found == 1;
    }
    case Comparison::GreaterEqual: {
      JINJA_TRY(int const found, order(left, right, ">="));
      return found == 1 || found == 0;
    }
  }
  return false;
}

Outcome<bool> contains(State& state, Value const& container, Value const& item) {
  switch (container.kind()) {
    case Kind::String:
      if (item.kind() == Kind::Undefined)
        return type_error("'in <string>' requires string as left operand, not Undefined");
      if (!item.is_string())
        return type_error(fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
      return container.string().find(item.string()) != std::string_view::npos;
    case Kind::List:
    case Kind::Tuple: {
      auto const& items = container.is_list() ? container.list().items : container.tuple().items;
      JINJA_DO(state.renderer().spend(items.size() / 8));
      for (auto const& other : items)
        if (other.is_same(item) || equals(other, item)) return true;
      return false;
    }
    case Kind::Dict: {
      JINJA_TRY(auto const hashed, hash(item));
      return container.dict().find(item, hashed) != nullptr;
    }
    case Kind::Set: {
      JINJA_TRY(auto const hashed, hash(item));
      return container.set().contains(item, hashed);
    }
    case Kind::Undefined:
      if (undefined_info(container).policy == UndefinedPolicy::Strict) return undefined_info(container).failure();
      return false;
    case Kind::Object:
      if (container.object().is_iterable()) return container.object().contains(state, item);
      break;
    default:
      break;
  }
  return type_error(fmt::format("argument of type '{}' is not iterable", type_name(container)));
}

// -------------------------------------------------------------------------------------------------------------- slices

Outcome<SliceRange> slice_range(Value const& start, Value const& stop, Value const& step, std::size_t size) {
  for (Value const* part : {&start, &stop, &step}) {
    if (part->kind() == Kind::Undefined || (!part->is_none() && !is_index(*part)))
      return type_error("slice indices must be integers or None or have an __index__ method");
  }
  auto const number = [](Value const& value) {
    if (value.kind() != Kind::BigInt) return value.integer();
    return big_int(value).number > 0 ? INT64_MAX : INT64_MIN + 1;
  };
  std::int64_t const by = step.is_none() ? 1 : number(step);
  if (by == 0) return value_error("slice step cannot be zero");
  auto const length = static_cast<std::int64_t>(size);
  std::int64_t const low = by < 0 ? -1 : 0;
  std::int64_t const high = by < 0 ? length - 1 : length;
  auto const clamp = [&](Value const& value, std::int64_t otherwise) {
    if (value.is_none()) return otherwise;
    std::int64_t at = number(value);
    if (at < 0) at += length;
    return std::max(low, std::min(at, high));
  };
  std::int64_t const from = clamp(start, by < 0 ? high : low);
  std::int64_t const to = clamp(stop, by < 0 ? low : high);
  std::size_t count = 0;
  if (by > 0 && from < to) count = static_cast<std::size_t>((to - from - 1) / by) + 1;
  if (by < 0 && to < from) count = static_cast<std::size_t>((from - to - 1) / -by) + 1;
  return SliceRange{from, by, count};
}

namespace {

std::string slice_text(std::string_view text, bool ascii, SliceRange const& range) {
  std::string out;
  if (ascii) {
    if (range.step == 1) return std::string(text.substr(static_cast<std::size_t>(range.start), range.count));
    for (std::size_t i = 0; i < range.count; ++i)
      out += text[static_cast<std::size_t>(range.start + static_cast<std::int64_t>(i) * range.step)];
    return out;
  }
  auto const all = characters(text);
  for (std::size_t i = 0; i < range.count; ++i)
    append_character(out, all[static_cast<std::size_t>(range.start + static_cast<std::int64_t>(i) * range.step)]);
  return out;
}

}  // namespace

Outcome<Value> slice(Value const& subject, Value const& start, Value const& stop, Value const& step) {
  if (subject.kind() == Kind::Undefined) {
    if (undefined_info(subject).policy == UndefinedPolicy::Chainable ||
        undefined_info(subject).policy == UndefinedPolicy::Callable)
      return subject;
    return undefined_info(subject).failure();
  }
  auto const* range_object = subject.as<Range>();
  if (!is_sequence(subject) && subject.kind() != Kind::Bytes && range_object == nullptr) {
    if (subject.is_dict()) return type_error("unhashable type: 'slice'");
    return type_error(fmt::format("'{}' object is not subscriptable", type_name(subject)));
  }
  JINJA_TRY(auto const range, slice_range(start, stop, step, *length_of(subject)));
  if (range_object != nullptr) {
    std::int64_t const from = range_object->start + range.start * range_object->step;
    std::int64_t const by = range_object->step * range.step;
    return Value(make<Range>(from, from + by * static_cast<std::int64_t>(range.count), by));
  }
  if (subject.is_string())
    return Value(make<String>(slice_text(subject.string(), subject.string_object().is_ascii(), range),
                              subject.string_object().is_markup()));
  if (subject.kind() == Kind::Bytes)
    return Value(Kind::Bytes,
                 Ref<Shared>(new Bytes(slice_text(static_cast<Bytes&>(subject.shared()).data, true, range))));
  auto const& items = subject.is_list() ? subject.list().items : subject.tuple().items;
  std::vector<Value> out;
  out.reserve(range.count);
  for (std::size_t i = 0; i < range.count; ++i)
    out.push_back(items[static_cast<std::size_t>(range.start + static_cast<std::int64_t>(i) * range.step)]);
  return subject.is_list() ? list_of(std::move(out)) : tuple_of(std::move(out));
}

}  // namespace weir::jinja
