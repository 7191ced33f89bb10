#include "project/context.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "base/secret.h"
#include "base/text.h"
#include "jinja/iterate.h"
#include "jinja/modules.h"
#include "project/context_functions.h"
#include "project/profile_render.h"
#include "project/relation.h"
#include "project/templates.h"

namespace weir::project {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Outcome;
using jinja::State;
using jinja::Value;

constexpr std::string_view kSecretPrefix = "DBT_ENV_SECRET";

class EnvironmentNotes {
 public:
  void note(std::string name, std::string value) {
    MutexLock lock(mutex_);
    asked_.insert_or_assign(std::move(name), std::move(value));
  }
  std::vector<std::pair<std::string, std::string>> all() {
    MutexLock lock(mutex_);
    return {asked_.begin(), asked_.end()};
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::string> asked_ WEIR_GUARDED_BY(mutex_);
};

EnvironmentNotes& environment_notes() {
  static EnvironmentNotes notes;
  return notes;
}

Outcome<Value> call_env_var(Arguments const& arguments, bool allows_secrets) {
  JINJA_TRY(auto bound, arguments.bind("env_var", {"var", "default"}, 1));
  std::string const name = jinja::to_text(bound[0]);
  bool const is_secret = name.starts_with(kSecretPrefix);
  if (is_secret && !allows_secrets)
    return Failure(
        Error(ErrorKind::Template, fmt::format("secret environment variable \"{}\" cannot be used here", name))
            .cause("variables that begin with DBT_ENV_SECRET are known in profiles.yml and packages.yml only"));
  char const* value = std::getenv(name.c_str());
  environment_notes().note(name, value == nullptr ? "" : value);
  if (value != nullptr) {
    if (is_secret) register_secret(value);
    return Value(value);
  }
  if (!bound[1].is_missing() && !bound[1].is_none()) return bound[1];
  return Failure(Error(ErrorKind::Template, fmt::format("environment variable \"{}\" is not set", name))
                     .next(fmt::format("set it, or give a default: env_var('{}', 'default')", name)));
}

// var(name, default) and var.has_var(name).
class VarObject final : public jinja::Object {
 public:
  VarObject(ContextFacts const& facts, std::string package, DbtContext& context)
      : facts_(facts), package_(std::move(package)), context_(context) {}
  std::string type_name() const override { return "Var"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }

  Outcome<Value> call(State& state, Arguments const& arguments) override {
    JINJA_TRY(auto bound, arguments.bind("var", {"var_name", "default"}, 1));
    std::string const name = jinja::to_text(bound[0]);
    if (auto const* found = find_var(facts_, package_, name)) return rendered(state, *found);
    if (!bound[1].is_missing()) return bound[1];
    if (facts_.lenient_vars) return Value();
    std::vector<std::string> known;
    for (auto const& [key, value] : facts_.cli_vars) known.push_back(key);
    for (auto const& [key, value] : facts_.root().vars.pairs()) known.push_back(key);
    std::string next = did_you_mean(name, known);
    return Failure(
        Error(ErrorKind::Template, fmt::format("var \"{}\" is not set", name))
            .next(next.empty()
                      ? fmt::format("set it under vars: in dbt_project.yml, or with --vars '{{{}: ...}}'", name)
                      : next));
  }

  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name != "has_var") return Value::missing();
    return jinja::function(
        "has_var", [this, self = jinja::Ref<VarObject>(this)](State&, Arguments const& arguments) -> Outcome<Value> {
          JINJA_TRY(auto bound, arguments.bind("has_var", {"var_name"}, 1));
          return Value(find_var(facts_, package_, jinja::to_text(bound[0])) != nullptr);
        });
  }

 private:
  // A text is a template once more.
  Outcome<Value> rendered(State& state, Data const& raw) {
    if (!raw.is_string() || !has_template(raw.text())) return to_value(raw);
    JINJA_TRY(auto tmpl, text_templates()->parse("<var>", raw.text()));
    JINJA_TRY(auto text, state.render(*tmpl, context_));
    return Value(text);
  }

  ContextFacts const& facts_;
  std::string package_;
  DbtContext& context_;
};

class MacroFunction final : public jinja::Object {
 public:
  MacroFunction(DbtContext& context, MacroCode const& code) : context_(context), code_(code) {}
  std::string type_name() const override { return "MacroGenerator"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> call(State& state, Arguments const& arguments) override {
    if (context_.macro_depth == 0) context_.note_macro(code_.unique_id);
    ++context_.macro_depth;
    auto result = state.call(*code_.code, *code_.definition, context_, arguments);
    --context_.macro_depth;
    return result;
  }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "name") return Value(code_.name);
    if (name == "unique_id") return Value(code_.unique_id);
    if (name == "package_name") return Value(code_.package_name);
    return Value::missing();
  }
  bool equals(Value const& other) const override {
    auto const* macro = other.as<MacroFunction>();
    return macro != nullptr && &macro->code_ == &code_;
  }

 private:
  DbtContext& context_;
  MacroCode const& code_;
};

// What iterates over the names of an object that stands for a dict.
std::unique_ptr<jinja::Cursor> names_cursor(std::vector<std::string> names) {
  return jinja::cursor_of([names = std::move(names), at = std::size_t{0}](State&) mutable -> Outcome<Value> {
    return at == names.size() ? Value::missing() : Value(names[at++]);
  });
}

// dbt_utils in {{ dbt_utils.star(...) }}
class PackageNamespace final : public jinja::Object {
 public:
  PackageNamespace(DbtContext& context, std::string package) : context_(context), package_(std::move(package)) {}
  std::string type_name() const override { return "dict"; }
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  // A dict's macros are its items: names that begin with _ are found too.
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (context_.facts().library->find_in(package_, name) == nullptr && name == "get")
      return jinja::function(
          "get",
          [this, self = jinja::Ref<PackageNamespace>(this)](State&, Arguments const& arguments) -> Outcome<Value> {
            JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
            Value const found = macro(jinja::to_text(bound[0]));
            return !found.is_missing() ? found : bound[1].is_missing() ? Value() : bound[1];
          });
    return Value::missing();
  }
  Outcome<Value> item(State&, Value const& key) override { return macro(jinja::to_text(key)); }
  Outcome<Value> call_method(State& state, std::string_view name, Arguments const& arguments) override {
    Value const found = macro(name);
    return found.is_missing() ? Object::call_method(state, name, arguments) : state.call(found, arguments);
  }
  bool is_iterable() const override { return true; }
  Outcome<std::unique_ptr<jinja::Cursor>> iterate(State&) override {
    std::vector<std::string> names;
    for (auto const& [name, code] : context_.facts().library->of_package(package_)) names.push_back(name);
    return names_cursor(std::move(names));
  }
  Outcome<bool> contains(State&, Value const& key) override {
    return context_.facts().library->find_in(package_, jinja::to_text(key)) != nullptr;
  }

 private:
  Value macro(std::string_view name) const {
    if (auto const* over = context_.find_set(fmt::format("{}.{}", package_, name))) return *over;
    auto const* code = context_.facts().library->find_in(package_, name);
    return code == nullptr ? Value::missing() : context_.macro(*code);
  }

  DbtContext& context_;
  std::string package_;
};

// `context`: everything there is, by name.
class ContextObject final : public jinja::Object {
 public:
  explicit ContextObject(DbtContext& context) : context_(context) {}
  std::string type_name() const override { return "dict"; }
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> item(State&, Value const& key) override { return context_.find(jinja::to_text(key)); }
  bool is_iterable() const override { return true; }
  Outcome<std::unique_ptr<jinja::Cursor>> iterate(State&) override { return names_cursor(context_.member_names()); }
  Outcome<bool> contains(State&, Value const& key) override { return !context_.find(jinja::to_text(key)).is_missing(); }
  Outcome<Value> attribute(State&, std::string_view name) override {
    jinja::Ref<ContextObject> const self(this);
    if (name == "get")
      return jinja::function("get", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
        Value const found = self->context_.find(jinja::to_text(bound[0]));
        return !found.is_missing() ? found : bound[1].is_missing() ? Value() : bound[1];
      });
    if (name == "update")
      return jinja::function("update", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        for (auto const& one : arguments.positional) {
          if (!one.is_dict()) return Failure(FailureType::TypeError, "update() takes a dict");
          for (auto const& entry : one.dict()) self->context_.set(jinja::to_text(entry.key), entry.value);
        }
        for (auto const& named : arguments.named) self->context_.set(jinja::to_text(named.name), named.value);
        return Value();
      });
    if (name == "keys" || name == "items" || name == "values")
      return jinja::function(std::string(name),
                             [self, name = std::string(name)](State&, Arguments const&) -> Outcome<Value> {
                               std::vector<Value> out;
                               for (auto const& key : self->context_.member_names()) {
                                 Value const value = self->context_.find(key);
                                 if (value.is_missing()) continue;
                                 out.push_back(name == "keys"     ? Value(key)
                                               : name == "values" ? value
                                                                  : jinja::tuple_of({Value(key), value}));
                               }
                               return jinja::list_of(std::move(out));
                             });
    return context_.find(name);
  }

 private:
  DbtContext& context_;
};

// `builtins`: dbt's own ref, source, config, whatever macros are called like them.
class Builtins final : public jinja::Object {
 public:
  explicit Builtins(DbtContext& context) : context_(context) {}
  std::string type_name() const override { return "dict"; }
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override { return context_.builtin(name); }
  Outcome<Value> item(State&, Value const& key) override { return context_.builtin(jinja::to_text(key)); }
  bool is_iterable() const override { return true; }
  Outcome<std::unique_ptr<jinja::Cursor>> iterate(State&) override { return names_cursor(context_.member_names()); }
  Outcome<bool> contains(State&, Value const& key) override {
    return !context_.builtin(jinja::to_text(key)).is_missing();
  }

 private:
  DbtContext& context_;
};

// `flags`: upper or lower case.
class FlagsObject final : public jinja::Object {
 public:
  explicit FlagsObject(Data flags) : flags_(std::move(flags)) {}
  std::string type_name() const override { return "Namespace"; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override { return look_up(name); }
  Outcome<Value> item(State&, Value const& key) override { return look_up(jinja::to_text(key)); }

 private:
  Value look_up(std::string_view name) const {
    std::string upper;
    for (char const c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    auto const* found = flags_.find(upper);
    return found == nullptr ? Value::missing() : to_value(*found);
  }
  Data flags_;
};

Outcome<Value> quote_text(Arguments const& arguments, std::string_view function) {
  JINJA_TRY(auto bound, arguments.bind(function, {"identifier"}, 1));
  return Value("\"" + jinja::to_text(bound[0]) + "\"");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment_asked_for() {
  return environment_notes().all();
}

ProjectFile const* ContextFacts::project(std::string_view name) const {
  for (auto const& one : *projects)
    if (one.name == name) return &one;
  return nullptr;
}

Data const* find_var(ContextFacts const& facts, std::string_view package, std::string_view name) {
  if (auto const* said = find(facts.cli_vars, name)) return said;
  if (facts.projects == nullptr || facts.projects->empty()) return nullptr;
  if (auto const* said = facts.root().vars[package].find(name)) return said;
  if (auto const* said = facts.root().vars.find(name)) return said;
  auto const* own = package.empty() ? nullptr : facts.project(package);
  if (own == nullptr) return nullptr;
  if (auto const* said = own->vars[package].find(name)) return said;
  return own->vars.find(name);
}

void DbtContext::note_macro(std::string const& unique_id) {
  if (std::find(called_.begin(), called_.end(), unique_id) == called_.end()) called_.push_back(unique_id);
}

Value const* DbtContext::find_set(std::string const& name) const {
  auto const known = names_.find(name);
  return known == names_.end() ? nullptr : &known->second;
}

Value DbtContext::macro(MacroCode const& code) {
  return Value(jinja::make<MacroFunction>(*this, code));
}

Value DbtContext::find(std::string_view name) {
  std::string key(name);
  if (auto const* known = find_set(key)) return *known;
  Value value = Value::missing();
  if (facts_.library != nullptr) {
    if (auto const* code = facts_.library->find(package_, name)) {
      value = macro(*code);
    } else if (facts_.library->has_package(name)) {
      value = Value(jinja::make<PackageNamespace>(*this, key));
    }
  }
  if (value.is_missing()) value = member(name);
  names_.emplace(std::move(key), value);
  return value;
}

Value DbtContext::dispatch_function() {
  return jinja::function("dispatch", [this](State&, Arguments const& arguments) -> Outcome<Value> {
    JINJA_TRY(auto bound, arguments.bind("dispatch", {"macro_name", "macro_namespace", "packages"}, 1));
    std::string const name = jinja::to_text(bound[0]);
    if (auto const dot = name.find('.'); dot != std::string::npos)
      return Failure(Error(ErrorKind::Template,
                           fmt::format("adapter.dispatch() got the macro name \"{}\", which holds a dot", name))
                         .next(fmt::format("write adapter.dispatch('{}', macro_namespace='{}')", name.substr(dot + 1),
                                           name.substr(0, dot))));
    if (!bound[2].is_missing() && !bound[2].is_none())
      return Failure(
          Error(ErrorKind::Template,
                fmt::format("adapter.dispatch() of \"{}\" was given packages=, which is no longer taken", name))
              .next("give macro_namespace= instead"));
    std::string const macro_namespace = bound[1].is_string() ? std::string(bound[1].string()) : std::string();
    std::vector<std::string> tried;
    if (auto const* code = facts_.library->dispatch(package_, name, macro_namespace, &tried)) return macro(*code);
    return Failure(Error(ErrorKind::Template, fmt::format("no macro \"{}\" was found by adapter.dispatch()", name))
                       .cause(fmt::format("looked for {}", join(tried, ", "))));
  });
}

std::vector<std::string> DbtContext::member_names() const {
  std::vector<std::string> names{
      "dbt_version",    "project_name", "target",  "var",      "env_var", "flags", "invocation_id",
      "run_started_at", "thread_id",    "context", "builtins", "modules", "api"};
  for (auto const& name : common_function_names()) names.push_back(name);
  if (facts_.library != nullptr)
    for (auto const& name : facts_.library->names()) names.push_back(name);
  return names;
}

Value DbtContext::member(std::string_view name) {
  if (name == "var") return Value(jinja::make<VarObject>(facts_, package_, *this));
  if (name == "env_var")
    return jinja::function("env_var",
                           [](State&, Arguments const& arguments) { return call_env_var(arguments, false); });
  if (name == "target") return to_value(facts_.target.context());
  if (name == "project_name") return Value(facts_.root().name);
  if (name == "flags") return Value(jinja::make<FlagsObject>(facts_.flags));
  if (name == "dbt_version") return Value(kDbtVersion);
  if (name == "invocation_id") return Value(facts_.invocation_id);
  if (name == "modules") return jinja::standard_modules();
  if (name == "run_started_at") {
    auto const at = jinja::date_time_utc(facts_.run_started_us);
    return at.has_value() ? *at : Value();
  }
  if (name == "thread_id") return Value("MainThread");
  if (name == "context") return Value(jinja::make<ContextObject>(*this));
  if (name == "builtins") return Value(jinja::make<Builtins>(*this));
  if (name == "api")
    return jinja::make_module("api", {{"Relation", relation_class(facts_.root().quoting)}, {"Column", column_class()}});
  if (name == "dbt_metadata_envs") return to_value(custom_environment());
  return common_function(name);
}

Outcome<Value> AdapterObject::attribute(State&, std::string_view name) {
  if (name == "dispatch") return dispatch_;
  if (name == "type")
    return jinja::function("type", [](State&, Arguments const&) -> Outcome<Value> { return Value("postgres"); });
  if (name == "Relation") return relation_class(facts_.root().quoting);
  if (name == "Column") return column_class();
  if (name == "quote")
    return jinja::function("quote", [](State&, Arguments const& arguments) { return quote_text(arguments, "quote"); });
  if (name == "quote_as_configured")
    return jinja::function(
        "quote_as_configured", [quoting = facts_.root().quoting](State&, Arguments const& arguments) -> Outcome<Value> {
          JINJA_TRY(auto bound, arguments.bind("quote_as_configured", {"identifier", "quote_key"}, 2));
          auto const& said = quoting[jinja::to_text(bound[1])];
          std::string const text = jinja::to_text(bound[0]);
          return Value(said.is_none() || said.truth() ? "\"" + text + "\"" : text);
        });
  if (name == "quote_seed_column")
    return jinja::function("quote_seed_column", [](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("quote_seed_column", {"column", "quote_config"}, 2));
      std::string const text = jinja::to_text(bound[0]);
      return Value(bound[1].is_none() || jinja::truth(bound[1]) ? "\"" + text + "\"" : text);
    });
  if (name == "verify_database")
    return jinja::function(
        "verify_database", [database = facts_.target.database](State&, Arguments const& arguments) -> Outcome<Value> {
          JINJA_TRY(auto bound, arguments.bind("verify_database", {"database"}, 1));
          std::string text = jinja::to_text(bound[0]);
          if (text.size() > 1 && text.front() == '"') text = text.substr(1, text.size() - 2);
          if (!equals_ignoring_case(text, database))
            return Failure(
                Error(ErrorKind::Template,
                      fmt::format("database \"{}\" is not the one that is connected to, \"{}\"", text, database))
                    .cause("a PostgreSQL session sees one database"));
          return Value("");
        });
  return live(name);
}

Value YamlContext::member(std::string_view name) {
  if (name == "target") return has_target_ ? DbtContext::member(name) : Value::missing();
  if (name == "project_name") return Value::missing();
  if (name == "env_var" && secrets_ == Secrets::Allowed)
    return jinja::function("env_var", [](State&, Arguments const& arguments) { return call_env_var(arguments, true); });
  return DbtContext::member(name);
}

RenderText profile_renderer(Data::Dict vars) {
  auto facts = std::make_shared<ContextFacts>();
  facts->cli_vars = std::move(vars);
  auto context = std::make_shared<YamlContext>(*facts, false, YamlContext::Secrets::Allowed);
  return [facts, context](std::string_view text) { return render_value(text, *context); };
}

}  // namespace weir::project
