#pragma once
// UTF-8 to UTF-16 and back, for ODBC's W entry points (SQLWCHAR has two bytes in unixODBC). What is ill-formed becomes
// U+FFFD. Pure.

#include <string>
#include <string_view>

namespace weir::odbc {

std::u16string to_utf16(std::string_view utf8);
std::string to_utf8(std::u16string_view utf16);

}  // namespace weir::odbc
