// The adapter that templates work with while a node is run: statements on the thread's session, relations of the run's
// cache. What drops or renames goes through statements.h, so that nothing that depends on a relation is lost.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "build/constraints.h"
#include "build/materialize.h"
#include "build/run_context.h"
#include "build/statements.h"
#include "build/table.h"
#include "build/template_objects.h"
#include "project/context_functions.h"
#include "project/relation.h"
#include "project/templates.h"
#include "sql/name.h"
#include "swap/relation.h"

namespace weir::build {
namespace {

using jinja::Arguments;
using jinja::Failure;
using jinja::FailureType;
using jinja::Outcome;
using jinja::State;
using jinja::Value;
using project::ColumnParts;
using project::Data;
using project::RelationParts;

Outcome<RelationParts> relation_argument(Value const& value, std::string_view method) {
  if (auto const* relation = value.as<project::RelationObject>()) return relation->parts;
  return Failure(FailureType::TypeError,
                 fmt::format("adapter.{}() takes a relation, and was given {}", method, jinja::repr(value)));
}

std::string literal(std::string_view text) {
  return quote_literal(text);
}

// What the server would say: there is no way into another database.
Status check_database(RunContext& context, RelationParts const& relation) {
  if (!relation.database) return {};
  auto const& own = context.run().manifest.target().database;
  if (*relation.database == own || (!relation.quote[0] && to_lower(*relation.database) == to_lower(own))) return {};
  return Error(ErrorKind::Sql, fmt::format("cross-database references are not implemented: {}", relation.render()))
      .sqlstate("0A000")
      .state("nothing was asked");
}

// Columns of a relation, as information_schema says them.
Result<std::vector<ColumnParts>> columns_of(RunContext& context, RelationParts const& relation) {
  WEIR_DO(check_database(context, relation));
  std::string const schema = relation.schema ? fmt::format("and table_schema = {}", literal(*relation.schema)) : "";
  WEIR_TRY(auto const rows,
           context.worker().execute(
               fmt::format("select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale "
                           "from information_schema.columns where table_name = {} {} order by ordinal_position",
                           literal(relation.identifier.value_or("")), schema)));
  std::vector<ColumnParts> out;
  auto number = [&rows](std::size_t row, std::size_t column) -> std::optional<std::int64_t> {
    if (rows.is_null(row, column)) return std::nullopt;
    return rows.integer(row, column);
  };
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back(
        {std::string(rows.text(i, 0)), std::string(rows.text(i, 1)), number(i, 2), number(i, 3), number(i, 4)});
  return out;
}

// dbt's adapter does much by macros: where a project has its own of that name, or of one that it dispatches to, it
// counts. Missing where it has none.
Value own_macro(RunContext& context, std::string_view name) {
  if (is_builtin(context, name)) return Value::missing();
  auto const* code = context.facts().library->find(context.package(), name);
  return code == nullptr ? Value::missing() : context.macro(*code);
}

// By the macro, where a project has its own; else by weir's own query.
Outcome<Value> column_list(State& state, RunContext& context, Value const& relation) {
  if (auto const macro = own_macro(context, "get_columns_in_relation"); !macro.is_missing())
    return state.call(macro, {std::span(&relation, 1), {}});
  JINJA_TRY(auto const parts, relation_argument(relation, "get_columns_in_relation"));
  auto columns = columns_of(context, parts);
  if (!columns.ok()) return Failure(std::move(columns).error());
  std::vector<Value> out;
  for (auto& column : *columns) out.push_back(project::make_column(std::move(column)));
  return jinja::list_of(std::move(out));
}

// varchar(n) of the target that the new rows do not fit in.
Status expand_columns(RunContext& context, RelationParts const& from, RelationParts const& to) {
  WEIR_TRY(auto const fresh, columns_of(context, from));
  WEIR_TRY(auto const present, columns_of(context, to));
  std::vector<swap::ColumnChange> changes;
  for (auto const& old : present) {
    auto const wide =
        std::find_if(fresh.begin(), fresh.end(), [&old](auto const& one) { return one.name == old.name; });
    if (wide == fresh.end() || !old.is_string() || !wide->is_string()) continue;
    constexpr std::int64_t kUnlimited = 256;  // what dbt takes for a text without a limit
    if (wide->char_size.value_or(kUnlimited) <= old.char_size.value_or(kUnlimited)) continue;
    changes.push_back({.what = swap::ColumnChange::What::Retype,
                       .column = old.name,
                       .type = fmt::format("character varying({})", wide->char_size.value_or(kUnlimited)),
                       .using_ = {}});
  }
  return retype_columns(context, to, changes);
}

class BehaviorFlag final : public jinja::Object {
 public:
  explicit BehaviorFlag(bool on) : on_(on) {}
  std::string type_name() const override { return "BehaviorFlagRendered"; }
  bool is_true() const override { return on_; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    return name == "no_warn" || name == "setting" ? Value(on_) : Value::missing();
  }

 private:
  bool on_;
};

// adapter.behavior.NAME: as dbt_project.yml's flags say it, else off.
class Behavior final : public jinja::Object {
 public:
  explicit Behavior(Data flags) : flags_(std::move(flags)) {}
  std::string type_name() const override { return "Behavior"; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    return Value(jinja::make<BehaviorFlag>(flags_[name].truth()));
  }

 private:
  Data flags_;
};

// An index of a model's config: columns, unique, type; render(relation) gives its name.
class IndexConfig final : public jinja::Object {
 public:
  IndexConfig(std::vector<std::string> columns, bool unique, std::string type)
      : columns_(std::move(columns)), unique_(unique), type_(std::move(type)) {}
  std::string type_name() const override { return "PostgresIndexConfig"; }
  bool is_true() const override { return true; }
  Outcome<Value> attribute(State&, std::string_view name) override {
    if (name == "columns") return jinja::list_of({columns_.begin(), columns_.end()});
    if (name == "unique") return Value(unique_);
    if (name == "type") return type_.empty() ? Value() : Value(type_);
    if (name == "render") {
      jinja::Ref<IndexConfig> const self(this);
      return jinja::function("render", [self](State&, Arguments const& arguments) -> Outcome<Value> {
        JINJA_TRY(auto bound, arguments.bind("render", {"relation"}, 1));
        JINJA_TRY(auto const relation, relation_argument(bound[0], "parse_index().render"));
        return Value(swap::index_name({relation.schema.value_or(""), relation.identifier.value_or("")},
                                      {.columns = self->columns_, .unique = self->unique_, .method = self->type_}));
      });
    }
    return Value::missing();
  }

 private:
  std::vector<std::string> columns_;
  bool unique_;
  std::string type_;
};

}  // namespace

class RunAdapter final : public project::AdapterObject {
 public:
  RunAdapter(RunContext& context, Value dispatch)
      : AdapterObject(context.facts(), std::move(dispatch)), context_(context) {}

 protected:
  Value live(std::string_view name) override {
    using Method = Outcome<Value> (RunAdapter::*)(State&, Arguments const&);
    static std::map<std::string_view, Method> const methods{
        {"execute", &RunAdapter::execute},
        {"add_query", &RunAdapter::add_query},
        {"commit", &RunAdapter::commit},
        {"commit_if_has_connection", &RunAdapter::commit},
        {"get_relation", &RunAdapter::get_relation},
        {"load_relation", &RunAdapter::get_relation},
        {"get_columns_in_relation", &RunAdapter::get_columns},
        {"get_columns_in_table", &RunAdapter::get_columns_in_table},
        {"already_exists", &RunAdapter::already_exists},
        {"get_missing_columns", &RunAdapter::get_missing_columns},
        {"expand_target_column_types", &RunAdapter::expand},
        {"create_schema", &RunAdapter::create_schema},
        {"drop_schema", &RunAdapter::drop_schema},
        {"check_schema_exists", &RunAdapter::check_schema_exists},
        {"list_schemas", &RunAdapter::list_schemas},
        {"list_relations", &RunAdapter::list_relations},
        {"list_relations_without_caching", &RunAdapter::list_relations},
        {"drop_relation", &RunAdapter::drop_relation},
        {"rename_relation", &RunAdapter::rename_relation},
        {"truncate_relation", &RunAdapter::truncate_relation},
        {"cache_added", &RunAdapter::cache_added},
        {"cache_dropped", &RunAdapter::cache_dropped},
        {"cache_renamed", &RunAdapter::cache_renamed},
        {"standardize_grants_dict", &RunAdapter::standardize_grants},
        {"valid_snapshot_target", &RunAdapter::valid_snapshot_target},
        {"assert_valid_snapshot_target_given_strategy", &RunAdapter::assert_snapshot_target},
        {"get_hard_deletes_behavior", &RunAdapter::hard_deletes},
        {"get_incremental_strategy_macro", &RunAdapter::strategy_macro},
        {"render_raw_columns_constraints", &RunAdapter::columns_constraints},
        {"render_raw_model_constraints", &RunAdapter::model_constraints},
        {"get_column_schema_from_query", &RunAdapter::query_columns},
        {"convert_type", &RunAdapter::convert_type},
        {"parse_index", &RunAdapter::parse_index},
        {"build_catalog_relation", &RunAdapter::nothing},
        {"get_catalog_integration", &RunAdapter::nothing},
        {"get_pseudocolumns_for_relation", &RunAdapter::empty_list},
        {"clear_transaction", &RunAdapter::clear_transaction},
        {"alter_column_type", &RunAdapter::alter_column_type}};
    if (name == "behavior") return Value(jinja::make<Behavior>(facts().root().flags));
    if (name == "config") return Value();
    auto const found = methods.find(name);
    if (found == methods.end()) return Value::missing();
    if (is_done_by_macro(name))
      if (auto macro = own_macro(context_, name); !macro.is_missing()) return macro;
    return jinja::function(std::string(name),
                           [self = jinja::Ref<RunAdapter>(this), method = found->second](
                               State& state, Arguments const& arguments) { return (*self.*method)(state, arguments); });
  }

 private:
  Worker& worker() { return context_.worker(); }
  RelationCache& cache() { return context_.run().cache; }

  static bool is_done_by_macro(std::string_view name) {
    return name == "drop_relation" || name == "rename_relation" || name == "truncate_relation" ||
           name == "create_schema" || name == "drop_schema" || name == "check_schema_exists";
  }
  static bool flag(Value const& value) { return !value.is_missing() && jinja::truth(value); }

  Outcome<Value> nothing(State&, Arguments const&) { return Value(); }
  Outcome<Value> empty_list(State&, Arguments const&) { return jinja::list_of({}); }

  Outcome<Value> execute(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("execute", {"sql", "auto_begin", "fetch", "limit"}, 1));
    auto rows = run_statement(context_, jinja::to_text(bound[0]), flag(bound[1]));
    if (!rows.ok()) return Failure(std::move(rows).error());
    Value const response = response_value(response_of(rows->command()));
    return jinja::tuple_of({response, flag(bound[2]) ? make_table(table_from(*rows)) : empty_table()});
  }

  Outcome<Value> add_query(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("add_query", {"sql", "auto_begin", "bindings", "abridge_sql_log"}, 1));
    std::string sql = jinja::to_text(bound[0]);
    if (bound[2].is_missing() || bound[2].is_none()) {
      auto rows = run_statement(context_, sql, bound[1].is_missing() || jinja::truth(bound[1]));
      if (!rows.ok()) return Failure(std::move(rows).error());
      return jinja::tuple_of({Value(), Value()});
    }
    // %s in turn: as literals, since PostgreSQL takes 65535 parameters at most.
    std::vector<Value> values;
    if (bound[2].is_list()) values = bound[2].list().items;
    if (bound[2].is_tuple()) values = bound[2].tuple().items;
    std::string text;
    std::size_t at = 0;
    for (auto const& value : values) {
      auto const next = sql.find("%s", at);
      if (next == std::string::npos) break;
      text += sql.substr(at, next - at) + (value.is_none()                     ? "NULL"
                                           : value.is_bool() || value.is_int() ? to_lower(jinja::to_text(value))
                                                                               : literal(jinja::to_text(value)));
      at = next + 2;
    }
    text += sql.substr(at);
    auto rows = run_statement(context_, text, true);
    if (!rows.ok()) return Failure(std::move(rows).error());
    return jinja::tuple_of({Value(), Value()});
  }

  Outcome<Value> commit(State&, Arguments const&) {
    auto done = build::commit(context_);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> clear_transaction(State& state, Arguments const& arguments) {
    JINJA_TRY(auto done, commit(state, arguments));
    auto begun = worker().begin();
    if (!begun.ok()) return Failure(std::move(begun).error());
    return done;
  }

  Outcome<Value> find(std::string const& schema, std::string const& identifier) {
    using enum RelationCache::Wanted;
    bool const of_function = context_.node().kind == project::NodeKind::Function;
    auto found = cache().find(worker(), schema, identifier, of_function ? Function : Relation);
    if (!found.ok()) return Failure(std::move(found).error());
    return *found ? project::make_relation(**found) : Value();
  }

  Outcome<Value> get_relation(State& state, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_relation", {"database", "schema", "identifier"}, 3));
    if (bound[1].is_none()) return Value();
    static_cast<void>(state);
    return find(jinja::to_text(bound[1]), jinja::to_text(bound[2]));
  }

  Outcome<Value> already_exists(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("already_exists", {"schema", "table"}, 2));
    JINJA_TRY(auto const found, find(jinja::to_text(bound[0]), jinja::to_text(bound[1])));
    return Value(!found.is_none());
  }

  Outcome<Value> get_columns(State& state, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_columns_in_relation", {"relation"}, 1));
    return column_list(state, context_, bound[0]);
  }

  Outcome<Value> get_columns_in_table(State& state, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_columns_in_table", {"schema", "identifier"}, 2));
    RelationParts parts;
    parts.schema = jinja::to_text(bound[0]);
    parts.identifier = jinja::to_text(bound[1]);
    return column_list(state, context_, project::make_relation(std::move(parts)));
  }

  Outcome<Value> get_missing_columns(State& state, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_missing_columns", {"from_relation", "to_relation"}, 2));
    JINJA_TRY(auto const fresh, column_list(state, context_, bound[0]));
    JINJA_TRY(auto const present, column_list(state, context_, bound[1]));
    std::set<std::string> known;
    for (auto const& column : present.list().items)
      if (auto const* one = column.as<project::ColumnObject>()) known.insert(one->parts.name);
    std::vector<Value> missing;
    for (auto const& column : fresh.list().items)
      if (auto const* one = column.as<project::ColumnObject>(); one != nullptr && !known.contains(one->parts.name))
        missing.push_back(column);
    return jinja::list_of(std::move(missing));
  }

  Outcome<Value> expand(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("expand_target_column_types", {"from_relation", "to_relation"}, 2));
    JINJA_TRY(auto const from, relation_argument(bound[0], "expand_target_column_types"));
    JINJA_TRY(auto const to, relation_argument(bound[1], "expand_target_column_types"));
    auto done = expand_columns(context_, from, to);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> alter_column_type(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("alter_column_type", {"relation", "column_name", "new_column_type"}, 3));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "alter_column_type"));
    swap::ColumnChange const change{.what = swap::ColumnChange::What::Retype,
                                    .column = jinja::to_text(bound[1]),
                                    .type = jinja::to_text(bound[2]),
                                    .using_ = {}};
    auto done = retype_columns(context_, relation, {&change, 1});
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> statement(std::string const& sql) {
    auto rows = worker().execute(sql);
    if (!rows.ok()) return Failure(std::move(rows).error());
    return Value("");
  }

  Outcome<Value> create_schema(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("create_schema", {"relation"}, 1));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "create_schema"));
    JINJA_TRY(auto const made, statement("create schema if not exists " + sql::quote_pg(relation.schema.value_or(""))));
    if (auto done = build::commit(context_); !done.ok()) return Failure(std::move(done).error());
    return made;
  }

  Outcome<Value> drop_schema(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("drop_schema", {"relation"}, 1));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "drop_schema"));
    auto done = build::drop_schema(context_, relation.schema.value_or(""));
    if (done.ok()) done = build::commit(context_);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> check_schema_exists(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("check_schema_exists", {"database", "schema"}, 2));
    RelationParts parts;
    parts.quote[0] = false;
    if (bound[0].is_string()) parts.database = bound[0].string();
    if (Status own = check_database(context_, parts); !own.ok()) return Failure(std::move(own).error());
    auto rows = worker().execute(
        fmt::format("select 1 from pg_catalog.pg_namespace where nspname = {}", literal(jinja::to_text(bound[1]))));
    if (!rows.ok()) return Failure(std::move(rows).error());
    return Value(rows->size() > 0);
  }

  Outcome<Value> list_schemas(State&, Arguments const&) {
    auto rows = worker().execute("select nspname from pg_catalog.pg_namespace order by 1");
    if (!rows.ok()) return Failure(std::move(rows).error());
    std::vector<Value> names;
    for (std::size_t i = 0; i < rows->size(); ++i) names.emplace_back(rows->text(i, 0));
    return jinja::list_of(std::move(names));
  }

  Outcome<Value> list_relations(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("list_relations", {"database", "schema"}, 1));
    std::string schema;
    if (auto const* relation = bound[0].as<project::RelationObject>()) {
      schema = relation->parts.schema.value_or("");
    } else if (!bound[1].is_missing()) {
      schema = jinja::to_text(bound[1]);
    }
    JINJA_TRY(auto const ignored, find(schema, ""));
    std::vector<Value> relations;
    for (auto& parts : cache().of_schema(schema)) relations.push_back(project::make_relation(std::move(parts)));
    return jinja::list_of(std::move(relations));
  }

  Outcome<Value> drop_relation(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("drop_relation", {"relation"}, 1));
    if (bound[0].is_none()) return Value("");
    JINJA_TRY(auto const relation, relation_argument(bound[0], "drop_relation"));
    auto done = build::drop_relation(context_, relation);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> rename_relation(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("rename_relation", {"from_relation", "to_relation"}, 2));
    JINJA_TRY(auto const from, relation_argument(bound[0], "rename_relation"));
    JINJA_TRY(auto const to, relation_argument(bound[1], "rename_relation"));
    auto done = build::rename_relation(context_, from, to);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> truncate_relation(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("truncate_relation", {"relation"}, 1));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "truncate_relation"));
    auto done = build::truncate_relation(context_, relation);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value("");
  }

  Outcome<Value> cache_added(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("cache_added", {"relation"}, 1));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "cache_added"));
    cache().add(relation);
    return Value("");
  }
  Outcome<Value> cache_dropped(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("cache_dropped", {"relation"}, 1));
    JINJA_TRY(auto const relation, relation_argument(bound[0], "cache_dropped"));
    cache().remove(relation);
    return Value("");
  }
  Outcome<Value> cache_renamed(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("cache_renamed", {"from_relation", "to_relation"}, 2));
    JINJA_TRY(auto const from, relation_argument(bound[0], "cache_renamed"));
    JINJA_TRY(auto const to, relation_argument(bound[1], "cache_renamed"));
    cache().rename(from, to);
    return Value("");
  }

  // {privilege: [grantee]} of a table with columns grantee and privilege_type.
  Outcome<Value> standardize_grants(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("standardize_grants_dict", {"grants_table"}, 1));
    auto const* data = table_of(bound[0]);
    if (data == nullptr) return Failure(FailureType::TypeError, "adapter.standardize_grants_dict() takes a table");
    auto column = [data](std::string_view name) {
      return static_cast<std::size_t>(std::find(data->names.begin(), data->names.end(), name) - data->names.begin());
    };
    auto const grantee = column("grantee"), privilege = column("privilege_type");
    Value out = jinja::dict_of({});
    for (auto const& row : data->rows) {
      if (grantee >= row.size() || privilege >= row.size()) break;
      std::string const name = jinja::to_text(row[privilege]);
      if (out.dict().find(std::string_view(name)) == nullptr)
        out.dict().set(std::string_view(name), jinja::list_of({}));
      out.dict().find(std::string_view(name))->list().items.push_back(row[grantee]);
    }
    return out;
  }

  Status check_snapshot_columns(Value const& relation, Data const& names, bool has_deleted) {
    auto const* object = relation.as<project::RelationObject>();
    if (object == nullptr) return Error(ErrorKind::Template, "a snapshot's target must be a relation");
    WEIR_TRY(auto const columns, columns_of(context_, object->parts));
    std::vector<std::string> missing;
    std::vector<std::string> wanted{"dbt_scd_id", "dbt_valid_from", "dbt_valid_to"};
    if (has_deleted) wanted.emplace_back("dbt_is_deleted");
    for (auto const& key : wanted) {
      std::string const name = to_lower(names[key].is_string() ? names[key].text() : key);
      if (std::none_of(columns.begin(), columns.end(),
                       [&name](auto const& column) { return to_lower(column.name) == name; }))
        missing.push_back(name);
    }
    if (missing.empty()) return {};
    return Error(ErrorKind::Template,
                 fmt::format("{} is no snapshot: it lacks the columns {}", object->parts.render(), join(missing, ", ")))
        .object(object->parts.render())
        .state("the table is as it was")
        .next("move that table out of the way, or give the snapshot another schema or alias");
  }

  Outcome<Value> valid_snapshot_target(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("valid_snapshot_target", {"relation", "column_names"}, 1));
    auto done = check_snapshot_columns(bound[0], bound[1].is_missing() ? Data() : project::to_data(bound[1]), false);
    if (!done.ok()) return Failure(std::move(done).error());
    return Value();
  }
  Outcome<Value> assert_snapshot_target(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("assert_valid_snapshot_target_given_strategy",
                                         {"relation", "column_names", "strategy"}, 3));
    auto const* policy = bound[2].is_dict() ? bound[2].dict().find(std::string_view("hard_deletes")) : nullptr;
    auto done = check_snapshot_columns(bound[0], project::to_data(bound[1]),
                                       policy != nullptr && policy->is_string() && policy->string() == "new_record");
    if (!done.ok()) return Failure(std::move(done).error());
    return Value();
  }

  Outcome<Value> hard_deletes(State&, Arguments const&) {
    auto const& said = context_.config("hard_deletes");
    auto const& old = context_.config("invalidate_hard_deletes");
    if (!said.is_none() && !old.is_none())
      return Failure(
          Error(ErrorKind::Template, "the snapshot sets both \"hard_deletes\" and \"invalidate_hard_deletes\"")
              .next("keep hard_deletes"));
    if (old.truth()) return Value("invalidate");
    if (said.is_none()) return Value("ignore");
    if (said.text() != "ignore" && said.text() != "invalidate" && said.text() != "new_record")
      return Failure(Error(ErrorKind::Template, fmt::format("\"{}\" is no value of hard_deletes", said.str()))
                         .next("use ignore, invalidate or new_record"));
    return Value(said.text());
  }

  Outcome<Value> strategy_macro(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_incremental_strategy_macro", {"context", "strategy"}, 2));
    auto found = incremental_strategy(context_, jinja::to_text(bound[1]));
    if (!found.ok()) return Failure(std::move(found).error());
    return *found;
  }

  Outcome<Value> columns_constraints(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("render_raw_columns_constraints", {"raw_columns"}, 1));
    auto lines = column_definitions(context_, project::to_data(bound[0]));
    if (!lines.ok()) return Failure(std::move(lines).error());
    std::vector<Value> out;
    for (auto const& line : *lines) out.emplace_back(line);
    return jinja::list_of(std::move(out));
  }
  Outcome<Value> model_constraints(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("render_raw_model_constraints", {"raw_constraints"}, 1));
    auto lines = table_constraints(context_, project::to_data(bound[0]));
    if (!lines.ok()) return Failure(std::move(lines).error());
    std::vector<Value> out;
    for (auto const& line : *lines) out.emplace_back(line);
    return jinja::list_of(std::move(out));
  }

  // Columns of a query, by their types' names.
  Outcome<Value> query_columns(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("get_column_schema_from_query", {"sql"}, 1));
    auto columns = columns_of_query(context_, jinja::to_text(bound[0]));
    if (!columns.ok()) return Failure(std::move(columns).error());
    std::vector<Value> out;
    for (auto& [name, type] : *columns) out.push_back(project::make_column({name, type, {}, {}, {}}));
    return jinja::list_of(std::move(out));
  }

  Outcome<Value> convert_type(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("convert_type", {"agate_table", "col_idx"}, 2));
    auto const* data = table_of(bound[0]);
    if (data == nullptr || !bound[1].is_int())
      return Failure(FailureType::TypeError, "adapter.convert_type() takes a table and a column's number");
    return Value(sql_type_of(*data, static_cast<std::size_t>(bound[1].integer())));
  }

  Outcome<Value> parse_index(State&, Arguments const& arguments) {
    JINJA_TRY(auto bound, arguments.bind("parse_index", {"raw_index"}, 1));
    if (bound[0].is_none()) return Value();
    auto index = index_from(project::to_data(bound[0]));
    if (!index.ok()) return Failure(std::move(index).error());
    return Value(jinja::make<IndexConfig>(index->columns, index->unique, index->method));
  }

  RunContext& context_;
};

Result<Value> incremental_strategy(RunContext& context, std::string const& strategy) {
  static std::vector<std::string> const builtin{"default", "append",           "delete+insert",
                                                "merge",   "insert_overwrite", "microbatch"};
  std::string const name = fmt::format("get_incremental_{}_sql", replace_all(strategy, "+", "_"));
  auto const found = context.find(name);
  if (!found.is_missing() && strategy != "insert_overwrite") return found;
  std::string next = did_you_mean(strategy, builtin);
  return Error(ErrorKind::Template, fmt::format("there is no incremental strategy \"{}\"", strategy))
      .cause(fmt::format("no macro \"{}\" was found", name))
      .next(next.empty() ? "use append, delete+insert, merge or microbatch, or write that macro" : next);
}

Value make_run_adapter(RunContext& context) {
  return Value(jinja::make<RunAdapter>(context, context.adapter_dispatch()));
}

}  // namespace weir::build
