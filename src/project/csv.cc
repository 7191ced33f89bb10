#include "project/csv.h"

namespace weir::project {
namespace {

bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

}  // namespace

std::vector<std::string> CsvReader::row() {
  std::vector<std::string> fields;
  if (end_of_line()) return fields;
  for (;;) {
    fields.push_back(field());
    if (done() || end_of_line()) return fields;
    ++at_;  // the delimiter
    if (done() || is_line_end(text_[at_])) {
      end_of_line();
      fields.emplace_back();
      return fields;
    }
  }
}

bool CsvReader::end_of_line() {
  if (done()) return true;
  if (!is_line_end(text_[at_])) return false;
  at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
  return true;
}

std::string CsvReader::field() {
  std::string out;
  if (text_[at_] == '"') {
    ++at_;
    while (!done()) {
      char const c = text_[at_++];
      if (c != '"') {
        out += c;
      } else if (!done() && text_[at_] == '"') {
        out += '"';
        ++at_;
      } else {
        break;
      }
    }
  }
  while (!done() && text_[at_] != delimiter_ && !is_line_end(text_[at_])) out += text_[at_++];
  return out;
}

Data csv_rows(std::string_view text) {
  Data::List rows;
  CsvReader reader(text, ',');
  if (reader.done()) return rows;
  auto const heading = reader.row();
  while (!reader.done()) {
    auto const cells = reader.row();
    if (cells.empty() || (cells.size() == 1 && cells[0].empty())) continue;
    Data::Dict row;
    for (std::size_t i = 0; i < heading.size(); ++i) set(row, heading[i], i < cells.size() ? Data(cells[i]) : Data());
    rows.emplace_back(std::move(row));
  }
  return rows;
}

}  // namespace weir::project
