#pragma once
// The program's version, given by the build.

namespace weir::app {

#if !defined(WEIR_VERSION)
#define WEIR_VERSION "0"
#endif
inline constexpr char const* kVersion = WEIR_VERSION;
#if defined(WEIR_TEST_HOOKS)
inline constexpr bool kTestHooks = true;
#else
inline constexpr bool kTestHooks = false;
#endif

}  // namespace weir::app
