#pragma once
// Texts that nobody can guess, and comparing what somebody says with one. Any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

// So many bytes of the operating system's generator (getrandom(2), through arc4random_buf(3)) as lower-case hex.
std::string random_hex(std::size_t bytes);

// In a time that does not tell where they differ.
bool same_token(std::string_view a, std::string_view b);

}  // namespace weir
