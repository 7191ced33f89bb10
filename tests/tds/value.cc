#include "tds/value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace weir::tds {
namespace {

struct TypeFacts {
  TypeId id;
  char const* name;
  int system_id;
  int precedence;  // higher wins
};

// Names and ids of sys.types; precedence as in "Data type precedence (Transact-SQL)".
constexpr std::array<TypeFacts, 33> kFacts = {{
    {TypeId::Bit, "bit", 104, 14},
    {TypeId::TinyInt, "tinyint", 48, 15},
    {TypeId::SmallInt, "smallint", 52, 16},
    {TypeId::Int, "int", 56, 17},
    {TypeId::BigInt, "bigint", 127, 18},
    {TypeId::Decimal, "decimal", 106, 21},
    {TypeId::Numeric, "numeric", 108, 21},
    {TypeId::Money, "money", 60, 20},
    {TypeId::SmallMoney, "smallmoney", 122, 19},
    {TypeId::Real, "real", 59, 22},
    {TypeId::Float, "float", 62, 23},
    {TypeId::Date, "date", 40, 25},
    {TypeId::Time, "time", 41, 24},
    {TypeId::SmallDateTime, "smalldatetime", 58, 26},
    {TypeId::DateTime, "datetime", 61, 27},
    {TypeId::DateTime2, "datetime2", 42, 28},
    {TypeId::DateTimeOffset, "datetimeoffset", 43, 29},
    {TypeId::Char, "char", 175, 4},
    {TypeId::VarChar, "varchar", 167, 5},
    {TypeId::Text, "text", 35, 11},
    {TypeId::NChar, "nchar", 239, 6},
    {TypeId::NVarChar, "nvarchar", 231, 7},
    {TypeId::NText, "ntext", 99, 12},
    {TypeId::Xml, "xml", 241, 30},
    {TypeId::Binary, "binary", 173, 1},
    {TypeId::VarBinary, "varbinary", 165, 2},
    {TypeId::Image, "image", 34, 10},
    {TypeId::RowVersion, "timestamp", 189, 9},
    {TypeId::UniqueIdentifier, "uniqueidentifier", 36, 13},
    {TypeId::Variant, "sql_variant", 98, 31},
    {TypeId::HierarchyId, "hierarchyid", 240, 32},
    {TypeId::Geography, "geography", 240, 32},
    {TypeId::Geometry, "geometry", 240, 32},
}};

TypeFacts const& facts(TypeId id) {
  return kFacts[static_cast<std::size_t>(id)];
}

// A number as mantissa and scale.
void as_decimal(Value const& value, int128& mantissa, int& scale) {
  if (value.type == TypeId::Decimal || value.type == TypeId::Numeric) {
    mantissa = value.decimal;
    scale = value.scale;
  } else {
    mantissa = value.integer;
    scale = value.type == TypeId::Money || value.type == TypeId::SmallMoney ? 4 : 0;
  }
}

double as_double(Value const& value) {
  if (value.type == TypeId::Real || value.type == TypeId::Float) return value.real;
  int128 mantissa = 0;
  int scale = 0;
  as_decimal(value, mantissa, scale);
  return static_cast<double>(mantissa) / std::pow(10.0, scale);
}

int compare_decimals(int128 a, int a_scale, int128 b, int b_scale) {
  while (a_scale != b_scale) {
    int128& smaller = a_scale < b_scale ? a : b;
    int& scale = a_scale < b_scale ? a_scale : b_scale;
    int128 next = 0;
    if (__builtin_mul_overflow(smaller, int128{10}, &next)) {
      int const sign = smaller > 0 ? 1 : -1;  // beyond 127 bits: greater in size than the other side can be
      return &smaller == &a ? sign : -sign;
    }
    smaller = next;
    ++scale;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

int compare_uuids(std::string const& a, std::string const& b) {
  // Order of the bytes on the wire that SQL Server compares by.
  constexpr std::array<std::size_t, 16> kOrder = {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3};
  for (std::size_t const i : kOrder) {
    auto const x = static_cast<std::uint8_t>(a[i]);
    auto const y = static_cast<std::uint8_t>(b[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

int compare_bytes(std::string_view a, std::string_view b) {
  std::size_t const common = std::min(a.size(), b.size());
  int const order = std::memcmp(a.data(), b.data(), common);
  if (order != 0) return order < 0 ? -1 : 1;
  for (char const c : a.substr(common))
    if (c != 0) return 1;
  for (char const c : b.substr(common))
    if (c != 0) return -1;
  return 0;
}

// Days and 100 ns ticks of any date or time type.
void as_moment(Value const& value, std::int64_t& days, std::int64_t& ticks) {
  days = value.days;
  switch (value.type) {
    case TypeId::Date:
      ticks = 0;
      break;
    case TypeId::Time:
      days = kDays1900, ticks = value.ticks;
      break;
    case TypeId::SmallDateTime:
      ticks = value.ticks * 600'000'000;
      break;
    case TypeId::DateTime:
      ticks = (value.ticks * 200'000 + 3) / 6;
      break;
    default:
      ticks = value.ticks;
      break;
  }
}

bool is_time_type(TypeId id) {
  return id >= TypeId::Date && id <= TypeId::DateTimeOffset;
}

}  // namespace

SqlType make_type(TypeId id, int length, std::uint8_t precision, std::uint8_t scale, Collation const* collation) {
  SqlType type{id, length, precision, scale, collation};
  if (type.is_text() && collation == nullptr) type.collation = default_collation();
  if (type.is_decimal() && precision == 0) type.precision = 18;
  if (id == TypeId::Xml || id == TypeId::Text || id == TypeId::NText || id == TypeId::Image || type.is_udt())
    type.length = -1;
  if (id == TypeId::RowVersion) type.length = 8;
  return type;
}

std::string_view type_name(TypeId id) {
  return facts(id).name;
}
int system_type_id(TypeId id) {
  return facts(id).system_id;
}

int user_type_id(TypeId id) {
  if (id == TypeId::HierarchyId) return 128;
  if (id == TypeId::Geometry) return 129;
  if (id == TypeId::Geography) return 130;
  return facts(id).system_id;
}

std::string type_text(SqlType const& type) {
  std::string_view const name = type_name(type.id);
  switch (type.id) {
    case TypeId::Char:
    case TypeId::VarChar:
    case TypeId::NChar:
    case TypeId::NVarChar:
    case TypeId::Binary:
    case TypeId::VarBinary:
      return type.is_max() ? fmt::format("{}(max)", name) : fmt::format("{}({})", name, type.length);
    case TypeId::Decimal:
    case TypeId::Numeric:
      return fmt::format("{}({},{})", name, type.precision, type.scale);
    case TypeId::Time:
    case TypeId::DateTime2:
    case TypeId::DateTimeOffset:
      return fmt::format("{}({})", name, type.scale);
    default:
      return std::string(name);
  }
}

int catalog_length(SqlType const& type) {
  switch (type.id) {
    case TypeId::Bit:
    case TypeId::TinyInt:
      return 1;
    case TypeId::SmallInt:
      return 2;
    case TypeId::Int:
    case TypeId::Real:
    case TypeId::SmallMoney:
    case TypeId::SmallDateTime:
      return 4;
    case TypeId::BigInt:
    case TypeId::Float:
    case TypeId::Money:
    case TypeId::DateTime:
    case TypeId::RowVersion:
      return 8;
    case TypeId::Decimal:
    case TypeId::Numeric:
      return type.precision <= 9 ? 5 : type.precision <= 19 ? 9 : type.precision <= 28 ? 13 : 17;
    case TypeId::Date:
      return 3;
    case TypeId::Time:
      return type.scale <= 2 ? 3 : type.scale <= 4 ? 4 : 5;
    case TypeId::DateTime2:
      return type.scale <= 2 ? 6 : type.scale <= 4 ? 7 : 8;
    case TypeId::DateTimeOffset:
      return type.scale <= 2 ? 8 : type.scale <= 4 ? 9 : 10;
    case TypeId::NChar:
    case TypeId::NVarChar:
      return type.is_max() ? -1 : type.length * 2;
    case TypeId::Text:
    case TypeId::NText:
    case TypeId::Image:
      return 16;
    case TypeId::UniqueIdentifier:
      return 16;
    case TypeId::Variant:
      return 8016;
    case TypeId::HierarchyId:
      return 892;
    case TypeId::Xml:
    case TypeId::Geography:
    case TypeId::Geometry:
      return -1;
    default:
      return type.length;
  }
}

int catalog_precision(SqlType const& type) {
  switch (type.id) {
    case TypeId::Bit:
      return 1;
    case TypeId::TinyInt:
      return 3;
    case TypeId::SmallInt:
      return 5;
    case TypeId::Int:
    case TypeId::SmallMoney:
      return 10;
    case TypeId::BigInt:
    case TypeId::Money:
      return 19;
    case TypeId::Decimal:
    case TypeId::Numeric:
      return type.precision;
    case TypeId::Real:
      return 24;
    case TypeId::Float:
      return 53;
    case TypeId::Date:
      return 10;
    case TypeId::SmallDateTime:
      return 16;
    case TypeId::DateTime:
      return 23;
    case TypeId::Time:
      return type.scale == 0 ? 8 : 9 + type.scale;
    case TypeId::DateTime2:
      return type.scale == 0 ? 19 : 20 + type.scale;
    case TypeId::DateTimeOffset:
      return type.scale == 0 ? 26 : 27 + type.scale;
    default:
      return 0;
  }
}

int catalog_scale(SqlType const& type) {
  switch (type.id) {
    case TypeId::Money:
    case TypeId::SmallMoney:
      return 4;
    case TypeId::DateTime:
      return 3;
    case TypeId::Decimal:
    case TypeId::Numeric:
    case TypeId::Time:
    case TypeId::DateTime2:
    case TypeId::DateTimeOffset:
      return type.scale;
    default:
      return 0;
  }
}

Value null_value(TypeId type) {
  Value value;
  value.type = type;
  return value;
}

Value int_value(std::int64_t number, TypeId type) {
  Value value;
  value.type = type;
  value.null = false;
  value.integer = number;
  return value;
}

Value bit_value(bool on) {
  return int_value(on ? 1 : 0, TypeId::Bit);
}

Value text_value(std::string_view utf8) {
  Value value;
  value.type = TypeId::NVarChar;
  value.null = false;
  value.collation = default_collation();
  value.bytes = to_utf16(utf8);
  return value;
}

Value binary_value(std::string bytes) {
  Value value;
  value.type = TypeId::VarBinary;
  value.null = false;
  value.bytes = std::move(bytes);
  return value;
}

Value decimal_value(int128 mantissa, std::uint8_t scale) {
  Value value;
  value.type = TypeId::Numeric;
  value.null = false;
  value.decimal = mantissa;
  value.scale = scale;
  return value;
}

std::string utf16_of(Value const& value) {
  if (value.repeat_to != 0) {
    Value whole = value;
    whole.repeat_to = 0;
    whole.bytes.reserve(value.repeat_to);
    while (whole.bytes.size() < value.repeat_to) whole.bytes += value.bytes;
    whole.bytes.resize(value.repeat_to);
    return utf16_of(whole);
  }
  bool const narrow = value.type == TypeId::Char || value.type == TypeId::VarChar || value.type == TypeId::Text;
  if (!narrow) return value.bytes;
  return from_code_page(value.bytes, value.collation != nullptr ? value.collation->code_page : 1252);
}

SqlType type_of(Value const& value) {
  SqlType type = make_type(value.type, 0, 0, value.scale, value.collation);
  if (type.is_decimal()) {
    int digits = 1;
    uint128 rest = static_cast<uint128>(value.decimal < 0 ? -value.decimal : value.decimal);
    for (rest /= 10; rest != 0; rest /= 10) ++digits;
    type.precision = static_cast<std::uint8_t>(std::max(digits, static_cast<int>(value.scale)));
  }
  if (type.is_n_text() && type.length == 0) {
    std::uint64_t const length = value.byte_length() / 2;
    type.length = length > 4000 ? -1 : std::max(1, static_cast<int>(length));
  } else if ((type.is_char_text() || type.is_binary()) && type.length == 0) {
    std::uint64_t const length = value.byte_length();
    type.length = length > 8000 ? -1 : std::max(1, static_cast<int>(length));
  }
  return type;
}

SqlType common_type(SqlType const& a, SqlType const& b) {
  SqlType const& high = facts(a.id).precedence >= facts(b.id).precedence ? a : b;
  SqlType const& low = &high == &a ? b : a;
  SqlType type = high;
  if (type.is_text() || type.is_binary()) {
    bool const same_kind = low.is_text() || low.is_binary();
    int const low_length = same_kind ? low.length : 40;
    if (type.is_max() || low_length < 0)
      type.length = -1;
    else
      type.length = std::max(type.length, low_length);
  } else if (type.is_decimal()) {
    int const low_scale = low.is_decimal() ? low.scale : low.is_money() ? 4 : 0;
    int const low_precision = low.is_number() ? catalog_precision(low) : type.precision;
    int const scale = std::max<int>(type.scale, low_scale);
    int const whole = std::max(type.precision - type.scale, low_precision - low_scale);
    type.precision = static_cast<std::uint8_t>(std::min(38, whole + scale));
    type.scale = static_cast<std::uint8_t>(std::min(scale, 38 - std::min(whole, 38)));
  } else if (type.id == TypeId::DateTime2 || type.id == TypeId::DateTimeOffset || type.id == TypeId::Time) {
    if (low.id == TypeId::DateTime)
      type.scale = 7;
    else if (low.is_time())
      type.scale = std::max(type.scale, low.scale);
  }
  return type;
}

Outcome compare(Value const& a, Value const& b, int& order) {
  auto three_way = [&order](auto x, auto y) { order = x < y ? -1 : x > y ? 1 : 0; };
  if (a.type <= TypeId::BigInt && b.type <= TypeId::BigInt) return three_way(a.integer, b.integer), Outcome();
  SqlType const x = make_type(a.type);
  SqlType const y = make_type(b.type);
  if (x.is_number() && y.is_number()) {
    if (x.is_float() || y.is_float()) return three_way(as_double(a), as_double(b)), Outcome();
    int128 m = 0, n = 0;
    int m_scale = 0, n_scale = 0;
    as_decimal(a, m, m_scale);
    as_decimal(b, n, n_scale);
    order = compare_decimals(m, m_scale, n, n_scale);
    return {};
  }
  if (x.is_text() && y.is_text()) {
    Collation const& collation = a.collation != nullptr   ? *a.collation
                                 : b.collation != nullptr ? *b.collation
                                                          : *default_collation();
    order = fold(utf16_of(a), collation).compare(fold(utf16_of(b), collation));
    order = order < 0 ? -1 : order > 0 ? 1 : 0;
    return {};
  }
  if (x.is_binary() && y.is_binary()) return order = compare_bytes(a.bytes, b.bytes), Outcome();
  if (a.type == b.type && (x.is_udt())) return order = compare_bytes(a.bytes, b.bytes), Outcome();
  if (a.type == TypeId::UniqueIdentifier && b.type == a.type) return order = compare_uuids(a.bytes, b.bytes), Outcome();
  if (x.is_time() && y.is_time()) {
    std::int64_t a_days = 0, a_ticks = 0, b_days = 0, b_ticks = 0;
    as_moment(a, a_days, a_ticks);
    as_moment(b, b_days, b_ticks);
    three_way(std::pair(a_days, a_ticks), std::pair(b_days, b_ticks));
    return {};
  }
  SqlType const common = common_type(type_of(a), type_of(b));
  if (common.is_udt() || common.id == TypeId::Variant)
    return sql_error(
        403, 16,
        fmt::format("Invalid operator for data type. Operator equals equal to, type equals {}.", type_name(common.id)));
  Value left, right;
  TDS_DO(convert(a, common, 0, left));
  TDS_DO(convert(b, common, 0, right));
  return compare(left, right, order);
}

std::string hash_key(Value const& value) {
  SqlType const type = make_type(value.type);
  if (type.is_text())
    return fold(utf16_of(value), value.collation != nullptr ? *value.collation : *default_collation());
  if (type.is_integer()) return std::to_string(value.integer);
  if (type.is_binary()) {
    std::string key = value.bytes;
    while (!key.empty() && key.back() == 0) key.pop_back();
    return key;
  }
  if (value.type == TypeId::UniqueIdentifier || type.is_udt()) return value.bytes;
  if (is_time_type(value.type)) {
    std::int64_t days = 0, ticks = 0;
    as_moment(value, days, ticks);
    return fmt::format("{}:{}", days, ticks);
  }
  if (type.is_float()) return fmt::format("{}", value.real);
  int128 mantissa = 0;
  int scale = 0;
  as_decimal(value, mantissa, scale);
  while (scale > 0 && mantissa % 10 == 0) mantissa /= 10, --scale;
  return decimal_text(mantissa, scale);
}

std::int32_t days_of(int year, int month, int day) {
  // Days from civil, shifted so that March is month 0; day 0 is 0001-01-01.
  int const y = month <= 2 ? year - 1 : year;
  int const era = y / 400;
  int const year_of_era = y - era * 400;
  int const day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int const day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 306;
}

void civil_of(std::int32_t days, int& year, int& month, int& day) {
  int const shifted = days + 306;
  int const era = shifted / 146097;
  int const day_of_era = shifted - era * 146097;
  int const year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int const day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int const mp = (5 * day_of_year + 2) / 153;
  day = day_of_year - (153 * mp + 2) / 5 + 1;
  month = mp < 10 ? mp + 3 : mp - 9;
  year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
}

std::string decimal_text(int128 mantissa, int scale) {
  bool const negative = mantissa < 0;
  uint128 rest = negative ? uint128{0} - static_cast<uint128>(mantissa) : static_cast<uint128>(mantissa);
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  while (static_cast<int>(digits.size()) <= scale) digits.push_back('0');
  std::reverse(digits.begin(), digits.end());
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), 1, '.');
  return negative ? "-" + digits : digits;
}

}  // namespace weir::tds
