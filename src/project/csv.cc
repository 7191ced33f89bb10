#include "project/csv.h"

#include <algorithm>

namespace weir::project {
namespace {

bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

}  // namespace

void CsvReader::row(std::vector<std::string_view>& fields, std::deque<std::string>& made) {
  fields.clear();
  if (end_of_line()) return;
  for (;;) {
    fields.push_back(field(made));
    if (done() || end_of_line()) return;
    ++at_;  // the delimiter
    if (done() || is_line_end(text_[at_])) {
      end_of_line();
      fields.emplace_back();
      return;
    }
  }
}

bool CsvReader::end_of_line() {
  if (done()) return true;
  if (!is_line_end(text_[at_])) return false;
  at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
  return true;
}

std::string_view CsvReader::field(std::deque<std::string>& made) {
  if (text_[at_] != '"') return plain_field();
  std::size_t const begin = ++at_;
  at_ = std::min(text_.find('"', at_), text_.size());
  std::string_view const first = text_.substr(begin, at_ - begin);
  if (done()) return first;
  ++at_;
  if (done() || text_[at_] == delimiter_ || is_line_end(text_[at_])) return first;
  std::string& out = made.emplace_back(first);
  while (!done() && text_[at_] == '"') {  // a doubled one, and what follows it up to the next
    std::size_t const next = std::min(text_.find('"', at_ + 1), text_.size());
    out.append(text_, at_, next - at_);
    at_ = std::min(next + 1, text_.size());
  }
  out += plain_field();
  return out;
}

std::string_view CsvReader::plain_field() {
  std::size_t const begin = at_;
  while (!done() && text_[at_] != delimiter_ && !is_line_end(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

Data csv_rows(std::string_view text) {
  Data::List rows;
  CsvReader reader(text, ',');
  if (reader.done()) return rows;
  std::deque<std::string> made;
  std::vector<std::string_view> heading, cells;
  reader.row(heading, made);
  while (!reader.done()) {
    reader.row(cells, made);
    if (cells.empty() || (cells.size() == 1 && cells[0].empty())) continue;
    Data::Dict row;
    for (std::size_t i = 0; i < heading.size(); ++i) set(row, heading[i], i < cells.size() ? Data(cells[i]) : Data());
    rows.emplace_back(std::move(row));
  }
  return rows;
}

}  // namespace weir::project
