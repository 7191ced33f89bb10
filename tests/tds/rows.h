#pragma once
// The rows that a description gives: listed in memory, or generated; and the CSV files they may come from.

#include <string>
#include <string_view>
#include <vector>

#include "tds/database.h"

namespace weir::tds {

class ListedRows : public BaseRows {
 public:
  std::vector<StoredRow> rows;
  std::uint64_t count() const override { return rows.size(); }
  Value const* cell(std::uint64_t row, std::size_t slot, Value&) const override {
    StoredRow const& one = rows[row];
    return slot < one.size() ? &one[slot] : nullptr;
  }
  std::optional<Progression> progression(std::size_t) const override { return std::nullopt; }
};

class GeneratedRows : public BaseRows {
 public:
  GeneratedRows(std::uint64_t count, std::vector<GeneratorPtr> generators)
      : count_(count), generators_(std::move(generators)) {}
  std::uint64_t count() const override { return count_; }
  Value const* cell(std::uint64_t row, std::size_t slot, Value& scratch) const override {
    if (slot >= generators_.size()) return nullptr;
    generators_[slot]->make(row, scratch);
    return &scratch;
  }
  std::optional<Progression> progression(std::size_t slot) const override {
    return slot < generators_.size() ? generators_[slot]->progression() : std::nullopt;
  }

 private:
  std::uint64_t count_;
  std::vector<GeneratorPtr> generators_;
};

struct CsvField {
  std::string text;
  bool quoted = false;
};

// RFC 4180; an empty field without quotes is NULL to who reads it.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}
  // False at the end.
  bool next(std::vector<CsvField>& fields) {
    fields.clear();
    if (at_ >= text_.size()) return false;
    ++line_;
    while (true) {
      CsvField& field = fields.emplace_back();
      if (at_ < text_.size() && text_[at_] == '"') quoted(field);
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
        if (text_[at_] != '\r') field.text.push_back(text_[at_]);
        ++at_;
      }
      if (at_ >= text_.size() || text_[at_++] == '\n') return true;
    }
  }
  int line() const { return line_; }

 private:
  void quoted(CsvField& field) {
    field.quoted = true;
    ++at_;
    while (at_ < text_.size()) {
      char const c = text_[at_++];
      if (c == '"') {
        if (at_ >= text_.size() || text_[at_] != '"') return;
        ++at_;
      }
      field.text.push_back(c);
    }
  }
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 0;
};

}  // namespace weir::tds
