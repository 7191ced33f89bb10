// The catalog as tables: sys.* and INFORMATION_SCHEMA.*, made from the description at every reading.

#include <functional>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/plan.h"

namespace weir::tds {
namespace {

using Rows = std::vector<StoredRow>;
using Tables = std::vector<std::shared_ptr<TableDef const>>;

SqlType const kInt = make_type(TypeId::Int);
SqlType const kSmall = make_type(TypeId::SmallInt);
SqlType const kTiny = make_type(TypeId::TinyInt);
SqlType const kBig = make_type(TypeId::BigInt);
SqlType const kBit = make_type(TypeId::Bit);
SqlType const kName = nvarchar(128);
SqlType const kText60 = nvarchar(60);
SqlType const kMax = nvarchar(-1);
SqlType const kTime = make_type(TypeId::DateTime);
SqlType const kChar2 = make_type(TypeId::Char, 2);

struct View {
  char const* schema;
  char const* name;
  std::vector<std::pair<char const*, SqlType>> columns;
  std::function<void(Context&, Tables const&, Rows&)> fill;
};

Value num(std::int64_t number) {
  return int_value(number);
}
Value bit(bool on) {
  return bit_value(on);
}
Value str(std::string_view text) {
  return text_value(text);
}
Value none() {
  return null_value();
}
Value long_ago() {
  Value value;
  (void)parse_value("2024-01-15T08:30:00", kTime, value).ok();
  return value;
}

int schema_id(Context const& context, std::string_view schema) {
  if (equals_ignoring_case(schema, "dbo")) return 1;
  for (std::size_t i = 0; i < context.database.schemas.size(); ++i)
    if (equals_ignoring_case(context.database.schemas[i], schema)) return static_cast<int>(i) + 5;
  return 1;
}

bool is_heap(TableDef const& table) {
  for (IndexDef const& index : table.indexes)
    if (index.clustered) return false;
  return true;
}

std::int64_t row_bytes(TableDef const& table) {
  std::int64_t bytes = 10;
  for (ColumnDef const& column : table.columns) {
    int const length = catalog_length(column.type);
    bytes += length < 0 ? 200 : (column.type.is_text() && length > 40 ? length / 4 : length);
  }
  return bytes;
}

void each_table(Tables const& tables, std::function<void(TableDef const&)> const& use) {
  for (auto const& table : tables)
    if (!table->is_view()) use(*table);
}

// Indexes with the heap (index 0) where there is no clustered one.
void each_index(Tables const& tables, std::function<void(TableDef const&, IndexDef const*)> const& use) {
  each_table(tables, [&use](TableDef const& table) {
    if (is_heap(table)) use(table, nullptr);
    for (IndexDef const& index : table.indexes) use(table, &index);
  });
}

bool is_unmasked_name(ColumnDef const& column) {
  return column.sysname;
}

std::string information_type(TypeId id) {
  return std::string(type_name(id));
}

int odbc_type(SqlType const& type) {
  switch (type.id) {
    case TypeId::Bit:
      return -7;
    case TypeId::TinyInt:
      return -6;
    case TypeId::SmallInt:
      return 5;
    case TypeId::Int:
      return 4;
    case TypeId::BigInt:
      return -5;
    case TypeId::Decimal:
    case TypeId::Money:
    case TypeId::SmallMoney:
      return 3;
    case TypeId::Numeric:
      return 2;
    case TypeId::Real:
      return 7;
    case TypeId::Float:
      return 6;
    case TypeId::Date:
      return 91;
    case TypeId::Time:
      return -154;
    case TypeId::SmallDateTime:
    case TypeId::DateTime:
    case TypeId::DateTime2:
      return 93;
    case TypeId::DateTimeOffset:
      return -155;
    case TypeId::Char:
      return 1;
    case TypeId::VarChar:
      return 12;
    case TypeId::Text:
      return -1;
    case TypeId::NChar:
      return -8;
    case TypeId::NVarChar:
      return -9;
    case TypeId::NText:
      return -10;
    case TypeId::Xml:
      return -152;
    case TypeId::Binary:
    case TypeId::RowVersion:
      return -2;
    case TypeId::VarBinary:
      return -3;
    case TypeId::Image:
      return -4;
    case TypeId::UniqueIdentifier:
      return -11;
    case TypeId::Variant:
      return -150;
    default:
      return -151;
  }
}

void fill_databases(Context& c, Tables const&, Rows& rows) {
  DatabaseOptions const options = c.database.options();
  auto add = [&](int id, std::string const& name, bool own) {
    bool const snapshot = own && options.snapshot_isolation;
    rows.push_back({num(id), str(name), str(c.database.collation->name), num(options.compatibility_level),
                    num(snapshot ? 1 : 0), str(snapshot ? "ON" : "OFF"), bit(own && options.read_committed_snapshot),
                    bit(false), bit(false), str("ONLINE"), num(0), long_ago(), str("FULL"), num(1), bit(false),
                    num(0)});
  };
  add(1, "master", false);
  add(5, c.database.name, true);
}

void fill_schemas(Context& c, Tables const&, Rows& rows) {
  rows.push_back({str("dbo"), num(1), num(1)});
  rows.push_back({str("INFORMATION_SCHEMA"), num(3), num(3)});
  rows.push_back({str("sys"), num(4), num(4)});
  for (std::size_t i = 0; i < c.database.schemas.size(); ++i)
    rows.push_back({str(c.database.schemas[i]), num(static_cast<std::int64_t>(i) + 5), num(1)});
}

void fill_objects(Context& c, Tables const& tables, Rows& rows) {
  for (auto const& table : tables)
    rows.push_back({str(table->name), num(table->object_id), none(), num(schema_id(c, table->schema)), num(0),
                    str(table->is_view() ? "V " : "U "), str(table->is_view() ? "VIEW" : "USER_TABLE"), long_ago(),
                    long_ago(), bit(false)});
  for (auto const& table : tables)
    for (IndexDef const& index : table->indexes)
      if (index.primary_key || index.unique_constraint)
        rows.push_back({str(index.name), num(table->object_id + index.index_id), none(),
                        num(schema_id(c, table->schema)), num(table->object_id), str(index.primary_key ? "PK" : "UQ"),
                        str(index.primary_key ? "PRIMARY_KEY_CONSTRAINT" : "UNIQUE_CONSTRAINT"), long_ago(), long_ago(),
                        bit(false)});
}

void fill_tables(Context& c, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    rows.push_back({str(table.name), num(table.object_id), num(schema_id(c, table.schema)), str("U "),
                    str("USER_TABLE"), long_ago(), long_ago(), bit(false), num(0), str("NON_TEMPORAL_TABLE"), none(),
                    bit(false), bit(false), bit(false), num(0), num(0)});
  });
}

void fill_views(Context& c, Tables const& tables, Rows& rows) {
  for (auto const& table : tables)
    if (table->is_view())
      rows.push_back({str(table->name), num(table->object_id), num(schema_id(c, table->schema)), str("V "), str("VIEW"),
                      long_ago(), long_ago(), bit(false)});
}

void fill_columns(Context&, Tables const& tables, Rows& rows) {
  for (auto const& table : tables)
    for (ColumnDef const& column : table->columns) {
      SqlType const& type = column.type;
      rows.push_back({num(table->object_id),
                      str(column.name),
                      num(column.column_id),
                      num(system_type_id(type.id)),
                      num(is_unmasked_name(column) ? 256 : user_type_id(type.id)),
                      num(catalog_length(type)),
                      num(catalog_precision(type)),
                      num(catalog_scale(type)),
                      type.is_text() && type.id != TypeId::Xml ? str(type.collation->name) : none(),
                      bit(column.nullable),
                      bit(false),
                      bit(column.identity),
                      bit(column.computed),
                      bit(column.sparse),
                      bit(false),
                      num(0),
                      str("NOT_APPLICABLE"),
                      none(),
                      bit(column.hidden),
                      bit(column.masked),
                      num(column.default_value ? 1 : 0),
                      bit(false),
                      bit(false)});
    }
}

void fill_types(Context& c, Tables const&, Rows& rows) {
  for (int i = 0; i <= static_cast<int>(TypeId::Geometry); ++i) {
    auto const id = static_cast<TypeId>(i);
    SqlType const type = make_type(id, 8000, 38);
    bool const text = type.is_text() && id != TypeId::Xml;
    rows.push_back({str(type_name(id)), num(system_type_id(id)), num(user_type_id(id)), num(4), none(),
                    num(catalog_length(type)), num(catalog_precision(type)), num(catalog_scale(type)),
                    text ? str(c.database.collation->name) : none(), bit(true), bit(type.is_udt()), bit(type.is_udt()),
                    bit(false)});
  }
  rows.push_back({str("sysname"), num(231), num(256), num(4), none(), num(256), num(0), num(0),
                  str(c.database.collation->name), bit(false), bit(false), bit(false), bit(false)});
}

void fill_indexes(Context&, Tables const& tables, Rows& rows) {
  each_index(tables, [&rows](TableDef const& table, IndexDef const* index) {
    if (index == nullptr) {
      rows.push_back({num(table.object_id), none(), num(0), num(0), str("HEAP"), bit(false), num(1), bit(false),
                      bit(false), num(0), bit(false), bit(false), bit(false), none()});
      return;
    }
    rows.push_back({num(table.object_id), str(index->name), num(index->index_id), num(index->clustered ? 1 : 2),
                    str(index->clustered ? "CLUSTERED" : "NONCLUSTERED"), bit(index->unique), num(1),
                    bit(index->primary_key), bit(index->unique_constraint), num(0), bit(index->disabled), bit(false),
                    bit(false), none()});
  });
}

void fill_index_columns(Context&, Tables const& tables, Rows& rows) {
  each_index(tables, [&rows](TableDef const& table, IndexDef const* index) {
    if (index == nullptr) return;
    for (std::size_t i = 0; i < index->columns.size(); ++i) {
      int const column = table.column_index(index->columns[i].name);
      if (column < 0) continue;
      auto const ordinal = static_cast<std::int64_t>(i) + 1;
      rows.push_back({num(table.object_id), num(index->index_id), num(ordinal),
                      num(table.columns[static_cast<std::size_t>(column)].column_id), num(ordinal), num(0),
                      bit(index->columns[i].descending), bit(false)});
    }
  });
}

void fill_partitions(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    auto const count = static_cast<std::int64_t>(c.database.approximate_rows(table.object_id));
    int const id = index == nullptr ? 0 : index->index_id;
    rows.push_back({num(std::int64_t{table.object_id} * 16 + id), num(table.object_id), num(id), num(1),
                    num(std::int64_t{table.object_id} * 16 + id), num(count), num(0), str("NONE")});
  });
}

void fill_allocation_units(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    std::int64_t const pages =
        (static_cast<std::int64_t>(c.database.approximate_rows(table.object_id)) * row_bytes(table) + 8095) / 8096;
    std::int64_t const partition = std::int64_t{table.object_id} * 16 + (index == nullptr ? 0 : index->index_id);
    rows.push_back({num(partition), num(1), str("IN_ROW_DATA"), num(partition), num(1), num(pages + 2),
                    num(pages + (pages > 0 ? 1 : 0)), num(pages)});
  });
}

void fill_partition_stats(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    auto const count = static_cast<std::int64_t>(c.database.approximate_rows(table.object_id));
    std::int64_t const pages = (count * row_bytes(table) + 8095) / 8096;
    int const id = index == nullptr ? 0 : index->index_id;
    rows.push_back({num(std::int64_t{table.object_id} * 16 + id), num(table.object_id), num(id), num(1), num(pages),
                    num(pages + (pages > 0 ? 1 : 0)), num(pages + 2), num(count)});
  });
}

void fill_key_constraints(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    if (index == nullptr || !(index->primary_key || index->unique_constraint)) return;
    rows.push_back({str(index->name), num(table.object_id + index->index_id), num(schema_id(c, table.schema)),
                    num(table.object_id), str(index->primary_key ? "PK" : "UQ"),
                    str(index->primary_key ? "PRIMARY_KEY_CONSTRAINT" : "UNIQUE_CONSTRAINT"), num(index->index_id),
                    bit(false), bit(true)});
  });
}

void fill_identity_columns(Context& c, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    for (ColumnDef const& column : table.columns)
      if (column.identity)
        rows.push_back({num(table.object_id), str(column.name), num(column.column_id), num(1), num(1),
                        num(static_cast<std::int64_t>(c.database.approximate_rows(table.object_id)))});
  });
}

void fill_stats(Context&, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    if (!table.statistics) return;
    for (IndexDef const& index : table.indexes)
      rows.push_back(
          {num(table.object_id), str(index.name), num(index.index_id), bit(false), bit(false), bit(false), bit(false)});
  });
}

void fill_security_policies(Context& c, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    if (table.row_level_security)
      rows.push_back({str("Filter_" + table.name), num(table.object_id + 8), num(schema_id(c, table.schema)), num(0),
                      bit(true), bit(false)});
  });
}

void fill_security_predicates(Context&, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    if (table.row_level_security)
      rows.push_back({num(table.object_id + 8), num(1), num(table.object_id), str("FILTER")});
  });
}

void fill_change_tracking_databases(Context& c, Tables const&, Rows& rows) {
  if (c.database.options().change_tracking) rows.push_back({num(5), bit(true), num(2), num(3), str("DAYS")});
}

void fill_change_tracking_tables(Context& c, Tables const& tables, Rows& rows) {
  each_table(tables, [&](TableDef const& table) {
    if (!table.change_tracking) return;
    auto const lowest = static_cast<std::int64_t>(c.database.min_valid_change_version(table.object_id));
    rows.push_back({num(table.object_id), bit(false), num(lowest), num(0), num(lowest)});
  });
}

void fill_information_tables(Context& c, Tables const& tables, Rows& rows) {
  for (auto const& table : tables)
    rows.push_back(
        {str(c.database.name), str(table->schema), str(table->name), str(table->is_view() ? "VIEW" : "BASE TABLE")});
}

void fill_information_columns(Context& c, Tables const& tables, Rows& rows) {
  for (auto const& table : tables) {
    int position = 0;
    for (ColumnDef const& column : table->columns) {
      SqlType const& type = column.type;
      bool const sized = type.is_text() || type.is_binary();
      bool const legacy =
          type.id == TypeId::Text || type.id == TypeId::NText || type.id == TypeId::Image || type.id == TypeId::Xml;
      int const octets = legacy ? 2147483647 : catalog_length(type);
      bool const numeric = type.is_number() && type.id != TypeId::Bit;
      rows.push_back({str(c.database.name), str(table->schema), str(table->name), str(column.name), num(++position),
                      none(), str(column.nullable ? "YES" : "NO"), str(information_type(type.id)),
                      sized ? num(legacy || type.is_max() ? octets : type.length) : none(),
                      sized ? num(octets) : none(), numeric ? num(catalog_precision(type)) : none(),
                      numeric ? num(type.is_float() ? 2 : 10) : none(),
                      numeric && !type.is_float() ? num(catalog_scale(type)) : none(),
                      type.is_time() ? num(type.id == TypeId::DateTime ? 3 : type.scale) : none(),
                      type.is_char_text() ? str("iso_1")
                      : type.is_n_text()  ? str("UNICODE")
                                          : none(),
                      type.is_text() ? str(type.collation->name) : none(), num(odbc_type(type))});
    }
  }
}

void fill_information_schemata(Context& c, Tables const&, Rows& rows) {
  for (std::string const& name : {std::string("dbo"), std::string("INFORMATION_SCHEMA"), std::string("sys")})
    rows.push_back({str(c.database.name), str(name), str("dbo")});
  for (std::string const& name : c.database.schemas) rows.push_back({str(c.database.name), str(name), str("dbo")});
}

void fill_table_constraints(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    if (index != nullptr && (index->primary_key || index->unique_constraint))
      rows.push_back({str(c.database.name), str(table.schema), str(index->name), str(c.database.name),
                      str(table.schema), str(table.name), str(index->primary_key ? "PRIMARY KEY" : "UNIQUE")});
  });
}

void fill_referential_constraints(Context&, Tables const&, Rows&) {}  // a description has no foreign keys

void fill_key_column_usage(Context& c, Tables const& tables, Rows& rows) {
  each_index(tables, [&](TableDef const& table, IndexDef const* index) {
    if (index == nullptr || !(index->primary_key || index->unique_constraint)) return;
    for (std::size_t i = 0; i < index->columns.size(); ++i)
      rows.push_back({str(c.database.name), str(table.schema), str(index->name), str(c.database.name),
                      str(table.schema), str(table.name), str(index->columns[i].name),
                      num(static_cast<std::int64_t>(i) + 1)});
  });
}

void fill_configurations(Context&, Tables const&, Rows& rows) {
  rows.push_back({num(16384), str("agent xps"), num(1), num(1)});
}

std::vector<View> const& views() {
  static std::vector<std::pair<char const*, SqlType>> const objects = {
      {"name", kName},        {"object_id", kInt},        {"principal_id", kInt},
      {"schema_id", kInt},    {"parent_object_id", kInt}, {"type", kChar2},
      {"type_desc", kText60}, {"create_date", kTime},     {"modify_date", kTime},
      {"is_ms_shipped", kBit}};
  static std::vector<View> const all = {
      {"sys",
       "databases",
       {{"database_id", kInt},
        {"name", kName},
        {"collation_name", kName},
        {"compatibility_level", kTiny},
        {"snapshot_isolation_state", kTiny},
        {"snapshot_isolation_state_desc", kText60},
        {"is_read_committed_snapshot_on", kBit},
        {"is_cdc_enabled", kBit},
        {"is_read_only", kBit},
        {"state_desc", kText60},
        {"state", kTiny},
        {"create_date", kTime},
        {"recovery_model_desc", kText60},
        {"recovery_model", kTiny},
        {"is_in_standby", kBit},
        {"user_access", kTiny}},
       fill_databases},
      {"sys", "schemas", {{"name", kName}, {"schema_id", kInt}, {"principal_id", kInt}}, fill_schemas},
      {"sys", "objects", objects, fill_objects},
      {"sys", "all_objects", objects, fill_objects},
      {"sys",
       "tables",
       {{"name", kName},
        {"object_id", kInt},
        {"schema_id", kInt},
        {"type", kChar2},
        {"type_desc", kText60},
        {"create_date", kTime},
        {"modify_date", kTime},
        {"is_ms_shipped", kBit},
        {"temporal_type", kTiny},
        {"temporal_type_desc", kText60},
        {"history_table_id", kInt},
        {"is_tracked_by_cdc", kBit},
        {"is_memory_optimized", kBit},
        {"is_external", kBit},
        {"lob_data_space_id", kInt},
        {"max_column_id_used", kInt}},
       fill_tables},
      {"sys",
       "views",
       {{"name", kName},
        {"object_id", kInt},
        {"schema_id", kInt},
        {"type", kChar2},
        {"type_desc", kText60},
        {"create_date", kTime},
        {"modify_date", kTime},
        {"is_ms_shipped", kBit}},
       fill_views},
      {"sys",
       "columns",
       {{"object_id", kInt},
        {"name", kName},
        {"column_id", kInt},
        {"system_type_id", kTiny},
        {"user_type_id", kInt},
        {"max_length", kSmall},
        {"precision", kTiny},
        {"scale", kTiny},
        {"collation_name", kName},
        {"is_nullable", kBit},
        {"is_rowguidcol", kBit},
        {"is_identity", kBit},
        {"is_computed", kBit},
        {"is_sparse", kBit},
        {"is_column_set", kBit},
        {"generated_always_type", kTiny},
        {"generated_always_type_desc", kText60},
        {"encryption_type", kInt},
        {"is_hidden", kBit},
        {"is_masked", kBit},
        {"default_object_id", kInt},
        {"is_ansi_padded", kBit},
        {"is_filestream", kBit}},
       fill_columns},
      {"sys",
       "types",
       {{"name", kName},
        {"system_type_id", kTiny},
        {"user_type_id", kInt},
        {"schema_id", kInt},
        {"principal_id", kInt},
        {"max_length", kSmall},
        {"precision", kTiny},
        {"scale", kTiny},
        {"collation_name", kName},
        {"is_nullable", kBit},
        {"is_user_defined", kBit},
        {"is_assembly_type", kBit},
        {"is_table_type", kBit}},
       fill_types},
      {"sys",
       "indexes",
       {{"object_id", kInt},
        {"name", kName},
        {"index_id", kInt},
        {"type", kTiny},
        {"type_desc", kText60},
        {"is_unique", kBit},
        {"data_space_id", kInt},
        {"is_primary_key", kBit},
        {"is_unique_constraint", kBit},
        {"fill_factor", kTiny},
        {"is_disabled", kBit},
        {"is_hypothetical", kBit},
        {"has_filter", kBit},
        {"filter_definition", kMax}},
       fill_indexes},
      {"sys",
       "index_columns",
       {{"object_id", kInt},
        {"index_id", kInt},
        {"index_column_id", kInt},
        {"column_id", kInt},
        {"key_ordinal", kTiny},
        {"partition_ordinal", kTiny},
        {"is_descending_key", kBit},
        {"is_included_column", kBit}},
       fill_index_columns},
      {"sys",
       "partitions",
       {{"partition_id", kBig},
        {"object_id", kInt},
        {"index_id", kInt},
        {"partition_number", kInt},
        {"hobt_id", kBig},
        {"rows", kBig},
        {"data_compression", kTiny},
        {"data_compression_desc", kText60}},
       fill_partitions},
      {"sys",
       "allocation_units",
       {{"allocation_unit_id", kBig},
        {"type", kTiny},
        {"type_desc", kText60},
        {"container_id", kBig},
        {"data_space_id", kInt},
        {"total_pages", kBig},
        {"used_pages", kBig},
        {"data_pages", kBig}},
       fill_allocation_units},
      {"sys",
       "dm_db_partition_stats",
       {{"partition_id", kBig},
        {"object_id", kInt},
        {"index_id", kInt},
        {"partition_number", kInt},
        {"in_row_data_page_count", kBig},
        {"used_page_count", kBig},
        {"reserved_page_count", kBig},
        {"row_count", kBig}},
       fill_partition_stats},
      {"sys",
       "key_constraints",
       {{"name", kName},
        {"object_id", kInt},
        {"schema_id", kInt},
        {"parent_object_id", kInt},
        {"type", kChar2},
        {"type_desc", kText60},
        {"unique_index_id", kInt},
        {"is_system_named", kBit},
        {"is_enforced", kBit}},
       fill_key_constraints},
      {"sys",
       "identity_columns",
       {{"object_id", kInt},
        {"name", kName},
        {"column_id", kInt},
        {"seed_value", kBig},
        {"increment_value", kBig},
        {"last_value", kBig}},
       fill_identity_columns},
      {"sys",
       "stats",
       {{"object_id", kInt},
        {"name", kName},
        {"stats_id", kInt},
        {"auto_created", kBit},
        {"user_created", kBit},
        {"no_recompute", kBit},
        {"has_filter", kBit}},
       fill_stats},
      {"sys",
       "security_policies",
       {{"name", kName},
        {"object_id", kInt},
        {"schema_id", kInt},
        {"parent_object_id", kInt},
        {"is_enabled", kBit},
        {"is_not_for_replication", kBit}},
       fill_security_policies},
      {"sys",
       "security_predicates",
       {{"object_id", kInt},
        {"security_predicate_id", kInt},
        {"target_object_id", kInt},
        {"predicate_type_desc", kText60}},
       fill_security_predicates},
      {"sys",
       "change_tracking_databases",
       {{"database_id", kInt},
        {"is_auto_cleanup_on", kBit},
        {"retention_period", kInt},
        {"retention_period_units", kTiny},
        {"retention_period_units_desc", kText60}},
       fill_change_tracking_databases},
      {"sys",
       "change_tracking_tables",
       {{"object_id", kInt},
        {"is_track_columns_updated_on", kBit},
        {"min_valid_version", kBig},
        {"begin_version", kBig},
        {"cleanup_version", kBig}},
       fill_change_tracking_tables},
      {"sys",
       "configurations",
       {{"configuration_id", kInt}, {"name", kName}, {"value", kInt}, {"value_in_use", kInt}},
       fill_configurations},
      {"INFORMATION_SCHEMA",
       "TABLES",
       {{"TABLE_CATALOG", kName},
        {"TABLE_SCHEMA", kName},
        {"TABLE_NAME", kName},
        {"TABLE_TYPE", make_type(TypeId::VarChar, 10)}},
       fill_information_tables},
      {"INFORMATION_SCHEMA",
       "COLUMNS",
       {{"TABLE_CATALOG", kName},
        {"TABLE_SCHEMA", kName},
        {"TABLE_NAME", kName},
        {"COLUMN_NAME", kName},
        {"ORDINAL_POSITION", kInt},
        {"COLUMN_DEFAULT", nvarchar(4000)},
        {"IS_NULLABLE", make_type(TypeId::VarChar, 3)},
        {"DATA_TYPE", kName},
        {"CHARACTER_MAXIMUM_LENGTH", kInt},
        {"CHARACTER_OCTET_LENGTH", kInt},
        {"NUMERIC_PRECISION", kTiny},
        {"NUMERIC_PRECISION_RADIX", kSmall},
        {"NUMERIC_SCALE", kInt},
        {"DATETIME_PRECISION", kSmall},
        {"CHARACTER_SET_NAME", kName},
        {"COLLATION_NAME", kName},
        {"ODBC_TYPE", kSmall}},
       fill_information_columns},
      {"INFORMATION_SCHEMA",
       "SCHEMATA",
       {{"CATALOG_NAME", kName}, {"SCHEMA_NAME", kName}, {"SCHEMA_OWNER", kName}},
       fill_information_schemata},
      {"INFORMATION_SCHEMA",
       "TABLE_CONSTRAINTS",
       {{"CONSTRAINT_CATALOG", kName},
        {"CONSTRAINT_SCHEMA", kName},
        {"CONSTRAINT_NAME", kName},
        {"TABLE_CATALOG", kName},
        {"TABLE_SCHEMA", kName},
        {"TABLE_NAME", kName},
        {"CONSTRAINT_TYPE", make_type(TypeId::VarChar, 11)}},
       fill_table_constraints},
      {"INFORMATION_SCHEMA",
       "KEY_COLUMN_USAGE",
       {{"CONSTRAINT_CATALOG", kName},
        {"CONSTRAINT_SCHEMA", kName},
        {"CONSTRAINT_NAME", kName},
        {"TABLE_CATALOG", kName},
        {"TABLE_SCHEMA", kName},
        {"TABLE_NAME", kName},
        {"COLUMN_NAME", kName},
        {"ORDINAL_POSITION", kInt}},
       fill_key_column_usage},
      {"INFORMATION_SCHEMA",
       "REFERENTIAL_CONSTRAINTS",
       {{"CONSTRAINT_CATALOG", kName},
        {"CONSTRAINT_SCHEMA", kName},
        {"CONSTRAINT_NAME", kName},
        {"UNIQUE_CONSTRAINT_CATALOG", kName},
        {"UNIQUE_CONSTRAINT_SCHEMA", kName},
        {"UNIQUE_CONSTRAINT_NAME", kName},
        {"MATCH_OPTION", make_type(TypeId::VarChar, 7)},
        {"UPDATE_RULE", make_type(TypeId::VarChar, 11)},
        {"DELETE_RULE", make_type(TypeId::VarChar, 11)}},
       fill_referential_constraints},
  };
  return all;
}

// Rows are made when the first scan begins.
class CatalogSource : public RowSource {
 public:
  explicit CatalogSource(View const& view) : view_(view) {
    for (auto const& [name, type] : view.columns) {
      SourceColumn& column = columns.emplace_back();
      column.name = name;
      column.type = type;
      column.hidden = std::string_view(name) == "ODBC_TYPE";  // for sp_columns only
    }
  }
  std::optional<std::uint64_t> known_count(Context&) override { return std::nullopt; }
  Outcome scan(Context& context, Frame const*, Value const** cells, Step const& step) override {
    if (!ready_) {
      Rows made;
      view_.fill(context, context.database.tables(), made);
      for (StoredRow& row : made)
        for (std::size_t i = 0; i < row.size(); ++i) TDS_DO(convert(row[i], columns[i].type, 0, row[i]));
      rows_ = std::move(made);
      ready_ = true;
    }
    bool more = true;
    for (std::size_t r = 0; r < rows_.size() && more; ++r) {
      for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = &rows_[r][i];
      TDS_DO(step(more));
    }
    return {};
  }

 private:
  View const& view_;
  Rows rows_;
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<RowSource> open_catalog_view(Context&, std::string_view schema, std::string_view name) {
  for (View const& view : views())
    if (equals_ignoring_case(view.schema, schema) && equals_ignoring_case(view.name, name))
      return std::make_unique<CatalogSource>(view);
  return nullptr;
}

}  // namespace weir::tds
