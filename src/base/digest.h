#pragma once
// Digests as lower-case hex. Pure; any thread.

#include <string>
#include <string_view>

namespace weir {

std::string sha256_hex(std::string_view data);
std::string sha1_hex(std::string_view data);
std::string md5_hex(std::string_view data);  // as sha1, for what other programs make the same way; never for safety

}  // namespace weir
