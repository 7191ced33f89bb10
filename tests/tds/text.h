#pragma once
// Text as SQL Server holds it: UTF-16LE bytes for n-types, code-page bytes for char/varchar, and the collations that
// name the code page. Program text (SQL, YAML) is UTF-8, where a lone surrogate is kept in its three-byte form. Pure;
// any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tds {

// Lives for ever once found; compare by pointer.
struct Collation {
  std::string name;
  std::uint32_t lcid = 0x0409;
  std::uint8_t sort_id = 0;
  std::uint8_t version = 0;
  int code_page = 1252;  // 65001 for UTF-8 collations
  bool ignore_case = true;
  bool ignore_accent = false;
  bool binary = false;  // _BIN and _BIN2
  bool binary2 = false;

  // The five bytes of MS-TDS 2.2.5.1.2.
  void append_wire(std::uint8_t (&out)[5]) const;
};

// By name, ASCII case ignored; nothing if no such collation is known.
Collation const* find_collation(std::string_view name);
Collation const* default_collation();  // SQL_Latin1_General_CP1_CI_AS
// The names that find_collation knows a language for, for sys.fn_helpcollations.
std::vector<std::string> collation_languages();

std::string to_utf16(std::string_view utf8);
std::string to_utf8(std::string_view utf16);
// A character that the code page does not have becomes '?'; a byte that it does not define becomes U+FFFD.
std::string to_code_page(std::string_view utf16, int code_page);
std::string from_code_page(std::string_view bytes, int code_page);
// Up to `bytes` of code-page text, never half a character of a double-byte page.
std::string cut_code_page(std::string_view text, std::size_t bytes, int code_page);

// UTF-16 text folded so that equal under the collation means equal bytes; blanks at the end are dropped, as SQL Server
// compares. Order of folded text: code unit after folding, which is the real order for ASCII only.
std::string fold(std::string_view utf16, Collation const& collation);

}  // namespace weir::tds
