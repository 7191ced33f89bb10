#pragma once
// Jinja2's own filters, tests and globals (Jinja2 docs: "List of Builtin Filters", "... Tests", "List of Global
// Functions").

#include "jinja/environment.h"

namespace weir::jinja {

using Filters = std::map<std::string, Filter, std::less<>>;
using Tests = std::map<std::string, Test, std::less<>>;
using Globals = std::map<std::string, Value, std::less<>>;

Filters builtin_filters();
Tests builtin_tests();
Globals builtin_globals();

// The parts of the filters.
void add_text_filters(Filters& filters);
void add_sequence_filters(Filters& filters);
void add_number_filters(Filters& filters);
void add_html_filters(Filters& filters);

// `name` is a test or filter of the environment, applied to `value` with these arguments behind it.
Outcome<bool> apply_test(State& state, std::string_view name, Value const& value, std::span<Value const> arguments,
                         std::span<Named const> named);
Outcome<Value> apply_filter(State& state, std::string_view name, Value const& value, std::span<Value const> arguments,
                            std::span<Named const> named);

}  // namespace weir::jinja
