#pragma once
// What templates see as a relation (`this`, ref(), source(), api.Relation) and as a column (api.Column): dbt's objects
// of these names, for PostgreSQL. Values; a Relation never changes, so templates of several threads may share one.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "jinja/object.h"
#include "project/node.h"

namespace weir::project {

struct RelationParts {
  std::optional<std::string> database, schema, identifier;
  std::optional<std::string> type;              // table, view, cte, materialized_view, external, function
  std::array<bool, 3> quote{true, true, true};  // database, schema, identifier
  std::array<bool, 3> include{true, true, true};
  std::optional<std::int64_t> limit;                               // of rows that a reference to it gives
  std::string event_time_field, event_time_start, event_time_end;  // empty: no filter

  // "db"."schema"."name": what is there and included, quoted where it is to be.
  std::string render() const;
  // The same with limit and filter: a subquery where there is one.
  std::string text() const;
};

// The relation that a node stands for. `quoting`: the root project's, or none; what a source says of its own goes
// before it.
RelationParts relation_of(Node const& node, Data const& quoting);

class RelationObject final : public jinja::Object {
 public:
  explicit RelationObject(RelationParts said) : parts(std::move(said)) {}
  std::string type_name() const override { return "PostgresRelation"; }
  jinja::Outcome<jinja::Value> attribute(jinja::State& state, std::string_view name) override;
  jinja::Outcome<jinja::Value> item(jinja::State& state, jinja::Value const& key) override;
  bool is_mapping() const override { return true; }
  bool is_true() const override { return true; }
  std::string text() const override { return parts.text(); }
  std::string repr() const override { return "<PostgresRelation " + parts.render() + ">"; }
  bool equals(jinja::Value const& other) const override;
  jinja::Outcome<std::uint64_t> hash() const override;

  RelationParts const parts;
};

jinja::Value make_relation(RelationParts parts);
// api.Relation: create(), the names of types, scd_args(), ... `quoting`: the project's.
jinja::Value relation_class(Data const& quoting);

struct ColumnParts {
  std::string name, dtype;
  std::optional<std::int64_t> char_size, numeric_precision, numeric_scale;

  bool is_string() const;
  bool is_integer() const;
  bool is_numeric() const;
  bool is_float() const;
  std::string data_type() const;
};

class ColumnObject final : public jinja::Object {
 public:
  explicit ColumnObject(ColumnParts said) : parts(std::move(said)) {}
  std::string type_name() const override { return "PostgresColumn"; }
  jinja::Outcome<jinja::Value> attribute(jinja::State& state, std::string_view name) override;
  std::string repr() const override;
  std::string text() const override { return repr(); }
  bool equals(jinja::Value const& other) const override;

  ColumnParts const parts;
};

jinja::Value make_column(ColumnParts parts);
jinja::Value column_class();  // api.Column

}  // namespace weir::project
