#include "jinja/object.h"

#include <algorithm>

#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/operators.h"

namespace weir::jinja {

Value const* Arguments::find(std::string_view name) const {
  for (auto const& argument : named)
    if (argument.name.string() == name) return &argument.value;
  return nullptr;
}

namespace {

std::string quoted_list(std::vector<std::string> const& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += names.size() > 2 ? (i + 1 == names.size() ? ", and " : ", ") : " and ";
    out += "'" + names[i] + "'";
  }
  return out;
}

}  // namespace

Outcome<std::vector<Value>> Arguments::bind(std::string_view function,
                                            std::initializer_list<std::string_view> parameters,
                                            std::size_t required) const {
  std::vector<Value> out(parameters.size(), Value::missing());
  if (positional.size() > parameters.size()) {
    std::string const range = required == parameters.size() ? fmt::format("{}", required)
                                                            : fmt::format("from {} to {}", required, parameters.size());
    return type_error(fmt::format("{}() takes {} positional argument{} but {} {} given", function, range,
                                  parameters.size() == 1 ? "" : "s", positional.size(),
                                  positional.size() == 1 ? "was" : "were"));
  }
  std::copy(positional.begin(), positional.end(), out.begin());
  for (auto const& argument : named) {
    auto const found = std::find(parameters.begin(), parameters.end(), argument.name.string());
    if (found == parameters.end())
      return type_error(
          fmt::format("{}() got an unexpected keyword argument {}", function, jinja::repr(argument.name)));
    auto& target = out[static_cast<std::size_t>(found - parameters.begin())];
    if (!target.is_missing())
      return type_error(fmt::format("{}() got multiple values for argument {}", function, jinja::repr(argument.name)));
    target = argument.value;
  }
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < required; ++i)
    if (out[i].is_missing()) absent.emplace_back(parameters.begin()[i]);
  if (!absent.empty())
    return type_error(fmt::format("{}() missing {} required positional argument{}: {}", function, absent.size(),
                                  absent.size() == 1 ? "" : "s", quoted_list(absent)));
  return out;
}

Outcome<Value> Object::attribute(State&, std::string_view) {
  return Value::missing();
}
Outcome<Value> Object::item(State&, Value const&) {
  return Value::missing();
}

Outcome<Done> Object::set_attribute(State&, std::string_view name, Value) {
  return Failure(FailureType::AttributeError, fmt::format("'{}' object has no attribute '{}'", type_name(), name));
}

Outcome<Value> Object::call(State&, Arguments const&) {
  return type_error(fmt::format("'{}' object is not callable", type_name()));
}

Outcome<Value> Object::call_method(State& state, std::string_view name, Arguments const& arguments) {
  Ref<Object> const self(this);
  JINJA_TRY(auto const callee, get_attribute(state, Value(self), Value(name)));
  return call_value(state, callee, arguments);
}

Outcome<std::unique_ptr<Cursor>> Object::iterate(State&) {
  return type_error(fmt::format("'{}' object is not iterable", type_name()));
}

Outcome<bool> Object::contains(State& state, Value const& item) {
  JINJA_TRY(auto const cursor, iterate(state));
  while (true) {
    JINJA_TRY(auto const other, cursor->next(state));
    if (other.is_missing()) return false;
    if (other.is_same(item) || jinja::equals(other, item)) return true;
    JINJA_DO(state.spend(1));
  }
}

bool Object::is_true() const {
  auto const size = length();
  return !size || *size != 0;
}

std::string Object::text() const {
  return repr();
}
std::string Object::repr() const {
  return fmt::format("<{} object at {:#x}>", type_name(), reinterpret_cast<std::uintptr_t>(this));
}
bool Object::equals(Value const& other) const {
  return other.is_object() && &other.object() == this;
}
Outcome<std::uint64_t> Object::hash() const {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this) >> 4) * 0x9e3779b97f4a7c15ULL;
}
std::optional<int> Object::compare(Value const&) const {
  return std::nullopt;
}

namespace {

class HostFunction final : public Object {
 public:
  HostFunction(std::string name, Function call) : name_(std::move(name)), call_(std::move(call)) {}
  std::string type_name() const override { return "function"; }
  std::string repr() const override {
    return fmt::format("<function {} at {:#x}>", name_, reinterpret_cast<std::uintptr_t>(this));
  }
  bool is_callable() const override { return true; }
  Outcome<Value> call(State& state, Arguments const& arguments) override { return call_(state, arguments); }
  Outcome<Value> attribute(State&, std::string_view name) override {
    return name == "__name__" ? Value(name_) : Value::missing();
  }

 private:
  std::string name_;
  Function call_;
};

class Namespace final : public Object {
 public:
  std::string type_name() const override { return "Namespace"; }
  bool takes_attributes() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    Value const* found = attributes.find(name);
    return found != nullptr ? *found : Value::missing();
  }
  Outcome<Done> set_attribute(State&, std::string_view name, Value value) override {
    attributes.set(name, std::move(value));
    return Done{};
  }
  std::string repr() const override {
    auto copy = make<Dict>();
    for (auto const& entry : attributes) copy->set(entry.key, entry.hash, entry.value);
    return "<Namespace " + jinja::repr(Value(copy)) + ">";
  }
  Dict attributes;
};

class Module final : public Object {
 public:
  Module(std::string name, std::vector<std::pair<std::string, Value>> members) : name_(std::move(name)) {
    for (auto& [key, value] : members) members_.set(key, std::move(value));
  }
  std::string type_name() const override { return "module"; }
  std::string repr() const override { return "<module '" + name_ + "'>"; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    Value const* found = members_.find(name);
    return found != nullptr ? *found : Value::missing();
  }

 private:
  std::string name_;
  Dict members_;
};

}  // namespace

Value function(std::string name, Function call) {
  return make<HostFunction>(std::move(name), std::move(call));
}

Value return_function() {
  return function("return", [](State&, Arguments const& arguments) -> Outcome<Value> {
    JINJA_TRY(auto bound, arguments.bind("return", {"data"}, 0));
    return Failure::exit_with(bound[0].is_missing() ? Value() : std::move(bound[0]));
  });
}

Value make_namespace(std::vector<std::pair<std::string, Value>> attributes) {
  auto made = make<Namespace>();
  for (auto& [name, value] : attributes) made->attributes.set(name, std::move(value));
  return made;
}

Value make_module(std::string name, std::vector<std::pair<std::string, Value>> members) {
  return make<Module>(std::move(name), std::move(members));
}

}  // namespace weir::jinja
