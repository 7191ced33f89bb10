#include "project/parse_context.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "project/config.h"
#include "project/context_functions.h"
#include "project/node_data.h"
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

// A function that always says the same.
Value constant(std::string_view name, Value value) {
  return jinja::function(std::string(name),
                         [value = std::move(value)](State&, Arguments const&) -> Outcome<Value> { return value; });
}

Value empty_list(std::string_view name) {
  return jinja::function(std::string(name),
                         [](State&, Arguments const&) -> Outcome<Value> { return jinja::list_of({}); });
}

Value empty_table() {
  return jinja::make_module("Table", {{"columns", jinja::list_of({})},
                                      {"rows", jinja::list_of({})},
                                      {"column_names", jinja::list_of({})},
                                      {"column_types", jinja::list_of({})}});
}

class ParseAdapter final : public AdapterObject {
 public:
  using AdapterObject::AdapterObject;

 protected:
  Value live(std::string_view name) override {
    static constexpr std::string_view kGivingNone[] = {"drop_relation",
                                                       "truncate_relation",
                                                       "rename_relation",
                                                       "valid_snapshot_target",
                                                       "assert_valid_snapshot_target_given_strategy",
                                                       "expand_target_column_types",
                                                       "get_relation",
                                                       "create_schema",
                                                       "drop_schema",
                                                       "get_incremental_strategy_macro",
                                                       "get_hard_deletes_behavior",
                                                       "get_catalog_integration",
                                                       "build_catalog_relation",
                                                       "parse_index",
                                                       "commit"};
    static constexpr std::string_view kLists[] = {"get_columns_in_relation",        "get_missing_columns",
                                                  "get_column_schema_from_query",   "get_columns_in_table",
                                                  "render_raw_columns_constraints", "render_raw_model_constraints",
                                                  "get_pseudocolumns_for_relation", "list_schemas",
                                                  "list_relations_without_caching"};
    static constexpr std::string_view kTexts[] = {"cache_added", "cache_dropped", "cache_renamed", "convert_type"};
    static constexpr std::string_view kFalse[] = {"check_schema_exists", "already_exists"};
    auto const is_in = [&](auto const& names) {
      return std::find(std::begin(names), std::end(names), name) != std::end(names);
    };
    if (is_in(kGivingNone)) return constant(name, Value());
    if (is_in(kLists)) return empty_list(name);
    if (is_in(kTexts)) return constant(name, Value(""));
    if (is_in(kFalse)) return constant(name, Value(false));
    if (name == "execute")
      return jinja::function("execute", [](State&, Arguments const&) -> Outcome<Value> {
        return jinja::tuple_of({Value(""), empty_table()});
      });
    if (name == "get_partitions_metadata") return constant(name, empty_table());
    if (name == "add_query") return constant(name, jinja::tuple_of({Value(), Value()}));
    if (name == "standardize_grants_dict")
      return jinja::function("standardize_grants_dict",
                             [](State&, Arguments const&) -> Outcome<Value> { return jinja::dict_of({}); });
    if (name == "behavior") return jinja::make_module("Behavior", {});
    if (name == "config") return Value();
    return Value::missing();
  }
};

// config(...) and config.get(...).
class ParseConfig final : public jinja::Object {
 public:
  explicit ParseConfig(Data::Dict& calls) : calls_(calls) {}
  std::string type_name() const override { return "ParseConfigObject"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }

  Outcome<Value> call(State&, Arguments const& arguments) override {
    Data::Dict said;
    if (arguments.positional.size() == 1 && arguments.named.empty() && arguments.positional[0].is_dict()) {
      said = to_data(arguments.positional[0]).pairs();
    } else if (arguments.positional.empty()) {
      for (auto const& named : arguments.named) project::set(said, named.name.string(), to_data(named.value));
    } else {
      return Failure(Error(ErrorKind::Template, "config() takes either one mapping or named values"));
    }
    for (auto const& [old_name, new_name] : {std::pair{"pre_hook", "pre-hook"}, std::pair{"post_hook", "post-hook"}}) {
      auto const* value = project::find(static_cast<Data::Dict const&>(said), old_name);
      if (value == nullptr) continue;
      if (project::find(static_cast<Data::Dict const&>(said), new_name) != nullptr)
        return Failure(
            Error(ErrorKind::Template, fmt::format("config() says both \"{}\" and \"{}\"", old_name, new_name))
                .next("keep one of the two"));
      Data kept = *value;
      project::erase(said, old_name);
      project::set(said, new_name, std::move(kept));
    }
    merge_config_call(calls_, said);
    return Value("");
  }

  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "set")
      return jinja::function(
          "set", [self = jinja::Ref<ParseConfig>(this)](State&, Arguments const& arguments) -> Outcome<Value> {
            JINJA_TRY(auto bound, arguments.bind("set", {"name", "value"}, 2));
            merge_config_call(self->calls_, {{jinja::to_text(bound[0]), to_data(bound[1])}});
            return Value("");
          });
    if (name == "get" || name == "require" || name == "meta_get" || name == "meta_require")
      return constant(name, Value(""));
    if (name == "persist_relation_docs" || name == "persist_column_docs") return constant(name, Value(false));
    return Value::missing();
  }

 private:
  Data::Dict& calls_;
};

// A node's fields, made when one is asked for that is not at hand.
class NodeObject final : public jinja::Object {
 public:
  explicit NodeObject(Node const& node) : node_(node) {}
  std::string type_name() const override { return "Node"; }
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State& state, std::string_view name) override {
    if (name == "name") return Value(node_.name);
    if (name == "package_name") return Value(node_.package_name);
    if (name == "resource_type") return Value(kind_name(node_.kind));
    if (name == "unique_id") return Value(node_.unique_id);
    if (name == "version") return to_value(node_.version);
    if (name == "config") return to_value(node_.config);
    if (name == "get")
      return jinja::function(
          "get", [self = jinja::Ref<NodeObject>(this)](State& inner, Arguments const& arguments) -> Outcome<Value> {
            JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
            JINJA_TRY(Value found, self->attribute(inner, jinja::to_text(bound[0])));
            return !found.is_missing() ? found : bound[1].is_missing() ? Value() : bound[1];
          });
    if (all_.is_none()) all_ = to_value(node_data(node_));
    auto const* found = all_.dict().find(name);
    if (found != nullptr) return *found;
    if (name == "items" || name == "keys" || name == "values") return state.attribute(all_, name);
    return Value::missing();
  }
  Outcome<Value> item(State& state, Value const& key) override { return attribute(state, jinja::to_text(key)); }
  Outcome<bool> contains(State& state, Value const& key) override {
    JINJA_TRY(Value const found, attribute(state, jinja::to_text(key)));
    return !found.is_missing();
  }

 private:
  Node const& node_;
  Value all_;
};

std::vector<std::string> texts_of(Arguments const& arguments) {
  std::vector<std::string> texts;
  for (auto const& one : arguments.positional) texts.push_back(jinja::to_text(one));
  return texts;
}

// What ref() and source() give while parsing: the relation of the node itself.
Value own_relation(Node const& node, ContextFacts const& facts) {
  return make_relation(relation_of(node, facts.root().quoting));
}

Outcome<Value> call_ref(Node& node, ContextFacts const& facts, Arguments const& arguments) {
  auto ref = ref_from(arguments);
  if (!ref.ok()) return Failure(std::move(ref).error());
  node.refs.push_back(std::move(ref).value());
  return own_relation(node, facts);
}

Outcome<Value> call_pair(std::vector<std::vector<std::string>>& into, Arguments const& arguments,
                         std::string_view function, std::size_t least, Value result) {
  if (arguments.positional.size() < least || arguments.positional.size() > 2 || !arguments.named.empty())
    return Failure(Error(ErrorKind::Template, fmt::format("{}() takes {} names, and was given {}", function,
                                                          least == 2 ? "two" : "one or two",
                                                          arguments.positional.size() + arguments.named.size())));
  into.push_back(texts_of(arguments));
  return result;
}

Value make_hooks(std::vector<Hook> const& hooks) {
  std::vector<Value> items;
  for (auto const& hook : hooks)
    items.push_back(jinja::dict_of({{"sql", Value(hook.sql)}, {"transaction", Value(hook.transaction)}}));
  return jinja::list_of(std::move(items));
}

}  // namespace

Result<Ref> ref_from(Arguments const& arguments) {
  auto const& names = arguments.positional;
  if (names.empty() || names.size() > 2)
    return Error(ErrorKind::Template, fmt::format("ref() takes one or two names, and was given {}", names.size()))
        .next("write ref('model') or ref('package', 'model')");
  for (auto const& name : names)
    if (!name.is_string() && !(names.size() == 2 && name.is_none()))
      return Error(ErrorKind::Template, fmt::format("ref() takes names, not {}", jinja::repr(name)));
  Ref ref;
  ref.name = names.back().string();
  if (names.size() == 2 && names[0].is_string()) ref.package = names[0].string();
  for (auto const* key : {"version", "v"})
    if (auto const* said = arguments.find(key); said != nullptr && jinja::truth(*said) && ref.version.is_none())
      ref.version = to_data(*said);
  return ref;
}

jinja::RenderOptions ParseContext::render_options() {
  jinja::RenderOptions options;
  options.undefined = jinja::UndefinedPolicy::Callable;
  return options;
}

Value ParseContext::member(std::string_view name) {
  if (name == "execute") return Value(false);
  if (name == "ref")
    return function_with_config(
        "ref", [this](State&, Arguments const& arguments) { return call_ref(node_, facts(), arguments); }, facts());
  if (name == "source")
    return jinja::function("source", [this](State&, Arguments const& arguments) {
      return call_pair(node_.sources, arguments, "source", 2, own_relation(node_, facts()));
    });
  if (name == "metric")
    return jinja::function("metric", [this](State&, Arguments const& arguments) {
      return call_pair(node_.metrics, arguments, "metric", 1,
                       Value(arguments.positional.empty() ? "" : jinja::to_text(arguments.positional.back())));
    });
  if (name == "function")
    return jinja::function("function", [this](State&, Arguments const& arguments) {
      RelationParts parts = relation_of(node_, facts().root().quoting);
      parts.type = "function";
      return call_pair(node_.functions, arguments, "function", 1, make_relation(std::move(parts)));
    });
  if (name == "config") return Value(jinja::make<ParseConfig>(calls_));
  if (name == "this") return node_.kind == NodeKind::Operation ? Value() : own_relation(node_, facts());
  if (name == "model") return to_value(node_data(node_));
  if (name == "graph") return jinja::dict_of({});
  if (name == "adapter") return make_parse_adapter(facts(), dispatch_function());
  if (name == "database") return Value(node_.database);
  if (name == "schema") return Value(node_.schema);
  if (name == "pre_hooks") return make_hooks(node_.pre_hooks);
  if (name == "post_hooks") return make_hooks(node_.post_hooks);
  if (name == "sql" || name == "compiled_code" || name == "defer_relation") return Value();
  if (name == "selected_resources") return jinja::list_of({});
  if (name == "invocation_args_dict") return to_value(facts().flags);
  if (name == "validation")
    return jinja::make_module("validation", {{"any", constant("any", constant("validate", Value()))}});
  if (name == "write") return constant(name, Value(""));
  if (name == "render")
    return jinja::function("render", [this](State& state, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("render", {"string"}, 1));
      JINJA_TRY(auto tmpl, text_templates()->parse("<render>", jinja::to_text(bound[0])));
      JINJA_TRY(auto text, state.render(*tmpl, *this));
      return Value(text);
    });
  if (name == "store_result" || name == "store_raw_result") return constant(name, Value(""));
  if (name == "load_result") return constant(name, Value());
  if (name == "load_agate_table") return constant(name, empty_table());
  return DbtContext::member(name);
}

Value GenerateContext::member(std::string_view name) {
  if (name == "execute") return Value(false);
  if (name == "adapter") return make_parse_adapter(facts(), dispatch_function());
  if (name == "graph") return jinja::dict_of({});
  if (name == "schema") return Value(facts().target.schema);
  if (name == "database") return Value(facts().target.database);
  return DbtContext::member(name);
}

Value make_parse_adapter(ContextFacts const& facts, Value dispatch) {
  return Value(jinja::make<ParseAdapter>(facts, std::move(dispatch)));
}

Value node_object(Node const& node) {
  return Value(jinja::make<NodeObject>(node));
}

}  // namespace weir::project
