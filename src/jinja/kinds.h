#pragma once
// The kinds that only the engine looks into, and what the parts of the engine ask of each other about values.

#include <string>

#include "jinja/environment.h"
#include "jinja/value.h"

namespace weir::jinja {

class Bytes final : public Shared {
 public:
  explicit Bytes(std::string bytes) : data(std::move(bytes)) {}
  std::string const data;
};

class UndefinedInfo final : public Shared {
 public:
  Value name = Value::missing();  // of the variable or attribute, or the key of the item
  std::string owner;              // "dict object": what has no such attribute; "" for a variable
  std::string hint;               // says it all
  bool is_unsafe = false;         // an attribute that the sandbox hides: SecurityError
  UndefinedPolicy policy = UndefinedPolicy::Lenient;

  std::string message() const;
  Failure failure() const;
};
UndefinedInfo const& undefined_info(Value const& value);

// How much of the thread's stack is left. A render sets the bounds (StackBounds); outside of one there is no limit.
class StackGuard {
 public:
  bool is_low() const;
};
class StackBounds {
 public:
  StackBounds();
  ~StackBounds();
  StackBounds(StackBounds const&) = delete;

 private:
  std::uintptr_t outer_;
};
Failure too_deep();  // RecursionError

// Text in Python's quotes.
void append_quoted(std::string& out, std::string_view text);
void append_escape(std::string& out, std::uint32_t character);
void append_bytes(std::string& out, std::string_view data);

// Numbers of any kind, bools too: -1, 0, 1; nothing where one is NaN.
std::optional<int> compare_numbers(Value const& a, Value const& b);

// decimal.h and times.h
std::uint64_t hash_of_decimal(Value const& value);
bool is_zero_decimal(Value const& value);
std::string decimal_text(Value const& value);
bool equal_times(Value const& a, Value const& b);
Outcome<std::uint64_t> hash_of_time(Value const& value);
bool is_zero_time_delta(Value const& value);
std::string time_text(Value const& value);
std::string time_repr(Value const& value);

}  // namespace weir::jinja
