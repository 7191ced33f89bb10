#pragma once
// Hooks for fault tests: compiled to nothing unless WEIR_TEST_HOOKS is on (the dev and tsan presets), never in a
// release.
//
// crash_point("kL7"): if the environment says WEIR_CRASH_AT=kL7 (or kL7:3 for its third passing), the process kills
// itself there with SIGKILL. The labels are those of docs/faults.md.
//
// WEIR_LEASE=2s: how long a worker has its jobs without a word, so that tests of workers that died take seconds.
// WEIR_CIRCUIT=1s: the first pause of a circuit that opened, likewise; its longest is ten times that.
// WEIR_CLOCK_AHEAD=5min: the machine's clock is so far ahead of what it says (base/clock_lead.h).
// WEIR_TEMPLATE_STEPS=500000: a template may take so many; the true limit takes minutes under sanitizers.
// WEIR_FILE_SYSTEM=26985: the file system of the state is of this kind, by its number (statfs(2)): NFS.

#include <chrono>
#include <cstdint>
#include <optional>

namespace weir {

#if defined(WEIR_TEST_HOOKS)
void crash_point(char const* label);
std::chrono::microseconds test_lease();  // 0: as always
std::chrono::microseconds test_circuit_pause();
std::chrono::microseconds test_clock_ahead();
std::optional<std::uint64_t> test_file_system();
std::optional<std::uint64_t> test_template_steps();
#else
inline void crash_point(char const*) {}
inline std::chrono::microseconds test_lease() {
  return {};
}
inline std::chrono::microseconds test_circuit_pause() {
  return {};
}
inline std::chrono::microseconds test_clock_ahead() {
  return {};
}
inline std::optional<std::uint64_t> test_file_system() {
  return {};
}
inline std::optional<std::uint64_t> test_template_steps() {
  return {};
}
#endif

}  // namespace weir
