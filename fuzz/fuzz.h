#pragma once
// What the targets share: a property that does not hold ends the program, so that the fuzzer keeps the input.

#include <cstdio>
#include <cstdlib>

#define FUZZ_CHECK(condition)                                                             \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

// libFuzzer's entry (LLVM docs, "libFuzzer: Fuzz Target").
extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size);
