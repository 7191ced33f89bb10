#pragma once
// Python's int beyond 64 bits, and how ints and floats are written and read. For the engine: hosts see Value only.

#include <gmpxx.h>

#include "jinja/value.h"

namespace weir::jinja {

class BigInt final : public Shared {
 public:
  explicit BigInt(mpz_class value) : number(std::move(value)) {}
  mpz_class const number;
};

// An int, as small as it can be held.
Value integer_of(mpz_class const& number);
mpz_class big(std::int64_t integer);
mpz_class big_of(Value const& integer);  // of an Int, BigInt or Bool
BigInt const& big_int(Value const& value);
bool fits_int64(mpz_class const& number);
std::int64_t to_int64(mpz_class const& number);  // it must fit

// Python's repr(float): the shortest text that reads back, 1e+16 and beyond with an exponent.
std::string float_repr(double number);
// Python's int(text, base) and float(text): with spaces around, underscores between digits; nothing where it is no
// number.
std::optional<Value> parse_integer(std::string_view text, int base = 10);
std::optional<double> parse_float(std::string_view text);
// The whole part, as an int; nothing for infinity and NaN.
std::optional<Value> truncate(double number);
// Exact comparison of an int with a float: -1, 0, 1; nothing for NaN.
std::optional<int> compare_exactly(Value const& integer, double number);
std::optional<double> to_double(Value const& integer);  // nothing where it is too large
std::uint64_t hash_of_number(double number);
std::uint64_t hash_of_integer(std::int64_t integer);
std::uint64_t hash_of_big(mpz_class const& number);

}  // namespace weir::jinja
