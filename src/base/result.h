#pragma once
// Result<T> is a T or an Error; Status is an Error or nothing. Both are [[nodiscard]].
//
//   WEIR_TRY(auto rows, session.query(sql));   // declares `rows`, or returns the error from this function
//   WEIR_DO(session.execute(sql));             // for a Status
//
// Both macros are statements: they cannot stand as the body of a brace-less `if`.

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"

namespace weir {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}
  template <typename U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result>)
      Result(U&& value)
      : held_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool ok() const { return held_.index() == 0; }
  T& value() & { return assert(ok()), *std::get_if<0>(&held_); }
  T const& value() const& { return assert(ok()), *std::get_if<0>(&held_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&held_)); }
  Error& error() & { return assert(!ok()), *std::get_if<1>(&held_); }
  Error const& error() const& { return assert(!ok()), *std::get_if<1>(&held_); }
  Error&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&held_)); }
  T* operator->() { return &value(); }
  T const* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  T const& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::variant<T, Error> held_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  Error& error() & { return assert(!ok()), *error_; }
  Error const& error() const& { return assert(!ok()), *error_; }
  Error&& error() && { return assert(!ok()), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace weir

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)

#define WEIR_TRY(declaration, ...)                                                \
  auto WEIR_CONCAT(weir_result_, __LINE__) = (__VA_ARGS__);                       \
  if (!WEIR_CONCAT(weir_result_, __LINE__).ok())                                  \
    return ::weir::Error(std::move(WEIR_CONCAT(weir_result_, __LINE__)).error()); \
  declaration = std::move(WEIR_CONCAT(weir_result_, __LINE__)).value()

#define WEIR_DO(...)                                        \
  auto WEIR_CONCAT(weir_status_, __LINE__) = (__VA_ARGS__); \
  if (!WEIR_CONCAT(weir_status_, __LINE__).ok())            \
  return ::weir::Error(std::move(WEIR_CONCAT(weir_status_, __LINE__)).error())
