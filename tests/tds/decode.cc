// Typed values as clients send them in RPC requests (MS-TDS 2.2.6.6, 2.2.5.5).

#include <algorithm>

#include "tds/encode.h"

namespace weir::tds {
namespace {

Collation const* collation_of(std::string_view wire) {
  if (wire.size() < 5) return default_collation();
  std::uint32_t word = 0;
  std::memcpy(&word, wire.data(), 4);
  if ((word & (1u << 26)) != 0) return find_collation("Latin1_General_100_CI_AS_SC_UTF8");
  std::uint32_t const lcid = word & 0xfffff;
  for (std::string const& language : collation_languages()) {
    Collation const* collation = find_collation(language + "_CI_AS");
    if (collation != nullptr && collation->lcid == lcid && lcid != 0x0409) return collation;
  }
  return default_collation();
}

}  // namespace

std::string_view WireReader::take(std::size_t count) {
  if (count > left()) {
    failed_ = true;
    at_ = bytes_.size();
    return {};
  }
  std::string_view const piece = bytes_.substr(at_, count);
  at_ += count;
  return piece;
}

std::string WireReader::b_varchar() {
  auto const units = number<std::uint8_t>();
  return to_utf8(take(std::size_t{units} * 2));
}

std::string WireReader::us_varchar() {
  auto const units = number<std::uint16_t>();
  return to_utf8(take(std::size_t{units} * 2));
}

bool WireReader::type_info(SqlType& type) {
  auto const token = number<std::uint8_t>();
  auto by_size = [&](std::initializer_list<std::pair<int, TypeId>> sizes) {
    int const size = number<std::uint8_t>();
    for (auto const& [bytes, id] : sizes)
      if (bytes == size || size == 0) return type = make_type(id), true;
    return false;
  };
  auto scaled = [&](TypeId id) {
    auto const scale = number<std::uint8_t>();
    type = make_type(id, 0, 0, std::min<std::uint8_t>(scale, 7));
    return true;
  };
  auto variable = [&](TypeId id, bool text, int unit) {
    int const size = number<std::uint16_t>();
    Collation const* collation = nullptr;
    if (text) collation = collation_of(take(5));
    type = make_type(id, size == 0xffff ? -1 : std::max(1, size / unit), 0, 0, collation);
    return true;
  };
  auto legacy = [&](TypeId id, bool text) {
    (void)number<std::uint32_t>();
    Collation const* collation = nullptr;
    if (text) collation = collation_of(take(5));
    type = make_type(id, -1, 0, 0, collation);
    return true;
  };
  switch (token) {
    case 0x1f:
      type = make_type(TypeId::Int);
      return true;
    case 0x32:
      type = make_type(TypeId::Bit);
      type.length = -2;
      return true;
    case 0x30:
      type = make_type(TypeId::TinyInt);
      type.length = -2;
      return true;
    case 0x34:
      type = make_type(TypeId::SmallInt);
      type.length = -2;
      return true;
    case 0x38:
      type = make_type(TypeId::Int);
      type.length = -2;
      return true;
    case 0x7f:
      type = make_type(TypeId::BigInt);
      type.length = -2;
      return true;
    case 0x3b:
      type = make_type(TypeId::Real);
      type.length = -2;
      return true;
    case 0x3e:
      type = make_type(TypeId::Float);
      type.length = -2;
      return true;
    case 0x3d:
      type = make_type(TypeId::DateTime);
      type.length = -2;
      return true;
    case 0x3a:
      type = make_type(TypeId::SmallDateTime);
      type.length = -2;
      return true;
    case 0x3c:
      type = make_type(TypeId::Money);
      type.length = -2;
      return true;
    case 0x7a:
      type = make_type(TypeId::SmallMoney);
      type.length = -2;
      return true;
    case 0x26:
      return by_size({{4, TypeId::Int}, {1, TypeId::TinyInt}, {2, TypeId::SmallInt}, {8, TypeId::BigInt}});
    case 0x68:
      return by_size({{1, TypeId::Bit}});
    case 0x6d:
      return by_size({{8, TypeId::Float}, {4, TypeId::Real}});
    case 0x6e:
      return by_size({{8, TypeId::Money}, {4, TypeId::SmallMoney}});
    case 0x6f:
      return by_size({{8, TypeId::DateTime}, {4, TypeId::SmallDateTime}});
    case 0x24:
      return by_size({{16, TypeId::UniqueIdentifier}});
    case 0x6a:
    case 0x6c:
    case 0x37:
    case 0x3f: {
      (void)number<std::uint8_t>();
      auto const precision = number<std::uint8_t>();
      auto const scale = number<std::uint8_t>();
      type = make_type(token == 0x6c || token == 0x3f ? TypeId::Numeric : TypeId::Decimal, 0,
                       std::min<std::uint8_t>(precision, 38), std::min<std::uint8_t>(scale, 38));
      return true;
    }
    case 0x28:
      type = make_type(TypeId::Date);
      return true;
    case 0x29:
      return scaled(TypeId::Time);
    case 0x2a:
      return scaled(TypeId::DateTime2);
    case 0x2b:
      return scaled(TypeId::DateTimeOffset);
    case 0xa7:
      return variable(TypeId::VarChar, true, 1);
    case 0xaf:
      return variable(TypeId::Char, true, 1);
    case 0xe7:
      return variable(TypeId::NVarChar, true, 2);
    case 0xef:
      return variable(TypeId::NChar, true, 2);
    case 0xa5:
      return variable(TypeId::VarBinary, false, 1);
    case 0xad:
      return variable(TypeId::Binary, false, 1);
    case 0x23:
      return legacy(TypeId::Text, true);
    case 0x63:
      return legacy(TypeId::NText, true);
    case 0x22:
      return legacy(TypeId::Image, false);
    case 0xf1:
      if (number<std::uint8_t>() != 0) (void)b_varchar(), (void)b_varchar(), (void)us_varchar();
      type = make_type(TypeId::Xml);
      return true;
    default:
      return false;
  }
}

bool WireReader::plp(std::string& out, bool& null) {
  auto const total = number<std::uint64_t>();
  null = total == ~std::uint64_t{0};
  out.clear();
  if (null) return true;
  while (!failed_) {
    auto const size = number<std::uint32_t>();
    if (size == 0) break;
    out += take(size);
  }
  return !failed_;
}

// The value of one cell; fixed types carry length -2 in `type.length`.
bool WireReader::cell(SqlType const& type, Value& out) {
  out = null_value(type.id);
  out.collation = type.collation;
  bool const fixed = type.length == -2;
  if (type.id == TypeId::Text || type.id == TypeId::NText || type.id == TypeId::Image) {
    auto const size = number<std::int32_t>();
    if (size < 0) return !failed_;
    out.null = false;
    out.bytes = take(static_cast<std::size_t>(size));
    out.type = type.id == TypeId::Text    ? TypeId::VarChar
               : type.id == TypeId::NText ? TypeId::NVarChar
                                          : TypeId::VarBinary;
    return !failed_;
  }
  if (type.id == TypeId::Xml || ((type.is_text() || type.is_binary()) && type.is_max())) {
    bool null = false;
    if (!plp(out.bytes, null)) return false;
    out.null = null;
    return true;
  }
  if (type.is_text() || type.is_binary()) {
    auto const size = number<std::uint16_t>();
    if (size == 0xffff) return !failed_;
    out.null = false;
    out.bytes = take(size);
    return !failed_;
  }
  std::size_t const size =
      fixed ? static_cast<std::size_t>(catalog_length(make_type(type.id))) : number<std::uint8_t>();
  if (size == 0) return !failed_;
  return plain_cell(type, take(size), out) && !failed_;
}

bool WireReader::plain_cell(SqlType const& type, std::string_view raw, Value& out) {
  if (failed_) return false;
  auto little = [raw](std::size_t at, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size && at + i < raw.size(); ++i)
      number |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(raw[at + i])) << (8 * i);
    return number;
  };
  out.null = false;
  out.scale = type.scale;
  switch (type.id) {
    case TypeId::Bit:
    case TypeId::TinyInt:
      out.integer = static_cast<std::int64_t>(little(0, 1));
      break;
    case TypeId::SmallInt:
      out.integer = static_cast<std::int16_t>(little(0, 2));
      break;
    case TypeId::Int:
    case TypeId::SmallMoney:
      out.integer = static_cast<std::int32_t>(little(0, 4));
      break;
    case TypeId::BigInt:
      out.integer = static_cast<std::int64_t>(little(0, 8));
      break;
    case TypeId::Money:
      out.integer = static_cast<std::int64_t>(little(0, 4) << 32 | little(4, 4));
      break;
    case TypeId::Real: {
      float narrow = 0;
      if (raw.size() != 4) return false;
      std::memcpy(&narrow, raw.data(), 4);
      out.real = static_cast<double>(narrow);
      break;
    }
    case TypeId::Float:
      if (raw.size() != 8) return false;
      std::memcpy(&out.real, raw.data(), 8);
      break;
    case TypeId::Decimal:
    case TypeId::Numeric: {
      uint128 mantissa = little(1, 8);
      if (raw.size() > 9) mantissa |= static_cast<uint128>(little(9, 8)) << 64;
      out.decimal = static_cast<int128>(mantissa);
      if (raw[0] == 0) out.decimal = -out.decimal;
      break;
    }
    case TypeId::DateTime:
      out.days = kDays1900 + static_cast<std::int32_t>(little(0, 4));
      out.ticks = static_cast<std::int64_t>(little(4, 4));
      break;
    case TypeId::SmallDateTime:
      out.days = kDays1900 + static_cast<std::int32_t>(little(0, 2));
      out.ticks = static_cast<std::int64_t>(little(2, 2));
      break;
    case TypeId::Date:
      out.days = static_cast<std::int32_t>(little(0, 3));
      break;
    case TypeId::Time:
    case TypeId::DateTime2:
    case TypeId::DateTimeOffset: {
      std::size_t const tail = type.id == TypeId::Time ? 0 : type.id == TypeId::DateTime2 ? 3 : 5;
      if (raw.size() < tail + 3) return false;
      std::size_t const clock = raw.size() - tail;
      std::int64_t unit = 1;
      for (int i = type.scale; i < 7; ++i) unit *= 10;
      out.ticks = static_cast<std::int64_t>(little(0, clock)) * unit;
      if (tail >= 3) out.days = static_cast<std::int32_t>(little(clock, 3));
      if (tail == 5) out.offset_min = static_cast<std::int16_t>(little(clock + 3, 2));
      break;
    }
    case TypeId::UniqueIdentifier:
      if (raw.size() != 16) return false;
      out.bytes = raw;
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace weir::tds
