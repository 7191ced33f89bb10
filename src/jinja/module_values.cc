#include "jinja/decimal.h"
#include "jinja/iterate.h"
#include "jinja/modules.h"
#include "jinja/numbers.h"

namespace weir::jinja {

std::optional<Value> integer_from_text(std::string_view text) {
  return parse_integer(text);
}
std::optional<double> float_from_text(std::string_view text) {
  return parse_float(text);
}
std::optional<Value> decimal_from_text(std::string_view text) {
  return parse_decimal(text);
}

Value zip_function() {
  return function("zip", [](State& state, Arguments const& arguments) -> Outcome<Value> {
    std::vector<std::unique_ptr<Cursor>> cursors;
    for (auto const& argument : arguments.positional) {
      JINJA_TRY(auto cursor, iterate(state, argument));
      cursors.push_back(std::move(cursor));
    }
    std::vector<Value> rows;
    while (!cursors.empty()) {
      std::vector<Value> row;
      for (auto const& cursor : cursors) {
        JINJA_TRY(auto item, cursor->next(state));
        if (item.is_missing()) return list_of(std::move(rows));
        row.push_back(std::move(item));
      }
      JINJA_DO(state.spend(1));
      rows.push_back(tuple_of(std::move(row)));
    }
    return list_of(std::move(rows));
  });
}

Value set_function() {
  return function("set", [](State& state, Arguments const& arguments) -> Outcome<Value> {
    JINJA_TRY(auto const bound, arguments.bind("set", {"iterable"}, 0));
    auto made = make<Set>();
    if (bound[0].is_missing()) return Value(made);
    JINJA_TRY(auto items, items_of(state, bound[0]));
    for (auto& item : items) {
      JINJA_DO(made->add(std::move(item)));
    }
    return Value(made);
  });
}

Value standard_modules() {
  return dict_of({{"datetime", datetime_module()},
                  {"pytz", pytz_module()},
                  {"re", re_module()},
                  {"itertools", itertools_module()}});
}

}  // namespace weir::jinja
