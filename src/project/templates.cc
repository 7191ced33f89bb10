#include "project/templates.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/text.h"
#include "jinja/modules.h"
#include "jinja/object.h"
#include "project/yaml_data.h"

namespace weir::project {
namespace {

using jinja::Arguments;
using jinja::Outcome;
using jinja::State;
using jinja::Value;

// A value that says what it wants to be once the template is rendered. Printed within a text it is the value.
class Marked final : public jinja::Object {
 public:
  enum class As { Text, Native, Bool, Number };
  Marked(As as_what, Value inner) : as(as_what), value(std::move(inner)) {}
  std::string type_name() const override { return "str"; }
  std::string text() const override { return jinja::to_text(value); }
  std::string repr() const override { return jinja::repr(Value(text())); }
  bool is_true() const override { return jinja::truth(value); }
  bool equals(Value const& other) const override { return jinja::equals(Value(text()), other); }
  Outcome<std::uint64_t> hash() const override { return jinja::hash(Value(text())); }

  As const as;
  Value const value;
};

jinja::Filter marker(Marked::As as) {
  return [as](State&, Arguments const& arguments) -> Outcome<Value> {
    JINJA_TRY(auto bound, arguments.bind("as_native", {"value"}, 1));
    return Value(jinja::make<Marked>(as, std::move(bound[0])));
  };
}

Outcome<Value> same(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("as_text", {"value"}, 1));
  return std::move(bound[0]);
}

Outcome<Value> is_list(State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("is_list", {"value"}, 1));
  return Value(bound[0].is_list());
}

jinja::EnvironmentOptions with_block_tags() {
  jinja::EnvironmentOptions options;
  options.block_tags = {{"materialization", "endmaterialization"},
                        {"test", "endtest"},
                        {"data_test", "enddata_test"},
                        {"docs", "enddocs"},
                        {"snapshot", "endsnapshot"}};
  options.filters["is_list"] = is_list;
  return options;
}

// 2026-11-24, 2026-11-24T03:00:00.5; one with a zone stays a text.
Value date_from(std::string const& iso) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micro = 0;
  int const found =
      std::sscanf(iso.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6d", &year, &month, &day, &hour, &minute, &second, &micro);
  bool const has_zone = iso.size() > 10 && iso.find_first_of("+-", 10) != std::string::npos;
  if (found < 3 || has_zone) return Value(iso);
  auto const made = found == 3 ? jinja::date_value(year, month, day)
                               : jinja::date_time_value(year, month, day, hour, minute, second, micro);
  return made.value_or(Value(iso));
}

Result<Value> unmarked(Value const& value) {
  auto const* marked = value.as<Marked>();
  if (marked == nullptr) return value;
  std::string const text = marked->text();
  if (marked->as == Marked::As::Text) return Value(text);
  auto const literal = jinja::literal(text);
  Value const result = literal ? *literal : Value(text);
  if (marked->as == Marked::As::Bool && !result.is_bool())
    return Error(ErrorKind::Template, fmt::format("\"{}\" is no true or false", text))
        .next("remove | as_bool, or set it to true or false");
  if (marked->as == Marked::As::Number && (!result.is_number() || result.is_bool()))
    return Error(ErrorKind::Template, fmt::format("\"{}\" is no number", text))
        .next("remove | as_number, or set it to a number");
  return result;
}

// ref('x'), var('y') ...
bool is_call(std::string_view yaml_text) {
  yaml_text = trim(yaml_text);
  if (!yaml_text.ends_with(')')) return false;
  for (std::string_view const name : {"env_var", "ref", "var", "source", "doc"}) {
    if (!yaml_text.starts_with(name)) continue;
    auto const rest = trim(yaml_text.substr(name.size()));
    if (rest.starts_with('(') && rest.size() > 2) return true;
  }
  return false;
}

}  // namespace

std::shared_ptr<jinja::Environment const> const& text_templates() {
  static std::shared_ptr<jinja::Environment const> const made = [] {
    auto options = with_block_tags();
    for (auto const* name : {"as_text", "as_bool", "as_native", "as_number"}) options.filters[name] = same;
    return jinja::Environment::create(std::move(options));
  }();
  return made;
}

std::shared_ptr<jinja::Environment const> const& native_templates() {
  static std::shared_ptr<jinja::Environment const> const made = [] {
    auto options = with_block_tags();
    options.filters["as_text"] = marker(Marked::As::Text);
    options.filters["as_bool"] = marker(Marked::As::Bool);
    options.filters["as_native"] = marker(Marked::As::Native);
    options.filters["as_number"] = marker(Marked::As::Number);
    return jinja::Environment::create(std::move(options));
  }();
  return made;
}

Value to_value(Data const& data) {
  switch (data.kind()) {
    case Data::Kind::None:
      return {};
    case Data::Kind::Bool:
      return Value(data.boolean());
    case Data::Kind::Int:
      return Value(data.integer());
    case Data::Kind::Float:
      return Value(data.number());
    case Data::Kind::String:
      return Value(data.text());
    case Data::Kind::Date:
      return date_from(data.text());
    case Data::Kind::List: {
      auto list = jinja::make<jinja::List>();
      list->items.reserve(data.items().size());
      for (auto const& item : data.items()) list->items.push_back(to_value(item));
      return Value(list);
    }
    case Data::Kind::Dict: {
      auto dict = jinja::make<jinja::Dict>();
      for (auto const& [key, value] : data.pairs()) dict->set(std::string_view(key), to_value(value));
      return Value(dict);
    }
  }
  return {};
}

Data to_data(Value const& value) {
  switch (value.kind()) {
    case jinja::Kind::None:
    case jinja::Kind::Missing:
    case jinja::Kind::Undefined:
      return {};
    case jinja::Kind::Bool:
      return value.boolean();
    case jinja::Kind::Int:
      return value.integer();
    case jinja::Kind::Float:
      return value.number();
    case jinja::Kind::String:
      return std::string(value.string());
    case jinja::Kind::Tuple:
    case jinja::Kind::List:
    case jinja::Kind::Set: {
      Data::List items;
      if (value.is_tuple()) {
        for (auto const& item : value.tuple().items) items.push_back(to_data(item));
      } else if (value.is_list()) {
        for (auto const& item : value.list().items) items.push_back(to_data(item));
      } else {
        for (auto const& entry : value.set().items) items.push_back(to_data(entry.key));
      }
      return items;
    }
    case jinja::Kind::Dict: {
      Data::Dict pairs;
      for (auto const& entry : value.dict())
        set(pairs, entry.key.is_string() ? std::string(entry.key.string()) : jinja::to_text(entry.key),
            to_data(entry.value));
      return pairs;
    }
    default:
      return jinja::to_text(value);
  }
}

Result<Value> render_native(std::string_view text, jinja::Context& context, jinja::RenderOptions const& options,
                            std::string name) {
  auto parsed = native_templates()->parse(std::move(name), std::string(text));
  if (!parsed.ok()) return std::move(parsed).error().to_error();
  auto rendered = (*parsed)->render_native(context, options);
  if (!rendered.ok()) return std::move(rendered).error().to_error();
  return unmarked(*rendered);
}

Result<Value> render_argument(Data const& argument, bool is_column_name, jinja::Context& context,
                              jinja::RenderOptions const& options, std::string const& name) {
  if (argument.is_dict()) {
    std::vector<std::pair<std::string, Value>> entries;
    for (auto const& [key, value] : argument.pairs()) {
      WEIR_TRY(auto one, render_argument(value, false, context, options, name));
      entries.emplace_back(key, std::move(one));
    }
    return jinja::dict_of(std::move(entries));
  }
  if (argument.is_list()) {
    std::vector<Value> items;
    for (auto const& item : argument.items()) {
      WEIR_TRY(auto one, render_argument(item, false, context, options, name));
      items.push_back(std::move(one));
    }
    return jinja::list_of(std::move(items));
  }
  if (!argument.is_string() || is_column_name) return to_value(argument);
  std::string const text = is_call(argument.text()) ? "{{ " + argument.text() + " }}" : argument.text();
  if (!has_template(text)) return Value(text);
  return render_native(text, context, options, name);
}

Result<Data> render_value(std::string_view text, jinja::Context& context, std::string name) {
  WEIR_TRY(auto const value, render_native(text, context, {}, std::move(name)));
  return to_data(value);
}

Result<std::shared_ptr<jinja::Template const>> parse_template(std::string name, std::string_view text, int first_line) {
  auto const lines_above = first_line > 1 ? static_cast<std::size_t>(first_line - 1) : 0;
  auto parsed = text_templates()->parse(std::move(name), std::string(text), lines_above);
  if (!parsed.ok()) return std::move(parsed).error().to_error();
  return std::move(parsed).value();
}

}  // namespace weir::project
