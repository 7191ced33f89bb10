#pragma once
// Rows that are computed when they are read: each cell follows from the table's seed, the column and the row's number,
// so that fifty million rows cost no memory and every reading gives the same ones. Immutable once made; any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tds/value.h"

namespace weir::tds {

// value = start + step * row, in the column's own unit (integers; ticks of the type for dates).
struct Progression {
  std::int64_t start = 0;
  std::int64_t step = 1;
};

class CellGenerator {
 public:
  virtual ~CellGenerator() = default;
  virtual void make(std::uint64_t row, Value& out) const = 0;
  virtual std::optional<Progression> progression() const { return std::nullopt; }
};
using GeneratorPtr = std::unique_ptr<CellGenerator>;

// start, start+step, ... : integers, decimals (scaled), money (scaled), rowversion and binary(8) (big-endian).
GeneratorPtr sequence_generator(SqlType const& type, std::int64_t start, std::int64_t step);
// low <= value < high in the type's own unit: integers, decimal mantissas, 1/10000 of money.
GeneratorPtr uniform_generator(SqlType const& type, std::uint64_t seed, std::int64_t low, std::int64_t high);
GeneratorPtr uniform_float_generator(SqlType const& type, std::uint64_t seed, double low, double high);
// A moment that walks: start + row * step (+ less than `jitter`), all in 100 ns.
GeneratorPtr walk_generator(SqlType const& type, std::uint64_t seed, Value const& start, std::int64_t step,
                            std::int64_t jitter);
// "user {row} {hex:8} {number:0:999} {choice:a|b|c} {words:3} {letters:5:20}"; error text if the pattern is not
// understood.
GeneratorPtr pattern_generator(SqlType const& type, std::uint64_t seed, std::string_view pattern, std::string& error);
GeneratorPtr choice_generator(std::uint64_t seed, std::vector<Value> values);
GeneratorPtr cycle_generator(std::vector<Value> values);  // values in turn
GeneratorPtr uuid_generator(std::uint64_t seed);
GeneratorPtr bytes_generator(SqlType const& type, std::uint64_t seed, std::uint64_t low, std::uint64_t high);
// NULL in row n-1, 2n-1, ...
GeneratorPtr null_every(GeneratorPtr inner, std::uint64_t every);

// The values at a type's edges: least, greatest, NULL, empty, and what else readers get wrong.
std::vector<Value> edge_values(SqlType const& type);

}  // namespace weir::tds
