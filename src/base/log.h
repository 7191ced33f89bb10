#pragma once
// What weir tells the person at the terminal besides its data: one line a message on standard error, secrets masked.
// Nothing here is product data (attempt logs, events). Thread-safe.

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace weir {

enum class LogLevel { Error, Info, Step, Sql };  // -q, default, -v, -vv

void set_log_level(LogLevel level);
bool logs(LogLevel level);
// Writes one line; control characters of `text` are escaped, so that no message can forge another one.
void write_log(LogLevel level, std::string_view text);

template <typename... Args>
void log_step(fmt::format_string<Args...> format, Args&&... args) {
  if (logs(LogLevel::Step)) write_log(LogLevel::Step, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (logs(LogLevel::Info)) write_log(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace weir
