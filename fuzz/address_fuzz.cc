// Addresses and networks: text that is one reads back, and an address is judged the same in every form that holds it.

#include <string>

#include <fmt/format.h>

#include "fuzz.h"
#include "http/address.h"

namespace {

using namespace weir::http;

void check_v4(std::uint32_t v4) {
  auto const text = fmt::format("{}.{}.{}.{}", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
  auto const address = Address::parse(text);
  FUZZ_CHECK(address && address->as_v4() == v4 && address->text() == text);
  auto const kind = kind_of(*address);
  for (auto const& form :
       {"::ffff:" + text, "64:ff9b::" + text, fmt::format("2002:{:x}:{:x}::1", v4 >> 16, v4 & 0xffff)}) {
    auto const other = Address::parse(form);
    FUZZ_CHECK(other && !other->is_v4() && kind_of(*other) == kind);
  }
  for (int bits = 0; bits <= 32; ++bits) {
    auto const network = Network::parse(fmt::format("{}/{}", text, bits));
    FUZZ_CHECK(network && network->contains(*address) && network->contains(*Address::parse("::ffff:" + text)));
    // The first bit behind the network may be turned, the last of it may not.
    if (bits < 32)
      FUZZ_CHECK(
          network->contains(*Address::parse(fmt::format("::ffff:{:x}:{:x}", (v4 ^ 1U) >> 16, (v4 ^ 1U) & 0xffff))));
    std::uint32_t const outside = bits == 0 ? v4 : v4 ^ 1U << (32 - bits);
    FUZZ_CHECK(network->contains(*Address::parse(fmt::format("::ffff:{:x}:{:x}", outside >> 16, outside & 0xffff))) ==
               (bits == 0));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  if (auto const address = Address::parse(text)) {
    FUZZ_CHECK(Address::parse(address->text()) == address);
    FUZZ_CHECK(!kind_name(kind_of(*address)).empty());
    auto const v4 = address->as_v4();
    if (!v4 && kind_of(*address) == AddressKind::Public) FUZZ_CHECK(address->high() >> 61 == 1);  // 2000::/3
    if (v4) check_v4(*v4);
  }
  if (auto const network = Network::parse(text)) {
    auto const again = Network::parse(network->text());
    FUZZ_CHECK(again && again->text() == network->text());
  }
  if (size >= 4)
    check_v4(std::uint32_t{data[0]} << 24 | std::uint32_t{data[1]} << 16 | std::uint32_t{data[2]} << 8 | data[3]);
  return 0;
}
