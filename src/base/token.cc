#include "base/token.h"

#include <cstdlib>
#include <vector>

#include <fmt/format.h>

namespace weir {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> drawn(bytes);
  arc4random_buf(drawn.data(), drawn.size());
  return fmt::format("{:02x}", fmt::join(drawn, ""));
}

bool same_token(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace weir
