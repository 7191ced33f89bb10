#include "tds/encode.h"

#include <algorithm>

#include "tds/udt.h"

namespace weir::tds {
namespace {

// MS-TDS 2.2.5.4: type tokens.
enum Token : std::uint8_t {
  kIntN = 0x26,
  kBitN = 0x68,
  kFloatN = 0x6d,
  kMoneyN = 0x6e,
  kDateTimeN = 0x6f,
  kDecimalN = 0x6a,
  kNumericN = 0x6c,
  kDate = 0x28,
  kTime = 0x29,
  kDateTime2 = 0x2a,
  kDateTimeOffset = 0x2b,
  kGuid = 0x24,
  kVarChar = 0xa7,
  kChar = 0xaf,
  kNVarChar = 0xe7,
  kNChar = 0xef,
  kVarBinary = 0xa5,
  kBinary = 0xad,
  kText = 0x23,
  kNText = 0x63,
  kImage = 0x22,
  kVariant = 0x62,
  kXml = 0xf1,
  kUdt = 0xf0,
  kFixedBit = 0x32,
  kFixedTiny = 0x30,
  kFixedSmall = 0x34,
  kFixedInt = 0x38,
  kFixedBig = 0x7f,
  kFixedReal = 0x3b,
  kFixedFloat = 0x3e,
  kFixedMoney = 0x3c,
  kFixedSmallMoney = 0x7a,
  kFixedDateTime = 0x3d,
  kFixedSmallDateTime = 0x3a,
};

std::uint8_t fixed_token(TypeId id) {
  switch (id) {
    case TypeId::Bit:
      return kFixedBit;
    case TypeId::TinyInt:
      return kFixedTiny;
    case TypeId::SmallInt:
      return kFixedSmall;
    case TypeId::Int:
      return kFixedInt;
    case TypeId::BigInt:
      return kFixedBig;
    case TypeId::Real:
      return kFixedReal;
    case TypeId::Float:
      return kFixedFloat;
    case TypeId::Money:
      return kFixedMoney;
    case TypeId::SmallMoney:
      return kFixedSmallMoney;
    case TypeId::DateTime:
      return kFixedDateTime;
    case TypeId::SmallDateTime:
      return kFixedSmallDateTime;
    default:
      return 0;
  }
}

void put_collation(std::string& out, Collation const* collation) {
  std::uint8_t bytes[5];
  (collation != nullptr ? collation : default_collation())->append_wire(bytes);
  out.append(reinterpret_cast<char const*>(bytes), 5);
}

std::int64_t power(int n) {
  constexpr std::int64_t kPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
  return kPowers[n];
}

std::size_t time_bytes(int scale) {
  return scale <= 2 ? 3 : scale <= 4 ? 4 : 5;
}

// A value of fixed size, without its length. Returns the size.
std::size_t fixed_bytes(SqlType const& type, Value const& value, char* to) {
  auto little = [to](std::uint64_t number, std::size_t at, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) to[at + i] = static_cast<char>(number >> (8 * i));
  };
  auto const integer = static_cast<std::uint64_t>(value.integer);
  switch (type.id) {
    case TypeId::Bit:
    case TypeId::TinyInt:
      to[0] = static_cast<char>(integer);
      return 1;
    case TypeId::SmallInt:
      little(integer, 0, 2);
      return 2;
    case TypeId::Int:
    case TypeId::SmallMoney:
      std::memcpy(to, &integer, 4);
      return 4;
    case TypeId::BigInt:
      std::memcpy(to, &integer, 8);
      return 8;
    case TypeId::Money:
      little(integer >> 32, 0, 4), little(integer, 4, 4);
      return 8;
    case TypeId::Real: {
      auto const narrow = static_cast<float>(value.real);
      std::memcpy(to, &narrow, 4);
      return 4;
    }
    case TypeId::Float:
      std::memcpy(to, &value.real, 8);
      return 8;
    case TypeId::Decimal:
    case TypeId::Numeric: {
      auto const size = static_cast<std::size_t>(catalog_length(type));
      to[0] = value.decimal < 0 ? 0 : 1;
      auto const mantissa = static_cast<uint128>(value.decimal < 0 ? -value.decimal : value.decimal);
      std::memcpy(to + 1, &mantissa, size - 1);
      return size;
    }
    case TypeId::Date:
      little(static_cast<std::uint64_t>(value.days), 0, 3);
      return 3;
    case TypeId::Time:
    case TypeId::DateTime2:
    case TypeId::DateTimeOffset: {
      std::size_t const clock = time_bytes(type.scale);
      little(static_cast<std::uint64_t>(value.ticks / power(7 - type.scale)), 0, clock);
      if (type.id == TypeId::Time) return clock;
      little(static_cast<std::uint64_t>(value.days), clock, 3);
      if (type.id == TypeId::DateTime2) return clock + 3;
      little(static_cast<std::uint64_t>(static_cast<std::uint16_t>(value.offset_min)), clock + 3, 2);
      return clock + 5;
    }
    case TypeId::DateTime:
      little(static_cast<std::uint64_t>(static_cast<std::uint32_t>(value.days - kDays1900)), 0, 4);
      little(static_cast<std::uint64_t>(value.ticks), 4, 4);
      return 8;
    case TypeId::SmallDateTime:
      little(static_cast<std::uint64_t>(value.days - kDays1900), 0, 2);
      little(static_cast<std::uint64_t>(value.ticks), 2, 2);
      return 4;
    case TypeId::UniqueIdentifier:
      std::memcpy(to, value.bytes.data(), 16);
      return 16;
    default:
      return 0;
  }
}

// All of a value's bytes, also of one that repeats.
void put_bytes(std::string& out, Value const& value, std::uint64_t from, std::uint64_t count) {
  if (value.repeat_to == 0) {
    out.append(value.bytes, from, count);
    return;
  }
  while (count > 0) {
    std::uint64_t const at = from % value.bytes.size();
    std::uint64_t const piece = std::min<std::uint64_t>(count, value.bytes.size() - at);
    out.append(value.bytes, at, piece);
    from += piece;
    count -= piece;
  }
}

void put_plp(std::string& out, Value const& value, bool unknown) {
  if (value.null) return put(out, ~std::uint64_t{0});
  std::uint64_t const length = value.byte_length();
  put(out, unknown ? ~std::uint64_t{1} : length);
  // Known lengths travel in one piece up to a limit, unknown ones as a server reading pages would send them.
  std::uint64_t const piece = unknown ? 8040 : 1u << 20;
  for (std::uint64_t at = 0; at < length;) {
    std::uint64_t const size = std::min(piece, length - at);
    put(out, static_cast<std::uint32_t>(size));
    put_bytes(out, value, at, size);
    at += size;
  }
  put(out, std::uint32_t{0});
}

void put_legacy(std::string& out, Value const& value) {
  if (value.null) return out.push_back(0);
  out.push_back(16);
  out.append("weir text ptr 16", 16);
  out.append("\0\0\0\0\0\0\0\1", 8);
  std::uint64_t const length = std::min<std::uint64_t>(value.byte_length(), INT32_MAX);
  put(out, static_cast<std::uint32_t>(length));
  put_bytes(out, value, 0, length);
}

void put_variant(std::string& out, Value const& value) {
  if (value.null) return put(out, std::uint32_t{0});
  SqlType type = type_of(value);
  if (type.is_decimal()) type.precision = 38;
  std::string body;
  char raw[24];
  if (type.is_text() || type.is_binary()) {
    type.id = type.is_n_text() ? TypeId::NVarChar : type.is_char_text() ? TypeId::VarChar : TypeId::VarBinary;
    std::uint64_t const length = std::min<std::uint64_t>(value.byte_length(), 8000);
    body.push_back(static_cast<char>(type.is_n_text() ? kNVarChar : type.is_char_text() ? kVarChar : kVarBinary));
    body.push_back(static_cast<char>(type.is_text() ? 7 : 2));
    if (type.is_text()) put_collation(body, value.collation);
    put(body, static_cast<std::uint16_t>(type.is_n_text() ? 8000 : std::max<std::uint64_t>(length, 1)));
    put_bytes(body, value, 0, length);
  } else if (type.is_decimal()) {
    body.push_back(static_cast<char>(kNumericN));
    body.append({2, 38, static_cast<char>(type.scale)});
    body.append(raw, fixed_bytes(type, value, raw));
  } else {
    bool const scaled = type.id == TypeId::Time || type.id == TypeId::DateTime2 || type.id == TypeId::DateTimeOffset;
    std::uint8_t token = fixed_token(type.id);
    if (type.id == TypeId::Date) token = kDate;
    if (type.id == TypeId::Time) token = kTime;
    if (type.id == TypeId::DateTime2) token = kDateTime2;
    if (type.id == TypeId::DateTimeOffset) token = kDateTimeOffset;
    if (type.id == TypeId::UniqueIdentifier) token = kGuid;
    body.push_back(static_cast<char>(token));
    body.push_back(scaled ? 1 : 0);
    if (scaled) body.push_back(static_cast<char>(type.scale));
    body.append(raw, fixed_bytes(type, value, raw));
  }
  put(out, static_cast<std::uint32_t>(body.size()));
  out += body;
}

}  // namespace

void put_b_varchar(std::string& out, std::string_view utf8) {
  std::string const wide = to_utf16(utf8);
  std::size_t const units = std::min<std::size_t>(wide.size() / 2, 255);
  out.push_back(static_cast<char>(units));
  out.append(wide, 0, units * 2);
}

void put_us_varchar(std::string& out, std::string_view utf8) {
  std::string const wide = to_utf16(utf8);
  std::size_t const units = std::min<std::size_t>(wide.size() / 2, 65535);
  put(out, static_cast<std::uint16_t>(units));
  out.append(wide, 0, units * 2);
}

void put_type_info(std::string& out, WireColumn const& column, int tds_version) {
  SqlType const& type = column.type;
  if (column.fixed && fixed_token(type.id) != 0) return out.push_back(static_cast<char>(fixed_token(type.id)));
  auto sized = [&](std::uint8_t token) {
    out.push_back(static_cast<char>(token));
    out.push_back(static_cast<char>(catalog_length(type)));
  };
  auto scaled = [&](std::uint8_t token) {
    out.push_back(static_cast<char>(token));
    out.push_back(static_cast<char>(type.scale));
  };
  auto variable = [&](std::uint8_t token) {
    out.push_back(static_cast<char>(token));
    put(out, static_cast<std::uint16_t>(type.is_max() ? 0xffff : catalog_length(type)));
    if (type.is_text()) put_collation(out, type.collation);
  };
  auto legacy = [&](std::uint8_t token, std::uint32_t most) {
    out.push_back(static_cast<char>(token));
    put(out, most);
    if (type.is_text()) put_collation(out, type.collation);
    if (tds_version >= 72) out.push_back(1);
    put_us_varchar(out, "t");
  };
  switch (type.id) {
    case TypeId::Bit:
      sized(kBitN);
      break;
    case TypeId::TinyInt:
    case TypeId::SmallInt:
    case TypeId::Int:
    case TypeId::BigInt:
      sized(kIntN);
      break;
    case TypeId::Real:
    case TypeId::Float:
      sized(kFloatN);
      break;
    case TypeId::Money:
    case TypeId::SmallMoney:
      sized(kMoneyN);
      break;
    case TypeId::DateTime:
    case TypeId::SmallDateTime:
      sized(kDateTimeN);
      break;
    case TypeId::UniqueIdentifier:
      sized(kGuid);
      break;
    case TypeId::Decimal:
    case TypeId::Numeric:
      sized(type.id == TypeId::Decimal ? kDecimalN : kNumericN);
      out.push_back(static_cast<char>(type.precision));
      out.push_back(static_cast<char>(type.scale));
      break;
    case TypeId::Date:
      out.push_back(static_cast<char>(kDate));
      break;
    case TypeId::Time:
      scaled(kTime);
      break;
    case TypeId::DateTime2:
      scaled(kDateTime2);
      break;
    case TypeId::DateTimeOffset:
      scaled(kDateTimeOffset);
      break;
    case TypeId::Char:
      variable(kChar);
      break;
    case TypeId::VarChar:
      variable(kVarChar);
      break;
    case TypeId::NChar:
      variable(kNChar);
      break;
    case TypeId::NVarChar:
      variable(kNVarChar);
      break;
    case TypeId::Binary:
    case TypeId::RowVersion:
      variable(kBinary);
      break;
    case TypeId::VarBinary:
      variable(kVarBinary);
      break;
    case TypeId::Text:
      legacy(kText, 0x7fffffff);
      break;
    case TypeId::NText:
      legacy(kNText, 0x7ffffffe);
      break;
    case TypeId::Image:
      legacy(kImage, 0x7fffffff);
      break;
    case TypeId::Xml:
      out.push_back(static_cast<char>(kXml));
      out.push_back(0);
      break;
    case TypeId::Variant:
      out.push_back(static_cast<char>(kVariant));
      put(out, std::uint32_t{8009});
      break;
    case TypeId::HierarchyId:
    case TypeId::Geography:
    case TypeId::Geometry:
      out.push_back(static_cast<char>(kUdt));
      put(out, static_cast<std::uint16_t>(type.id == TypeId::HierarchyId ? 892 : 0xffff));
      put_b_varchar(out, "Core");
      put_b_varchar(out, "sys");
      put_b_varchar(out, type_name(type.id));
      put_us_varchar(
          out, "Microsoft.SqlServer.Types." + std::string(udt_class(type.id)) + ", " + std::string(udt_assembly()));
      break;
  }
}

void put_column_metadata(std::string& out, std::vector<WireColumn> const& columns, int tds_version) {
  out.push_back(static_cast<char>(0x81));
  put(out, static_cast<std::uint16_t>(columns.size()));
  for (WireColumn const& column : columns) {
    std::uint32_t const user_type = column.type.id == TypeId::RowVersion ? 80 : 0;
    if (tds_version >= 72)
      put(out, user_type);
    else
      put(out, static_cast<std::uint16_t>(user_type));
    std::uint16_t flags = 8;  // "updatable" is not known
    if (column.nullable && !column.fixed) flags |= 1;
    if (column.type.is_text() && column.type.collation != nullptr && !column.type.collation->ignore_case) flags |= 2;
    if (column.identity) flags |= 0x10;
    if (column.computed) flags |= 0x20;
    put(out, flags);
    put_type_info(out, column, tds_version);
    put_b_varchar(out, column.name);
  }
}

void put_cell(std::string& out, WireColumn const& column, Value const& value, int) {
  SqlType const& type = column.type;
  switch (type.id) {
    case TypeId::Char:
    case TypeId::VarChar:
    case TypeId::NChar:
    case TypeId::NVarChar:
    case TypeId::Binary:
    case TypeId::VarBinary:
    case TypeId::RowVersion: {
      if (type.is_max()) return put_plp(out, value, column.plp_unknown);
      if (value.null) return put(out, std::uint16_t{0xffff});
      std::size_t const length = value.byte_length();
      put(out, static_cast<std::uint16_t>(length));
      return put_bytes(out, value, 0, length);
    }
    case TypeId::Text:
    case TypeId::NText:
    case TypeId::Image:
      return put_legacy(out, value);
    case TypeId::Xml:
    case TypeId::HierarchyId:
    case TypeId::Geography:
    case TypeId::Geometry:
      return put_plp(out, value, column.plp_unknown);
    case TypeId::Variant:
      return put_variant(out, value);
    default: {
      char raw[24];
      if (column.fixed && fixed_token(type.id) != 0) {
        out.append(raw, fixed_bytes(type, value, raw));
        return;
      }
      if (value.null) return out.push_back(0);
      std::size_t const size = fixed_bytes(type, value, raw + 1);
      raw[0] = static_cast<char>(size);
      out.append(raw, size + 1);
    }
  }
}

void put_row(std::string& out, std::vector<WireColumn> const& columns, Value const* const* cells, int tds_version) {
  out.push_back(static_cast<char>(0xd1));
  for (std::size_t i = 0; i < columns.size(); ++i) put_cell(out, columns[i], *cells[i], tds_version);
}

void put_nbc_row(std::string& out, std::vector<WireColumn> const& columns, Value const* const* cells, int tds_version) {
  out.push_back(static_cast<char>(0xd2));
  std::size_t const bitmap = out.size();
  out.append((columns.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (cells[i]->null)
      out[bitmap + i / 8] = static_cast<char>(out[bitmap + i / 8] | (1 << (i % 8)));
    else
      put_cell(out, columns[i], *cells[i], tds_version);
  }
}

void put_done(std::string& out, DoneToken token, std::uint16_t status, std::uint16_t command, std::uint64_t rows,
              int tds_version) {
  out.push_back(static_cast<char>(token));
  put(out, status);
  put(out, command);
  if (tds_version >= 72)
    put(out, rows);
  else
    put(out, static_cast<std::uint32_t>(rows));
}

namespace {

void put_message(std::string& out, std::uint8_t token, int number, int severity, int state, std::string_view message,
                 std::string_view procedure, int line, int tds_version) {
  std::string body;
  put(body, static_cast<std::int32_t>(number));
  body.push_back(static_cast<char>(state));
  body.push_back(static_cast<char>(severity));
  put_us_varchar(body, message);
  put_b_varchar(body, "WEIR-TDS");
  put_b_varchar(body, procedure);
  if (tds_version >= 72)
    put(body, static_cast<std::int32_t>(line));
  else
    put(body, static_cast<std::int16_t>(line));
  out.push_back(static_cast<char>(token));
  put(out, static_cast<std::uint16_t>(body.size()));
  out += body;
}

}  // namespace

void put_error(std::string& out, SqlError const& error, std::string_view procedure, int tds_version) {
  put_message(out, 0xaa, error.number, error.severity, error.state, error.message, procedure, error.line, tds_version);
}

void put_info(std::string& out, int number, int severity, int state, std::string_view message, int line,
              int tds_version) {
  put_message(out, 0xab, number, severity, state, message, "", line, tds_version);
}

void put_env_change(std::string& out, std::uint8_t type, std::string_view now, std::string_view before) {
  std::string body(1, static_cast<char>(type));
  put_b_varchar(body, now);
  put_b_varchar(body, before);
  out.push_back(static_cast<char>(0xe3));
  put(out, static_cast<std::uint16_t>(body.size()));
  out += body;
}

void put_env_change_bytes(std::string& out, std::uint8_t type, std::string_view now, std::string_view before) {
  out.push_back(static_cast<char>(0xe3));
  put(out, static_cast<std::uint16_t>(3 + now.size() + before.size()));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(now.size()));
  out += now;
  out.push_back(static_cast<char>(before.size()));
  out += before;
}

void put_login_ack(std::string& out, std::uint32_t tds_version, std::string_view version) {
  std::string body(1, '\1');
  for (int shift = 24; shift >= 0; shift -= 8) body.push_back(static_cast<char>(tds_version >> shift));
  put_b_varchar(body, "Microsoft SQL Server");
  int part = 0;
  std::vector<int> parts;
  for (char const c : version) {
    if (c == '.')
      parts.push_back(part), part = 0;
    else
      part = part * 10 + (c - '0');
  }
  parts.push_back(part);
  parts.resize(3);
  body.push_back(static_cast<char>(parts[0]));
  body.push_back(static_cast<char>(parts[1]));
  body.push_back(static_cast<char>(parts[2] >> 8));
  body.push_back(static_cast<char>(parts[2] & 0xff));
  out.push_back(static_cast<char>(0xad));
  put(out, static_cast<std::uint16_t>(body.size()));
  out += body;
}

void put_return_status(std::string& out, std::int32_t status) {
  out.push_back(static_cast<char>(0x79));
  put(out, status);
}

void put_return_value(std::string& out, std::uint16_t ordinal, std::string_view name, SqlType const& type,
                      Value const& value, int tds_version) {
  out.push_back(static_cast<char>(0xac));
  put(out, ordinal);
  put_b_varchar(out, name);
  out.push_back(1);  // an output parameter
  if (tds_version >= 72)
    put(out, std::uint32_t{0});
  else
    put(out, std::uint16_t{0});
  put(out, std::uint16_t{1});
  WireColumn column;
  column.type = type;
  put_type_info(out, column, tds_version);
  put_cell(out, column, value, tds_version);
}

}  // namespace weir::tds
