#include "project/relation.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "project/templates.h"

namespace weir::project {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Function;
using jinja::Outcome;
using jinja::State;
using jinja::Value;

constexpr std::array<std::string_view, 3> kComponents{"database", "schema", "identifier"};

Value text_or_none(std::optional<std::string> const& text) {
  return text ? Value(*text) : Value();
}

std::optional<std::string> optional_text(Value const& value) {
  if (value.is_missing() || value.is_none() || value.is_undefined()) return std::nullopt;
  return jinja::to_text(value);
}

void apply_policy(std::array<bool, 3>& policy, std::vector<Value> const& values) {
  for (std::size_t i = 0; i < 3; ++i)
    if (!values[i].is_missing() && !values[i].is_none()) policy[i] = jinja::truth(values[i]);
}

void apply_policy(std::array<bool, 3>& policy, Value const& dict) {
  if (!dict.is_dict()) return;
  for (std::size_t i = 0; i < 3; ++i)
    if (auto const* said = dict.dict().find(kComponents[i]); said != nullptr && !said->is_none())
      policy[i] = jinja::truth(*said);
}

void apply_policy(std::array<bool, 3>& policy, Data const& dict) {
  for (std::size_t i = 0; i < 3; ++i)
    if (auto const& said = dict[kComponents[i]]; !said.is_none()) policy[i] = said.truth();
}

std::optional<std::string>& component(RelationParts& parts, std::size_t i) {
  return i == 0 ? parts.database : i == 1 ? parts.schema : parts.identifier;
}
std::optional<std::string> const& component(RelationParts const& parts, std::size_t i) {
  return i == 0 ? parts.database : i == 1 ? parts.schema : parts.identifier;
}

void apply_path(RelationParts& parts, Value const& dict) {
  if (!dict.is_dict()) return;
  for (std::size_t i = 0; i < 3; ++i)
    if (auto const* said = dict.dict().find(kComponents[i]); said != nullptr)
      component(parts, i) = optional_text(*said);
}

std::string lowered_bare(std::string text) {
  std::erase(text, '"');
  return to_lower(text);
}

Outcome<Value> matches(RelationParts const& parts, std::vector<Value> const& searched) {
  bool exact = true, near = true, any = false;
  for (std::size_t i = 0; i < 3; ++i) {
    auto const wanted = optional_text(searched[i]);
    if (!wanted) continue;
    any = true;
    auto const& have = component(parts, i);
    if (!have || *have != *wanted) exact = false;
    if (!have || lowered_bare(*have) != lowered_bare(*wanted)) near = false;
  }
  if (!any) return Failure(FailureType::RuntimeError, "Tried to match relation, but no search path was passed!");
  if (near && !exact)
    return Failure(Error(ErrorKind::Template,
                         fmt::format("relation {} differs from what was looked for only by the case of its letters",
                                     parts.render()))
                       .next("drop or rename one of the two"));
  return Value(exact);
}

// Methods of a relation, by name; each gets the relation's parts.
using Method = Outcome<Value> (*)(RelationParts parts, State& state, Arguments const& arguments);

Outcome<Value> call_include(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("include", {"database", "schema", "identifier"}, 0));
  apply_policy(parts.include, bound);
  return make_relation(std::move(parts));
}

Outcome<Value> call_quote(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("quote", {"database", "schema", "identifier"}, 0));
  apply_policy(parts.quote, bound);
  return make_relation(std::move(parts));
}

Outcome<Value> call_replace_path(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("replace_path", {"database", "schema", "identifier"}, 0));
  for (std::size_t i = 0; i < 3; ++i)
    if (!bound[i].is_missing()) component(parts, i) = optional_text(bound[i]);
  return make_relation(std::move(parts));
}

Outcome<Value> call_incorporate(RelationParts parts, State&, Arguments const& arguments) {
  for (auto const& [name, value] : arguments.named) {
    auto const key = name.string();
    if (key == "path") apply_path(parts, value);
    if (key == "type") parts.type = optional_text(value);
    if (key == "quote_policy") apply_policy(parts.quote, value);
    if (key == "include_policy") apply_policy(parts.include, value);
    if (key == "limit" && value.is_int()) parts.limit = value.integer();
  }
  return make_relation(std::move(parts));
}

Outcome<Value> call_matches(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("matches", {"database", "schema", "identifier"}, 0));
  return matches(parts, bound);
}

Outcome<Value> call_render(RelationParts parts, State&, Arguments const&) {
  return Value(parts.render());
}

Outcome<Value> call_information_schema(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("information_schema", {"view_name"}, 0));
  RelationParts made;
  made.database = parts.database;
  made.quote = {parts.quote[0], false, false};
  made.include = {parts.include[0] && parts.database.has_value(), true, true};
  made.schema = "INFORMATION_SCHEMA";
  if (bound[0].is_string()) made.identifier = std::string(bound[0].string());
  return make_relation(std::move(made));
}

Outcome<Value> call_without_identifier(RelationParts parts, State&, Arguments const&) {
  parts.include[2] = false;
  parts.identifier.reset();
  return make_relation(std::move(parts));
}

Value to_dict(RelationParts const& parts) {
  auto const policy = [](std::array<bool, 3> const& flags) {
    return jinja::dict_of(
        {{"database", Value(flags[0])}, {"schema", Value(flags[1])}, {"identifier", Value(flags[2])}});
  };
  return jinja::dict_of({{"path", jinja::dict_of({{"database", text_or_none(parts.database)},
                                                  {"schema", text_or_none(parts.schema)},
                                                  {"identifier", text_or_none(parts.identifier)}})},
                         {"type", text_or_none(parts.type)},
                         {"quote_character", Value("\"")},
                         {"include_policy", policy(parts.include)},
                         {"quote_policy", policy(parts.quote)},
                         {"dbt_created", Value(false)},
                         {"limit", parts.limit ? Value(*parts.limit) : Value()}});
}

Outcome<Value> call_to_dict(RelationParts parts, State&, Arguments const&) {
  return to_dict(parts);
}

Outcome<Value> call_get(RelationParts parts, State&, Arguments const& arguments) {
  JINJA_TRY(auto bound, arguments.bind("get", {"key", "default"}, 1));
  if (bound[0].is_string() && bound[0].string() == "metadata")
    return jinja::dict_of({{"type", Value("PostgresRelation")}});
  Value const dict = to_dict(parts);
  if (auto const* found = dict.dict().find(bound[0]); found != nullptr) return *found;
  return bound[1].is_missing() ? Value() : bound[1];
}

struct NamedMethod {
  std::string_view name;
  Method call;
};
constexpr NamedMethod kMethods[] = {
    {"include", call_include},
    {"quote", call_quote},
    {"replace_path", call_replace_path},
    {"incorporate", call_incorporate},
    {"matches", call_matches},
    {"render", call_render},
    {"information_schema", call_information_schema},
    {"without_identifier", call_without_identifier},
    {"to_dict", call_to_dict},
    {"get", call_get},
};

Value bound_method(std::string_view name, Method call, RelationParts const& parts) {
  return jinja::function(std::string(name), [call, parts](State& state, Arguments const& arguments) {
    return call(parts, state, arguments);
  });
}

// What class and object have in common.
Value class_attribute(std::string_view name) {
  if (name == "Table") return Value("table");
  if (name == "View") return Value("view");
  if (name == "CTE") return Value("cte");
  if (name == "External") return Value("external");
  if (name == "MaterializedView") return Value("materialized_view");
  if (name == "Function") return Value("function");
  if (name == "add_ephemeral_prefix")
    return jinja::function("add_ephemeral_prefix", [](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("add_ephemeral_prefix", {"name"}, 1));
      return Value("__dbt__cte__" + jinja::to_text(bound[0]));
    });
  if (name == "scd_args")
    return jinja::function("scd_args", [](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("scd_args", {"primary_key", "updated_at"}, 2));
      std::vector<Value> items = bound[0].is_list() ? bound[0].list().items : std::vector<Value>{bound[0]};
      items.push_back(bound[1]);
      return jinja::list_of(std::move(items));
    });
  if (name == "get_relation_type")
    return jinja::make_module("RelationType", {{"Table", Value("table")},
                                               {"View", Value("view")},
                                               {"CTE", Value("cte")},
                                               {"MaterializedView", Value("materialized_view")},
                                               {"External", Value("external")},
                                               {"Ephemeral", Value("ephemeral")},
                                               {"Function", Value("function")}});
  return Value::missing();
}

class RelationClass final : public jinja::Object {
 public:
  explicit RelationClass(Data quoting) : quoting_(std::move(quoting)) {}
  std::string type_name() const override { return "RelationProxy"; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "create")
      return jinja::function("create", [quoting = quoting_](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound,
                  arguments.bind("create",
                                 {"database", "schema", "identifier", "type", "quote_policy", "include_policy",
                                  "dbt_created", "limit", "event_time_filter", "require_alias", "catalog",
                                  "catalog_name", "renameable_relations", "replaceable_relations"},
                                 0));
        RelationParts parts;
        for (std::size_t i = 0; i < 3; ++i) component(parts, i) = optional_text(bound[i]);
        parts.type = optional_text(bound[3]);
        apply_policy(parts.quote, quoting);
        apply_policy(parts.quote, bound[4]);
        apply_policy(parts.include, bound[5]);
        if (bound[7].is_int()) parts.limit = bound[7].integer();
        return make_relation(std::move(parts));
      });
    return class_attribute(name);
  }

 private:
  Data quoting_;
};

bool is_one_of(std::string const& dtype, std::initializer_list<std::string_view> names) {
  std::string const lower = to_lower(dtype);
  return std::find(names.begin(), names.end(), lower) != names.end();
}

Value number_or_none(std::optional<std::int64_t> number) {
  return number ? Value(*number) : Value();
}

std::string translated_type(std::string const& dtype) {
  return equals_ignoring_case(dtype, "string") ? "TEXT" : dtype;
}

class ColumnClass final : public jinja::Object {
 public:
  std::string type_name() const override { return "type"; }
  bool is_callable() const override { return true; }
  bool is_true() const override { return true; }
  Outcome<Value> call(State&, Arguments const& arguments) override {
    JINJA_TRY(auto bound,
              arguments.bind("Column", {"column", "dtype", "char_size", "numeric_precision", "numeric_scale"}, 2));
    ColumnParts parts;
    parts.name = jinja::to_text(bound[0]);
    parts.dtype = jinja::to_text(bound[1]);
    auto const number = [](Value const& value) {
      return value.is_int() ? std::optional(value.integer()) : std::nullopt;
    };
    parts.char_size = number(bound[2]);
    parts.numeric_precision = number(bound[3]);
    parts.numeric_scale = number(bound[4]);
    return make_column(std::move(parts));
  }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "create")
      return jinja::function("create", [](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("create", {"name", "label_or_dtype"}, 2));
        return make_column({jinja::to_text(bound[0]), translated_type(jinja::to_text(bound[1])), {}, {}, {}});
      });
    if (name == "translate_type")
      return jinja::function("translate_type", [](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("translate_type", {"dtype"}, 1));
        return Value(translated_type(jinja::to_text(bound[0])));
      });
    if (name == "string_type")
      return jinja::function("string_type", [](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("string_type", {"size"}, 1));
        return Value(fmt::format("character varying({})", jinja::to_text(bound[0])));
      });
    if (name == "numeric_type")
      return jinja::function("numeric_type", [](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("numeric_type", {"dtype", "precision", "scale"}, 3));
        if (bound[1].is_none() || bound[2].is_none()) return bound[0];
        return Value(
            fmt::format("{}({},{})", jinja::to_text(bound[0]), jinja::to_text(bound[1]), jinja::to_text(bound[2])));
      });
    return Value::missing();
  }
};

Value predicate(std::string_view name, bool truth) {
  return jinja::function(std::string(name),
                         [truth](State&, Arguments const&) -> Outcome<Value> { return Value(truth); });
}

}  // namespace

std::string RelationParts::render() const {
  std::string out;
  for (std::size_t i = 0; i < 3; ++i) {
    auto const& part = component(*this, i);
    if (!include[i] || !part) continue;
    if (!out.empty()) out += '.';
    out += quote[i] ? "\"" + *part + "\"" : *part;
  }
  return out;
}

std::string RelationParts::text() const {
  std::string rendered = render();
  if (type == "function") return rendered;
  if (limit)
    rendered = *limit == 0 ? fmt::format("(select * from {} where false limit 0) _dbt_limit_subq_{}", rendered,
                                         identifier.value_or("None"))
                           : fmt::format("(select * from {} limit {}) _dbt_limit_subq_{}", rendered, *limit,
                                         identifier.value_or("None"));
  std::string filter;
  if (!event_time_field.empty() && !event_time_start.empty())
    filter = fmt::format("{} >= '{}'", event_time_field, event_time_start);
  if (!event_time_field.empty() && !event_time_end.empty())
    filter += fmt::format("{}{} < '{}'", filter.empty() ? "" : " and ", event_time_field, event_time_end);
  if (filter.empty()) return rendered;
  return fmt::format("(select * from {} where {}) _dbt_et_filter_subq_{}", rendered, filter,
                     identifier.value_or("None"));
}

RelationParts relation_of(Node const& node, Data const& quoting) {
  RelationParts parts;
  if (!node.database.empty()) parts.database = node.database;
  parts.schema = node.schema;
  parts.identifier = node.identifier();
  apply_policy(parts.quote, quoting);
  if (node.source) apply_policy(parts.quote, node.source->quoting);
  return parts;
}

Outcome<Value> RelationObject::attribute(State&, std::string_view name) {
  for (std::size_t i = 0; i < 3; ++i)
    if (name == kComponents[i]) return text_or_none(component(parts, i));
  if (name == "name" || name == "table") return text_or_none(parts.identifier);
  if (name == "type") return text_or_none(parts.type);
  if (name == "is_table") return Value(parts.type == "table");
  if (name == "is_view") return Value(parts.type == "view");
  if (name == "is_cte") return Value(parts.type == "cte");
  if (name == "is_materialized_view") return Value(parts.type == "materialized_view");
  if (name == "is_pointer") return Value(parts.type == "pointer_table");
  if (name == "is_function") return Value(parts.type == "function");
  if (name == "can_be_renamed" || name == "can_be_replaced")
    return Value(parts.type == "table" || parts.type == "view");
  if (name == "limit") return parts.limit ? Value(*parts.limit) : Value();
  if (name == "dbt_created") return Value(false);
  if (name == "quote_character") return Value("\"");
  if (name == "path" || name == "quote_policy" || name == "include_policy") {
    Value const dict = to_dict(parts);
    std::vector<std::pair<std::string, Value>> members;
    for (auto const& entry : dict.dict().find(name)->dict())
      members.emplace_back(std::string(entry.key.string()), entry.value);
    return jinja::make_module("Policy", std::move(members));
  }
  if (name == "relation_max_name_length")
    return jinja::function("relation_max_name_length",
                           [](State&, Arguments const&) -> Outcome<Value> { return Value(63); });
  for (auto const& method : kMethods)
    if (method.name == name) return bound_method(name, method.call, parts);
  return class_attribute(name);
}

Outcome<Value> RelationObject::item(State&, Value const& key) {
  Value const dict = to_dict(parts);
  auto const* found = dict.dict().find(key);
  return found == nullptr ? Value::missing() : *found;
}

bool RelationObject::equals(Value const& other) const {
  auto const* relation = other.as<RelationObject>();
  if (relation == nullptr) return false;
  auto const& theirs = relation->parts;
  return parts.database == theirs.database && parts.schema == theirs.schema && parts.identifier == theirs.identifier &&
         parts.type == theirs.type && parts.quote == theirs.quote && parts.include == theirs.include &&
         parts.limit == theirs.limit;
}

Outcome<std::uint64_t> RelationObject::hash() const {
  return jinja::hash(Value(parts.render()));
}

Value make_relation(RelationParts parts) {
  return Value(jinja::make<RelationObject>(std::move(parts)));
}
Value relation_class(Data const& quoting) {
  return Value(jinja::make<RelationClass>(quoting));
}

bool ColumnParts::is_string() const {
  return is_one_of(dtype, {"text", "character varying", "character", "varchar"});
}
bool ColumnParts::is_integer() const {
  return is_one_of(dtype, {"smallint", "integer", "bigint", "smallserial", "serial", "bigserial", "int2", "int4",
                           "int8", "serial2", "serial4", "serial8"});
}
bool ColumnParts::is_numeric() const {
  return is_one_of(dtype, {"numeric", "decimal"});
}
bool ColumnParts::is_float() const {
  return is_one_of(dtype, {"real", "float4", "float", "double precision", "float8", "double"});
}

std::string ColumnParts::data_type() const {
  // PostgreSQL's text has no size: a length is said only where the column has one.
  if (equals_ignoring_case(dtype, "text") || (is_string() && !char_size)) return dtype;
  if (is_string()) return fmt::format("character varying({})", *char_size);
  if (is_numeric() && numeric_precision && numeric_scale)
    return fmt::format("{}({},{})", dtype, *numeric_precision, *numeric_scale);
  return dtype;
}

Outcome<Value> ColumnObject::attribute(State& state, std::string_view name) {
  if (name == "name" || name == "column") return Value(parts.name);
  if (name == "dtype") return Value(parts.dtype);
  if (name == "quoted") return Value("\"" + parts.name + "\"");
  if (name == "data_type" || name == "expanded_data_type") return Value(parts.data_type());
  if (name == "char_size") return number_or_none(parts.char_size);
  if (name == "numeric_precision") return number_or_none(parts.numeric_precision);
  if (name == "numeric_scale") return number_or_none(parts.numeric_scale);
  if (name == "is_string") return predicate(name, parts.is_string());
  if (name == "is_integer") return predicate(name, parts.is_integer());
  if (name == "is_numeric") return predicate(name, parts.is_numeric());
  if (name == "is_float") return predicate(name, parts.is_float());
  if (name == "is_number") return predicate(name, parts.is_integer() || parts.is_numeric() || parts.is_float());
  if (name == "string_size")
    return jinja::function("string_size", [parts = parts](State&, Arguments const&) -> Outcome<Value> {
      if (!parts.is_string()) return Failure(FailureType::RuntimeError, "Called string_size() on non-string field!");
      return Value(parts.dtype == "text" || !parts.char_size ? std::int64_t{256} : *parts.char_size);
    });
  if (name == "can_expand_to")
    return jinja::function("can_expand_to", [parts = parts](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("can_expand_to", {"other_column"}, 1));
      auto const* other = bound[0].as<ColumnObject>();
      if (other == nullptr || !parts.is_string() || !other->parts.is_string()) return Value(false);
      auto const size = [](ColumnParts const& one) {
        return one.dtype == "text" || !one.char_size ? std::int64_t{256} : *one.char_size;
      };
      return Value(size(other->parts) > size(parts));
    });
  if (name == "literal")
    return jinja::function("literal", [parts = parts](State&, Arguments const& arguments) -> Outcome<Value> {
      JINJA_TRY(auto bound, arguments.bind("literal", {"value"}, 1));
      return Value(jinja::to_text(bound[0]) + "::" + parts.data_type());
    });
  return ColumnClass().attribute(state, name);
}

std::string ColumnObject::repr() const {
  auto const text = [](std::string_view said) { return jinja::repr(jinja::Value(said)); };
  auto const number = [](std::optional<std::int64_t> said) { return said ? std::to_string(*said) : "None"; };
  return fmt::format("PostgresColumn(column={}, dtype={}, char_size={}, numeric_precision={}, numeric_scale={})",
                     text(parts.name), text(parts.dtype), number(parts.char_size), number(parts.numeric_precision),
                     number(parts.numeric_scale));
}

bool ColumnObject::equals(Value const& other) const {
  auto const* column = other.as<ColumnObject>();
  return column != nullptr && parts.name == column->parts.name && parts.dtype == column->parts.dtype &&
         parts.char_size == column->parts.char_size && parts.numeric_precision == column->parts.numeric_precision &&
         parts.numeric_scale == column->parts.numeric_scale;
}

Value make_column(ColumnParts parts) {
  return Value(jinja::make<ColumnObject>(std::move(parts)));
}
Value column_class() {
  return Value(jinja::make<ColumnClass>());
}

}  // namespace weir::project
