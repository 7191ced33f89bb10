// The engine as a host sees it. What templates compute is compared with Jinja2 itself (tests/jinja).

#include <gtest/gtest.h>

#include <thread>

#include "jinja/environment.h"

using namespace weir;
using namespace weir::jinja;

namespace {

std::shared_ptr<Template const> parsed(std::string source, EnvironmentOptions options = {}) {
  auto tmpl = Environment::create(std::move(options))->parse("models/a.sql", std::move(source));
  EXPECT_TRUE(tmpl.ok()) << tmpl.error().message();
  return *tmpl;
}

std::string rendered(std::string source, std::vector<std::pair<std::string, Value>> names = {},
                     RenderOptions options = {}) {
  DictContext context(std::move(names));
  auto text = parsed(std::move(source))->render(context, options);
  if (!text.ok()) return std::string(type_name(text.error().type())) + ": " + text.error().message();
  return *text;
}

Value native(std::string source, std::vector<std::pair<std::string, Value>> names = {}) {
  DictContext context(std::move(names));
  auto value = parsed(std::move(source))->render_native(context);
  EXPECT_TRUE(value.ok());
  return *value;
}

// A host's object: attributes, items, a method, equality.
class Relation final : public Object {
 public:
  explicit Relation(std::string name) : name_(std::move(name)) {}
  std::string type_name() const override { return "Relation"; }
  std::string text() const override { return "\"" + name_ + "\""; }
  std::string repr() const override { return "<Relation " + name_ + ">"; }
  bool is_mapping() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    return name == "name" ? Value(name_) : Value::missing();
  }
  Outcome<Value> item(State&, Value const& key) override {
    return key.is_string() && key.string() == "kind" ? Value("table") : Value::missing();
  }
  Outcome<Value> call_method(State& state, std::string_view name, Arguments const& arguments) override {
    if (name != "include") return Object::call_method(state, name, arguments);
    JINJA_TRY(auto const bound, arguments.bind("include", {"schema", "identifier"}, 1));
    return Value(make<Relation>(to_text(bound[0]) + "." + name_));
  }
  bool equals(Value const& other) const override {
    auto const* relation = other.as<Relation>();
    return relation != nullptr && relation->name_ == name_;
  }
  Outcome<std::uint64_t> hash() const override { return std::hash<std::string>()(name_); }

 private:
  std::string name_;
};

}  // namespace

TEST(JinjaHost, ObjectsBehaveAsTheySay) {
  Value const relation = make<Relation>("orders");
  EXPECT_EQ(rendered("{{ r }} {{ [r] }} {{ r.name }} {{ r.kind }} {{ r['name'] }} {{ r.none }}|", {{"r", relation}}),
            "\"orders\" [<Relation orders>] orders table orders |");
  EXPECT_EQ(rendered("{{ r.include('s') }} {{ r is mapping }} {{ r == q }} {{ {r: 1}[q] }}",
                     {{"r", relation}, {"q", make<Relation>("orders")}}),
            "\"s.orders\" True True 1");
  EXPECT_EQ(rendered("{{ r.include() }}", {{"r", relation}}),
            "TypeError: include() missing 1 required positional argument: 'schema'");
  EXPECT_EQ(rendered("{{ r() }}", {{"r", relation}}), "TypeError: 'Relation' object is not callable");
  EXPECT_EQ(rendered("{{ r.zip() }}", {{"r", relation}}), "UndefinedError: 'Relation object' has no attribute 'zip'");
  EXPECT_EQ(rendered("{% for x in r %}{% endfor %}", {{"r", relation}}),
            "TypeError: 'Relation' object is not iterable");
}

TEST(JinjaHost, AnErrorOfTheHostKeepsItsKindAndGetsAPlace) {
  Value const query = function("run_query", [](State&, Arguments const&) -> Outcome<Value> {
    return Error(ErrorKind::Sql, "relation \"t\" does not exist").sqlstate("42P01");
  });
  DictContext context({{"run_query", query}});
  auto const tmpl = parsed("{% macro m() %}\n  {{ run_query('x') }}\n{% endmacro %}\n{{ m() }}");
  auto text = tmpl->render(context);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().place().line, 2);
  EXPECT_EQ(text.error().place().column, 6);
  ASSERT_EQ(text.error().calls().size(), 1U);
  EXPECT_EQ(text.error().calls()[0].macro, "m");
  EXPECT_EQ(text.error().calls()[0].called_from.line, 4);
  Error const error = std::move(text).error();
  EXPECT_EQ(error.kind(), ErrorKind::Sql);
  EXPECT_EQ(error.sqlstate(), "42P01");
  EXPECT_EQ(error.where(), "models/a.sql:2:6");
  EXPECT_NE(error.excerpt().find("^^^^^^^^^^^^^^"), std::string::npos);
}

TEST(JinjaHost, ListsAreShared) {
  Value const list = list_of({1});
  EXPECT_EQ(rendered("{% set b = a %}{% do b.append(2) %}{{ a }}", {{"a", list}}), "[1, 2]");
  EXPECT_EQ(list.list().items.size(), 2U);
}

TEST(JinjaReturn, EndsTheMacroWithAnyValue) {
  std::string const source =
      "{% macro f(x) %}lost{% for i in x %}{% if i == 2 %}{{ return({'i': i}) }}{% endif %}{% endfor %}none{% endmacro "
      "%}"
      "{{ f([1, 2]).i + 1 }} {{ f([]) }}";
  EXPECT_EQ(rendered(source, {{"return", return_function()}}), "3 lostnone");
  // The body of a call block is no macro of its own: the one that calls it ends.
  EXPECT_EQ(rendered("{% macro m() %}a{{ caller() }}b{% endmacro %}{% call m() %}{{ return(5) }}{% endcall %}",
                     {{"return", return_function()}}),
            "5");
  EXPECT_EQ(rendered("{{ return(1) }}", {{"return", return_function()}}), "Return: return outside of a macro");
}

TEST(JinjaNative, OneExpressionKeepsItsType) {
  EXPECT_TRUE(native("{{ x }}", {{"x", 5}}).is_int());
  EXPECT_TRUE(native("{{ x }}", {{"x", list_of({1})}}).is_list());
  EXPECT_EQ(native("{{ x }}", {{"x", Value("5")}}).string(), "5");
  EXPECT_EQ(native("{{ x }}{{ x }}", {{"x", 5}}).string(), "55");
  EXPECT_EQ(native("{{ x }} ", {{"x", 5}}).string(), "5 ");
  EXPECT_EQ(native("{{ 1 + 1 }}").string(), "2");  // a constant is text, as Jinja2's native types have it
  EXPECT_EQ(native("").string(), "");
  EXPECT_TRUE(native("{% if x %}{{ x }}{% endif %}", {{"x", true}}).is_bool());
  EXPECT_EQ(literal("[1, 'a', None, (2.5,)]")->list().items.size(), 4U);
  EXPECT_FALSE(literal("x + 1").has_value());
  EXPECT_FALSE(literal("true").has_value());
}

TEST(JinjaUndefined, PolicyOfTheHost) {
  RenderOptions callable;
  callable.undefined = UndefinedPolicy::Callable;
  EXPECT_EQ(rendered("{{ a.b(1).c[2]('x') }}{% for i in a.b() %}x{% endfor %}{{ a.b() is defined }}", {}, callable),
            "False");
  EXPECT_EQ(rendered("{{ a.b() }}"), "UndefinedError: 'a' is undefined");
  RenderOptions strict;
  strict.undefined = UndefinedPolicy::Strict;
  EXPECT_EQ(rendered("{{ a }}", {}, strict), "UndefinedError: 'a' is undefined");
}

TEST(JinjaLimits, EveryRunawayEnds) {
  RenderOptions options;
  options.limits.steps = 10'000;
  options.limits.output_bytes = 1'000'000;
  auto const limited = [&](std::string source) { return rendered(std::move(source), {}, options).substr(0, 14); };
  EXPECT_EQ(limited("{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}"), "Limit: the tem");
  EXPECT_EQ(limited("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), "RecursionError");
  EXPECT_EQ(limited("{{ 'x' * 10000000 }}"), "MemoryError: t");
  EXPECT_EQ(limited("{{ 'x'.center(10000000) }}"), "Limit: the tem");
  EXPECT_EQ(limited("{{ 10 ** 100000000 }}"), "Limit: the res");
  EXPECT_EQ(limited("{% set l = [1] %}{% for x in l %}{% do l.append(x) %}{% endfor %}"), "Limit: the tem");
}

TEST(JinjaLimits, DeepNestingIsNoCrash) {
  std::string const open(100'000, '(');
  auto const tmpl = Environment::create({})->parse("deep", "{{ " + open + " }}");
  ASSERT_FALSE(tmpl.ok());
  EXPECT_EQ(tmpl.error().type(), FailureType::RecursionError);
  std::string sum = "1";
  for (int i = 0; i < 100'000; ++i) sum += "+1";
  auto const chain = Environment::create({})->parse("chain", "{{ " + sum + " }}");
  ASSERT_FALSE(chain.ok());
  EXPECT_EQ(chain.error().type(), FailureType::RecursionError);
  EXPECT_EQ(rendered("{% set ns = namespace(x=[]) %}{% for i in range(20000) %}{% set ns.x = [ns.x] %}{% endfor %}ok"),
            "ok");
}

TEST(JinjaDefinitions, BlocksOfTheHostAreCalledLikeMacros) {
  EnvironmentOptions options;
  options.block_tags = {{"materialization", "endmaterialization"}, {"test", "endtest"}};
  auto const tmpl = parsed(
      "{% materialization view, adapter='postgres', langs=['sql'] %}made {{ name }}{% endmaterialization %}\n"
      "{% test unique(model, column: string = 'id') %}{{ model }}.{{ column }}{{ kwargs.w }}{% endtest %}"
      "{% macro m(a: list[dict[str, int]], b=2) %}{{ a }}{{ b }}{% endmacro %}",
      options);
  ASSERT_EQ(tmpl->definitions().size(), 3U);
  Definition const& made = tmpl->definitions()[0];
  EXPECT_EQ(made.tag, "materialization");
  EXPECT_EQ(made.name, "view");
  ASSERT_EQ(made.options.size(), 2U);
  EXPECT_EQ(made.options[0].value.string(), "postgres");
  DictContext context({{"name", Value("it")}});
  EXPECT_EQ(tmpl->call(made, context, {})->string(), "made it");
  Definition const* test = tmpl->find("test", "unique");
  ASSERT_NE(test, nullptr);
  EXPECT_EQ(test->parameters[1].annotation, "string");
  EXPECT_TRUE(test->parameters[1].has_default);
  std::vector<Named> const named = {{Value("model"), Value("t")}, {Value("w"), Value(1)}};
  EXPECT_EQ(tmpl->call(*test, context, {{}, named})->string(), "t.id1");
  EXPECT_EQ(tmpl->find("macro", "m")->parameters[0].annotation, "list[dict[str, int]]");
}

TEST(JinjaDefinitions, AMacroCalledAloneSeesTheContextOnly) {
  auto const tmpl = parsed(
      "{% set x = 'file' %}{% macro a() %}{{ x }}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}");
  DictContext context({{"x", Value("context")},
                       {"b", function("b", [](State&, Arguments const&) -> Outcome<Value> { return Value("host"); })}});
  EXPECT_EQ(tmpl->call(*tmpl->find("macro", "a"), context, {})->string(), "contexthost");
  EXPECT_EQ(*tmpl->render(context), "fileB");
}

TEST(JinjaDefinitions, TheHostSeesTheCallStack) {
  std::vector<std::string> seen;
  Value const where = function("where", [&](State& state, Arguments const&) -> Outcome<Value> {
    for (auto const& call : state.calls()) seen.push_back(call.macro);
    return Value(state.place().text());
  });
  EXPECT_EQ(rendered("{% macro a() %}{{ where() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ b() }}",
                     {{"where", where}}),
            "models/a.sql:1:19");
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

TEST(JinjaErrors, PlaceAndCaret) {
  auto const tmpl = Environment::create({})->parse("m.sql", "a\n{% if x %}\n{{ 1 + }}\n{% endif %}");
  ASSERT_FALSE(tmpl.ok());
  EXPECT_EQ(tmpl.error().type(), FailureType::TemplateSyntaxError);
  EXPECT_EQ(tmpl.error().place().text(), "m.sql:3:8");
  EXPECT_EQ(tmpl.error().place().excerpt, "   3 | {{ 1 + }}\n     |        ^^");
  DictContext context;
  auto const text = parsed("x\n  {{ a.b.c }}")->render(context);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().place().text(), "models/a.sql:2:6");
}

// Runs under the thread sanitizer: one template, one environment, many threads.
TEST(JinjaConcurrent, OneTemplateManyThreads) {
  auto const tmpl = parsed(
      "{% macro m(a) %}{{ a|upper }}{% endmacro %}{% for x in items %}{{ m(x) }}{{ shared.k }}{{ loop.index }}{% "
      "endfor %}");
  Value const shared = dict_of({{"k", Value("v")}});
  std::vector<std::string> texts(4);
  {
    std::vector<std::jthread> threads;
    for (auto& text : texts)
      threads.emplace_back([&text, &tmpl, &shared] {
        for (int i = 0; i < 50; ++i) {
          DictContext context({{"items", list_of({Value("a"), Value("b")})}, {"shared", shared}});
          text = *tmpl->render(context);
        }
      });
  }
  for (auto const& text : texts) EXPECT_EQ(text, "Av1Bv2");
}
