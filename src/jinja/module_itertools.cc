// The module `itertools` (Python docs: "itertools"): what dbt hands to templates of it. What Python computes one by one
// out of finite iterables is computed at once here; count, cycle and repeat have no end and give one item at a time.
#include <algorithm>

#include <fmt/format.h>

#include "jinja/iterate.h"
#include "jinja/modules.h"
#include "jinja/operators.h"
#include "jinja/tree.h"

namespace weir::jinja {
namespace {

using Items = std::vector<Value>;

Value iterator_over(std::string_view name, Items items) {
  auto cursor = cursor_of([items = std::move(items), at = std::size_t{0}](State&) mutable -> Outcome<Value> {
    return at == items.size() ? Value::missing() : items[at++];
  });
  std::string const type = fmt::format("itertools.{}", name);
  return iterator_of(type, type + " object", std::move(cursor));
}

Value endless(std::string_view name, std::function<Outcome<Value>(State&)> next) {
  std::string const type = fmt::format("itertools.{}", name);
  return iterator_of(type, type + " object", cursor_of(std::move(next)));
}

Outcome<std::vector<Items>> all_items(State& state, std::span<Value const> iterables) {
  std::vector<Items> pools;
  for (auto const& one : iterables) {
    JINJA_TRY(auto items, items_of(state, one));
    pools.push_back(std::move(items));
  }
  return pools;
}

Outcome<std::int64_t> number_of(Value const& value, std::string_view name) {
  if (value.is_int()) return value.integer();
  return type_error(fmt::format("{}() takes a whole number, not {}", name, repr(value)));
}

// Every way to take an index below `size` for each of `length` places, in order, that `is_wanted` lets through.
template <typename Wanted>
Outcome<Items> choices(State& state, Items const& pool, std::size_t length, Wanted is_wanted) {
  Items out;
  std::vector<std::size_t> places(length, 0);
  if (length > 0 && pool.empty()) return out;
  for (;;) {
    JINJA_DO(state.spend(1));
    if (is_wanted(places)) {
      Items chosen;
      for (auto const place : places) chosen.push_back(pool[place]);
      out.push_back(tuple_of(std::move(chosen)));
    }
    std::size_t at = length;
    while (at > 0 && ++places[at - 1] == pool.size()) places[--at] = 0;
    if (at == 0) return out;
  }
}

bool all_differ(std::vector<std::size_t> const& places) {
  for (std::size_t i = 0; i < places.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (places[i] == places[j]) return false;
  return true;
}
bool is_rising(std::vector<std::size_t> const& places) {
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i] <= places[i - 1]) return false;
  return true;
}
bool never_falls(std::vector<std::size_t> const& places) {
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i] < places[i - 1]) return false;
  return true;
}

template <typename Wanted>
Value chooser(std::string_view name, bool length_is_needed, Wanted is_wanted) {
  return function(std::string(name),
                  [name, length_is_needed, is_wanted](State& state, Arguments const& arguments) -> Outcome<Value> {
                    JINJA_TRY(auto bound, arguments.bind(name, {"iterable", "r"}, length_is_needed ? 2 : 1));
                    JINJA_TRY(auto const pool, items_of(state, bound[0]));
                    auto length = static_cast<std::int64_t>(pool.size());
                    if (!bound[1].is_missing() && !bound[1].is_none()) {
                      JINJA_TRY(length, number_of(bound[1], name));
                    }
                    if (length < 0) return value_error("r must be non-negative");
                    JINJA_TRY(auto items, choices(state, pool, static_cast<std::size_t>(length), is_wanted));
                    return iterator_over(name, std::move(items));
                  });
}

Outcome<Value> chained(State& state, std::span<Value const> iterables) {
  JINJA_TRY(auto pools, all_items(state, iterables));
  Items out;
  for (auto& pool : pools) out.insert(out.end(), pool.begin(), pool.end());
  return iterator_over("chain", std::move(out));
}

class Chain final : public Object {
 public:
  std::string type_name() const override { return "type"; }
  bool is_callable() const override { return true; }
  Outcome<Value> call(State& state, Arguments const& arguments) override {
    return chained(state, arguments.positional);
  }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name != "from_iterable") return Value::missing();
    return function("from_iterable", [](State& state, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("from_iterable", {"iterable"}, 1));
      JINJA_TRY(auto const iterables, items_of(state, bound[0]));
      return chained(state, iterables);
    });
  }
};

Outcome<Value> product(State& state, Arguments const& arguments) {
  JINJA_TRY(auto const pools, all_items(state, arguments.positional));
  std::int64_t times = 1;
  if (auto const* said = arguments.find("repeat")) {
    JINJA_TRY(times, number_of(*said, "product"));
  }
  std::vector<Items> rows{{}};
  for (std::int64_t i = 0; i < times; ++i)
    for (auto const& pool : pools) {
      std::vector<Items> longer;
      for (auto const& row : rows)
        for (auto const& item : pool) {
          JINJA_DO(state.spend(1));
          longer.push_back(row);
          longer.back().push_back(item);
        }
      rows = std::move(longer);
    }
  Items out;
  for (auto& row : rows) out.push_back(tuple_of(std::move(row)));
  return iterator_over("product", std::move(out));
}

Outcome<Value> zip_longest(State& state, Arguments const& arguments) {
  JINJA_TRY(auto const pools, all_items(state, arguments.positional));
  auto const* fill = arguments.find("fillvalue");
  std::size_t longest = 0;
  for (auto const& pool : pools) longest = std::max(longest, pool.size());
  Items out;
  for (std::size_t i = 0; i < longest; ++i) {
    Items row;
    for (auto const& pool : pools) row.push_back(i < pool.size() ? pool[i] : fill == nullptr ? Value() : *fill);
    out.push_back(tuple_of(std::move(row)));
  }
  return iterator_over("zip_longest", std::move(out));
}

// islice(iterable, stop), islice(iterable, start, stop, step): of what has no end, too.
Outcome<Value> islice(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("islice", {"iterable", "start", "stop", "step"}, 2));
  bool const only_stop = bound[2].is_missing();
  auto const& stop_value = only_stop ? bound[1] : bound[2];
  std::int64_t start = 0, step = 1;
  std::optional<std::int64_t> stop;
  if (!only_stop && !bound[1].is_none()) {
    JINJA_TRY(start, number_of(bound[1], "islice"));
  }
  if (!stop_value.is_none()) {
    JINJA_TRY(stop, number_of(stop_value, "islice"));
  }
  if (!bound[3].is_missing() && !bound[3].is_none()) {
    JINJA_TRY(step, number_of(bound[3], "islice"));
  }
  if (start < 0 || step < 1 || stop.value_or(0) < 0)
    return value_error("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  JINJA_TRY(auto cursor, iterate(state, bound[0]));
  Items out;
  for (std::int64_t i = 0; !stop || i < *stop; ++i) {
    JINJA_DO(state.spend(1));
    JINJA_TRY(auto item, cursor->next(state));
    if (item.is_missing()) break;
    if (i >= start && (i - start) % step == 0) out.push_back(std::move(item));
  }
  return iterator_over("islice", std::move(out));
}

Outcome<Value> accumulate(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("accumulate", {"iterable", "func", "initial"}, 1));
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  Items out;
  if (!bound[2].is_missing() && !bound[2].is_none()) out.push_back(bound[2]);
  for (auto const& item : items) {
    if (out.empty()) {
      out.push_back(item);
      continue;
    }
    if (bound[1].is_missing() || bound[1].is_none()) {
      JINJA_TRY(auto sum, binary(state, Operator::Add, out.back(), item));
      out.push_back(std::move(sum));
    } else {
      Value const both[] = {out.back(), item};
      JINJA_TRY(auto next, state.call(bound[1], {both, {}}));
      out.push_back(std::move(next));
    }
  }
  return iterator_over("accumulate", std::move(out));
}

Outcome<Value> compress(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("compress", {"data", "selectors"}, 2));
  JINJA_TRY(auto const data, items_of(state, bound[0]));
  JINJA_TRY(auto const selectors, items_of(state, bound[1]));
  Items out;
  for (std::size_t i = 0; i < std::min(data.size(), selectors.size()); ++i)
    if (truth(selectors[i])) out.push_back(data[i]);
  return iterator_over("compress", std::move(out));
}

Outcome<Value> starmap(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("starmap", {"function", "iterable"}, 2));
  JINJA_TRY(auto const rows, items_of(state, bound[1]));
  Items out;
  for (auto const& row : rows) {
    JINJA_TRY(auto const words, items_of(state, row));
    JINJA_TRY(auto result, state.call(bound[0], {words, {}}));
    out.push_back(std::move(result));
  }
  return iterator_over("starmap", std::move(out));
}

Outcome<Value> tee(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("tee", {"iterable", "n"}, 1));
  std::int64_t count = 2;
  if (!bound[1].is_missing()) {
    JINJA_TRY(count, number_of(bound[1], "tee"));
  }
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  Items out;
  for (std::int64_t i = 0; i < count; ++i) {
    JINJA_DO(state.spend(items.size() + 1));
    out.push_back(iterator_over("_tee", items));
  }
  return tuple_of(std::move(out));
}

Outcome<Value> count(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("count", {"start", "step"}, 0));
  Value const step = bound[1].is_missing() ? Value(1) : bound[1];
  return endless("count",
                 [next = bound[0].is_missing() ? Value(0) : bound[0], step](State& state) mutable -> Outcome<Value> {
                   Value now = next;
                   JINJA_TRY(next, binary(state, Operator::Add, now, step));
                   return now;
                 });
}

Outcome<Value> cycle(State& state, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("cycle", {"iterable"}, 1));
  JINJA_TRY(auto items, items_of(state, bound[0]));
  return endless("cycle", [items = std::move(items), at = std::size_t{0}](State&) mutable -> Outcome<Value> {
    if (items.empty()) return Value::missing();
    Value const item = items[at];
    at = (at + 1) % items.size();
    return item;
  });
}

Outcome<Value> repeat(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("repeat", {"object", "times"}, 1));
  std::optional<std::int64_t> left;
  if (!bound[1].is_missing()) {
    JINJA_TRY(left, number_of(bound[1], "repeat"));
  }
  return endless("repeat", [item = bound[0], left](State&) mutable -> Outcome<Value> {
    if (left && (*left)-- <= 0) return Value::missing();
    return item;
  });
}

}  // namespace

Value itertools_module() {
  return make_module("itertools",
                     {{"chain", Value(make<Chain>())},
                      {"product", function("product", product)},
                      {"permutations", chooser("permutations", false, all_differ)},
                      {"combinations", chooser("combinations", true, is_rising)},
                      {"combinations_with_replacement", chooser("combinations_with_replacement", true, never_falls)},
                      {"zip_longest", function("zip_longest", zip_longest)},
                      {"islice", function("islice", islice)},
                      {"accumulate", function("accumulate", accumulate)},
                      {"compress", function("compress", compress)},
                      {"starmap", function("starmap", starmap)},
                      {"tee", function("tee", tee)},
                      {"count", function("count", count)},
                      {"cycle", function("cycle", cycle)},
                      {"repeat", function("repeat", repeat)}});
}

}  // namespace weir::jinja
