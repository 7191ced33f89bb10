#include "jinja/sorting.h"

#include <algorithm>

#include "jinja/attributes.h"
#include "jinja/iterate.h"
#include "jinja/operators.h"
#include "jinja/unicode.h"

namespace weir::jinja {

Outcome<std::vector<Value>> sorted(State& state, std::vector<Value> items, SortKey const& key, bool reverse) {
  struct Entry {
    Value key, item;
  };
  std::vector<Entry> entries;
  entries.reserve(items.size());
  for (auto& item : items) {
    JINJA_TRY(auto by, key(item));
    entries.push_back({std::move(by), std::move(item)});
  }
  std::uint64_t rounds = 1;
  for (std::size_t size = entries.size(); size > 1; size /= 2) ++rounds;
  JINJA_DO(state.spend(entries.size() * rounds));
  // A merge sort of its own: std::stable_sort must not be given an order that may fail or contradict itself.
  std::optional<Failure> failure;
  std::vector<Entry> other(entries.size());
  for (std::size_t width = 1; width < entries.size(); width *= 2) {
    for (std::size_t begin = 0; begin < entries.size(); begin += 2 * width) {
      std::size_t left = begin, out = begin;
      std::size_t const middle = std::min(begin + width, entries.size());
      std::size_t const end = std::min(begin + 2 * width, entries.size());
      std::size_t right = middle;
      while (left < middle && right < end) {
        // Reversed, equal items keep their order too.
        auto const found = reverse ? order(entries[left].key, entries[right].key, "<")
                                   : order(entries[right].key, entries[left].key, "<");
        if (!found.ok()) return std::move(const_cast<Outcome<int>&>(found)).error();
        other[out++] = std::move(*found == -1 ? entries[right++] : entries[left++]);
      }
      while (left < middle) other[out++] = std::move(entries[left++]);
      while (right < end) other[out++] = std::move(entries[right++]);
    }
    std::swap(entries, other);
  }
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = std::move(entries[i].item);
  return items;
}

SortKey attribute_getter(State& state, Value const& attribute, Value fallback) {
  std::vector<Value> parts;
  if (attribute.is_string()) {
    std::string_view rest = attribute.string();
    while (true) {
      std::size_t const dot = rest.find('.');
      std::string_view const part = rest.substr(0, dot);
      bool const is_number =
          !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string_view::npos;
      if (is_number) {
        std::int64_t number = 0;
        for (char c : part) number = number * 10 + (c - '0');
        parts.emplace_back(number);
      } else {
        parts.emplace_back(part);
      }
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
  } else if (!attribute.is_none() && !attribute.is_missing()) {
    parts.push_back(attribute);
  }
  return [&state, parts = std::move(parts), fallback = std::move(fallback)](Value const& item) -> Outcome<Value> {
    Value current = item;
    for (auto const& part : parts) {
      JINJA_TRY(current, get_item(state, current, part));
      if (current.is_undefined() && !fallback.is_missing() && !fallback.is_none()) current = fallback;
    }
    return current;
  };
}

Outcome<std::vector<Value>> pairs_of(State& state, Value const& value) {
  bool const has_items =
      value.is_dict() || (value.is_object() && value.object().is_mapping()) || value.kind() == Kind::Undefined;
  if (!has_items)
    return Failure(FailureType::AttributeError, "'" + type_name(value) + "' object has no attribute 'items'");
  JINJA_TRY(auto const view, state.call_method(value, "items", {}));
  return items_of(state, view);
}

Value ignoring_case(Value const& value) {
  return value.is_string() ? Value(to_lower(value.string())) : value;
}

}  // namespace weir::jinja
