#pragma once
// Errors are values. An Error is one pointer wide, moves, and carries the four parts that a person at three in the
// morning needs: what failed, where, what the world looks like now, and the next step (plus the cause when it is
// known). Not thread-safe; an Error belongs to one thread at a time.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace weir {

// What kind of failure it is. The kind decides behaviour (retry, exit code), never the text.
enum class ErrorKind {
  Usage,        // the command line is wrong
  Config,       // a file or setting is wrong
  Template,     // a dbt template is wrong
  Sql,          // a database refused a statement for a reason that a retry does not change
  Data,         // a value cannot be held, or a proof failed (row counts differ)
  Denied,       // authentication or permission refused
  Unavailable,  // the other side cannot be reached or went away: worth a retry
  Busy,         // a lock or a resource is held: worth a retry soon
  InDoubt,      // a COMMIT was sent and its answer was lost: look, then decide
  Refused,      // weir will not do it, to protect data
  Cancelled,    // somebody asked to stop
  Internal,     // a bug in weir
};

// "usage", "config", ... as JSON and logs say it.
std::string_view kind_name(ErrorKind kind);
// The kind of that name; nothing if there is none.
std::optional<ErrorKind> error_kind(std::string_view name);

// The program's exit status for an error of this kind: see docs of `weir help exit-codes`.
int exit_code(ErrorKind kind);

class [[nodiscard]] Error {
 public:
  // `message`: lower case, no full stop, names double-quoted; "could not" if a later try may work, "cannot" if not.
  Error(ErrorKind kind, std::string message);
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  // A deep copy; explicit, since an error is rarely needed twice.
  Error clone() const;

  // Builders. Each exists for a named error and for a temporary, so that `return Error(...).next("...")` works.
  Error& object(std::string name) &;  // the object it is about, as the user writes it: dbo.Country
  Error&& object(std::string name) &&;
  Error& where(std::string place) &;  // the place: `weir.yml:12:5`, or a step
  Error&& where(std::string place) &&;
  Error& excerpt(std::string lines) &;  // the line of the file, with a caret line under it
  Error&& excerpt(std::string lines) &&;
  Error& cause(std::string text) &;  // why, when it is known and is not already in the message
  Error&& cause(std::string text) &&;
  Error& state(std::string text) &;  // what the world looks like now
  Error&& state(std::string text) &&;
  Error& next(std::string text) &;  // the next step
  Error&& next(std::string text) &&;
  Error& sqlstate(std::string code) &;  // five characters
  Error&& sqlstate(std::string code) &&;
  Error& endpoint(std::string name) &;  // of the configuration: the one whose database said this, or did not answer
  Error&& endpoint(std::string name) &&;
  Error& context(std::string doing) &;  // adds a layer going up: `loading stream "orders"`
  Error&& context(std::string doing) &&;
  Error& kind(ErrorKind kind) &;

  ErrorKind kind() const;
  std::string const& message() const;
  std::string const& object() const;
  std::string const& where() const;
  std::string const& excerpt() const;
  std::string const& cause() const;
  std::string const& state() const;
  std::string const& next() const;
  std::string const& sqlstate() const;
  std::string const& endpoint() const;
  std::vector<std::string> const& contexts() const;  // innermost first

  // The error as a person reads it: several lines, the last one without a newline, secrets masked.
  //   error: <message> [SQLSTATE 55P03]
  //     while: <contexts, innermost first>
  //     where: ... / cause: ... / state: ... / next: ...
  std::string to_text() const;
  // The same fields as a JSON object, secrets masked.
  nlohmann::ordered_json to_json() const;

 private:
  struct Fields;
  std::unique_ptr<Fields> fields_;
};

}  // namespace weir
