#pragma once
// The names that dbt puts into templates. DbtContext holds what every context has: macros and their namespaces, target,
// var, env_var, log, exceptions, conversions. Derive from it and override member() for what a situation adds; the
// parser's own is in parse_context.h. One context serves one render at a time.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "jinja/environment.h"
#include "project/macro_library.h"
#include "project/profile.h"
#include "project/project_file.h"

namespace weir::project {

// The version of dbt's language that templates and packages see.
inline constexpr std::string_view kDbtVersion = "1.11.16";

// What all contexts of one invocation share. Immutable but for the notes it takes.
struct ContextFacts {
  Target target;
  std::vector<ProjectFile> const* projects = nullptr;  // the root project first
  std::shared_ptr<MacroLibrary const> library;
  Data::Dict cli_vars;
  Data flags = Data::Dict{};  // by upper-case name
  std::string invocation_id;
  std::int64_t run_started_us = 0;  // since the epoch
  bool lenient_vars = false;        // a var that is not set is none, as while parsing

  ProjectFile const& root() const { return projects->front(); }
  ProjectFile const* project(std::string_view name) const;
};

// A var, by dbt's precedence: --vars, the root project's for the package, the root project's, the package's own. Null:
// not set.
Data const* find_var(ContextFacts const& facts, std::string_view package, std::string_view name);

class DbtContext : public jinja::Context {
 public:
  // `package`: the one whose macros and vars a template sees first.
  DbtContext(ContextFacts const& facts, std::string package) : facts_(facts), package_(std::move(package)) {}

  jinja::Value find(std::string_view name) final;

  ContextFacts const& facts() const { return facts_; }
  std::string const& package() const { return package_; }
  // Ids of macros that the template itself called, in order, each once.
  std::vector<std::string> const& called_macros() const { return called_; }
  void note_macro(std::string const& unique_id);
  // A macro as a callable of this context.
  jinja::Value macro(MacroCode const& code);
  // Sets a name for this context, over everything else; `package.name`: over a macro as its package's namespace has it.
  void set(std::string name, jinja::Value value) { names_.insert_or_assign(std::move(name), std::move(value)); }
  // What was set by set(), or null.
  jinja::Value const* find_set(std::string const& name) const;
  // dbt's own meaning of a name, also where a macro of that name hides it (`builtins`).
  jinja::Value builtin(std::string_view name) { return member(name); }
  // What iterates over `context`.
  virtual std::vector<std::string> member_names() const;

  int macro_depth = 0;

 protected:
  // Missing where this context has no such name.
  virtual jinja::Value member(std::string_view name);
  // What dispatch() of this context's adapter is.
  jinja::Value dispatch_function();

 private:
  ContextFacts const& facts_;
  std::string package_;
  std::unordered_map<std::string, jinja::Value> names_;
  std::vector<std::string> called_;
};

// The adapter as templates see it. What needs no session is here; derive from it and override live() for the rest.
class AdapterObject : public jinja::Object {
 public:
  AdapterObject(ContextFacts const& facts, jinja::Value dispatch) : facts_(facts), dispatch_(std::move(dispatch)) {}
  std::string type_name() const override { return "DatabaseWrapper"; }
  bool is_true() const override { return true; }
  jinja::Outcome<jinja::Value> attribute(jinja::State& state, std::string_view name) final;

 protected:
  // A method that works in the warehouse, or Missing.
  virtual jinja::Value live(std::string_view name) = 0;
  ContextFacts const& facts() const { return facts_; }

 private:
  ContextFacts const& facts_;
  jinja::Value dispatch_;
};

// Context of dbt_project.yml, profiles.yml and packages.yml: target (where known), var, env_var and the conversions.
class YamlContext final : public DbtContext {
 public:
  enum class Secrets { Refused, Allowed };  // DBT_ENV_SECRET_*
  YamlContext(ContextFacts const& facts, bool has_target, Secrets secrets, std::string package = {})
      : DbtContext(facts, std::move(package)), has_target_(has_target), secrets_(secrets) {}

 protected:
  jinja::Value member(std::string_view name) override;

 private:
  bool has_target_;
  Secrets secrets_;
};

// Environment variables that templates asked for, with what they were ("" and false where not set): what a cached parse
// depends on.
std::vector<std::pair<std::string, std::string>> environment_asked_for();

}  // namespace weir::project
