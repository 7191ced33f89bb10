#include "base/embedded.h"

#include <cstdio>
#include <cstdlib>

namespace {
struct Entry {
  char const* name;
  char const* begin;
  char const* end;
};
}  // namespace

extern "C" Entry const weir_embedded_table[];  // made by weir_embed() in tools/cmake/WeirFolders.cmake

namespace weir {

std::string_view embedded_file(std::string_view path) {
  for (Entry const* entry = weir_embedded_table; entry->name != nullptr; ++entry)
    if (path == entry->name) return {entry->begin, static_cast<std::size_t>(entry->end - entry->begin)};
  std::fprintf(stderr, "weir: internal error: no embedded file %.*s\n", static_cast<int>(path.size()), path.data());
  std::abort();
}

std::vector<std::string_view> embedded_files(std::string_view prefix) {
  std::vector<std::string_view> names;
  for (Entry const* entry = weir_embedded_table; entry->name != nullptr; ++entry)
    if (std::string_view(entry->name).starts_with(prefix)) names.emplace_back(entry->name);
  return names;
}

}  // namespace weir
