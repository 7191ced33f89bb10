#include "base/test_hooks.h"

#if defined(WEIR_TEST_HOOKS)

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"

namespace weir {
namespace {

// The place that an environment variable names: `kL7`, or `kL7:3` for its third passing.
class Place {
 public:
  explicit Place(char const* variable) {
    char const* const text = std::getenv(variable);
    if (text == nullptr) return;
    std::string_view const wanted = text;
    auto const colon = wanted.find(':');
    label_ = wanted.substr(0, colon);
    if (colon != std::string_view::npos) left_ = static_cast<int>(parse_int(wanted.substr(colon + 1)).value_or(1));
  }
  bool is_reached(char const* label) { return label_ == label && --left_ == 0; }

 private:
  std::string label_;
  std::atomic<int> left_ = 1;
};

std::chrono::microseconds duration_of(char const* variable) {
  char const* const text = std::getenv(variable);
  return text == nullptr ? std::chrono::microseconds() : parse_duration(text).value_or(std::chrono::microseconds());
}

std::optional<std::uint64_t> number_of(char const* variable) {
  char const* const text = std::getenv(variable);
  auto const number = text == nullptr ? std::nullopt : parse_int(text);
  return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

}  // namespace

// WEIR_STOP_AT is for tests that act at that moment: the process goes on when it gets SIGCONT.
void crash_point(char const* label) {
  static Place crash("WEIR_CRASH_AT"), stop("WEIR_STOP_AT");
  if (crash.is_reached(label)) raise(SIGKILL);
  if (stop.is_reached(label)) raise(SIGSTOP);
}

std::chrono::microseconds test_lease() {
  return duration_of("WEIR_LEASE");
}

std::chrono::microseconds test_circuit_pause() {
  return duration_of("WEIR_CIRCUIT");
}

std::chrono::microseconds test_clock_ahead() {
  return duration_of("WEIR_CLOCK_AHEAD");
}

std::optional<std::uint64_t> test_file_system() {
  return number_of("WEIR_FILE_SYSTEM");
}

std::optional<std::uint64_t> test_template_steps() {
  return number_of("WEIR_TEMPLATE_STEPS");
}

}  // namespace weir

#endif
