#pragma once
// Passwords of people, kept as what argon2id makes of them: 19 MiB, two passes, one lane (RFC 9106; OWASP's Password
// Storage Cheat Sheet gives that as the least). Both functions take some 20 ms and that memory. The only user of
// libsodium. Any thread.

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// What is kept: parameters, a salt of its own, the hash, as text ($argon2id$v=19$...). Error: Unavailable (no memory).
Result<std::string> hash_password(std::string_view password);

struct PasswordCheck {
  bool fits = false;
  bool is_outdated = false;  // kept with other parameters than hash_password() takes now
};
// `kept`: what hash_password() made. A text that is none fits no password.
PasswordCheck check_password(std::string const& kept, std::string_view password);

}  // namespace weir
