#pragma once
// How something in a template fails: the class that Python or Jinja2 would raise, the message, the place, and the
// macros that were being called. A Failure is one pointer wide and belongs to one thread at a time. Outcome<T> is a T
// or a Failure, as Result<T> is a T or an Error; a Failure turns into an Error where the engine's host wants one.
//
//   JINJA_TRY(auto text, to_text(state, value));   // like WEIR_TRY, but hands on the failure as it is
//   JINJA_DO(f());

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace weir::jinja {

class Value;

enum class FailureType : std::uint8_t {
  Host,  // an error that a host function returned; its ErrorKind is kept
  TemplateSyntaxError,
  TemplateAssertionError,
  TemplateRuntimeError,
  TemplateNotFound,
  UndefinedError,
  SecurityError,
  FilterArgumentError,
  TypeError,
  ValueError,
  LookupError,
  KeyError,
  IndexError,
  AttributeError,
  ZeroDivisionError,
  OverflowError,
  RecursionError,
  RuntimeError,
  MemoryError,
  StopIteration,
  NotImplementedError,
  AssertionError,
  UnicodeError,
  DecimalError,  // decimal.InvalidOperation and its kin
  RegexError,    // re.error
  ZoneError,     // pytz.UnknownTimeZoneError
  Limit,         // the render's own limits: steps, bytes, depth
  Return,        // no failure: `return(x)` on its way out of a macro; value() is x
};
std::string_view type_name(FailureType type);  // "UndefinedError", "decimal.InvalidOperation", "re.error", ...

// A stretch of a template's text. Lines and columns count from 1; a column is a character.
struct Place {
  std::string template_name;
  int line = 0, column = 0;
  int end_line = 0, end_column = 0;  // behind the last character
  std::string excerpt;               // the first line with its number, and a caret line under it

  std::string text() const;  // models/a.sql:12:5, or "" where there is no place
};

// A macro that was being carried out when something failed.
struct MacroCall {
  std::string macro;          // its name; "caller" for the body of a call block
  std::string template_name;  // where it is defined
  Place called_from;
};

class [[nodiscard]] Failure {
 public:
  Failure(FailureType type, std::string message);
  Failure(Error error);                   // type Host
  static Failure exit_with(Value value);  // FailureType::Return
  Failure(Failure&&) noexcept;
  Failure& operator=(Failure&&) noexcept;
  ~Failure();

  FailureType type() const;
  std::string const& message() const;
  Place const& place() const;                   // innermost
  std::vector<MacroCall> const& calls() const;  // innermost first
  Value& value();                               // of a Return

  // For the engine, on the way up: the first place stays.
  bool has_place() const;
  void set_place(Place place);
  void add_call(MacroCall call);

  // With place and excerpt in where() and excerpt(), and one context a macro: `in macro "x" (macros/x.sql)`. A host's
  // error keeps its kind, SQLSTATE and the rest; everything else is ErrorKind::Template.
  Error to_error() &&;
  operator Error() && { return std::move(*this).to_error(); }

 private:
  struct Fields;
  std::unique_ptr<Fields> fields_;
};

template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Failure failure) : held_(std::in_place_index<1>, std::move(failure)) {}
  Outcome(Error error) : held_(std::in_place_index<1>, Failure(std::move(error))) {}
  template <typename U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Failure> &&
           !std::is_same_v<std::remove_cvref_t<U>, Outcome>) Outcome(U&& value)
      : held_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool ok() const { return held_.index() == 0; }
  T& value() & { return assert(ok()), *std::get_if<0>(&held_); }
  T const& value() const& { return assert(ok()), *std::get_if<0>(&held_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&held_)); }
  Failure& error() & { return assert(!ok()), *std::get_if<1>(&held_); }
  Failure const& error() const& { return assert(!ok()), *std::get_if<1>(&held_); }
  Failure&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&held_)); }
  T* operator->() { return &value(); }
  T const* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  T const& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::variant<T, Failure> held_;
};

struct Done {};  // Outcome<Done>: it worked, or the failure

}  // namespace weir::jinja

#define JINJA_TRY(declaration, ...)                                                                                 \
  auto WEIR_CONCAT(jinja_outcome_, __LINE__) = (__VA_ARGS__);                                                       \
  if (!WEIR_CONCAT(jinja_outcome_, __LINE__).ok()) return std::move(WEIR_CONCAT(jinja_outcome_, __LINE__)).error(); \
  declaration = std::move(WEIR_CONCAT(jinja_outcome_, __LINE__)).value()

#define JINJA_DO(...)                                        \
  auto WEIR_CONCAT(jinja_status_, __LINE__) = (__VA_ARGS__); \
  if (!WEIR_CONCAT(jinja_status_, __LINE__).ok()) return std::move(WEIR_CONCAT(jinja_status_, __LINE__)).error()
