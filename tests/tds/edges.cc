// The edge values of every type.

#include "tds/generate.h"
#include "tds/udt.h"

namespace weir::tds {
namespace {

void add(std::vector<Value>& out, SqlType const& type, std::initializer_list<char const*> texts) {
  for (char const* text : texts) {
    Value value;
    if (parse_value(text, type, value).ok()) out.push_back(std::move(value));
  }
}

Value raw(SqlType const& type, std::string bytes) {
  Value value = null_value(type.id);
  value.null = false;
  value.collation = type.collation;
  value.bytes = std::move(bytes);
  return value;
}

std::string repeated(std::string_view one, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += one;
  return all;
}

void add_n_text(std::vector<Value>& out, SqlType const& type) {
  using namespace std::string_literals;
  std::size_t const most = type.is_max() ? 9000 : static_cast<std::size_t>(type.length);
  auto put = [&](std::string const& utf16) {
    if (utf16.size() / 2 <= most) out.push_back(raw(type, utf16));
  };
  put("");
  put(to_utf16(" "));
  put(to_utf16("a  "));
  put(to_utf16("O'Brien \"x\"\t\r\n\\"));
  put("a\0\0\0b\0"s);                 // U+0000 inside
  put("\x00\xd8z\0"s);                // a lone high surrogate
  put("z\0\x00\xdc"s);                // a lone low surrogate
  put(to_utf16("\xf0\x9f\x8c\x8a"));  // U+1F30A
  put(to_utf16("\xc3\x85ngstr\xc3\xb6m \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xd8\xb9\xd8\xb1\xd8\xa8"));
  put("\xff\xff"s);                                    // U+FFFF
  put("\xff\xfe"s);                                    // U+FEFF
  put(repeated(std::string_view("\xe9\0", 2), most));  // as long as it can be
}

void add_char_text(std::vector<Value>& out, SqlType const& type) {
  std::size_t const most = type.is_max() ? 9000 : static_cast<std::size_t>(type.length);
  auto put = [&](std::string const& bytes) {
    if (bytes.size() <= most) out.push_back(raw(type, bytes));
  };
  put("");
  put(" ");
  put("a  ");
  put("O'Brien");
  put(std::string("a\0b", 3));
  int const page = type.collation->code_page;
  if (page == 65001) {
    put("\xc3\xa5\xe2\x82\xac");
  } else if (page < 900) {
    put("\xe0");
  } else if (page >= 1250 && page <= 1258) {
    put("\x80\xe9\xff");
    put("\x81\x8d\x8f\x90\x9d");  // bytes that code page 1252 does not define
  } else {
    put(to_code_page(to_utf16("\xe6\x97\xa5\xe6\x9c\xac"), page));
  }
  put(std::string(most, 'x'));
}

}  // namespace

std::vector<Value> edge_values(SqlType const& type) {
  std::vector<Value> out;
  switch (type.id) {
    case TypeId::Bit:
      add(out, type, {"0", "1"});
      break;
    case TypeId::TinyInt:
      add(out, type, {"0", "255", "1", "128"});
      break;
    case TypeId::SmallInt:
      add(out, type, {"-32768", "32767", "0", "-1"});
      break;
    case TypeId::Int:
      add(out, type, {"-2147483648", "2147483647", "0", "-1"});
      break;
    case TypeId::BigInt:
      add(out, type, {"-9223372036854775808", "9223372036854775807", "0", "-1"});
      break;
    case TypeId::Decimal:
    case TypeId::Numeric: {
      int128 most = 1;
      for (int i = 0; i < type.precision; ++i) most *= 10;
      for (int128 const mantissa : {most - 1, 1 - most, int128{0}, int128{1}, int128{-1}}) {
        out.push_back(decimal_value(mantissa, type.scale));
        out.back().type = type.id;
      }
      break;
    }
    case TypeId::Money:
      for (std::int64_t const units :
           {INT64_MIN, INT64_MAX, std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{123456}})
        out.push_back(int_value(units, type.id));
      break;
    case TypeId::SmallMoney:
      for (std::int64_t const units : {-2147483648LL, 2147483647LL, 0LL, -1LL, 1LL})
        out.push_back(int_value(units, type.id));
      break;
    case TypeId::Real:
      add(out, type, {"3.4028235e38", "-3.4028235e38", "1.1754944e-38", "0", "-1.5", "16777217"});
      break;
    case TypeId::Float:
      add(out, type,
          {"1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "0", "0.1", "-1.5"});
      break;
    case TypeId::Date:
      add(out, type, {"0001-01-01", "9999-12-31", "1900-01-01", "2000-02-29", "1970-01-01"});
      break;
    case TypeId::Time:
      add(out, type, {"00:00:00", "23:59:59.9999999", "23:59:59", "12:34:56.1234567"});
      break;
    case TypeId::SmallDateTime:
      add(out, type, {"1900-01-01", "2079-06-06 23:59", "2000-02-29 12:00"});
      break;
    case TypeId::DateTime:
      add(out, type,
          {"1753-01-01", "9999-12-31 23:59:59.997", "1900-01-01", "2020-05-06 07:08:09.003", "2020-05-06 07:08:09.007",
           "1899-12-31 23:59:59.997"});
      break;
    case TypeId::DateTime2:
      add(out, type,
          {"0001-01-01", "9999-12-31 23:59:59.9999999", "1582-10-10", "2020-05-06 07:08:09.1234567",
           "1969-12-31 23:59:59.9999999"});
      break;
    case TypeId::DateTimeOffset:
      add(out, type,
          {"0001-01-01 00:00:00 +00:00", "9999-12-31 23:59:59.9999999 +00:00", "2020-05-06 07:08:09.1234567 +14:00",
           "2020-05-06 07:08:09.1234567 -14:00", "2020-05-06 07:08:09 -05:30"});
      break;
    case TypeId::Char:
    case TypeId::VarChar:
    case TypeId::Text:
      add_char_text(out, type);
      break;
    case TypeId::NChar:
    case TypeId::NVarChar:
    case TypeId::NText:
      add_n_text(out, type);
      break;
    case TypeId::Xml:
      add(out, type, {"<a/>", "<a b=\"1\">\xc3\xa5 &amp; \xf0\x9f\x8c\x8a</a>", ""});
      break;
    case TypeId::Binary:
    case TypeId::VarBinary:
    case TypeId::Image: {
      std::size_t const most = type.is_max() ? 9000 : static_cast<std::size_t>(type.length);
      for (std::string const& bytes :
           {std::string(), std::string(1, '\0'), std::string("\xff\x00\x80", 3), std::string(most, '\xab')})
        if (bytes.size() <= most) out.push_back(raw(type, bytes));
      break;
    }
    case TypeId::RowVersion:
      out = {raw(type, std::string(8, '\0')), raw(type, std::string(8, '\xff')),
             raw(type, std::string("\0\0\0\0\0\0\x07\xd1", 8))};
      break;
    case TypeId::UniqueIdentifier:
      add(out, type,
          {"00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
           "01234567-89AB-CDEF-0123-456789ABCDEF"});
      break;
    case TypeId::Variant:
      for (Value const& value :
           {int_value(42), text_value("text"), decimal_value(-12345, 2), bit_value(true), binary_value("\x01\x02")})
        out.push_back(value);
      for (TypeId const id :
           {TypeId::BigInt, TypeId::Money, TypeId::Float, TypeId::UniqueIdentifier, TypeId::Date, TypeId::Time,
            TypeId::DateTime, TypeId::SmallDateTime, TypeId::DateTime2, TypeId::DateTimeOffset})
        out.push_back(edge_values(make_type(id, 0, 0, 7)).front());
      break;
    case TypeId::HierarchyId:
      add(out, type, {"/", "/1/", "/1/2/", "/3/15/79/1103/"});
      break;
    case TypeId::Geography:
      add(out, type,
          {"POINT (8.55 47.37)", "SRID=4326;LINESTRING (0 0, 1 1, 2 1)", "POLYGON ((0 0, 1 0, 1 1, 0 0))",
           "POINT (1 2 3 4)"});
      break;
    case TypeId::Geometry:
      add(out, type, {"POINT (1 2)", "SRID=3857;POINT (1 2 3)", "LINESTRING (0 0, 1 1)"});
      break;
  }
  // What fixed-length types pad.
  for (Value& value : out) {
    if (type.id == TypeId::NChar && !type.is_max())
      while (value.bytes.size() < static_cast<std::size_t>(type.length) * 2) value.bytes.append(" \0", 2);
    if (type.id == TypeId::Char && !type.is_max()) value.bytes.resize(static_cast<std::size_t>(type.length), ' ');
    if (type.id == TypeId::Binary && !type.is_max()) value.bytes.resize(static_cast<std::size_t>(type.length), '\0');
  }
  out.push_back(null_value(type.id));
  return out;
}

}  // namespace weir::tds
