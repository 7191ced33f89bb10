#pragma once
// Hooks for fault tests: compiled to nothing unless WEIR_TEST_HOOKS is on (the dev and tsan presets), never in a
// release.
//
// crash_point("kL7"): if the environment says WEIR_CRASH_AT=kL7 (or kL7:3 for its third passing), the process kills
// itself there with SIGKILL. The labels are those of docs/faults.md.

namespace weir {

#if defined(WEIR_TEST_HOOKS)
void crash_point(char const* label);
#else
inline void crash_point(char const*) {}
#endif

}  // namespace weir
