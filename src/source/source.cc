#include "source/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::source {

Key const* Table::primary_key() const {
  auto const found = std::ranges::find_if(keys, &Key::is_primary);
  return found == keys.end() ? nullptr : &*found;
}

Column const* Table::column(std::string_view wanted) const {
  auto const found = std::ranges::find(columns, wanted, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

Table with_companions(Table table, TypePolicies const& policies) {
  if (!policies.keep_offset) return table;
  std::vector<Column> columns;
  for (Column& column : table.columns) {
    columns.push_back(std::move(column));
    Column& moment = columns.back();
    if (moment.offset_expression.empty()) continue;
    // The offset is kept now; what else is lost stands behind it.
    auto const rest = moment.loss.find("; ");
    moment.loss = rest == std::string::npos ? "" : moment.loss.substr(rest + 2);
    Column offset;
    offset.name = moment.name + "__offset_min";
    offset.from = moment.name;
    offset.position = moment.position;
    offset.source_type = "smallint";
    offset.pg_type = "smallint";
    offset.nullable = moment.nullable;
    offset.is_computed = true;
    offset.select_expression = moment.offset_expression;
    offset.decode = moment.offset_decode;
    columns.push_back(std::move(offset));
  }
  table.columns = std::move(columns);
  return table;
}

std::string Chunk::text() const {
  if (column.empty()) return "the whole table";
  if (null_key) return fmt::format("{} is null", column);
  if (low && high) return fmt::format("{} in ({}, {}]", column, *low, *high);
  if (low) return fmt::format("{} > {}", column, *low);
  if (high) return fmt::format("{} <= {}", column, *high);
  return fmt::format("every {}", column);
}

bool ColumnLoss::any() const {
  return (nul_characters | surrogates | code_page_bytes | truncated_times | dropped_offsets) != 0;
}

}  // namespace weir::source
