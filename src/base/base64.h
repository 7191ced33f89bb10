#pragma once
// Base64 of RFC 4648, section 4. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

namespace weir {

std::string base64(std::string_view bytes);
// Nothing if it is none; what fills up the last group of four may be missing.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace weir
