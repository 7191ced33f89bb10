#include "base/test_hooks.h"

#if defined(WEIR_TEST_HOOKS)

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"

namespace weir {

void crash_point(char const* label) {
  static char const* const wanted = std::getenv("WEIR_CRASH_AT");
  static std::atomic<int> passed = 0;
  if (wanted == nullptr) return;
  std::string_view name = wanted;
  int at = 1;
  if (auto const colon = name.find(':'); colon != std::string_view::npos) {
    at = static_cast<int>(parse_int(name.substr(colon + 1)).value_or(1));
    name = name.substr(0, colon);
  }
  if (name == label && ++passed == at) raise(SIGKILL);
}

}  // namespace weir

#endif
