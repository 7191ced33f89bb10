#pragma once
// One member of a dbt project's graph, of any kind, as the manifest holds it after parsing. Plain records; after
// load_project() they never change, and any thread may read them. Field names are those of dbt's manifest (schema v12),
// so that what is said there is found here. What only one kind has stands in a part of its own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "project/data.h"

namespace weir::project {

enum class NodeKind : std::uint8_t {
  Model,
  Seed,
  Snapshot,
  Analysis,
  Test,
  Operation,
  Function,  // "nodes" (functions have a section of their own)
  Source,
  Exposure,
  Metric,
  SemanticModel,
  SavedQuery,
  UnitTest,
};
std::string_view kind_name(NodeKind kind);    // "model", ..., "semantic_model": resource_type
std::string_view plural_name(NodeKind kind);  // "models", ..., "analyses": the key in properties files
std::optional<NodeKind> kind_from_name(std::string_view name);

struct Ref {
  std::string name;
  std::string package;  // empty: not said
  Data version;         // None: not said
  bool operator==(Ref const&) const = default;
};

struct DependsOn {
  std::vector<std::string> nodes, macros;  // unique ids, in the order they were met, each once
};

struct Checksum {
  std::string name = "none", value;  // "sha256" and hex digits; seeds over 1 MiB: "path" and the path
};

struct Column {
  std::string name, description;
  Data meta = Data::Dict{};
  std::optional<std::string> data_type;
  Data constraints = Data::List{};  // of mappings, with every key of dbt's ColumnLevelConstraint
  std::optional<bool> quote;
  std::vector<std::string> tags;
  Data::Dict extra;  // keys that dbt does not know, carried
  Data granularity, dimension, entity;
  std::vector<std::string> doc_blocks;
};

struct Docs {
  bool show = true;
  std::optional<std::string> node_color;
};

struct Contract {
  bool enforced = false, alias_types = true;
  std::optional<std::string> checksum;
};

struct Hook {
  std::string sql;
  bool transaction = true;
  std::optional<std::int64_t> index;
};

// What a generic test was made from.
struct GenericTest {
  std::string name;                       // of the macro, without "test_"
  std::optional<std::string> namespace_;  // dbt_utils
  Data kwargs = Data::Dict{};             // arguments as written, "model" and "column_name" included
  std::optional<std::string> column_name;
  std::string file_key_name;                 // models.orders
  std::optional<std::string> attached_node;  // unique id
};

struct SourceTable {
  std::string source_name, source_description, loader, identifier;
  Data quoting = Data::Dict{};  // database, schema, identifier, column: bool or None
  std::optional<std::string> loaded_at_field, loaded_at_query;
  Data freshness, external;  // None where there is none
  Data source_meta = Data::Dict{};
  std::optional<std::string> unrendered_database, unrendered_schema;
};

struct ExposureFacts {
  std::string type;
  Data owner = Data::Dict{};
  std::optional<std::string> label, maturity, url;
};

struct UnitTestFacts {
  std::string model;  // as written
  Data given = Data::List{}, expect, overrides, versions;
  Data version;             // of a versioned model, else None
  std::string tested_node;  // unique id
};

struct FunctionFacts {
  Data arguments = Data::List{}, returns, overloads = Data::List{};
};

struct Node {
  NodeKind kind = NodeKind::Model;
  std::string unique_id, name, package_name;
  std::string path, original_file_path;  // below its own path setting; below the project folder
  std::vector<std::string> fqn;
  std::string database, schema, alias;       // of a source: alias is empty, see source->identifier
  std::optional<std::string> relation_name;  // quoted: "db"."schema"."name"; none for what has no relation
  std::string raw_code, language = "sql";
  int first_line = 1;  // where raw_code begins in the file
  Checksum checksum;

  Data config = Data::Dict{};  // every key of the kind's config class, then the others
  Data unrendered_config = Data::Dict{};
  Data config_call = Data::Dict{};  // what config() was called with
  Data unrendered_config_call = Data::Dict{};
  std::vector<Hook> pre_hooks, post_hooks;  // config's, taken apart

  std::string description;
  std::vector<Column> columns;
  Data meta = Data::Dict{};
  std::vector<std::string> tags;
  std::optional<std::string> group, patch_path;  // patch_path: package://models/schema.yml
  Docs docs;
  std::vector<std::string> doc_blocks;
  std::vector<Ref> refs;
  std::vector<std::vector<std::string>> sources, metrics, functions;
  DependsOn depends_on;
  double created_at = 0;

  // models
  std::string access = "protected";
  Contract contract;
  Data constraints = Data::List{};
  Data version, latest_version;  // int, float or text; None where not versioned
  std::optional<std::string> deprecation_date;
  std::vector<std::string> primary_key;
  Data time_spine;

  // one kind each
  std::optional<GenericTest> generic_test;  // Test: none for a singular one
  std::optional<SourceTable> source;
  std::optional<ExposureFacts> exposure;
  std::optional<UnitTestFacts> unit_test;
  std::optional<FunctionFacts> function;
  Data body;  // Metric, SemanticModel, SavedQuery: their own keys, as the manifest says them
  std::optional<std::int64_t> hook_index;  // Operation
  std::optional<std::string> root_path;    // Seed: folder of the project that it stands in

  bool enabled() const { return config["enabled"].is_none() || config["enabled"].truth(); }
  std::string materialized() const { return config["materialized"].is_string() ? config["materialized"].text() : ""; }
  bool is_ephemeral() const { return kind == NodeKind::Model && materialized() == "ephemeral"; }
  // Has a relation of its own in the warehouse.
  bool is_relational() const {
    return kind == NodeKind::Model || kind == NodeKind::Seed || kind == NodeKind::Snapshot || kind == NodeKind::Source;
  }
  std::string const& identifier() const { return source ? source->identifier : alias; }
};

struct MacroArgument {
  std::string name;
  std::optional<std::string> type;
  std::string description;
};

struct Macro {
  std::string unique_id, name, package_name, path, original_file_path;
  std::string macro_sql;  // the block, tags included
  int first_line = 1;     // where it begins in its file
  std::string description;
  Data meta = Data::Dict{};
  Docs docs;
  std::optional<std::string> patch_path;
  std::vector<MacroArgument> arguments;
  std::vector<std::string> depends_on;  // macros
  std::vector<std::string> supported_languages;
  bool is_materialization = false;
  double created_at = 0;
};

struct DocBlock {
  std::string unique_id, name, package_name, path, original_file_path, contents;
};

struct Group {
  std::string unique_id, name, package_name, path, original_file_path, description;
  Data owner = Data::Dict{};
  Data config = Data::Dict{};
};

}  // namespace weir::project
