#pragma once
// An order-independent digest of rows in COPY BINARY form: how many, a 64-bit sum of row hashes, and one of each
// column's field hashes. Equal digests prove equal multisets of rows up to a collision of the sum. numeric fields are
// compared by value, not by the number of zeros that were written after the point. Pure; one thread at a time.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::sync {

class RowHash {
 public:
  // `is_numeric`: per column, whether its type is numeric.
  explicit RowHash(std::vector<bool> is_numeric) : is_numeric_(std::move(is_numeric)), columns_(is_numeric_.size()) {}

  // Any piece of a stream of rows, without file header; a trailer ends it. Internal, if it is no such stream.
  Status add(std::string_view bytes);
  // True if no half row is left over.
  bool is_complete() const { return rest_.empty(); }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t sum() const { return sum_; }
  std::vector<std::uint64_t> const& columns() const { return columns_; }

 private:
  // Bytes that the row at the front has, or 0 if it is not whole yet.
  Result<std::size_t> row_size(std::string_view bytes) const;
  void add_row(std::string_view row);

  std::vector<bool> is_numeric_;
  std::vector<std::uint64_t> columns_;
  std::uint64_t rows_ = 0, sum_ = 0;
  std::string rest_;
  bool ended_ = false;
};

}  // namespace weir::sync
