// What stands in a FROM clause: tables, derived queries, VALUES, lists of rows.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/plan.h"

namespace weir::tds {
namespace {

Value const& the_null() {
  static Value const null = null_value();
  return null;
}

// What a login without UNMASK sees instead of the value.
Value mask_of(SqlType const& type) {
  Value mask = null_value(type.id);
  if (type.is_text())
    (void)parse_value("xxxx", type, mask).ok();
  else if (type.is_number())
    (void)parse_value("0", type, mask).ok();
  else if (type.is_time())
    (void)parse_value("1900-01-01", type, mask).ok();
  else if (type.is_binary())
    mask = binary_value(std::string(1, '\0')), mask.type = type.id;
  return mask;
}

class TableSource : public RowSource {
 public:
  TableSource(std::shared_ptr<TableDef const> def, bool dirty, bool unmask) : def_(std::move(def)), dirty_(dirty) {
    for (ColumnDef const& column : def_->columns) {
      SourceColumn& one = columns.emplace_back();
      one.name = column.name;
      one.type = column.type;
      one.nullable = column.nullable;
      one.identity = column.identity;
      one.computed = column.computed;
      one.hidden = column.hidden;
      one.fixed = true;
      masks_.push_back(column.masked && !unmask ? mask_of(column.type) : null_value());
      masked_.push_back(column.masked && !unmask);
    }
    scratch_.resize(columns.size());
    needed_.assign(columns.size(), 0);
    for (std::size_t i = 0; i < columns.size(); ++i) needed_[i] = i;
  }

  void need(std::vector<bool> const& needed) override {
    needed_.clear();
    for (std::size_t i = 0; i < needed.size(); ++i)
      if (needed[i]) needed_.push_back(i);
  }

  void widen() override { low_ = 0, high_ = INT64_MAX, ends_only_ = false, bounded_ = false; }
  void ends_only() override { ends_only_ = true; }

  bool narrow(Context& context, Bound const& bound) override {
    if (!open(context).ok()) return false;
    auto const progression = progression_of(bound.column);
    if (!progression) return false;
    Value number;
    SqlType const type = make_type(bound.value.type);
    if (type.is_number() && !type.is_integer()) return false;
    if (!convert(bound.value, make_type(TypeId::BigInt), 0, number).ok()) return false;
    // The first row whose value is >= number, and whether it is equal.
    int128 const distance = int128{number.integer} - progression->start;
    int128 const step = progression->step;
    int128 const at = distance <= 0 ? 0 : (distance + step - 1) / step;
    bool const equal = distance >= 0 && distance % step == 0;
    auto clamp = [this](int128 row) {
      return static_cast<std::int64_t>(std::clamp<int128>(row, 0, int128{static_cast<std::int64_t>(view_.base_count)}));
    };
    bounded_ = true;
    switch (bound.op) {
      case Bound::Op::GreaterEqual:
        low_ = std::max(low_, clamp(at));
        break;
      case Bound::Op::Greater:
        low_ = std::max(low_, clamp(equal ? at + 1 : at));
        break;
      case Bound::Op::Less:
        high_ = std::min(high_, clamp(at));
        break;
      case Bound::Op::LessEqual:
        high_ = std::min(high_, clamp(equal ? at + 1 : at));
        break;
      case Bound::Op::Equal:
        low_ = std::max(low_, clamp(at));
        high_ = std::min(high_, equal ? clamp(at + 1) : clamp(at));
        break;
    }
    return view_.changes.empty();
  }

  bool monotone(Context& context, std::size_t column) override {
    return open(context).ok() && progression_of(column).has_value();
  }

  bool ordered_by(Context& context, std::size_t column) override {
    if (!open(context).ok() || !progression_of(column)) return false;
    order_ = static_cast<int>(column);
    return true;
  }

  std::optional<std::uint64_t> known_count(Context& context) override {
    if (!open(context).ok()) return std::nullopt;
    if (!bounded_) return view_.row_count();
    if (!view_.changes.empty()) return std::nullopt;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, high() - low_));
  }

  Outcome scan(Context& context, Frame const*, Value const** cells, Step const& step) override {
    TDS_DO(open(context));
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (cells[i] == nullptr) cells[i] = &the_null();
    bool more = true;
    if (ends_only_) {
      std::int64_t first = low_, last = high() - 1;
      while (first <= last && find_change(static_cast<std::uint64_t>(first)) != nullptr) ++first;
      while (last > first && find_change(static_cast<std::uint64_t>(last)) != nullptr) --last;
      if (first <= last) TDS_DO(base_row(static_cast<std::uint64_t>(first), cells, step, more));
      if (first < last && more) TDS_DO(base_row(static_cast<std::uint64_t>(last), cells, step, more));
      for (std::size_t i = 0; i < view_.changes.size() && more; ++i) TDS_DO(changed_row(i, cells, step, more));
      return {};
    }
    if (order_ >= 0 && !view_.changes.empty()) return merged(cells, step);
    std::size_t change = 0;
    auto const count = static_cast<std::uint64_t>(high());
    for (auto row = static_cast<std::uint64_t>(low_); row < count && more; ++row) {
      while (change < view_.changes.size() && view_.changes[change].first < row) ++change;
      if (change < view_.changes.size() && view_.changes[change].first == row) continue;
      TDS_DO(base_row(row, cells, step, more));
    }
    for (std::size_t i = 0; i < view_.changes.size() && more; ++i) TDS_DO(changed_row(i, cells, step, more));
    return {};
  }

  std::uint64_t row_id() const { return row_id_; }

 private:
  Outcome open(Context& context) {
    if (opened_) return {};
    Snapshot snapshot = context.snapshot;
    snapshot.dirty = snapshot.dirty || dirty_;
    TDS_DO(context.database.view(def_->object_id, snapshot, view_));
    opened_ = true;
    return {};
  }

  std::int64_t high() const { return std::min(high_, static_cast<std::int64_t>(view_.base_count)); }

  std::optional<Progression> progression_of(std::size_t column) const {
    if (view_.base == nullptr || column >= def_->columns.size() || !columns[column].type.is_integer() ||
        masked_[column])
      return std::nullopt;
    auto const progression = view_.base->progression(def_->columns[column].slot);
    return progression && progression->step > 0 ? progression : std::nullopt;
  }

  RowPtr const* find_change(std::uint64_t row) const {
    auto const it = std::lower_bound(view_.changes.begin(), view_.changes.end(), row,
                                     [](auto const& change, std::uint64_t id) { return change.first < id; });
    return it != view_.changes.end() && it->first == row ? &it->second : nullptr;
  }

  Outcome put(std::size_t i, Value const* stored, Value const** cells) {
    ColumnDef const& column = def_->columns[i];
    if (masked_[i]) {
      cells[i] = &masks_[i];
    } else if (stored == nullptr) {
      cells[i] = column.default_value ? &*column.default_value : &the_null();
    } else if (column.retyped && stored->type != column.type.id) {
      TDS_DO(convert(*stored, column.type, 0, scratch_[i]));
      cells[i] = &scratch_[i];
    } else {
      cells[i] = stored;
    }
    return {};
  }

  Outcome base_row(std::uint64_t row, Value const** cells, Step const& step, bool& more) {
    row_id_ = row;
    for (std::size_t const i : needed_) {
      Value const* stored = view_.base->cell(row, def_->columns[i].slot, scratch_[i]);
      if (stored != nullptr && !masked_[i] && !def_->columns[i].retyped)
        cells[i] = stored;
      else
        TDS_DO(put(i, stored, cells));
    }
    return step(more);
  }

  Outcome changed_row(std::size_t index, Value const** cells, Step const& step, bool& more) {
    auto const& [id, row] = view_.changes[index];
    if (row == nullptr) return {};
    row_id_ = id;
    for (std::size_t const i : needed_) {
      std::size_t const slot = def_->columns[i].slot;
      TDS_DO(put(i, slot < row->size() ? &(*row)[slot] : nullptr, cells));
    }
    return step(more);
  }

  // Base rows and changed rows together in ascending order of the column order_.
  Outcome merged(Value const** cells, Step const& step) {
    auto const column = static_cast<std::size_t>(order_);
    std::size_t const slot = def_->columns[column].slot;
    Progression const progression = *progression_of(column);
    std::vector<std::pair<std::int64_t, std::size_t>> changed;
    for (std::size_t i = 0; i < view_.changes.size(); ++i) {
      RowPtr const& row = view_.changes[i].second;
      if (row == nullptr) continue;
      Value const* key = slot < row->size() ? &(*row)[slot] : &the_null();
      changed.emplace_back(key->null ? INT64_MIN : key->integer, i);
    }
    std::sort(changed.begin(), changed.end());
    bool more = true;
    std::size_t next = 0;
    for (std::int64_t row = low_; more && (row < high() || next < changed.size());) {
      bool const base_left = row < high();
      if (base_left && find_change(static_cast<std::uint64_t>(row)) != nullptr) {
        ++row;
        continue;
      }
      std::int64_t const key = progression.start + row * progression.step;
      if (next < changed.size() && (!base_left || changed[next].first <= key)) {
        TDS_DO(changed_row(changed[next++].second, cells, step, more));
      } else {
        TDS_DO(base_row(static_cast<std::uint64_t>(row++), cells, step, more));
      }
    }
    return {};
  }

  std::shared_ptr<TableDef const> def_;
  bool dirty_;
  TableView view_;
  bool opened_ = false, ends_only_ = false, bounded_ = false;
  std::int64_t low_ = 0, high_ = INT64_MAX;  // rows of the base
  int order_ = -1;
  std::vector<std::size_t> needed_;
  std::vector<Value> scratch_, masks_;
  std::vector<bool> masked_;
  std::uint64_t row_id_ = 0;
};

class QuerySource : public RowSource {
 public:
  QuerySource(std::shared_ptr<QueryPlan> plan, std::shared_ptr<Query> query)
      : plan_(std::move(plan)), query_(std::move(query)) {
    for (OutputColumn const& column : plan_->columns) {
      SourceColumn& one = columns.emplace_back();
      one.name = column.name;
      one.type = column.type;
      one.nullable = column.nullable;
      one.identity = column.identity;
      one.fixed = column.fixed;
    }
  }
  bool correlated() const override { return plan_->correlated; }
  Outcome scan(Context& context, Frame const* outer, Value const** cells, Step const& step) override {
    return run_query(context, *plan_, outer, [&](Value const* const* row, bool& more) -> Outcome {
      for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = row[i];
      return step(more);
    });
  }

 private:
  std::shared_ptr<QueryPlan> plan_;
  std::shared_ptr<Query> query_;
};

class ListSource : public RowSource {
 public:
  ListSource(std::vector<SourceColumn> names, std::shared_ptr<std::vector<StoredRow>> rows) : rows_(std::move(rows)) {
    columns = std::move(names);
  }
  std::optional<std::uint64_t> known_count(Context&) override { return rows_->size(); }
  Outcome scan(Context&, Frame const*, Value const** cells, Step const& step) override {
    bool more = true;
    for (std::size_t r = 0; r < rows_->size() && more; ++r) {
      StoredRow const& row = (*rows_)[r];
      for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = i < row.size() ? &row[i] : &the_null();
      TDS_DO(step(more));
    }
    return {};
  }

 private:
  std::shared_ptr<std::vector<StoredRow>> rows_;
};

// (VALUES (...), (...)) v(a, b): bound expressions of the scope that the clause stands in.
class ValuesSource : public RowSource {
 public:
  ValuesSource(std::vector<std::vector<ExprPtr>>& rows, std::vector<std::string> const& names)
      : rows_(std::move(rows)) {
    for (std::size_t i = 0; !rows_.empty() && i < rows_[0].size(); ++i) {
      SourceColumn& column = columns.emplace_back();
      column.name = i < names.size() ? names[i] : "";
      bool first = true;
      for (auto const& row : rows_) {
        if (i >= row.size() || (row[i]->kind == ExprKind::Literal && row[i]->literal.null)) continue;
        column.type = first ? row[i]->type : common_type(column.type, row[i]->type);
        first = false;
      }
    }
  }
  Outcome scan(Context& context, Frame const* outer, Value const** cells, Step const& step) override {
    Frame frame;
    frame.outer = outer;
    std::vector<Value> values(columns.size());
    bool more = true;
    for (auto const& row : rows_) {
      for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
        TDS_DO(evaluate(context, *row[i], frame, values[i]));
        TDS_DO(convert(values[i], columns[i].type, 0, values[i]));
        cells[i] = &values[i];
      }
      TDS_DO(step(more));
      if (!more) break;
    }
    for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = &the_null();
    return {};
  }

 private:
  std::vector<std::vector<ExprPtr>> rows_;
};

User const* user_of(Context const& context) {
  for (User const& user : context.database.users)
    if (equals_ignoring_case(user.name, context.session.login)) return &user;
  return nullptr;
}

}  // namespace

Outcome open_table(Context& context, TableRef const& ref, std::string& schema, std::string& name,
                   std::unique_ptr<RowSource>& source, std::shared_ptr<TableDef const>& def) {
  std::size_t const parts = ref.name.size();
  name = ref.name.back();
  schema = parts >= 2 && !ref.name[parts - 2].empty() ? ref.name[parts - 2] : "dbo";
  SqlError const missing = sql_error(208, 16, fmt::format("Invalid object name '{}'.", join(ref.name, ".")));
  if (parts > 3) return missing;
  bool const own_database = parts < 3 || equals_ignoring_case(ref.name[0], context.database.name);
  bool const catalog = equals_ignoring_case(schema, "sys") || equals_ignoring_case(schema, "information_schema") ||
                       equals_ignoring_case(schema, "cdc");
  if (catalog) {
    if (own_database || equals_ignoring_case(ref.name[0], "master")) source = open_catalog_view(context, schema, name);
    return source != nullptr ? Outcome() : missing;
  }
  if (!own_database) return missing;
  def = context.database.find(schema, name);
  if (def == nullptr && parts == 1) {  // sysobjects and the like live in sys
    source = open_catalog_view(context, "sys", name);
    if (source != nullptr) return schema = "sys", Outcome();
  }
  if (def == nullptr) return missing;
  User const* user = user_of(context);
  if (user != nullptr)
    for (std::string const& denied : user->denied)
      if (equals_ignoring_case(denied, def->text()))
        return sql_error(229, 14,
                         fmt::format("The SELECT permission was denied on the object '{}', database '{}', schema '{}'.",
                                     def->name, context.database.name, def->schema),
                         5);
  if (!def->is_view()) source = table_source(context, def, ref.read_uncommitted);
  return {};
}

std::unique_ptr<RowSource> table_source(Context& context, std::shared_ptr<TableDef const> def, bool dirty) {
  User const* user = user_of(context);
  return std::make_unique<TableSource>(std::move(def), dirty, user == nullptr || user->unmask);
}

std::uint64_t current_row(RowSource const& source) {
  return dynamic_cast<TableSource const&>(source).row_id();
}

std::unique_ptr<RowSource> query_source(std::shared_ptr<QueryPlan> plan, std::shared_ptr<Query> query) {
  return std::make_unique<QuerySource>(std::move(plan), std::move(query));
}

std::unique_ptr<RowSource> rows_source(std::vector<SourceColumn> columns,
                                       std::shared_ptr<std::vector<StoredRow>> rows) {
  return std::make_unique<ListSource>(std::move(columns), std::move(rows));
}

std::unique_ptr<RowSource> values_source(std::vector<std::vector<ExprPtr>>& rows,
                                         std::vector<std::string> const& names) {
  return std::make_unique<ValuesSource>(rows, names);
}

}  // namespace weir::tds
