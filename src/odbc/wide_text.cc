#include "odbc/wide_text.h"

#include <cstddef>

namespace weir::odbc {
namespace {

// The code point at `index`, which moves behind it; U+FFFD for an ill-formed byte.
char32_t next_code_point(std::string_view text, std::size_t& index) {
  auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  unsigned const lead = byte(index++);
  if (lead < 0x80) return lead;
  unsigned const length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || lead >= 0xf5) return 0xfffd;
  char32_t code = lead & (0x7fu >> length);
  for (unsigned i = 1; i < length; ++i) {
    unsigned const next = byte(index + i - 1);
    if ((next & 0xc0) != 0x80) return 0xfffd;
    code = code << 6 | (next & 0x3f);
  }
  static constexpr char32_t kLeast[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0xfffd;
  index += length - 1;
  return code;
}

void append(std::string& text, char32_t code) {
  auto const put = [&](char32_t value) { text += static_cast<char>(value); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
  if (code < 0x10000) return put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
}

}  // namespace

std::u16string to_utf16(std::string_view utf8) {
  std::u16string wide;
  wide.reserve(utf8.size());
  for (std::size_t index = 0; index < utf8.size();) {
    char32_t const code = next_code_point(utf8, index);
    if (code < 0x10000) {
      wide += static_cast<char16_t>(code);
    } else {
      wide += static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10));
      wide += static_cast<char16_t>(0xdc00 + ((code - 0x10000) & 0x3ff));
    }
  }
  return wide;
}

std::string to_utf8(std::u16string_view utf16) {
  std::string text;
  text.reserve(utf16.size());
  for (std::size_t i = 0; i < utf16.size(); ++i) {
    char32_t code = utf16[i];
    if (code >= 0xd800 && code <= 0xdbff && i + 1 < utf16.size() && (utf16[i + 1] & 0xfc00) == 0xdc00) {
      code = 0x10000 + ((code - 0xd800) << 10) + (utf16[++i] - 0xdc00u);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      code = 0xfffd;
    }
    append(text, code);
  }
  return text;
}

}  // namespace weir::odbc
