#pragma once
// What a host puts into templates: functions, and objects of its own with attributes, items, calls, iteration. Derive
// from Object and override what the object can do; what is not overridden fails as in Python ("'Relation' object is not
// callable"). Every function may fail by returning a Failure or a weir::Error, whose kind is kept. The engine calls an
// object from the thread that renders; an object that several renders share must lock for itself.

#include <functional>
#include <initializer_list>
#include <span>

#include "jinja/value.h"

namespace weir::jinja {

class State;  // of a render that is under way: environment.h

struct Named {
  Value name;  // a string
  Value value;
};

// The arguments of a call. Valid during the call only.
struct Arguments {
  std::span<Value const> positional;
  std::span<Named const> named;

  bool empty() const { return positional.empty() && named.empty(); }
  Value const* find(std::string_view name) const;

  // Arguments by parameter, in the order of `parameters`; the first `required` must be there, an absent one is Missing.
  // Too many, unexpected, doubled or absent ones are Python's TypeError, with `function` in it.
  Outcome<std::vector<Value>> bind(std::string_view function, std::initializer_list<std::string_view> parameters,
                                   std::size_t required) const;
};

// Hands out items one by one.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next item, or Missing behind the last.
  virtual Outcome<Value> next(State& state) = 0;
};

class Object : public Shared {
 public:
  // Python's name of the class, as messages and `repr` say it.
  virtual std::string type_name() const = 0;

  // Value::missing() where there is no such attribute (item): the template then sees an undefined. `x.name` asks for
  // the attribute first, `x['name']` for the item first.
  virtual Outcome<Value> attribute(State& state, std::string_view name);
  virtual Outcome<Value> item(State& state, Value const& key);
  virtual Outcome<Done> set_attribute(State& state, std::string_view name, Value value);  // {% set x.name = ... %}
  virtual bool takes_attributes() const { return false; }                                 // only a namespace does

  virtual bool is_callable() const { return false; }
  virtual Outcome<Value> call(State& state, Arguments const& arguments);
  // x.name(...): by default the attribute, called. Override to spare the bound method.
  virtual Outcome<Value> call_method(State& state, std::string_view name, Arguments const& arguments);

  virtual bool is_iterable() const { return false; }
  virtual Outcome<std::unique_ptr<Cursor>> iterate(State& state);
  virtual std::optional<std::size_t> length() const { return std::nullopt; }  // what has none cannot be measured
  virtual Outcome<bool> contains(State& state, Value const& item);            // by default a search by iterate()

  virtual bool is_mapping() const { return false; }    // the test `mapping`
  virtual bool is_sequence() const { return false; }   // the test `sequence`: has a length and items
  virtual bool is_undefined() const { return false; }  // the test `undefined`
  virtual bool is_true() const;                        // by default: length() is absent or not 0

  virtual std::string text() const;  // str(); by default repr()
  virtual std::string repr() const;  // by default <TYPE object>

  virtual bool equals(Value const& other) const;  // by default the same object
  virtual Outcome<std::uint64_t> hash() const;    // by default by identity
  // -1, 0, 1, or nothing where the two cannot be ordered.
  virtual std::optional<int> compare(Value const& other) const;
};

using Function = std::function<Outcome<Value>(State&, Arguments const&)>;

// A function of the host. `name` is what messages call it.
Value function(std::string name, Function call);
// `return`: ends the macro (not the call block) that is being carried out; its argument is what the call of it is
// worth.
Value return_function();
// Jinja's namespace(): an object that takes attributes.
Value make_namespace(std::vector<std::pair<std::string, Value>> attributes = {});
// A named bundle of attributes, as Python's modules are: `modules.datetime`.
Value make_module(std::string name, std::vector<std::pair<std::string, Value>> members);

}  // namespace weir::jinja
