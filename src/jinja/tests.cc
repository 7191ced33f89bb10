#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/builtins.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

// A test of the value alone.
template <typename Is>
Test of_value(std::string name, Is is) {
  return [name = std::move(name), is](State&, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_" + name, {"value"}, 1));
    return is(bound[0]);
  };
}

Test comparing(Comparison comparison, std::string name) {
  return [comparison, name = std::move(name)](State& state, Arguments const& arguments) -> Outcome<bool> {
    if (arguments.positional.size() != 2 || !arguments.named.empty())
      return type_error(fmt::format("{} expected 2 arguments, got {}", name, arguments.positional.size()));
    return compare(state, comparison, arguments.positional[0], arguments.positional[1]);
  };
}

Outcome<bool> remainder_is(State& state, Value const& value, Value const& by, Value const& wanted) {
  JINJA_TRY(auto const rest, binary(state, Operator::Modulo, value, by));
  return equals(rest, wanted);
}

bool is_all_case(std::string_view text, bool upper) {
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const c = next_character(text, at);
    if (upper ? is_lower(c) : is_upper(c)) return false;
    any |= upper ? is_upper(c) : is_lower(c);
  }
  return any;
}

bool has_sequence(Value const& value) {
  switch (value.kind()) {
    case Kind::String:
    case Kind::Bytes:
    case Kind::List:
    case Kind::Tuple:
    case Kind::Dict:
      return true;
    case Kind::Undefined:
      return true;  // it has a length, and every attribute
    case Kind::Object:
      return value.object().is_sequence();
    default:
      return false;
  }
}

bool is_callable(Value const& value) {
  return value.kind() == Kind::Undefined || (value.is_object() && value.object().is_callable());
}

bool is_iterable_strictly(Value const& value) {
  return is_iterable(value);
}

}  // namespace

Tests builtin_tests() {
  Tests tests;
  tests["odd"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_odd", {"value"}, 1));
    return remainder_is(state, bound[0], 2, 1);
  };
  tests["even"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_even", {"value"}, 1));
    return remainder_is(state, bound[0], 2, 0);
  };
  tests["divisibleby"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_divisibleby", {"value", "num"}, 2));
    return remainder_is(state, bound[0], bound[1], 0);
  };
  tests["defined"] = of_value("defined", [](Value const& value) { return !value.is_undefined(); });
  tests["undefined"] = of_value("undefined", [](Value const& value) { return value.is_undefined(); });
  tests["filter"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_filter", {"value"}, 1));
    JINJA_DO(hash(bound[0]));
    return bound[0].is_string() && state.environment().filter(bound[0].string()) != nullptr;
  };
  tests["test"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_test", {"value"}, 1));
    JINJA_DO(hash(bound[0]));
    return bound[0].is_string() && state.environment().test(bound[0].string()) != nullptr;
  };
  tests["none"] = of_value("none", [](Value const& value) { return value.is_none(); });
  tests["boolean"] = of_value("boolean", [](Value const& value) { return value.is_bool(); });
  tests["false"] = of_value("false", [](Value const& value) { return value.is_bool() && !value.boolean(); });
  tests["true"] = of_value("true", [](Value const& value) { return value.is_bool() && value.boolean(); });
  tests["integer"] = of_value("integer", [](Value const& value) { return value.is_int(); });
  tests["float"] = of_value("float", [](Value const& value) { return value.is_float(); });
  tests["lower"] = of_value("lower", [](Value const& value) { return is_all_case(to_text(value), false); });
  tests["upper"] = of_value("upper", [](Value const& value) { return is_all_case(to_text(value), true); });
  tests["string"] = of_value("string", [](Value const& value) { return value.is_string(); });
  tests["mapping"] = of_value("mapping", [](Value const& value) {
    return value.is_dict() || (value.is_object() && value.object().is_mapping());
  });
  tests["number"] = of_value("number", [](Value const& value) { return value.is_number(); });
  tests["sequence"] = of_value("sequence", has_sequence);
  tests["sameas"] = [](State&, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_sameas", {"value", "other"}, 2));
    // Small ints and short texts are one object in Python; which others are is its own affair.
    if (bound[0].is_string() && bound[1].is_string()) return bound[0].string() == bound[1].string();
    return bound[0].is_same(bound[1]);
  };
  tests["iterable"] = of_value("iterable", is_iterable_strictly);
  tests["callable"] = of_value("callable", is_callable);
  tests["escaped"] =
      of_value("escaped", [](Value const& value) { return value.is_string() && value.string_object().is_markup(); });
  tests["in"] = [](State& state, Arguments const& arguments) -> Outcome<bool> {
    JINJA_TRY(auto const bound, arguments.bind("test_in", {"value", "seq"}, 2));
    return contains(state, bound[1], bound[0]);
  };
  struct Comparing {
    Comparison comparison;
    std::string_view function;
    std::initializer_list<char const*> names;
  };
  for (auto const& [comparison, function, names] :
       std::initializer_list<Comparing>{{Comparison::Equal, "eq", {"==", "eq", "equalto"}},
                                        {Comparison::NotEqual, "ne", {"!=", "ne"}},
                                        {Comparison::Greater, "gt", {">", "gt", "greaterthan"}},
                                        {Comparison::GreaterEqual, "ge", {">=", "ge"}},
                                        {Comparison::Less, "lt", {"<", "lt", "lessthan"}},
                                        {Comparison::LessEqual, "le", {"<=", "le"}}})
    for (auto const* name : names) tests[name] = comparing(comparison, std::string(function));
  return tests;
}

Outcome<bool> apply_test(State& state, std::string_view name, Value const& value, std::span<Value const> arguments,
                         std::span<Named const> named) {
  Test const* test = state.environment().test(name);
  if (test == nullptr)
    return Failure(FailureType::TemplateRuntimeError, fmt::format("No test named {}.", repr(Value(name))));
  std::vector<Value> all = {value};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return (*test)(state, {all, named});
}

Outcome<Value> apply_filter(State& state, std::string_view name, Value const& value, std::span<Value const> arguments,
                            std::span<Named const> named) {
  Filter const* filter = state.environment().filter(name);
  if (filter == nullptr)
    return Failure(FailureType::TemplateRuntimeError, fmt::format("No filter named {}.", repr(Value(name))));
  std::vector<Value> all = {value};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return (*filter)(state, {all, named});
}

}  // namespace weir::jinja
