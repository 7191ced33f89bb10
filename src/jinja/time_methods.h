#pragma once
// Methods and classes of the datetime family.

#include "jinja/attributes.h"

namespace weir::jinja {

std::span<MethodEntry const> date_methods();
std::span<MethodEntry const> time_methods();
std::span<MethodEntry const> date_time_methods();
std::span<MethodEntry const> time_delta_methods();
std::span<MethodEntry const> decimal_methods();  // of Decimal

Outcome<std::string> format_time(State& state, Value const& value, std::string_view format);  // strftime
// datetime.strptime(text, format)
Outcome<Value> parse_time(State& state, std::string_view text, std::string_view format);
Value zone_utc();                                               // datetime.timezone.utc
Outcome<Value> fixed_zone(std::int64_t offset_us, Value name);  // datetime.timezone(offset, name)
std::int64_t now_us();                                          // since 0001-01-01, UTC
std::int64_t local_offset_us(std::int64_t utc_us);              // of this machine's zone

inline constexpr std::int64_t kEpochUs = 719162LL * 86'400'000'000;  // 1970-01-01, since 0001-01-01

}  // namespace weir::jinja
