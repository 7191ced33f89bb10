#pragma once
// T-SQL types and values. A Value is reused from row to row: its text keeps its memory. Values belong to one thread.
//
// How a value is held: integers, bit and money (in 1/10000) in `integer`; decimal in `decimal` with `scale` digits
// behind the point; real and float in `real`; the date part as days since 0001-01-01 in `days`; the time part in
// `ticks` of 100 ns (datetime: 1/300 s; smalldatetime: minutes); datetimeoffset as UTC plus `offset_min`; text, binary
// and uniqueidentifier as their bytes on the wire in `bytes`.

#include <cstdint>
#include <string>
#include <string_view>

#include "tds/sql_error.h"
#include "tds/text.h"

namespace weir::tds {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

enum class TypeId : std::uint8_t {
  Bit,
  TinyInt,
  SmallInt,
  Int,
  BigInt,
  Decimal,
  Numeric,
  Money,
  SmallMoney,
  Real,
  Float,
  Date,
  Time,
  SmallDateTime,
  DateTime,
  DateTime2,
  DateTimeOffset,
  Char,
  VarChar,
  Text,
  NChar,
  NVarChar,
  NText,
  Xml,
  Binary,
  VarBinary,
  Image,
  RowVersion,
  UniqueIdentifier,
  Variant,
  HierarchyId,
  Geography,
  Geometry,
};

struct SqlType {
  TypeId id = TypeId::Int;
  int length = 0;                        // characters for n-types, else bytes; -1 = max
  std::uint8_t precision = 0;            // decimal
  std::uint8_t scale = 0;                // decimal, time, datetime2, datetimeoffset
  Collation const* collation = nullptr;  // text

  bool is_n_text() const {
    return id == TypeId::NChar || id == TypeId::NVarChar || id == TypeId::NText || id == TypeId::Xml;
  }
  bool is_char_text() const { return id == TypeId::Char || id == TypeId::VarChar || id == TypeId::Text; }
  bool is_text() const { return is_n_text() || is_char_text(); }
  bool is_binary() const {
    return id == TypeId::Binary || id == TypeId::VarBinary || id == TypeId::Image || id == TypeId::RowVersion;
  }
  bool is_integer() const { return id <= TypeId::BigInt; }
  bool is_decimal() const { return id == TypeId::Decimal || id == TypeId::Numeric; }
  bool is_money() const { return id == TypeId::Money || id == TypeId::SmallMoney; }
  bool is_float() const { return id == TypeId::Real || id == TypeId::Float; }
  bool is_number() const { return id <= TypeId::Float; }
  bool is_time() const { return id >= TypeId::Date && id <= TypeId::DateTimeOffset; }
  bool is_udt() const { return id >= TypeId::HierarchyId; }
  bool is_max() const { return length < 0; }
  bool operator==(SqlType const&) const = default;
};

SqlType make_type(TypeId id, int length = 0, std::uint8_t precision = 0, std::uint8_t scale = 0,
                  Collation const* collation = nullptr);
inline SqlType nvarchar(int length) {
  return make_type(TypeId::NVarChar, length);
}

// "nvarchar", and "nvarchar(200)".
std::string_view type_name(TypeId id);
std::string type_text(SqlType const& type);
// sys.types: system_type_id (user_type_id is the same except for hierarchyid, geometry, geography).
int system_type_id(TypeId id);
int user_type_id(TypeId id);
// sys.columns.max_length, precision and scale.
int catalog_length(SqlType const& type);
int catalog_precision(SqlType const& type);
int catalog_scale(SqlType const& type);

struct Value {
  TypeId type = TypeId::Int;
  bool null = true;
  std::uint8_t scale = 0;
  std::int16_t offset_min = 0;
  std::int32_t days = 0;
  Collation const* collation = nullptr;
  union {
    std::int64_t integer = 0;
    double real;
    std::int64_t ticks;
  };
  int128 decimal = 0;
  std::string bytes;
  // Text or binary only: the value is `bytes` over and over, `repeat_to` bytes long. Lets a test read a gigabyte that
  // nobody holds in memory.
  std::uint64_t repeat_to = 0;

  std::uint64_t byte_length() const { return repeat_to != 0 ? repeat_to : bytes.size(); }
};

Value null_value(TypeId type = TypeId::Int);
Value int_value(std::int64_t number, TypeId type = TypeId::Int);
Value bit_value(bool on);
Value text_value(std::string_view utf8);  // nvarchar
Value binary_value(std::string bytes);
Value decimal_value(int128 mantissa, std::uint8_t scale);

// The text of a value as CONVERT(nvarchar, value, style) gives it, UTF-8; NULL gives "".
std::string to_text(Value const& value, int style = 0);
// Text values only: the characters as UTF-16LE.
std::string utf16_of(Value const& value);

// Converts to `type`, with T-SQL's errors (8114, 8115, 220, 241, 245, 529 ...). `out` may be `value` itself.
Outcome convert(Value const& value, SqlType const& type, int style, Value& out);
// Reads "12.5", "2020-01-01T00:00:00", ... into a type, as an assignment in a description does.
Outcome parse_value(std::string_view utf8, SqlType const& type, Value& out);

// -1, 0, 1 by T-SQL's rules: the lower type is converted to the higher one. Neither may be NULL.
Outcome compare(Value const& a, Value const& b, int& order);
// The type that two operands are brought to (T-SQL data type precedence).
SqlType common_type(SqlType const& a, SqlType const& b);
SqlType type_of(Value const& value);
// Bytes that are equal for values that compare equal under `type`, which both were converted to.
std::string hash_key(Value const& value);

// Dates: proleptic Gregorian calendar.
std::int32_t days_of(int year, int month, int day);  // since 0001-01-01
void civil_of(std::int32_t days, int& year, int& month, int& day);
constexpr std::int32_t kDays1900 = 693595;
constexpr std::int32_t kMaxDays = 3652058;  // 9999-12-31
constexpr std::int64_t kTicksPerDay = 864'000'000'000;
std::string decimal_text(int128 mantissa, int scale);

}  // namespace weir::tds
