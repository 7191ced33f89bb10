#include <fmt/format.h>

#include "jinja/attributes.h"
#include "jinja/builtins.h"
#include "jinja/iterate.h"
#include "jinja/kinds.h"
#include "jinja/operators.h"
#include "jinja/sorting.h"

namespace weir::jinja {

namespace {

using Made = Outcome<Value>;

Made range(State&, Arguments const& arguments) {
  if (!arguments.named.empty()) return type_error("range() takes no keyword arguments");
  auto const given = arguments.positional;
  if (given.empty()) return type_error("range expected at least 1 argument, got 0");
  if (given.size() > 3) return type_error(fmt::format("range expected at most 3 arguments, got {}", given.size()));
  std::int64_t parts[3] = {0, 0, 1};
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].kind() == Kind::Undefined || !is_index(given[i]))
      return type_error(fmt::format("'{}' object cannot be interpreted as an integer", type_name(given[i])));
    if (given[i].kind() == Kind::BigInt)
      return Failure(FailureType::OverflowError, "Python int too large to convert to C ssize_t");
    parts[given.size() == 1 ? 1 : i] = given[i].integer();
  }
  if (parts[2] == 0) return value_error("range() arg 3 must not be zero");
  auto made = make<Range>(parts[0], parts[1], parts[2]);
  constexpr std::size_t kMost = 100000;  // the sandbox's MAX_RANGE
  if (made->size() > kMost)
    return Failure(FailureType::OverflowError,
                   "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  return Value(made);
}

Made dict(State& state, Arguments const& arguments) {
  if (arguments.positional.size() > 1)
    return type_error(fmt::format("dict expected at most 1 argument, got {}", arguments.positional.size()));
  auto made = make<Dict>();
  if (!arguments.positional.empty()) {
    JINJA_DO(merge_into(state, *made, arguments.positional[0]));
  }
  for (auto const& named : arguments.named) made->set(named.name.string(), named.value);
  return Value(made);
}

Made make_namespace_from(State& state, Arguments const& arguments) {
  JINJA_TRY(auto const entries, dict(state, arguments));
  Value made = make_namespace();
  for (auto const& entry : entries.dict()) {
    if (!entry.key.is_string()) continue;
    JINJA_DO(made.object().set_attribute(state, entry.key.string(), entry.value));
  }
  return made;
}

class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string type_name() const override { return "Cycler"; }
  Made attribute(State&, std::string_view name) override {
    if (name == "current") return items_[at_];
    if (name == "pos") return static_cast<std::int64_t>(at_);
    if (name == "items") return tuple_of(items_);
    if (name != "next" && name != "reset") return Value::missing();
    Ref<Cycler> const self(this);
    return function(std::string(name), [self, is_next = name == "next"](State&, Arguments const& arguments) -> Made {
      JINJA_DO(arguments.bind(is_next ? "Cycler.next" : "Cycler.reset", {}, 0));
      Value const current = self->items_[self->at_];
      self->at_ = is_next ? (self->at_ + 1) % self->items_.size() : 0;
      return is_next ? current : Value();
    });
  }

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
  Made call(State&, Arguments const& arguments) override {
    JINJA_DO(arguments.bind("Joiner.__call__", {}, 0));
    return std::exchange(is_used_, true) ? separator_ : Value("");
  }
  Made attribute(State&, std::string_view name) override {
    if (name == "sep") return separator_;
    if (name == "used") return is_used_;
    return Value::missing();
  }

 private:
  Value separator_;
  bool is_used_ = false;
};

Made cycler(State&, Arguments const& arguments) {
  if (!arguments.named.empty())
    return type_error(
        fmt::format("Cycler.__init__() got an unexpected keyword argument {}", repr(arguments.named[0].name)));
  if (arguments.positional.empty()) return Failure(FailureType::RuntimeError, "at least one item has to be provided");
  return Value(make<Cycler>(std::vector<Value>(arguments.positional.begin(), arguments.positional.end())));
}

Made joiner(State&, Arguments const& arguments) {
  JINJA_TRY(auto const bound, arguments.bind("Joiner.__init__", {"sep"}, 0));
  return Value(make<Joiner>(bound[0].is_missing() ? Value(", ") : bound[0]));
}

}  // namespace

// lipsum is left out: random filler text has no place in what a template computes.
Globals builtin_globals() {
  return {
      {"range", function("range", range)},
      {"dict", function("dict", dict)},
      {"namespace", function("namespace", make_namespace_from)},
      {"cycler", function("cycler", cycler)},
      {"joiner", function("joiner", joiner)},
  };
}

}  // namespace weir::jinja
