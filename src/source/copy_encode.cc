#include "source/copy_encode.h"
#include "base/text.h"

#include <algorithm>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::source {
namespace {

using std::size_t;
using std::uint8_t;

std::uint16_t unit_at(char const* data, size_t index) {
  std::uint16_t unit;
  std::memcpy(&unit, data + 2 * index, 2);
  return unit;
}

char* put_utf8(char* at, char32_t code) {
  if (code < 0x80) {
    *at++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *at++ = static_cast<char>(0xc0 | (code >> 6));
    *at++ = static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *at++ = static_cast<char>(0xe0 | (code >> 12));
    *at++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    *at++ = static_cast<char>(0x80 | (code & 0x3f));
  } else {
    *at++ = static_cast<char>(0xf0 | (code >> 18));
    *at++ = static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    *at++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    *at++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  return at;
}

// What stands for a value that cannot be kept.
char* put_bad(char* at, BadText policy, bool& failed) {
  if (policy == BadText::Fail) failed = true;
  if (policy == BadText::Replace) return put_utf8(at, 0xfffd);
  return at;
}

// Copies UTF-16 units 0x0001..0x007f from `index` on, in steps of eight; returns the index of the first that is not
// copied. `out` moves along; it must have room for one byte a unit.
size_t copy_ascii_units(char const* data, size_t index, size_t units, char*& out) {
#if defined(__SSE2__)
  __m128i const high = _mm_set1_epi16(static_cast<short>(0xff80));
  __m128i const zero = _mm_setzero_si128();
  while (units - index >= 8) {
    __m128i const eight = _mm_loadu_si128(reinterpret_cast<__m128i const*>(data + 2 * index));
    __m128i const is_ascii = _mm_cmpeq_epi16(_mm_and_si128(eight, high), zero);
    __m128i const is_zero = _mm_cmpeq_epi16(eight, zero);
    if (_mm_movemask_epi8(_mm_andnot_si128(is_zero, is_ascii)) != 0xffff) break;
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(eight, eight));
    index += 8;
    out += 8;
  }
#endif
  while (index < units) {
    std::uint16_t const unit = unit_at(data, index);
    if (unit - 1u >= 0x7fu) break;
    *out++ = static_cast<char>(unit);
    ++index;
  }
  return index;
}

// The same for bytes.
size_t copy_ascii_bytes(std::string_view text, size_t index, char*& out) {
#if defined(__SSE2__)
  while (text.size() - index >= 16) {
    __m128i const bytes = _mm_loadu_si128(reinterpret_cast<__m128i const*>(text.data() + index));
    if (_mm_movemask_epi8(bytes) != 0 || _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) != 0) break;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    index += 16;
    out += 16;
  }
#endif
  while (index < text.size()) {
    auto const byte = static_cast<uint8_t>(text[index]);
    if (byte - 1u >= 0x7fu) break;
    *out++ = text[index++];
  }
  return index;
}

char* put_utf16(char const* data, size_t size, TypePolicies const& policies, char* out, TextCounts& counts) {
  size_t const units = size / 2;
  size_t index = 0;
  while ((index = copy_ascii_units(data, index, units, out)) < units) {
    char32_t const unit = unit_at(data, index++);
    if (unit == 0) {
      ++counts.nul_characters;
      out = put_bad(out, policies.nul, counts.failed);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      out = put_utf8(out, unit);
    } else if (unit < 0xdc00 && index < units && (unit_at(data, index) & 0xfc00) == 0xdc00) {
      out = put_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (unit_at(data, index++) - 0xdc00u));
    } else {
      ++counts.surrogates;
      out = put_bad(out, policies.surrogate, counts.failed);
    }
  }
  if (size % 2 != 0) {
    ++counts.surrogates;
    out = put_bad(out, policies.surrogate, counts.failed);
  }
  return out;
}

// Length of the well-formed UTF-8 sequence at `index` (RFC 3629, 4), 0 if it is ill-formed.
size_t utf8_sequence(std::string_view text, size_t index) {
  auto const byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  auto const follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  uint8_t const lead = byte(index);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(index + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    bool const second = follows(index + 1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && follows(index + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    bool const second = follows(index + 1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return second && follows(index + 2) && follows(index + 3) ? 4 : 0;
  }
  return 0;
}

constexpr size_t kLongText = 64 * 1024;

// Room that a text can need as UTF-8, replacements included. Short ones are given the most there can be; for long ones
// it is worth counting, since memory that is asked for three times over may not be there.
size_t room_of_utf16(char const* data, size_t size) {
  size_t const units = size / 2;
  if (size <= kLongText) return units * 3 + 8;
  size_t bytes = 8;
  for (size_t i = 0; i < units; ++i) {
    unsigned const unit = unit_at(data, i);
    bytes += unit - 1 < 0x7f ? 1 : unit != 0 && unit < 0x800 ? 2 : 3;
  }
  return bytes + 16;
}

size_t room_of_bytes(std::string_view text) {
  if (text.size() <= kLongText) return text.size() * 3 + 16;
  size_t others = 0;
  for (char const c : text) others += static_cast<uint8_t>(c) - 1u < 0x7fu ? 0 : 1;
  return text.size() + 2 * others + 16;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes a run of digits from the front of `text`: the number, or nothing if there are fewer than `least` or more than
// `most`.
std::optional<int> take_number(std::string_view& text, size_t least, size_t most) {
  int number = 0;
  size_t count = 0;
  while (count < text.size() && count < most && is_digit(text[count])) number = number * 10 + (text[count++] - '0');
  if (count < least) return std::nullopt;
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_time_of_day(std::string_view& text, MomentText& moment) {
  auto const hour = take_number(text, 1, 2);
  if (!hour || !take(text, ':')) return false;
  auto const minute = take_number(text, 2, 2);
  if (!minute) return false;
  int second = 0;
  std::int64_t fraction = 0;
  if (take(text, ':')) {
    auto const seconds = take_number(text, 2, 2);
    if (!seconds) return false;
    second = *seconds;
    if (take(text, '.')) {
      size_t count = 0;
      for (; count < text.size() && is_digit(text[count]); ++count) {
        if (count < 6)
          fraction = fraction * 10 + (text[count] - '0');
        else if (text[count] != '0')
          moment.truncated = true;
      }
      text.remove_prefix(count);
      for (; count < 6; ++count) fraction *= 10;
    }
  }
  if (*hour > 24 || *minute > 59 || second > 59) return false;
  moment.us = ((*hour * 60LL + *minute) * 60 + second) * 1'000'000 + fraction;
  return moment.us <= kMicrosecondsPerDay;  // 24:00 exactly is a time of day in PostgreSQL too
}

bool take_offset(std::string_view& text, MomentText& moment) {
  if (take(text, 'Z')) return moment.offset_minutes = 0, true;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return true;
  int const sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  auto const hours = take_number(text, 2, 2);
  if (!hours) return false;
  take(text, ':');
  int minutes = 0;
  if (!text.empty()) {
    auto const rest = take_number(text, 2, 2);
    if (!rest) return false;
    minutes = *rest;
  }
  if (minutes > 59 || *hours > 23) return false;
  moment.offset_minutes = sign * (*hours * 60 + minutes);
  return true;
}

}  // namespace

std::string_view copy_binary_header() {
  static constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
  return {kHeader, 19};
}

std::string_view copy_binary_trailer() {
  return "\xff\xff";
}

void RowBuilder::grow(size_t bytes) {
  size_t const need = size_ + bytes;
  bytes_->resize(std::max({need, bytes_->capacity(), bytes_->size() + bytes_->size() / 2, size_t{4096}}));
}

void RowBuilder::uuid_mixed_endian(void const* bytes16) {
  static constexpr uint8_t kOrder[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  char* at = room(20);
  put32(at, 16);
  for (size_t i = 0; i < 16; ++i) at[4 + i] = static_cast<char const*>(bytes16)[kOrder[i]];
  size_ += 20;
}

bool RowBuilder::uuid_text(std::string_view text) {
  if (text.size() != 36) return false;
  std::array<uint8_t, 16> bytes{};
  size_t nibble = 0;
  for (size_t i = 0; i < 36; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return false;
      continue;
    }
    int const digit = hex_digit(text[i]);
    if (digit < 0) return false;
    bytes[nibble / 2] = static_cast<uint8_t>(bytes[nibble / 2] << 4 | digit);
    ++nibble;
  }
  uuid(bytes.data());
  return true;
}

void RowBuilder::numeric(bool negative, uint128 magnitude, int scale) {
  // Groups of four digits to base 10000, least significant first; the lowest is filled up with zeros to whole groups.
  std::uint16_t groups[12];
  int count = 0;
  int const fraction_groups = (scale + 3) / 4;
  bool const is_zero = magnitude == 0;
  int const odd = scale % 4;
  if (odd != 0) {
    static constexpr unsigned kPower[4] = {1, 10, 100, 1000};
    unsigned const low = static_cast<unsigned>(magnitude % kPower[odd]);
    groups[count++] = static_cast<std::uint16_t>(low * (10000 / kPower[odd]));
    magnitude /= kPower[odd];
  }
  while (magnitude > std::numeric_limits<std::uint64_t>::max()) {
    groups[count++] = static_cast<std::uint16_t>(magnitude % 10000);
    magnitude /= 10000;
  }
  for (auto rest = static_cast<std::uint64_t>(magnitude); rest != 0; rest /= 10000)
    groups[count++] = static_cast<std::uint16_t>(rest % 10000);
  int const weight = is_zero ? 0 : count - fraction_groups - 1;
  int first = 0;
  while (first < count && groups[first] == 0) ++first;

  int const digits = count - first;
  char* at = room(12 + 2 * static_cast<size_t>(digits));
  put32(at, 8 + 2 * static_cast<std::uint32_t>(digits));
  put16(at + 4, static_cast<std::uint16_t>(digits));
  put16(at + 6, static_cast<std::uint16_t>(weight));
  put16(at + 8, negative && !is_zero ? 0x4000 : 0x0000);
  put16(at + 10, static_cast<std::uint16_t>(scale));
  at += 12;
  for (int i = count - 1; i >= first; --i, at += 2) put16(at, groups[i]);
  size_ += 12 + 2 * static_cast<size_t>(digits);
}

bool RowBuilder::numeric_text(std::string_view text) {
  auto const special = [&](std::uint16_t sign) {
    char* at = room(12);
    put32(at, 8), put32(at + 4, 0), put16(at + 8, sign), put16(at + 10, 0);
    size_ += 12;
    return true;
  };
  if (text == "NaN") return special(0xc000);
  if (text == "Infinity") return special(0xd000);
  if (text == "-Infinity") return special(0xf000);

  bool const negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  size_t const whole = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view const integer = text.substr(0, whole);
  std::string_view fraction;
  text.remove_prefix(whole);
  if (take(text, '.')) {
    fraction = text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
    text.remove_prefix(fraction.size());
  }
  if (integer.empty() && fraction.empty()) return false;
  int exponent = 0;
  if (take(text, 'e') || take(text, 'E')) {
    bool const minus = !text.empty() && text.front() == '-';
    if (minus || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
    auto const number = take_number(text, 1, 6);
    if (!number) return false;
    exponent = minus ? -*number : *number;
  }
  if (!text.empty()) return false;

  if (exponent == 0 && integer.size() + fraction.size() <= 38) {
    uint128 magnitude = 0;
    for (char c : integer) magnitude = magnitude * 10 + static_cast<unsigned>(c - '0');
    for (char c : fraction) magnitude = magnitude * 10 + static_cast<unsigned>(c - '0');
    numeric(negative, magnitude, static_cast<int>(fraction.size()));
    return true;
  }

  // The long way: the digits with the point at `point`, in groups of four that stand on the point.
  std::string digits(integer);
  digits += fraction;
  long point = static_cast<long>(integer.size()) + exponent;
  long const scale = std::max(0L, static_cast<long>(fraction.size()) - exponent);
  size_t const leading = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, leading);
  point -= static_cast<long>(leading);
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  if (scale > 16383 || point > 131072) return false;
  if (digits.empty()) point = 0;
  long const pad = ((point % 4) + 4) % 4;
  digits.insert(0, static_cast<size_t>((4 - pad) % 4), '0');
  point += (4 - pad) % 4;
  while (digits.size() % 4 != 0) digits += '0';
  size_t const groups = digits.size() / 4;
  if (groups > 3000) return false;  // what numeric_recv takes
  char* at = room(12 + 2 * groups);
  put32(at, static_cast<std::uint32_t>(8 + 2 * groups));
  put16(at + 4, static_cast<std::uint16_t>(groups));
  put16(at + 6, static_cast<std::uint16_t>(groups == 0 ? 0 : point / 4 - 1));
  put16(at + 8, negative && groups != 0 ? 0x4000 : 0x0000);
  put16(at + 10, static_cast<std::uint16_t>(scale));
  for (size_t i = 0; i < groups; ++i) {
    int group = 0;
    for (size_t j = 0; j < 4; ++j) group = group * 10 + (digits[4 * i + j] - '0');
    put16(at + 12 + 2 * i, static_cast<std::uint16_t>(group));
  }
  size_ += 12 + 2 * groups;
  return true;
}

void RowBuilder::raw(std::string_view field) {
  char* at = room(4 + field.size());
  put32(at, static_cast<std::uint32_t>(field.size()));
  std::memcpy(at + 4, field.data(), field.size());
  size_ += 4 + field.size();
}

char* RowBuilder::begin_text(size_t most) {
  return room(4 + most) + 4;
}

TextCounts RowBuilder::end_text(char* end, TextCounts counts) {
  char* const begin = bytes_->data() + size_;
  auto const length = static_cast<size_t>(end - begin) - 4;
  if (counts.failed) return counts;
  put32(begin, static_cast<std::uint32_t>(length));
  size_ += 4 + length;
  return counts;
}

TextCounts RowBuilder::utf16(void const* data, size_t size, TypePolicies const& policies) {
  TextCounts counts;
  char* const out = begin_text(room_of_utf16(static_cast<char const*>(data), size));
  return end_text(put_utf16(static_cast<char const*>(data), size, policies, out, counts), counts);
}

TextCounts RowBuilder::code_page(std::string_view text, std::array<char16_t, 128> const& upper,
                                 TypePolicies const& policies) {
  TextCounts counts;
  char* out = begin_text(room_of_bytes(text));
  size_t index = 0;
  while ((index = copy_ascii_bytes(text, index, out)) < text.size()) {
    auto const byte = static_cast<uint8_t>(text[index++]);
    if (byte == 0) {
      ++counts.nul_characters;
      out = put_bad(out, policies.nul, counts.failed);
    } else if (char16_t const code = upper[byte & 0x7f]; code != 0) {
      out = put_utf8(out, code);
    } else {
      ++counts.code_page_bytes;
      out = put_bad(out, policies.code_page, counts.failed);
    }
  }
  return end_text(out, counts);
}

TextCounts RowBuilder::utf8(std::string_view text, TypePolicies const& policies) {
  TextCounts counts;
  char* out = begin_text(room_of_bytes(text));
  size_t index = 0;
  while ((index = copy_ascii_bytes(text, index, out)) < text.size()) {
    if (text[index] == '\0') {
      ++index;
      ++counts.nul_characters;
      out = put_bad(out, policies.nul, counts.failed);
    } else if (size_t const length = utf8_sequence(text, index); length != 0) {
      std::memcpy(out, text.data() + index, length);
      out += length;
      index += length;
    } else if (text.size() - index >= 3 && text[index] == '\xed' && (text[index + 1] & 0xe0) == 0xa0 &&
               (text[index + 2] & 0xc0) == 0x80) {
      index += 3;
      ++counts.surrogates;
      out = put_bad(out, policies.surrogate, counts.failed);
    } else {
      ++index;
      ++counts.code_page_bytes;
      out = put_bad(out, policies.code_page, counts.failed);
    }
  }
  return end_text(out, counts);
}

void RowBuilder::jsonb(std::string_view utf8_text) {
  char* at = room(5 + utf8_text.size());
  put32(at, static_cast<std::uint32_t>(1 + utf8_text.size()));
  at[4] = 1;
  std::memcpy(at + 5, utf8_text.data(), utf8_text.size());
  size_ += 5 + utf8_text.size();
}

std::int32_t days_since_2000(int year, unsigned month, unsigned day) {
  // Years begin in March here, so that the leap day is the last; eras of 400 years have 146097 days.
  std::int64_t const y = std::int64_t{year} - (month <= 2 ? 1 : 0);
  std::int64_t const era = (y >= 0 ? y : y - 399) / 400;
  std::int64_t const year_of_era = y - era * 400;
  std::int64_t const day_of_year = (153 * (std::int64_t{month} + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  std::int64_t const day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<std::int32_t>(era * 146097 + day_of_era - 730425);
}

std::optional<MomentText> parse_moment(std::string_view text) {
  MomentText moment;
  auto const year = take_number(text, 1, 6);
  if (!year || !take(text, '-')) return std::nullopt;
  auto const month = take_number(text, 1, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  auto const day = take_number(text, 1, 2);
  if (!day || *month < 1 || *month > 12 || *day < 1) return std::nullopt;
  static constexpr int kDays[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool const leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
  if (*day > kDays[*month - 1] - (*month == 2 && !leap ? 1 : 0)) return std::nullopt;
  moment.days = days_since_2000(*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day));
  if (take(text, ' ') || take(text, 'T')) {
    if (!take_time_of_day(text, moment)) return std::nullopt;
    if (take(text, ' ') && text.empty()) return std::nullopt;
    if (!take_offset(text, moment)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return moment;
}

std::optional<MomentText> parse_time_of_day(std::string_view text) {
  MomentText moment;
  if (!take_time_of_day(text, moment) || !text.empty()) return std::nullopt;
  return moment;
}

std::string utf8_of_utf16(void const* data, size_t size) {
  TextCounts counts;
  TypePolicies const policies{.nul = BadText::Replace, .surrogate = BadText::Replace};
  std::string text(size / 2 * 3 + 8, '\0');
  char* const end = put_utf16(static_cast<char const*>(data), size, policies, text.data(), counts);
  text.resize(static_cast<size_t>(end - text.data()));
  return text;
}

}  // namespace weir::source
