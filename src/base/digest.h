#pragma once
// Digests as lower-case hex. Pure; any thread.

#include <string>
#include <string_view>

namespace weir {

std::string sha256_hex(std::string_view data);
std::string sha1_hex(std::string_view data);
std::string md5_hex(std::string_view data);  // as sha1, for what other programs make the same way; never for safety
std::string hmac_sha256(std::string_view key, std::string_view data);  // RFC 2104; the 32 bytes themselves

}  // namespace weir
