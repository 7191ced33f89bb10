#pragma once
// What a driver puts into a bound buffer for each type, and how such a cell is read: the forms behind
// sqlserver_reader.h. Private to it. Pure.

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "odbc/session.h"
#include "source/source.h"
#include "source/sqlserver_reader.h"

namespace weir::source {

// FreeTDS's raw forms. Little-endian, as the driver's machine is.
struct RawNumeric {
  std::uint8_t precision;
  std::int8_t scale;
  std::uint8_t sign;
  std::uint8_t value[16];
};
struct RawDateTime {
  std::int32_t days;
  std::uint32_t ticks;
};  // since 1900-01-01; 1/300 s
struct RawSmallDateTime {
  std::uint16_t days, minutes;
};
struct RawTime {
  std::uint16_t hour, minute, second, pad;
  std::uint32_t nanosecond;
};
struct RawOffset {
  odbc::TimestampValue local;
  std::int16_t hours, minutes;
};
static_assert(sizeof(RawNumeric) == 19 && sizeof(RawTime) == 12 && sizeof(RawOffset) == 20);

// What is done with a cell's bytes.
enum class Action {
  Bit,
  TinyInt,
  SmallInt,
  Int,
  BigInt,
  Real,
  Float,
  Numeric,
  Money,
  SmallMoney,
  Date,
  Time,
  SmallDateTime,
  DateTime,
  Timestamp,
  Offset,
  Guid,
  Utf16,
  CodePage,
  Utf8,
  Bytes,
  DecimalText,
  TimeText,
  OffsetText,
  GuidText,  // the typed way
};

// How a column is bound.
struct Form {
  Action action;
  odbc::CType type;
  std::size_t size;  // of the buffer; 0 for long values
  bool exact_size;   // the driver always gives so many bytes
};

Form form_of(Column const& column, Binding binding);

// True if a result column of this description holds what the form expects: the table may have changed since it was
// looked at, and bytes of another type would be taken for values.
bool is_of_form(odbc::ColumnInfo const& info, Column const& column, Form const& form);

struct Cell {
  Column const* column = nullptr;
  Form form{};
  std::size_t result_column = 0;
  char* data = nullptr;  // in the row buffer, or in `long_value`
  std::size_t length = 0;
  odbc::Indicator* indicator = nullptr;
  std::array<char16_t, 128> const* code_page = nullptr;
  bool trim = false;  // blanks at the end
  bool is_long = false;
  std::string long_value;
  ColumnLoss* loss = nullptr;
};

template <typename T>
T load(char const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// ASCII text that a driver gave as UTF-16, for short values.
class Narrow {
 public:
  Narrow(char const* utf16, std::size_t bytes) {
    for (std::size_t i = 0; i + 1 < bytes && size_ < sizeof text_; i += 2) {
      auto const unit = load<std::uint16_t>(utf16 + i);
      text_[size_++] = unit < 0x80 ? static_cast<char>(unit) : '?';
    }
  }
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[64];
  std::size_t size_ = 0;
};

// The length without the blanks at its end.
std::size_t without_blanks(char const* data, std::size_t length, bool is_wide);

// A key value for people; nothing for long values.
std::optional<std::string> key_text(Cell const& cell);

}  // namespace weir::source
