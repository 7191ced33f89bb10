#pragma once
// Templates: parse once, render many times, from any number of threads.
//
//   auto environment = Environment::create({});
//   JINJA_TRY(auto tmpl, environment->parse("models/a.sql", source));
//   DictContext context({{"target", target}});
//   JINJA_TRY(auto text, tmpl->render(context));
//
// An Environment and a Template never change once they are made. A render belongs to one thread; its Context too,
// unless the host's Context locks.

#include <map>
#include <memory>

#include "jinja/object.h"

namespace weir::jinja {

class Environment;
class Template;
class Renderer;
struct Program;

// Where a template's free names come from. The environment's globals are asked after it.
class Context {
 public:
  virtual ~Context() = default;
  // Missing where there is no such name. Asked at most once a name and macro call.
  virtual Value find(std::string_view name) = 0;
};

class DictContext final : public Context {
 public:
  explicit DictContext(Ref<Dict> names) : names_(std::move(names)) {}
  explicit DictContext(std::vector<std::pair<std::string, Value>> names = {});
  Value find(std::string_view name) override;
  Dict& names() { return *names_; }

 private:
  Ref<Dict> names_;
};

// What a name that is nowhere is.
enum class UndefinedPolicy {
  Lenient,    // prints empty, is false, iterates as empty; its attributes and calls fail (Jinja2's Undefined)
  Chainable,  // ... and its attributes and items are undefined again
  Callable,   // ... and so is what a call of it gives: nothing that hangs on it fails
  Strict,     // anything but `is defined` fails
};

struct Limits {
  std::uint64_t steps = 50'000'000;         // nodes evaluated, items iterated
  std::uint64_t output_bytes = 256U << 20;  // of one text or value
  int depth = 400;                          // macros within macros
};

struct RenderOptions {
  UndefinedPolicy undefined = UndefinedPolicy::Lenient;
  Limits limits;
};

struct Parameter {
  std::string name;
  std::string annotation;  // as written behind the colon; it changes nothing
  bool has_default = false;
};

// A word or `name=value` in the tag of a named block: {% materialization view, adapter='postgres' %}.
struct TagOption {
  std::string name;
  Value value;  // Missing for a bare word
};

// A macro, or a block of one of the environment's own tags, at the top level of a template.
struct Definition {
  std::string tag;  // "macro", or the block's
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<TagOption> options;
  std::string_view body;  // the text between the tags
  Place place;            // of the opening tag
  std::size_t index = 0;  // among the template's
};

// A tag of the host's: {% NAME IDENTIFIER [(parameters)] [, option...] %} ... {% endNAME %}. The block prints nothing
// where it stands; it is a Definition, which is called like a macro.
struct BlockTag {
  std::string name;
  std::string end;
};

// `value|name(...)` and `value is name(...)`: the value is the first positional argument.
using Filter = Function;
using Test = std::function<Outcome<bool>(State&, Arguments const&)>;

struct EnvironmentOptions {
  bool trim_blocks = false;
  bool lstrip_blocks = false;
  bool keep_trailing_newline = false;
  std::vector<BlockTag> block_tags;
  std::map<std::string, Value, std::less<>> globals;   // beside range, dict, namespace, cycler, joiner, lipsum
  std::map<std::string, Filter, std::less<>> filters;  // beside or instead of Jinja2's
  std::map<std::string, Test, std::less<>> tests;
};

class Environment : public std::enable_shared_from_this<Environment> {
 public:
  static std::shared_ptr<Environment const> create(EnvironmentOptions options);
  ~Environment();

  // `name` is what errors call the template: a path. Fails with TemplateSyntaxError or TemplateAssertionError.
  // `lines_above`: how many lines of the file stand above it; places count them.
  Outcome<std::shared_ptr<Template const>> parse(std::string name, std::string source,
                                                 std::size_t lines_above = 0) const;
  // The bytes [begin, end) of a file (line ends are \n) as a template of their own; places are the whole file's.
  Outcome<std::shared_ptr<Template const>> parse_part(std::string name, std::shared_ptr<std::string const> source,
                                                      std::size_t begin, std::size_t end) const;

  EnvironmentOptions const& options() const;
  Filter const* filter(std::string_view name) const;
  Test const* test(std::string_view name) const;
  Value const* global(std::string_view name) const;

 private:
  struct Tables;
  explicit Environment(EnvironmentOptions options);
  std::unique_ptr<Tables const> tables_;
};

class Template : public std::enable_shared_from_this<Template> {
 public:
  ~Template();
  std::string const& name() const;
  std::string const& source() const;  // line ends are \n
  Environment const& environment() const;

  Outcome<std::string> render(Context& context, RenderOptions const& options = {}) const;
  // A template that is one expression gives that expression's value; anything else the text. Constants are text, as in
  // Jinja2's native types; no text is ever evaluated (literal() does that).
  Outcome<Value> render_native(Context& context, RenderOptions const& options = {}) const;

  // Top-level macros and named blocks, in their order. Each can be called without rendering the template; it then sees
  // its arguments, the context and nothing else of the file.
  std::vector<Definition> const& definitions() const;
  Definition const* find(std::string_view tag, std::string_view name) const;
  Outcome<Value> call(Definition const& definition, Context& context, Arguments const& arguments,
                      RenderOptions const& options = {}) const;

  // A place in source(), by bytes.
  Place place(std::size_t begin, std::size_t end) const;
  Program const& program() const { return *program_; }  // for the engine

 private:
  friend class Environment;
  Template() = default;
  std::shared_ptr<Environment const> environment_;
  std::unique_ptr<Program> program_;
};

// What a host function sees of the render that called it. Passed by reference; never kept.
class State {
 public:
  Environment const& environment() const;
  Template const& current_template() const;
  Context& context() const;  // of the macro or template that is being carried out
  // A name of the context or a global, or Missing.
  Value find(std::string_view name) const;

  Outcome<Value> call(Value const& callee, Arguments const& arguments);
  Outcome<Value> call_method(Value const& object, std::string_view name, Arguments const& arguments);
  // Calls a macro or named block with this context, as a part of this render: same limits, same call stack.
  Outcome<Value> call(Template const& of, Definition const& definition, Context& context, Arguments const& arguments);
  Outcome<std::string> render(Template const& tmpl, Context& context);
  Outcome<Value> render_native(Template const& tmpl, Context& context);

  Outcome<Value> attribute(Value const& object, std::string_view name);  // x.name
  Outcome<Value> item(Value const& object, Value const& key);            // x[key]
  Outcome<std::string> text(Value const& value);                         // str(), an undefined by its policy
  // What iterating gives; TypeError where the value is no iterable.
  Outcome<std::vector<Value>> items(Value const& value);
  Value undefined(std::string_view name) const;  // by the render's policy
  Value undefined_with_hint(std::string hint) const;

  Place place() const;                              // of the node that is being evaluated
  std::vector<MacroCall> calls() const;             // the macros being carried out, innermost first
  Outcome<Done> spend(std::uint64_t steps);         // of the limit
  Renderer& renderer() const { return renderer_; }  // for the engine

 private:
  friend class Renderer;
  explicit State(Renderer& renderer) : renderer_(renderer) {}
  Renderer& renderer_;
};

// Python's ast.literal_eval: the value of a text that is a literal, or nothing.
std::optional<Value> literal(std::string_view text);

}  // namespace weir::jinja
