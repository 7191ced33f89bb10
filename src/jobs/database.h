#pragma once
// The database behind the state, as little of it as the store needs. Two kinds: SQLite (sqlite.h), PostgreSQL
// (postgres.h). SQL says $1, $2, ... for values in both, and each value as often as it likes. A Database belongs to one
// thread at a time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::jobs {

// NULL, a number, a text.
class Value {
 public:
  Value() = default;
  Value(std::int64_t number) : held_(number) {}
  Value(std::string text) : held_(std::move(text)) {}
  Value(std::string_view text) : held_(std::string(text)) {}
  Value(char const* text) : held_(std::string(text)) {}
  Value(Instant at) : held_(static_cast<std::int64_t>(at.time_since_epoch().count())) {}
  template <typename T>
  Value(std::optional<T> const& maybe) : Value(maybe ? Value(*maybe) : Value()) {}

  bool is_null() const { return held_.index() == 0; }
  std::int64_t const* number() const { return std::get_if<std::int64_t>(&held_); }
  std::string const* text() const { return std::get_if<std::string>(&held_); }

 private:
  std::variant<std::monostate, std::int64_t, std::string> held_;
};

class Rows {
 public:
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  void add(std::vector<Value> row) { rows_.push_back(std::move(row)); }

  bool is_null(std::size_t row, std::size_t column) const { return rows_[row][column].is_null(); }
  // NULL is 0, "" and the beginning of 1970.
  std::int64_t number(std::size_t row, std::size_t column) const;
  std::string text(std::size_t row, std::size_t column) const;
  Instant instant(std::size_t row, std::size_t column) const { return Instant(Duration(number(row, column))); }
  // Nothing for NULL.
  std::optional<std::int64_t> maybe_number(std::size_t row, std::size_t column) const {
    return is_null(row, column) ? std::nullopt : std::optional(number(row, column));
  }
  std::optional<Instant> maybe_instant(std::size_t row, std::size_t column) const {
    return is_null(row, column) ? std::nullopt : std::optional(instant(row, column));
  }

 private:
  std::vector<std::vector<Value>> rows_;
};

class Database {
 public:
  virtual ~Database() = default;
  // One statement. Errors: Busy and Unavailable (try again), Config (a full disk, a damaged file), Internal.
  virtual Result<Rows> query(std::string_view sql, std::vector<Value> const& values = {}) = 0;
  virtual Status script(std::string_view sql) = 0;  // several statements without values
  // A transaction that may write: nobody else's is open beside it.
  virtual Status begin() = 0;
  virtual Status commit() = 0;
  virtual void rollback() = 0;
  // What is read until rollback() is of one moment, where others may write meanwhile.
  virtual Status begin_look() { return {}; }
  // The time that leases are measured by.
  virtual Result<std::int64_t> now_us() = 0;
};

}  // namespace weir::jobs
