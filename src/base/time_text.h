#pragma once
// Instants as people and programs read them. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir {

std::string utc_text(Instant at);      // 2026-11-27 03:00:04
std::string utc_text_ms(Instant at);   // 2026-11-27 03:00:04.120
std::string iso_text(Instant at);      // 2026-11-27T03:00:04Z, RFC 3339
std::string compact_time(Instant at);  // 20261127T030004Z, for names of files
// Of these forms, with or without a part of a second and the Z, and of a mere day. Nothing if it is none, or no day of
// the calendar.
std::optional<Instant> parse_utc(std::string_view text);

}  // namespace weir
