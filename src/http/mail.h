#pragma once
// Hands a message to a mail server (SMTP, RFC 5321), by the rules of post.h, but for one: a mail server usually stands
// in one's own network or on this machine, so that private and loopback addresses are reached without being allowed.
// Link-local, metadata and the other special ones are not. Encryption that was asked for and is not to be had ends it
// before a login or a message is sent; certificates are always verified. What the server says is never shown but its
// status. Blocks; any thread.

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/post.h"

namespace weir::http {

enum class MailTls { Off, StartTls, Implicit };

struct MailRequest {
  std::string host;
  int port = 0;  // 0: 25, 587 or 465, by `tls`
  MailTls tls = MailTls::StartTls;
  std::string user = {}, password = {};  // "": no login
  std::string from;                      // addresses without names
  std::vector<std::string> to;
  std::string message;  // RFC 5322, lines ended by CRLF
  Allowed allowed = {};
  std::string ca_file = {};
  std::chrono::milliseconds time = std::chrono::seconds(30);
  std::chrono::milliseconds connect_time = std::chrono::seconds(10);
  std::stop_token stop = {};
};

struct Mailed {
  std::string to;  // "smtp://mail.example:587"
  int status = 0;  // the one that it refused with, if it did: 550
  Delivery delivery = Delivery::Refused;
  bool at_login = false;      // it was the login that it refused
  int refused_receivers = 0;  // Done: so many of them it would not take; the others have it
};

// Errors: Config (no host, no encryption), Refused (an address that is not reached), Unavailable, Denied (a certificate
// that cannot be trusted), Cancelled. A server that refuses the login, the sender, all receivers or the message is a
// Mailed.
Result<Mailed> send_mail(MailRequest const& request);

}  // namespace weir::http
