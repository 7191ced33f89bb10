#pragma once
// Rows in PostgreSQL's COPY BINARY form (docs, COPY "Binary Format" and the send functions of each type), written
// straight into a batch's string. Pure, no allocation per field; a RowBuilder belongs to one thread.
//
// Exactness is the rule: numbers go through integers, never through floating point; what PostgreSQL's text cannot hold
// is treated by a declared policy and counted, never changed in silence.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "source/source.h"

namespace weir::source {

__extension__ typedef unsigned __int128 uint128;

// The file header and trailer around the rows: signature, flags, extension length; and field count -1.
std::string_view copy_binary_header();
std::string_view copy_binary_trailer();

// What one text value met on its way. With a policy of Fail the value is not written and `failed` is set.
struct TextCounts {
  std::uint64_t nul_characters = 0, surrogates = 0, code_page_bytes = 0;
  bool failed = false;
  bool any() const { return (nul_characters | surrogates | code_page_bytes) != 0 || failed; }
};

// Fields are appended to `bytes`, which must not be touched by others until finish(). Every field function writes the
// length word and the value.
class RowBuilder {
 public:
  explicit RowBuilder(std::string& bytes) : bytes_(&bytes), size_(bytes.size()) {}
  RowBuilder(RowBuilder const&) = delete;
  RowBuilder& operator=(RowBuilder const&) = delete;
  ~RowBuilder() { finish(); }

  // Cuts `bytes` to what was written. More rows may follow.
  void finish() { bytes_->resize(size_); }
  std::size_t size() const { return size_; }
  // Forgets what was written from `size` on: to drop a row that failed half-way.
  void cut(std::size_t size) { size_ = size; }

  void begin_row(std::size_t fields) { put16(room(2), static_cast<std::uint16_t>(fields)), size_ += 2; }

  void null() { put32(room(4), 0xffffffffu), size_ += 4; }
  void boolean(bool value) {
    char* at = room(5);
    put32(at, 1);
    at[4] = value ? 1 : 0;
    size_ += 5;
  }
  void int2(std::int16_t value) {
    char* at = room(6);
    put32(at, 2);
    put16(at + 4, static_cast<std::uint16_t>(value));
    size_ += 6;
  }
  void int4(std::int32_t value) {
    char* at = room(8);
    put32(at, 4);
    put32(at + 4, static_cast<std::uint32_t>(value));
    size_ += 8;
  }
  void int8(std::int64_t value) {
    char* at = room(12);
    put32(at, 8);
    put64(at + 4, static_cast<std::uint64_t>(value));
    size_ += 12;
  }
  void float4(float value) { int4(std::bit_cast<std::int32_t>(value)); }
  void float8(double value) { int8(std::bit_cast<std::int64_t>(value)); }
  void date(std::int32_t days_since_2000) { int4(days_since_2000); }
  void time(std::int64_t us_since_midnight) { int8(us_since_midnight); }
  // timestamp: as shown; timestamptz: in UTC.
  void timestamp(std::int64_t us_since_2000) { int8(us_since_2000); }
  // 16 bytes in the order of the text form.
  void uuid(void const* bytes16) {
    char* at = room(20);
    put32(at, 16);
    std::memcpy(at + 4, bytes16, 16);
    size_ += 20;
  }
  // 16 bytes whose first three groups are little-endian, as SQL Server and Windows keep them.
  void uuid_mixed_endian(void const* bytes16);
  // False, and nothing written, if it is not 8-4-4-4-12 hex digits (upper or lower case).
  bool uuid_text(std::string_view text);

  // magnitude * 10^-scale; a negative zero becomes zero. Scale 0..38.
  void numeric(bool negative, uint128 magnitude, int scale);
  // "-12.340", "1e10", "NaN", "Infinity": exactly as many digits after the point as the text has. False, and nothing
  // written, if it is no decimal number that PostgreSQL's numeric can hold.
  bool numeric_text(std::string_view text);

  // bytea, and every field whose bytes are ready.
  void raw(std::string_view field);
  // UTF-16LE. `size` in bytes (an odd byte at the end counts as a lone surrogate).
  TextCounts utf16(void const* data, std::size_t size, TypePolicies const& policies);
  // A single-byte code page (source/code_pages.h): the code points of 0x80..0xff, 0 where a byte is not defined.
  TextCounts code_page(std::string_view text, std::array<char16_t, 128> const& upper, TypePolicies const& policies);
  // UTF-8, checked: an ill-formed byte counts as a code page byte, a surrogate's code point as a surrogate.
  TextCounts utf8(std::string_view text, TypePolicies const& policies);
  // jsonb: the version byte and the text. json and xml are text.
  void jsonb(std::string_view utf8_text);

 private:
  static void put16(char* at, std::uint16_t value) { value = __builtin_bswap16(value), std::memcpy(at, &value, 2); }
  static void put32(char* at, std::uint32_t value) { value = __builtin_bswap32(value), std::memcpy(at, &value, 4); }
  static void put64(char* at, std::uint64_t value) { value = __builtin_bswap64(value), std::memcpy(at, &value, 8); }
  // `bytes` more bytes after size_, made by growing the string in large steps; not counted until size_ moves.
  char* room(std::size_t bytes) {
    if (bytes_->size() - size_ < bytes) grow(bytes);
    return bytes_->data() + size_;
  }
  void grow(std::size_t bytes);
  char* begin_text(std::size_t most);
  TextCounts end_text(char* end, TextCounts counts);

  std::string* bytes_;
  std::size_t size_;
};

// Days since 2000-01-01 in the proleptic Gregorian calendar; year 1 is 1 AD, 0 is 1 BC. Any int year.
std::int32_t days_since_2000(int year, unsigned month, unsigned day);
constexpr std::int64_t kMicrosecondsPerDay = 86'400'000'000;

// A moment read from text, in parts that keep what is lost when it becomes a PostgreSQL value.
struct MomentText {
  std::int32_t days = 0;              // since 2000-01-01; 0 for a time of day
  std::int64_t us = 0;                // since midnight
  bool truncated = false;             // digits beyond microseconds that were not zero
  std::optional<int> offset_minutes;  // "+02:00", "-05:30", "Z"
  std::int64_t local() const { return days * kMicrosecondsPerDay + us; }
  std::int64_t utc() const { return local() - std::int64_t{offset_minutes.value_or(0)} * 60'000'000; }
};
// "2026-11-24", with or without " 13:14:15.1234567" (also with T), with or without an offset. ISO order only.
std::optional<MomentText> parse_moment(std::string_view text);
// "13:14:15.1234567" or "13:14".
std::optional<MomentText> parse_time_of_day(std::string_view text);

// UTF-16LE as UTF-8 for people (names, messages, keys in reports); lone surrogates become U+FFFD, nothing is counted.
std::string utf8_of_utf16(void const* data, std::size_t size);

}  // namespace weir::source
