#pragma once
// Iteration over values, and the objects that are made for it.

#include "jinja/environment.h"

namespace weir::jinja {

// TypeError where the value is no iterable.
Outcome<std::unique_ptr<Cursor>> iterate(State& state, Value const& value);
// All items, within the render's limits.
Outcome<std::vector<Value>> items_of(State& state, Value const& value);
// len(); nothing where Python has none.
std::optional<std::size_t> length_of(Value const& value);
bool is_iterable(Value const& value);
// reversed(): TypeError where the value has no order that can be turned round.
Outcome<std::vector<Value>> reversed_items(State& state, Value const& value);

// An iterator that hands out what a cursor gives, once. `name` is what its repr says: "generator object sync_do_map".
Value iterator_of(std::string type, std::string name, std::unique_ptr<Cursor> cursor);
// A cursor that computes the next item; Missing at the end.
std::unique_ptr<Cursor> cursor_of(std::function<Outcome<Value>(State&)> next);

// dict.keys(), .values(), .items(): they see later changes.
enum class View { Keys, Values, Items };
Value view_of(Ref<Dict> dict, View view);

class Range final : public Object {
 public:
  Range(std::int64_t from, std::int64_t to, std::int64_t by) : start(from), stop(to), step(by) {}
  std::size_t size() const;
  std::int64_t const start, stop, step;

  std::string type_name() const override { return "range"; }
  bool is_iterable() const override { return true; }
  bool is_sequence() const override { return true; }
  Outcome<std::unique_ptr<Cursor>> iterate(State& state) override;
  std::optional<std::size_t> length() const override { return size(); }
  Outcome<bool> contains(State& state, Value const& item) override;
  Outcome<Value> item(State& state, Value const& key) override;
  bool equals(Value const& other) const override;
  Outcome<std::uint64_t> hash() const override;
  std::string repr() const override;
};

}  // namespace weir::jinja
