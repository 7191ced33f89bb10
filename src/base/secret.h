#pragma once
// Secrets, and the one filter that keeps them out of everything weir writes. A Secret has no operator<<, no conversion
// to a string except reveal() at a driver's border, and wipes its memory. Every Secret that lives registers its value:
// redact() masks all of them, plus passwords in connection URLs, in any text. Thread-safe.

#include <string>
#include <string_view>

namespace weir {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  Secret(Secret const&);
  Secret& operator=(Secret const&);
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret&&) noexcept;
  ~Secret();

  bool empty() const { return value_.empty(); }
  // The value itself. Only for handing it to a driver; the view lives as long as this Secret.
  std::string const& reveal() const { return value_; }

 private:
  std::string value_;
};

// Masks a value in every later redact(), for the life of the process. Also masks its URL-encoded, base64 and
// JSON-escaped forms. Values shorter than 4 bytes are not registered: masking them would garble every text.
void register_secret(std::string_view value);

// `text` with every registered secret, and every `scheme://user:password@` password, replaced by `***`.
std::string redact(std::string text);

}  // namespace weir
