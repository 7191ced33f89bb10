#include "base/password.h"

#include <sodium.h>

#include <array>

namespace weir {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemoryBytes = 19U << 20U;

// Once, before anything else of libsodium; it fails where there is no random generator alone, which salts need.
bool is_ready() {
  static bool const ready = sodium_init() >= 0;
  return ready;
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  std::array<char, crypto_pwhash_argon2id_STRBYTES> kept{};
  if (!is_ready() ||
      crypto_pwhash_argon2id_str(kept.data(), password.data(), password.size(), kPasses, kMemoryBytes) != 0)
    return Error(ErrorKind::Unavailable, "could not hash a password: no memory is left")
        .state("nothing was changed")
        .next("try again; it takes 19 MiB");
  return std::string(kept.data());
}

PasswordCheck check_password(std::string const& kept, std::string_view password) {
  PasswordCheck check;
  check.fits = is_ready() && kept.size() < crypto_pwhash_argon2id_STRBYTES &&
               crypto_pwhash_argon2id_str_verify(kept.c_str(), password.data(), password.size()) == 0;
  check.is_outdated = check.fits && crypto_pwhash_argon2id_str_needs_rehash(kept.c_str(), kPasses, kMemoryBytes) != 0;
  return check;
}

}  // namespace weir
