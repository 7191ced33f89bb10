#pragma once
// What a client of the server sees when a statement fails: SQL Server's error number, severity and state. Outcome is an
// SqlError or nothing; it is one pointer wide, since it comes back from every evaluated expression. (Result and Status
// of base/ are for failures of the server itself.)

#include <memory>
#include <string>

namespace weir::tds {

struct SqlError {
  int number = 50000;
  int severity = 16;
  int state = 1;
  std::string message;
  int line = 1;
};

class [[nodiscard]] Outcome {
 public:
  Outcome() = default;
  Outcome(SqlError error) : error_(std::make_unique<SqlError>(std::move(error))) {}
  bool ok() const { return error_ == nullptr; }
  SqlError& error() { return *error_; }
  SqlError const& error() const { return *error_; }

 private:
  std::unique_ptr<SqlError> error_;
};

inline SqlError sql_error(int number, int severity, std::string message, int state = 1) {
  return SqlError{number, severity, state, std::move(message), 1};
}

}  // namespace weir::tds

// Passes an Outcome's error up. The counter keeps the name apart from that of a lambda inside the expression.
#define TDS_CONCAT_INNER(a, b) a##b
#define TDS_CONCAT(a, b) TDS_CONCAT_INNER(a, b)
#define TDS_DO(...) TDS_DO_AS(TDS_CONCAT(tds_outcome_, __COUNTER__), __VA_ARGS__)
#define TDS_DO_AS(name, ...)                   \
  do {                                         \
    ::weir::tds::Outcome name = (__VA_ARGS__); \
    if (!name.ok()) return name;               \
  } while (false)
