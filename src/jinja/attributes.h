#pragma once
// What hangs on a value: x.name and x[key] by Jinja2's rules and its sandbox's, and the methods of Python's own types.

#include "jinja/environment.h"

namespace weir::jinja {

Outcome<Value> get_attribute(State& state, Value const& object, Value const& name);
Outcome<Value> get_item(State& state, Value const& object, Value const& key);
// object[key] alone, as a Python expression has it: KeyError, IndexError, TypeError. Missing in `found` where there is
// none.
Outcome<Value> index(State& state, Value const& object, Value const& key);

using Method = Outcome<Value> (*)(State& state, Value const& self, Arguments const& arguments);
struct MethodEntry {
  std::string_view name;
  Method method;
};
// The method of a value of one of Python's own types, or null.
Method find_method(Value const& self, std::string_view name);
// An attribute that is no method: `year`, `real`; Missing where there is none.
Value find_member(Value const& self, std::string_view name);
Value bound_method(Value self, std::string_view name, Method method);

// x.name(...)
Outcome<Value> call_method(State& state, Value const& object, Value const& name, Arguments const& arguments);
Outcome<Value> call_value(State& state, Value const& callee, Arguments const& arguments);

// An undefined for an attribute or item that `object` lacks.
Value undefined_attribute(State& state, Value const& object, Value const& name);

// One table a type, each where its methods are written.
std::span<MethodEntry const> text_methods();
std::span<MethodEntry const> bytes_methods();
std::span<MethodEntry const> list_methods();
std::span<MethodEntry const> tuple_methods();
std::span<MethodEntry const> dict_methods();
std::span<MethodEntry const> set_methods();
std::span<MethodEntry const> integer_methods();
std::span<MethodEntry const> float_methods();
Value time_member(Value const& self, std::string_view name);

}  // namespace weir::jinja
