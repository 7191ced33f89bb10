// Any bytes are a YAML tree whose places lie in the text, or an error that says where.

#include <string>

#include "fuzz.h"
#include "yaml/node.h"

namespace {

void check_places(weir::yaml::Node const& node, int lines, int depth) {
  FUZZ_CHECK(depth <= 120);
  FUZZ_CHECK(node.mark.line >= 0 && node.mark.line <= lines);
  FUZZ_CHECK(node.is_scalar() == (node.items.empty() && node.entries.empty()) || !node.is_scalar());
  static_cast<void>(node.integer());
  static_cast<void>(node.number());
  static_cast<void>(node.mark.excerpt());
  for (auto const& item : node.items) check_places(*item, lines, depth + 1);
  for (auto const& entry : node.entries) {
    FUZZ_CHECK(entry.key->is_scalar());
    FUZZ_CHECK(node.find(entry.key->text) != nullptr);
    check_places(*entry.value, lines, depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  int lines = 1;
  for (char c : text) lines += c == '\n' || c == '\r' ? 1 : 0;
  weir::yaml::Options options;
  options.max_values = 2000;  // aliases that multiply are refused, not written out
  auto const tree = weir::yaml::parse("fuzz.yml", text, options);
  if (tree.ok()) {
    check_places(**tree, lines + 2, 0);
  } else {
    FUZZ_CHECK(tree.error().kind() == weir::ErrorKind::Config);
    FUZZ_CHECK(!tree.error().to_text().empty());
  }
  return 0;
}
