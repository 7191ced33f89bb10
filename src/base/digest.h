#pragma once
// Digests as lower-case hex. Pure; any thread.

#include <string>
#include <string_view>

namespace weir {

std::string sha256_hex(std::string_view data);
std::string md5_hex(std::string_view data);  // for names that other programs make the same way, never for safety

}  // namespace weir
