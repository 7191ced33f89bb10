#pragma once
// JSON that comes from elsewhere, read without trusting what it holds. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"

namespace weir {

// A member of an object; "", 0 or false where it is missing or of another kind.
std::string text_at(nlohmann::ordered_json const& object, std::string_view key);
std::int64_t number_at(nlohmann::ordered_json const& object, std::string_view key);
bool flag_at(nlohmann::ordered_json const& object, std::string_view key);

// RFC 3339; null where there is none.
nlohmann::ordered_json json_time(std::optional<Instant> const& at);

// On one line; what is no UTF-8 is replaced.
std::string json_line(nlohmann::ordered_json const& json);
// null where the text is no JSON.
nlohmann::ordered_json parse_json(std::string_view text);

}  // namespace weir
