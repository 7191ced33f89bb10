#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace weir {
namespace {

std::string digest_hex(std::string_view data, EVP_MD const* kind) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, kind, nullptr);
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += kHex[digest[i] >> 4U];
    out += kHex[digest[i] & 15U];
  }
  return out;
}

}  // namespace

std::string sha256_hex(std::string_view data) {
  return digest_hex(data, EVP_sha256());
}
std::string sha1_hex(std::string_view data) {
  return digest_hex(data, EVP_sha1());
}
std::string md5_hex(std::string_view data) {
  return digest_hex(data, EVP_md5());
}
std::string hmac_sha256(std::string_view key, std::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<unsigned char const*>(data.data()),
       data.size(), digest, &size);
  return std::string(reinterpret_cast<char const*>(digest), size);
}

}  // namespace weir
