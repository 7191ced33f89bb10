// INSERT, UPDATE, DELETE and changes of tables. Kept in memory as row versions; keys are not enforced beyond NOT NULL.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/batch.h"

namespace weir::tds {
namespace {

// The target as TableRef with its default schema.
TableRef named(std::vector<std::string> const& name) {
  TableRef ref;
  ref.name = name;
  return ref;
}

Outcome cannot_change(ColumnDef const& column) {
  if (column.computed)
    return sql_error(271, 16,
                     fmt::format("The column \"{}\" cannot be modified because it is either a computed column or is "
                                 "the result of a UNION operator.",
                                 column.name));
  if (column.type.id == TypeId::RowVersion) return sql_error(272, 16, "Cannot update a timestamp column.");
  return {};
}

}  // namespace

Outcome Batch::target_of(Statement const& statement, std::shared_ptr<TableDef const>& def) {
  std::vector<std::string> name = statement.target.name;
  // UPDATE alias ... FROM table alias
  for (TableRef const& ref : statement.from)
    if (name.size() == 1 && ref.kind == TableRef::Kind::Named && equals_ignoring_case(ref.alias, name[0]))
      name = ref.name;
  Context now = context();
  std::string schema, table;
  std::unique_ptr<RowSource> source;
  TDS_DO(open_table(now, named(name), schema, table, source, def));
  if (def == nullptr) return sql_error(259, 16, "Ad hoc updates to system catalogs are not allowed.");
  if (def->is_view())
    return sql_error(
        4406, 16,
        fmt::format("Update or insert of view or function '{}' failed because it contains a derived or constant field.",
                    def->text()));
  return {};
}

// Writes one row: defaults, identity and rowversion are filled in.
Outcome Batch::store(TableDef const& def, std::vector<std::optional<Value>> const& given, RowPtr const& old,
                     std::optional<std::uint64_t> id) {
  auto row = std::make_shared<StoredRow>(def.slots);
  if (old != nullptr) *row = *old;
  row->resize(def.slots);
  for (std::size_t i = 0; i < def.columns.size(); ++i) {
    ColumnDef const& column = def.columns[i];
    Value& cell = (*row)[column.slot];
    if (column.type.id == TypeId::RowVersion) {
      std::uint64_t const number = database_.assign_rowversion(transaction().id);
      cell = binary_value(std::string(8, '\0'));
      cell.type = TypeId::RowVersion;
      for (std::size_t k = 0; k < 8; ++k) cell.bytes[k] = static_cast<char>(number >> (56 - 8 * k));
    } else if (given[i]) {
      TDS_DO(convert(*given[i], column.type, 0, cell));
      if (column.identity && !cell.null && column.type.is_integer())
        database_.note_identity(def.object_id, cell.integer);
    } else if (old == nullptr && column.identity) {
      session_.identity = database_.next_identity(def.object_id);
      session_.has_identity = true;
      TDS_DO(convert(int_value(session_.identity, TypeId::BigInt), column.type, 0, cell));
    } else if (old == nullptr) {
      cell = column.default_value ? *column.default_value : null_value(column.type.id);
    }
    if (cell.null && !column.nullable)
      return sql_error(
          515, 16,
          fmt::format(
              "Cannot insert the value NULL into column '{}', table '{}.{}'; column does not allow nulls. {} fails.",
              column.name, database_.name, def.text(), old == nullptr ? "INSERT" : "UPDATE"),
          2);
  }
  return database_.write(def.object_id, transaction(), id, std::move(row), session_.lock_timeout_ms);
}

Outcome Batch::insert(Statement& statement, Reply* reply) {
  std::shared_ptr<TableDef const> def;
  TDS_DO(target_of(statement, def));
  std::vector<std::size_t> targets;
  bool const keeps_identity = equals_ignoring_case(session_.identity_insert, def->name);
  if (statement.columns.empty()) {
    for (std::size_t i = 0; i < def->columns.size(); ++i) {
      ColumnDef const& column = def->columns[i];
      if (!column.computed && column.type.id != TypeId::RowVersion && (!column.identity || keeps_identity))
        targets.push_back(i);
    }
  }
  for (std::string const& name : statement.columns) {
    int const index = def->column_index(name);
    if (index < 0) return sql_error(207, 16, fmt::format("Invalid column name '{}'.", name));
    ColumnDef const& column = def->columns[static_cast<std::size_t>(index)];
    if (column.type.id == TypeId::RowVersion)
      return sql_error(273, 16,
                       "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to "
                       "exclude the timestamp column, or insert a DEFAULT into the timestamp column.");
    TDS_DO(cannot_change(column));
    if (column.identity && !keeps_identity)
      return sql_error(
          544, 16,
          fmt::format(
              "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
              def->name));
    targets.push_back(static_cast<std::size_t>(index));
  }
  Context now = context();
  std::uint64_t count = 0;
  auto store_row = [&](std::vector<std::optional<Value>> const& values) -> Outcome {
    if (values.size() != targets.size())
      return sql_error(213, 16, "Column name or number of supplied values does not match table definition.");
    std::vector<std::optional<Value>> given(def->columns.size());
    for (std::size_t i = 0; i < targets.size(); ++i) given[targets[i]] = values[i];
    ++count;
    return store(*def, given, nullptr, std::nullopt);
  };
  if (statement.query != nullptr) {
    std::shared_ptr<QueryPlan> plan;
    TDS_DO(bind_query(now, *statement.query, nullptr, plan));
    TDS_DO(fix_snapshot(now, plan->tables));
    TDS_DO(run_query(now, *plan, nullptr, [&](Value const* const* row, bool&) {
      std::vector<std::optional<Value>> values;
      for (std::size_t i = 0; i < plan->columns.size(); ++i) values.emplace_back(*row[i]);
      return store_row(values);
    }));
  }
  for (auto& row : statement.rows) {
    std::vector<std::optional<Value>> values;
    if (row.empty()) values.resize(targets.size());
    for (auto& cell : row) {
      if (cell->kind == ExprKind::Default) {
        values.emplace_back();
        continue;
      }
      TDS_DO(bind_expression(now, *cell));
      Value value;
      TDS_DO(evaluate(now, *cell, Frame(), value));
      values.emplace_back(std::move(value));
    }
    TDS_DO(store_row(values));
  }
  session_.row_count = static_cast<std::int64_t>(count);
  if (reply != nullptr) reply->done(0xc3, session_.no_count ? std::nullopt : std::optional(count), in_transaction());
  return {};
}

Outcome Batch::update_or_delete(Statement& statement, Reply* reply) {
  bool const is_update = statement.kind == StatementKind::Update;
  std::shared_ptr<TableDef const> def;
  TDS_DO(target_of(statement, def));
  std::vector<std::size_t> targets;
  std::vector<Expr*> expressions;
  std::vector<bool> defaults;
  for (Assignment& assignment : statement.assignments) {
    int const index = def->column_index(assignment.target);
    if (index < 0) return sql_error(207, 16, fmt::format("Invalid column name '{}'.", assignment.target));
    ColumnDef const& column = def->columns[static_cast<std::size_t>(index)];
    TDS_DO(cannot_change(column));
    if (column.identity) return sql_error(8102, 16, fmt::format("Cannot update identity column '{}'.", column.name));
    targets.push_back(static_cast<std::size_t>(index));
    bool const is_default = assignment.value->kind == ExprKind::Default;
    if (is_default)
      assignment.value->kind = ExprKind::Literal,
      assignment.value->literal = column.default_value.value_or(null_value(column.type.id));
    expressions.push_back(assignment.value.get());
  }
  Context now = context();
  SelectPlan plan;
  std::vector<std::string> tables;
  TDS_DO(bind_change(now, statement, def, plan, expressions, tables));
  TDS_DO(fix_snapshot(now, tables));
  std::optional<std::uint64_t> top;
  if (statement.top != nullptr) {
    Value value;
    TDS_DO(bind_expression(now, *statement.top));
    TDS_DO(evaluate(now, *statement.top, Frame(), value));
    TDS_DO(convert(value, make_type(TypeId::BigInt), 0, value));
    top = static_cast<std::uint64_t>(value.integer);
  }
  struct Found {
    std::uint64_t id;
    RowPtr old;
    std::vector<std::optional<Value>> given;
  };
  std::vector<Found> found;
  std::unordered_set<std::uint64_t> seen;
  RowSource const& source = *plan.sources.front().source;
  if (!top || *top > 0) {
    TDS_DO(run_sources(now, plan, nullptr, [&](Frame const& frame, bool& more) -> Outcome {
      Found one{current_row(source), nullptr, {}};
      if (!seen.insert(one.id).second) return {};
      if (is_update) {
        auto old = std::make_shared<StoredRow>(def->slots);
        for (std::size_t i = 0; i < def->columns.size(); ++i) (*old)[def->columns[i].slot] = *frame.slots[i];
        one.old = std::move(old);
        one.given.resize(def->columns.size());
        for (std::size_t i = 0; i < targets.size(); ++i) {
          Value value;
          TDS_DO(evaluate(now, *expressions[i], frame, value));
          one.given[targets[i]] = std::move(value);
        }
      }
      found.push_back(std::move(one));
      more = !top || found.size() < *top;
      return {};
    }));
  }
  for (Found& one : found) {
    if (is_update)
      TDS_DO(store(*def, one.given, one.old, one.id));
    else
      TDS_DO(database_.write(def->object_id, transaction(), one.id, nullptr, session_.lock_timeout_ms));
  }
  session_.row_count = static_cast<std::int64_t>(found.size());
  if (reply != nullptr)
    reply->done(is_update ? 0xc5 : 0xc4, session_.no_count ? std::nullopt : std::optional<std::uint64_t>(found.size()),
                in_transaction());
  return {};
}

Outcome Batch::truncate(Statement& statement) {
  std::shared_ptr<TableDef const> def;
  TDS_DO(target_of(statement, def));
  return database_.truncate(def->object_id, transaction());
}

Outcome Batch::create_table(Statement& statement) {
  TableDef def;
  std::size_t const parts = statement.target.name.size();
  def.name = statement.target.name.back();
  def.schema = parts > 1 && !statement.target.name[parts - 2].empty() ? statement.target.name[parts - 2] : "dbo";
  for (ColumnDefinition& one : statement.definitions) {
    ColumnDef& column = def.columns.emplace_back();
    column.name = one.name;
    column.type = one.type;
    column.nullable = one.nullable;
    column.identity = one.identity;
    if (one.primary_key) {
      IndexDef& key = def.indexes.emplace_back();
      key.name = "PK_" + def.name;
      key.columns.push_back({one.name, false});
      key.primary_key = key.unique = key.clustered = true;
    }
  }
  return database_.add_table(std::move(def), nullptr);
}

Outcome Batch::drop_table(Statement& statement) {
  std::shared_ptr<TableDef const> def;
  Outcome outcome = target_of(statement, def);
  if (!outcome.ok())
    return statement.value == "if exists"
               ? Outcome()
               : Outcome(sql_error(
                     3701, 11,
                     fmt::format("Cannot drop the table '{}', because it does not exist or you do not have permission.",
                                 join(statement.target.name, ".")),
                     5));
  return database_.drop_table(def->object_id);
}

Outcome Batch::alter_table(Statement& statement) {
  std::shared_ptr<TableDef const> def;
  TDS_DO(target_of(statement, def));
  Context now = context();
  std::vector<std::optional<Value>> defaults;
  for (ColumnDefinition& one : statement.definitions) {
    auto& value = defaults.emplace_back();
    if (one.default_value == nullptr) continue;
    TDS_DO(bind_expression(now, *one.default_value));
    Value raw;
    TDS_DO(evaluate(now, *one.default_value, Frame(), raw));
    TDS_DO(convert(raw, one.type, 0, value.emplace()));
  }
  return database_.alter(def->object_id, [&](TableDef& table) -> Outcome {
    for (std::string const& name : statement.columns) {
      int const index = table.column_index(name);
      if (index < 0)
        return sql_error(4924, 16,
                         fmt::format("ALTER TABLE DROP COLUMN failed because column '{}' does not exist in table '{}'.",
                                     name, table.name));
      table.columns.erase(table.columns.begin() + index);
      std::erase_if(table.indexes, [&](IndexDef const& key) {
        return std::any_of(key.columns.begin(), key.columns.end(),
                           [&](IndexColumn const& column) { return equals_ignoring_case(column.name, name); });
      });
    }
    for (std::size_t i = 0; i < statement.definitions.size(); ++i) {
      ColumnDefinition const& one = statement.definitions[i];
      int const index = table.column_index(one.name);
      if (statement.kind == StatementKind::AlterColumn) {
        if (index < 0)
          return sql_error(
              4924, 16,
              fmt::format("ALTER TABLE ALTER COLUMN failed because column '{}' does not exist in table '{}'.", one.name,
                          table.name));
        ColumnDef& column = table.columns[static_cast<std::size_t>(index)];
        column.type = one.type;
        column.nullable = one.nullable;
        column.retyped = true;
        continue;
      }
      if (index >= 0)
        return sql_error(2705, 16,
                         fmt::format("Column names in each table must be unique. Column name '{}' in table '{}' is "
                                     "specified more than once.",
                                     one.name, table.text()));
      ColumnDef& column = table.columns.emplace_back();
      column.name = one.name;
      column.type = one.type;
      column.nullable = one.nullable;
      column.default_value = defaults[i];
      column.slot = table.slots++;
      column.column_id = static_cast<int>(column.slot) + 1;
    }
    return {};
  });
}

Outcome Batch::alter_database(Statement& statement) {
  std::string const option = to_lower(statement.name);
  bool const on = equals_ignoring_case(statement.value, "on");
  DatabaseOptions options = database_.options();
  if (option == "allow_snapshot_isolation")
    options.snapshot_isolation = on;
  else if (option == "read_committed_snapshot")
    options.read_committed_snapshot = on;
  else
    return sql_error(102, 15, fmt::format("Incorrect syntax near '{}'.", statement.name));
  database_.set_options(std::move(options));
  return {};
}

}  // namespace weir::tds
