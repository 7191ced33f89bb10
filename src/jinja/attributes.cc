#include "jinja/attributes.h"

#include <fmt/format.h>

#include <unordered_map>

#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/numbers.h"
#include "jinja/operators.h"
#include "jinja/render.h"
#include "jinja/time_methods.h"
#include "jinja/unicode.h"

namespace weir::jinja {

namespace {

class BoundMethod final : public Object {
 public:
  BoundMethod(Value self, std::string_view name, Method method)
      : self_(std::move(self)), name_(name), method_(method) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr() const override {
    return fmt::format("<built-in method {} of {} object at {:#x}>", name_, jinja::type_name(self_),
                       reinterpret_cast<std::uintptr_t>(this));
  }
  bool is_callable() const override { return true; }
  Outcome<Value> call(State& state, Arguments const& arguments) override { return method_(state, self_, arguments); }

 private:
  Value self_;
  std::string name_;
  Method method_;
};

using MethodTable = std::unordered_map<std::string_view, Method>;

MethodTable table_of(std::span<MethodEntry const> entries) {
  MethodTable table;
  for (auto const& entry : entries) table.emplace(entry.name, entry.method);
  return table;
}

MethodTable const* methods_of(Kind kind) {
  static MethodTable const text = table_of(text_methods()), bytes = table_of(bytes_methods()),
                           list = table_of(list_methods()), tuple = table_of(tuple_methods()),
                           dict = table_of(dict_methods()), set = table_of(set_methods()),
                           integer = table_of(integer_methods()), number = table_of(float_methods()),
                           date = table_of(date_methods()), time = table_of(time_methods()),
                           date_time = table_of(date_time_methods()), time_delta = table_of(time_delta_methods()),
                           decimal = table_of(decimal_methods());
  switch (kind) {
    case Kind::String:
      return &text;
    case Kind::Bytes:
      return &bytes;
    case Kind::List:
      return &list;
    case Kind::Tuple:
      return &tuple;
    case Kind::Dict:
      return &dict;
    case Kind::Set:
      return &set;
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInt:
      return &integer;
    case Kind::Float:
      return &number;
    case Kind::Decimal:
      return &decimal;
    case Kind::Date:
      return &date;
    case Kind::Time:
      return &time;
    case Kind::DateTime:
      return &date_time;
    case Kind::TimeDelta:
      return &time_delta;
    default:
      return nullptr;
  }
}

// Every Python object has these: the sandbox hides them.
bool is_hidden(std::string_view name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

Value undefined_like(State& state, Value const& object, Value const& name, bool is_unsafe) {
  auto info = make<UndefinedInfo>();
  info->name = name;
  info->policy = state.renderer().options().undefined;
  info->is_unsafe = is_unsafe;
  if (is_unsafe)
    info->hint =
        fmt::format("access to attribute {} of {} object is unsafe.", repr(name), repr(Value(type_name(object))));
  else
    info->owner = object.is_none() ? "None" : type_name(object) + " object";
  return Value(Kind::Undefined, info);
}

// Failures of x[key] that mean no more than that there is no such item.
bool is_absence(Failure const& failure) {
  auto const type = failure.type();
  return type == FailureType::TypeError || type == FailureType::KeyError || type == FailureType::IndexError ||
         type == FailureType::LookupError || type == FailureType::AttributeError;
}

// An undefined's own attributes and items.
Outcome<Value> of_undefined(Value const& object) {
  auto const& info = undefined_info(object);
  if (info.policy == UndefinedPolicy::Chainable || info.policy == UndefinedPolicy::Callable) return object;
  return info.failure();
}

// object.name as Python has it; Missing where there is no such attribute.
Outcome<Value> python_attribute(State& state, Value const& object, std::string_view name) {
  if (object.is_object()) return object.object().attribute(state, name);
  if (Method const method = find_method(object, name)) return bound_method(object, name, method);
  return find_member(object, name);
}

}  // namespace

Method find_method(Value const& self, std::string_view name) {
  MethodTable const* table = methods_of(self.kind());
  if (table == nullptr) return nullptr;
  auto const found = table->find(name);
  return found == table->end() ? nullptr : found->second;
}

Value find_member(Value const& self, std::string_view name) {
  switch (self.kind()) {
    case Kind::Bool:
    case Kind::Int:
    case Kind::BigInt:
      if (name == "real" || name == "numerator") return self.is_bool() ? Value(self.integer()) : self;
      if (name == "imag") return 0;
      if (name == "denominator") return 1;
      break;
    case Kind::Float:
      if (name == "real") return self;
      if (name == "imag") return 0.0;
      break;
    case Kind::Date:
    case Kind::Time:
    case Kind::DateTime:
    case Kind::TimeDelta:
      return time_member(self, name);
    default:
      break;
  }
  return Value::missing();
}

Value bound_method(Value self, std::string_view name, Method method) {
  return make<BoundMethod>(std::move(self), name, method);
}

Value undefined_attribute(State& state, Value const& object, Value const& name) {
  return undefined_like(state, object, name, false);
}

Outcome<Value> get_attribute(State& state, Value const& object, Value const& name) {
  std::string_view const text = name.string();
  if (object.kind() == Kind::Undefined) {
    for (auto const known :
         {"__class__", "__init__", "__doc__", "__module__", "__len__", "__iter__", "__str__", "__call__", "__hash__"})
      if (text == known) return undefined_like(state, object, name, true);
    return of_undefined(object);
  }
  if (is_hidden(text)) return undefined_like(state, object, name, true);
  JINJA_TRY(Value found, python_attribute(state, object, text));
  if (!found.is_missing()) return text.starts_with('_') ? undefined_like(state, object, name, true) : found;
  if (object.is_dict()) {
    Value const* item = object.dict().find(text);
    if (item != nullptr) return *item;
  } else if (object.is_object()) {
    auto item = object.object().item(state, name);
    if (item.ok() ? !item->is_missing() : !is_absence(item.error())) return item;
  }
  return undefined_like(state, object, name, false);
}

Outcome<Value> index(State& state, Value const& object, Value const& key) {
  switch (object.kind()) {
    case Kind::String:
    case Kind::List:
    case Kind::Tuple:
    case Kind::Bytes: {
      std::string_view const what = object.is_string()  ? "string"
                                    : object.is_list()  ? "list"
                                    : object.is_tuple() ? "tuple"
                                                        : "index";
      if (!is_index(key))
        return type_error(fmt::format("{} indices must be integers or slices, not {}", what, type_name(key)));
      auto const at = place_of_index(key, *length_of(object));
      if (!at) return Failure(FailureType::IndexError, fmt::format("{} index out of range", what));
      if (object.is_list()) return object.list().items[*at];
      if (object.is_tuple()) return object.tuple().items[*at];
      if (!object.is_string())
        return static_cast<std::int64_t>(static_cast<unsigned char>(static_cast<Bytes&>(object.shared()).data[*at]));
      std::string_view const text = object.string();
      if (object.string_object().is_ascii())
        return Value(make<String>(std::string(text.substr(*at, 1)), object.string_object().is_markup()));
      std::size_t const begin = byte_of_character(text, *at);
      std::size_t end = begin;
      next_character(text, end);
      return Value(text.substr(begin, end - begin));
    }
    case Kind::Dict: {
      JINJA_TRY(auto const hashed, hash(key));
      Value const* found = object.dict().find(key, hashed);
      if (found == nullptr) return Failure(FailureType::KeyError, repr(key));
      return *found;
    }
    case Kind::Object: {
      JINJA_TRY(auto found, object.object().item(state, key));
      if (found.is_missing()) return Failure(FailureType::KeyError, repr(key));
      return found;
    }
    default:
      return type_error(fmt::format("'{}' object is not subscriptable", type_name(object)));
  }
}

Outcome<Value> get_item(State& state, Value const& object, Value const& key) {
  if (object.kind() == Kind::Undefined) return of_undefined(object);
  if (object.is_dict() && key.is_string()) {  // the common case, without a failure made and thrown away
    Value const* found = object.dict().find(key, key.string_object().hash());
    if (found != nullptr) return *found;
  } else if (object.is_object()) {
    auto found = object.object().item(state, key);
    if (found.ok() && !found->is_missing()) return found;
    if (!found.ok() && !is_absence(found.error())) return found;
  } else if (!key.is_string()) {
    auto found = index(state, object, key);
    if (found.ok()) return found;
  }
  if (key.is_string()) {
    std::string_view const name = key.string();
    if (is_hidden(name)) return undefined_like(state, object, key, true);
    JINJA_TRY(Value found, python_attribute(state, object, name));
    if (!found.is_missing()) return name.starts_with('_') ? undefined_like(state, object, key, true) : found;
  }
  return undefined_like(state, object, key, false);
}

Outcome<Value> call_value(State& state, Value const& callee, Arguments const& arguments) {
  if (callee.is_object()) {
    Ref<Object> const keep(&callee.object());
    return keep->call(state, arguments);
  }
  if (callee.kind() == Kind::Undefined) {
    auto const& info = undefined_info(callee);
    if (info.policy == UndefinedPolicy::Callable && !info.is_unsafe) return callee;
    return info.failure();
  }
  return type_error(fmt::format("'{}' object is not callable", type_name(callee)));
}

Outcome<Value> call_method(State& state, Value const& object, Value const& name, Arguments const& arguments) {
  std::string_view const text = name.string();
  if (object.is_object() && !text.starts_with('_')) {
    Ref<Object> const keep(&object.object());
    return keep->call_method(state, text, arguments);
  }
  if (Method const method = find_method(object, text)) {
    Value const keep = object;
    return method(state, keep, arguments);
  }
  JINJA_TRY(auto const callee, get_attribute(state, object, name));
  return call_value(state, callee, arguments);
}

}  // namespace weir::jinja
