// Which addresses are hosts of the internet: one row a range, at its edges, and in every disguise that an IPv4 address
// has.
#include "http/address.h"

#include <gtest/gtest.h>

#include <utility>

namespace weir::http {
namespace {

using Kind = AddressKind;

TEST(HttpAddress, Kinds) {
  std::pair<char const*, Kind> const kRows[] = {
      {"0.0.0.0", Kind::Unspecified},
      {"0.255.255.255", Kind::Unspecified},
      {"1.0.0.0", Kind::Public},
      {"9.255.255.255", Kind::Public},
      {"10.0.0.0", Kind::Private},
      {"10.255.255.255", Kind::Private},
      {"11.0.0.0", Kind::Public},
      {"100.63.255.255", Kind::Public},
      {"100.64.0.0", Kind::Shared},
      {"100.100.100.200", Kind::Shared},
      {"100.127.255.255", Kind::Shared},
      {"100.128.0.0", Kind::Public},
      {"126.255.255.255", Kind::Public},
      {"127.0.0.1", Kind::Loopback},
      {"127.255.255.255", Kind::Loopback},
      {"128.0.0.0", Kind::Public},
      {"168.63.129.15", Kind::Public},
      {"168.63.129.16", Kind::Metadata},
      {"168.63.129.17", Kind::Public},
      {"169.253.255.255", Kind::Public},
      {"169.254.169.254", Kind::LinkLocal},
      {"169.255.0.0", Kind::Public},
      {"172.15.255.255", Kind::Public},
      {"172.16.0.0", Kind::Private},
      {"172.31.255.255", Kind::Private},
      {"172.32.0.0", Kind::Public},
      {"192.0.0.192", Kind::Reserved},
      {"192.0.1.0", Kind::Public},
      {"192.0.2.1", Kind::Reserved},
      {"192.88.99.1", Kind::Reserved},
      {"192.167.255.255", Kind::Public},
      {"192.168.0.0", Kind::Private},
      {"192.168.255.255", Kind::Private},
      {"192.169.0.0", Kind::Public},
      {"198.17.255.255", Kind::Public},
      {"198.18.0.0", Kind::Reserved},
      {"198.19.255.255", Kind::Reserved},
      {"198.20.0.0", Kind::Public},
      {"198.51.100.7", Kind::Reserved},
      {"203.0.113.7", Kind::Reserved},
      {"223.255.255.255", Kind::Public},
      {"224.0.0.1", Kind::Multicast},
      {"239.255.255.255", Kind::Multicast},
      {"240.0.0.0", Kind::Reserved},
      {"255.255.255.255", Kind::Reserved},
      {"8.8.8.8", Kind::Public},

      {"::", Kind::Unspecified},
      {"::1", Kind::Loopback},
      {"::2", Kind::Reserved},
      {"::7f00:1", Kind::Reserved},  // compatible with IPv4, as it was once
      {"::ffff:0:7f00:1", Kind::Reserved},
      {"64:ff9b:1::a00:1", Kind::Reserved},
      {"100::1", Kind::Reserved},
      {"1fff:ffff::1", Kind::Reserved},
      {"2000::1", Kind::Public},
      {"2001::1", Kind::Reserved},  // Teredo
      {"2001:1ff:ffff::1", Kind::Reserved},
      {"2001:200::1", Kind::Public},
      {"2001:db7:ffff::1", Kind::Public},
      {"2001:db8::1", Kind::Reserved},
      {"2001:db9::1", Kind::Public},
      {"2606:4700:4700::1111", Kind::Public},
      {"3ffe:ffff::1", Kind::Public},
      {"3fff::1", Kind::Reserved},
      {"3fff:fff:ffff::1", Kind::Reserved},
      {"3fff:1000::1", Kind::Public},
      {"4000::1", Kind::Reserved},
      {"5f00::1", Kind::Reserved},
      {"fbff:ffff::1", Kind::Reserved},
      {"fc00::1", Kind::Private},
      {"fd00:ec2::254", Kind::Private},
      {"fdff:ffff::1", Kind::Private},
      {"fe00::1", Kind::Reserved},
      {"fe80::1", Kind::LinkLocal},
      {"febf:ffff::1", Kind::LinkLocal},
      {"fec0::1", Kind::Private},
      {"feff:ffff::1", Kind::Private},
      {"ff02::1", Kind::Multicast},
  };
  for (auto const& [text, kind] : kRows) {
    auto const address = Address::parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(kind_of(*address), kind) << text << " is " << kind_name(kind_of(*address));
    EXPECT_EQ(Address::parse(address->text()), address) << text;
  }
}

TEST(HttpAddress, WhatHoldsAnIpv4AddressIsJudgedByIt) {
  std::pair<char const*, Kind> const kRows[] = {
      {"::ffff:127.0.0.1", Kind::Loopback},
      {"::ffff:a9fe:a9fe", Kind::LinkLocal},
      {"::ffff:8.8.8.8", Kind::Public},
      {"64:ff9b::10.0.0.1", Kind::Private},
      {"64:ff9b::169.254.169.254", Kind::LinkLocal},
      {"64:ff9b::808:808", Kind::Public},
      {"2002:7f00:1::1", Kind::Loopback},
      {"2002:c0a8:101:1::1", Kind::Private},
      {"2002:6440:1::", Kind::Shared},
      {"2002:808:808::1", Kind::Public},
  };
  for (auto const& [text, kind] : kRows) EXPECT_EQ(kind_of(Address::parse(text).value()), kind) << text;
}

TEST(HttpAddress, Spellings) {
  for (auto const* text : {"", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1 ", "fe80::1%eth0", "[::1]",
                           "localhost", "1.2.3.4.5", "::ffff:1.2.3", "256.0.0.1"})
    EXPECT_EQ(Address::parse(text), std::nullopt) << text;
  EXPECT_EQ(Address::parse(std::string_view("127.0.0.1\0", 10)), std::nullopt);
}

TEST(HttpAddress, Networks) {
  auto const contains = [](char const* network, char const* address) {
    return Network::parse(network).value().contains(Address::parse(address).value());
  };
  EXPECT_TRUE(contains("10.1.0.0/16", "10.1.255.255"));
  EXPECT_FALSE(contains("10.1.0.0/16", "10.2.0.0"));
  EXPECT_TRUE(contains("10.1.2.3/20", "10.1.15.255"));
  EXPECT_FALSE(contains("10.1.2.3/20", "10.1.16.0"));
  EXPECT_TRUE(contains("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(contains("10.1.2.3", "10.1.2.2"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.7"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("fd00:1::/33", "fd00:1:7fff::1"));
  EXPECT_FALSE(contains("fd00:1::/33", "fd00:1:8000::1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "64:ff9b::10.0.0.1"));
  EXPECT_EQ(Network::parse("10.1.0.0/16")->text(), "10.1.0.0/16");
  EXPECT_EQ(Network::parse("::1")->text(), "::1/128");
  for (auto const* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::/129", "corp", "10.0.0.0/8/8"})
    EXPECT_FALSE(Network::parse(text).has_value()) << text;
}

}  // namespace
}  // namespace weir::http
