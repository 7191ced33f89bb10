#include "http/gate.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"

namespace weir::http {
namespace {

// The one place where sockets come from: libcurl asks for each address that it is about to connect to.
curl_socket_t open_socket(void* to, curlsocktype, curl_sockaddr* wanted) {
  auto& gate = *static_cast<Gate*>(to);
  auto const address = Address::from(&wanted->addr);
  if (!address || !gate.admits(*address)) {
    if (address) gate.refuse(*address);
    return CURL_SOCKET_BAD;
  }
  return ::socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

}  // namespace

Gate::Gate(Allowed const& allowed, std::string_view host, Own own) : allowed_(allowed), own_(own) {
  any_address_ = std::any_of(allowed.hosts.begin(), allowed.hosts.end(),
                             [&](std::string const& one) { return equals_ignoring_case(one, host); });
}

bool Gate::admits(Address const& address) const {
  auto const kind = kind_of(address);
  bool const is_own = kind == AddressKind::Private || kind == AddressKind::Loopback;
  return any_address_ || kind == AddressKind::Public || (is_own && own_ == Own::Reached) ||
         std::any_of(allowed_.networks.begin(), allowed_.networks.end(),
                     [&](Network const& network) { return network.contains(address); });
}

void guard(CURL* handle, Gate& gate, std::string const& ca_file) {
  curl().setopt(handle, CURLOPT_PROXY, "");
  curl().setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl().setopt(handle, CURLOPT_OPENSOCKETDATA, &gate);
  curl().setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl().setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) curl().setopt(handle, CURLOPT_CAINFO, ca_file.c_str());
  if (!ca_file.empty()) curl().setopt(handle, CURLOPT_CAPATH, nullptr);
  curl().setopt(handle, CURLOPT_NOSIGNAL, 1L);
}

Error guarded_error(CURLcode code, std::string const& doing, std::string const& host, std::string said) {
  auto error = transfer_error(code, doing, host, std::move(said)).object(host);
  if (code == CURLE_COULDNT_CONNECT) error.next("check its address and port and the firewall, or try again later");
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    error.next("if it is a server of your own, name the file of who signed its certificate (ca_file)");
  return error;
}

}  // namespace weir::http
