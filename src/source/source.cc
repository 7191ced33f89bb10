#include "source/source.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::source {

Key const* Table::primary_key() const {
  auto const found = std::ranges::find_if(keys, &Key::is_primary);
  return found == keys.end() ? nullptr : &*found;
}

Column const* Table::column(std::string_view wanted) const {
  auto const found = std::ranges::find(columns, wanted, &Column::name);
  return found == columns.end() ? nullptr : &*found;
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
