#include "tds/udt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace weir::tds {
namespace {

// --- hierarchyid: MS-SSCLRT 2.1.4. Each label is a bit pattern: x takes the value's bits, T ends a label.
// --------------

struct LabelPattern {
  std::int64_t low, high;
  char const* pattern;
};
constexpr std::array<LabelPattern, 8> kLabels = {{
    {-72, -9, "0010xx0x1xxxT"},
    {-8, -1, "00111xxxT"},
    {0, 3, "01xxT"},
    {4, 7, "100xxT"},
    {8, 15, "101xxxT"},
    {16, 79, "110xx0x1xxxT"},
    {80, 1103, "1110xxx0xxx0x1xxxT"},
    {1104, 5199, "11110xxxxx0xxx0x1xxxT"},
}};

std::optional<std::string> hierarchy_bytes(std::string_view text) {
  if (text.empty() || text.front() != '/' || text.back() != '/') return std::nullopt;
  std::string bits;
  if (text.size() == 1) return std::string();
  for (std::string const& step : split(text.substr(1, text.size() - 2), '/')) {
    auto const label = parse_int(step);
    if (!label) return std::nullopt;
    LabelPattern const* found = nullptr;
    for (LabelPattern const& pattern : kLabels)
      if (*label >= pattern.low && *label <= pattern.high) found = &pattern;
    if (found == nullptr) return std::nullopt;
    std::string const pattern = found->pattern;
    auto left = std::count(pattern.begin(), pattern.end(), 'x');
    std::int64_t const number = *label - found->low;
    for (char const c : pattern) {
      if (c == 'x')
        bits.push_back(((number >> --left) & 1) != 0 ? '1' : '0');
      else
        bits.push_back(c == 'T' ? '1' : c);
    }
  }
  bits.resize((bits.size() + 7) / 8 * 8, '0');
  std::string bytes;
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    int byte = 0;
    for (std::size_t k = 0; k < 8; ++k) byte = byte * 2 + (bits[i + k] - '0');
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

bool match_label(std::string const& bits, std::size_t& at, LabelPattern const& label, std::int64_t& number) {
  std::string_view const pattern = label.pattern;
  if (at + pattern.size() > bits.size()) return false;
  number = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char const bit = bits[at + i];
    if (pattern[i] == 'x')
      number = number * 2 + (bit - '0');
    else if (pattern[i] == 'T' ? bit != '1' : bit != pattern[i])
      return false;
  }
  number += label.low;
  at += pattern.size();
  return true;
}

std::string hierarchy_text(std::string const& bytes, int& level) {
  std::string bits;
  for (char const c : bytes)
    for (int i = 7; i >= 0; --i) bits.push_back(((static_cast<std::uint8_t>(c) >> i) & 1) != 0 ? '1' : '0');
  std::string text = "/";
  level = 0;
  std::size_t at = 0;
  bool more = true;
  while (more) {
    more = false;
    for (LabelPattern const& label : kLabels) {
      std::int64_t number = 0;
      if (!match_label(bits, at, label, number)) continue;
      text += fmt::format("{}/", number);
      ++level;
      more = true;
      break;
    }
  }
  return text;
}

// --- geography and geometry: MS-SSCLRT 2.1.1 -------------------------------------------------------------------------

struct Point {
  double x = 0, y = 0, z = NAN, m = NAN;
};

struct Shape {
  int srid = 0;
  int kind = 1;                           // OpenGIS: 1 point, 2 line string, 3 polygon
  std::vector<std::vector<Point>> rings;  // a point or line string has one
  bool has(double Point::*part) const {
    for (auto const& ring : rings)
      for (Point const& point : ring)
        if (!std::isnan(point.*part)) return true;
    return false;
  }
};

class WktParser {
 public:
  explicit WktParser(std::string_view text) : text_(text) {}

  std::optional<Shape> parse() {
    Shape shape;
    if (starts_with_ignoring_case(text_, "srid=")) {
      text_.remove_prefix(5);
      double srid = 0;
      if (!number(srid) || !take(';')) return std::nullopt;
      shape.srid = static_cast<int>(srid);
    }
    constexpr std::array<std::string_view, 3> kKinds = {"point", "linestring", "polygon"};
    shape.kind = 0;
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      if (!starts_with_ignoring_case(text_, kKinds[i])) continue;
      text_.remove_prefix(kKinds[i].size());
      shape.kind = static_cast<int>(i) + 1;
      break;
    }
    if (shape.kind == 0 || !(shape.kind == 3 ? rings(shape) : ring(shape))) return std::nullopt;
    return trim(text_).empty() ? std::optional(shape) : std::nullopt;
  }

 private:
  bool take(char c) {
    text_ = trim(text_);
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool number(double& out) {
    text_ = trim(text_);
    auto const [end, code] = std::from_chars(text_.data(), text_.data() + text_.size(), out);
    if (code != std::errc()) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }
  bool ring(Shape& shape) {
    if (!take('(')) return false;
    auto& points = shape.rings.emplace_back();
    do {
      Point point;
      if (!number(point.x) || !number(point.y)) return false;
      if (number(point.z)) (void)number(point.m);
      points.push_back(point);
    } while (take(','));
    return take(')');
  }
  bool rings(Shape& shape) {
    if (!take('(')) return false;
    do {
      if (!ring(shape)) return false;
    } while (take(','));
    return take(')');
  }
  std::string_view text_;
};

template <typename T>
void append(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

std::string shape_bytes(Shape const& shape, TypeId type) {
  bool const has_z = shape.has(&Point::z), has_m = shape.has(&Point::m);
  std::vector<Point> points;
  for (auto const& ring : shape.rings) points.insert(points.end(), ring.begin(), ring.end());
  bool const single = shape.kind == 1;
  std::string out;
  append(out, static_cast<std::int32_t>(shape.srid));
  append(out, static_cast<std::uint8_t>(1));
  append(out, static_cast<std::uint8_t>((has_z ? 1 : 0) | (has_m ? 2 : 0) | 4 | (single ? 8 : 0)));
  if (!single) append(out, static_cast<std::int32_t>(points.size()));
  for (Point const& point : points) {  // geography holds latitude first
    append(out, type == TypeId::Geography ? point.y : point.x);
    append(out, type == TypeId::Geography ? point.x : point.y);
  }
  if (has_z)
    for (Point const& point : points) append(out, point.z);
  if (has_m)
    for (Point const& point : points) append(out, point.m);
  if (single) return out;
  append(out, static_cast<std::int32_t>(shape.rings.size()));
  std::int32_t offset = 0;
  for (std::size_t i = 0; i < shape.rings.size(); ++i) {
    append(out, static_cast<std::uint8_t>(shape.kind == 2 ? 1 : i == 0 ? 2 : 0));
    append(out, offset);
    offset += static_cast<std::int32_t>(shape.rings[i].size());
  }
  append(out, std::int32_t{1});
  append(out, std::int32_t{-1});
  append(out, std::int32_t{0});
  append(out, static_cast<std::uint8_t>(shape.kind));
  return out;
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T next() {
    T value{};
    if (bytes_.size() < sizeof value) {
      failed_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::size_t left() const { return bytes_.size(); }
  bool failed() const { return failed_; }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

std::optional<Shape> shape_of(Value const& value) {
  ByteReader in(value.bytes);
  Shape shape;
  shape.srid = in.next<std::int32_t>();
  (void)in.next<std::uint8_t>();
  auto const flags = in.next<std::uint8_t>();
  bool const single = (flags & 8) != 0;
  auto const count = single ? std::size_t{1} : static_cast<std::size_t>(in.next<std::int32_t>());
  if (in.failed() || count > in.left() / 16) return std::nullopt;
  std::vector<Point> points(count);
  for (Point& point : points) {
    point.x = in.next<double>();
    point.y = in.next<double>();
    if (value.type == TypeId::Geography) std::swap(point.x, point.y);
  }
  if ((flags & 1) != 0)
    for (Point& point : points) point.z = in.next<double>();
  if ((flags & 2) != 0)
    for (Point& point : points) point.m = in.next<double>();
  std::vector<std::size_t> starts = {0};
  if (!single) {
    auto const figures = static_cast<std::size_t>(in.next<std::int32_t>());
    if (in.failed() || figures > in.left() / 5) return std::nullopt;
    starts.clear();
    for (std::size_t i = 0; i < figures; ++i) {
      (void)in.next<std::uint8_t>();
      starts.push_back(static_cast<std::size_t>(in.next<std::int32_t>()));
    }
    (void)in.next<std::int32_t>(), (void)in.next<std::int32_t>(), (void)in.next<std::int32_t>();
    shape.kind = in.next<std::uint8_t>();
  }
  starts.push_back(points.size());
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    if (starts[i] > starts[i + 1] || starts[i + 1] > points.size()) return std::nullopt;
    shape.rings.emplace_back(points.begin() + static_cast<std::ptrdiff_t>(starts[i]),
                             points.begin() + static_cast<std::ptrdiff_t>(starts[i + 1]));
  }
  return in.failed() ? std::nullopt : std::optional(shape);
}

std::string wkt(Shape const& shape, bool with_zm) {
  constexpr char const* kKinds[] = {"POINT", "LINESTRING", "POLYGON"};
  std::string text = fmt::format("{} ", kKinds[shape.kind - 1]);
  if (shape.kind == 3) text += "(";
  for (std::size_t r = 0; r < shape.rings.size(); ++r) {
    text += r == 0 ? "(" : ", (";
    for (std::size_t i = 0; i < shape.rings[r].size(); ++i) {
      Point const& point = shape.rings[r][i];
      if (i > 0) text += ", ";
      text += fmt::format("{} {}", point.x, point.y);
      if (with_zm && (!std::isnan(point.z) || !std::isnan(point.m)))
        text += std::isnan(point.z) ? " NULL" : fmt::format(" {}", point.z);
      if (with_zm && !std::isnan(point.m)) text += fmt::format(" {}", point.m);
    }
    text += ")";
  }
  return shape.kind == 3 ? text + ")" : text;
}

// ISO WKB, little-endian; Z adds 1000 to the type, M 2000.
std::string wkb(Shape const& shape, bool with_zm) {
  bool const z = with_zm && shape.has(&Point::z), m = with_zm && shape.has(&Point::m);
  std::string out;
  append(out, std::uint8_t{1});
  append(out, static_cast<std::uint32_t>(shape.kind + (z ? 1000 : 0) + (m ? 2000 : 0)));
  if (shape.kind == 3) append(out, static_cast<std::uint32_t>(shape.rings.size()));
  for (auto const& ring : shape.rings) {
    if (shape.kind != 1) append(out, static_cast<std::uint32_t>(ring.size()));
    for (Point const& point : ring) {
      append(out, point.x);
      append(out, point.y);
      if (z) append(out, point.z);
      if (m) append(out, point.m);
    }
  }
  return out;
}

SqlError clr_error(std::string_view reason) {
  return sql_error(
      6522, 16,
      fmt::format("A .NET Framework error occurred during execution of user-defined routine or aggregate: {}", reason));
}

}  // namespace

Outcome udt_parse(std::string_view text, TypeId type, Value& out) {
  std::string bytes;
  if (type == TypeId::HierarchyId) {
    auto parsed = hierarchy_bytes(text);
    if (!parsed)
      return clr_error(
          fmt::format("hierarchyid::Parse failed because the input string '{}' is not a valid string representation of "
                      "a SqlHierarchyId node.",
                      text));
    bytes = std::move(*parsed);
  } else {
    auto shape = WktParser(trim(text)).parse();
    if (!shape) return clr_error(fmt::format("the well-known text '{}' is not valid.", text));
    if (shape->srid == 0 && type == TypeId::Geography) shape->srid = 4326;
    bytes = shape_bytes(*shape, type);
  }
  out.type = type;
  out.null = false;
  out.bytes = std::move(bytes);
  return {};
}

std::string udt_text(Value const& value) {
  int level = 0;
  if (value.type == TypeId::HierarchyId) return hierarchy_text(value.bytes, level);
  auto const shape = shape_of(value);
  return shape ? wkt(*shape, true) : "";
}

SqlType udt_method_type(TypeId type, std::string_view method) {
  std::string const name = to_lower(method);
  if (name == "getlevel") return make_type(TypeId::SmallInt);
  if (name == "stsrid") return make_type(TypeId::Int);
  if (name == "asbinaryzm" || name == "stasbinary") return make_type(TypeId::VarBinary, -1);
  return nvarchar(type == TypeId::HierarchyId ? 4000 : -1);
}

Outcome udt_method(Value const& value, std::string_view method, Value& out) {
  std::string const name = to_lower(method);
  bool const hierarchy = value.type == TypeId::HierarchyId;
  bool const spatial = value.type == TypeId::Geography || value.type == TypeId::Geometry;
  bool const known = name == "tostring"   ? hierarchy || spatial
                     : name == "getlevel" ? hierarchy
                                          : spatial && (name == "stastext" || name == "stasbinary" ||
                                                        name == "asbinaryzm" || name == "stsrid" || name == "astextzm");
  if (!known)
    return sql_error(6506, 16,
                     fmt::format("Could not find method '{}' for type 'Microsoft.SqlServer.Types.{}' in assembly "
                                 "'Microsoft.SqlServer.Types'",
                                 method, udt_class(value.type)),
                     10);
  if (value.null) {
    out = null_value(udt_method_type(value.type, method).id);
    return {};
  }
  if (hierarchy) {
    int level = 0;
    std::string const text = hierarchy_text(value.bytes, level);
    out = name == "getlevel" ? int_value(level, TypeId::SmallInt) : text_value(text);
    return {};
  }
  auto const shape = shape_of(value);
  if (!shape) return clr_error("the spatial value is not one that this server can read.");
  if (name == "stsrid")
    out = int_value(shape->srid);
  else if (name == "asbinaryzm" || name == "stasbinary")
    out = binary_value(wkb(*shape, name == "asbinaryzm"));
  else
    out = text_value(wkt(*shape, name != "stastext"));
  return {};
}

std::string_view udt_class(TypeId type) {
  return type == TypeId::HierarchyId ? "SqlHierarchyId" : type == TypeId::Geography ? "SqlGeography" : "SqlGeometry";
}

std::string_view udt_assembly() {
  return "Microsoft.SqlServer.Types, Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91";
}

}  // namespace weir::tds
