#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace weir::http {
namespace {

struct RangeV4 {
  std::uint32_t base;
  unsigned bits;
  AddressKind kind;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr RangeV4 kRangesV4[] = {
    {v4(0, 0, 0, 0), 8, AddressKind::Unspecified},
    {v4(10, 0, 0, 0), 8, AddressKind::Private},
    {v4(100, 64, 0, 0), 10, AddressKind::Shared},
    {v4(127, 0, 0, 0), 8, AddressKind::Loopback},
    {v4(168, 63, 129, 16), 32, AddressKind::Metadata},
    {v4(169, 254, 0, 0), 16, AddressKind::LinkLocal},
    {v4(172, 16, 0, 0), 12, AddressKind::Private},
    {v4(192, 0, 0, 0), 24, AddressKind::Reserved},    // IETF protocol assignments
    {v4(192, 0, 2, 0), 24, AddressKind::Reserved},    // documentation
    {v4(192, 88, 99, 0), 24, AddressKind::Reserved},  // relays of 6to4
    {v4(192, 168, 0, 0), 16, AddressKind::Private},
    {v4(198, 18, 0, 0), 15, AddressKind::Reserved},    // benchmarks
    {v4(198, 51, 100, 0), 24, AddressKind::Reserved},  // documentation
    {v4(203, 0, 113, 0), 24, AddressKind::Reserved},   // documentation
    {v4(224, 0, 0, 0), 4, AddressKind::Multicast},
    {v4(240, 0, 0, 0), 4, AddressKind::Reserved},  // the future, and broadcast
};

struct RangeV6 {
  std::uint64_t high;  // the first 64 bits
  unsigned bits;
  AddressKind kind;
};

constexpr RangeV6 kRangesV6[] = {
    {0x2001'0000'0000'0000, 23, AddressKind::Reserved},  // IETF protocol assignments: Teredo, ORCHID, benchmarks
    {0x2001'0db8'0000'0000, 32, AddressKind::Reserved},  // documentation
    {0x3fff'0000'0000'0000, 20, AddressKind::Reserved},  // documentation
    {0x2000'0000'0000'0000, 3, AddressKind::Public},     {0xfc00'0000'0000'0000, 7, AddressKind::Private},
    {0xfe80'0000'0000'0000, 10, AddressKind::LinkLocal}, {0xfec0'0000'0000'0000, 10, AddressKind::Private},
    {0xff00'0000'0000'0000, 8, AddressKind::Multicast},
};

AddressKind kind_of_v4(std::uint32_t address) {
  for (auto const& range : kRangesV4)
    if ((address ^ range.base) >> (32 - range.bits) == 0) return range.kind;
  return AddressKind::Public;
}

AddressKind kind_of_v6(Address const& address) {
  if (address.high() == 0 && address.low() == 0) return AddressKind::Unspecified;
  if (address.high() == 0 && address.low() == 1) return AddressKind::Loopback;
  for (auto const& range : kRangesV6)
    if ((address.high() ^ range.high) >> (64 - range.bits) == 0) return range.kind;
  return AddressKind::Reserved;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  std::string const copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  Address address;
  address.is_v4_ = text.find(':') == std::string_view::npos;
  if (inet_pton(address.is_v4_ ? AF_INET : AF_INET6, copy.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  return address;
}

std::optional<Address> Address::from(sockaddr const* socket) {
  Address address;
  if (socket->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket, sizeof v4);
    std::memcpy(address.bytes_.data(), &v4.sin_addr, sizeof v4.sin_addr);
    address.is_v4_ = true;
    return address;
  }
  if (socket->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, socket, sizeof v6);
  std::memcpy(address.bytes_.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  return address;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

std::uint64_t Address::word(std::size_t at) const {
  std::uint64_t word = 0;
  for (std::size_t i = at; i < at + 8; ++i) word = word << 8 | bytes_[i];
  return word;
}

std::optional<std::uint32_t> Address::as_v4() const {
  if (is_v4_) return static_cast<std::uint32_t>(high() >> 32);
  bool const is_mapped = high() == 0 && low() >> 32 == 0xffff;
  bool const is_nat64 = high() == 0x0064'ff9b'0000'0000 && low() >> 32 == 0;
  if (is_mapped || is_nat64) return static_cast<std::uint32_t>(low());
  if (high() >> 48 == 0x2002) return static_cast<std::uint32_t>(high() >> 16);
  return std::nullopt;
}

AddressKind kind_of(Address const& address) {
  auto const embedded = address.as_v4();
  return embedded ? kind_of_v4(*embedded) : kind_of_v6(address);
}

std::string_view kind_name(AddressKind kind) {
  switch (kind) {
    case AddressKind::Public:
      return "a public address";
    case AddressKind::Loopback:
      return "a loopback address";
    case AddressKind::Private:
      return "a private address";
    case AddressKind::LinkLocal:
      return "a link-local address";
    case AddressKind::Shared:
      return "an address between a provider and its customers";
    case AddressKind::Metadata:
      return "an address of a cloud's own services";
    case AddressKind::Multicast:
      return "a multicast address";
    case AddressKind::Unspecified:
      return "an unspecified address";
    case AddressKind::Reserved:
      return "a reserved address";
  }
  return "";
}

std::optional<Network> Network::parse(std::string_view text) {
  auto const slash = text.find('/');
  auto const base = Address::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network;
  network.base_ = *base;
  network.bits_ = base->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return network;
  auto const bits = parse_int(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > network.bits_) return std::nullopt;
  network.bits_ = static_cast<unsigned>(*bits);
  return network;
}

bool Network::contains(Address const& address) const {
  Address other = address;
  bool const is_mapped = !address.is_v4() && address.high() == 0 && address.low() >> 32 == 0xffff;
  if (base_.is_v4() && is_mapped) {
    std::copy_n(address.bytes_.begin() + 12, 4, other.bytes_.begin());
    other.is_v4_ = true;
  }
  if (other.is_v4() != base_.is_v4()) return false;
  unsigned bit = 0;
  for (; bit + 8 <= bits_; bit += 8)
    if (other.bytes_[bit / 8] != base_.bytes_[bit / 8]) return false;
  return bit == bits_ || (other.bytes_[bit / 8] ^ base_.bytes_[bit / 8]) >> (8 - (bits_ - bit)) == 0;
}

std::string Network::text() const {
  return base_.text() + "/" + std::to_string(bits_);
}

}  // namespace weir::http
