# Compiler flags for every target of the project: warnings are errors, and the hardening of a program that
# holds other people's passwords.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 under -O2 and sanitizers; clang checks the same code without them.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  if(WEIR_UNITY)
    add_compile_options(-Wno-subobject-linkage)  # there no file is the main one
  endif()
  # Collecting garbage between functions costs g++ 7 % of its time, and saves memory that there is.
  add_compile_options("SHELL:--param ggc-min-heapsize=1000000")
else()
  # -Wsign-conversion is not part of g++'s -Wconversion: both compilers ask for the same.
  add_compile_options(-Wthread-safety -Wno-sign-conversion -Wno-gnu-zero-variadic-macro-arguments)
endif()

if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
endif()
if(WEIR_SANITIZE STREQUAL "address,undefined")
  # At a fixed address: the sanitizers' tables hold millions of pointers, and each start of a program relocated them all.
  # Address sanitizer tells a null pointer's use by itself; both checks share the code at each access, a third of all.
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
  add_compile_options(-fno-pie -fno-sanitize=null,alignment)
  add_link_options(-no-pie)
else()
  add_link_options(-pie)
endif()
if(WEIR_TEST_HOOKS)
  add_compile_definitions(WEIR_TEST_HOOKS=1)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
