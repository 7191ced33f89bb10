#pragma once
// IP addresses, and what kind of place each one leads to: what keeps a request that somebody else's text leads
// somewhere (a webhook's URL) out of the network that weir itself stands in. Pure; any thread.
//
// Sources: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890), IPv4 multicast (RFC 5771), NAT64
// (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), site-local addresses (RFC 3879), Microsoft's address of an
// Azure host's services (168.63.129.16).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace weir::http {

class Address {
 public:
  // "192.0.2.1", "2001:db8::1"; nothing for any other spelling, names and zones ("%eth0").
  static std::optional<Address> parse(std::string_view text);
  static std::optional<Address> from(sockaddr const* socket);

  bool is_v4() const { return is_v4_; }
  std::string text() const;
  // The IPv4 address that it stands for: itself, or what ::ffff:a.b.c.d, NAT64 and 6to4 hold.
  std::optional<std::uint32_t> as_v4() const;
  // The first or last 64 bits of an IPv6 address.
  std::uint64_t high() const { return word(0); }
  std::uint64_t low() const { return word(8); }
  bool operator==(Address const&) const = default;

 private:
  friend class Network;
  std::uint64_t word(std::size_t at) const;

  std::array<std::uint8_t, 16> bytes_{};  // of IPv4 the first four
  bool is_v4_ = false;
};

enum class AddressKind {
  Public,       // a host of the internet
  Loopback,     // this machine
  Private,      // a network of one's own: RFC 1918, unique local, site-local
  LinkLocal,    // the next cable, and what clouds serve their machines' credentials on
  Shared,       // between a provider and its customers (CGNAT)
  Metadata,     // services of a cloud for its own machines, at an address that looks public
  Multicast,    // many
  Unspecified,  // no address: means this machine to many systems
  Reserved,     // anything else that is no host of the internet: documentation, benchmarks, tunnels, the future
};
AddressKind kind_of(Address const& address);   // of the address that it stands for
std::string_view kind_name(AddressKind kind);  // "a loopback address"

// "10.0.0.0/8", or one address.
class Network {
 public:
  static std::optional<Network> parse(std::string_view text);
  // By the bits; ::ffff:10.0.0.1 is in 10.0.0.0/8, too.
  bool contains(Address const& address) const;
  std::string text() const;

 private:
  Address base_;
  unsigned bits_ = 0;
};

}  // namespace weir::http
