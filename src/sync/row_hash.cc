#include "sync/row_hash.h"

#include <fmt/format.h>

#include "sql/name.h"

namespace weir::sync {
namespace {

std::uint16_t read16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[at]) << 8) |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

std::int32_t read32(std::string_view bytes, std::size_t at) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(read16(bytes, at)) << 16) | read16(bytes, at + 2));
}

// The finishing steps of splitmix64: every bit of the input moves every bit of the output.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// numeric's fields are digit count, weight, sign, display scale, then base-10000 digits (numeric_send): zeros at both
// ends of the digits and the display scale do not change the value.
std::uint64_t hash_numeric(std::string_view field) {
  if (field.size() < 8) return sql::stable_hash(field);
  std::size_t first = 0, count = read16(field, 0);
  auto weight = static_cast<std::int16_t>(read16(field, 2));
  auto const digit = [&](std::size_t i) { return read16(field, 8 + 2 * i); };
  if (field.size() != 8 + 2 * count) return sql::stable_hash(field);
  while (first < count && digit(first) == 0) ++first, --weight;
  while (count > first && digit(count - 1) == 0) --count;
  bool const is_zero = first == count;
  std::uint64_t hash = mix(read16(field, 4) * 65537ULL + static_cast<std::uint16_t>(is_zero ? 0 : weight));
  for (std::size_t i = first; i < count; ++i) hash = mix(hash + digit(i) + 1);
  return hash;
}

constexpr std::uint64_t kNull = 0x9e3779b97f4a7c15ULL;

}  // namespace

Result<std::size_t> RowHash::row_size(std::string_view bytes) const {
  if (bytes.size() < 2) return std::size_t{0};
  std::size_t const fields = read16(bytes, 0);
  if (fields != columns_.size())
    return Error(ErrorKind::Internal,
                 fmt::format("a row has {} fields where {} are expected", fields, columns_.size()));
  std::size_t at = 2;
  for (std::size_t i = 0; i < fields; ++i) {
    if (bytes.size() < at + 4) return std::size_t{0};
    auto const length = read32(bytes, at);
    at += 4 + static_cast<std::size_t>(length < 0 ? 0 : length);
  }
  return bytes.size() < at ? std::size_t{0} : at;
}

void RowHash::add_row(std::string_view row) {
  std::uint64_t whole = 0;
  std::size_t at = 2;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto const length = read32(row, at);
    at += 4;
    std::uint64_t hash = kNull;
    if (length >= 0) {
      auto const field = row.substr(at, static_cast<std::size_t>(length));
      hash = mix(is_numeric_[i] ? hash_numeric(field) : sql::stable_hash(field));
      at += field.size();
    }
    columns_[i] += mix(hash + 1);
    whole = mix(whole + hash + i);
  }
  sum_ += mix(whole);
  ++rows_;
}

Status RowHash::add(std::string_view bytes) {
  std::string joined;
  if (!rest_.empty()) {
    joined = std::move(rest_);
    joined += bytes;
    bytes = joined;
    rest_.clear();
  }
  while (!bytes.empty() && !ended_) {
    if (bytes.size() >= 2 && read16(bytes, 0) == 0xffff) {
      ended_ = true;
      return {};
    }
    WEIR_TRY(std::size_t const size, row_size(bytes));
    if (size == 0) break;
    add_row(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!ended_) rest_ = bytes;
  return {};
}

}  // namespace weir::sync
