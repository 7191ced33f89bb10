#pragma once
// Single-byte code pages of SQL Server's collations (the Windows ANSI pages, and 437 and 850 of the oldest collations):
// code points of the bytes 0x80..0xff, 0 where the page defines none. Constant; any thread. The tables were made by
// tools/code_pages with the C library's iconv.

#include <array>

namespace weir::source {

// Nothing for a page that is not single-byte (932, 936, 949, 950, 65001) or not known.
std::array<char16_t, 128> const* single_byte_code_page(int code_page);

}  // namespace weir::source
