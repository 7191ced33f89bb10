#pragma once
// Which addresses an exchange may reach, judged at the moment at which its socket is opened. Private to http.

#include <optional>
#include <string>
#include <string_view>

#include "http/address.h"
#include "http/curl.h"
#include "http/post.h"

namespace weir::http {

class Gate {
 public:
  enum class Own { Refused, Reached };  // networks of one's own, and this machine

  // `host`: the one that is asked for, as a URL has it. `allowed` outlives this.
  Gate(Allowed const& allowed, std::string_view host, Own own = Own::Refused);

  bool admits(Address const& address) const;
  void refuse(Address const& address) { refused_ = address; }
  std::optional<Address> const& refused() const { return refused_; }

 private:
  Allowed const& allowed_;
  bool any_address_ = false;  // the host is one of those allowed
  Own own_;
  std::optional<Address> refused_;
};

// What every exchange that says something to somebody has: this gate, no proxy, certificates verified (`ca_file`: by
// those authorities alone). `gate` outlives the handle's use.
void guard(CURL* handle, Gate& gate, std::string const& ca_file);
// transfer_error(), with the next steps of such an exchange.
Error guarded_error(CURLcode code, std::string const& doing, std::string const& host, std::string said);

}  // namespace weir::http
