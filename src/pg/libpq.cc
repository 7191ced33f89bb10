#include "pg/libpq.h"

#include <dlfcn.h>

#include <string>

namespace weir::pg {

#define WEIR_DEFINE(function) decltype(::function)* function = nullptr;
WEIR_LIBPQ_FUNCTIONS(WEIR_DEFINE)
#undef WEIR_DEFINE

namespace {

// Why it cannot be used; "" = it can.
std::string load() {
  void* const library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dlerror();
#define WEIR_FIND(function) \
  if (function = reinterpret_cast<decltype(function)>(dlsym(library, #function)); function == nullptr) return dlerror();
  WEIR_LIBPQ_FUNCTIONS(WEIR_FIND)
#undef WEIR_FIND
  return "";
}

}  // namespace

Status need_libpq() {
  static std::string const problem = load();
  if (problem.empty()) return {};
  return Error(ErrorKind::Config, "cannot connect to PostgreSQL: libpq cannot be used")
      .cause(problem)
      .state("nothing changed")
      .next("install libpq (Debian: libpq5)");
}

}  // namespace weir::pg
