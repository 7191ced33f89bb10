// Filters on sequences (Jinja2 docs: "List of Builtin Filters").

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "jinja/attributes.h"
#include "jinja/builtins.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/sorting.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;
using Items = std::vector<Value>;

#define FILTER(name) Made name([[maybe_unused]] State& state, Arguments const& arguments)

Value or_(Value const& value, Value otherwise) {
  return value.is_missing() ? std::move(otherwise) : value;
}

// The filters that are generators in Jinja2: nothing happens before somebody iterates.
Value generator(std::string function, std::function<Made(State&)> next) {
  return iterator_of("generator", "generator object " + std::move(function), cursor_of(std::move(next)));
}

// A generator over the items of `value`, which is iterated from the first step on. `step` gives Missing for an item
// that is left out.
Value generator_over(std::string function, Value value, std::function<Made(State&, Value)> step) {
  std::shared_ptr<Cursor> cursor;
  return generator(std::move(function),
                   [value = std::move(value), step = std::move(step), cursor](State& state) mutable -> Made {
                     if (!cursor) {
                       JINJA_TRY(auto made, iterate(state, value));
                       cursor = std::move(made);
                     }
                     while (true) {
                       JINJA_TRY(auto item, cursor->next(state));
                       if (item.is_missing()) return item;
                       JINJA_DO(state.spend(1));
                       JINJA_TRY(auto result, step(state, std::move(item)));
                       if (!result.is_missing()) return result;
                     }
                   });
}

// Named arguments that are copied because a generator outlives the call.
struct Kept {
  Items positional;
  std::vector<Named> named;
  explicit Kept(Arguments const& arguments, std::size_t skip)
      : positional(
            arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(skip, arguments.positional.size())),
            arguments.positional.end()),
        named(arguments.named.begin(), arguments.named.end()) {}
  std::span<Value const> from(std::size_t at) const { return std::span<Value const>(positional).subspan(at); }
};

Outcome<Value> subject_of(Arguments const& arguments, std::string_view filter) {
  if (!arguments.positional.empty()) return arguments.positional[0];
  return type_error(fmt::format("{}() missing 1 required positional argument: 'value'", filter));
}

FILTER(map_) {
  JINJA_TRY(Value const value, subject_of(arguments, "map"));
  Kept kept(arguments, 1);
  if (!truth(value)) return generator("sync_do_map", [](State&) -> Made { return Value::missing(); });
  auto by = std::make_shared<SortKey>();
  return generator_over("sync_do_map", value, [kept, by](State& at, Value item) -> Made {
    if (kept.positional.empty() && !kept.named.empty() && Arguments{{}, kept.named}.find("attribute") != nullptr) {
      Arguments const given{{}, kept.named};
      for (auto const& named : kept.named)
        if (named.name.string() != "attribute" && named.name.string() != "default")
          return Failure(FailureType::FilterArgumentError, "Unexpected keyword argument " + repr(named.name));
      Value const* fallback = given.find("default");
      return attribute_getter(at, *given.find("attribute"), fallback != nullptr ? *fallback : Value::missing())(item);
    }
    if (kept.positional.empty()) return Failure(FailureType::FilterArgumentError, "map requires a filter argument");
    if (!kept.positional[0].is_string())
      return Failure(FailureType::TemplateRuntimeError, fmt::format("No filter named {}.", repr(kept.positional[0])));
    return apply_filter(at, kept.positional[0].string(), item, kept.from(1), kept.named);
  });
}

enum class By { Item, Attribute };
Made select_or_reject(Arguments const& arguments, std::string_view filter, By by, bool keep) {
  JINJA_TRY(Value const value, subject_of(arguments, filter));
  Kept kept(arguments, 1);
  if (!truth(value)) return generator("select_or_reject", [](State&) -> Made { return Value::missing(); });
  return generator_over("select_or_reject", value, [kept, by, keep](State& at, Value item) -> Made {
    std::size_t const skip = by == By::Attribute ? 1 : 0;
    if (kept.positional.size() < skip)
      return Failure(FailureType::FilterArgumentError, "Missing parameter for attribute name");
    Value subject = item;
    if (by == By::Attribute) {
      JINJA_TRY(subject, attribute_getter(at, kept.positional[0])(item));
    }
    bool passes = truth(subject);
    if (kept.positional.size() > skip) {
      Value const& test = kept.positional[skip];
      if (!test.is_string())
        return Failure(FailureType::TemplateRuntimeError, fmt::format("No test named {}.", repr(test)));
      JINJA_TRY(passes, apply_test(at, test.string(), subject, kept.from(skip + 1), kept.named));
    }
    return passes == keep ? item : Value::missing();
  });
}
FILTER(select) {
  return select_or_reject(arguments, "select", By::Item, true);
}
FILTER(reject) {
  return select_or_reject(arguments, "reject", By::Item, false);
}
FILTER(selectattr) {
  return select_or_reject(arguments, "selectattr", By::Attribute, true);
}
FILTER(rejectattr) {
  return select_or_reject(arguments, "rejectattr", By::Attribute, false);
}

FILTER(list) {
  JINJA_TRY(auto const bound, arguments.bind("sync_do_list", {"value"}, 1));
  JINJA_TRY(auto items, items_of(state, bound[0]));
  return list_of(std::move(items));
}

FILTER(first) {
  JINJA_TRY(auto const bound, arguments.bind("sync_do_first", {"seq"}, 1));
  JINJA_TRY(auto const cursor, iterate(state, bound[0]));
  JINJA_TRY(auto item, cursor->next(state));
  return item.is_missing() ? state.undefined_with_hint("No first item, sequence was empty.") : item;
}

FILTER(last) {
  JINJA_TRY(auto const bound, arguments.bind("do_last", {"seq"}, 1));
  JINJA_TRY(auto items, reversed_items(state, bound[0]));
  return items.empty() ? state.undefined_with_hint("No last item, sequence was empty.") : items.front();
}

FILTER(random_) {
  JINJA_TRY(auto const bound, arguments.bind("do_random", {"seq"}, 1));
  auto const length = length_of(bound[0]);
  if (!length) return type_error(fmt::format("object of type '{}' has no len()", type_name(bound[0])));
  if (*length == 0) return state.undefined_with_hint("No random item, sequence was empty.");
  thread_local std::mt19937_64 engine{std::random_device()()};
  return index(state, bound[0], static_cast<std::int64_t>(engine() % *length));
}

FILTER(length) {
  if (!arguments.named.empty()) return type_error("len() takes no keyword arguments");
  if (arguments.positional.size() != 1)
    return type_error(fmt::format("len() takes exactly one argument ({} given)", arguments.positional.size()));
  Value const& value = arguments.positional[0];
  if (value.kind() == Kind::Undefined && undefined_info(value).policy == UndefinedPolicy::Strict)
    return undefined_info(value).failure();
  auto const size = length_of(value);
  if (!size) return type_error(fmt::format("object of type '{}' has no len()", type_name(value)));
  return static_cast<std::int64_t>(*size);
}

FILTER(join) {
  JINJA_TRY(auto const bound, arguments.bind("sync_do_join", {"value", "d", "attribute"}, 1));
  JINJA_TRY(std::string const separator, state.text(or_(bound[1], Value(""))));
  JINJA_TRY(auto const cursor, iterate(state, bound[0]));
  bool const by_attribute = !bound[2].is_missing() && !bound[2].is_none();
  auto const by = attribute_getter(state, bound[2]);
  std::string out;
  for (bool is_first = true;; is_first = false) {
    JINJA_TRY(auto item, cursor->next(state));
    if (item.is_missing()) return Value(std::move(out));
    if (by_attribute) {
      JINJA_TRY(item, by(item));
    }
    if (!is_first) out += separator;
    if (item.kind() == Kind::Undefined) {
      JINJA_DO(state.text(item));
    }
    append_text(out, item);
    JINJA_DO(state.spend(1));
    JINJA_DO(state.renderer().allow_bytes(out.size()));
  }
}

FILTER(reverse) {
  JINJA_TRY(auto const bound, arguments.bind("do_reverse", {"value"}, 1));
  if (bound[0].is_string()) return slice(bound[0], Value(), Value(), -1);
  auto items = reversed_items(state, bound[0]);
  if (!items.ok()) {
    auto all = items_of(state, bound[0]);
    if (!all.ok()) {
      if (all.error().type() != FailureType::TypeError) return std::move(all).error();
      return Failure(FailureType::FilterArgumentError, "argument must be iterable");
    }
    std::reverse(all->begin(), all->end());
    return list_of(std::move(*all));
  }
  std::string const type = bound[0].is_list() ? "list_reverseiterator" : "reversed";
  auto kept = std::make_shared<Items>(std::move(*items));
  std::size_t at = 0;
  return iterator_of(type, type + " object", cursor_of([kept, at](State&) mutable -> Made {
                       return at < kept->size() ? (*kept)[at++] : Value::missing();
                     }));
}

FILTER(sort) {
  JINJA_TRY(auto const bound, arguments.bind("do_sort", {"value", "reverse", "case_sensitive", "attribute"}, 1));
  bool const case_sensitive = is_set(bound[2]);
  std::vector<SortKey> keys;
  if (bound[3].is_string()) {
    std::string_view rest = bound[3].string();
    for (std::size_t comma = 0; comma != std::string_view::npos;
         rest.remove_prefix(comma == std::string_view::npos ? 0 : comma + 1)) {
      comma = rest.find(',');
      keys.push_back(attribute_getter(state, Value(rest.substr(0, comma))));
    }
  } else {
    keys.push_back(attribute_getter(state, bound[3]));
  }
  JINJA_TRY(auto items, items_of(state, bound[0]));
  SortKey const key = [&](Value const& item) -> Made {
    Items parts;
    for (auto const& part : keys) {
      JINJA_TRY(auto value, part(item));
      parts.push_back(case_sensitive ? value : ignoring_case(value));
    }
    return list_of(std::move(parts));
  };
  JINJA_TRY(auto out, sorted(state, std::move(items), key, is_set(bound[1])));
  return list_of(std::move(out));
}

FILTER(dictsort) {
  JINJA_TRY(auto const bound, arguments.bind("do_dictsort", {"value", "case_sensitive", "by", "reverse"}, 1));
  bool const by_value = bound[2].is_string() && bound[2].string() == "value";
  if (!bound[2].is_missing() && !by_value && !(bound[2].is_string() && bound[2].string() == "key"))
    return Failure(FailureType::FilterArgumentError, "You can only sort by either \"key\" or \"value\"");
  JINJA_TRY(auto items, pairs_of(state, bound[0]));
  bool const case_sensitive = is_set(bound[1]);
  SortKey const key = [&](Value const& item) -> Made {
    JINJA_TRY(auto const value, index(state, item, by_value ? 1 : 0));
    return case_sensitive ? value : ignoring_case(value);
  };
  JINJA_TRY(auto out, sorted(state, std::move(items), key, is_set(bound[3])));
  return list_of(std::move(out));
}

FILTER(unique) {
  JINJA_TRY(auto const bound, arguments.bind("do_unique", {"value", "case_sensitive", "attribute"}, 1));
  auto seen = make<Set>();
  bool const case_sensitive = is_set(bound[1]);
  return generator_over("do_unique", bound[0],
                        [seen, case_sensitive, attribute = bound[2]](State& at, Value item) -> Made {
                          JINJA_TRY(auto key, attribute_getter(at, attribute)(item));
                          JINJA_TRY(bool const is_new, seen->add(case_sensitive ? key : ignoring_case(key)));
                          return is_new ? item : Value::missing();
                        });
}

Made least_or_most(State& state, Arguments const& arguments, std::string_view name, int wanted) {
  JINJA_TRY(auto const bound, arguments.bind(name, {"value", "case_sensitive", "attribute"}, 1));
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  if (items.empty()) return state.undefined_with_hint("No aggregated item, sequence was empty.");
  auto const by = attribute_getter(state, bound[2]);
  Value best, best_key;
  for (std::size_t i = 0; i < items.size(); ++i) {
    JINJA_TRY(auto key, by(items[i]));
    if (!is_set(bound[1])) key = ignoring_case(key);
    if (i > 0) {
      JINJA_TRY(int const found, order(key, best_key, wanted < 0 ? "<" : ">"));
      if (found != wanted) continue;
    }
    best = items[i];
    best_key = std::move(key);
  }
  return best;
}
FILTER(min) {
  return least_or_most(state, arguments, "do_min", -1);
}
FILTER(max) {
  return least_or_most(state, arguments, "do_max", 1);
}

FILTER(sum) {
  JINJA_TRY(auto const bound, arguments.bind("sync_do_sum", {"iterable", "attribute", "start"}, 1));
  Value total = or_(bound[2], 0);
  if (total.is_string()) return type_error("sum() can't sum strings [use ''.join(seq) instead]");
  JINJA_TRY(auto const items, items_of(state, bound[0]));
  auto const by = attribute_getter(state, bound[1]);
  for (auto const& item : items) {
    JINJA_TRY(auto const value, by(item));
    JINJA_TRY(total, binary(state, Operator::Add, total, value));
  }
  return total;
}

FILTER(items) {
  JINJA_TRY(auto const bound, arguments.bind("do_items", {"value"}, 1));
  Value const value = bound[0];
  auto pairs = std::make_shared<Value>();
  if (value.is_undefined()) return generator("do_items", [](State&) -> Made { return Value::missing(); });
  std::shared_ptr<Cursor> cursor;
  return generator("do_items", [value, cursor](State& at) mutable -> Made {
    if (!cursor) {
      if (!value.is_dict() && !(value.is_object() && value.object().is_mapping()))
        return type_error("Can only get item pairs from a mapping.");
      JINJA_TRY(auto const view, at.call_method(value, "items", {}));
      JINJA_TRY(auto made, iterate(at, view));
      cursor = std::move(made);
    }
    return cursor->next(at);
  });
}

FILTER(batch) {
  JINJA_TRY(auto const bound, arguments.bind("do_batch", {"value", "linecount", "fill_with"}, 2));
  Value const count = bound[1], fill = bound[2];
  auto tmp = std::make_shared<Items>();
  auto is_over = std::make_shared<bool>(false);
  std::shared_ptr<Cursor> cursor;
  return generator("do_batch", [=, value = bound[0]](State& at) mutable -> Made {
    if (*is_over) return Value::missing();
    if (!cursor) {
      JINJA_TRY(auto made, iterate(at, value));
      cursor = std::move(made);
    }
    while (true) {
      JINJA_TRY(auto item, cursor->next(at));
      if (item.is_missing()) break;
      JINJA_DO(at.spend(1));
      bool const is_full = equals(count, static_cast<std::int64_t>(tmp->size()));
      Items full;
      if (is_full) std::swap(full, *tmp);
      tmp->push_back(std::move(item));
      if (is_full) return list_of(std::move(full));
    }
    *is_over = true;
    if (tmp->empty()) return Value::missing();
    if (!fill.is_missing() && !fill.is_none()) {
      JINJA_TRY(int const found, order(Value(static_cast<std::int64_t>(tmp->size())), count, "<"));
      if (found == -1 && count.kind() == Kind::Int) {
        JINJA_DO(at.renderer().allow_bytes(static_cast<std::uint64_t>(count.integer()) * sizeof(Value)));
        tmp->resize(static_cast<std::size_t>(count.integer()), fill);
      }
    }
    return list_of(std::move(*tmp));
  });
}

FILTER(slice_) {
  JINJA_TRY(auto const bound, arguments.bind("sync_do_slice", {"value", "slices", "fill_with"}, 2));
  Value const slices = bound[1], fill = bound[2];
  std::shared_ptr<Items> all;
  std::int64_t number = 0, offset = 0;
  return generator("sync_do_slice", [=, value = bound[0]](State& at) mutable -> Made {
    if (!all) {
      JINJA_TRY(auto items, items_of(at, value));
      all = std::make_shared<Items>(std::move(items));
    }
    if (!is_index(slices) || slices.kind() == Kind::BigInt)
      return type_error(fmt::format("unsupported operand type(s) for //: 'int' and '{}'", type_name(slices)));
    if (slices.integer() == 0) return Failure(FailureType::ZeroDivisionError, "integer division or modulo by zero");
    if (number >= slices.integer()) return Value::missing();
    JINJA_DO(at.spend(1));
    auto const length = static_cast<std::int64_t>(all->size());
    std::int64_t const each = length / slices.integer();
    std::int64_t const extra = length % slices.integer();
    std::int64_t const start = offset + number * each;
    if (number < extra) ++offset;
    std::int64_t const end = offset + (number + 1) * each;
    Items part(all->begin() + start, all->begin() + end);
    if (!fill.is_missing() && !fill.is_none() && number >= extra) part.push_back(fill);
    ++number;
    return list_of(std::move(part));
  });
}

// What groupby gives: a pair whose parts have names.
class Group final : public Object {
 public:
  Group(Value grouper, Value list) : grouper_(std::move(grouper)), list_(std::move(list)) {}
  std::string type_name() const override { return "_GroupTuple"; }
  std::optional<std::size_t> length() const override { return 2; }
  bool is_iterable() const override { return true; }
  bool is_sequence() const override { return true; }
  Outcome<std::unique_ptr<Cursor>> iterate(State& state) override { return jinja::iterate(state, pair()); }
  Made attribute(State&, std::string_view name) override {
    return name == "grouper" ? grouper_ : name == "list" ? list_ : Value::missing();
  }
  Made item(State& state, Value const& key) override { return index(state, pair(), key); }
  std::string repr() const override { return jinja::repr(pair()); }
  bool equals(Value const& other) const override {
    auto const* group = other.as<Group>();
    return jinja::equals(pair(), group != nullptr ? group->pair() : other);
  }
  Value pair() const { return tuple_of({grouper_, list_}); }

 private:
  Value grouper_, list_;
};

FILTER(groupby) {
  JINJA_TRY(auto const bound,
            arguments.bind("sync_do_groupby", {"value", "attribute", "default", "case_sensitive"}, 2));
  bool const case_sensitive = is_set(bound[3]);
  auto const get = attribute_getter(state, bound[1], bound[2]);
  SortKey const by = [&](Value const& item) -> Made {
    JINJA_TRY(auto value, get(item));
    return case_sensitive ? value : ignoring_case(value);
  };
  JINJA_TRY(auto items, items_of(state, bound[0]));
  JINJA_TRY(items, sorted(state, std::move(items), by, false));
  Items out;
  for (std::size_t i = 0; i < items.size();) {
    JINJA_TRY(auto const key, by(items[i]));
    auto group = make<List>();
    JINJA_TRY(auto const shown, get(items[i]));
    for (; i < items.size(); ++i) {
      JINJA_TRY(auto const other, by(items[i]));
      if (!equals(key, other)) break;
      group->items.push_back(items[i]);
    }
    out.emplace_back(make<Group>(shown, Value(group)));
  }
  return list_of(std::move(out));
}
#undef FILTER

}  // namespace

Outcome<std::vector<Value>> reversed_items(State& state, Value const& value) {
  bool const can = value.is_list() || value.is_tuple() || value.is_string() || value.is_dict() ||
                   value.kind() == Kind::Bytes || value.kind() == Kind::Undefined ||
                   (value.is_object() && value.object().is_iterable() &&
                    (value.object().is_sequence() || value.object().type_name().starts_with("dict_")));
  if (!can) return type_error(fmt::format("'{}' object is not reversible", type_name(value)));
  JINJA_TRY(auto items, items_of(state, value));
  std::reverse(items.begin(), items.end());
  return items;
}

void add_sequence_filters(Filters& filters) {
  filters.merge(Filters{
      {"map", map_},
      {"select", select},
      {"reject", reject},
      {"selectattr", selectattr},
      {"rejectattr", rejectattr},
      {"list", list},
      {"first", first},
      {"last", last},
      {"random", random_},
      {"length", length},
      {"count", length},
      {"join", join},
      {"reverse", reverse},
      {"sort", sort},
      {"dictsort", dictsort},
      {"unique", unique},
      {"min", min},
      {"max", max},
      {"sum", sum},
      {"items", items},
      {"batch", batch},
      {"slice", slice_},
      {"groupby", groupby},
  });
}

}  // namespace weir::jinja
