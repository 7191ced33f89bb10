// The methods of list, tuple, dict, set, int and float (Python docs: "Built-in Types").

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/attributes.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/sorting.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;
using Items = std::vector<Value>;

#define METHOD(name) \
  Made name([[maybe_unused]] State& state, [[maybe_unused]] Value const& self, Arguments const& arguments)

// The arguments of a method that takes exactly `count` of them.
Outcome<std::span<Value const>> exactly(Arguments const& arguments, std::string_view function, std::size_t count) {
  if (!arguments.named.empty()) return type_error(fmt::format("{}() takes no keyword arguments", function));
  if (arguments.positional.size() == count) return arguments.positional;
  if (count == 0)
    return type_error(fmt::format("{}() takes no arguments ({} given)", function, arguments.positional.size()));
  if (count == 1)
    return type_error(fmt::format("{}() takes exactly one argument ({} given)", function, arguments.positional.size()));
  return type_error(fmt::format("{} expected {} arguments, got {}", function, count, arguments.positional.size()));
}

// ---------------------------------------------------------------------------------------------------------------- list

METHOD(list_append) {
  JINJA_TRY(auto const given, exactly(arguments, "list.append", 1));
  self.list().items.push_back(given[0]);
  return Value();
}
METHOD(list_clear) {
  JINJA_DO(exactly(arguments, "list.clear", 0));
  auto const items = std::move(self.list().items);
  self.list().items.clear();
  return Value();
}
METHOD(list_copy) {
  JINJA_DO(exactly(arguments, "list.copy", 0));
  return list_of(self.list().items);
}
METHOD(list_extend) {
  JINJA_TRY(auto const given, exactly(arguments, "list.extend", 1));
  JINJA_TRY(auto const more, items_of(state, given[0]));
  auto& items = self.list().items;
  items.insert(items.end(), more.begin(), more.end());
  return Value();
}
METHOD(list_insert) {
  JINJA_TRY(auto const given, exactly(arguments, "insert", 2));
  if (!is_index(given[0]))
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(given[0])));
  auto& items = self.list().items;
  auto const size = static_cast<std::int64_t>(items.size());
  std::int64_t at = given[0].kind() == Kind::BigInt ? size : given[0].integer();
  if (at < 0) at = std::max<std::int64_t>(0, at + size);
  items.insert(items.begin() + std::min(at, size), given[1]);
  return Value();
}
METHOD(list_pop) {
  JINJA_TRY(auto const bound, arguments.bind("pop", {"index"}, 0));
  auto& items = self.list().items;
  if (!bound[0].is_missing() && !is_index(bound[0]))
    return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(bound[0])));
  if (items.empty()) return Failure(FailureType::IndexError, "pop from empty list");
  auto const at = place_of_index(bound[0].is_missing() ? Value(-1) : bound[0], items.size());
  if (!at) return Failure(FailureType::IndexError, "pop index out of range");
  Value item = std::move(items[*at]);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(*at));
  return item;
}
METHOD(list_remove) {
  JINJA_TRY(auto const given, exactly(arguments, "list.remove", 1));
  auto& items = self.list().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_same(given[0]) && !equals(items[i], given[0])) continue;
    Value const removed = items[i];
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
    return Value();
  }
  return value_error("list.remove(x): x not in list");
}
METHOD(list_reverse) {
  JINJA_DO(exactly(arguments, "list.reverse", 0));
  std::reverse(self.list().items.begin(), self.list().items.end());
  return Value();
}
METHOD(list_sort) {
  if (!arguments.positional.empty()) return type_error("sort() takes no positional arguments");
  Value const* key = arguments.find("key");
  Value const* reverse = arguments.find("reverse");
  Items items = self.list().items;
  SortKey by = [](Value const& item) -> Made { return item; };
  if (key != nullptr && !key->is_none())
    by = [&, callee = *key](Value const& item) -> Made { return call_value(state, callee, {{&item, 1}, {}}); };
  JINJA_TRY(self.list().items, sorted(state, std::move(items), by, reverse != nullptr && truth(*reverse)));
  return Value();
}

Items const& items_in(Value const& self) {
  return self.is_list() ? self.list().items : self.tuple().items;
}

METHOD(sequence_count) {
  JINJA_TRY(auto const given, exactly(arguments, "count", 1));
  std::int64_t count = 0;
  for (auto const& item : items_in(self)) count += item.is_same(given[0]) || equals(item, given[0]) ? 1 : 0;
  return count;
}
METHOD(sequence_index) {
  JINJA_TRY(auto const bound, arguments.bind("index", {"value", "start", "stop"}, 1));
  JINJA_TRY(auto const range, slice_range(bound[1].is_missing() ? Value() : bound[1],
                                          bound[2].is_missing() ? Value() : bound[2], Value(), items_in(self).size()));
  for (std::size_t i = 0; i < range.count; ++i) {
    auto const at = static_cast<std::size_t>(range.start) + i;
    Value const& item = items_in(self)[at];
    if (item.is_same(bound[0]) || equals(item, bound[0])) return static_cast<std::int64_t>(at);
  }
  if (self.is_list()) return value_error(repr(bound[0]) + " is not in list");
  return value_error("tuple.index(x): x not in tuple");
}

// ---------------------------------------------------------------------------------------------------------------- dict

METHOD(dict_clear) {
  JINJA_DO(exactly(arguments, "dict.clear", 0));
  self.dict().clear();
  return Value();
}
METHOD(dict_copy) {
  JINJA_DO(exactly(arguments, "dict.copy", 0));
  auto copy = make<Dict>();
  for (auto const& entry : self.dict()) copy->set(entry.key, entry.hash, entry.value);
  return Value(copy);
}
METHOD(dict_get) {
  if (!arguments.named.empty()) return type_error("dict.get() takes no keyword arguments");
  auto const given = arguments.positional;
  if (given.empty()) return type_error("get expected at least 1 argument, got 0");
  if (given.size() > 2) return type_error(fmt::format("get expected at most 2 arguments, got {}", given.size()));
  JINJA_TRY(auto const hashed, hash(given[0]));
  Value const* found = self.dict().find(given[0], hashed);
  if (found != nullptr) return *found;
  return given.size() > 1 ? given[1] : Value();
}
METHOD(dict_items) {
  JINJA_DO(exactly(arguments, "dict.items", 0));
  return view_of(Ref<Dict>(&self.dict()), View::Items);
}
METHOD(dict_keys) {
  JINJA_DO(exactly(arguments, "dict.keys", 0));
  return view_of(Ref<Dict>(&self.dict()), View::Keys);
}
METHOD(dict_values) {
  JINJA_DO(exactly(arguments, "dict.values", 0));
  return view_of(Ref<Dict>(&self.dict()), View::Values);
}
METHOD(dict_pop) {
  if (!arguments.named.empty()) return type_error("dict.pop() takes no keyword arguments");
  auto const given = arguments.positional;
  if (given.empty()) return type_error("pop expected at least 1 argument, got 0");
  if (given.size() > 2) return type_error(fmt::format("pop expected at most 2 arguments, got {}", given.size()));
  JINJA_TRY(auto const hashed, hash(given[0]));
  if (auto found = self.dict().take(given[0], hashed)) return std::move(*found);
  if (given.size() > 1) return given[1];
  return Failure(FailureType::KeyError, repr(given[0]));
}
METHOD(dict_popitem) {
  JINJA_DO(exactly(arguments, "dict.popitem", 0));
  Dict::Entry const* last = nullptr;
  for (auto const& entry : self.dict()) last = &entry;
  if (last == nullptr) return Failure(FailureType::KeyError, "'popitem(): dictionary is empty'");
  Value const key = last->key;
  auto value = self.dict().take(key, last->hash);
  return tuple_of({key, std::move(*value)});
}
METHOD(dict_setdefault) {
  JINJA_TRY(auto const bound, arguments.bind("setdefault", {"key", "default"}, 1));
  JINJA_TRY(auto const hashed, hash(bound[0]));
  if (Value const* found = self.dict().find(bound[0], hashed)) return *found;
  Value const value = bound[1].is_missing() ? Value() : bound[1];
  self.dict().set(bound[0], hashed, value);
  return value;
}
METHOD(dict_update) {
  if (arguments.positional.size() > 1)
    return type_error(fmt::format("update expected at most 1 argument, got {}", arguments.positional.size()));
  if (!arguments.positional.empty()) {
    JINJA_DO(merge_into(state, self.dict(), arguments.positional[0]));
  }
  for (auto const& named : arguments.named) self.dict().set(named.name.string(), named.value);
  return Value();
}
METHOD(dict_fromkeys) {
  JINJA_TRY(auto const bound, arguments.bind("fromkeys", {"iterable", "value"}, 1));
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  auto out = make<Dict>();
  for (auto const& item : items) {
    JINJA_DO(out->set(item, bound[1].is_missing() ? Value() : bound[1]));
  }
  return Value(out);
}

// ----------------------------------------------------------------------------------------------------------------- set

Outcome<Ref<Set>> set_from(State& state, Value const& items) {
  auto out = make<Set>();
  JINJA_TRY(auto const cursor, iterate(state, items));
  while (true) {
    JINJA_TRY(auto item, cursor->next(state));
    if (item.is_missing()) return out;
    JINJA_DO(out->add(std::move(item)));
    JINJA_DO(state.spend(1));
  }
}
Ref<Set> copy_of(Set const& set) {
  auto out = make<Set>();
  for (auto const& entry : set.items) out->items.set(entry.key, entry.hash, Value());
  return out;
}

METHOD(set_add) {
  JINJA_TRY(auto const given, exactly(arguments, "set.add", 1));
  JINJA_DO(self.set().add(given[0]));
  return Value();
}
METHOD(set_clear) {
  JINJA_DO(exactly(arguments, "set.clear", 0));
  self.set().items.clear();
  return Value();
}
METHOD(set_copy) {
  JINJA_DO(exactly(arguments, "set.copy", 0));
  return Value(copy_of(self.set()));
}
METHOD(set_discard) {
  JINJA_TRY(auto const given, exactly(arguments, "set.discard", 1));
  JINJA_TRY(auto const hashed, hash(given[0]));
  self.set().items.take(given[0], hashed);
  return Value();
}
METHOD(set_remove) {
  JINJA_TRY(auto const given, exactly(arguments, "set.remove", 1));
  JINJA_TRY(auto const hashed, hash(given[0]));
  if (!self.set().items.take(given[0], hashed)) return Failure(FailureType::KeyError, repr(given[0]));
  return Value();
}
METHOD(set_pop) {
  JINJA_DO(exactly(arguments, "set.pop", 0));
  auto const first = self.set().items.begin();
  if (first == self.set().items.end()) return Failure(FailureType::KeyError, "'pop from an empty set'");
  Value const item = first->key;
  self.set().items.take(item, first->hash);
  return item;
}
METHOD(set_union) {
  auto out = copy_of(self.set());
  for (auto const& other : arguments.positional) {
    JINJA_TRY(auto const more, set_from(state, other));
    for (auto const& entry : more->items) out->items.set(entry.key, entry.hash, Value());
  }
  return Value(out);
}
METHOD(set_update) {
  for (auto const& other : arguments.positional) {
    JINJA_TRY(auto const more, set_from(state, other));
    for (auto const& entry : more->items) self.set().items.set(entry.key, entry.hash, Value());
  }
  return Value();
}
// The items for which being in all (any) of the others is `wanted`.
Made filtered_set(State& state, Value const& self, Arguments const& arguments, bool wanted) {
  auto out = copy_of(self.set());
  for (auto const& other : arguments.positional) {
    JINJA_TRY(auto const more, set_from(state, other));
    auto next = make<Set>();
    for (auto const& entry : out->items)
      if (more->contains(entry.key, entry.hash) == wanted) next->items.set(entry.key, entry.hash, Value());
    out = next;
  }
  return Value(out);
}
METHOD(set_intersection) {
  return filtered_set(state, self, arguments, true);
}
METHOD(set_difference) {
  return filtered_set(state, self, arguments, false);
}
METHOD(set_symmetric_difference) {
  JINJA_TRY(auto const given, exactly(arguments, "set.symmetric_difference", 1));
  JINJA_TRY(auto const other, set_from(state, given[0]));
  auto out = make<Set>();
  for (auto const& entry : self.set().items)
    if (!other->contains(entry.key, entry.hash)) out->items.set(entry.key, entry.hash, Value());
  for (auto const& entry : other->items)
    if (!self.set().contains(entry.key, entry.hash)) out->items.set(entry.key, entry.hash, Value());
  return Value(out);
}
METHOD(set_isdisjoint) {
  JINJA_TRY(auto const given, exactly(arguments, "set.isdisjoint", 1));
  JINJA_TRY(auto const other, set_from(state, given[0]));
  for (auto const& entry : self.set().items)
    if (other->contains(entry.key, entry.hash)) return false;
  return true;
}
METHOD(set_issubset) {
  JINJA_TRY(auto const given, exactly(arguments, "set.issubset", 1));
  JINJA_TRY(auto const other, set_from(state, given[0]));
  for (auto const& entry : self.set().items)
    if (!other->contains(entry.key, entry.hash)) return false;
  return true;
}
METHOD(set_issuperset) {
  JINJA_TRY(auto const given, exactly(arguments, "set.issuperset", 1));
  JINJA_TRY(auto const other, set_from(state, given[0]));
  for (auto const& entry : other->items)
    if (!self.set().contains(entry.key, entry.hash)) return false;
  return true;
}

// ------------------------------------------------------------------------------------------------------------- numbers

METHOD(integer_bit_length) {
  JINJA_DO(exactly(arguments, "int.bit_length", 0));
  mpz_class const number = abs(big_of(self));
  return number == 0 ? 0 : static_cast<std::int64_t>(mpz_sizeinbase(number.get_mpz_t(), 2));
}
METHOD(integer_bit_count) {
  JINJA_DO(exactly(arguments, "int.bit_count", 0));
  return static_cast<std::int64_t>(mpz_popcount(mpz_class(abs(big_of(self))).get_mpz_t()));
}
METHOD(integer_ratio) {
  JINJA_DO(exactly(arguments, "int.as_integer_ratio", 0));
  return tuple_of({self.is_bool() ? Value(self.integer()) : self, Value(1)});
}
METHOD(integer_conjugate) {
  JINJA_DO(exactly(arguments, "int.conjugate", 0));
  return self.is_bool() ? Value(self.integer()) : self;
}
METHOD(float_is_integer) {
  JINJA_DO(exactly(arguments, "float.is_integer", 0));
  return std::isfinite(self.number()) && self.number() == std::trunc(self.number());
}
METHOD(float_ratio) {
  JINJA_DO(exactly(arguments, "float.as_integer_ratio", 0));
  if (std::isnan(self.number())) return value_error("cannot convert NaN to integer ratio");
  if (std::isinf(self.number())) return Failure(FailureType::OverflowError, "cannot convert Infinity to integer ratio");
  mpq_class const ratio(self.number());
  return tuple_of({integer_of(ratio.get_num()), integer_of(ratio.get_den())});
}
METHOD(float_conjugate) {
  JINJA_DO(exactly(arguments, "float.conjugate", 0));
  return self;
}
METHOD(float_hex) {
  JINJA_DO(exactly(arguments, "float.hex", 0));
  double const number = self.number();
  if (!std::isfinite(number)) return Value(float_repr(number));
  if (number == 0) return Value(std::signbit(number) ? "-0x0.0p+0" : "0x0.0p+0");
  int exponent = 0;
  double const fraction = std::frexp(std::abs(number), &exponent);
  auto const bits = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  return Value(fmt::format("{}0x1.{:013x}p{:+}", number < 0 ? "-" : "", bits & 0xFFFFFFFFFFFFFULL, exponent - 1));
}
#undef METHOD

}  // namespace

Outcome<Done> merge_into(State& state, Dict& dict, Value const& other) {
  if (other.is_dict()) {
    if (&other.dict() == &dict) return Done{};
    for (auto const& entry : other.dict()) dict.set(entry.key, entry.hash, entry.value);
    return Done{};
  }
  if (other.is_object() && other.object().is_mapping()) {
    JINJA_TRY(auto const keys, items_of(state, other));
    for (auto const& key : keys) {
      JINJA_TRY(auto value, index(state, other, key));
      JINJA_DO(dict.set(key, std::move(value)));
    }
    return Done{};
  }
  JINJA_TRY(auto const cursor, iterate(state, other));
  for (std::size_t i = 0;; ++i) {
    JINJA_TRY(auto const item, cursor->next(state));
    if (item.is_missing()) return Done{};
    if (!is_iterable(item))
      return type_error(fmt::format("cannot convert dictionary update sequence element #{} to a sequence", i));
    JINJA_TRY(auto const pair, items_of(state, item));
    if (pair.size() != 2)
      return value_error(
          fmt::format("dictionary update sequence element #{} has length {}; 2 is required", i, pair.size()));
    JINJA_DO(dict.set(pair[0], pair[1]));
  }
}

std::span<MethodEntry const> list_methods() {
  static MethodEntry const entries[] = {
      {"append", list_append}, {"clear", list_clear},     {"copy", list_copy},     {"count", sequence_count},
      {"extend", list_extend}, {"index", sequence_index}, {"insert", list_insert}, {"pop", list_pop},
      {"remove", list_remove}, {"reverse", list_reverse}, {"sort", list_sort},
  };
  return entries;
}
std::span<MethodEntry const> tuple_methods() {
  static MethodEntry const entries[] = {{"count", sequence_count}, {"index", sequence_index}};
  return entries;
}
std::span<MethodEntry const> dict_methods() {
  static MethodEntry const entries[] = {
      {"clear", dict_clear},           {"copy", dict_copy},     {"fromkeys", dict_fromkeys}, {"get", dict_get},
      {"items", dict_items},           {"keys", dict_keys},     {"pop", dict_pop},           {"popitem", dict_popitem},
      {"setdefault", dict_setdefault}, {"update", dict_update}, {"values", dict_values},
  };
  return entries;
}
std::span<MethodEntry const> set_methods() {
  static MethodEntry const entries[] = {
      {"add", set_add},
      {"clear", set_clear},
      {"copy", set_copy},
      {"difference", set_difference},
      {"discard", set_discard},
      {"intersection", set_intersection},
      {"isdisjoint", set_isdisjoint},
      {"issubset", set_issubset},
      {"issuperset", set_issuperset},
      {"pop", set_pop},
      {"remove", set_remove},
      {"symmetric_difference", set_symmetric_difference},
      {"union", set_union},
      {"update", set_update},
  };
  return entries;
}
std::span<MethodEntry const> integer_methods() {
  static MethodEntry const entries[] = {
      {"bit_length", integer_bit_length},
      {"bit_count", integer_bit_count},
      {"as_integer_ratio", integer_ratio},
      {"conjugate", integer_conjugate},
  };
  return entries;
}
std::span<MethodEntry const> float_methods() {
  static MethodEntry const entries[] = {
      {"is_integer", float_is_integer},
      {"as_integer_ratio", float_ratio},
      {"conjugate", float_conjugate},
      {"hex", float_hex},
  };
  return entries;
}

}  // namespace weir::jinja
