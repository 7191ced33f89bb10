// Functions in a FROM clause.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "tds/parser.h"
#include "tds/plan.h"

namespace weir::tds {
namespace {

using Rows = std::vector<StoredRow>;

bool uses_columns(Expr const& expr) {
  if (expr.kind == ExprKind::Column && expr.depth == 0) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](auto const& arg) { return uses_columns(*arg); });
}

// Evaluates its arguments, then gives the rows that `fill` makes of them.
class FunctionSource : public RowSource {
 public:
  using Fill = std::function<Outcome(Context&, std::vector<Value>&, Rows&)>;
  FunctionSource(std::vector<std::pair<char const*, SqlType>> const& names, std::vector<ExprPtr>& args, Fill fill)
      : args_(std::move(args)), fill_(std::move(fill)) {
    for (auto const& [name, type] : names) {
      SourceColumn& column = columns.emplace_back();
      column.name = name;
      column.type = type;
    }
    correlated_ = std::any_of(args_.begin(), args_.end(), [](auto const& arg) { return uses_columns(*arg); });
  }
  bool correlated() const override { return correlated_; }
  Outcome scan(Context& context, Frame const* outer, Value const** cells, Step const& step) override {
    Frame alone;
    alone.outer = outer;
    std::vector<Value> values(args_.size());
    for (std::size_t i = 0; i < args_.size(); ++i)
      TDS_DO(evaluate(context, *args_[i], correlated_ ? *outer : alone, values[i]));
    Rows rows;
    TDS_DO(fill_(context, values, rows));
    bool more = true;
    static Value const null = null_value();
    for (std::size_t r = 0; r < rows.size() && more; ++r) {
      for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = i < rows[r].size() ? &rows[r][i] : &null;
      TDS_DO(step(more));
    }
    for (std::size_t i = 0; i < columns.size(); ++i) cells[i] = &null;  // the rows go now
    return {};
  }

 private:
  std::vector<ExprPtr> args_;
  Fill fill_;
  bool correlated_ = false;
};

Outcome string_split(Context&, std::vector<Value>& args, Rows& rows) {
  if (args.size() != 2) return sql_error(174, 15, "The string_split function requires 2 argument(s).");
  if (args[0].null) return {};
  std::string const separator = to_text(args[1]);
  if (to_utf16(separator).size() != 2)
    return sql_error(214, 16, "Procedure expects parameter 'separator' of type 'nchar(1)/nvarchar(1)'.", 11);
  std::string const text = to_text(args[0]);
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t const end = std::min(text.find(separator, at), text.size());
    rows.push_back({text_value(std::string_view(text).substr(at, end - at))});
    at = end + separator.size();
  }
  return {};
}

// Steps of an index's statistics: at most 200, each with the greatest value of its range. Tables of up to 200,000 rows
// are sorted; bigger ones have steps only where the column is a sequence.
Outcome histogram(Context& context, std::vector<Value>& args, Rows& rows) {
  if (args.size() != 2 || args[0].null || args[1].null) return {};
  auto const def = context.database.find(static_cast<int>(args[0].integer));
  if (def == nullptr || !def->statistics) return {};
  IndexDef const* index = nullptr;
  for (IndexDef const& one : def->indexes)
    if (one.index_id == args[1].integer) index = &one;
  if (index == nullptr) return {};
  int const column = def->column_index(index->columns[0].name);
  if (column < 0) return {};
  constexpr std::uint64_t kSteps = 200, kSorted = 200'000;
  Snapshot snapshot{context.database.sequence(), 0, false};
  TableView view;
  TDS_DO(context.database.view(def->object_id, snapshot, view));
  std::uint64_t const count = view.row_count();
  std::size_t const slot = def->columns[static_cast<std::size_t>(column)].slot;
  auto add = [&rows, &args](Value key, std::uint64_t in_range, std::uint64_t equal, std::uint64_t distinct) {
    auto const number = static_cast<std::int64_t>(rows.size()) + 1;
    rows.push_back({args[0], args[1], int_value(number), std::move(key),
                    int_value(static_cast<std::int64_t>(in_range), TypeId::Real),
                    int_value(static_cast<std::int64_t>(equal), TypeId::Real),
                    int_value(static_cast<std::int64_t>(distinct), TypeId::BigInt), int_value(1, TypeId::Real)});
    for (std::size_t i : {std::size_t{4}, std::size_t{5}, std::size_t{7}})
      rows.back()[i].real = static_cast<double>(i == 4 ? in_range : i == 5 ? equal : 1);
  };
  if (count > kSorted) {
    auto const progression = view.base != nullptr ? view.base->progression(slot) : std::nullopt;
    if (!progression || progression->step <= 0) return {};
    std::uint64_t before = 0;
    for (std::uint64_t step = 0; step < kSteps; ++step) {
      std::uint64_t const row = step == kSteps - 1 ? view.base_count - 1 : view.base_count * step / (kSteps - 1);
      Value scratch;
      add(*view.base->cell(row, slot, scratch), step == 0 ? 0 : row - before - 1, 1, step == 0 ? 0 : row - before - 1);
      before = row;
    }
    return {};
  }
  auto source = table_source(context, def, false);
  std::vector<Value> keys;
  std::vector<Value const*> cells(source->columns.size(), nullptr);
  std::vector<bool> needed(source->columns.size());
  needed[static_cast<std::size_t>(column)] = true;
  source->need(needed);
  TDS_DO(source->scan(context, nullptr, cells.data(), [&](bool& more) {
    more = true;
    keys.push_back(*cells[static_cast<std::size_t>(column)]);
    return Outcome();
  }));
  std::stable_sort(keys.begin(), keys.end(), [](Value const& a, Value const& b) {
    int order = 0;
    if (a.null || b.null) return a.null && !b.null;
    return compare(a, b, order).ok() && order < 0;
  });
  std::size_t const stride = std::max<std::size_t>(1, (keys.size() + kSteps - 1) / kSteps);
  std::size_t begin = 0;
  while (begin < keys.size()) {
    std::size_t end = begin == 0 ? 1 : std::min(keys.size(), begin + stride);
    auto same = [&keys](std::size_t a, std::size_t b) {
      int order = 1;
      if (keys[a].null || keys[b].null) return keys[a].null == keys[b].null;
      return compare(keys[a], keys[b], order).ok() && order == 0;
    };
    while (end < keys.size() && same(end - 1, end)) ++end;
    std::size_t equal = 1;
    while (end - equal > begin && same(end - equal - 1, end - 1)) ++equal;
    add(keys[end - 1], end - begin - equal, equal, end - begin - equal);
    begin = end;
  }
  return {};
}

Outcome describe(Context& context, std::vector<Value>& args, Rows& rows) {
  if (args.empty() || args[0].null) return {};
  std::vector<std::unique_ptr<Statement>> statements;
  std::vector<ParameterDeclaration> parameters;
  auto const saved = context.session.variable_types;
  std::shared_ptr<QueryPlan> plan;
  Outcome outcome = args.size() > 1 && !args[1].null ? parse_parameters(to_text(args[1]), parameters) : Outcome();
  for (ParameterDeclaration const& one : parameters) context.session.variable_types[one.name] = one.type;
  if (outcome.ok()) outcome = parse_batch(to_text(args[0]), statements);
  for (auto& statement : statements)
    if (outcome.ok() && plan == nullptr && statement->kind == StatementKind::Select)
      outcome = bind_query(context, *statement->query, nullptr, plan);
  context.session.variable_types = saved;
  if (!outcome.ok()) {  // the real function gives one row that says why
    StoredRow row(19);
    row[0] = bit_value(false);
    row[14] = int_value(outcome.error().number);
    row[15] = int_value(outcome.error().severity);
    row[16] = int_value(outcome.error().state);
    row[17] = text_value(outcome.error().message);
    row[18] = int_value(1);
    rows.push_back(std::move(row));
    return {};
  }
  if (plan == nullptr) return {};
  std::int64_t ordinal = 0;
  for (OutputColumn const& column : plan->columns) {
    SqlType const& type = column.type;
    StoredRow row(19);
    row[0] = bit_value(false);
    row[1] = int_value(++ordinal);
    row[2] = text_value(column.name);
    row[3] = bit_value(column.nullable);
    row[4] = int_value(system_type_id(type.id));
    row[5] = text_value(type_text(type));
    row[6] = int_value(catalog_length(type), TypeId::SmallInt);
    row[7] = int_value(catalog_precision(type), TypeId::TinyInt);
    row[8] = int_value(catalog_scale(type), TypeId::TinyInt);
    if (type.is_text() && type.id != TypeId::Xml) row[9] = text_value(type.collation->name);
    if (type.is_udt())
      row[10] = int_value(user_type_id(type.id)), row[11] = text_value("sys"), row[12] = text_value(type_name(type.id));
    row[13] = bit_value(column.identity);
    rows.push_back(std::move(row));
  }
  return {};
}

}  // namespace

Outcome open_table_function(Context& context, TableRef& ref, std::unique_ptr<RowSource>& source) {
  std::string const name = to_lower(ref.name.back());
  SqlType const integer = make_type(TypeId::Int), sysname = nvarchar(128), bit = make_type(TypeId::Bit),
                tiny = make_type(TypeId::TinyInt);
  if (name == "string_split") {
    source = std::make_unique<FunctionSource>(std::vector<std::pair<char const*, SqlType>>{{"value", nvarchar(4000)}},
                                              ref.args, string_split);
  } else if (name == "dm_db_stats_histogram") {
    SqlType const real = make_type(TypeId::Real);
    source = std::make_unique<FunctionSource>(
        std::vector<std::pair<char const*, SqlType>>{{"object_id", integer},
                                                     {"stats_id", integer},
                                                     {"step_number", integer},
                                                     {"range_high_key", make_type(TypeId::Variant)},
                                                     {"range_rows", real},
                                                     {"equal_rows", real},
                                                     {"distinct_range_rows", make_type(TypeId::BigInt)},
                                                     {"average_range_rows", real}},
        ref.args, histogram);
  } else if (name == "dm_exec_describe_first_result_set") {
    source = std::make_unique<FunctionSource>(
        std::vector<std::pair<char const*, SqlType>>{{"is_hidden", bit},
                                                     {"column_ordinal", integer},
                                                     {"name", sysname},
                                                     {"is_nullable", bit},
                                                     {"system_type_id", integer},
                                                     {"system_type_name", nvarchar(256)},
                                                     {"max_length", make_type(TypeId::SmallInt)},
                                                     {"precision", tiny},
                                                     {"scale", tiny},
                                                     {"collation_name", sysname},
                                                     {"user_type_id", integer},
                                                     {"user_type_schema", sysname},
                                                     {"user_type_name", sysname},
                                                     {"is_identity_column", bit},
                                                     {"error_number", integer},
                                                     {"error_severity", integer},
                                                     {"error_state", integer},
                                                     {"error_message", nvarchar(4000)},
                                                     {"error_type", integer}},
        ref.args, describe);
  } else if (name == "fn_helpcollations") {
    source = std::make_unique<FunctionSource>(
        std::vector<std::pair<char const*, SqlType>>{{"name", sysname}, {"description", nvarchar(1000)}}, ref.args,
        [](Context&, std::vector<Value>&, Rows& rows) {
          for (std::string const& language : collation_languages())
            rows.push_back({text_value(language + "_CI_AS"), text_value(language)});
          return Outcome();
        });
  } else if (name == "changetable") {
    std::vector<std::string> const parts = split(to_text(ref.args[0]->literal), '.');
    auto const def = context.database.find(parts.size() > 1 ? parts[parts.size() - 2] : "dbo", parts.back());
    if (def == nullptr) return sql_error(208, 16, fmt::format("Invalid object name '{}'.", join(parts, ".")));
    if (!def->change_tracking)
      return sql_error(22105, 16, fmt::format("Change tracking is not enabled on table '{}'.", def->name));
    std::vector<std::pair<char const*, SqlType>> columns = {{"SYS_CHANGE_VERSION", make_type(TypeId::BigInt)},
                                                            {"SYS_CHANGE_CREATION_VERSION", make_type(TypeId::BigInt)},
                                                            {"SYS_CHANGE_OPERATION", make_type(TypeId::NChar, 1)}};
    std::vector<std::size_t> slots;
    for (IndexDef const& index : def->indexes) {
      if (!index.primary_key) continue;
      for (IndexColumn const& key : index.columns) {
        auto const at = static_cast<std::size_t>(def->column_index(key.name));
        columns.emplace_back(def->columns[at].name.c_str(), def->columns[at].type);
        slots.push_back(def->columns[at].slot);
      }
    }
    source = std::make_unique<FunctionSource>(
        columns, ref.args, [def, slots](Context& now, std::vector<Value>& args, Rows& rows) {
          std::uint64_t const since = args[1].null ? 0 : static_cast<std::uint64_t>(args[1].integer);
          for (Database::Change const& change : now.database.changes_since(def->object_id, since)) {
            StoredRow row = {int_value(static_cast<std::int64_t>(change.version), TypeId::BigInt),
                             null_value(TypeId::BigInt), text_value(std::string_view(&change.operation, 1))};
            row[2].type = TypeId::NChar;
            if (change.operation == 'I') row[1] = row[0];
            for (std::size_t const slot : slots)
              row.push_back(change.last != nullptr && slot < change.last->size() ? (*change.last)[slot] : null_value());
            rows.push_back(std::move(row));
          }
          return Outcome();
        });
  } else {
    return sql_error(208, 16, fmt::format("Invalid object name '{}'.", join(ref.name, ".")));
  }
  return {};
}

}  // namespace weir::tds
