#pragma once
// sorted(), and what filters look up in items: an attribute path such as `config.tags.0`.

#include "jinja/environment.h"

namespace weir::jinja {

using SortKey = std::function<Outcome<Value>(Value const&)>;
// Stable; TypeError where two keys cannot be ordered.
Outcome<std::vector<Value>> sorted(State& state, std::vector<Value> items, SortKey const& key, bool reverse);

// `a.b.0` as a function of an item; None gives the item itself. With `fallback` (not Missing) for what is undefined on
// the way.
SortKey attribute_getter(State& state, Value const& attribute, Value fallback = Value::missing());
// Lower case for a text, everything else as it is.
Value ignoring_case(Value const& value);

// What value.items() gives; AttributeError where it has no such method.
Outcome<std::vector<Value>> pairs_of(State& state, Value const& value);

// dict.update(other): a mapping, or pairs.
Outcome<Done> merge_into(State& state, Dict& dict, Value const& other);

}  // namespace weir::jinja
