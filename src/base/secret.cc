#include "base/secret.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/base64.h"
#include "base/mutex.h"

namespace weir {
namespace {

constexpr std::size_t kShortestSecret = 4;
constexpr std::string_view kMask = "***";

class Registry {
 public:
  void add(std::string form) WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (std::find(forms_.begin(), forms_.end(), form) != forms_.end()) return;
    forms_.push_back(std::move(form));
    // Longest first: a secret that contains another one is masked whole.
    std::sort(forms_.begin(), forms_.end(), [](auto const& a, auto const& b) { return a.size() > b.size(); });
  }
  void mask(std::string& text) const WEIR_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (auto const& form : forms_) {
      for (std::size_t at = text.find(form); at != std::string::npos; at = text.find(form, at + kMask.size()))
        text.replace(at, form.size(), kMask);
    }
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> forms_ WEIR_GUARDED_BY(mutex_);
};

Registry& registry() {
  static Registry* const instance = new Registry;  // never destroyed: destructors of statics may still log
  return *instance;
}

std::string url_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// Masks the password of every `scheme://user:password@host` in the text.
void mask_url_passwords(std::string& text) {
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    std::size_t const begin = at + 3;
    std::size_t end = begin;
    while (end < text.size() && !strchr(" \t\n/?#\"'", text[end])) ++end;
    std::size_t const at_sign = text.rfind('@', end == begin ? begin : end - 1);
    std::size_t const colon = text.find(':', begin);
    if (at_sign == std::string::npos || at_sign < begin) continue;
    if (colon == std::string::npos || colon >= at_sign) {  // of the web: a token that stands alone; else a user
      std::string_view const before = std::string_view(text).substr(0, at);
      if (before.ends_with("http") || before.ends_with("https")) text.replace(begin, at_sign - begin, kMask);
      continue;
    }
    text.replace(colon + 1, at_sign - colon - 1, kMask);
  }
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
  register_secret(value_);
}
Secret::Secret(Secret const&) = default;
Secret& Secret::operator=(Secret const&) = default;
Secret::Secret(Secret&& other) noexcept : value_(other.value_) {
  explicit_bzero(other.value_.data(), other.value_.size()), other.value_.clear();
}
Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    value_ = other.value_;
    explicit_bzero(other.value_.data(), other.value_.size());
    other.value_.clear();
  }
  return *this;
}
Secret::~Secret() {
  explicit_bzero(value_.data(), value_.size());
}

void register_secret(std::string_view value) {
  if (value.size() < kShortestSecret) return;
  registry().add(std::string(value));
  registry().add(url_encoded(value));
  registry().add(base64(value));
  registry().add(json_escaped(value));
}

std::string redact(std::string text) {
  registry().mask(text);
  mask_url_passwords(text);
  return text;
}

}  // namespace weir
