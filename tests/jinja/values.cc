#include "values.h"

#include <nlohmann/json.hpp>

#include "jinja/modules.h"

namespace weir::test {

using jinja::Value;
using json = nlohmann::ordered_json;

namespace {

std::vector<Value> items_of(json const& list) {
  std::vector<Value> items;
  for (auto const& item : list) items.push_back(value_of(item));
  return items;
}

// {"!": KIND, "v": ...}: what JSON has no word for.
Value special(std::string const& kind, json const& written) {
  if (kind == "tuple") return jinja::tuple_of(items_of(written));
  if (kind == "set") {
    auto set = jinja::make<jinja::Set>();
    for (auto& item : items_of(written)) static_cast<void>(set->add(std::move(item)).ok());
    return set;
  }
  if (kind == "dict") {  // pairs, for keys that are no texts
    auto dict = jinja::make<jinja::Dict>();
    for (auto const& pair : written) static_cast<void>(dict->set(value_of(pair[0]), value_of(pair[1])).ok());
    return dict;
  }
  if (kind == "float") return jinja::float_from_text(written.get<std::string>()).value_or(0);
  if (kind == "int") return jinja::integer_from_text(written.get<std::string>()).value_or(Value());
  if (kind == "decimal") return jinja::decimal_from_text(written.get<std::string>()).value_or(Value());
  if (kind == "date") return jinja::date_value(written[0], written[1], written[2]).value_or(Value());
  if (kind == "datetime") {
    int part[7] = {};
    for (std::size_t i = 0; i < written.size() && i < 7; ++i) part[i] = written[i];
    return jinja::date_time_value(part[0], part[1], part[2], part[3], part[4], part[5], part[6]).value_or(Value());
  }
  if (kind == "timedelta") return jinja::time_delta_value(written.get<std::int64_t>());
  if (kind == "modules") return jinja::standard_modules();
  return Value();
}

}  // namespace

Value value_of(json const& written) {
  switch (written.type()) {
    case json::value_t::boolean:
      return written.get<bool>();
    case json::value_t::number_integer:
      return written.get<std::int64_t>();
    case json::value_t::number_unsigned:
      return Value(written.get<std::uint64_t>());
    case json::value_t::number_float:
      return written.get<double>();
    case json::value_t::string:
      return Value(written.get<std::string>());
    case json::value_t::array:
      return jinja::list_of(items_of(written));
    case json::value_t::object: {
      if (written.contains("!")) return special(written["!"], written.value("v", json()));
      auto dict = jinja::make<jinja::Dict>();
      for (auto const& [key, value] : written.items()) dict->set(key, value_of(value));
      return dict;
    }
    default:
      return Value();
  }
}

jinja::DictContext context_of(json const& written) {
  auto names = jinja::make<jinja::Dict>();
  for (auto const& [name, value] : written.items()) names->set(name, value_of(value));
  return jinja::DictContext(names);
}

}  // namespace weir::test
