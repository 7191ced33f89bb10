#include "project/csv.h"

namespace weir::project {
namespace {

// The cells of the next line; moves on.
std::vector<std::string> take_row(std::string_view& rest) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  while (!rest.empty()) {
    char const c = rest[0];
    rest.remove_prefix(1);
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (rest.starts_with('"')) {
        cells.back() += '"';
        rest.remove_prefix(1);
      } else {
        quoted = false;
      }
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

Data csv_rows(std::string_view text) {
  Data::List rows;
  if (text.empty()) return rows;
  auto const heading = take_row(text);
  while (!text.empty()) {
    auto const cells = take_row(text);
    if (cells.size() == 1 && cells[0].empty()) continue;
    Data::Dict row;
    for (std::size_t i = 0; i < heading.size(); ++i) set(row, heading[i], i < cells.size() ? Data(cells[i]) : Data());
    rows.emplace_back(std::move(row));
  }
  return rows;
}

}  // namespace weir::project
