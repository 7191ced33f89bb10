#pragma once
// CSV as Python's csv module reads it in its default dialect. Pure.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "project/data.h"

namespace weir::project {

// One pass over the text, which must outlive it and what it gave.
class CsvReader {
 public:
  CsvReader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}
  bool done() const { return at_ >= text_.size(); }
  // The fields of the next line; none of an empty one. They stand in the text, or in `made` where it says them in
  // another way (doubled quotes).
  void row(std::vector<std::string_view>& fields, std::deque<std::string>& made);

 private:
  bool end_of_line();
  std::string_view field(std::deque<std::string>& made);
  std::string_view plain_field();

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
};

// As csv.DictReader gives them: a heading, then rows as mappings of texts.
Data csv_rows(std::string_view text);

}  // namespace weir::project
