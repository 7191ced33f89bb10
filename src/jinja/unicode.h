#pragma once
// UTF-8 as Python sees it: characters are code points. A lone surrogate, which Python's str may hold, is written in
// three bytes. Bytes that are no UTF-8 count as one character each (U+FFFD).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::jinja {

void append_character(std::string& out, std::uint32_t character);
// The character at `at`; moves `at` behind it.
std::uint32_t next_character(std::string_view text, std::size_t& at);
std::size_t count_characters(std::string_view text);
// The byte at which character `index` begins; the end where there are fewer.
std::size_t byte_of_character(std::string_view text, std::size_t index);
std::vector<std::uint32_t> characters(std::string_view text);
std::string from_characters(std::vector<std::uint32_t> const& characters);

bool is_space(std::uint32_t character);      // str.isspace
bool is_printable(std::uint32_t character);  // str.isprintable: what repr writes as it is
bool is_alpha(std::uint32_t character);
bool is_digit(std::uint32_t character);  // decimal digits of any script
bool is_alnum(std::uint32_t character);
bool is_upper(std::uint32_t character);
bool is_lower(std::uint32_t character);
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);
std::string casefold(std::string_view text);

// Without white space (Python's) at the ends.
std::string_view strip(std::string_view text);
std::string_view lstrip(std::string_view text);
std::string_view rstrip(std::string_view text);

bool is_ascii(std::string_view text);

}  // namespace weir::jinja
