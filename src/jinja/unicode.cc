#include "jinja/unicode.h"

#include <utf8proc.h>

namespace weir::jinja {

namespace {

utf8proc_category_t category(std::uint32_t character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::string map_characters(std::string_view text, utf8proc_int32_t (*map)(utf8proc_int32_t)) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();)
    append_character(out, static_cast<std::uint32_t>(map(static_cast<utf8proc_int32_t>(next_character(text, at)))));
  return out;
}

}  // namespace

void append_character(std::string& out, std::uint32_t character) {
  if (character < 0x80) {
    out += static_cast<char>(character);
  } else if (character < 0x800) {
    out += static_cast<char>(0xC0 | (character >> 6));
    out += static_cast<char>(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    out += static_cast<char>(0xE0 | (character >> 12));
    out += static_cast<char>(0x80 | ((character >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (character & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (character >> 18));
    out += static_cast<char>(0x80 | ((character >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((character >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (character & 0x3F));
  }
}

std::uint32_t next_character(std::string_view text, std::size_t& at) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const lead = byte(at);
  std::size_t const length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 1) return ++at, lead;
  if (length == 0 || at + length > text.size()) return ++at, 0xFFFD;
  std::uint32_t character = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[at + i])) return ++at, 0xFFFD;
    character = (character << 6) | (byte(at + i) & 0x3FU);
  }
  if ((length == 3 && character < 0x800) || (length == 4 && (character < 0x10000 || character > 0x10FFFF)))
    return ++at, 0xFFFD;
  at += length;
  return character;
}

bool is_ascii(std::string_view text) {
  unsigned char any = 0;
  for (char c : text) any |= static_cast<unsigned char>(c);
  return any < 0x80;
}

std::size_t count_characters(std::string_view text) {
  if (is_ascii(text)) return text.size();
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) next_character(text, at);
  return count;
}

std::size_t byte_of_character(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_character(text, at);
  return at;
}

std::vector<std::uint32_t> characters(std::string_view text) {
  std::vector<std::uint32_t> out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out.push_back(next_character(text, at));
  return out;
}

std::string from_characters(std::vector<std::uint32_t> const& characters) {
  std::string out;
  out.reserve(characters.size());
  for (auto character : characters) append_character(out, character);
  return out;
}

bool is_space(std::uint32_t character) {
  if (character < 0x80) return (character >= 9 && character <= 13) || (character >= 0x1C && character <= 0x20);
  auto const kind = category(character);
  return character == 0x85 || kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
         kind == UTF8PROC_CATEGORY_ZP;
}

bool is_printable(std::uint32_t character) {
  if (character < 0x80) return character >= 0x20 && character != 0x7F;
  switch (category(character)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alpha(std::uint32_t character) {
  auto const kind = category(character);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(std::uint32_t character) {
  return category(character) == UTF8PROC_CATEGORY_ND;
}

bool is_alnum(std::uint32_t character) {
  auto const kind = category(character);
  return is_alpha(character) || kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
         kind == UTF8PROC_CATEGORY_NO;
}

bool is_upper(std::uint32_t character) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(character)) != 0;
}
bool is_lower(std::uint32_t character) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(character)) != 0;
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const character = next_character(text, at);
    if (character == 0xDF) {
      out += "SS";  // the one everyday letter whose capital form is two
    } else if (character < 0x80) {
      out += character >= 'a' && character <= 'z' ? static_cast<char>(character - 32) : static_cast<char>(character);
    } else {
      append_character(out, static_cast<std::uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(character))));
    }
  }
  return out;
}

std::string to_lower(std::string_view text) {
  if (!is_ascii(text)) {
    std::string lower = map_characters(text, utf8proc_tolower);
    for (std::size_t at = 0;
         (at = text.find("\u0130", at)) != std::string_view::npos;) {  // its small form is two characters
      lower.clear();
      for (at = 0; at < text.size();) {
        std::uint32_t const c = next_character(text, at);
        if (c == 0x130)
          lower += "i\u0307";
        else
          append_character(lower, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
      }
    }
    return lower;
  }
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    auto const character = static_cast<utf8proc_int32_t>(next_character(text, at));
    if (character == 0xDF && !inside) {
      out += "Ss";
    } else {
      auto const mapped = inside ? utf8proc_tolower(character) : utf8proc_totitle(character);
      append_character(out, static_cast<std::uint32_t>(mapped));
    }
    inside = is_upper(static_cast<std::uint32_t>(character)) || is_lower(static_cast<std::uint32_t>(character)) ||
             category(static_cast<std::uint32_t>(character)) == UTF8PROC_CATEGORY_LT;
  }
  return out;
}

std::string casefold(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t const character = next_character(text, at);
    if (character == 0xDF)
      out += "ss";
    else
      append_character(out, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
  }
  return out;
}

std::string_view lstrip(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t after = at;
    if (!is_space(next_character(text, after))) break;
    at = after;
  }
  return text.substr(at);
}

std::string_view rstrip(std::string_view text) {
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && is_continuation(text[begin]) && text.size() - begin < 4) --begin;
    std::size_t after = begin;
    if (!is_space(next_character(text, after)) || after != text.size()) break;
    text = text.substr(0, begin);
  }
  return text;
}

std::string_view strip(std::string_view text) {
  return rstrip(lstrip(text));
}

}  // namespace weir::jinja
