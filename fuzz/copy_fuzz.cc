// COPY BINARY rows: whatever values come in, the bytes are whole rows by PostgreSQL's rules (docs, COPY "Binary
// Format"), texts are UTF-8 without NUL, and numerics say the number that was written. Read by a decoder that shares no
// code with the encoder.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fuzz.h"
#include "source/copy_encode.h"

namespace {

class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  bool empty() const { return rest_.empty(); }
  std::string_view take(std::size_t size) {
    auto const part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (unsigned char c : take(size)) value = value << 8 | c;
    return value;
  }

 private:
  std::string_view rest_;
};

// A numeric field as text, without a needless zero: sign, digits, point, exactly `dscale` digits.
std::string decode_numeric(std::string_view field) {
  Bytes in(field);
  FUZZ_CHECK(field.size() >= 8 && field.size() % 2 == 0);
  auto const groups = in.number(2);
  auto const weight = static_cast<std::int16_t>(in.number(2));
  auto const sign = in.number(2);
  auto const dscale = in.number(2);
  FUZZ_CHECK(field.size() == 8 + 2 * groups);
  if (sign == 0xC000) return "NaN";
  if (sign == 0xD000) return "Infinity";
  if (sign == 0xF000) return "-Infinity";
  FUZZ_CHECK(sign == 0 || sign == 0x4000);
  FUZZ_CHECK(dscale <= 0x3FFF);
  std::string whole, fraction;
  for (int i = 0; i > weight + 1 && i > -200; --i) fraction += "0000";
  for (std::uint64_t i = 0; i < groups; ++i) {
    auto const group = in.number(2);
    FUZZ_CHECK(group < 10000);
    FUZZ_CHECK(group != 0 || (i != 0 && i + 1 != groups));  // leading and trailing zero groups are not stored
    auto digits = std::to_string(group);
    digits.insert(0, 4 - digits.size(), '0');
    (static_cast<std::int64_t>(i) <= weight ? whole : fraction) += digits;
  }
  for (auto i = static_cast<std::int64_t>(groups); groups > 0 && i <= weight; ++i) whole += "0000";
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (fraction.size() > dscale) {
    FUZZ_CHECK(fraction.find_first_not_of('0', dscale) == std::string::npos);  // no digit is hidden behind the scale
    fraction.resize(dscale);
  }
  fraction.append(dscale - fraction.size(), '0');
  return (sign == 0x4000 ? "-" : "") + (whole.empty() ? "0" : whole) + (dscale > 0 ? "." + fraction : "");
}

std::string numeric_as_text(bool negative, weir::source::uint128 magnitude, int scale) {
  std::string digits;
  bool const zero = magnitude == 0;
  for (; magnitude != 0; magnitude /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
  if (digits.size() <= static_cast<std::size_t>(scale))
    digits.insert(0, static_cast<std::size_t>(scale) + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
  return (negative && !zero ? "-" : "") + digits;
}

struct Expected {
  bool is_text = false, is_numeric = false, is_null = false;
  std::size_t size = 0;  // where it is fixed
  std::string numeric;   // "" = any
};

bool is_plain_decimal(std::string_view text) {
  auto const digits = text.substr(text.starts_with('-') ? 1 : 0);
  return !digits.empty() && digits.size() < 60 && digits.front() != '.' && digits.back() != '.' &&
         std::count(digits.begin(), digits.end(), '.') <= 1 &&
         digits.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Writes one field as the input says. Nothing if the encoder refused and wrote nothing.
bool write_field(weir::source::RowBuilder& row, Bytes& in, Expected& expected) {
  weir::source::TypePolicies policies;
  auto const kind = in.number(1) % 10;
  auto const choice = in.number(1);
  policies.nul = static_cast<weir::source::BadText>(choice % 3);
  policies.surrogate = static_cast<weir::source::BadText>(choice / 3 % 3);
  policies.code_page = static_cast<weir::source::BadText>(choice / 9 % 3);
  auto const before = row.size();
  auto const value = in.take(in.number(1));
  std::array<char16_t, 128> upper{};
  for (std::size_t i = 0; i < upper.size(); i += 2) upper[i] = static_cast<char16_t>(0xA0 + i);
  auto text_written = [&](weir::source::TextCounts const& counts) {
    expected.is_text = true;
    FUZZ_CHECK(!counts.failed || row.size() == before);
    return !counts.failed;
  };
  switch (kind) {
    case 0:
      row.null();
      expected.is_null = true;
      return true;
    case 1:
      row.int8(static_cast<std::int64_t>(choice) * -7);
      expected.size = 8;
      return true;
    case 2: {
      bool const done = row.uuid_text(value);
      expected.size = 16;
      FUZZ_CHECK(done || row.size() == before);
      return done;
    }
    case 3: {
      weir::source::uint128 magnitude = 0;
      for (unsigned char c : value.substr(0, 16)) magnitude = magnitude << 8 | c;
      magnitude %=
          static_cast<weir::source::uint128>(10'000'000'000'000'000'000u) * 10'000'000'000'000'000'000u;  // 38 digits
      int const scale = static_cast<int>(choice % 39);
      row.numeric(choice >= 128, magnitude, scale);
      expected.is_numeric = true;
      expected.numeric = numeric_as_text(choice >= 128, magnitude, scale);
      return true;
    }
    case 4: {
      bool const done = row.numeric_text(value);
      FUZZ_CHECK(done || row.size() == before);
      expected.is_numeric = true;
      if (is_plain_decimal(value)) {
        FUZZ_CHECK(done);
        auto const negative = value.starts_with('-');
        auto digits = std::string(value.substr(negative ? 1 : 0));
        auto const point = std::min(digits.find('.'), digits.size());
        auto const zeros = std::min(digits.find_first_not_of('0'), point == 0 ? 0 : point - 1);
        bool const zero = digits.find_first_not_of("0.") == std::string::npos;
        expected.numeric = (negative && !zero ? "-" : "") + digits.substr(std::min(zeros, point - 1));
      }
      return done;
    }
    case 5:
      row.raw(value);
      expected.size = value.size();
      return true;
    case 6:
      return text_written(row.utf16(value.data(), value.size(), policies));
    case 7:
      return text_written(row.code_page(value, upper, policies));
    case 8:
      return text_written(row.utf8(value, policies));
    default:
      row.boolean(choice % 2 == 1);
      expected.size = 1;
      return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  Bytes in({reinterpret_cast<char const*>(data), size});
  std::string bytes;
  std::vector<std::vector<Expected>> rows;
  {
    weir::source::RowBuilder builder(bytes);
    while (!in.empty()) {
      std::size_t const fields = in.number(1) % 6, begin = builder.size();
      std::vector<Expected> row(fields);
      builder.begin_row(fields);
      bool const whole =
          std::all_of(row.begin(), row.end(), [&](Expected& field) { return write_field(builder, in, field); });
      if (whole)
        rows.push_back(std::move(row));
      else
        builder.cut(begin);
    }
    builder.finish();
  }
  Bytes out(bytes);
  for (auto const& row : rows) {
    FUZZ_CHECK(out.number(2) == row.size());
    for (auto const& field : row) {
      auto const length = out.number(4);
      FUZZ_CHECK(field.is_null == (length == 0xffffffffu));
      if (field.is_null) continue;
      auto const value = out.take(length);
      FUZZ_CHECK(value.size() == length);
      if (field.is_text)
        FUZZ_CHECK(weir::is_utf8(value) && value.find('\0') == std::string_view::npos);
      else if (!field.is_numeric)
        FUZZ_CHECK(length == field.size);
      else if (auto const text = decode_numeric(value); !field.numeric.empty())
        FUZZ_CHECK(text == field.numeric);
    }
  }
  FUZZ_CHECK(out.empty());
  return 0;
}
