#include "base/log.h"

#include <atomic>
#include <cstdio>

#include "base/mutex.h"
#include "base/secret.h"

namespace weir {
namespace {

std::atomic<LogLevel> g_level = LogLevel::Info;
Mutex g_mutex;

std::string one_line(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void set_log_level(LogLevel level) {
  g_level = level;
}
bool logs(LogLevel level) {
  return level <= g_level.load();
}

void write_log(LogLevel level, std::string_view text) {
  if (!logs(level)) return;
  std::string const line = redact(one_line(text)) + "\n";
  MutexLock lock(g_mutex);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace weir
